//! Mirascope: the conventions, with some counts only in its own object.

use super::{Dialect, OperationKind, json};
use crate::SourceSpan;

pub(super) static MIRASCOPE: Dialect = Dialect {
    name: "mirascope",
    recognises: |span| span.attributes.contains(USAGE),
    adjust,
    ..Dialect::NONE
};

const USAGE: &str = "mirascope.response.usage";

/// Counts that the conventions' attributes lack. They are part of the totals.
static PARTS: &[(&str, &str)] = &[
    ("cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"),
    (
        "cache_write_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
    ),
    ("reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
];

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let Some(usage) = json::object(&span.attributes, USAGE).filter(|_| kind == OperationKind::Call)
    else {
        return;
    };
    for (member, key) in PARTS {
        // It writes zero for a count that the provider did not report.
        let count = usage.get(*member).filter(|count| count.as_i64() > Some(0));
        json::put_scalar(&mut span.attributes, key, count);
    }
}
