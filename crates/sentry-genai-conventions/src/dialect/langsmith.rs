//! LangSmith over OpenTelemetry: one JSON text in, one out, and metadata.

use serde_json::Value;

use super::{DEFINITIONS, Dialect, Says, What, aliases, json, json::Object, usage};
use crate::{SourceSpan, SourceStatus};

pub(super) static LANGSMITH: Dialect = Dialect {
    name: "langsmith",
    speaks: |span| span.attributes.contains(KIND),
    aliases: &aliases([
        (AGENT, "gen_ai.agent.name"),
        ("langsmith.metadata.ls_provider", "gen_ai.provider.name"),
        ("langsmith.metadata.ls_model_name", "gen_ai.request.model"),
        (
            "langsmith.metadata.ls_temperature",
            "gen_ai.request.temperature",
        ),
        (
            "langsmith.metadata.ls_max_tokens",
            "gen_ai.request.max_tokens",
        ),
        ("langsmith.metadata.user_id", "user.id"),
        (
            "gen_ai.response.service_tier",
            "openai.response.service_tier",
        ),
        (
            "gen_ai.response.system_fingerprint",
            "openai.response.system_fingerprint",
        ),
    ]),
    noise: &[
        "langsmith.metadata.LANGSMITH_*",
        "langsmith.metadata.LANGCHAIN_*",
        "langsmith.metadata.usage_metadata",
        "gen_ai.usage.input_token_details",
        "gen_ai.usage.output_token_details",
    ],
    operation,
    adjust,
};

const KIND: &str = "langsmith.span.kind";
const AGENT: &str = "langsmith.metadata.lc_agent_name";
const PROMPT: &str = "gen_ai.prompt";
const COMPLETION: &str = "gen_ai.completion";

/// The kind decides: a prompt template claims to be a chat, and chains have an operation of their own.
fn operation(span: &SourceSpan) -> Says {
    match span.attributes.text(KIND) {
        Some("llm") => Says::Is("chat"),
        Some("tool") => Says::Is("execute_tool"),
        Some("embedding") => Says::Is("embeddings"),
        // The run of an agent is the chain that bears its name.
        Some("chain") if span.attributes.text(AGENT) == Some(&span.name) => {
            Says::Is("invoke_agent")
        }
        _ => Says::Plain,
    }
}

fn adjust(span: &mut SourceSpan, what: What) {
    // JavaScript's says that all is well of every run that came to an end; it records an exception of those that failed alone.
    if span.status == SourceStatus::Ok && span.events.iter().any(|event| event.name == "exception")
    {
        span.status = SourceStatus::Error(None);
    }
    if what == What::Tool {
        let name = span.name.clone();
        if !span.attributes.contains("gen_ai.tool.name") {
            span.attributes.push("gen_ai.tool.name", &*name);
        }
    }
    let attributes = &mut span.attributes;
    // A framework stands in for the provider; the metadata knows better.
    if attributes.contains("langsmith.metadata.ls_provider") {
        attributes.remove("gen_ai.system");
    }
    match what {
        What::Tool => {
            for (from, to, wrapper) in [
                (PROMPT, super::ARGUMENTS, "input"),
                (COMPLETION, super::RESULT, "output"),
            ] {
                if let Some(value) = json::read(attributes, from) {
                    json::put(attributes, to, unwrapped(value, wrapper));
                    attributes.remove(from);
                }
            }
        }
        What::Embeddings => {
            if let Some(input) =
                json::object(attributes, PROMPT).and_then(|mut request| request.remove("input"))
            {
                json::put(attributes, "gen_ai.embeddings.input", input);
                attributes.remove(PROMPT);
            }
            attributes.rename(PROMPT, "gen_ai.embeddings.input");
            attributes.remove(COMPLETION);
        }
        What::Call | What::Agent => {
            // The wrapper of OpenAI's SDK has the whole request here.
            if what == What::Call
                && let Some(mut request) = json::object(attributes, PROMPT)
            {
                json::put_parameters(attributes, &request);
                if let Some(tools) = request.remove("tools") {
                    json::put(attributes, DEFINITIONS, tools);
                }
            }
            attributes.rename(PROMPT, super::INPUT);
            attributes.rename(COMPLETION, super::OUTPUT);
        }
        What::Other | What::Plain => {
            attributes.rename(PROMPT, "langsmith.input");
            attributes.rename(COMPLETION, "langsmith.output");
        }
    }
    if what != What::Call {
        return;
    }
    usage::take(attributes, "langsmith.metadata.usage_metadata");
    let mut details = Object::new();
    for (key, name) in [
        ("gen_ai.usage.input_token_details", "input_token_details"),
        ("gen_ai.usage.output_token_details", "output_token_details"),
    ] {
        if let Some(counts) = json::object(attributes, key) {
            details.insert(name.to_owned(), Value::Object(counts));
        }
    }
    usage::put(attributes, &details);
}

/// Takes a value out of an object that has nothing else to say, and a message's content out of the message.
fn unwrapped(value: Value, wrapper: &str) -> Value {
    let value = match value {
        Value::Object(mut object) if object.contains_key(wrapper) => {
            object.remove(wrapper).unwrap_or_default()
        }
        value => value,
    };
    match value {
        Value::String(text) => crate::messages::read_json(&text).unwrap_or(Value::String(text)),
        Value::Object(message) if is_tool_message(&message) => content_of(message),
        value => super::traceloop::content_of(value),
    }
}

/// Recognises the message in which LangChain has the answer of a tool.
pub(super) fn is_tool_message(message: &Object) -> bool {
    message.get("type").and_then(Value::as_str) == Some("tool")
        && message.contains_key("tool_call_id")
}

/// Returns what a message says.
pub(super) fn content_of(mut message: Object) -> Value {
    message.remove("content").unwrap_or_default()
}
