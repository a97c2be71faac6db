//! Claude Code: the conventions in addition to its own keys, and in older versions only those. Content has headers in brackets.

use serde_json::json;

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    first_chunk, has_known_operation, json,
};
use crate::{Attributes, SourceSpan, Value, messages, tokens};

pub(super) static CLAUDE_CODE: Dialect = Dialect {
    name: "claude_code",
    recognises: |span| span.scope.starts_with(SCOPE),
    aliases: &aliases([
        ("effort", "gen_ai.request.reasoning.level"),
        ("model", "gen_ai.request.model"),
        ("output_tokens", tokens::OUTPUT),
        ("response.model_output", OUTPUT),
        ("stop_reason", "gen_ai.response.finish_reasons"),
        ("system_prompt", "gen_ai.system_instructions"),
        // The part of the system prompt that a program of the Agent SDK sets.
        ("user_system_prompt", "gen_ai.system_instructions"),
        ("tool_name", "gen_ai.tool.name"),
        ("tool_use_id", "gen_ai.tool.call.id"),
        ("tools", DEFINITIONS),
        ("user_prompt", INPUT),
    ]),
    noise: &[],
    operation,
    adjust,
};

const SCOPE: &str = "com.anthropic.claude_code";

/// What the agent is called.
pub(super) const AGENT: &str = "Claude Code";

/// Returns whether a span is the execution of a tool, which fails with the tool's answer as the reason.
pub(super) fn runs_tool(span: &SourceSpan) -> bool {
    span.scope.starts_with(SCOPE) && span.attributes.text("span.type") == Some("tool.execution")
}

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    match span.attributes.text("span.type") {
        Some("llm_request") => Override::To("chat"),
        Some("interaction") => Override::To("invoke_agent"),
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    // Placeholders for prompts that it was not allowed to record.
    attributes.retain(|_, value| value != Value::Str("<REDACTED>"));
    match kind {
        OperationKind::Call => {
            read_counts(attributes);
            first_chunk::read_milliseconds(attributes, "ttft_ms");
            attributes.rename("error_class", "error.type");
            read_context(attributes);
        }
        OperationKind::Tool => {
            for (key, header, canonical) in [
                ("tool_input", "[TOOL INPUT: ", ARGUMENTS),
                ("new_context", TOOL_RESULT, RESULT),
            ] {
                if let Some((_, text)) = attributes.text(key).and_then(|text| split(text, header)) {
                    let text = text.to_owned();
                    attributes.supply(canonical, text);
                    attributes.remove(key);
                }
            }
            read_details(span);
        }
        OperationKind::Agent => attributes.supply("gen_ai.agent.name", AGENT),
        _ => {}
    }
}

/// Adds the cache to the input, because Anthropic counts only what was not cached. The conventions' count, if present, includes
/// everything.
fn read_counts(attributes: &mut Attributes) {
    let mut input = integer(attributes, "input_tokens");
    attributes.remove("input_tokens");
    for (own_key, key) in [
        ("cache_read_tokens", tokens::CACHE_READ),
        ("cache_creation_tokens", tokens::CACHE_CREATION),
    ] {
        let count = integer(attributes, own_key).unwrap_or(0);
        input = input.map(|input| input.saturating_add(count));
        attributes.rename(own_key, key);
    }
    if let Some(input) = input {
        attributes.supply(tokens::INPUT, input);
    }
}

fn integer(attributes: &Attributes, key: &str) -> Option<i64> {
    match attributes.get(key)? {
        Value::Integer(number) => Some(number),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

const TOOL_RESULT: &str = "[TOOL RESULT: ";

/// Splits a text such as `[TOOL RESULT: Bash]` and a line break into what the first line names and the rest.
fn split<'t>(text: &'t str, header: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(header)?.split_once("]\n")
}

/// Turns what a call adds to the conversation into messages.
fn read_context(attributes: &mut Attributes) {
    let Some(context) = attributes.text("new_context") else {
        return;
    };
    let messages: Vec<_> = (context.split("\n\n---\n\n"))
        .map(|part| match split(part, TOOL_RESULT) {
            Some((id, result)) => json!({
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": id, "response": result}],
            }),
            None => json!({
                "role": "user",
                "parts": [{"type": "text", "content": part.strip_prefix("[USER]\n").unwrap_or(part)}],
            }),
        })
        .collect();
    attributes.remove("new_context");
    json::put(attributes, INPUT, messages.into());
}

/// Reads a tool's result, and a part of its arguments, where they are not recorded as a whole.
fn read_details(span: &mut SourceSpan) {
    let attributes = &mut span.attributes;
    let output = (span.events.iter()).find(|event| event.name == "tool.output");
    let text = |key| output.and_then(|event| event.attributes.text(key));
    let is_written = attributes.text("gen_ai.tool.name") == Some("Write");
    let (written, read) = match text("content") {
        content if is_written => (content, None),
        content => (None, content),
    };
    if let Some(result) = text("output").or_else(|| text("diff")).or(read) {
        attributes.supply(RESULT, result);
    }
    let arguments = [
        ("command", attributes.text("full_command")),
        ("file_path", attributes.text("file_path")),
        ("content", written),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    let arguments = messages::object_of(arguments);
    if !arguments.is_empty() {
        json::put(attributes, ARGUMENTS, arguments.into());
    }
}
