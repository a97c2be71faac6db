//! Google's prompts that get no answer, and the tools of its agent development kit, whose answers are wrapped.

use serde_json::Value;

use super::{MODEL_NAME, OUTPUT_MESSAGES, OUTPUT_VALUE, json};
use crate::{SourceSpan, dialect::OperationKind};

/// ADK's own spans, to which the instrumentation adds its attributes.
const ADK: &str = "gcp.vertex.agent";

/// Records the response id. If the prompt was blocked, records the reason and removes the response, which is not an answer.
/// Unwraps a tool's answer from what the model receives.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call if span.scope.ends_with(".google_genai") => {
            let Some(response) = json::object(attributes, OUTPUT_VALUE) else {
                return;
            };
            json::put_scalar(
                attributes,
                "gen_ai.response.id",
                response.get("response_id"),
            );
            let reason = response
                .get("prompt_feedback")
                .map(|feedback| &feedback["block_reason"]);
            match response.get("candidates") {
                Some(Value::Array(candidates)) if !candidates.iter().any(has_parts) => {
                    // Without an answer, `llm.model_name` would be read as the model of the request.
                    let version = response.get("model_version").and_then(Value::as_str);
                    if version.is_some() && version == attributes.text(MODEL_NAME) {
                        attributes.rename(MODEL_NAME, "gen_ai.response.model");
                    }
                    attributes.remove(OUTPUT_VALUE);
                }
                Some(Value::Array(candidates)) if candidates.iter().any(has_unflattened_parts) => {
                    attributes.remove_prefix(OUTPUT_MESSAGES);
                }
                Some(_) => {}
                None => {
                    if let Some(reason @ Value::String(_)) = reason {
                        json::put_scalar(attributes, "llm.finish_reason", reason);
                        attributes.remove(OUTPUT_VALUE);
                    }
                }
            }
        }
        // One span has all calls of an agent of ADK 2. Some of the flattened attributes belong to an earlier call.
        OperationKind::Call if span.scope == ADK => {
            let answer = json::object(attributes, OUTPUT_VALUE);
            let parts = answer.and_then(|answer| answer.get("content")?.get("parts").cloned());
            if parts.is_some_and(|parts| parts.is_array()) {
                attributes.remove_prefix(OUTPUT_MESSAGES);
            }
        }
        OperationKind::Tool if span.scope.ends_with(".google_adk") => {
            if let Some(mut answer) = json::object(attributes, OUTPUT_VALUE)
                && (answer.keys()).all(|key| matches!(&**key, "id" | "name" | "response"))
                && let Some(response) = answer.remove("response")
            {
                attributes.remove(OUTPUT_VALUE);
                json::put(attributes, OUTPUT_VALUE, response);
            }
        }
        _ => {}
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
