//! Messages, most of them flattened to an attribute for every field.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    INPUT_MESSAGES, INPUT_VALUE, INVOCATION_PARAMETERS, OUTPUT_MESSAGES, OUTPUT_VALUE, autogen,
    payload,
};
use crate::{
    Attributes,
    dialect::{
        DEFINITIONS, INPUT, INSTRUCTIONS, OUTPUT, indexed,
        json::{self, Object},
    },
};

const REDACTED: crate::Value<'static> = crate::Value::Str("__REDACTED__");

/// Removes the whole request or answer if the program hides one of its messages, which would be visible there.
pub(super) fn remove_hidden(attributes: &mut Attributes) {
    for (prefix, payload) in [
        (INPUT_MESSAGES, INPUT_VALUE),
        (OUTPUT_MESSAGES, OUTPUT_VALUE),
    ] {
        let is_hidden = attributes
            .iter()
            .any(|(key, value)| value == REDACTED && key.starts_with(prefix));
        if is_hidden {
            attributes.remove(payload);
        }
    }
    attributes.retain(|_, value| value != REDACTED);
}

pub(super) fn read(attributes: &mut Attributes, default_role: &str) {
    payload::prefer_with_call_ids(attributes);
    payload::prefer_response(attributes);
    read_flattened_messages(attributes, default_role);
    read_flattened_texts(attributes);
    read_tool_definitions(attributes);
    read_instructions(attributes);
    attributes.rename(INPUT_VALUE, INPUT);
    // For an answer that it could not read, such as a stream, the instrumentation records the object's repr.
    if attributes.text(OUTPUT_VALUE).is_some_and(is_object_repr) {
        attributes.remove(OUTPUT_VALUE);
    }
    attributes.rename(OUTPUT_VALUE, OUTPUT);
}

fn read_flattened_messages(attributes: &mut Attributes, default_role: &str) {
    for (prefix, role, key) in [
        (INPUT_MESSAGES, default_role, INPUT),
        (OUTPUT_MESSAGES, "assistant", OUTPUT),
    ] {
        if let Some(Value::Array(messages)) = indexed::take(attributes, prefix) {
            let messages: Vec<_> = messages
                .into_iter()
                .filter_map(|item| message(item, role))
                .collect();
            if !messages.is_empty() {
                json::put(attributes, key, messages.into());
            }
        }
        // `tracing` cannot create keys at run time, so there all messages are one text.
        attributes.rename(prefix.trim_end_matches('.'), key);
    }
}

/// Reads the prompts and answers of models that complete a text.
fn read_flattened_texts(attributes: &mut Attributes) {
    for (prefix, step, role, key) in [
        ("llm.prompts.", "prompt", "user", INPUT),
        ("llm.choices.", "completion", "assistant", OUTPUT),
    ] {
        if let Some(Value::Array(texts)) = indexed::take(attributes, prefix) {
            let messages = texts.into_iter().map(|mut item| {
                let text = json::take(&mut json::take(&mut item, step), "text");
                json!({"role": role, "content": text})
            });
            json::put(attributes, key, messages.collect());
        }
    }
}

fn read_tool_definitions(attributes: &mut Attributes) {
    if let Some(Value::Array(tools)) = indexed::take(attributes, "llm.tools.") {
        let tools: Vec<_> = tools.into_iter().filter_map(tool_definition).collect();
        if !tools.is_empty() {
            json::put(attributes, DEFINITIONS, tools.into());
        }
    }
    // litellm records tools among the parameters.
    if !attributes.contains(DEFINITIONS)
        && let Some(mut parameters) = json::object(attributes, INVOCATION_PARAMETERS)
        && let Some(tools) = parameters.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
    }
}

fn tool_definition(mut item: Value) -> Option<Value> {
    let mut tool = json::take(&mut item, "tool");
    match json::take(&mut tool, "json_schema") {
        // litellm's presets have the fields of the definition directly below the number.
        Value::Null if tool.is_null() && item.get("name").is_some_and(Value::is_string) => {
            if let Some(schema) = item.get_mut("parameters") {
                *schema = json::parsed(schema.take());
            }
            Some(item)
        }
        Value::Null => tool.is_object().then_some(tool),
        schema => Some(json::parsed(schema)),
    }
}

/// Reads the instructions of a response of OpenAI's, which litellm's presets have among the parameters alone.
fn read_instructions(attributes: &mut Attributes) {
    let Some(Value::String(text)) = json::object(attributes, INVOCATION_PARAMETERS)
        .and_then(|mut parameters| parameters.remove("instructions"))
    else {
        return;
    };
    let messages = json::read(attributes, INPUT).unwrap_or_default();
    let has_system_message = (messages.as_array().into_iter().flatten())
        .any(|message| matches!(message["role"].as_str(), Some("system" | "developer")));
    if !has_system_message && !attributes.contains(INSTRUCTIONS) {
        json::put(attributes, INSTRUCTIONS, text.into());
    }
}

/// Recognises Python's default repr of an object, and the one of a response that OpenAI's and Anthropic's SDKs did not read.
pub(in crate::dialect) fn is_object_repr(text: &str) -> bool {
    text.starts_with('<')
        && text.ends_with('>')
        && (text.contains(" object at 0x") || text.contains(" type=<class '"))
}

/// Converts a message to the format of OpenAI's API.
pub(super) fn message(mut item: Value, role: &str) -> Option<Value> {
    if let Some(answers) = autogen::tool_message(&mut item) {
        return Some(answers);
    }
    let thought = json::take(&mut item, "thought");
    let Some(Value::Object(mut message)) = item.get_mut("message").map(Value::take) else {
        return None;
    };
    // Anthropic puts a tool's answer into a user message.
    let role = match message.get("role").and_then(Value::as_str) {
        Some("user") | None if message.contains_key("tool_call_id") => "tool".to_owned(),
        Some(own) => own.to_owned(),
        None => role.to_owned(),
    };
    message.insert("role".to_owned(), role.into());
    let mut calls: Vec<Value> = Vec::new();
    if let Some(Value::Array(items)) = message.remove("tool_calls") {
        calls.extend(items.into_iter().filter_map(call));
    }
    if let Some(Value::Array(items)) = message.remove("contents") {
        let parts = parts(items, &mut calls);
        if !parts.is_empty() {
            message.insert("content".to_owned(), parts.into());
        }
    }
    if let Some(name) = message.remove("function_call_name") {
        let arguments = message.remove("function_call_arguments_json");
        calls.push(json!({"type": "function", "function": {"name": name, "arguments": arguments}}));
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    if let Some(reasoning) = message.remove("reasoning_summary") {
        message.insert("reasoning_content".to_owned(), reasoning);
    }
    autogen::add_thought(&mut message, thought);
    // Of content that the instrumentation could not read, only the role is left.
    (message.len() > 1).then_some(Value::Object(message))
}

/// Converts the contents of a message to parts, and adds the calls among them to `calls`.
fn parts(items: Vec<Value>, calls: &mut Vec<Value>) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut seen: HashSet<String> = calls.iter().map(call_key).collect();
    // What a model says after the answer of a tool that its provider ran stays after it.
    let has_tool_results = items.iter().any(is_tool_result);
    for mut item in items {
        let content = item.get_mut("message_content").map(Value::take);
        // BeeAI names the call that a tool's answer belongs to beside the answer.
        if let Some(id) = item.pointer("/message/tool_call_id")
            && let Some(Value::Object(content)) = &content
        {
            let answer = content.get("text");
            parts.push(json!({"type": "tool_call_response", "id": id, "response": answer}));
            continue;
        }
        let call = call(item);
        if has_tool_results
            && let Some(call) = &call
            && call["id"].is_string()
        {
            parts.push(json!({
                "type": "tool_call",
                "id": call["id"],
                "name": call["function"]["name"],
                "arguments": call["function"]["arguments"],
            }));
            continue;
        }
        // Beside a call there may be nothing but its type. The same holds for the answer to a call.
        if let Some(Value::Object(content)) = content
            && (content.len() > 1 || call.is_none() && !is_bare_tool_result(&content))
        {
            parts.push(part(content));
        }
        // The list of calls may already have it.
        if let Some(call) = call
            && seen.insert(call_key(&call))
        {
            calls.push(call);
        }
    }
    parts
}

fn is_tool_result(item: &Value) -> bool {
    let kind = item.pointer("/message_content/type");
    kind.and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("_tool_result"))
}

/// Returns whether the content only says that it was a tool's answer.
fn is_bare_tool_result(content: &Object) -> bool {
    let kind = content.get("type").and_then(Value::as_str);
    content.len() == 1 && kind.is_some_and(|kind| kind.ends_with("_tool_result"))
}

fn call(mut item: Value) -> Option<Value> {
    let mut call = item.get_mut("tool_call")?.take();
    call.as_object_mut()?
        .insert("type".to_owned(), "function".into());
    Some(call)
}

/// Returns what identifies a call: its id, or the whole call if it has none.
fn call_key(call: &Value) -> String {
    match &call["id"] {
        Value::Null => call.to_string(),
        id => id.to_string(),
    }
}

fn part(mut content: Object) -> Value {
    // The answer of one of Anthropic's own tools is JSON in a text, and so is any block that has no fields of its own, such as a
    // document.
    let kind = content.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "text")
        && let Some(Value::Object(block)) = content
            .get("text")
            .and_then(|text| crate::messages::read_json(text.as_str()?))
        && block.get("type").and_then(Value::as_str) == kind
    {
        return Value::Object(block);
    }
    if let Some(mut image) = content.remove("image") {
        return match image.pointer_mut("/image/url").map(Value::take) {
            Some(url) => json!({"type": "image_url", "image_url": {"url": url}}),
            // The type of the image as in Anthropic's SDK, without the data.
            None => json!({"type": "image", "source": image}),
        };
    }
    if let Some(document) = content.get_mut("document") {
        return document_part(json::take(document, "document"));
    }
    Value::Object(content)
}

/// Converts a document, which is a text, a file of the provider's, or an address.
fn document_part(mut document: Value) -> Value {
    match (
        json::take(&mut document, "content"),
        json::take(&mut document, "id"),
    ) {
        (text @ Value::String(_), _) => json!({"type": "text", "text": text}),
        (_, id @ Value::String(_)) if document.get("url").is_none() => {
            json!({"type": "file", "file_id": id, "mime_type": document["mime_type"]})
        }
        _ => json!({
            "type": "document",
            "url": document["url"],
            "mime_type": document["mime_type"],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;

    #[test]
    fn calls_are_listed_once() {
        let content = |call: Value| json!({"tool_call": call});
        let first = json!({"id": "c1", "function": {"name": "w"}});
        let nameless = |name: &str| json!({"function": {"name": name}});
        let item = json!({"message": {
            "role": "assistant",
            "tool_calls": [content(first.clone()), content(nameless("a"))],
            "contents": [content(first), content(nameless("a")), content(nameless("b"))],
        }});
        let read = message(item, "user").unwrap();
        let calls = read["tool_calls"].as_array().unwrap();
        let names: Vec<_> = calls.iter().map(|call| &call["function"]["name"]).collect();
        assert_eq!(names, ["w", "a", "b"]);
    }

    /// JavaScript's instrumentation of Anthropic records calls like this.
    #[test]
    fn a_bare_type_next_to_a_call_is_not_a_part() {
        let call = json!({"id": "c1", "function": {"name": "w"}});
        let item = json!({"message": {"role": "assistant", "contents": [
            {"message_content": {"type": "text", "text": "Let me look"}},
            {"message_content": {"type": "tool_use"}, "tool_call": call},
        ]}});
        let read = message(item, "assistant").unwrap();
        assert_eq!(
            read["content"],
            json!([{"type": "text", "text": "Let me look"}])
        );
        assert_eq!(read["tool_calls"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_user_message_with_a_tool_call_id_is_from_the_tool() {
        let item = json!({"message": {"role": "user", "tool_call_id": "c1", "content": "21"}});
        assert_eq!(message(item, "user").unwrap()["role"], "tool");
    }

    #[test]
    fn an_image_without_data_keeps_its_media_type() {
        let image = json!({"type": "base64", "media_type": "image/png"});
        let content = json!({"message_content": {"type": "image", "image": image}});
        let item = json!({"message": {"role": "user", "contents": [content]}});
        let read = message(item, "user").unwrap();
        assert_eq!(read["content"][0]["source"]["media_type"], "image/png");
    }

    /// Python's instrumentation of Anthropic records such answers like this.
    #[test]
    fn provider_tool_results_are_parsed_from_their_text() {
        let answer = json!({"type": "x_tool_result", "tool_use_id": "s1", "content": "21"});
        let content = json!({"type": "x_tool_result", "text": answer.to_string()});
        let item = json!({"message": {"role": "assistant", "contents": [
            {"message_content": {"type": "web_search_tool_result"}},
            {"message_content": content},
        ]}});
        let read = message(item, "assistant").unwrap();
        assert_eq!(read["content"], json!([answer]));
    }

    #[test]
    fn many_calls_are_read_in_linear_time() {
        assert_linear(2_000, |many| {
            let contents: Vec<_> = (0..many)
                .map(|number| json!({"tool_call": {"id": format!("c{number}")}}))
                .collect();
            let item = json!({"message": {"role": "assistant", "contents": contents}});
            let read = message(item, "user").unwrap();
            assert_eq!(read["tool_calls"].as_array().unwrap().len(), many);
        });
    }
}
