//! The messages, flattened to an attribute for every field, and the request and the answer as a whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    super::{
        DEFINITIONS, INPUT, OUTPUT, indexed,
        json::{self, Object},
    },
    autogen,
};
use crate::Attributes;

const REDACTED: crate::Value<'static> = crate::Value::Str("__REDACTED__");

/// Takes out what the program does not want to be seen: where it hides a message, the whole request would show it.
pub(super) fn hide(attributes: &mut Attributes) {
    for (prefix, whole) in [
        ("llm.input_messages.", "input.value"),
        ("llm.output_messages.", "output.value"),
    ] {
        let hides = attributes
            .iter()
            .any(|(key, value)| value == REDACTED && key.starts_with(prefix));
        if hides {
            attributes.remove(whole);
        }
    }
    attributes.retain(|_, value| value != REDACTED);
}

/// Leaves the request itself where a message has nothing but its role, as instructions do that are made of blocks, or nothing but
/// the call that it answers, and where the instructions are no message.
pub(super) fn prefer_whole(attributes: &mut Attributes) {
    const PREFIX: &str = "llm.input_messages.";
    const ANSWER: &str = "llm.output_messages.";

    if has_calls_without_id(attributes, ANSWER)
        && json::object(attributes, "output.value")
            .is_some_and(|answer| answer.get("generations").is_some_and(Value::is_array))
    {
        attributes.retain(|key, _| !key.starts_with(ANSWER));
    }
    let mut empty = BTreeSet::new();
    let mut filled = BTreeSet::new();
    let mut has_system = false;
    for (key, value) in attributes.iter() {
        if let Some((number, rest)) = key.strip_prefix(PREFIX).and_then(|it| it.split_once('.')) {
            has_system |= rest == "message.role" && value == crate::Value::Str("system");
            let seen = match rest {
                "message.role" | "message.tool_call_id" => &mut empty,
                _ => &mut filled,
            };
            seen.insert(number.to_owned());
        }
    }
    let is_hollow = !empty.is_subset(&filled) || has_calls_without_id(attributes, PREFIX);
    if (is_hollow || !has_system)
        && let Some(request) = json::object(attributes, "input.value")
        && request.contains_key("messages")
        && (is_hollow || request.contains_key("system"))
    {
        attributes.retain(|key, _| !key.starts_with(PREFIX));
    }
}

/// Leaves the request and the answer themselves where they have the ids of calls and the fields do not, as Mistral's.
fn prefer_identified(attributes: &mut Attributes) {
    for (prefix, whole, messages) in [
        ("llm.input_messages.", "input.value", "messages"),
        ("llm.output_messages.", "output.value", "choices"),
    ] {
        if has_calls_without_id(attributes, prefix)
            && let Some(object) = json::object(attributes, whole)
            && let Some(messages) = object.get(messages).filter(|it| has_ids(it))
        {
            let messages = messages.to_string();
            attributes.retain(|key, _| !key.starts_with(prefix));
            attributes.set(whole, messages);
        }
    }
}

/// Returns whether messages, or choices with them, have calls of tools with ids.
fn has_ids(messages: &Value) -> bool {
    let mut items = messages.as_array().into_iter().flatten();
    items.any(|item| {
        let message = item.get("message").unwrap_or(item);
        let mut calls = message["tool_calls"].as_array().into_iter().flatten();
        calls.any(|call| call["id"].is_string())
    })
}

/// Returns whether any call among the messages has a name, but no id by which a result is found.
fn has_calls_without_id(attributes: &Attributes, prefix: &str) -> bool {
    let mut named = BTreeSet::new();
    let mut known = BTreeSet::new();
    for (key, _) in attributes.iter().filter(|(key, _)| key.starts_with(prefix)) {
        if let Some(call) = key.strip_suffix(".tool_call.function.name") {
            named.insert(call);
        } else if let Some(call) = key.strip_suffix(".tool_call.id") {
            known.insert(call);
        }
    }
    !named.is_subset(&known)
}

pub(super) fn read(attributes: &mut Attributes, roleless: &str) {
    prefer_identified(attributes);
    // What the provider's own tools did is in the response alone; of LangChain's answers what was thought is, too.
    if attributes.text("output.value").is_some_and(says_more)
        && let Some(response) = json::object(attributes, "output.value")
        && (is_response(&response)
            || is_message(&response)
            || response.get("generations").is_some_and(Value::is_array))
    {
        json::put(attributes, OUTPUT, Value::Object(response));
    }
    for (prefix, role, key) in [
        ("llm.input_messages.", roleless, INPUT),
        ("llm.output_messages.", "assistant", OUTPUT),
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
        // Where keys cannot be made as a program runs, as in `tracing`, all are one text.
        attributes.rename(prefix.trim_end_matches('.'), key);
    }
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
    if let Some(Value::Array(tools)) = indexed::take(attributes, "llm.tools.") {
        let tools = tools.into_iter().filter_map(|mut item| {
            let schema = item.get_mut("tool")?.get_mut("json_schema")?.take();
            Some(match schema {
                Value::String(text) => {
                    crate::messages::read_json(&text).unwrap_or(Value::String(text))
                }
                schema => schema,
            })
        });
        json::put(attributes, DEFINITIONS, tools.collect());
    }
    // litellm's tools are parameters like any other.
    if !attributes.contains(DEFINITIONS)
        && let Some(mut parameters) = json::object(attributes, "llm.invocation_parameters")
        && let Some(tools) = parameters.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
    }
    attributes.rename("input.value", INPUT);
    // Of what it could not read, such as a stream, the instrumentation has the repr of the object.
    if attributes.text("output.value").is_some_and(is_object) {
        attributes.remove("output.value");
    }
    attributes.rename("output.value", OUTPUT);
}

/// Returns whether an answer has parts that are left out, or left empty, where each field is an attribute.
fn says_more(answer: &str) -> bool {
    const TYPES: &[&str] = &[
        r#""code_interpreter_call""#,
        r#""computer_call""#,
        r#""file_search_call""#,
        r#""image_generation_call""#,
        r#""local_shell_call""#,
        r#""mcp_call""#,
        r#""server_tool_use""#,
        r#""shell_call""#,
        r#""summary_text""#,
        r#""thinking""#,
        r#""web_search_call""#,
    ];

    TYPES.iter().any(|kind| answer.contains(kind))
}

/// OpenAI's responses say what they are.
pub(super) fn is_response(answer: &Object) -> bool {
    answer.get("object").and_then(Value::as_str) == Some("response")
}

/// Anthropic's answers are messages.
fn is_message(answer: &Object) -> bool {
    answer.get("type").and_then(Value::as_str) == Some("message")
        && answer.get("content").is_some_and(Value::is_array)
}

/// Recognises the repr that Python has for all objects that have none of their own.
pub(in crate::dialect) fn is_object(text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>') && text.contains(" object at 0x")
}

/// Brings one message into the form of OpenAI's API.
fn message(mut item: Value, role: &str) -> Option<Value> {
    if let Some(answers) = autogen::answers(&mut item) {
        return Some(answers);
    }
    let Some(Value::Object(mut message)) = item.get_mut("message").map(Value::take) else {
        return None;
    };
    // Anthropic has what a tool answered in a message of the user.
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
    let mut seen: BTreeSet<String> = calls.iter().map(identity).collect();
    if let Some(Value::Array(items)) = message.remove("contents") {
        let mut parts = Vec::new();
        for mut item in items {
            let content = item.get_mut("message_content").map(Value::take);
            let call = call(item);
            // Of a call there may be the type alone, beside the call itself, and of what came of it, too.
            if let Some(Value::Object(content)) = content
                && (content.len() > 1 || call.is_none() && !is_nothing_but_an_answer(&content))
            {
                parts.push(part(content));
            }
            // What the list of calls has as well.
            if let Some(call) = call
                && seen.insert(identity(&call))
            {
                calls.push(call);
            }
        }
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
    // Of content that the instrumentation could not read the role is all there is.
    (message.len() > 1).then_some(Value::Object(message))
}

/// Returns whether of a tool's answer there is nothing but that it was one.
fn is_nothing_but_an_answer(content: &Object) -> bool {
    let kind = content.get("type").and_then(Value::as_str);
    content.len() == 1 && kind.is_some_and(|kind| kind.ends_with("_tool_result"))
}

fn call(mut item: Value) -> Option<Value> {
    let mut call = item.get_mut("tool_call")?.take();
    call.as_object_mut()?
        .insert("type".to_owned(), "function".into());
    Some(call)
}

/// Returns what tells a call from others: its id, or all of it.
fn identity(call: &Value) -> String {
    match &call["id"] {
        Value::Null => call.to_string(),
        id => id.to_string(),
    }
}

fn part(mut content: Object) -> Value {
    // What Anthropic's own tools answered is JSON in a text.
    let kind = content.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.ends_with("_tool_result"))
        && let Some(Value::Object(answer)) = content
            .get("text")
            .and_then(|text| crate::messages::read_json(text.as_str()?))
    {
        return Value::Object(answer);
    }
    if let Some(mut image) = content.remove("image") {
        return match image.pointer_mut("/image/url").map(Value::take) {
            Some(url) => json!({"type": "image_url", "image_url": {"url": url}}),
            // What it is, as Anthropic's SDK says it, without the data.
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

    /// So JavaScript's instrumentation of Anthropic has them.
    #[test]
    fn the_type_beside_a_call_is_no_call() {
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
    fn what_a_tool_answered_is_of_the_tool() {
        let item = json!({"message": {"role": "user", "tool_call_id": "c1", "content": "21"}});
        assert_eq!(message(item, "user").unwrap()["role"], "tool");
    }

    #[test]
    fn an_image_without_its_data_is_of_its_type() {
        let image = json!({"type": "base64", "media_type": "image/png"});
        let content = json!({"message_content": {"type": "image", "image": image}});
        let item = json!({"message": {"role": "user", "contents": [content]}});
        let read = message(item, "user").unwrap();
        assert_eq!(read["content"][0]["source"]["media_type"], "image/png");
    }

    /// So Python's instrumentation of Anthropic has them.
    #[test]
    fn what_a_tool_of_the_provider_answered_is_taken_out_of_its_text() {
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
