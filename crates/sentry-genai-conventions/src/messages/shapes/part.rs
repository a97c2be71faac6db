//! Reads one part of a message, whose kind follows from its `type` or its only field.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;

use super::{
    super::{
        Media, Object, Part, media, parse,
        repair::{self, Repaired},
    },
    answer::answer,
    fields::{is_null_or_empty, kind, take, take_id, take_object, take_text, text_of},
    kind::{ANSWER_FIELDS, Kind, REASONING_FIELDS, TEXT_FIELDS, is_part, kind_of},
    provider_tools,
};

pub(super) const CALL_ID_FIELDS: &[&str] = &[
    "call_id",
    "callId",
    "toolCallId",
    "tool_call_id",
    "toolUseId",
    "tool_use_id",
    "id",
];

/// Gemini's name for its own tool that runs code.
const CODE_EXECUTION: &str = "code_execution";

/// Reads a part, or a list of them.
pub(in super::super) fn read(value: Value, parts: &mut Vec<Part>) {
    match value {
        Value::Null => {}
        Value::String(text) => parts.push(Part::Text(text)),
        Value::Array(items) => {
            let mut has_argument_deltas = false;
            for item in items {
                has_argument_deltas |= item.as_object().is_some_and(is_argument_delta);
                read(item, parts);
            }
            if has_argument_deltas {
                parts.iter_mut().for_each(parse_arguments);
            }
        }
        Value::Object(object) => read_object(object, parts),
        value => parts.push(Part::Text(value.to_string())),
    }
}

/// Reads a tool call in any spelling.
pub(super) fn call(mut object: Object) -> Part {
    for key in ["executable_code", "executableCode"] {
        if let Some(mut code) = take_object(&mut object, key) {
            return Part::ToolCall {
                id: take_id(&mut code, CALL_ID_FIELDS),
                name: CODE_EXECUTION.to_owned(),
                arguments: Value::Object(code),
            };
        }
    }
    for key in [
        "function_call",
        "functionCall",
        "toolUse",
        "tool_use",
        "tool_call",
        "toolCall",
    ] {
        if let Some(inner) = take_object(&mut object, key) {
            object = inner;
        }
    }
    let mut function = ["function", "custom"]
        .into_iter()
        .find_map(|key| take_object(&mut object, key))
        .unwrap_or_default();
    let id = take_id(&mut object, CALL_ID_FIELDS);
    let names = [
        "name",
        "toolName",
        "tool_name",
        "fn_name",
        "function",
        // Of tools that Gemini runs.
        "toolType",
        "tool_type",
    ];
    let name = take_text(&mut object, &names).or_else(|| take_text(&mut function, &["name"]));
    let arguments = [&mut object, &mut function].into_iter().find_map(|fields| {
        take(
            fields,
            &[
                "arguments",
                "args",
                "input",
                "parameters",
                "tool_input",
                "fn_arguments",
            ],
        )
    });
    // LangChain joins the pieces of a stream of Anthropic's beside the input, which stays empty.
    let arguments = match take_text(&mut object, &["partial_json"]) {
        Some(pieces) if arguments.as_ref().is_none_or(is_null_or_empty) => Some(pieces.into()),
        _ => arguments,
    };
    Part::ToolCall {
        id,
        name: name.unwrap_or_else(|| "unknown".to_owned()),
        arguments: arguments.map(unquote).unwrap_or_default(),
    }
}

/// Reads reasoning: a text, or a list of summaries. Either may be JSON in a string.
pub(super) fn reasoning(value: Value, parts: &mut Vec<Part>) {
    let value = match value {
        Value::String(text) => match parse::json(&text) {
            Some(Value::Array(items)) if items.iter().all(is_summary) => Value::Array(items),
            _ => Value::String(text),
        },
        value => value,
    };
    match value {
        Value::Null => {}
        Value::String(text) => parts.push(Part::Reasoning(text)),
        Value::Object(mut object) => {
            if let Some(value) = take(
                &mut object,
                &[
                    "reasoningText",
                    "text",
                    "content",
                    "thinking",
                    "reasoning",
                    "summary",
                ],
            ) {
                reasoning(value, parts);
            }
        }
        Value::Array(items) => {
            let mut nested = Vec::new();
            items
                .into_iter()
                .for_each(|item| reasoning(item, &mut nested));
            let texts: Vec<String> = nested.into_iter().filter_map(reasoning_text).collect();
            if !texts.is_empty() {
                parts.push(Part::Reasoning(texts.join("\n")));
            }
        }
        value => parts.push(Part::Reasoning(value.to_string())),
    }
}

fn read_object(mut object: Object, parts: &mut Vec<Part>) {
    if is_argument_delta(&object) {
        return append_argument_delta(object, parts);
    }
    if wraps_call_or_answer(&object) {
        return read(object.remove("content").unwrap_or_default(), parts);
    }
    let Some(part_kind) = kind_of(&object) else {
        return parts.push(unknown(object));
    };
    match part_kind {
        Kind::Text if object.len() == 1 && has_bedrock_text(&object) => {
            read_bedrock_text(object, parts);
        }
        Kind::Text => read_text(object, parts),
        Kind::Reasoning => read_reasoning(object, parts),
        Kind::Call => provider_tools::read_call(object, parts),
        Kind::HostedCall => parts.push(provider_tools::read_hosted_call(object)),
        Kind::Answer => parts.extend(read_answer(object)),
        Kind::Media if has_text_source(&object) => read_document(object, parts),
        Kind::Media => {
            let kind = kind(&object).map_or_else(
                || object.keys().next().cloned().unwrap_or_default(),
                |kind| kind.into_owned(),
            );
            read_media(&kind, object, parts);
        }
        Kind::Object => {
            object.remove("type");
            let value = take(&mut object, &["content", "object", "value", "json"]);
            parts.push(Part::Object(value.unwrap_or(Value::Object(object))));
        }
        Kind::Encrypted | Kind::Marker => {}
    }
}

/// Reads media. What was said in audio is a text as well.
fn read_media(kind: &str, mut object: Object, parts: &mut Vec<Part>) {
    if kind.contains("audio")
        && let Some(transcript) = take_transcript(&mut object)
    {
        parts.push(Part::Text(transcript));
        if !media::has_reference(&object) {
            return;
        }
    }
    parts.push(Part::Media(Media::read(kind, object)));
}

/// Takes what was said in audio. OpenAI has it beside the audio, and Azure's voice agents in its place.
fn take_transcript(audio: &mut Object) -> Option<String> {
    // Audio in lines of base64, and addresses, do not begin with a word.
    let is_text = |text: &str| {
        (text.split_once(' '))
            .is_some_and(|(word, _)| word.len() < 64 && !word.contains([':', '/']))
    };
    if audio
        .get("content")
        .and_then(Value::as_str)
        .is_some_and(is_text)
    {
        return take_text(audio, &["content"]);
    }
    take_nested_transcript(audio)
}

/// OpenAI's chats have it in the audio, and so does OpenInference, once more inside.
fn take_nested_transcript(audio: &mut Object) -> Option<String> {
    let transcript = take_text(audio, &["transcript"]).filter(|text| !text.is_empty());
    transcript.or_else(|| take_nested_transcript(audio.get_mut("audio")?.as_object_mut()?))
}

/// Reads an object of no known kind: one of an unknown type, a text without a type, or structured output.
fn unknown(mut object: Object) -> Part {
    let has_type = object.get("type").is_some_and(Value::is_string);
    let is_only_field = object.len() == 1;
    match object.get_mut("content") {
        _ if has_type => Part::Other(object),
        Some(Value::String(text)) if is_only_field => Part::Text(std::mem::take(text)),
        _ => Part::Object(Value::Object(object)),
    }
}

/// Returns whether a part only has a call or an answer as its content, which Azure's SDKs do for a provider's own tools.
fn wraps_call_or_answer(object: &Object) -> bool {
    let content = object.get("content").and_then(Value::as_object);
    let kind = content.and_then(kind_of);
    object.len() == 2 && matches!(kind, Some(Kind::Call | Kind::HostedCall | Kind::Answer))
}

/// Returns whether a document of Anthropic's consists of text or parts instead of a file.
fn has_text_source(object: &Object) -> bool {
    let source = object.get("source").and_then(Value::as_object);
    source.is_some_and(|source| match source.get("type").and_then(Value::as_str) {
        Some("text") => source.get("data").is_some_and(Value::is_string),
        Some("content") => source.contains_key("content"),
        _ => false,
    })
}

fn read_document(mut object: Object, parts: &mut Vec<Part>) {
    if let Some(mut source) = take_object(&mut object, "source")
        && let Some(value) = take(&mut source, &["data", "content"])
    {
        read(value, parts);
    }
}

fn is_argument_delta(object: &Object) -> bool {
    object.get("type").and_then(Value::as_str) == Some("input_json_delta")
}

/// Appends a piece of a call's arguments. For Anthropic's streams, LangChain keeps them behind the call, in as many pieces as
/// were received.
fn append_argument_delta(mut object: Object, parts: &mut [Part]) {
    let last = parts.iter_mut().rev().find_map(|part| match part {
        Part::ToolCall { arguments, .. } => Some(arguments),
        _ => None,
    });
    if let (Some(arguments), Some(delta)) =
        (last, take_text(&mut object, &["input", "partial_json"]))
    {
        match arguments {
            Value::String(text) => text.push_str(&delta),
            other if is_null_or_empty(other) => *other = delta.into(),
            _ => {}
        }
    }
}

/// Parses arguments once all their pieces are there.
fn parse_arguments(part: &mut Part) {
    if let Part::ToolCall { arguments, .. } = part {
        *arguments = unquote(arguments.take());
    }
}

fn read_text(mut object: Object, parts: &mut Vec<Part>) {
    let is_thought = object.get("thought") == Some(&Value::Bool(true));
    let Some(value) = take(&mut object, TEXT_FIELDS) else {
        return;
    };
    let text = match value {
        Value::Object(mut inner) => match take_text(&mut inner, &["value", "text", "content"]) {
            Some(text) => text,
            None => Value::Object(inner).to_string(),
        },
        // Azure's SDK for JavaScript puts the parts of OpenAI's API into one.
        Value::Array(items)
            if items
                .iter()
                .all(|item| item.as_object().is_some_and(is_part)) =>
        {
            return read(Value::Array(items), parts);
        }
        value => text_of(value),
    };
    parts.push(if is_thought {
        Part::Reasoning(text)
    } else {
        Part::Text(text)
    });
}

/// Fields of Bedrock's for an answer with citations, and for what a guardrail is to check.
const BEDROCK_TEXT_FIELDS: &[&str] = &["citationsContent", "guardContent"];

fn has_bedrock_text(object: &Object) -> bool {
    BEDROCK_TEXT_FIELDS
        .iter()
        .any(|key| object.contains_key(*key))
}

fn read_bedrock_text(mut object: Object, parts: &mut Vec<Part>) {
    for key in BEDROCK_TEXT_FIELDS {
        let Some(mut inner) = take_object(&mut object, key) else {
            continue;
        };
        match take(&mut inner, &["content", "text"]) {
            Some(Value::Object(text)) => read_text(text, parts),
            Some(texts) => read(texts, parts),
            None => read(Value::Object(inner), parts),
        }
    }
}

/// Returns whether a text may be the repr of OpenAI's `ResponseFunctionToolCall`, which some libraries record as the text of an
/// answer.
pub(in super::super) fn may_be_call_repr(text: &[u8]) -> bool {
    static TYPE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("type='function_call'"));

    TYPE.find(text).is_some()
}

/// Reads the repr of a call.
pub(in super::super) fn call_from_repr(text: &str) -> Option<Part> {
    if !may_be_call_repr(text.as_bytes()) {
        return None;
    }
    match repair::read_constructor(text)? {
        Value::Object(object) if kind_of(&object) == Some(Kind::Call) => Some(call(object)),
        _ => None,
    }
}

fn read_reasoning(mut object: Object, parts: &mut Vec<Part>) {
    for key in REASONING_FIELDS {
        let before = parts.len();
        if let Some(value) = take(&mut object, &[key]) {
            reasoning(value, parts);
        }
        if parts.len() > before {
            return;
        }
    }
}

fn read_answer(mut object: Object) -> Option<Part> {
    if let Some("mcp_approval_response" | "tool_approval_response") = kind(&object).as_deref() {
        return provider_tools::read_approval(object);
    }
    for key in ["code_execution_result", "codeExecutionResult"] {
        if let Some(mut result) = take_object(&mut object, key) {
            return Some(Part::ToolCallResponse {
                id: take_id(&mut result, CALL_ID_FIELDS),
                name: Some(CODE_EXECUTION.to_owned()),
                response: Value::Object(result),
            });
        }
    }
    let mut outer = Object::new();
    for key in [
        "function_response",
        "functionResponse",
        "toolResult",
        "tool_result",
        "tool_call_result",
        "tool_response",
        "toolResponse",
    ] {
        if let Some(inner) = take_object(&mut object, key) {
            outer = std::mem::replace(&mut object, inner);
        }
    }
    provider_tools::unwrap_answer(&mut object);
    // Haystack includes the call that is answered.
    let mut call = take_object(&mut object, "origin").unwrap_or_default();
    let id = [&mut object, &mut call, &mut outer]
        .into_iter()
        .find_map(|fields| take_id(fields, CALL_ID_FIELDS));
    let names = ["name", "toolName", "tool_name", "toolType", "tool_type"];
    let name = take_text(&mut object, &names).or_else(|| take_text(&mut call, &names));
    // A tool may answer with null. Content that is not captured has no field at all.
    let is_null = ANSWER_FIELDS
        .iter()
        .any(|key| object.get(*key) == Some(&Value::Null));
    let response = take(&mut object, ANSWER_FIELDS)
        .or_else(|| (is_null || id.is_none() && name.is_none()).then_some(Value::Null))?;
    Some(Part::ToolCallResponse {
        id,
        name,
        response: answer(response),
    })
}

/// Parses arguments that are a string of JSON or a Python repr.
pub(in super::super) fn unquote(value: Value) -> Value {
    /// Further layers of quotes are content.
    const MAX_QUOTE_LAYERS: usize = 3;

    let Value::String(text) = value else {
        return value;
    };
    if text == parse::REDACTED {
        return Value::Null;
    }
    let mut inner = parse::json(&text);
    for _ in 1..MAX_QUOTE_LAYERS {
        inner = match inner {
            Some(Value::String(quoted)) => parse::json(&quoted),
            inner => inner,
        };
    }
    match inner {
        Some(value @ (Value::Object(_) | Value::Array(_))) => value,
        Some(_) => Value::String(text),
        None => repair::read(&text)
            .and_then(Repaired::complete)
            .unwrap_or(Value::String(text)),
    }
}

fn reasoning_text(part: Part) -> Option<String> {
    match part {
        Part::Reasoning(text) => Some(text),
        _ => None,
    }
}

fn is_summary(item: &Value) -> bool {
    let kind = item.get("type").and_then(Value::as_str);
    matches!(kind, Some("summary_text" | "reasoning_text"))
}
