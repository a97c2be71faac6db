//! Gemini CLI: its own operations, and messages in the format of the API.

use serde_json::{Value, json};

use super::{
    ARGUMENTS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases, json, mark_failed,
};
use crate::{Attributes, SourceSpan};

pub(super) static GEMINI_CLI: Dialect = Dialect {
    name: "gemini_cli",
    recognises: |span| span.scope == "gemini-cli",
    aliases: &aliases([
        // The id of a turn.
        ("gen_ai.prompt.name", "gemini_cli.prompt_id"),
    ]),
    noise: &[],
    operation,
    adjust,
};

fn operation(span: &SourceSpan) -> Override {
    match span.attributes.text("gen_ai.operation.name") {
        Some("llm_call") if is_embedding(span) => Override::To("embeddings"),
        Some("llm_call") => Override::To("generate_content"),
        Some("tool_call") => Override::To("execute_tool"),
        Some("agent_call") => Override::To("invoke_agent"),
        _ => Override::Plain,
    }
}

/// Recognises a request for embeddings, which is described like any other.
fn is_embedding(span: &SourceSpan) -> bool {
    let model = span.attributes.text("gen_ai.request.model");
    model.is_some_and(|model| model.contains("embedding"))
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            attributes.supply("gen_ai.provider.name", "gcp.gen_ai");
            if let Some(Value::Array(chunks)) = json::read(attributes, OUTPUT) {
                json::set(attributes, OUTPUT, merge_chunks(chunks));
            }
        }
        OperationKind::Embeddings => {
            attributes.supply("gen_ai.provider.name", "gcp.gen_ai");
            attributes.rename(INPUT, "gen_ai.embeddings.input");
            attributes.remove(OUTPUT);
        }
        OperationKind::Tool => {
            let request = json::object(attributes, INPUT);
            if let Some(arguments) = request.and_then(|mut request| request.remove("args")) {
                attributes.remove(INPUT);
                json::put(attributes, ARGUMENTS, arguments);
            }
            if read_tool_record(attributes) {
                mark_failed(span);
            }
            span.attributes.rename(INPUT, ARGUMENTS);
            span.attributes.rename(OUTPUT, RESULT);
        }
        OperationKind::Agent => read_subagent(attributes),
        // The content of its scheduling spans is not messages but records of calls, which have their own spans.
        OperationKind::Plain => {
            attributes.remove(INPUT);
            attributes.remove(OUTPUT);
        }
        _ => {}
    }
}

/// Reads which subagent was asked, what for, and what it answered, from the arguments and the result of the tool that runs it. The
/// span itself names the program in place of the subagent.
fn read_subagent(attributes: &mut Attributes) {
    if let Some(mut arguments) = json::object(attributes, INPUT)
        && let Some(Value::String(prompt)) = arguments.remove("prompt")
    {
        if let Some(Value::String(name)) = arguments.remove("agent_name")
            && is_name_of_subagent(&name)
        {
            attributes.set("gen_ai.agent.name", name);
            attributes.remove("gen_ai.agent.description");
        }
        attributes.set(INPUT, prompt);
    }
    if let Some(mut result) = json::object(attributes, OUTPUT)
        && let Some(answer) = result.remove("llmContent")
    {
        json::set(
            attributes,
            OUTPUT,
            json!([{"role": "model", "content": answer}]),
        );
    }
}

/// Returns whether a subagent may have this name. Anything else that a model put in its place is content.
fn is_name_of_subagent(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && (name.chars()).all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

/// Extracts the result from the record of a call. Returns whether the call failed.
fn read_tool_record(attributes: &mut Attributes) -> bool {
    let Some(mut call) = json::object(attributes, OUTPUT) else {
        return false;
    };
    let failed = call.get("status").is_some_and(|status| status == "error");
    let parts = call
        .get_mut("response")
        .map(|record| json::take(record, "responseParts"));
    if let Some(Value::Array(parts)) = parts {
        let results = parts.into_iter().map(|mut part| {
            let mut result = (part.get_mut("functionResponse"))
                .map(|record| json::take(record, "response"))
                .unwrap_or_default();
            match result.get_mut("output").map(Value::take) {
                Some(output) => output,
                None if result.is_null() => part,
                None => result,
            }
        });
        let result = json::list_or_single(results.collect());
        attributes.remove(OUTPUT);
        json::put(attributes, RESULT, result);
    }
    failed
}

/// Merges the chunks of a stream, each of which is a message, into a single message.
fn merge_chunks(chunks: Vec<Value>) -> Value {
    let mut answer: Vec<Value> = Vec::new();
    for mut chunk in chunks {
        let Value::Array(parts) = json::take(&mut chunk, "parts") else {
            continue;
        };
        for part in parts {
            let continues_text = |last: &&mut Value| {
                last["text"].is_string()
                    && part["text"].is_string()
                    && last["thought"] == part["thought"]
            };
            match answer.last_mut().filter(continues_text) {
                Some(last) => {
                    if let (Some(Value::String(text)), Some(rest)) =
                        (last.get_mut("text"), part["text"].as_str())
                    {
                        text.push_str(rest);
                    }
                }
                None => answer.push(part),
            }
        }
    }
    json!([{"role": "model", "parts": answer}])
}
