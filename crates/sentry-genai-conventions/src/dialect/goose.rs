//! goose: functions with `#[instrument]`, and its own names for input and output.

use super::{ARGUMENTS, Dialect, INPUT, OUTPUT, RESULT, What, mentions_gen_ai};
use crate::SourceSpan;

pub(super) static GOOSE: Dialect = Dialect {
    name: "goose",
    speaks,
    adjust,
    ..Dialect::NONE
};

/// Names for input and output, those for the exchange with the user first.
static INPUTS: &[&str] = &["user_message", "trace_input", "input"];
static OUTPUTS: &[&str] = &["trace_output", "output"];

fn speaks(span: &SourceSpan) -> bool {
    let library = span.scope.split("::").next().unwrap_or_default();
    (library == "goose" || library.starts_with("goose_")) && mentions_gen_ai(span)
}

fn adjust(span: &mut SourceSpan, what: What) {
    let (input, output) = if what == What::Tool {
        (ARGUMENTS, RESULT)
    } else {
        (INPUT, OUTPUT)
    };
    for (keys, canonical) in [(INPUTS, input), (OUTPUTS, output)] {
        for key in keys {
            span.attributes.rename(key, canonical);
        }
    }
}
