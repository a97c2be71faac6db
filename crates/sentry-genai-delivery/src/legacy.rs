//! The attribute names that servers read before Sentry's conventions took their present form.

use sentry_genai_conventions::{Attributes, ContentLimits, shorten_content};
use serde_json::{Value, json};

/// Current names, and the former names of the same values.
const RENAMED: &[(&str, &str)] = &[
    ("gen_ai.provider.name", "gen_ai.system"),
    ("gen_ai.tool.call.arguments", "gen_ai.tool.input"),
    ("gen_ai.tool.call.result", "gen_ai.tool.output"),
    (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.input_tokens.cached",
    ),
    (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
    ),
    (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.output_tokens.reasoning",
    ),
    ("gen_ai.tool.definitions", "gen_ai.request.available_tools"),
];

/// The former names of what messages contain.
const OF_MESSAGES: &[&str] = &[
    "gen_ai.request.messages",
    "gen_ai.response.text",
    "gen_ai.response.tool_calls",
];

/// The maximum length of all texts, in bytes, before their copies are added: half of what Sentry leaves whole.
const MAX_TEXT_BYTES: usize = 450_000;

/// Adds the values under their former names, without replacing anything. Very long content is shortened first.
pub(crate) fn add(attributes: &mut Attributes, limits: &ContentLimits) {
    let max_bytes = MAX_TEXT_BYTES.max(limits.attribute_bytes);
    if attributes.text_bytes() > max_bytes {
        shorten_content(attributes, limits, max_bytes);
    }
    for (new, old) in RENAMED {
        if attributes.contains(old) {
            continue;
        }
        if let Some(number) = attributes.integer(new) {
            attributes.push(old, number);
        } else if let Some(text) = attributes.text(new).map(str::to_owned) {
            attributes.push(old, text.as_str());
        }
    }
    let messages = |attributes: &Attributes, key| -> Option<Vec<Value>> {
        serde_json::from_str(attributes.text(key)?).ok()
    };
    if let Some(input) = messages(attributes, "gen_ai.input.messages")
        && !attributes.contains("gen_ai.request.messages")
    {
        let old: Vec<_> = input
            .iter()
            .map(|message| json!({"role": message["role"], "content": text_of(message)}))
            .collect();
        attributes.push(
            "gen_ai.request.messages",
            Value::from(old).to_string().as_str(),
        );
    }
    let Some(output) = messages(attributes, "gen_ai.output.messages") else {
        return;
    };
    let text: Vec<_> = output
        .iter()
        .map(text_of)
        .filter(|it| !it.is_empty())
        .collect();
    let calls: Vec<_> = output
        .iter()
        .flat_map(parts)
        .filter_map(tool_call)
        .collect();
    if !text.is_empty() && !attributes.contains("gen_ai.response.text") {
        attributes.push("gen_ai.response.text", text.join("\n").as_str());
    }
    if !calls.is_empty() && !attributes.contains("gen_ai.response.tool_calls") {
        let calls = Value::from(calls).to_string();
        attributes.push("gen_ai.response.tool_calls", calls.as_str());
    }
}

/// Removes the values under their former names.
pub(crate) fn remove(attributes: &mut Attributes) {
    let former = RENAMED.iter().map(|(_, old)| old).chain(OF_MESSAGES);
    for key in former {
        attributes.remove(key);
    }
}

fn parts(message: &Value) -> impl Iterator<Item = &Value> {
    message["parts"].as_array().into_iter().flatten()
}

fn text_of(message: &Value) -> String {
    let texts = parts(message).filter(|part| part["type"] == "text");
    let texts: Vec<_> = texts.filter_map(|part| part["content"].as_str()).collect();
    texts.join("\n")
}

fn tool_call(part: &Value) -> Option<Value> {
    (part["type"] == "tool_call").then(|| {
        json!({
            "type": "function",
            "id": part["id"],
            "name": part["name"],
            "arguments": part["arguments"],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_are_added_beside_the_new_ones() {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.provider.name", "openai");
        attributes.push("gen_ai.usage.cache_read.input_tokens", 7_i64);
        attributes.push("gen_ai.tool.input", "own");
        attributes.push("gen_ai.tool.call.arguments", "{}");
        attributes.push(
            "gen_ai.input.messages",
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        );
        attributes.push(
            "gen_ai.output.messages",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Yes"},
                {"type":"tool_call","id":"1","name":"f","arguments":"{}"}]}]"#,
        );
        let current = attributes.clone();
        add(&mut attributes, &ContentLimits::default());
        assert_eq!(attributes.text("gen_ai.system"), Some("openai"));
        assert_eq!(
            attributes.integer("gen_ai.usage.input_tokens.cached"),
            Some(7)
        );
        assert_eq!(attributes.text("gen_ai.tool.input"), Some("own"));
        assert_eq!(attributes.text("gen_ai.response.text"), Some("Yes"));
        let json = |key| -> Value { serde_json::from_str(attributes.text(key).unwrap()).unwrap() };
        assert_eq!(
            json("gen_ai.request.messages"),
            json!([{"role": "user", "content": "Hi"}])
        );
        assert_eq!(json("gen_ai.response.tool_calls")[0]["name"], "f");

        remove(&mut attributes);
        let keys = |attributes: &Attributes| -> Vec<_> {
            attributes.iter().map(|(key, _)| key.to_owned()).collect()
        };
        let expected = keys(&current)
            .into_iter()
            .filter(|key| key != "gen_ai.tool.input");
        assert_eq!(keys(&attributes), expected.collect::<Vec<_>>());
    }

    /// Sentry cuts the attributes of a span over one megabyte somewhere in their JSON.
    #[test]
    fn content_and_its_copies_do_not_take_more_than_sentry_accepts() {
        let mut attributes = Attributes::default();
        let part = json!({"type": "text", "content": "x".repeat(20_000)});
        let message = json!({"role": "user", "parts": [part]});
        attributes.push(
            "gen_ai.input.messages",
            json!(vec![message; 12]).to_string(),
        );
        for key in ["gen_ai.tool.call.arguments", "gen_ai.tool.call.result"] {
            attributes.push(key, "x".repeat(200_000));
        }
        add(&mut attributes, &ContentLimits::default());
        let texts = attributes.iter().map(|(_, value)| match value {
            sentry_genai_conventions::Value::Str(text) => text.len(),
            _ => 0,
        });
        assert!((600_000..950_000).contains(&texts.sum::<usize>()));
        let copy = attributes.text("gen_ai.request.messages").unwrap();
        assert!(serde_json::from_str::<Vec<Value>>(copy).is_ok());
    }
}
