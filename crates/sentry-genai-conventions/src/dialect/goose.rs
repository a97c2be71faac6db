//! goose: functions with `#[instrument]`, and its own names for input and output.

use super::{ARGUMENTS, Dialect, INPUT, OUTPUT, OperationKind, RESULT, mentions_gen_ai};
use crate::{SourceSpan, SourceStatus};

pub(super) static GOOSE: Dialect = Dialect {
    name: "goose",
    recognises,
    adjust,
    ..Dialect::NONE
};

/// Names for input and output, those for the exchange with the user first.
static INPUTS: &[&str] = &["user_message", "trace_input", "input"];
static OUTPUTS: &[&str] = &["trace_output", "output"];

/// The attributes of what goose records for its Langfuse layer, and Langfuse's own names for them.
#[rustfmt::skip]
static LANGFUSE_KEYS: &[(&str, &str)] = &[
    ("completion_start_time", "langfuse.observation.completion_start_time"),
    ("cost_details_json", "langfuse.observation.cost_details"),
    ("input_json", "langfuse.observation.input"),
    ("model", "langfuse.observation.model.name"),
    ("model_parameters_json", "langfuse.observation.model.parameters"),
    ("observation_id", "langfuse.observation.id"),
    ("output_json", "langfuse.observation.output"),
    ("provider", "langfuse.observation.metadata.ls_provider"),
    ("usage_details_json", "langfuse.observation.usage_details"),
];

/// Renames the attributes of a model call that goose records for its Langfuse layer to those that Langfuse reads.
pub(super) fn rename_observation(span: &mut SourceSpan) {
    const TYPE: &str = "observation_type";

    let attributes = &mut span.attributes;
    if !attributes.may_begin_with(TYPE)
        || attributes.text(TYPE) != Some("GENERATION")
        || !is_goose(&span.scope)
    {
        return;
    }
    attributes.remove(TYPE);
    attributes.push("langfuse.observation.type", "generation");
    for (key, name) in LANGFUSE_KEYS {
        attributes.rename(key, name);
    }
    // It is recorded only if the call failed.
    if let Some(reason) = attributes.text("status_message").map(str::to_owned) {
        attributes.remove("status_message");
        if span.status == SourceStatus::Unset {
            span.status = SourceStatus::Error(Some(reason));
        }
    }
}

fn is_goose(scope: &str) -> bool {
    let library = scope.split("::").next().unwrap_or_default();
    library == "goose" || library.starts_with("goose_")
}

fn recognises(span: &SourceSpan) -> bool {
    is_goose(&span.scope) && mentions_gen_ai(span)
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let (input, output) = if kind == OperationKind::Tool {
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
