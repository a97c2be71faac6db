//! Messages: the flattened ones, with an attribute for every field, and the whole request and answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    super::{
        DEFINITIONS, INPUT, OUTPUT, indexed,
        json::{self, Object},
    },
    INPUT_MESSAGES, INPUT_VALUE, INVOCATION_PARAMETERS, OUTPUT_MESSAGES, OUTPUT_VALUE, autogen,
};
use crate::Attributes;

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

/// Removes flattened messages if the whole request or answer says more:
///
/// * LangChain's calls have no ids among the flattened answers.
/// * A message of the request has only its role, as instructions made of blocks do, or only the id of the call that it answers.
/// * Calls in the request have no ids, or no names, as those of OpenAI's custom tools.
/// * The request has calls and answers of tools that the provider runs, recordings or files.
/// * The request has instructions that are not a message.
pub(super) fn prefer_payload(attributes: &mut Attributes) {
    if has_calls_without_id(attributes, OUTPUT_MESSAGES)
        && json::object(attributes, OUTPUT_VALUE)
            .is_some_and(|answer| answer.get("generations").is_some_and(Value::is_array))
    {
        attributes.remove_prefix(OUTPUT_MESSAGES);
    }
    let is_incomplete = has_empty_message(attributes)
        || has_calls_without_id(attributes, INPUT_MESSAGES)
        || has_calls_without_name(attributes, INPUT_MESSAGES)
        || attributes
            .text(INPUT_VALUE)
            .is_some_and(has_unflattened_parts);
    if !is_incomplete && has_system_message(attributes) {
        return;
    }
    let Some(request) = json::object(attributes, INPUT_VALUE) else {
        return;
    };
    let has_messages = request.contains_key("messages")
        || is_incomplete && request.get("input").is_some_and(Value::is_array);
    if has_messages && (is_incomplete || request.contains_key("system")) {
        attributes.remove_prefix(INPUT_MESSAGES);
    }
}

/// Iterates over the attributes of flattened input messages: the number of the message, the path in it, and the value.
fn flattened_input(
    attributes: &Attributes,
) -> impl Iterator<Item = (&str, &str, crate::Value<'_>)> {
    attributes.iter().filter_map(|(key, value)| {
        let (number, path) = key.strip_prefix(INPUT_MESSAGES)?.split_once('.')?;
        Some((number, path, value))
    })
}

/// Returns whether an input message has nothing but its role and the id of the call that it answers.
fn has_empty_message(attributes: &Attributes) -> bool {
    let mut without_content = BTreeSet::new();
    let mut with_content = BTreeSet::new();
    for (number, path, _) in flattened_input(attributes) {
        let numbers = match path {
            "message.role" | "message.tool_call_id" => &mut without_content,
            _ => &mut with_content,
        };
        numbers.insert(number);
    }
    !without_content.is_subset(&with_content)
}

fn has_system_message(attributes: &Attributes) -> bool {
    let is_system =
        |path: &str, value| path == "message.role" && value == crate::Value::Str("system");
    flattened_input(attributes).any(|(_, path, value)| is_system(path, value))
}

/// Prefers the items of a request of OpenAI's agents if some are missing among the flattened attributes. The instructions are not
/// an item and stay.
pub(super) fn prefer_items(attributes: &mut Attributes) {
    if !attributes
        .text(INPUT_VALUE)
        .is_some_and(has_unflattened_parts)
    {
        return;
    }
    let Some(Value::Array(mut items)) = json::read(attributes, INPUT_VALUE) else {
        return;
    };
    if let Some(Value::Array(fields)) = indexed::take(attributes, INPUT_MESSAGES) {
        let is_system = |item: &Value| {
            item.pointer("/message/role")
                .is_some_and(|role| role == "system")
        };
        let system = fields.into_iter().filter(is_system);
        let system: Vec<_> = system.filter_map(|item| message(item, "system")).collect();
        items.splice(..0, system);
    }
    json::put(attributes, INPUT, items.into());
}

/// Prefers the messages of the whole request and answer if only these have the ids of calls, as Mistral's do, or their names, as
/// OpenAI's do for custom tools.
fn prefer_payload_with_call_ids(attributes: &mut Attributes) {
    for (prefix, payload, messages) in [
        (INPUT_MESSAGES, INPUT_VALUE, "messages"),
        (OUTPUT_MESSAGES, OUTPUT_VALUE, "choices"),
    ] {
        if (has_calls_without_id(attributes, prefix) || has_calls_without_name(attributes, prefix))
            && let Some(object) = json::object(attributes, payload)
            && let Some(messages) = object
                .get(messages)
                .filter(|messages| has_calls_with_id(messages))
        {
            let messages = messages.to_string();
            attributes.remove_prefix(prefix);
            attributes.set(payload, messages);
        }
    }
}

/// Returns whether messages, or choices that hold messages, have tool calls with ids.
fn has_calls_with_id(messages: &Value) -> bool {
    let mut items = messages.as_array().into_iter().flatten();
    items.any(|item| {
        let message = item.get("message").unwrap_or(item);
        let mut calls = message["tool_calls"].as_array().into_iter().flatten();
        calls.any(|call| call["id"].is_string())
    })
}

/// Returns whether any call among the messages has a name, but no id to match its result with.
fn has_calls_without_id(attributes: &Attributes, prefix: &str) -> bool {
    let [named, identified] = named_and_identified_calls(attributes, prefix);
    !named.is_subset(&identified)
}

/// Returns whether any call among the messages has an id, but no name.
fn has_calls_without_name(attributes: &Attributes, prefix: &str) -> bool {
    let [named, identified] = named_and_identified_calls(attributes, prefix);
    !identified.is_subset(&named)
}

/// Returns which calls have a name, and which an id.
fn named_and_identified_calls<'a>(
    attributes: &'a Attributes,
    prefix: &str,
) -> [BTreeSet<&'a str>; 2] {
    let ends = [".tool_call.function.name", ".tool_call.id"];
    ends.map(|end| {
        let keys = attributes.iter().map(|(key, _)| key);
        let prefixed = keys.filter(|key| key.starts_with(prefix));
        prefixed.filter_map(|key| key.strip_suffix(end)).collect()
    })
}

pub(super) fn read(attributes: &mut Attributes, default_role: &str) {
    prefer_payload_with_call_ids(attributes);
    prefer_response(attributes);
    read_flattened_messages(attributes, default_role);
    read_flattened_texts(attributes);
    read_tool_definitions(attributes);
    attributes.rename(INPUT_VALUE, INPUT);
    // For an answer that it could not read, such as a stream, the instrumentation records the object's repr.
    if attributes.text(OUTPUT_VALUE).is_some_and(is_object_repr) {
        attributes.remove(OUTPUT_VALUE);
    }
    attributes.rename(OUTPUT_VALUE, OUTPUT);
}

/// Prefers the whole response if only that has what the provider's own tools did, or the reasoning in LangChain's answers.
fn prefer_response(attributes: &mut Attributes) {
    if attributes
        .text(OUTPUT_VALUE)
        .is_some_and(has_unflattened_parts)
        && let Some(response) = json::object(attributes, OUTPUT_VALUE)
        && (is_response(&response)
            || is_anthropic_message(&response)
            || response.get("generations").is_some_and(Value::is_array))
    {
        json::put(attributes, OUTPUT, Value::Object(response));
    }
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
        let tools = tools.into_iter().filter_map(|mut item| {
            let schema = item.get_mut("tool")?.get_mut("json_schema")?.take();
            Some(json::parsed(schema))
        });
        json::put(attributes, DEFINITIONS, tools.collect());
    }
    // litellm records tools among the parameters.
    if !attributes.contains(DEFINITIONS)
        && let Some(mut parameters) = json::object(attributes, INVOCATION_PARAMETERS)
        && let Some(tools) = parameters.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
    }
}

/// Returns whether a request or an answer has parts that are missing or empty among the flattened attributes.
fn has_unflattened_parts(payload: &str) -> bool {
    const PART_TYPES: &[&str] = &[
        r#""apply_patch_call""#,
        r#""code_interpreter_call""#,
        r#""computer_call""#,
        r#""custom_tool_call""#,
        r#""file_data""#,
        r#""file_search_call""#,
        r#""image_generation_call""#,
        r#""input_audio""#,
        r#""input_file""#,
        r#""local_shell_call""#,
        r#""mcp_approval_request""#,
        r#""mcp_approval_response""#,
        r#""mcp_call""#,
        r#""mcp_list_tools""#,
        r#""server_tool_use""#,
        r#""shell_call""#,
        r#""summary_text""#,
        r#""thinking""#,
        r#""web_search_call""#,
    ];

    PART_TYPES.iter().any(|kind| payload.contains(kind))
}

/// Recognises a response of OpenAI's by its `object` field.
pub(super) fn is_response(answer: &Object) -> bool {
    answer.get("object").and_then(Value::as_str) == Some("response")
}

/// Recognises an answer of Anthropic's, which is a message.
fn is_anthropic_message(answer: &Object) -> bool {
    answer.get("type").and_then(Value::as_str) == Some("message")
        && answer.get("content").is_some_and(Value::is_array)
}

/// Recognises Python's default repr of an object.
pub(in crate::dialect) fn is_object_repr(text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>') && text.contains(" object at 0x")
}

/// Converts a message to the format of OpenAI's API.
fn message(mut item: Value, role: &str) -> Option<Value> {
    if let Some(answers) = autogen::tool_message(&mut item) {
        return Some(answers);
    }
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
    // Of content that the instrumentation could not read, only the role is left.
    (message.len() > 1).then_some(Value::Object(message))
}

/// Converts the contents of a message to parts, and adds the calls among them to `calls`.
fn parts(items: Vec<Value>, calls: &mut Vec<Value>) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut seen: BTreeSet<String> = calls.iter().map(call_key).collect();
    // What a model says after the answer of a tool that its provider ran stays after it.
    let has_tool_results = items.iter().any(is_tool_result);
    for mut item in items {
        let content = item.get_mut("message_content").map(Value::take);
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
    Value::Object(content)
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
