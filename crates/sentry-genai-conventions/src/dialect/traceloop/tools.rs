//! Tool calls by Agno and LlamaIndex, which wrap the result in an object of their own.

use serde_json::Value;

use super::{ENTITY_OUTPUT, json};
use crate::{
    SourceSpan,
    dialect::{ARGUMENTS, RESULT, llama_index, mark_failed},
    messages,
};

pub(super) const LLAMA_INDEX: &str = "opentelemetry.instrumentation.llamaindex";
const AGNO: &str = "opentelemetry.instrumentation.agno";

const NAME: &str = "gen_ai.tool.name";

/// Returns whether a task of LlamaIndex is a tool call: the agent's step that makes the call, or the tool itself.
pub(super) fn is_llama_index_call(span: &SourceSpan) -> bool {
    let has = |key| span.attributes.text(key).is_some();
    span.scope == LLAMA_INDEX
        && (has("tool.name") && has("tool.arguments")
            || span.name == "FunctionTool.task"
                && (span.attributes.text(ENTITY_OUTPUT))
                    .is_some_and(|text| text.contains(r#""tool_name""#)))
}

/// Extracts the tool's answer, and whether the tool failed, from that object.
pub(super) fn unwrap_result(span: &mut SourceSpan) {
    let has_failed = match &*span.scope {
        LLAMA_INDEX => unwrap_llama_index(span),
        AGNO => unwrap_agno(span),
        _ => false,
    };
    if has_failed {
        mark_failed(span);
    }
}

fn unwrap_llama_index(span: &mut SourceSpan) -> bool {
    let attributes = &mut span.attributes;
    attributes.rename("tool.name", NAME);
    attributes.rename("tool.arguments", ARGUMENTS);
    let Some(mut output) = json::object(attributes, ENTITY_OUTPUT) else {
        return false;
    };
    json::put_scalar(attributes, "gen_ai.tool.call.id", output.get("tool_id"));
    // In the step of an agent, the object is one level deeper.
    if let Some(Value::Object(inner)) = output.remove("tool_output") {
        output = inner;
    }
    json::put_scalar(attributes, NAME, output.get("tool_name"));
    if let Some(text_output) = text_output(&output) {
        json::put(attributes, RESULT, text_output.into());
        attributes.remove(ENTITY_OUTPUT);
    }
    output.get("is_error") == Some(&Value::Bool(true))
}

/// Returns the answer of a LlamaIndex tool in the form that the model reads, if all of it is text. The object also holds the
/// tool's input.
pub(in crate::dialect) fn text_output(output: &json::Object) -> Option<String> {
    output.get("raw_output")?;
    llama_index::text_of_blocks(output.get("blocks")?)
}

/// Reads `status='success' result='21' error=None ...`.
fn unwrap_agno(span: &mut SourceSpan) -> bool {
    let attributes = &mut span.attributes;
    let Some((status, rest)) = attributes
        .text(ENTITY_OUTPUT)
        .and_then(|text| text.strip_prefix("status='")?.split_once("' result="))
    else {
        return false;
    };
    let has_failed = status == "failure";
    let Some((rest, _)) = rest.split_once(" updated_session_state=") else {
        return has_failed;
    };
    let Some((result, error)) = rest.rsplit_once(" error=") else {
        return has_failed;
    };
    let output = if has_failed { error } else { result };
    let list = messages::read_json(&format!("[{output}]"));
    if let Some(Value::Array(mut items)) = list
        && items.len() == 1
    {
        attributes.remove(ENTITY_OUTPUT);
        json::put(attributes, RESULT, items.remove(0));
    }
    has_failed
}
