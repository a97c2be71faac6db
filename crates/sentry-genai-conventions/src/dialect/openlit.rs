//! OpenLIT's instrumentations for Python and JavaScript: the conventions as of the version's release. Up to at least 1.36,
//! messages are one text, with tool calls in separate attributes. Up to the present version, most failed calls have nothing but
//! their name.

mod frameworks;

use serde_json::{Value, json};

use super::{
    ARGUMENTS, Dialect, OUTPUT, OperationKind, Override, RESULT, aliases,
    json::{self, Object},
    mark_failed,
};
use crate::{
    AiKind, Attributes, SourceSpan, SpanKind, content::FINISH_REASONS, messages, operation,
    privacy, tokens,
};

pub(super) static OPENLIT: Dialect = Dialect {
    name: "openlit",
    recognises: |span| {
        let mut scopes = ["openlit.", "@openlit/"].iter();
        scopes.any(|prefix| span.scope.starts_with(prefix))
    },
    #[rustfmt::skip]
    aliases: &aliases([("gen_ai.response.system_fingerprint", "openai.response.system_fingerprint")]),
    // A total that is already there under another name, and resource attributes that are repeated on all spans.
    noise: &[
        "gen_ai.application_name",
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.environment",
    ],
    operation,
    adjust,
};

/// The prefix of the span names of LangChain's tools.
const TOOL_PREFIX: &str = "tool ";

/// The last part of the scope for Google's `genai`.
const GEMINI_LIBRARY: &str = "google_ai_studio";

const REASONING: &str = "gen_ai.content.reasoning";
const STREAMING: &str = "gen_ai.response.streaming";
const FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";

/// Keys for input and output as one text, each with the event that may hold it.
const PROMPT: (&str, &str) = ("gen_ai.prompt", "gen_ai.content.prompt");
const COMPLETION: (&str, &str) = ("gen_ai.completion", "gen_ai.content.completion");

/// Keys for an answer's tool calls: a Python list of OpenAI's calls, or names, ids and arguments that are separated by commas.
const CALLS: &str = "gen_ai.response.tool_calls";
const CALL_NAMES: &str = "gen_ai.tool.name";
const CALL_IDS: &str = "gen_ai.tool.call.id";
const CALL_ARGUMENTS: &str = "gen_ai.tool.args";

fn operation(span: &SourceSpan) -> Override {
    if calls_no_model(span) {
        return Override::Plain;
    }
    let of_framework = frameworks::operation(span);
    if of_framework != Override::None {
        return of_framework;
    }
    let name = match span.attributes.text("gen_ai.operation.name") {
        Some("memory") => memory_operation(&span.name),
        Some("video") => video_operation(&span.name),
        // Of Sarvam.
        Some("speech_to_text_translate" | "translate") => Some("generate_content"),
        // Up to 1.36 this is the whole name of the span: `tool get_weather`.
        Some(operation) => operation
            .split_once(' ')
            .and_then(|(operation, _)| operation::by_name(operation))
            .map(|row| row.name),
        None => operation_of_failed_call(span),
    };
    name.map_or(Override::None, Override::To)
}

/// Returns what is done with Mem0's memory, by the name of the method in the name of the span.
fn memory_operation(name: &str) -> Option<&'static str> {
    match name.strip_prefix("memory ")? {
        "add" => Some("create_memory"),
        "get" | "get_all" | "search" => Some("search_memory"),
        "update" => Some("update_memory"),
        "delete" | "delete_all" | "reset" => Some("delete_memory"),
        _ => None,
    }
}

/// Recognises requests to OpenAI that are about a response or a chat, but call no model. A response in the background has its
/// counts when it is looked up.
fn calls_no_model(span: &SourceSpan) -> bool {
    let request = span.name.split(' ').next().unwrap_or_default();
    match request {
        "chat.messages.list" | "responses.cancel" | "responses.token_count" => true,
        "responses.retrieve" => !span.attributes.contains(tokens::OUTPUT),
        _ => false,
    }
}

/// Returns the operation of a request for a video, unless that only looks it up or deletes it.
fn video_operation(name: &str) -> Option<&'static str> {
    let method = name.strip_prefix("video.")?.split(' ').next()?;
    matches!(method, "create" | "edit" | "extend" | "remix").then_some("generate_content")
}

/// Returns the operation of a call that failed before anything was recorded.
fn operation_of_failed_call(span: &SourceSpan) -> Option<&'static str> {
    let has_failed = span.status.is_error();
    if !has_failed || span.kind != Some(SpanKind::Client) {
        return None;
    }
    let (row, model) = operation::split_span_name(&span.name)?;
    let is_call = row.kind == AiKind::LlmCall && !model.is_empty() && privacy::is_token(model);
    is_call.then_some(row.name)
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if frameworks::is_crewai_step(span) {
        if let Some(step) = span.name.strip_prefix("invoke_agent ") {
            span.name = step.to_owned().into();
        }
        // The instrumentation records the output before the coroutine is awaited.
        let output = span.attributes.text(OUTPUT);
        if output.is_some_and(|text| text.contains("<coroutine object ")) {
            span.attributes.remove(OUTPUT);
        }
    }
    frameworks::adjust(span, kind);
    let attributes = &mut span.attributes;
    attributes.retain(|key, value| {
        key != "gen_ai.request.max_tokens" || value != crate::Value::Integer(-1)
    });
    match kind {
        OperationKind::Call => adjust_call(span),
        OperationKind::Tool => adjust_tool(span),
        _ => {}
    }
}

fn adjust_call(span: &mut SourceSpan) {
    // The tracer is named after the instrumented library.
    let library = span.scope.rsplit(['.', '-']).next().unwrap_or_default();
    if ["anthropic", "cohere", "groq", "openai"].contains(&library)
        && !span.attributes.contains("gen_ai.system")
    {
        let provider = library.to_owned();
        span.attributes.supply("gen_ai.provider.name", &*provider);
    }
    if library == GEMINI_LIBRARY {
        adjust_gemini(&mut span.attributes);
    }
    if library == "openai" {
        adjust_openai_response(span);
    } else if library == "anthropic" {
        tokens::add_cache(&mut span.attributes);
    }
    let prompt = text_of(span, PROMPT).as_deref().and_then(split_turns);
    let completion = text_of(span, COMPLETION);
    let attributes = &mut span.attributes;
    attributes.rename("gen_ai.request.stream", STREAMING);
    if let Some(prompt) = prompt {
        attributes.set(super::INPUT, prompt.to_string());
        attributes.remove(PROMPT.0);
    }
    assemble_output(attributes, completion);
    if attributes.get(STREAMING) == Some(crate::Value::Bool(true)) {
        attributes.rename(FIRST_TOKEN, "gen_ai.response.time_to_first_chunk");
    }
    attributes.remove(FIRST_TOKEN);
}

/// Replaces the status of one of OpenAI's responses, which is recorded as its finish reason, and the id of the item that calls a
/// tool, which is recorded as the id of the call.
fn adjust_openai_response(span: &mut SourceSpan) {
    let Some(reasons) = span.attributes.get(FINISH_REASONS).map(json::value) else {
        return;
    };
    let has_failed = match reasons.get(0).and_then(Value::as_str) {
        Some("completed") => false,
        Some("failed") => true,
        _ => return,
    };
    let attributes = &mut span.attributes;
    let id = attributes.text(CALL_IDS).map(str::to_owned);
    let mut output = json::read(attributes, OUTPUT).unwrap_or_default();
    let message = output.get_mut(0);
    let parts = message.and_then(|message| message.get_mut("parts")?.as_array_mut());
    let mut calls: Vec<_> = (parts.into_iter().flatten())
        .filter(|part| part.get("type").is_some_and(|kind| kind == "tool_call"))
        .collect();
    let reason = match &mut *calls {
        _ if has_failed => "error",
        [] if id.is_none() => "stop",
        [call] => {
            if let Some(id) = id {
                call["id"] = id.into();
            }
            "tool_calls"
        }
        _ => "tool_calls",
    };
    if let Some(Value::Object(message)) = output.get_mut(0) {
        message.insert("finish_reason".to_owned(), reason.into());
        json::set(attributes, OUTPUT, output);
    }
    attributes.set(FINISH_REASONS, format!(r#"["{reason}"]"#));
    if has_failed {
        mark_failed(span);
    }
}

/// Adds the reasoning to the output, because Gemini counts it separately. Removes Python's `None` from answers without text,
/// which have tool calls or no output tokens, or were withheld.
fn adjust_gemini(attributes: &mut Attributes) {
    let output = attributes.integer(tokens::OUTPUT);
    if let Some(reasoning) = attributes.integer(tokens::REASONING) {
        tokens::increase(attributes, tokens::OUTPUT, reasoning);
    }
    let Some(Value::Array(mut messages)) = json::read(attributes, OUTPUT) else {
        return;
    };
    for message in &mut messages {
        let has_stopped = message["finish_reason"] == "FinishReason.STOP" && output != Some(0);
        let Some(parts) = message.get_mut("parts").and_then(Value::as_array_mut) else {
            continue;
        };
        if !has_stopped || parts.iter().any(|part| part["type"] == "tool_call") {
            parts.retain(|part| part["content"] != "None");
        }
    }
    messages.retain(|message| message["parts"] != json!([]));
    if messages.is_empty() {
        // Another attribute says why it was withheld.
        attributes.remove(OUTPUT);
    } else {
        json::set(attributes, OUTPUT, messages.into());
    }
}

/// Returns the text in an attribute, or in the event that should have it.
fn text_of(span: &SourceSpan, (key, event): (&str, &str)) -> Option<String> {
    let in_event = || {
        let mut events = span.events.iter();
        let event = events.find(|recorded| recorded.gen_ai_name() == Some(event))?;
        event.attributes.text(key)
    };
    let text = span.attributes.text(key).or_else(in_event)?;
    Some(text.to_owned())
}

/// Splits a text in which every message starts with its role: `system: Be brief.\nuser: Hi`.
fn split_turns(text: &str) -> Option<Value> {
    const ROLES: &[&str] = &["assistant", "developer", "system", "tool", "user"];

    let mut turns: Vec<(&str, String)> = Vec::new();
    for line in text.split('\n') {
        let start = line
            .split_once(": ")
            .filter(|(role, _)| ROLES.contains(role));
        match (start, turns.last_mut()) {
            (Some((role, text)), _) => turns.push((role, text.to_owned())),
            (None, Some((_, text))) => {
                text.push('\n');
                text.push_str(line);
            }
            (None, None) => return None,
        }
    }
    let turns = turns.into_iter().filter(|(_, text)| is_text(text));
    Some(
        turns
            .map(|(role, text)| json!({"role": role, "content": text}))
            .collect(),
    )
}

/// Returns whether a message has text. If it has none, there is Python's `None`.
fn is_text(text: &str) -> bool {
    !matches!(text.trim(), "" | "None")
}

/// Combines the output text, the reasoning before it and the tool calls.
fn assemble_output(attributes: &mut Attributes, text: Option<String>) {
    let reasoning = attributes.text(REASONING).map(str::to_owned);
    let calls = tool_calls(attributes);
    for key in [REASONING, CALLS, CALL_NAMES, CALL_IDS, CALL_ARGUMENTS] {
        attributes.remove(key);
    }
    if text.is_none() && attributes.contains(OUTPUT) {
        // Newer messages include their tool calls.
        attributes.remove(ARGUMENTS);
        if let Some(reasoning) = reasoning {
            prepend_reasoning(attributes, &reasoning);
        }
        return;
    }
    attributes.remove(OUTPUT);
    attributes.remove(COMPLETION.0);
    let mut message = Object::new();
    if let Some(reasoning) = reasoning {
        message.insert("reasoning_content".to_owned(), reasoning.into());
    }
    if let Some(text) = text.filter(|text| is_text(text)) {
        message.insert("content".to_owned(), text.into());
    }
    if !calls.is_empty() {
        attributes.remove(ARGUMENTS);
        message.insert("tool_calls".to_owned(), calls.into());
    }
    if !message.is_empty() {
        message.insert("role".to_owned(), "assistant".into());
        let messages = json!([message]);
        attributes.push(OUTPUT, messages.to_string());
    }
}

/// Puts the reasoning in front of the last answer.
fn prepend_reasoning(attributes: &mut Attributes, reasoning: &str) {
    let Some(mut messages) = json::read(attributes, OUTPUT) else {
        return;
    };
    let last = messages
        .as_array_mut()
        .and_then(|messages| messages.last_mut());
    if let Some(Value::Array(parts)) = last.and_then(|message| message.get_mut("parts")) {
        parts.insert(0, json!({"type": "reasoning", "content": reasoning}));
        json::set(attributes, OUTPUT, messages);
    }
}

fn tool_calls(attributes: &Attributes) -> Vec<Value> {
    if let Some(Value::Array(mut calls)) = json::read(attributes, CALLS) {
        // For OpenAI's responses, these are the available tools.
        calls.retain(|call| call.get("parameters").is_none());
        return calls;
    }
    let texts = |key| attributes.text(key).unwrap_or_default().split(", ");
    let names: Vec<_> = texts(CALL_NAMES).filter(|name| !name.is_empty()).collect();
    let mut ids = texts(CALL_IDS);
    let text = attributes.text(CALL_ARGUMENTS).unwrap_or_default();
    let list = messages::read_json(&format!("[{text}]"));
    let mut arguments = match (attributes.get(ARGUMENTS), list) {
        // The SDK for Go.
        (Some(crate::Value::Array(items)), _) => items.iter().map(json::scalar).collect(),
        (_, Some(Value::Array(items))) if items.len() == names.len() => items,
        _ => vec![text.into()],
    }
    .into_iter();
    let call = |name| {
        json!({
            "type": "tool_call",
            "id": ids.next(),
            "name": name,
            "arguments": arguments.next(),
        })
    };
    names.into_iter().map(call).collect()
}

fn adjust_tool(span: &mut SourceSpan) {
    let name = span.name.strip_prefix(TOOL_PREFIX).map(str::to_owned);
    let attributes = &mut span.attributes;
    if let Some(name) = name {
        attributes.supply(CALL_NAMES, &*name);
    }
    if let Some(arguments) = json::object(attributes, ARGUMENTS) {
        json::set(attributes, ARGUMENTS, arguments.into());
    }
    // The repr of LangChain's message: `content='22C' name='w' tool_call_id='1'`.
    let content = attributes.text(RESULT).and_then(|result| {
        json::literal(result.strip_prefix("content=")?).filter(|text| !text.is_empty())
    });
    if let Some(content) = content {
        attributes.set(RESULT, content);
    }
}
