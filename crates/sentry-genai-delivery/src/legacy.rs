//! The attribute names that servers read before Sentry's conventions took their present form.

use sentry_genai_conventions::Attributes;
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

/// Adds the values under their former names, without replacing anything.
pub(crate) fn add(attributes: &mut Attributes) {
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
        add(&mut attributes);
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
    }
}
