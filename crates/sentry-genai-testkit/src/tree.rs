//! Renders spans as a text tree.

use std::collections::{HashMap, HashSet};

use crate::ReceivedSpan;

/// Renders spans for a terminal of about 120 columns, with a tree per trace and a line per span.
///
/// Traces and siblings are in the order of their start. A line shows name, op, model, tokens, cost (if known), duration and
/// status, and for an error also its `error.type`. The conversation is shown above the trace if all of its AI spans share one,
/// and on each line otherwise. A span whose parent is missing although it is no segment is marked.
///
/// ```text
/// trace 4c79f60c11214eb38604f4ae0781bfb2   conversation conv_01J
/// POST /ask                       http.server                                                           3.80 s  ok
/// └─ invoke_agent Weather Agent   gen_ai.invoke_agent                                                   2.90 s  ok
///    ├─ chat gpt-5-mini           gen_ai.chat          gpt-5-mini-2025-08-06  in 42 (16 cached) out 17  500 ms  ok
///    └─ execute_tool get_weather  gen_ai.execute_tool                                                   450 ms  error timeout
/// ```
#[must_use]
pub fn render_tree(spans: &[ReceivedSpan]) -> String {
    let mut traces: Vec<(&str, Vec<&ReceivedSpan>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for span in spans {
        let index = *known.entry(&span.trace_id).or_insert(traces.len());
        match traces.get_mut(index) {
            Some((_, members)) => members.push(span),
            None => traces.push((&span.trace_id, vec![span])),
        }
    }
    traces.sort_by(|(_, a), (_, b)| start(a).total_cmp(&start(b)));
    let traces = traces.iter().map(|(id, members)| render_trace(id, members));
    traces.collect::<Vec<_>>().join("\n")
}

/// Returns when the first of the spans started, in seconds.
pub(crate) fn start(spans: &[&ReceivedSpan]) -> f64 {
    let starts = spans.iter().map(|span| span.start);
    starts.fold(f64::INFINITY, f64::min)
}

fn render_trace(id: &str, spans: &[&ReceivedSpan]) -> String {
    let shared = shared_conversation(spans);
    let mut text = format!("trace {id}");
    if let Some(conversation) = shared {
        text.push_str("   conversation ");
        text.push_str(conversation);
    }
    text.push('\n');
    let rows = Tree::new(spans).lines().into_iter().map(|line| {
        let Line { span, prefix, note } = line;
        let conversation = match shared {
            Some(_) => "",
            None => span.conversation_id().unwrap_or_default(),
        };
        [
            shorten(&format!("{prefix}{}", span.name), 48),
            span.op().to_owned(),
            shorten(span.model().unwrap_or_default(), 28),
            tokens(span),
            cost(span),
            shorten(conversation, 24),
            seconds(span.duration()),
            format!("{}{note}", status(span)),
        ]
    });
    text.push_str(&align(&rows.collect::<Vec<_>>()));
    text
}

/// Returns the conversation of the trace's AI spans, if it is the same for all.
fn shared_conversation<'a>(spans: &[&'a ReceivedSpan]) -> Option<&'a str> {
    let mut ids = spans
        .iter()
        .filter(|span| span.op().starts_with("gen_ai.") || span.conversation_id().is_some())
        .map(|span| span.conversation_id());
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then_some(first)
}

struct Tree<'a> {
    spans: &'a [&'a ReceivedSpan],
    children: HashMap<&'a str, Vec<usize>>,
    drawn: HashSet<usize>,
}

struct Line<'a> {
    span: &'a ReceivedSpan,
    prefix: String,
    note: &'static str,
}

impl<'a> Tree<'a> {
    fn new(spans: &'a [&'a ReceivedSpan]) -> Self {
        let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, span) in spans.iter().enumerate() {
            if let Some(parent) = &span.parent_span_id {
                children.entry(parent).or_default().push(index);
            }
        }
        for siblings in children.values_mut() {
            siblings.sort_by(|a, b| spans[*a].start.total_cmp(&spans[*b].start));
        }
        Self {
            spans,
            children,
            drawn: HashSet::new(),
        }
    }

    fn lines(mut self) -> Vec<Line<'a>> {
        let ids: HashSet<_> = self.spans.iter().map(|span| &span.span_id).collect();
        let has_parent = |span: &ReceivedSpan| {
            let parent = span.parent_span_id.as_ref();
            parent.is_some_and(|parent| ids.contains(parent))
        };
        let mut order: Vec<usize> = (0..self.spans.len()).collect();
        order.sort_by(|a, b| {
            let key = |index: usize| (has_parent(self.spans[index]), self.spans[index].start);
            let ((a_has_parent, a_start), (b_has_parent, b_start)) = (key(*a), key(*b));
            a_has_parent
                .cmp(&b_has_parent)
                .then(a_start.total_cmp(&b_start))
        });
        let mut lines = Vec::new();
        // After the roots, only spans remain that are their own ancestors.
        for index in order {
            let span = self.spans[index];
            let note = match span.parent_span_id {
                Some(_) if !span.is_segment => "  (parent missing)",
                _ => "",
            };
            self.draw(index, note, &mut lines);
        }
        lines
    }

    /// Draws a span and everything below it. Not recursive: a trace may be deeper than the stack allows.
    fn draw(&mut self, index: usize, note: &'static str, lines: &mut Vec<Line<'a>>) {
        let mut stack = vec![(index, "", String::new(), note)];
        while let Some((index, branch, indent, note)) = stack.pop() {
            if !self.drawn.insert(index) {
                continue;
            }
            let span = self.spans[index];
            lines.push(Line {
                span,
                prefix: format!("{indent}{branch}"),
                note,
            });
            let children = self.children.remove(span.span_id.as_str());
            let child_indent = match branch {
                // Any deeper, and the names would leave their column.
                _ if indent.chars().count() >= MAX_INDENT => indent,
                "" => indent,
                LAST_BRANCH => indent + "   ",
                _ => indent + "│  ",
            };
            let children = children.unwrap_or_default();
            for (position, child) in children.into_iter().rev().enumerate() {
                let branch = if position == 0 {
                    LAST_BRANCH
                } else {
                    "├─ "
                };
                stack.push((child, branch, child_indent.clone(), ""));
            }
        }
    }
}

/// The widest indentation, in characters.
const MAX_INDENT: usize = 30;

const LAST_BRANCH: &str = "└─ ";

/// Returns the tokens of a call, such as `in 42 (16 cached) out 17 (5 reasoning)`.
pub(crate) fn tokens(span: &ReceivedSpan) -> String {
    let count = |name: &str| span.int(&format!("gen_ai.usage.{name}"));
    let mut parts = Vec::new();
    for (label, total, subsets) in [
        (
            "in",
            "input_tokens",
            [
                ("cache_read.input_tokens", "cached"),
                ("cache_creation.input_tokens", "written"),
            ]
            .as_slice(),
        ),
        (
            "out",
            "output_tokens",
            [("reasoning.output_tokens", "reasoning")].as_slice(),
        ),
    ] {
        let Some(total) = count(total) else { continue };
        let subsets: Vec<_> = subsets
            .iter()
            .filter_map(|(key, label)| Some(format!("{} {label}", count(key)?)))
            .collect();
        parts.push(if subsets.is_empty() {
            format!("{label} {total}")
        } else {
            format!("{label} {total} ({})", subsets.join(", "))
        });
    }
    parts.join(" ")
}

/// Returns what a call cost in US dollars, such as `$0.0021`, if the span says so.
fn cost(span: &ReceivedSpan) -> String {
    let cost = span.attr("gen_ai.cost.total_tokens");
    cost.and_then(serde_json::Value::as_f64)
        .map_or_else(String::new, |cost| format!("${cost:.4}"))
}

/// Returns a duration with about three digits: `0.4 ms`, `912 ms`, `3.80 s`.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 0.01 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// Returns `ok`, or `error` with the error's type.
pub(crate) fn status(span: &ReceivedSpan) -> String {
    match span.str("error.type") {
        Some(error) => format!("{} {error}", span.status),
        None => span.status.clone(),
    }
}

/// Pads cells to columns; empty columns are left out.
fn align<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).filter(|(_, width)| *width > 0);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Cuts `text` to `limit` characters.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::render_tree;
    use crate::{ReceivedSpan, sample};

    #[test]
    fn a_trace_is_a_tree() {
        assert_eq!(
            render_tree(&sample::weather_agent()),
            "\
trace 11111111111111111111111111111111   conversation conv_01J
POST /ask                       http.server                                                                         3.80 s  ok
└─ invoke_agent Weather Agent   gen_ai.invoke_agent                                                                 2.90 s  ok
   ├─ chat gpt-5-mini           gen_ai.chat          gpt-5-mini-2025-08-06  in 42 (16 cached) out 17 (5 reasoning)  500 ms  ok
   ├─ execute_tool get_weather  gen_ai.execute_tool                                                                 4.2 ms  error timeout
   └─ chat gpt-5-mini           gen_ai.chat          gpt-5-mini-2025-08-06  in 42 (16 cached) out 17 (5 reasoning)  600 ms  ok
"
        );
    }

    #[test]
    fn costs_and_deep_trees_are_shown() {
        let span = |number: usize| {
            let mut span = json!({
                "trace_id": "00000000000000000000000000000001", "span_id": format!("{number:016}"),
                "name": "x", "status": "ok", "start_timestamp": 1.0, "end_timestamp": 1.5,
                "attributes": {"gen_ai.cost.total_tokens": {"type": "double", "value": 0.0123}},
            });
            if number > 0 {
                span["parent_span_id"] = format!("{:016}", number - 1).into();
            }
            ReceivedSpan::from_json(&span).unwrap()
        };
        let spans: Vec<_> = (0..50_000).map(span).collect();
        let tree = render_tree(&spans);
        assert_eq!(tree.lines().count(), 1 + spans.len());
        let last = tree.lines().last().unwrap();
        assert!(last.ends_with("└─ x  $0.0123  500 ms  ok"), "{last}");
        assert!(last.chars().count() < 80, "{last}");
    }

    #[test]
    fn orphans_cycles_and_mixed_conversations_are_shown() {
        let span = |trace: u64, id: &str, parent: Option<&str>, conversation: Option<&str>| {
            let mut span = json!({
                "trace_id": format!("{trace:032}"), "span_id": id, "name": id, "status": "ok", "is_segment": false,
                "start_timestamp": 1.0, "end_timestamp": 1.5,
                "attributes": {"sentry.op": {"type": "string", "value": "gen_ai.chat"}},
            });
            if let Some(parent) = parent {
                span["parent_span_id"] = parent.into();
            }
            if let Some(id) = conversation {
                span["attributes"]["gen_ai.conversation.id"] =
                    json!({"type": "string", "value": id});
            }
            ReceivedSpan::from_json(&span).unwrap()
        };
        let spans = [
            span(2, "orphan", Some("gone"), Some("conv_1")),
            span(1, "one", Some("two"), None),
            span(1, "two", Some("one"), None),
            span(2, "alone", None, None),
        ];
        assert_eq!(
            render_tree(&spans),
            "\
trace 00000000000000000000000000000002
orphan  gen_ai.chat  conv_1  500 ms  ok  (parent missing)
alone   gen_ai.chat          500 ms  ok

trace 00000000000000000000000000000001
one     gen_ai.chat  500 ms  ok  (parent missing)
└─ two  gen_ai.chat  500 ms  ok
"
        );
    }
}
