//! Steps 3 and 6: which attributes are content, and bringing each into the shape and size Sentry shows.

use std::borrow::Cow;

use crate::{
    AiKind, Attributes, Value,
    messages::{self, Messages, canonical},
    operation::Operation,
    recognise::Recognised,
};

pub use messages::ContentLimits;

/// Who wrote a piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The program or its user.
    Input,
    /// The model or a tool.
    Output,
    /// One or the other, depending on the operation.
    Either,
}

/// How a piece of content is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Messages(messages::Side),
    System,
    Tools,
    Payload,
}

struct Content {
    key: &'static str,
    side: Side,
    shape: Shape,
}

#[rustfmt::skip]
static CONTENT: &[Content] = &[
    Content { key: "gen_ai.embeddings.input", side: Side::Input, shape: Shape::Payload },
    Content { key: "gen_ai.input.messages", side: Side::Input, shape: Shape::Messages(messages::Side::Input) },
    Content { key: "gen_ai.memory.query.text", side: Side::Input, shape: Shape::Payload },
    Content { key: "gen_ai.memory.records", side: Side::Either, shape: Shape::Payload },
    Content { key: "gen_ai.output.messages", side: Side::Output, shape: Shape::Messages(messages::Side::Output) },
    Content { key: "gen_ai.retrieval.documents", side: Side::Output, shape: Shape::Payload },
    Content { key: "gen_ai.retrieval.query.text", side: Side::Input, shape: Shape::Payload },
    Content { key: "gen_ai.system_instructions", side: Side::Input, shape: Shape::System },
    Content { key: "gen_ai.tool.call.arguments", side: Side::Input, shape: Shape::Payload },
    Content { key: "gen_ai.tool.call.result", side: Side::Output, shape: Shape::Payload },
    Content { key: "gen_ai.tool.definitions", side: Side::Input, shape: Shape::Tools },
];

/// Content under keys with a variable part, or that needs no shaping.
#[rustfmt::skip]
static PREFIXES: &[(&str, Side)] = &[
    ("gen_ai.completion", Side::Output),
    ("gen_ai.evaluation.explanation", Side::Output),
    ("gen_ai.prompt.variable.", Side::Input),
    ("mcp.logging.message", Side::Output),
    ("mcp.progress.message", Side::Output),
    ("mcp.prompt.result.", Side::Output),
    ("mcp.request.argument.", Side::Input),
    ("mcp.resource.uri", Side::Input),
    ("mcp.tool.result.", Side::Output),
    ("gen_ai.request.schema", Side::Input),
    ("gen_ai.request.structured_output_schema", Side::Input),
    ("gen_ai.response.object", Side::Output),
];

/// Returns who wrote the content under `key`; `None` if it is none that is known.
pub(crate) fn side(key: &str) -> Option<Side> {
    // What had to leave Sentry's namespaces is no less content there.
    let key = key.strip_prefix("otel.").unwrap_or(key);
    let exact = CONTENT.iter().find(|content| content.key == key);
    exact.map(|content| content.side).or_else(|| {
        let prefix = PREFIXES.iter().find(|(prefix, _)| key.starts_with(prefix));
        prefix.map(|(_, side)| *side)
    })
}

/// Returns whether `key` holds content.
pub(crate) fn is_content(key: &str) -> bool {
    side(key).is_some()
}

/// Merges the two halves into which an answer used to be split, before one of them is renamed over the other.
pub(crate) fn join_answer(attributes: &mut Attributes) {
    const TEXT: &str = "gen_ai.response.text";
    const CALLS: &str = "gen_ai.response.tool_calls";
    let Some(calls) = attributes.text(CALLS).map(str::to_owned) else {
        return;
    };
    attributes.remove(CALLS);
    if attributes.contains("gen_ai.output.messages") {
        return;
    }
    let text = attributes.text(TEXT).map(str::to_owned);
    attributes.remove(TEXT);
    let mut message = serde_json::json!({ "role": "assistant" });
    message["tool_calls"] =
        serde_json::from_str(&calls).unwrap_or(serde_json::Value::String(calls));
    if let Some(text) = text {
        message["content"] = serde_json::Value::String(first_text(&text));
    }
    attributes.push(
        "gen_ai.output.messages",
        serde_json::json!([message]).to_string(),
    );
}

/// Answers used to be a JSON list of one text per choice.
fn first_text(text: &str) -> String {
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(choices) => choices.into_iter().next().unwrap_or_default(),
        Err(_) => text.to_owned(),
    }
}

/// Takes from the messages what is no content: why the model stopped. Works on messages that may not leave, too.
pub(crate) fn finish_reasons(attributes: &mut Attributes, recognised: Option<&Recognised>) {
    const KEY: &str = "gen_ai.response.finish_reasons";
    let llm_call = matches!(
        recognised.map(|found| found.operation),
        Some(Operation::Ai(row)) if row.kind == AiKind::LlmCall
    );
    if let Some(text) = attributes.text(KEY) {
        if let Some(list) = reasons(text) {
            attributes.set(KEY, &list);
        }
        return;
    }
    if !llm_call {
        return;
    }
    let Some(output) = attributes.text("gen_ai.output.messages") else {
        return;
    };
    // `finish_reason`, `stopReason`, and what else they are called.
    if memchr::memmem::find(output.as_bytes(), b"eason").is_none() {
        return;
    }
    let found = Messages::parse(output, messages::Side::Output).finish_reasons();
    if !found.is_empty() {
        attributes.push(KEY, serde_json::json!(found).to_string());
    }
}

/// Writes finish reasons as the JSON list Sentry reads; `None` if they are one already.
fn reasons(text: &str) -> Option<String> {
    let parsed = serde_json::from_str::<Vec<String>>(text);
    let reasons = match parsed {
        Ok(reasons) if reasons.iter().all(|reason| plain_reason(reason) == *reason) => return None,
        Ok(reasons) => reasons.iter().map(|reason| plain_reason(reason)).collect(),
        Err(_) => vec![plain_reason(text)],
    };
    Some(serde_json::json!(reasons).to_string())
}

/// `FinishReason.STOP` and the like are enums in disguise.
fn plain_reason(reason: &str) -> String {
    match reason.strip_prefix("FinishReason.") {
        Some(variant) => variant.to_ascii_lowercase(),
        None => reason.to_owned(),
    }
}

/// Brings all content into Sentry's shape, within `limits`.
pub(crate) fn shape(attributes: &mut Attributes, limits: &ContentLimits) {
    for content in CONTENT {
        let key = content.key;
        let Some(Value::Str(text)) = attributes.get(key) else {
            continue;
        };
        match content.shape {
            Shape::Messages(side) => match canonical::messages(text, side, limits) {
                Some(found) if found.system.is_empty() => {}
                Some(found) => {
                    let system = found.system.iter();
                    let system =
                        system.map(|text| format!(r#"{{"type":"text","content":{text}}}"#));
                    let system = format!("[{}]", system.collect::<Vec<_>>().join(","));
                    let rest = found.rest.map(|rest| format!("[{rest}"));
                    set_messages(attributes, key, system, rest);
                }
                None => {
                    let mut messages = Messages::parse(text, side);
                    let system = messages::system_parts(messages.take_system(), limits);
                    let fitted = (!messages.is_empty()).then(|| messages.into_json(limits));
                    let length = fitted.as_ref().and_then(|fitted| fitted.original_length);
                    set_messages(attributes, key, system, fitted.map(|fitted| fitted.json));
                    if side == messages::Side::Input
                        && let Some(length) = length
                    {
                        attributes.set("gen_ai.request.messages.original_length", length);
                    }
                }
            },
            Shape::System if canonical::is_text_parts(text, limits) => {}
            Shape::System => {
                let shaped = messages::system_instructions(text, limits);
                set_list(attributes, key, shaped);
            }
            Shape::Tools => {
                let shaped = messages::tool_definitions(text, limits);
                set_list(attributes, key, shaped);
            }
            Shape::Payload => {
                let (shaped, size) = messages::tool_payload(text, limits);
                if shaped != text {
                    attributes.set(key, shaped);
                }
                if key == "gen_ai.tool.call.result"
                    && let Some(size) = size
                {
                    attributes.set("gen_ai.tool.call.result.size", size);
                }
            }
        }
    }
}

/// Sets messages and the system instructions that stood among them, unless the span has these apart.
fn set_messages(
    attributes: &mut Attributes,
    key: &'static str,
    system: String,
    messages: Option<String>,
) {
    const SYSTEM: &str = "gen_ai.system_instructions";
    if !attributes.contains(SYSTEM) {
        set_list(attributes, SYSTEM, system);
    }
    attributes.remove(key);
    if let Some(messages) = messages {
        attributes.push(key, messages);
    }
}

/// Sets an attribute to a JSON list, or removes it if there is nothing in the list.
fn set_list(attributes: &mut Attributes, key: &'static str, list: String) {
    attributes.remove(key);
    if list != "[]" {
        attributes.push(key, list);
    }
}

/// Cuts every other text to what one text may be, and takes binary data out of it.
pub(crate) fn bound(attributes: &mut Attributes, limits: &ContentLimits) {
    let changed: Vec<_> = attributes
        .iter()
        .filter_map(|(key, value)| match value {
            Value::Str(text) if CONTENT.iter().all(|content| content.key != key) => {
                let mut bounded = messages::redact_blobs(text);
                if bounded.len() > limits.text_bytes {
                    messages::cut(bounded.to_mut(), limits.text_bytes);
                }
                match bounded {
                    Cow::Owned(bounded) => Some((key.to_owned(), bounded)),
                    Cow::Borrowed(_) => None,
                }
            }
            _ => None,
        })
        .collect();
    for (key, text) in changed {
        attributes.remove(&key);
        attributes.push_owned_key(&key, text);
    }
}
