//! Google's prompts that get no answer, and the tools of its agent development kit, whose answers are wrapped.

use serde_json::Value;

use super::json;
use crate::{SourceSpan, dialect::What};

const WHOLE: &str = "output.value";

/// ADK's own spans, to which the instrumentation adds its attributes.
const ADK: &str = "gcp.vertex.agent";

/// Records the response id. If the prompt was blocked, records the reason and removes the response, which is not an answer.
/// Unwraps a tool's answer from what the model receives.
pub(super) fn settle(span: &mut SourceSpan, what: What) {
    let attributes = &mut span.attributes;
    match what {
        What::Call if span.scope.ends_with(".google_genai") => {
            let Some(response) = json::object(attributes, WHOLE) else {
                return;
            };
            if let Some(id) = response.get("response_id") {
                json::put_scalar(attributes, "gen_ai.response.id", id);
            }
            let reason = response
                .get("prompt_feedback")
                .map(|feedback| &feedback["block_reason"]);
            if let Some(reason @ Value::String(_)) = reason
                && !response.contains_key("candidates")
            {
                json::put_scalar(attributes, "llm.finish_reason", reason);
                attributes.remove(WHOLE);
            }
        }
        // One span has all calls of an agent of ADK 2. Some of the flattened attributes belong to an earlier call.
        What::Call if span.scope == ADK => {
            let answer = json::object(attributes, WHOLE);
            let parts = answer.and_then(|answer| answer.get("content")?.get("parts").cloned());
            if parts.is_some_and(|parts| parts.is_array()) {
                attributes.retain(|key, _| !key.starts_with("llm.output_messages."));
            }
        }
        What::Tool if span.scope.ends_with(".google_adk") => {
            if let Some(mut answer) = json::object(attributes, WHOLE)
                && (answer.keys()).all(|key| matches!(&**key, "id" | "name" | "response"))
                && let Some(response) = answer.remove("response")
            {
                attributes.remove(WHOLE);
                json::put(attributes, WHOLE, response);
            }
        }
        _ => {}
    }
}
