//! Letta's server, which traces its methods and records what they are given, most of it as Python reprs. A method of a client asks a
//! model, and the one that reads the answer is beside it.

use serde_json::{Value, json};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT,
    json::{self, Object},
    mark_failed, usage,
};
use crate::{Attributes, SourceSpan, content, tokens};

pub(super) static LETTA: Dialect = Dialect {
    name: NAME,
    recognises: |span| span.scope == "letta.otel.tracing",
    operation,
    adjust,
    ..Dialect::NONE
};

const NAME: &str = "letta";

const REQUEST: &str = "parameter.request_data";
const ARGUMENTS_OF_TOOL: &str = "parameter.tool_args";
const MESSAGES: &str = "parameter.input_messages";

/// What [`ANSWERS`] are given: whole answers, and streams that have been put together.
const RESPONSES: [&str; 2] = ["parameter.response_data", "response_data"];

/// The methods that read answers.
const ANSWERS: [&str; 2] = ["convert_response_to_chat_completion", "log_provider_trace"];

/// Counts in an answer, and what they are called on the call.
pub(crate) const ANSWER_COUNTS: [(&str, &str); 5] = [
    ("letta.answer.input_tokens", tokens::INPUT),
    ("letta.answer.output_tokens", tokens::OUTPUT),
    ("letta.answer.cache_read_tokens", tokens::CACHE_READ),
    ("letta.answer.cache_creation_tokens", tokens::CACHE_CREATION),
    ("letta.answer.reasoning_tokens", tokens::REASONING),
];

/// Returns whether a span has this name, with whatever class of Letta's in front.
pub(crate) fn is_letta_answer(name: &str) -> bool {
    method(name).is_some_and(|(_, method)| ANSWERS.contains(&method))
}

/// Splits the name of a span into a class and its method.
fn method(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.')
}

fn operation(span: &SourceSpan) -> Override {
    let has = |key| span.attributes.contains(key);
    match method(&span.name) {
        Some((_, "step" | "step_stream" | "step_stream_no_tokens" | "stream")) if has(MESSAGES) => {
            Override::To("invoke_agent")
        }
        Some((_, "_execute_tool")) if has(ARGUMENTS_OF_TOOL) => Override::To("execute_tool"),
        Some((class, "request_embeddings")) if class.ends_with("Client") => {
            Override::To("embeddings")
        }
        Some((class, method)) if class.ends_with("Client") && has(REQUEST) => {
            let asks = ["request", "stream"];
            match asks.iter().any(|ask| method.starts_with(ask)) {
                true => Override::To("chat"),
                false => Override::Plain,
            }
        }
        Some((_, method)) if ANSWERS.contains(&method) => Override::Plain,
        // The request, from which all spans below inherit the conversation.
        _ if conversation(&span.attributes).is_some() => Override::Plain,
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if let Some(id) = conversation(&span.attributes).map(str::to_owned) {
        span.attributes.supply("gen_ai.conversation.id", id);
    }
    match kind {
        OperationKind::Agent => json::rename(&mut span.attributes, MESSAGES, INPUT),
        OperationKind::Call => read_request(span),
        OperationKind::Embeddings => {
            name_model(
                &mut span.attributes,
                "parameter.embedding_config",
                "embedding_",
            );
            json::rename(
                &mut span.attributes,
                "parameter.inputs",
                "gen_ai.embeddings.input",
            );
        }
        OperationKind::Tool => read_tool(span),
        OperationKind::Plain if is_letta_answer(&span.name) => read_answer(&mut span.attributes),
        _ => {}
    }
}

/// Returns the conversation, or the agent if that is all that a request for an answer names: its messages are one conversation.
fn conversation(attributes: &Attributes) -> Option<&str> {
    let is_id = |id: &&str| id.starts_with("conv-") || id.starts_with("agent-");
    let asks_for_answer = attributes.contains("http.request.body.messages")
        || attributes.contains("http.request.body.input");
    (attributes.text("parameter.conversation_id").filter(is_id))
        .or_else(|| attributes.text("http.conversation_id").filter(is_id))
        .or_else(|| {
            let agent = attributes.text("http.agent_id").filter(is_id);
            agent.filter(|_| asks_for_answer)
        })
}

fn read_request(span: &mut SourceSpan) {
    if method(&span.name).is_some_and(|(_, method)| method.starts_with("stream")) {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
    let attributes = &mut span.attributes;
    if let Some(mut request) = json::object(attributes, REQUEST) {
        json::put_parameters(attributes, &request);
        json::put_scalar(attributes, "gen_ai.request.model", request.get("model"));
        if let Some(tools) = request.remove("tools") {
            json::put(attributes, DEFINITIONS, tools);
        }
        json::put(attributes, INPUT, request.into());
    }
    attributes.remove(REQUEST);
    name_model(attributes, "parameter.llm_config", "model_");
}

/// Names the model and its provider, which are in the repr of a configuration: `LLMConfig(model='m', model_endpoint_type='openai'`.
fn name_model(attributes: &mut Attributes, config: &str, prefix: &str) {
    let Some(config) = attributes.text(config) else {
        return;
    };
    let field = |name: &str| {
        let (_, rest) = config.split_once(&format!("{name}="))?;
        json::literal(rest)
    };
    let model = field(&format!("{prefix}model")).or_else(|| field("(model"));
    let provider = field(&format!("{prefix}endpoint_type"));
    for (key, value) in [
        ("gen_ai.request.model", model),
        ("gen_ai.provider.name", provider),
    ] {
        if let Some(value) = value {
            attributes.supply(key, value);
        }
    }
}

/// Reads a tool's arguments, and its name, result and failure from the events of its start and its end.
fn read_tool(span: &mut SourceSpan) {
    let event = |start: &str| {
        let mut events = span.events.iter();
        events.find_map(|event| {
            let name = event.name.strip_prefix(start)?;
            Some((name.strip_suffix("_execution")?, &event.attributes))
        })
    };
    let name = (event("start_").map(|(name, _)| name))
        .or_else(|| span.attributes.text("parameter.tool_name"))
        .map(str::to_owned);
    let (result, has_failed) = event("finish_").map_or((None, false), |(_, outcome)| {
        let result = outcome.text("func_return").map(str::to_owned);
        (result, outcome.text("status") == Some("error"))
    });
    if let Some(name) = name {
        span.attributes.supply("gen_ai.tool.name", name);
    }
    if let Some(result) = result {
        span.attributes.supply(RESULT, result);
    }
    json::rename(&mut span.attributes, ARGUMENTS_OF_TOOL, ARGUMENTS);
    if has_failed {
        mark_failed(span);
    }
}

/// Reads the answer to the call before.
fn read_answer(attributes: &mut Attributes) {
    let answer = RESPONSES
        .iter()
        .find_map(|key| json::object(attributes, key));
    let Some(answer) = answer else { return };
    json::put_scalar(attributes, "gen_ai.response.id", answer.get("id"));
    let model = answer.get("model").or_else(|| answer.get("model_version"));
    json::put_scalar(attributes, "gen_ai.response.model", model);
    let mut counted = Attributes::default();
    for name in ["usage", "usage_metadata"] {
        usage::put_value(&mut counted, answer.get(name));
    }
    // Anthropic's and Bedrock's are the only ones that name the cache so, and count it apart.
    let counts = answer.get("usage").and_then(Value::as_object);
    if counts.is_some_and(|counts| counts.contains_key("cache_read_input_tokens")) {
        tokens::add_cache(&mut counted);
    }
    for (key, canonical) in ANSWER_COUNTS {
        if let Some(count) = counted.integer(canonical) {
            attributes.push(key, count);
        }
    }
    let answer = match answer.get("content") {
        Some(Value::Object(content)) => message_of_stream(content),
        _ => answer.into(),
    };
    json::put(attributes, OUTPUT, answer);
    content::extract_finish_reasons(attributes, OUTPUT);
    for key in RESPONSES.iter().chain(&["request_data", MESSAGES]) {
        attributes.remove(key);
    }
}

/// Returns the message of a stream, whose parts and whose call of a tool are JSON in texts.
fn message_of_stream(content: &Object) -> Value {
    let lists = ["reasoning", "content"].map(|name| content.get(name).and_then(Value::as_array));
    let parts: Vec<_> = lists
        .into_iter()
        .flatten()
        .flatten()
        .map(|part| json::parsed(part.clone()))
        .collect();
    let mut message = json!({"role": "assistant", "content": parts});
    let call = content.get("tool_call").cloned().map(json::parsed);
    if let Some(call @ Value::Object(_)) = call {
        message["tool_calls"] = json!([call]);
    }
    json!([message])
}
