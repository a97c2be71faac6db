//! Langfuse's SDK: observations under keys of its own, and nothing under those of the conventions.

use serde_json::Value;

use super::{DEFINITIONS, Dialect, Says, What, aliases, json, usage};
use crate::{Attributes, SourceSpan, SourceStatus, timestamp};

pub(super) static LANGFUSE: Dialect = Dialect {
    name: "langfuse",
    speaks: |span| span.attributes.contains(TYPE),
    aliases: &aliases([
        (
            "langfuse.observation.metadata.instructions",
            "gen_ai.system_instructions",
        ),
        ("langfuse.observation.model.name", "gen_ai.request.model"),
        ("langfuse.observation.status_message", "error.message"),
        ("langfuse.session.id", "session.id"),
        ("langfuse.user.id", "user.id"),
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

fn operation(span: &SourceSpan) -> Says {
    match span.attributes.text(TYPE) {
        Some("generation") => Says::Is("chat"),
        Some("embedding") => Says::Is("embeddings"),
        Some("agent") => Says::Is("invoke_agent"),
        Some("tool") => Says::Is("execute_tool"),
        _ => Says::Plain,
    }
}

fn adjust(span: &mut SourceSpan, what: What) {
    let name = match what {
        What::Agent => Some("gen_ai.agent.name"),
        What::Tool => Some("gen_ai.tool.name"),
        _ => None,
    };
    if let Some(key) = name
        && !span.attributes.contains(key)
    {
        let name = span.name.clone();
        span.attributes.push(key, &*name);
    }
    let attributes = &mut span.attributes;
    match what {
        What::Embeddings => {
            attributes.rename(INPUT, "gen_ai.embeddings.input");
            attributes.remove(OUTPUT);
        }
        _ => {
            // The wrapper of OpenAI's SDK has the tools next to the messages.
            if what == What::Call
                && let Some(tools) = json::object(attributes, INPUT)
                    .filter(|request| request.contains_key("messages"))
                    .and_then(|mut request| request.remove("tools"))
            {
                json::put(attributes, DEFINITIONS, tools);
            }
            if what == What::Call {
                name_the_speaker(attributes);
            }
            if let Some((input, output)) = what.content() {
                attributes.rename(INPUT, input);
                attributes.rename(OUTPUT, output);
            }
        }
    }
    if span.status == SourceStatus::Unset
        && attributes.text("langfuse.observation.level") == Some("ERROR")
    {
        span.status = SourceStatus::Error(None);
    }
    if what == What::Plain {
        return;
    }
    usage::take_details(attributes, "langfuse.observation.usage_details");
    usage::take_cost_details(attributes, "langfuse.observation.cost_details");
    if let Some(parameters) = json::object(attributes, "langfuse.observation.model.parameters") {
        json::put_parameters(attributes, &parameters);
    }
    let reason = json::read(attributes, "langfuse.observation.metadata.finish_reason");
    if let Some(Value::String(reason)) = reason {
        json::put(attributes, "gen_ai.response.finish_reasons", reason.into());
        attributes.remove("langfuse.observation.metadata.finish_reason");
    }
    first_chunk(span);
}

/// Of a stream that calls tools JavaScript's wrapper has the calls alone.
fn name_the_speaker(attributes: &mut Attributes) {
    if let Some(mut answer) = json::object(attributes, OUTPUT)
        && answer.len() == 1
        && answer.get("tool_calls").is_some_and(Value::is_array)
    {
        answer.insert("role".to_owned(), "assistant".into());
        attributes.remove(OUTPUT);
        json::put(attributes, OUTPUT, answer.into());
    }
}

/// The start of the completion is a time of day, in quotes.
fn first_chunk(span: &mut SourceSpan) {
    let start = span
        .attributes
        .text("langfuse.observation.completion_start_time")
        .and_then(|time| timestamp::parse_rfc3339(time.trim_matches('"')));
    if let Some(start) = start
        && start >= span.start
    {
        let seconds = timestamp::seconds_between(span.start, start);
        span.attributes
            .push("gen_ai.response.time_to_first_chunk", seconds);
    }
}
