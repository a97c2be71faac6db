//! Reads one message: a role, and content in one of many fields.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{
        Media, Message, Object, Part, Role, Side, normalise, parse, read_constructor, read_json,
        repair,
    },
    answer, envelope,
    fields::{self, role, take, take_id, take_object, take_text},
    kind, part,
};

/// Fields that make an object with a role a message.
const CONTENT_FIELDS: &[&str] = &[
    "parts",
    "content",
    "contents",
    "audio",
    "data",
    "finish_reason",
    "functionCall",
    "function_call",
    "message",
    "reasoning",
    "reasoning_content",
    "refusal",
    "text",
    "toolCalls",
    "tool_call_id",
    "tool_calls",
];

/// Further names of the text: `message` in Cohere's older API, the others by hand.
const TEXT_FIELDS: &[&str] = &[
    "message", "msg", "body", "prompt", "question", "query", "answer", "reply",
];

const REASONING_FIELDS: &[&str] = &[
    "reasoning_content",
    "reasoning",
    "reasoningText",
    "thinking",
    // Cohere's thoughts before calls.
    "tool_plan",
];

const FINISH_REASON_FIELDS: &[&str] = &[
    "finish_reason",
    "finishReason",
    "stop_reason",
    "stopReason",
    "done_reason",
];

/// Returns whether `object` is a message: it has a role, or a type that stands for one.
pub(super) fn is_message(object: &Object) -> bool {
    let has_content = || CONTENT_FIELDS.iter().any(|key| object.contains_key(*key));
    match object.get("role").and_then(Value::as_str) {
        // An event that was recorded without content is still a message.
        Some(name) => {
            has_content()
                || (role(name).is_some()
                    && (object.len() <= 2 || role_from_event(object).is_some()))
        }
        None => {
            object.get("parts").is_some_and(Value::is_array)
                || is_answer_with_calls(object)
                || ((role_from_type(object).is_some() || role_from_event(object).is_some())
                    && has_content())
        }
    }
}

/// Recognises an answer of DSPy's, which has no role but exactly these fields.
fn is_answer_with_calls(object: &Object) -> bool {
    const FIELDS: &[&str] = &[
        "citations",
        "logprobs",
        "reasoning_content",
        "text",
        "tool_calls",
    ];

    let calls = object.get("tool_calls").and_then(Value::as_array);
    calls.is_some_and(|calls| !calls.is_empty())
        && object.contains_key("text")
        && object.keys().all(|key| FIELDS.contains(&key.as_str()))
}

/// Reads a message. One that does not state a role is from `from`. Returns `None` if it holds nothing.
pub(super) fn read(mut object: Object, from: Role, side: Side) -> Option<Message> {
    let event_role = role_from_event(&object);
    let type_role = role_from_type(&object);
    // LangChain writes `{"type": "human", "data": {...}}`, and `gen_ai.choice` events have a `message`.
    let inner = match (type_role, event_role) {
        (Some(_), _) if !object.contains_key("content") => take_object(&mut object, "data"),
        (_, Some(_)) => take_event_message(&mut object),
        _ => None,
    };
    if let Some(mut inner) = inner {
        inner.append(&mut object);
        object = inner;
    }
    let name = take_text(&mut object, &["role"]);
    let known = name
        .as_deref()
        .map(|name| role(name).unwrap_or(side.role()));
    let role = known.or(type_role).or(event_role).unwrap_or(from);
    let mut parts = read_parts(&mut object, role);
    if name.as_deref().is_some_and(is_role_of_reasoning) {
        for part in &mut parts {
            if let Part::Text(text) = part {
                *part = Part::Reasoning(std::mem::take(text));
            }
        }
    }
    let finish_reason = take_finish_reason(&mut object)
        .or_else(|| response_finish_reason(&object, parts.iter().any(normalise::is_call)));
    let name = (role != Role::Tool)
        .then(|| take_text(&mut object, &["name"]))
        .flatten();
    (!parts.is_empty() || finish_reason.is_some()).then_some(Message {
        role,
        name,
        parts,
        finish_reason,
    })
}

/// Returns whether the messages of a role are what the model thought.
fn is_role_of_reasoning(name: &str) -> bool {
    ["reasoning", "thinking"]
        .iter()
        .any(|role| name.eq_ignore_ascii_case(role))
}

/// Removes and returns the message of an event. If there is a text or a list of parts in its place, that becomes the content of
/// the event itself.
fn take_event_message(object: &mut Object) -> Option<Object> {
    let is_message = |inner: &Object| {
        inner.contains_key("role") || CONTENT_FIELDS.iter().any(|key| inner.contains_key(*key))
    };
    let message = take(object, &["message"])?;
    let read = message.as_str().and_then(read_json);
    match (message, read) {
        (Value::Object(inner), _) | (_, Some(Value::Object(inner))) if is_message(&inner) => {
            Some(inner)
        }
        (message, _) => {
            object.entry("content").or_insert(message);
            None
        }
    }
}

/// Removes and returns the finish reason.
pub(super) fn take_finish_reason(object: &mut Object) -> Option<String> {
    take_text(object, FINISH_REASON_FIELDS).or_else(|| {
        ["generation_info", "response_metadata"]
            .into_iter()
            .find_map(|key| match object.get_mut(key)? {
                Value::Object(inner) => take_text(inner, FINISH_REASON_FIELDS),
                _ => None,
            })
    })
}

/// Returns why a response of OpenAI's ended, which LangChain keeps among the metadata of the message that it makes of it.
fn response_finish_reason(message: &Object, has_open_call: bool) -> Option<String> {
    let metadata = message.get("response_metadata")?.as_object()?;
    let is_response = metadata
        .get("object")
        .is_some_and(|kind| kind == "response");
    is_response
        .then(|| envelope::reason_of_status(metadata, || has_open_call))
        .flatten()
}

/// Reads the content of a message: a text, a part, or a list of parts.
pub(super) fn content(value: Value, parts: &mut Vec<Part>) {
    match value {
        Value::String(text) => {
            // Flattened attributes hold a list of parts as JSON, or as the repr of a Python list.
            let value = match parse::json(&text) {
                None if text.starts_with("[{'") => read_json(&text),
                value => value,
            };
            match value {
                Some(Value::Array(items)) if are_all(&items, kind::is_part) => {
                    part::read(Value::Array(items), parts);
                }
                _ => parts.push(Part::Text(text)),
            }
        }
        Value::Object(mut object) if object.get("parts").is_some_and(Value::is_array) => {
            if let Some(inner) = object.remove("parts") {
                part::read(inner, parts);
            }
        }
        // An answer that Gemini's filter withheld consists of the model's role only.
        Value::Object(object) if object.len() == 1 && object.contains_key("role") => {}
        value => part::read(value, parts),
    }
}

/// Removes the tags that the parts of a list may have.
fn untag_parts(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(repair::untag).collect(),
        value => value,
    }
}

fn read_parts(object: &mut Object, role: Role) -> Vec<Part> {
    let mut parts = Vec::new();
    read_reasoning(object, &mut parts);
    let has_parts = object.get("parts").is_some_and(Value::is_array);
    let is_null = object.get("content") == Some(&Value::Null);
    let value = take(object, &["parts", "content", "contents", "text"]).map(untag_parts);
    // Of what a tool's message may have beside its answer, such as the query, the answer counts.
    let value = match role {
        Role::Tool => value.or_else(|| take(object, &["output", "result", "response"])),
        _ => value,
    };
    let value = value.or_else(|| take_text(object, TEXT_FIELDS).map(Value::String));
    if role == Role::Tool {
        // A tool may answer with null.
        let value = value.or(is_null.then_some(Value::Null));
        read_tool_answer(object, value, has_parts, &mut parts);
    } else if let Some(value) = value {
        content(value, &mut parts);
    }
    // LangChain keeps these separate from the content.
    let kwargs = object.get_mut("additional_kwargs");
    let mut kwargs = kwargs.and_then(Value::as_object_mut);
    if let Some(kwargs) = &mut kwargs
        && !parts.iter().any(|part| matches!(part, Part::Reasoning(_)))
    {
        let content = std::mem::take(&mut parts);
        read_reasoning(kwargs, &mut parts);
        parts.extend(content);
    }
    let kwargs_refusal = kwargs.and_then(|kwargs| take_text(kwargs, &["refusal"]));
    let refusal = take_text(object, &["refusal"]).or(kwargs_refusal);
    if let Some(refusal) = refusal {
        parts.push(Part::Text(refusal));
    }
    if let Some(audio) = take_object(object, "audio") {
        read_audio(audio, &mut parts);
    }
    if let Some(Value::Array(images)) = take(object, &["images"]) {
        read_images(images, &mut parts);
    }
    append_calls(object, &mut parts);
    parts
}

/// Reads the images of a message: Ollama's are base64, OpenRouter's are parts.
fn read_images(images: Vec<Value>, parts: &mut Vec<Part>) {
    for image in images {
        match image {
            Value::String(data) => {
                let image = Object::from_iter([("image".to_owned(), Value::String(data))]);
                parts.push(Part::Media(Media::read("image", image)));
            }
            Value::Object(image) if kind::is_part(&image) => part::read(image.into(), parts),
            _ => {}
        }
    }
}

fn read_reasoning(object: &mut Object, parts: &mut Vec<Part>) {
    for key in REASONING_FIELDS {
        if let Some(value) = take(object, &[key]) {
            part::reasoning(value, parts);
        }
    }
}

/// Fields of a message for the id of the call that it answers.
const ANSWERED_CALL_ID_FIELDS: &[&str] = &[
    "tool_call_id",
    "toolCallId",
    "tool_use_id",
    "tool_id",
    "call_id",
    "callId",
];

/// Reads a tool's answer, unless the content itself states which calls it answers.
fn read_tool_answer(
    object: &mut Object,
    value: Option<Value>,
    has_parts: bool,
    parts: &mut Vec<Part>,
) {
    let id = take_id(object, ANSWERED_CALL_ID_FIELDS);
    let value = match value {
        // Events hold a list of parts as JSON.
        Some(Value::String(text)) => match parse::json(&text) {
            Some(Value::Array(items))
                if are_all(&items, |item| kind::is_part(item) && kind::is_answer(item)) =>
            {
                Value::Array(items)
            }
            _ => Value::String(text),
        },
        Some(value) => value,
        None => return,
    };
    let list = value.as_array();
    let list = list.or_else(|| value.get("parts")?.as_array());
    let mut objects = list.into_iter().flatten().filter_map(Value::as_object);
    let has_answer_parts = objects.any(kind::is_answer);
    if has_answer_parts || (has_parts && id.is_none()) {
        content(value, parts);
        return;
    }
    let id = id.or_else(|| take_id(object, &["id"]));
    let is_empty = match &value {
        Value::Array(items) => items.is_empty(),
        // Null is an answer if the call is named.
        value => value.is_null() && id.is_none(),
    };
    if !is_empty {
        parts.push(Part::ToolCallResponse {
            id,
            name: take_text(object, &["name", "toolName", "tool_name"]),
            response: answer::answer(value),
        });
    }
}

/// Fields of a message for the calls that it asks for.
const CALL_FIELDS: &[&str] = &[
    "tool_calls",
    "toolCalls",
    "tool_call",
    "tool_use",
    "function_call",
    "functionCall",
];

/// Reads the calls beside the content. Some libraries repeat calls there that the content already has.
fn append_calls(object: &mut Object, parts: &mut Vec<Part>) {
    let mut calls = Vec::new();
    for key in CALL_FIELDS {
        if let Some(value) = take(object, &[key]) {
            read_calls(value, &mut calls);
        }
    }
    if calls.is_empty()
        && let Some(mut kwargs) = take_object(object, "additional_kwargs")
    {
        for key in ["tool_calls", "function_call"] {
            if let Some(value) = take(&mut kwargs, &[key]) {
                read_calls(value, &mut calls);
            }
        }
    }
    drop_duplicate_calls(parts);
    let seen: HashSet<String> = parts
        .iter()
        .filter_map(call_id)
        .map(str::to_owned)
        .collect();
    let has_text = parts.iter().any(|part| matches!(part, Part::Text(_)));
    calls.retain(|call| match call {
        Part::Text(_) => !has_text,
        call => call_id(call).is_none_or(|id| !seen.contains(id)),
    });
    parts.append(&mut calls);
    drop_unidentified_repetitions(parts);
}

/// Drops calls without an id that repeat one with an id. LangChain's answers of Gemini have the first call also in an older form.
fn drop_unidentified_repetitions(parts: &mut Vec<Part>) {
    let is_unidentified = |part: &Part| matches!(part, Part::ToolCall { id: None, .. });
    if !parts.iter().any(is_unidentified) {
        return;
    }
    let identified = parts.iter().filter(|part| call_id(part).is_some());
    let identified: HashSet<_> = identified.filter_map(name_and_arguments).collect();
    parts.retain(|part| {
        !is_unidentified(part)
            || name_and_arguments(part).is_none_or(|call| !identified.contains(&call))
    });
}

fn name_and_arguments(call: &Part) -> Option<(String, String)> {
    match call {
        Part::ToolCall {
            name, arguments, ..
        } => Some((name.clone(), arguments.to_string())),
        _ => None,
    }
}

/// Keeps only the first of several calls with the same id. Some libraries repeat a block of the content as a separate part.
fn drop_duplicate_calls(parts: &mut Vec<Part>) {
    if parts.iter().filter_map(call_id).nth(1).is_none() {
        return;
    }
    let mut seen = HashSet::new();
    parts.retain(|part| call_id(part).is_none_or(|id| seen.insert(id.to_owned())));
}

fn read_calls(value: Value, calls: &mut Vec<Part>) {
    let items = match value {
        Value::String(text) => match parse::json(&text) {
            Some(Value::Array(items)) => items,
            Some(value) => vec![value],
            None => return,
        },
        Value::Array(items) => items,
        value => vec![value],
    };
    for item in items {
        match item {
            // A call without a name and arguments is none.
            Value::Object(call) if call.is_empty() => {}
            Value::Object(item) => read_call(item, calls),
            // A list of JSON texts or Python reprs.
            Value::String(text) => {
                let call = parse::json(&text).or_else(|| read_constructor(&text));
                if let Some(Value::Object(call)) = call {
                    calls.push(part::call(call));
                }
            }
            _ => {}
        }
    }
}

/// Reads an item of a list of calls. Sentry's SDK for JavaScript lists every item of a streamed response of OpenAI's there.
fn read_call(mut item: Object, calls: &mut Vec<Part>) {
    match kind::kind_of(&item) {
        Some(_) => part::read(Value::Object(item), calls),
        None if item.get("type").is_some_and(|kind| kind == "message") => {
            let value = item.remove("content").unwrap_or_default();
            content(value, calls);
        }
        None => calls.push(part::call(item)),
    }
}

fn read_audio(mut audio: Object, parts: &mut Vec<Part>) {
    audio.insert("type".to_owned(), "audio".into());
    part::read(Value::Object(audio), parts);
}

fn call_id(part: &Part) -> Option<&str> {
    match part {
        Part::ToolCall { id, .. } => id.as_deref(),
        _ => None,
    }
}

fn are_all(items: &[Value], is_one: impl Fn(&Object) -> bool) -> bool {
    let mut objects = items.iter().map(Value::as_object);
    !items.is_empty() && objects.all(|object| object.is_some_and(&is_one))
}

/// Returns the role of a LangChain message, whose `type` is its class; in langchain-rust it is the `message_type`.
fn role_from_type(object: &Object) -> Option<Role> {
    if let Some(role) = object.get("message_type").and_then(Value::as_str) {
        return fields::role(role);
    }
    match fields::kind(object)?.as_ref() {
        "message" => None,
        "function" if object.contains_key("function") => None,
        // These types are parts, too.
        "reasoning" | "tool_call" | "tool_response" | "tool_result" | "thinking" => None,
        kind => role(kind),
    }
}

/// Returns the role of an event of the old conventions, such as `gen_ai.user.message`.
fn role_from_event(object: &Object) -> Option<Role> {
    let name = object
        .get("event.name")?
        .as_str()?
        .strip_prefix("gen_ai.")?;
    match name {
        "choice" => Some(Role::Assistant),
        name => role(name.strip_suffix(".message")?),
    }
}
