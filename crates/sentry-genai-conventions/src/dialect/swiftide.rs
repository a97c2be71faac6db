//! Swiftide: functions of its modules. What it reports to Langfuse is in events of level DEBUG: the model, input, output and
//! usage.

use serde_json::{Value, json};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, is_of_crate,
    json, usage,
};
use crate::{Attributes, SourceSpan, messages};

pub(super) static SWIFTIDE: Dialect = Dialect {
    name: "swiftide",
    recognises: |span| is_of_crate(span, AGENTS) || is_of_crate(span, INTEGRATIONS),
    noise: &["langfuse.type"],
    operation,
    adjust,
    ..Dialect::NONE
};

const AGENTS: &str = "swiftide_agents";
const INTEGRATIONS: &str = "swiftide_integrations";
const TOOL: &str = "tool.";

/// How the result of a failed tool begins.
const FAILURE: &str = "Tool call failed: ";

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "agent.query" | "agent.query_once" | "agent.run" | "agent.run_once" => {
            Override::To("invoke_agent")
        }
        name if is_of_crate(span, AGENTS) && name.starts_with(TOOL) => Override::To("execute_tool"),
        // A stream also has a span for its start: `complete_stream`.
        "complete" | "prompt" | "responses_stream" | "stream" | "structured_prompt_dyn"
            if is_of_crate(span, INTEGRATIONS) =>
        {
            Override::To("chat")
        }
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Tool
        && let Some(name) = span.name.strip_prefix(TOOL).map(str::to_owned)
    {
        span.attributes.supply("gen_ai.tool.name", name);
    }
    if kind == OperationKind::Call && span.name.ends_with("stream") {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
    if span.scope.starts_with("swiftide_integrations::aws_bedrock") {
        span.attributes
            .supply("gen_ai.provider.name", "aws.bedrock");
    }
    read_report(span, kind);
}

/// Reads what a span reports to Langfuse.
fn read_report(span: &mut SourceSpan, kind: OperationKind) {
    let reported = |key| {
        let texts = span.events.iter().map(|event| event.attributes.text(key));
        let last = texts.flatten().rfind(|text| !text.is_empty());
        last.map(str::to_owned)
    };
    let [model, input, output, usage] = [
        "langfuse.model",
        "langfuse.input",
        "langfuse.output",
        "langfuse.usage",
    ]
    .map(reported);
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            supply_text(attributes, "gen_ai.request.model", model);
            if let Some(request) = input {
                read_request(attributes, request);
            }
            if let Some(answer) = output {
                attributes.supply(OUTPUT, message(answer));
            }
            if let Some(usage) = usage {
                read_usage(attributes, &usage);
            }
        }
        OperationKind::Tool => {
            if output.as_ref().is_some_and(|it| it.starts_with(FAILURE)) {
                attributes.supply("gen_ai.tool.call.outcome", "error");
            }
            supply_text(attributes, ARGUMENTS, input);
            supply_text(attributes, RESULT, output);
        }
        // The output is why the agent stopped.
        OperationKind::Agent => supply_text(attributes, INPUT, input),
        _ => {}
    }
}

fn supply_text(attributes: &mut Attributes, key: &'static str, text: Option<String>) {
    if let Some(text) = text {
        attributes.supply(key, text);
    }
}

/// Reads a request in the form of the provider.
fn read_request(attributes: &mut Attributes, request: String) {
    if let Some(Value::Object(mut fields)) = messages::read_json(&request) {
        if let Some(tools) = fields.remove("tools") {
            json::put(attributes, DEFINITIONS, tools);
        }
        json::put_parameters(attributes, &fields);
    }
    attributes.supply(INPUT, request);
}

/// Returns an answer as a message, unless it is in the form of the provider.
fn message(answer: String) -> String {
    match messages::read_json(&answer) {
        Some(Value::Object(mut fields)) if fields.contains_key("message") => json!({
            "role": "assistant",
            "content": fields.remove("message"),
            "tool_calls": fields.remove("tool_calls"),
        })
        .to_string(),
        _ => answer,
    }
}

fn read_usage(attributes: &mut Attributes, usage: &str) {
    if let Some(Value::Object(mut usage)) = messages::read_json(usage) {
        if let Some(Value::Object(details)) = usage.remove("details") {
            usage.extend(details);
        }
        usage::put(attributes, &usage);
    }
}
