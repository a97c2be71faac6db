//! Assertions on received spans.

use std::fmt;

use serde_json::Value;

use crate::{ReceivedSpan, render_tree};

/// Starts assertions on `spans`. A failed assertion panics and shows the tree of all spans.
///
/// ```no_run
/// use sentry_genai_testkit::{ReceivedSpan, assert_spans};
///
/// # fn check(spans: &[ReceivedSpan]) {
/// let spans = assert_spans(spans);
/// let agent = spans.one("invoke_agent Weather Agent").is_segment();
/// spans
///     .one("chat gpt-5-mini")
///     .has_op("gen_ai.chat")
///     .is_child_of(&agent)
///     .in_conversation("conv_01J")
///     .has("gen_ai.usage.input_tokens", 42)
///     .lacks("gen_ai.input.messages")
///     .is_ok();
/// # }
/// ```
#[must_use]
pub fn assert_spans(spans: &[ReceivedSpan]) -> SpansAssert<'_> {
    SpansAssert { spans }
}

/// Assertions on a set of spans; see [`assert_spans`].
#[derive(Clone, Copy, Debug)]
pub struct SpansAssert<'a> {
    spans: &'a [ReceivedSpan],
}

impl<'a> SpansAssert<'a> {
    /// Asserts that there are exactly `expected` spans.
    ///
    /// # Panics
    ///
    /// Panics if there are more or fewer.
    #[track_caller]
    pub fn count(self, expected: usize) -> Self {
        let count = self.spans.len();
        self.check(count == expected, || {
            format!("{count} spans, expected {expected}")
        });
        self
    }

    /// Asserts that exactly one span is called `name`, and returns assertions on it.
    ///
    /// # Panics
    ///
    /// Panics if there is none, or more than one.
    #[track_caller]
    pub fn one(self, name: &str) -> SpanAssert<'a> {
        let found = self.named(name);
        self.check(found.len() == 1, || {
            format!("{} spans are called {name:?}, expected one", found.len())
        });
        found[0]
    }

    /// Asserts that exactly `count` spans are called `name`, and returns assertions on them in the order of their start.
    ///
    /// # Panics
    ///
    /// Panics if there are more or fewer.
    #[track_caller]
    pub fn many(self, name: &str, count: usize) -> Vec<SpanAssert<'a>> {
        let found = self.named(name);
        self.check(found.len() == count, || {
            format!(
                "{} spans are called {name:?}, expected {count}",
                found.len()
            )
        });
        found
    }

    /// Asserts that no span is called `name`.
    ///
    /// # Panics
    ///
    /// Panics if there is one.
    #[track_caller]
    pub fn none(self, name: &str) -> Self {
        self.check(self.named(name).is_empty(), || {
            format!("a span is called {name:?}")
        });
        self
    }

    /// Returns the spans called `name` in the order of their start.
    fn named(self, name: &str) -> Vec<SpanAssert<'a>> {
        let found = self.spans.iter().filter(|span| span.name == name);
        let mut found: Vec<_> = found.map(|span| SpanAssert { span, all: self }).collect();
        found.sort_by(|a, b| a.span.start.total_cmp(&b.span.start));
        found
    }

    #[track_caller]
    fn check(self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            panic!("{}\n\n{}", fault(), render_tree(self.spans));
        }
    }
}

/// Assertions on one span; see [`assert_spans`].
#[derive(Clone, Copy)]
pub struct SpanAssert<'a> {
    span: &'a ReceivedSpan,
    all: SpansAssert<'a>,
}

impl<'a> SpanAssert<'a> {
    /// Returns the span itself, for what the assertions do not cover.
    #[must_use]
    pub fn span(self) -> &'a ReceivedSpan {
        self.span
    }

    /// Asserts the operation, such as `gen_ai.chat`.
    ///
    /// # Panics
    ///
    /// Panics if the span has another operation, or none.
    #[track_caller]
    pub fn has_op(self, op: &str) -> Self {
        self.has("sentry.op", op)
    }

    /// Asserts the value of an attribute.
    ///
    /// # Panics
    ///
    /// Panics if the attribute is missing or has another value.
    #[track_caller]
    pub fn has(self, key: &str, expected: impl Into<Value>) -> Self {
        let expected = expected.into();
        let value = self.span.attr(key);
        self.check(value == Some(&expected), || match value {
            Some(value) => format!("{key} is {value}, expected {expected}"),
            None => format!("{key} is missing, expected {expected}"),
        })
    }

    /// Asserts that an attribute is absent.
    ///
    /// # Panics
    ///
    /// Panics if the attribute is present, whatever its value.
    #[track_caller]
    pub fn lacks(self, key: &str) -> Self {
        let value = self.span.attr(key);
        self.check(!self.span.attributes.contains_key(key), || {
            let value = value.unwrap_or(&Value::Null);
            format!("{key} is {value}, expected none")
        })
    }

    /// Asserts that `parent` is the parent of the span, in the same trace.
    ///
    /// # Panics
    ///
    /// Panics if the span has another parent, or none.
    #[track_caller]
    pub fn is_child_of(self, parent: &SpanAssert<'_>) -> Self {
        let parent = parent.span;
        let is_child = self.span.trace_id == parent.trace_id
            && self.span.parent_span_id.as_ref() == Some(&parent.span_id);
        self.check(is_child, || format!("not a child of {:?}", parent.name))
    }

    /// Asserts that the span is the root of its segment.
    ///
    /// # Panics
    ///
    /// Panics if it is not.
    #[track_caller]
    pub fn is_segment(self) -> Self {
        self.check(self.span.is_segment, || "not a segment".to_owned())
    }

    /// Asserts the conversation that the span belongs to.
    ///
    /// # Panics
    ///
    /// Panics if the span belongs to another conversation, or to none.
    #[track_caller]
    pub fn in_conversation(self, id: &str) -> Self {
        self.has("gen_ai.conversation.id", id)
    }

    /// Asserts that the operation failed.
    ///
    /// # Panics
    ///
    /// Panics if it did not.
    #[track_caller]
    pub fn is_error(self) -> Self {
        self.check(self.span.is_error(), || "not an error".to_owned())
    }

    /// Asserts that the operation succeeded.
    ///
    /// # Panics
    ///
    /// Panics if it did not.
    #[track_caller]
    pub fn is_ok(self) -> Self {
        self.check(self.span.status == "ok", || "not ok".to_owned())
    }

    #[track_caller]
    fn check(self, holds: bool, fault: impl FnOnce() -> String) -> Self {
        self.all
            .check(holds, || format!("span {:?}: {}", self.span.name, fault()));
        self
    }
}

impl fmt::Debug for SpanAssert<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("SpanAssert")
            .field(self.span)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::assert_spans;
    use crate::{ReceivedSpan, sample};

    #[test]
    fn true_assertions_pass() {
        let spans = sample::weather_agent();
        let spans = assert_spans(&spans).count(5).none("chat gpt-4o");
        let agent = spans.one("invoke_agent Weather Agent");
        let request = spans
            .one("POST /ask")
            .is_segment()
            .is_ok()
            .lacks("gen_ai.tool.name");
        agent.is_child_of(&request).in_conversation("conv_01J");
        let tool = spans.one("execute_tool get_weather");
        tool.is_error()
            .has_op("gen_ai.execute_tool")
            .is_child_of(&agent);
        let chats = spans.many("chat gpt-5-mini", 2);
        chats[0].has("gen_ai.usage.input_tokens", 42);
        assert!(chats[0].span().end < chats[1].span().start);
    }

    #[test]
    fn a_failed_assertion_shows_the_tree() {
        type Check = fn(&[ReceivedSpan]);
        let checks: &[(&str, Check)] = &[
            ("5 spans, expected 4", |it| {
                assert_spans(it).count(4);
            }),
            ("0 spans are called \"nobody\"", |it| {
                assert_spans(it).one("nobody");
            }),
            (
                "2 spans are called \"chat gpt-5-mini\", expected one",
                |it| {
                    assert_spans(it).one("chat gpt-5-mini");
                },
            ),
            ("2 spans are called \"chat gpt-5-mini\", expected 3", |it| {
                assert_spans(it).many("chat gpt-5-mini", 3);
            }),
            ("a span is called \"POST /ask\"", |it| {
                assert_spans(it).none("POST /ask");
            }),
            ("sentry.op is \"http.server\", expected \"x\"", |it| {
                request(it).has_op("x");
            }),
            ("a is missing, expected 1", |it| {
                request(it).has("a", 1);
            }),
            ("sentry.op is \"http.server\", expected none", |it| {
                request(it).lacks("sentry.op");
            }),
            ("not a child of \"POST /ask\"", |it| {
                request(it).is_child_of(&request(it));
            }),
            ("not an error", |it| {
                request(it).is_error();
            }),
            ("not ok", |it| {
                tool(it).is_ok();
            }),
            ("not a segment", |it| {
                tool(it).is_segment();
            }),
            ("expected \"other\"", |it| {
                request(it).in_conversation("other");
            }),
        ];
        let spans = sample::weather_agent();
        for (fault, check) in checks {
            let panicked = panic::catch_unwind(|| check(&spans)).unwrap_err();
            let message = panicked.downcast_ref::<String>().unwrap();
            assert!(message.contains(fault), "{message}");
            assert!(
                message.contains("└─ invoke_agent Weather Agent"),
                "{message}"
            );
        }
    }

    fn tool(spans: &[ReceivedSpan]) -> super::SpanAssert<'_> {
        assert_spans(spans).one("execute_tool get_weather")
    }

    fn request(spans: &[ReceivedSpan]) -> super::SpanAssert<'_> {
        assert_spans(spans).one("POST /ask")
    }
}
