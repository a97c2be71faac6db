//! Google's prompts that get no answer, what Vertex AI's requests and answers alone say, and the tools of its agent development kit,
//! whose answers are wrapped.

use serde_json::Value;

use super::{INPUT_VALUE, MODEL_NAME, OUTPUT_MESSAGES, OUTPUT_VALUE, json, put_missing_counts};
use crate::{
    Attributes, SourceSpan,
    dialect::{DEFINITIONS, OperationKind},
};

/// ADK's own spans, to which the instrumentation adds its attributes.
const ADK: &str = "gcp.vertex.agent";

pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call if span.scope.ends_with(".google_genai") => read_response(attributes),
        OperationKind::Call if span.scope.ends_with(".vertexai") => {
            read_response(attributes);
            read_vertex_request(attributes);
        }
        OperationKind::Agent if span.scope.ends_with(".google_genai") => {
            read_interaction(attributes);
        }
        OperationKind::Call if span.scope == ADK => prefer_answer(attributes),
        OperationKind::Tool if span.scope.ends_with(".google_adk") => {
            unwrap_tool_answer(attributes);
        }
        _ => {}
    }
}

/// Records the response id and the model that answered. If the prompt was blocked, records the reason and removes the response,
/// which is not an answer.
fn read_response(attributes: &mut Attributes) {
    let Some(response) = json::object(attributes, OUTPUT_VALUE) else {
        return;
    };
    let id = response.get("response_id");
    json::put_scalar(attributes, "gen_ai.response.id", id);
    // Without an answer, or with the start of one, `llm.model_name` would be read as the model of the request.
    let version = response.get("model_version").and_then(Value::as_str);
    if version.is_some() && version == attributes.text(MODEL_NAME) {
        attributes.rename(MODEL_NAME, "gen_ai.response.model");
    } else if let Some(version) = version.filter(|version| !version.is_empty()) {
        attributes.supply("gen_ai.response.model", version);
    }
    if let Some(Value::Object(usage)) = response.get("usage_metadata") {
        put_missing_counts(attributes, usage);
    }
    match response.get("candidates") {
        Some(Value::Array(candidates)) if !candidates.iter().any(has_parts) => {
            attributes.remove(OUTPUT_VALUE);
        }
        Some(Value::Array(candidates)) if candidates.iter().any(has_unflattened_parts) => {
            attributes.remove_prefix(OUTPUT_MESSAGES);
        }
        Some(_) => {}
        None => {
            let feedback = response.get("prompt_feedback");
            if let Some(reason @ Value::String(_)) = feedback.map(|it| &it["block_reason"]) {
                json::put_scalar(attributes, "llm.finish_reason", reason);
                attributes.remove(OUTPUT_VALUE);
            }
        }
    }
}

/// Names the model of a request to Vertex AI by its id, not by its path, which also has the project, and reads the definitions of
/// tools.
fn read_vertex_request(attributes: &mut Attributes) {
    if let Some(path) = attributes.text(MODEL_NAME)
        && let Some((publisher, model)) = path.split_once("/models/")
        && publisher.contains("publishers/")
    {
        let model = model.to_owned();
        attributes.set(MODEL_NAME, model);
    }
    if let Some(mut request) = json::object(attributes, INPUT_VALUE)
        && json::has(&request, "tools")
        && let Some(tools) = request.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
    }
}

/// Names the agent of an interaction, and keeps the steps that it has taken of the whole answer.
fn read_interaction(attributes: &mut Attributes) {
    if let Some(mut interaction) = json::object(attributes, OUTPUT_VALUE) {
        json::put_scalar(attributes, "gen_ai.agent.name", interaction.get("agent"));
        attributes.remove(OUTPUT_VALUE);
        if let Some(steps) = interaction.remove("steps") {
            json::put(attributes, OUTPUT_VALUE, steps);
        }
    }
}

/// Removes flattened messages if there is a whole answer. One span has all calls of an agent of ADK 2, and some of the flattened
/// attributes belong to an earlier call.
fn prefer_answer(attributes: &mut Attributes) {
    let answer = json::object(attributes, OUTPUT_VALUE);
    if answer.is_some_and(|answer| {
        answer
            .get("content")
            .is_some_and(|it| it["parts"].is_array())
    }) {
        attributes.remove_prefix(OUTPUT_MESSAGES);
    }
}

/// Unwraps a tool's answer from what the model receives.
fn unwrap_tool_answer(attributes: &mut Attributes) {
    if let Some(mut answer) = json::object(attributes, OUTPUT_VALUE)
        && (answer.keys()).all(|key| matches!(&**key, "id" | "name" | "response"))
        && let Some(response) = answer.remove("response")
    {
        json::set(attributes, OUTPUT_VALUE, response);
    }
}

fn parts(candidate: &Value) -> impl Iterator<Item = &Value> {
    let parts = candidate
        .pointer("/content/parts")
        .and_then(Value::as_array);
    parts.into_iter().flatten()
}

/// Returns whether a candidate has content and not only a finish reason.
fn has_parts(candidate: &Value) -> bool {
    parts(candidate).next().is_some()
}

/// Returns whether a candidate has what is missing among the flattened attributes: code that Gemini runs, and ids of calls.
fn has_unflattened_parts(candidate: &Value) -> bool {
    parts(candidate).any(|part| {
        part.get("executable_code").is_some_and(Value::is_object)
            || part
                .pointer("/function_call/id")
                .is_some_and(Value::is_string)
    })
}
