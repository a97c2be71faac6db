//! Genkit: every action is a span with its input and output as JSON. The kind of the action says what it does.

use serde_json::{Value, json};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    json::{self, Object},
    pieces, usage,
};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static GENKIT: Dialect = Dialect {
    name: "genkit",
    recognises: |span| span.scope == "genkit-tracer" && span.attributes.contains(NAME),
    aliases: &aliases([
        ("genkit:metadata:agent:sessionId", "session.id"),
        ("genkit:sessionId", "session.id"),
    ]),
    noise: &["genkit:isRoot", "genkit:path"],
    operation,
    adjust,
};

const NAME: &str = "genkit:name";
const ACTION_INPUT: &str = "genkit:input";
const ACTION_OUTPUT: &str = "genkit:output";

/// Flows, prompts, and the loop around model calls are not calls.
fn operation(span: &SourceSpan) -> Override {
    match span.attributes.text("genkit:metadata:subtype") {
        Some("model" | "background-model") => Override::To("chat"),
        Some("embedder") => Override::To("embeddings"),
        Some("reranker") => Override::To("rerank"),
        Some("tool" | "tool.v2") => Override::To("execute_tool"),
        Some("agent") => Override::To("invoke_agent"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            name_model(attributes);
            read_call(attributes);
        }
        OperationKind::Embeddings => {
            name_model(attributes);
            read_embedding_input(attributes);
        }
        OperationKind::Tool => {
            attributes.rename(NAME, "gen_ai.tool.name");
            attributes.rename(ACTION_INPUT, ARGUMENTS);
            attributes.rename(ACTION_OUTPUT, RESULT);
        }
        OperationKind::Agent => {
            attributes.rename(NAME, "gen_ai.agent.name");
            read_run(attributes);
        }
        OperationKind::Other | OperationKind::Plain => {}
    }
}

/// Names the model and the provider. A model's name starts with that of the plugin: `googleai/gemini-2.5-flash`.
fn name_model(attributes: &mut Attributes) {
    let Some(name) = attributes.text(NAME).map(str::to_owned) else {
        return;
    };
    match name.split_once('/') {
        Some((plugin, model)) => {
            attributes.supply("gen_ai.provider.name", plugin);
            attributes.supply("gen_ai.request.model", model);
        }
        None => attributes.supply("gen_ai.request.model", name),
    }
}

/// Reads what an agent was asked in a turn, and its answer. A run of several turns has only the answer to the last one.
fn read_run(attributes: &mut Attributes) {
    for (key, canonical) in [(ACTION_INPUT, INPUT), (ACTION_OUTPUT, OUTPUT)] {
        let Some(mut object) = json::object(attributes, key) else {
            continue;
        };
        if let Some(content) = object.remove("message") {
            let reason = object.remove("finishReason");
            json::put(attributes, canonical, json!([message(content, reason)]));
            attributes.remove(key);
        }
    }
}

fn read_call(attributes: &mut Attributes) {
    read_request(attributes);
    let Some(response) = json::object(attributes, ACTION_OUTPUT) else {
        return;
    };
    attributes.remove(ACTION_OUTPUT);
    read_usage(attributes, &response);
    read_provider_response(attributes, &response);
    read_candidates(attributes, response);
}

fn read_request(attributes: &mut Attributes) {
    if let Some(mut request) = json::object(attributes, ACTION_INPUT) {
        attributes.remove(ACTION_INPUT);
        if let Some(Value::Object(config)) = request.remove("config") {
            json::put_parameters(attributes, &config);
        }
        if let Some(Value::Array(tools)) = request.remove("tools")
            && !tools.is_empty()
        {
            json::put(attributes, DEFINITIONS, definitions(tools));
        }
        if let Some(Value::Array(messages)) = request.remove("messages") {
            let messages = messages.into_iter().map(|item| message(item, None));
            json::put(attributes, INPUT, messages.collect());
        }
    }
}

/// Records the counts as Genkit reports them.
fn read_usage(attributes: &mut Attributes, response: &Object) {
    if let Some(Value::Object(usage)) = response.get("usage") {
        usage::put(attributes, usage);
        let names = [
            ("thoughtsTokens", tokens::REASONING),
            ("cachedContentTokens", tokens::CACHE_READ),
        ];
        json::put_scalars(attributes, usage, &names);
    }
}

/// Reads the provider's own response, if the plugin keeps it. Only there do OpenAI and Anthropic state the cached tokens, which
/// Anthropic does not count as input.
fn read_provider_response(attributes: &mut Attributes, response: &Object) {
    let mut excludes_cache = false;
    for field in ["raw", "custom"] {
        let Some(Value::Object(raw)) = response.get(field) else {
            continue;
        };
        if let Some(Value::Object(usage)) = raw.get("usage") {
            let has_cache_count = usage.contains_key("cache_read_input_tokens");
            if has_cache_count || usage.keys().any(|key| key.ends_with("_tokens_details")) {
                usage::put(attributes, usage);
            }
            excludes_cache |= has_cache_count;
        }
        let names = [
            ("id", "gen_ai.response.id"),
            ("responseId", "gen_ai.response.id"),
            ("model", "gen_ai.response.model"),
            ("modelVersion", "gen_ai.response.model"),
        ];
        json::put_scalars(attributes, raw, &names);
    }
    if excludes_cache {
        tokens::add_cache(attributes);
    }
}

/// Records the messages of the candidates, or that of the response if it has none, and their finish reasons.
fn read_candidates(attributes: &mut Attributes, mut response: Object) {
    let omitted = omitted_text(&response);
    let candidates = match response.remove("candidates") {
        Some(Value::Array(candidates)) => candidates,
        _ => vec![Value::Object(response)],
    };
    let mut reasons = Vec::new();
    let mut messages = Vec::new();
    for mut candidate in candidates {
        let reason = candidate.get_mut("finishReason").map(Value::take);
        reasons.extend(reason.clone());
        if let Some(content) = candidate.get_mut("message").map(Value::take) {
            messages.push(message(content, reason));
        }
    }
    if !reasons.is_empty() {
        json::put(attributes, "gen_ai.response.finish_reasons", reasons.into());
    }
    if let [message] = &mut *messages
        && let Some(text) = omitted
        && let Some(Value::Array(parts)) = message.get_mut("content")
    {
        parts.insert(0, json!({"type": "text", "content": text}));
    }
    if !messages.is_empty() {
        json::put(attributes, OUTPUT, messages.into());
    }
}

/// Returns the text beside tool calls, or the refusal, which only the completion of OpenAI's has. The plugin omits them.
fn omitted_text(response: &Object) -> Option<Value> {
    let parts = response.get("message")?.get("content")?.as_array()?;
    let is_answer = |part: &Value| {
        let fields = ["data", "text"];
        fields.iter().any(|field| part.get(field).is_some())
    };
    if parts.iter().any(is_answer) {
        return None;
    }
    let message = response.get("raw")?.pointer("/choices/0/message")?;
    let texts = ["content", "refusal"].map(|field| message.get(field).and_then(Value::as_str));
    let mut texts = texts.into_iter().flatten();
    texts.find(|text| !text.is_empty()).map(Value::from)
}

fn definitions(tools: Vec<Value>) -> Value {
    let tools = tools.into_iter().map(|mut tool| {
        let mut take = |key| json::take(&mut tool, key);
        json!({
            "type": "function",
            "name": take("name"),
            "description": take("description"),
            "parameters": take("inputSchema"),
        })
    });
    tools.collect()
}

fn message(mut message: Value, finish_reason: Option<Value>) -> Value {
    let is_answer = message.get("role").and_then(Value::as_str) == Some("model");
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        if is_answer {
            pieces::join(parts);
        }
        for value in parts {
            if let Value::Object(object) = value {
                *value = part(std::mem::take(object));
            }
        }
    }
    if let (Value::Object(message), Some(reason)) = (&mut message, finish_reason) {
        message.insert("finish_reason".to_owned(), reason);
    }
    message
}

fn part(mut part: Object) -> Value {
    let mut take_object = |key: &str| match part.remove(key) {
        Some(Value::Object(inner)) => Some(inner),
        other => {
            part.extend(other.map(|value| (key.to_owned(), value)));
            None
        }
    };
    if let Some(mut call) = take_object("toolRequest") {
        return json!({
            "type": "tool_call",
            "id": call.remove("ref"),
            "name": call.remove("name"),
            "arguments": call.remove("input"),
        });
    }
    if let Some(mut answer) = take_object("toolResponse") {
        return json!({
            "type": "tool_call_response",
            "id": answer.remove("ref"),
            "name": answer.remove("name"),
            "response": answer.remove("output"),
        });
    }
    if let Some(mut media) = take_object("media") {
        return json!({"type": "image_url", "image_url": {"url": media.remove("url")}});
    }
    if let Some(data) = part.remove("data") {
        return json!({"type": "object", "content": data});
    }
    if let Some(thought) = part.remove("reasoning") {
        return json!({"type": "reasoning", "content": thought});
    }
    Value::Object(part)
}

/// Records the texts of the documents to embed.
fn read_embedding_input(attributes: &mut Attributes) {
    let documents =
        json::object(attributes, ACTION_INPUT).and_then(|mut input| input.remove("input"));
    attributes.remove(ACTION_INPUT);
    attributes.remove(ACTION_OUTPUT);
    let Some(Value::Array(documents)) = documents else {
        return;
    };
    let parts = documents
        .iter()
        .filter_map(|document| document.get("content")?.as_array());
    let texts: Vec<Value> = parts
        .flatten()
        .filter_map(|part| part.get("text").cloned())
        .collect();
    if !texts.is_empty() {
        let texts = json::list_or_single(texts);
        json::put(attributes, "gen_ai.embeddings.input", texts);
    }
}
