//! The private spellings of GenAI, one file each.
//!
//! A dialect is a table of renames plus what no table can say. Adding one touches its file and [`DIALECTS`].

mod adk_rust;
mod genai;
mod goose;
mod otel;
mod rig;

use crate::{SourceSpan, Value};

pub(crate) use otel::OTEL;

/// One library's way to describe GenAI work.
pub(crate) struct Dialect {
    /// The library's name as part of `sentry.origin`; empty for the conventions themselves.
    pub(crate) name: &'static str,
    /// Returns whether a span was made by this library.
    pub(crate) speaks: fn(&SourceSpan) -> bool,
    /// Keys and their canonical names. A canonical key that is there already wins.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    /// Keys that mean nothing outside the library.
    pub(crate) noise: &'static [&'static str],
    /// Names the operation of a span that does not say so itself.
    pub(crate) operation: fn(&SourceSpan) -> Option<&'static str>,
    /// Whatever else has to change, before the aliases are applied.
    pub(crate) adjust: fn(&mut SourceSpan),
}

/// Every dialect, the most specific first.
static DIALECTS: &[&Dialect] = &[&rig::RIG, &genai::GENAI, &goose::GOOSE, &adk_rust::ADK_RUST];

/// Finds the dialect of a span; [`OTEL`] when no library is recognised.
pub(crate) fn of(span: &SourceSpan) -> &'static Dialect {
    DIALECTS
        .iter()
        .find(|dialect| (dialect.speaks)(span))
        .copied()
        .unwrap_or(&OTEL)
}

impl Dialect {
    /// Makes the span's keys those of the conventions.
    pub(crate) fn apply(&self, span: &mut SourceSpan) {
        (self.adjust)(span);
        for key in self.noise {
            span.attributes.remove(key);
        }
        let common = if std::ptr::eq(self, &raw const OTEL) {
            &[][..]
        } else {
            OTEL.aliases
        };
        for (from, to) in self.aliases.iter().chain(common) {
            if span.attributes.contains(from) {
                span.attributes.rename(from, to);
            }
        }
    }
}

/// Keys that name a session or thread and that stand in for a conversation id on GenAI spans, best first.
///
/// `mcp.session.id` is none: it names a connection.
pub(crate) static SESSION_KEYS: &[&str] = &[
    "gcp.vertex.agent.session_id",
    "conversation.id",
    "session.id",
    "thread.id",
];

/// Returns the span's own session, which stands in for a conversation id where nothing names one.
pub(crate) fn session(span: &SourceSpan) -> Option<&str> {
    SESSION_KEYS
        .iter()
        .find_map(|key| span.attributes.text(key))
        .map(unquoted)
}

/// Strips one layer of quotes, as `?value` puts around a string, and `Some(...)`.
pub(crate) fn unquoted(text: &str) -> &str {
    let text = text
        .strip_prefix("Some(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(text);
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
}

/// Returns whether the span has an attribute that only GenAI spans have.
pub(crate) fn mentions_gen_ai(span: &SourceSpan) -> bool {
    span.attributes
        .iter()
        .any(|(key, value)| key.starts_with("gen_ai.") && value != Value::Str(""))
}

fn nothing(_: &mut SourceSpan) {}

fn no_operation(_: &SourceSpan) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn debug_quotes_come_off_once() {
        assert_eq!(unquoted(r#""call_1""#), "call_1");
        assert_eq!(unquoted(r#"Some("call_1")"#), "call_1");
        assert_eq!(unquoted(r#"call"1"#), r#"call"1"#);
        assert_eq!(unquoted(r#"""call""#), r#""call"#);
        assert_eq!(unquoted("\""), "\"");
    }
}
