//! LlamaIndex's own package for OpenTelemetry: spans named after methods, with all data in events of its own.

use serde_json::{Map, Value};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    indexed,
    json::{self, Object},
    usage,
};
use crate::{
    Attributes, SourceEvent, SourceSpan,
    content::{self, FINISH_REASONS},
    messages,
    status::OUTCOME,
};

pub(crate) const LLAMA_INDEX_SCOPE: &str = "llamaindex.opentelemetry.tracer";

pub(super) static LLAMA_INDEX: Dialect = Dialect {
    name: "llama_index",
    recognises: |span| {
        span.scope == LLAMA_INDEX_SCOPE || span.attributes.contains("llamaindex.run_id")
    },
    // The new name says that this is content.
    aliases: &aliases([(SUMMARY, "llamaindex.step.input")]),
    operation,
    adjust,
    ..Dialect::NONE
};

/// The input of a workflow's step as a Python repr, cut after 200 characters.
const SUMMARY: &str = "llamaindex.step.input_summary";

fn operation(span: &SourceSpan) -> Override {
    let operation = span.events.iter().find_map(|event| {
        EVENT_OPERATIONS
            .iter()
            .find(|(start, _)| event.name.starts_with(start))
    });
    if let Some((_, operation)) = operation {
        return Override::To(operation);
    }
    let (class, method) = span.name.rsplit_once('.').unwrap_or_default();
    match method {
        "run" if class.ends_with("Agent") => Override::To("invoke_agent"),
        // The tool itself is a span below this one, without its result.
        "call_tool" if tool_call_in_summary(span).is_some() => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

/// Prefixes of the names of events, with the operations that have such events.
static EVENT_OPERATIONS: &[(&str, &str)] = &[
    ("LLMChat", "chat"),
    ("LLMCompletion", "text_completion"),
    ("Embedding", "embeddings"),
    ("ReRank", "rerank"),
];

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    match kind {
        OperationKind::Agent => {
            let class = span.name.split('.').next().unwrap_or_default().to_owned();
            span.attributes.supply("gen_ai.agent.name", class);
            let mut outputs =
                (span.events.iter()).filter_map(|event| event.attributes.text("output"));
            if let Some(answer) = outputs.find_map(answer_in_stop_event) {
                json::put(&mut span.attributes, OUTPUT, answer);
            }
        }
        OperationKind::Tool => read_tool(span),
        OperationKind::Call | OperationKind::Embeddings => {
            let attributes = &mut span.attributes;
            for event in &span.events {
                let mut fields = fields(event);
                read_request(attributes, &mut fields);
                if let Some(Value::Object(response)) = fields.remove("response") {
                    read_response(attributes, response);
                }
            }
        }
        OperationKind::Other | OperationKind::Plain => {}
    }
    if kind != OperationKind::Plain {
        span.attributes.remove(SUMMARY);
    }
}

/// Returns the fields of the call that a step of a workflow executes.
fn tool_call_in_summary(span: &SourceSpan) -> Option<Object> {
    let summary = span.attributes.text(SUMMARY)?.strip_prefix("ToolCall")?;
    // A long repr is cut, but its first field is the name.
    let name = summary
        .strip_prefix("(tool_name='")?
        .split('\'')
        .next()?
        .to_owned();
    let mut call = match messages::read_constructor(span.attributes.text(SUMMARY)?) {
        Some(Value::Object(call)) => call,
        _ => Map::new(),
    };
    call.insert("tool_name".to_owned(), name.into());
    Some(call)
}

fn read_tool(span: &mut SourceSpan) {
    let call = tool_call_in_summary(span).unwrap_or_default();
    let attributes = &mut span.attributes;
    for (field, key) in [
        ("tool_name", "gen_ai.tool.name"),
        ("tool_id", "gen_ai.tool.call.id"),
        ("tool_kwargs", ARGUMENTS),
    ] {
        if let Some(value) = call.get(field) {
            json::put(attributes, key, value.clone());
        }
    }
    let output = (span.events.iter()).find_map(|event| event.attributes.text("output"));
    let Some(output) = output.map(str::to_owned) else {
        return;
    };
    let parsed_output = messages::read_cut_constructor(&output);
    let is_error =
        (parsed_output.as_ref()).and_then(|result| result.pointer("/tool_output/is_error"));
    if is_error == Some(&Value::Bool(true)) {
        attributes.supply(OUTCOME, "error");
    }
    let result = (parsed_output.as_ref())
        .and_then(|result| result.pointer("/tool_output/blocks"))
        .and_then(text_of_blocks)
        .filter(|text| !text.is_empty());
    json::put(attributes, RESULT, result.unwrap_or(output).into());
}

/// Reads an agent's answer from `StopEvent(result=AgentOutput(response=ChatMessage(...`, whose end is missing.
pub(super) fn answer_in_stop_event(event: &str) -> Option<Value> {
    if !event.starts_with("StopEvent(") {
        return None;
    }
    let mut event = messages::read_cut_constructor(event)?;
    let answer = event.pointer_mut("/result/response")?.take();
    answer
        .is_object()
        .then(|| Value::Array(vec![message(answer)]))
}

/// Records the input of the model, its parameters, and the texts to embed.
fn read_request(attributes: &mut Attributes, fields: &mut Object) {
    if let Some(Value::Object(model)) = fields.remove("model_dict") {
        json::put_parameters(attributes, &model);
        // For example `openai_llm`. For embeddings this is the name of a class.
        let class = model.get("class_name").and_then(Value::as_str);
        let lower = class.unwrap_or_default().to_ascii_lowercase();
        if let Some(provider) = lower.strip_suffix("_llm") {
            let provider = provider.strip_suffix("_responses").unwrap_or(provider);
            json::put_scalar(attributes, "gen_ai.provider.name", &Value::from(provider));
        }
    }
    if let Some(Value::Array(messages)) = fields.remove("messages") {
        let messages = messages.into_iter().map(message).collect();
        json::put(attributes, INPUT, Value::Array(messages));
    }
    if let Some(prompt) = fields.remove("prompt") {
        json::put(attributes, INPUT, prompt);
    }
    if let Some(Value::Object(mut additional)) = fields.remove("additional_kwargs")
        && let Some(tools) = additional.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
    }
    if let Some(texts) = fields.remove("chunks") {
        json::put(attributes, "gen_ai.embeddings.input", texts);
    }
}

/// Records the answer from LlamaIndex's own form of it and from the provider's response.
pub(super) fn read_response(attributes: &mut Attributes, mut response: Object) {
    let raw = response.remove("raw").unwrap_or_default();
    for (field, key) in [
        ("id", "gen_ai.response.id"),
        ("model", "gen_ai.response.model"),
        ("stop_reason", FINISH_REASONS),
        ("stopReason", FINISH_REASONS),
    ] {
        json::put_scalar(attributes, key, raw.get(field));
    }
    json::put_scalar(
        attributes,
        FINISH_REASONS,
        &raw["choices"][0]["finish_reason"],
    );
    if raw["object"] == "response"
        && let Some(reasons) = content::finish_reasons(&raw.to_string())
    {
        attributes.supply(FINISH_REASONS, reasons);
    }
    for counts in [
        raw.get("usage"),
        raw.get("usage_metadata"),
        response.get("additional_kwargs"),
    ] {
        usage::put_value(attributes, counts);
    }
    let answer = match response.remove("message") {
        Some(answer) => Value::Array(vec![message(answer)]),
        None => response.remove("text").unwrap_or_default(),
    };
    json::put(attributes, OUTPUT, answer);
}

/// Spells a message as other libraries do. Its content is in blocks, and the id of the call that a tool answers is stored
/// separately.
pub(super) fn message(mut message: Value) -> Value {
    let Some(fields) = message.as_object_mut() else {
        return message;
    };
    if let Some(id) = fields
        .get_mut("additional_kwargs")
        .and_then(|additional| additional.as_object_mut()?.remove("tool_call_id"))
    {
        fields.insert("tool_call_id".to_owned(), id);
    }
    if let Some(Value::Array(mut blocks)) = fields.remove("blocks") {
        for block in blocks.iter_mut().filter_map(Value::as_object_mut) {
            for (from, to) in [
                ("block_type", "type"),
                ("tool_kwargs", "arguments"),
                ("image_mimetype", "mime_type"),
            ] {
                if let Some(value) = block.remove(from) {
                    block.insert(to.to_owned(), value);
                }
            }
        }
        fields.insert("content".to_owned(), Value::Array(blocks));
    }
    message
}

/// Joins the texts of blocks, if all of them are texts.
pub(super) fn text_of_blocks(blocks: &Value) -> Option<String> {
    let blocks = blocks.as_array()?;
    let texts: Option<Vec<&str>> = blocks.iter().map(|block| block["text"].as_str()).collect();
    texts.map(|texts| texts.join("\n"))
}

/// Restores the objects in an event's attributes: `response.raw.usage` stands for three nested objects. Lists are JSON.
fn fields(event: &SourceEvent) -> Object {
    let values = event.attributes.iter().filter_map(|(key, value)| {
        let value = match json::value(value) {
            Value::String(text) if text == "null" => return None,
            Value::String(text) if text.starts_with(['[', '{']) => {
                messages::read_json(&text).unwrap_or(Value::String(text))
            }
            value => value,
        };
        Some((key, value))
    });
    match indexed::nested(values) {
        Value::Object(fields) => fields,
        _ => Object::new(),
    }
}
