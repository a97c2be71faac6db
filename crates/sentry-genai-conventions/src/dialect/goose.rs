//! goose: functions with `#[instrument]`, its own names for input and output, and failures that have no status.

use super::{Dialect, INPUT, OUTPUT, OperationKind, RESULT, json, mentions_gen_ai};
use crate::{Attributes, SourceSpan, SourceStatus};

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

/// What an observation is: a model call or something else.
const OBSERVATION_TYPE: &str = "observation_type";

/// Returns whether a span is what goose records for its Langfuse layer.
pub(super) fn may_be_observation(span: &SourceSpan) -> bool {
    span.attributes.contains(OBSERVATION_TYPE) && is_goose(&span.scope)
}

/// Renames the attributes of a model call that goose records for its Langfuse layer to those that Langfuse reads.
pub(super) fn rename_observation(span: &mut SourceSpan) {
    if !may_be_observation(span) || span.attributes.text(OBSERVATION_TYPE) != Some("GENERATION") {
        return;
    }
    let attributes = &mut span.attributes;
    attributes.remove(OBSERVATION_TYPE);
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
    let attributes = &mut span.attributes;
    // The outermost span of a run has only the session, which is the conversation on the spans inside. That of a subagent is inside
    // another run.
    if let Some(session) = attributes.text("session.id").map(str::to_owned) {
        attributes.supply("gen_ai.conversation.id", session);
    }
    if kind == OperationKind::Tool {
        read_failed_answer(attributes);
    }
    let (input, output) = kind.content().unwrap_or((INPUT, OUTPUT));
    for (keys, canonical) in [(INPUTS, input), (OUTPUTS, output)] {
        for key in keys {
            attributes.rename(key, canonical);
        }
    }
    if kind == OperationKind::Call && span.status == SourceStatus::Unset && !has_answer(span) {
        read_failed_request(span);
    }
}

/// Extracts the answer of a tool that failed from goose's record of the call.
fn read_failed_answer(attributes: &mut Attributes) {
    let Some(mut call) = json::object(attributes, "output") else {
        return;
    };
    if call.get("status").is_none_or(|status| status != "error") {
        return;
    }
    attributes.supply("error.type", "tool_error");
    if let Some(answer) = call.remove("value").or_else(|| call.remove("error")) {
        attributes.remove("output");
        json::put(attributes, RESULT, answer);
    }
}

fn has_answer(span: &SourceSpan) -> bool {
    span.attributes
        .contains_any(&["gen_ai.response.id", "gen_ai.response.model", OUTPUT])
}

/// Marks a call without an answer as failed if its events tell of a failed request.
fn read_failed_request(span: &mut SourceSpan) {
    const REFUSED: &str = "Provider request failed with status: ";
    const UNREACHABLE: &str = "Request failed, retrying ";

    let reason = span.events.iter().rev().find_map(|event| {
        let text = &*event.name;
        let is_failure = text.starts_with(REFUSED) || text.starts_with(UNREACHABLE);
        is_failure.then(|| text.split(". Payload: ").next().unwrap_or(text))
    });
    let Some(reason) = reason.map(str::to_owned) else {
        return;
    };
    let status = reason.strip_prefix(REFUSED).and_then(|rest| rest.get(..3));
    if let Some(status) = status {
        span.attributes.supply("error.type", status);
    }
    span.status = SourceStatus::Error(Some(reason));
}
