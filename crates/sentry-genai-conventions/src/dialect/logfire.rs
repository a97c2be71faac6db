//! Logfire's own instrumentations of OpenAI, Anthropic and OpenAI's agents: names are templates.

use serde_json::{Value, json};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    event_list, has_known_operation, interpret::restore_start, json, usage,
};
use crate::{Attributes, SourceSpan, SourceStatus, content, messages, status::ERROR_TYPE, tokens};

/// The scope of its instrumentation of Claude's agents.
pub(super) const CLAUDE_AGENT_SDK: &str = "logfire.claude_agent_sdk";

pub(super) static LOGFIRE: Dialect = Dialect {
    name: "logfire",
    recognises: |span| span.scope.starts_with("logfire."),
    aliases: &aliases([
        ("agent_name", "gen_ai.agent.name"),
        ("from_agent", "gen_ai.handoff.from_agent"),
        ("group_id", "session.id"),
        ("response_id", "gen_ai.response.id"),
        ("to_agent", "gen_ai.handoff.to_agent"),
        ("tools", DEFINITIONS),
    ]),
    noise: &[
        "gen_ai.usage.raw",
        "logfire.json_schema",
        "logfire.metrics",
        "model_config",
        "model_settings",
        "raw_input",
        "request_data",
        "response",
        "response_data",
        "usage",
    ],
    operation,
    adjust,
};

fn operation(span: &SourceSpan) -> Override {
    let template = span
        .attributes
        .text("logfire.msg_template")
        .unwrap_or(&span.name);
    if span.scope == "logfire.openai_agents" {
        return operation_in_openai_agents(span, template);
    }
    if template.starts_with("streaming response") {
        return match span.attributes.text("gen_ai.operation.name") {
            Some("text_completion") => Override::None,
            _ => Override::To("chat"),
        };
    }
    let by_path = operation_by_path(span);
    if by_path != Override::None {
        return by_path;
    }
    if only_opens_stream(span) {
        return Override::Plain;
    }
    if span.attributes.contains("gen_ai.operation.name") {
        return Override::None;
    }
    // In older versions only the template names the operation.
    match template.split_once(" with ").map(|(before, _)| before) {
        Some("Embedding Creation") => Override::To("embeddings"),
        Some("Image Generation") => Override::To("generate_content"),
        Some("Completion") => Override::To("text_completion"),
        _ => Override::None,
    }
}

fn operation_in_openai_agents(span: &SourceSpan, template: &str) -> Override {
    match template.split(':').next().unwrap_or_default() {
        "Agent run" => Override::To("invoke_agent"),
        "Function" => Override::To("execute_tool"),
        "Handoff" => Override::To("handoff"),
        "Text → Speech" => Override::To("generate_content"),
        name if name.starts_with("Speech → Text") => Override::To("generate_content"),
        _ if has_known_operation(span) => Override::None,
        _ if is_call_template(template) => Override::To("chat"),
        _ => Override::Plain,
    }
}

/// Determines the operation of a request that the instrumentation does not know. Only its path is recorded.
fn operation_by_path(span: &SourceSpan) -> Override {
    match span.attributes.text("url") {
        Some(
            "/audio/speech"
            | "/audio/transcriptions"
            | "/audio/translations"
            | "/images/edits"
            | "/images/variations"
            | "/videos",
        ) => Override::To("generate_content"),
        Some("/moderations") => Override::To("evaluate"),
        Some("/fine_tuning/jobs") => Override::Plain,
        // Looking up or cancelling a response calls no model. Only the lookup of a background response has its counts.
        Some(url) if url.starts_with("/responses/") && !span.attributes.contains(tokens::INPUT) => {
            Override::Plain
        }
        _ => Override::None,
    }
}

fn is_call_template(template: &str) -> bool {
    let template = template.to_ascii_lowercase();
    template.starts_with("chat completion") || template.starts_with("responses api")
}

/// Returns whether a span only opens a stream. A stream has two spans: that of the request has neither answer nor counts, and the
/// one that follows has everything about the call. An embedding is different, because its input is counted.
fn only_opens_stream(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let has_failed = span.status.is_error() || span.has_exception();
    !has_failed
        && attributes.contains("request_data")
        && !attributes.contains_any(&[
            OUTPUT,
            tokens::INPUT,
            tokens::OUTPUT,
            "gen_ai.response.id",
            "response_data",
        ])
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let is_stream = span.name.starts_with("streaming response");
    if is_stream {
        // It is a log record from the end of the stream.
        restore_start(span, "duration");
    }
    let attributes = &mut span.attributes;
    for key in [
        "group_id",
        "agent_name",
        "from_agent",
        "to_agent",
        "response_id",
        "input",
        "output",
    ] {
        if attributes.text(key) == Some("null") {
            attributes.remove(key);
        }
    }
    match kind {
        OperationKind::Agent => attributes.rename("name", "gen_ai.agent.name"),
        OperationKind::Tool => {
            attributes.rename("name", "gen_ai.tool.name");
            attributes.rename("input", ARGUMENTS);
            attributes.rename("output", RESULT);
            if span.scope == CLAUDE_AGENT_SDK {
                read_failure(span);
            }
            return;
        }
        _ => {}
    }
    if kind == OperationKind::Embeddings {
        read_embeddings(attributes);
    }
    if kind != OperationKind::Call {
        return;
    }
    event_list::take(attributes, "events");
    if span.scope == "logfire.openai_agents" {
        read_agents_messages(attributes);
    }
    read_request_and_response(attributes);
    if span.scope == "logfire.anthropic" {
        read_blocks(attributes);
    }
    for key in ["gen_ai.usage.raw", "usage"] {
        usage::take(attributes, key);
    }
    if is_stream {
        attributes.supply("gen_ai.response.streaming", true);
    }
}

/// Removes copies of messages that Logfire adds to spans of instrumentations of LangChain and litellm.
pub(super) fn remove_copies(attributes: &mut Attributes) {
    for key in ["all_messages_events", "request_data", "response_data"] {
        let schema = attributes.text("logfire.json_schema");
        if schema.is_some_and(|schema| schema.contains(key)) {
            attributes.remove(key);
        }
    }
}

/// Reads why a tool of Claude's failed. The type of the error is what the tool came to.
fn read_failure(span: &mut SourceSpan) {
    if let Some(result) = span.attributes.text(ERROR_TYPE).map(str::to_owned) {
        span.attributes.set(ERROR_TYPE, "tool_error");
        span.status = SourceStatus::Error(Some(result));
    }
}

/// Reads the messages of a call by OpenAI's agents. The last request also includes the answer, behind the question.
fn read_agents_messages(attributes: &mut Attributes) {
    for (key, name) in [("input", INPUT), ("output", OUTPUT)] {
        match json::read(attributes, key) {
            // The format of a recording.
            Some(Value::Object(_)) => {}
            Some(messages) => {
                json::put(attributes, name, messages);
                attributes.remove(key);
            }
            // What was said, or is to be said.
            None => attributes.rename(key, name),
        }
    }
}

/// Reads the blocks of an answer that the program sends back as it got them, and that are recorded as texts: the repr of Python.
fn read_blocks(attributes: &mut Attributes) {
    if !attributes
        .text(INPUT)
        .is_some_and(|it| it.contains("Block("))
    {
        return;
    }
    let Some(mut messages) = json::read(attributes, INPUT) else {
        return;
    };
    for message in messages.as_array_mut().into_iter().flatten() {
        if message["role"] != "assistant" {
            continue;
        }
        let parts = message.get_mut("parts").and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            if let Some(block) = part["content"].as_str().and_then(block) {
                *part = block;
            }
        }
    }
    json::set(attributes, INPUT, messages);
}

fn block(text: &str) -> Option<Value> {
    let (name, _) = text.split_once('(')?;
    let block = messages::read_constructor(text).filter(|_| name.ends_with("Block"))?;
    block["type"].is_string().then_some(block)
}

/// Reads the texts to embed, and their count, both of which newer versions also record under the names of the conventions.
fn read_embeddings(attributes: &mut Attributes) {
    if let Some(mut request) = json::object(attributes, "request_data")
        && let Some(texts) = request.remove("input")
    {
        json::put(attributes, "gen_ai.embeddings.input", texts);
    }
    if let Some(answer) = json::object(attributes, "response_data") {
        usage::put_value(attributes, answer.get("usage"));
    }
}

/// Reads the whole answer of OpenAI's Responses API, which also repeats the tools and the parameters of the request.
fn read_response(attributes: &mut Attributes) {
    let Some(response) = json::read(attributes, "response") else {
        return;
    };
    if let Some(response) = response.as_object() {
        content::extract_finish_reasons(attributes, "response");
        json::put_parameters(attributes, response);
        if let Some(counts) = response.get("usage").and_then(|it| it.as_object()) {
            usage::put(attributes, counts);
        }
        if json::has(response, "tools") {
            json::put(attributes, DEFINITIONS, response["tools"].clone());
        }
    }
    json::put(attributes, OUTPUT, response);
}

fn read_request_and_response(attributes: &mut Attributes) {
    read_response(attributes);
    if let Some(answer) = json::object(attributes, "response_data") {
        if let Some(counts) = answer.get("usage").and_then(|it| it.as_object()) {
            usage::put(attributes, counts);
        }
        if let Some(message) = answer
            .get("message")
            .or_else(|| answer.get("combined_chunk_content"))
            .or_else(|| answer.get("text"))
        {
            json::put(attributes, OUTPUT, message.clone());
        }
        if let Some(images) = answer.get("images") {
            json::put(attributes, OUTPUT, json!({"created": 0, "data": images}));
        }
    }
    if let Some(request) = json::object(attributes, "request_data") {
        json::put_parameters(attributes, &request);
        if let Some(messages) = request.get("messages").or_else(|| request.get("prompt")) {
            json::put(attributes, INPUT, messages.clone());
        }
    }
}
