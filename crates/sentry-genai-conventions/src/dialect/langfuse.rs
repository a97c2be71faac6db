//! Langfuse's SDK: observations under its own keys, and nothing under those of the conventions.

use serde_json::{Value, json};

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, aliases, first_chunk, has_known_operation,
    indexed, is_hook_around_agent, is_of_crate, json, kind_of, litellm, mark_failed_with,
    name_as_span, tool_answer, traceloop, unquoted, usage,
};
use crate::{
    Attributes, SourceSpan, SourceStatus,
    content::{self, FINISH_REASONS},
    messages,
};

pub(super) static LANGFUSE: Dialect = Dialect {
    name: "langfuse",
    recognises: |span| span.attributes.contains(TYPE),
    #[rustfmt::skip]
    aliases: &aliases([
        ("langfuse.observation.metadata.instructions", "gen_ai.system_instructions"),
        ("langfuse.observation.metadata.ls_provider", "gen_ai.provider.name"),
        ("langfuse.observation.metadata.tools", DEFINITIONS),
        (MODEL, "gen_ai.request.model"),
    ]),
    noise: &[
        "langfuse.internal.*",
        "langfuse.observation.completion_start_time",
        "langfuse.observation.model.parameters",
    ],
    operation,
    adjust,
};

const TYPE: &str = "langfuse.observation.type";
const INPUT: &str = "langfuse.observation.input";
const OUTPUT: &str = "langfuse.observation.output";

const MODEL: &str = "langfuse.observation.model.name";
const REQUESTED_MODEL: &str = "langfuse.observation.metadata.ls_model_name";
const AGENT_NAME: &str = "langfuse.observation.metadata.lc_agent_name";
/// Content, unless something went wrong: LangGraph's interrupts are reported here, including the question to a person.
const STATUS_MESSAGE: &str = "langfuse.observation.status_message";
const METADATA: &str = "langfuse.observation.metadata.";
const TOOL_NAME: &str = "langfuse.observation.metadata.tool_name";
const TOOL_CALL_ID: &str = "langfuse.observation.metadata.tool_call_id";
const TRACE_NAME: &str = "langfuse.trace.name";

/// reagent-rs, whose agents are of the type `trace`.
const REAGENT: &str = "reagent_rs";

/// Returns the part of the API in the default name that the wrapper of OpenAI's SDK gives its observations. Python always uses
/// `OpenAI-generation`, JavaScript the part of the API.
fn openai_api(name: &str) -> Option<&str> {
    name.strip_prefix("OpenAI")?.strip_prefix(['-', '.'])
}

fn operation(span: &SourceSpan) -> Override {
    match kind_of(span, TYPE).as_deref() {
        // In JavaScript's wrapper, everything is a generation.
        Some("generation") => Override::To(match openai_api(&span.name) {
            Some("embeddings") => "embeddings",
            Some("moderations") => "evaluate",
            Some("audio" | "images") => "generate_content",
            _ => "chat",
        }),
        Some("embedding") => Override::To("embeddings"),
        Some("agent") if is_hook_around_agent(&span.name) => Override::Plain,
        Some("agent") => Override::To("invoke_agent"),
        Some("tool") => Override::To("execute_tool"),
        // Not one of Langfuse's types.
        Some("trace") if is_of_crate(span, REAGENT) => Override::To("invoke_agent"),
        // LangChain's agents are spans to JavaScript's callback and chains to Python's, unless they are named otherwise. An
        // agent's run is the one that has the agent's name.
        Some("span" | "chain") if is_named_after_agent(span) => Override::To("invoke_agent"),
        // `span` is the type of everything that has no better one, so an operation is more specific.
        Some("span") if has_known_operation(span) => Override::None,
        _ => Override::Plain,
    }
}

fn is_named_after_agent(span: &SourceSpan) -> bool {
    let agent = span.attributes.text(AGENT_NAME).map(unquoted);
    agent == Some(&span.name)
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_agent_or_tool(span, kind);
    if matches!(kind, OperationKind::Call | OperationKind::Embeddings)
        && openai_api(&span.name).is_some()
    {
        let attributes = &mut span.attributes;
        json::put(attributes, "gen_ai.provider.name", "openai".into());
    }
    read_session(&mut span.attributes);
    let attributes = &mut span.attributes;
    if kind != OperationKind::Plain {
        read_alternative_keys(attributes);
        unwrap_function_arguments(attributes);
    }
    match kind {
        OperationKind::Embeddings => {
            attributes.rename(INPUT, "gen_ai.embeddings.input");
            attributes.remove(OUTPUT);
        }
        OperationKind::Call => adjust_call(span),
        OperationKind::Tool => unwrap_tool_message(attributes),
        _ => {}
    }
    kind.rename_content(&mut span.attributes, INPUT, OUTPUT);
    read_level(span);
    if kind == OperationKind::Plain {
        return;
    }
    let attributes = &mut span.attributes;
    usage::take_details(attributes, "langfuse.observation.usage_details");
    usage::take_cost_details(attributes, "langfuse.observation.cost_details");
    if let Some(parameters) = json::object(attributes, "langfuse.observation.model.parameters") {
        json::put_parameters(attributes, &parameters);
    }
    let reason = json::read(attributes, "langfuse.observation.metadata.finish_reason");
    if let Some(Value::String(reason)) = reason {
        json::put(attributes, FINISH_REASONS, reason.into());
        attributes.remove("langfuse.observation.metadata.finish_reason");
    }
    first_chunk::read_time_of_day(span, "langfuse.observation.completion_start_time");
}

/// Reads from a model call's input and output what the conventions have attributes for.
fn adjust_call(span: &mut SourceSpan) {
    // The wrapper of OpenAI's SDK records the tools with the messages.
    if let Some(tools) = json::object(&span.attributes, INPUT)
        .filter(|request| request.contains_key("messages") || request.contains_key("input"))
        .and_then(|mut request| request.remove("tools"))
    {
        json::put(&mut span.attributes, DEFINITIONS, tools);
    }
    read_response_status(span);
    let attributes = &mut span.attributes;
    name_models(attributes);
    attach_tool_calls(attributes);
    assign_answers_of_tools(attributes);
    add_role_to_calls(attributes);
    extract_tool_definitions(attributes);
}

/// Names the models of a call by LangChain, whose metadata have the one that was asked. Langfuse records the one that answered.
fn name_models(attributes: &mut Attributes) {
    let requested = attributes.text(REQUESTED_MODEL).map(unquoted);
    if let Some(requested) = requested.map(str::to_owned) {
        if attributes.text(MODEL) != Some(&*requested) {
            attributes.rename(MODEL, "gen_ai.response.model");
        }
        attributes.supply("gen_ai.request.model", requested);
    }
}

/// Reads from the level whether the observation failed, and keeps the message of a failure or a warning.
fn read_level(span: &mut SourceSpan) {
    let attributes = &mut span.attributes;
    // The SDK for Rust records it as JSON.
    let level = attributes.text("langfuse.observation.level").map(unquoted);
    let is_warning = level == Some("WARNING");
    if span.status == SourceStatus::Unset && level == Some("ERROR") {
        span.status = SourceStatus::Error(None);
    }
    if span.status.is_error() {
        attributes.rename(STATUS_MESSAGE, "error.message");
    } else if is_warning {
        attributes.rename(STATUS_MESSAGE, "sentry.status.message");
    }
}

/// Names an agent or a tool by its attributes, or else by its span.
fn name_agent_or_tool(span: &mut SourceSpan, kind: OperationKind) {
    let text = |key| span.attributes.text(key).map(unquoted).map(str::to_owned);
    match kind {
        OperationKind::Tool => {
            let call = text(TOOL_CALL_ID);
            if let Some(tool) = text(TOOL_NAME) {
                span.attributes.supply("gen_ai.tool.name", tool);
            }
            // LangChain's callback. A tool that fails has no answer that names the call.
            if let Some(call) = call {
                span.attributes.supply("gen_ai.tool.call.id", call);
            }
        }
        // Inside another trace, its agents have no name.
        OperationKind::Agent if is_of_crate(span, REAGENT) => {
            if let Some(agent) = text(TRACE_NAME) {
                span.attributes.supply("gen_ai.agent.name", agent);
            }
            return;
        }
        _ => {}
    }
    name_as_span(span, kind);
}

/// Reads input and output from other keys that Langfuse also reads.
fn read_alternative_keys(attributes: &mut Attributes) {
    for (prefix, other, canonical, role) in [
        ("gen_ai.prompt.", "input.value", INPUT, "user"),
        ("gen_ai.completion.", "output.value", OUTPUT, "assistant"),
    ] {
        if let Some(messages) = indexed::take(attributes, prefix) {
            json::put(
                attributes,
                canonical,
                traceloop::messages_from_flattened(messages, role),
            );
        }
        if !attributes.contains(canonical) {
            attributes.rename(other, canonical);
        }
    }
}

/// Determines the finish reason of a streamed response of OpenAI's, and whether it failed.
///
/// The metadata states that for a response as a whole. Otherwise there are only the items, the last of which shows whether it is
/// complete.
fn read_response_status(span: &mut SourceSpan) {
    const OBJECT: &str = "langfuse.observation.metadata.object";
    /// The wrapper for JavaScript copies the fields of a response that say something. Of these, its own metadata always do.
    const OWN_METADATA: &str = "langfuse.observation.metadata.metadata";
    const STATUS: &str = "langfuse.observation.metadata.status";
    const ERROR: &str = "langfuse.observation.metadata.error";
    const DETAILS: &str = "langfuse.observation.metadata.incomplete_details";

    // Newer versions write every text as JSON.
    let text = |key| span.attributes.text(key).map(|text| text.trim_matches('"'));
    let is_response =
        text(OBJECT) == Some("response") || json::object(&span.attributes, OWN_METADATA).is_some();
    let status = is_response.then(|| text(STATUS)).flatten();
    let status = status.map(str::to_owned);
    let items = match json::read(&span.attributes, OUTPUT) {
        Some(item @ Value::Object(_)) => vec![item],
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let is_completed = || items.last().is_some_and(is_completed_item);
    let Some(status) = status.or_else(|| is_completed().then(|| "completed".to_owned())) else {
        return;
    };
    let assembled = json!({
        "object": "response",
        "status": status,
        "reasoning": null,
        "incomplete_details": json::read(&span.attributes, DETAILS),
        "output": items,
    });
    if let Some(reasons) = content::finish_reasons(&assembled.to_string()) {
        span.attributes.supply(FINISH_REASONS, reasons);
    }
    if status == "failed" {
        let error = json::read(&span.attributes, ERROR);
        mark_failed_with(span, error.as_ref());
    }
}

/// Returns whether an item is a complete message or call of a response of OpenAI's.
fn is_completed_item(item: &Value) -> bool {
    let text = |field: &str| item.get(field).and_then(Value::as_str);
    let is_item = match text("type") {
        Some("message") => text("role") == Some("assistant") && item["content"].is_array(),
        Some("function_call") => text("call_id").is_some(),
        _ => false,
    };
    is_item && text("status") == Some("completed")
}

/// Adds the tool calls to the answer. The SDK for Rust records them separately, and the answer may lack them.
fn attach_tool_calls(attributes: &mut Attributes) {
    const CALLS: &str = "langfuse.observation.tool_calls";

    let Some(calls @ Value::Array(_)) = json::read(attributes, CALLS) else {
        return;
    };
    attributes.remove(CALLS);
    let mut answer = match json::read(attributes, OUTPUT) {
        Some(Value::Object(answer)) if !answer.contains_key("tool_calls") => Value::Object(answer),
        Some(Value::String(text)) => json!({ "content": text }),
        None if attributes.contains(OUTPUT) => json!({ "content": attributes.text(OUTPUT) }),
        None => json!({}),
        Some(_) => return,
    };
    answer["role"] = "assistant".into();
    answer["tool_calls"] = calls;
    json::set(attributes, OUTPUT, answer);
}

/// Assigns the answers of tools to the calls before them. In JavaScript, LangChain's callback records them under the name of the
/// tool as if that were a role, and without the id of the call.
fn assign_answers_of_tools(attributes: &mut Attributes) {
    if !(attributes.text(INPUT)).is_some_and(|input| input.contains("\"tool_calls\"")) {
        return;
    }
    let Some(mut input) = json::read(attributes, INPUT) else {
        return;
    };
    let messages = match &mut input {
        Value::Object(request) => request.get_mut("messages"),
        messages => Some(messages),
    };
    let mut calls = Vec::new();
    let mut has_changed = false;
    for message in messages.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(made) = message.get("tool_calls").and_then(Value::as_array) {
            calls.clone_from(made);
        }
        let role = message["role"].as_str().unwrap_or("user");
        let is_answered = |call: &Value| call["function"]["name"] == role || call["name"] == role;
        if !matches!(role, "assistant" | "system" | "tool" | "user")
            && let Some(position) = calls.iter().position(is_answered)
        {
            let mut call = calls.remove(position);
            message["name"] = message["role"].take();
            message["role"] = "tool".into();
            message["tool_call_id"] = call["id"].take();
            has_changed = true;
        }
    }
    if has_changed {
        json::set(attributes, INPUT, input);
    }
}

/// Adds a role to an answer that has only tool calls, as JavaScript's wrapper records it for a stream.
fn add_role_to_calls(attributes: &mut Attributes) {
    if let Some(mut answer) = json::object(attributes, OUTPUT)
        && answer.len() == 1
        && answer.get("tool_calls").is_some_and(Value::is_array)
    {
        answer.insert("role".to_owned(), "assistant".into());
        json::set(attributes, OUTPUT, answer.into());
    }
}

/// Uses LangGraph's thread, or a session in the metadata, if no session was set.
fn read_session(attributes: &mut Attributes) {
    // A graph's nodes repeat the thread but not the session, which takes precedence.
    let session_keys = [
        "session.id",
        "langfuse.session.id",
        "langfuse.observation.metadata.langgraph_node",
    ];
    if attributes.contains_any(&session_keys) {
        return;
    }
    // The observation's metadata comes last, so it takes precedence over that of the trace.
    let metadata = ["langfuse.trace.metadata.", METADATA]
        .into_iter()
        .flat_map(|prefix| attributes.iter().map(move |attribute| (prefix, attribute)))
        .filter_map(|(prefix, (key, value))| {
            let name = key.strip_prefix(prefix)?;
            // The wrapper of OpenAI's SDK puts attributes of the trace there.
            let name = name.strip_prefix("langfuse_").unwrap_or(name);
            Some((name.to_owned(), json::parsed(json::value(value))))
        });
    let metadata = messages::object_of(metadata);
    litellm::read_session(attributes, &metadata);
}

/// Unwraps the arguments of a Python function, which `@observe` records as `{"args": [...], "kwargs": {...}}`.
fn unwrap_function_arguments(attributes: &mut Attributes) {
    let Some(call) = json::object(attributes, INPUT)
        .filter(|call| call.len() == 2 && call.contains_key("args") && call.contains_key("kwargs"))
    else {
        return;
    };
    json::set(
        attributes,
        INPUT,
        traceloop::unwrap_arguments(Value::Object(call)),
    );
}

/// Moves definitions of tools out of the messages, to which LangChain's callback appends them as if tools had sent them.
fn extract_tool_definitions(attributes: &mut Attributes) {
    let Some(Value::Array(mut messages)) = json::read(attributes, INPUT) else {
        return;
    };
    let tools: Vec<_> = messages
        .extract_if(.., |message| {
            message["role"] == "tool"
                && message["content"].is_object()
                && message.get("tool_call_id").is_none()
        })
        .map(|mut message| message["content"].take())
        .collect();
    if !tools.is_empty() {
        json::put(attributes, DEFINITIONS, Value::Array(tools));
        json::set(attributes, INPUT, messages.into());
    }
}

/// Reads a tool's arguments, which LangChain's callback records as a Python dict, and its answer, which is wrapped in a message.
fn unwrap_tool_message(attributes: &mut Attributes) {
    for key in [INPUT, OUTPUT] {
        match json::read(attributes, key) {
            // The SDK for Rust records a text as JSON.
            Some(Value::String(text)) => attributes.set(key, text),
            Some(value @ Value::Object(_)) => {
                let value = tool_answer::unwrap_message(attributes, value);
                json::set(attributes, key, value);
            }
            _ => {}
        }
    }
}
