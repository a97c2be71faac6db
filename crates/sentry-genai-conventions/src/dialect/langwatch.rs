//! LangWatch's SDKs: a type for every span, and values wrapped with their type: `{"type": "text", "value": "Hi"}`.

use serde_json::Value;

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, OperationKind, Override, RESULT, aliases, has_known_operation,
    json::{self, Object},
    kind_of, litellm, name_as_span, tool_answer, usage,
};
use crate::{Attributes, SourceSpan};

pub(super) static LANGWATCH: Dialect = Dialect {
    name: "langwatch",
    recognises: |span| span.attributes.contains(TYPE),
    aliases: &aliases([
        ("langwatch.gen_ai.streaming", "gen_ai.response.streaming"),
        ("langwatch.langgraph.thread_id", "session.id"),
        ("langwatch.thread.id", "session.id"),
        ("langwatch.user.id", "user.id"),
    ]),
    noise: &["langwatch.sdk.*"],
    operation,
    adjust,
};

const TYPE: &str = "langwatch.span.type";
const INPUT: &str = "langwatch.input";
const OUTPUT: &str = "langwatch.output";
const METRICS: &str = "langwatch.metrics";
const PARAMETERS: &str = "langwatch.params";
const METADATA: &str = "metadata";
const TIMESTAMPS: &str = "langwatch.timestamps";

/// The scope of the SDK for Python, which writes the provider in front of a model.
const PYTHON: &str = "langwatch";

/// Attributes that LangChain's callback adds.
const AGENT: &str = "langwatch.langchain.run.metadata.lc_agent_name";
const OPTIONS: &str = "langwatch.langchain.run.extra_params.options";

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    match kind_of(span, TYPE).as_deref() {
        Some("llm") => Override::To("chat"),
        Some("agent") => Override::To("invoke_agent"),
        Some("tool") => Override::To("execute_tool"),
        // An agent's run is the chain that has the agent's name.
        Some("chain") if span.attributes.text(AGENT) == Some(&span.name) => {
            Override::To("invoke_agent")
        }
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_as_span(span, kind);
    let is_of_python = span.scope == PYTHON;
    let attributes = &mut span.attributes;
    if is_of_python {
        litellm::split_provider_from_model(attributes);
    }
    read_metadata(attributes);
    read_first_token(attributes);
    if let Some(metrics) = take_object(attributes, METRICS, kind) {
        usage::put(attributes, &metrics);
        json::put_scalar(attributes, "gen_ai.cost.total_tokens", metrics.get("cost"));
    }
    if let Some(parameters) = take_object(attributes, PARAMETERS, kind) {
        json::put_parameters(attributes, &parameters);
    }
    if kind == OperationKind::Call
        && let Some(mut options) = json::object(attributes, OPTIONS)
        && let Some(tools) = options.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
        attributes.remove(OPTIONS);
    }
    let Some((input, output)) = kind.content() else {
        return;
    };
    json::rename_unwrapped(attributes, INPUT, input, unwrap_typed);
    json::rename_unwrapped(attributes, OUTPUT, output, unwrap_typed);
    if kind == OperationKind::Tool {
        read_tool(attributes);
    }
}

/// Reads what LangChain's callback records of a tool.
fn read_tool(attributes: &mut Attributes) {
    // The SDK for Python records the repr of the arguments.
    if (attributes.text(ARGUMENTS)).is_some_and(|text| text.starts_with("{'"))
        && let Some(arguments) = json::read(attributes, ARGUMENTS)
    {
        json::set(attributes, ARGUMENTS, arguments);
    }
    if let Some(answer) = json::read(attributes, RESULT) {
        let answer = tool_answer::unwrap_message(attributes, unwrap_result(answer));
        json::set(attributes, RESULT, answer);
    }
}

/// Returns what a tool of LangChain's answered. The SDK for Python records it as a message of an unknown role.
fn unwrap_result(answer: Value) -> Value {
    match answer.as_array().map(Vec::as_slice) {
        Some([message]) if message["role"] == "unknown" => message["content"].clone(),
        _ => answer,
    }
}

/// Reads whose conversation a trace is about, as the SDK for Python has it.
fn read_metadata(attributes: &mut Attributes) {
    if let Some(metadata) = json::object(attributes, METADATA) {
        let names = [("thread_id", "session.id"), ("user_id", "user.id")];
        json::put_scalars(attributes, &metadata, &names);
    }
}

/// Reads when a stream began to answer. The times are in milliseconds.
fn read_first_token(attributes: &mut Attributes) {
    let Some(times) = json::object(attributes, TIMESTAMPS) else {
        return;
    };
    let time = |name| times.get(name).and_then(Value::as_f64);
    if let (Some(start), Some(first)) = (time("started_at"), time("first_token_at"))
        && first >= start
    {
        attributes.supply("gen_ai.response.time_to_first_chunk", (first - start) / 1e3);
    }
}

/// Takes an object that describes what a model or an agent did.
fn take_object(attributes: &mut Attributes, key: &str, kind: OperationKind) -> Option<Object> {
    if !matches!(
        kind,
        OperationKind::Call | OperationKind::Embeddings | OperationKind::Agent
    ) {
        return None;
    }
    match json::read(attributes, key).map(unwrap_typed) {
        Some(Value::Object(object)) => {
            attributes.remove(key);
            Some(object)
        }
        _ => None,
    }
}

/// Unwraps a value, or the values of a list, from an object with their type. They may be wrapped twice.
fn unwrap_typed(mut value: Value) -> Value {
    if !is_typed(&value) {
        return value;
    }
    match value["value"].take() {
        Value::Array(items) => items.into_iter().flat_map(unwrap_item).collect(),
        value => unwrap_typed(value),
    }
}

/// Unwraps an item of a list. A wrapped list in its place becomes several items.
fn unwrap_item(item: Value) -> Vec<Value> {
    if !is_typed(&item) {
        return vec![item];
    }
    match unwrap_typed(item) {
        Value::Array(items) => items,
        value => vec![value],
    }
}

fn is_typed(value: &Value) -> bool {
    (value.as_object()).is_some_and(|it| it.len() == 2 && it.contains_key("value"))
        && value["type"].is_string()
}
