//! pydantic-ai in every version of its format: lists of events, later messages; its own names, later those of the conventions.

use serde_json::{Value, json};

use super::{
    Dialect, INPUT, INSTRUCTIONS, OUTPUT, OperationKind, Override, aliases, event_list,
    has_known_operation, indexed, json,
};
use crate::{Attributes, SourceSpan};

pub(super) static PYDANTIC_AI: Dialect = Dialect {
    name: "pydantic_ai",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("agent_name", "gen_ai.agent.name"),
        ("model_name", "gen_ai.request.model"),
        ("model_request_parameters", "gen_ai.tool.definitions"),
        ("tool_arguments", "gen_ai.tool.call.arguments"),
        ("tool_response", "gen_ai.tool.call.result"),
        ("gen_ai.aggregated_usage.input_tokens", "gen_ai.usage.input_tokens"),
        ("gen_ai.aggregated_usage.output_tokens", "gen_ai.usage.output_tokens"),
        ("gen_ai.aggregated_usage.cache_read.input_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.aggregated_usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        ("gen_ai.aggregated_usage.details.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        ("gen_ai.usage.details.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        // The providers' names, used up to version 0.7.
        ("gen_ai.usage.details.cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.usage.details.cache_read_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.usage.details.cached_content_token_count", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.usage.details.cache_creation_input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        // Gemini's names. The input includes the cache, and the output the reasoning, since pydantic-ai adds that to the
        // candidates.
        ("gen_ai.aggregated_usage.details.cached_content_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.aggregated_usage.details.thoughts_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("gen_ai.usage.details.cached_content_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("gen_ai.usage.details.thinking_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("gen_ai.usage.details.thoughts_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ]),
    noise: &["embeddings", "logfire.json_schema", "logfire.metrics"],
    operation,
    adjust,
};

/// The result of a run: a text, or structured output.
const RESULT: &str = "final_result";

fn recognises(span: &SourceSpan) -> bool {
    span.scope == "pydantic-ai" || span.scope == "pydantic_ai"
}

/// Errors whose text is what the model gets to read in place of a result, such as the answer of an MCP server's tool.
const ANSWERS: [&str; 2] = [
    "pydantic_ai.exceptions.ToolFailedError",
    "pydantic_ai.exceptions.ToolRetryError",
];

/// Returns whether a tool has failed with its answer as the reason.
pub(super) fn fails_with_answer(span: &SourceSpan) -> bool {
    recognises(span)
        && (span.attributes.text("error.type")).is_some_and(|kind| ANSWERS.contains(&kind))
}

/// The position of a failed attempt among those of one model call, whose span is around it and tells what came of it.
const ATTEMPT: &str = "pydantic_ai.model_request.attempt";

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    if span.attributes.contains(ATTEMPT) {
        return Override::Plain;
    }
    match &*span.name {
        "running tools" => Override::Plain,
        "running tool" => Override::To("execute_tool"),
        "agent run" => Override::To("invoke_agent"),
        name if name.starts_with("running tool: ") => Override::To("execute_tool"),
        name if name.ends_with(" run") && span.attributes.contains("agent_name") => {
            Override::To("invoke_agent")
        }
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            event_list::take(attributes, "events");
            read_instructions(attributes);
            read_images(attributes);
        }
        OperationKind::Agent => {
            let had_output = attributes.contains(OUTPUT);
            event_list::take(attributes, "all_messages_events");
            event_list::split(attributes, "pydantic_ai.all_messages");
            if !had_output && is_result_missing_from_output(attributes) {
                attributes.remove(OUTPUT);
            }
            attributes.rename(RESULT, OUTPUT);
        }
        OperationKind::Embeddings => attributes.rename("inputs", "gen_ai.embeddings.input"),
        _ => {}
    }
    if attributes.contains(INPUT) {
        attributes.remove("all_messages_events");
        attributes.remove("pydantic_ai.all_messages");
    }
    // The request, which is needed only for its tools.
    if attributes.contains("gen_ai.tool.definitions") {
        attributes.remove("model_request_parameters");
    }
}

/// Returns whether there is a result that is not a text of the answer. The answer also has the model's reasoning and calls.
fn is_result_missing_from_output(attributes: &Attributes) -> bool {
    let Some(result) = attributes.text(RESULT) else {
        return false;
    };
    let has_result = |part: &Value| part["content"] == result;
    let Some(Value::Array(answer)) = json::read(attributes, OUTPUT) else {
        return true;
    };
    !answer.iter().any(|message| {
        let parts = message["parts"].as_array();
        has_result(message) || parts.is_some_and(|parts| parts.iter().any(has_result))
    })
}

/// Reads the prompt of a request for images, and the types of the images, whose data is not recorded.
fn read_images(attributes: &mut Attributes) {
    if attributes.text("gen_ai.output.type") != Some("image") {
        return;
    }
    attributes.rename("prompt", INPUT);
    if let Some(Value::Array(images)) = indexed::take(attributes, "image.") {
        let parts: Vec<_> = images
            .into_iter()
            .map(|image| json!({"type": "image", "media_type": image["media_type"]}))
            .collect();
        let answer = json!([{"role": "assistant", "content": parts}]);
        json::put(attributes, OUTPUT, answer);
    }
}

/// Reads the instructions of a call that failed, which only the request has.
fn read_instructions(attributes: &mut Attributes) {
    if attributes.contains(INSTRUCTIONS) || attributes.contains(INPUT) {
        return;
    }
    let Some(mut request) = json::object(attributes, "model_request_parameters") else {
        return;
    };
    let Some(Value::Array(parts)) = request.remove("instruction_parts") else {
        return;
    };
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|part| part["content"].is_string())
        .map(|mut part| json!({"type": "text", "content": part["content"].take()}))
        .collect();
    if !parts.is_empty() {
        json::put(attributes, INSTRUCTIONS, Value::Array(parts));
    }
}
