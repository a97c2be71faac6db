//! Reads messages as Sentry's normalizer does.

use serde_json::Value;

/// Outlines messages: roles and types of parts.
pub(crate) fn outline(json: &str) -> String {
    let Ok(Value::Array(messages)) = serde_json::from_str(json) else {
        return format!("NOT MESSAGES {json}");
    };
    let mut seen: Vec<(String, usize)> = Vec::new();
    for message in &messages {
        let role = message["role"].as_str().unwrap_or("NO ROLE");
        let parts: Vec<_> = message["parts"]
            .as_array()
            .into_iter()
            .flatten()
            .map(part)
            .collect();
        let line = format!("{role}[{}]", parts.join(" "));
        match seen.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => seen.push((line, 1)),
        }
    }
    let lines = seen.into_iter().map(|(line, count)| match count {
        1 => line,
        count => format!("{line} x{count}"),
    });
    lines.collect::<Vec<_>>().join(" ")
}

fn part(part: &Value) -> String {
    let kind = part["type"].as_str().unwrap_or("NO TYPE");
    let subject = match kind {
        "tool_call" => format!(
            ":{}({})",
            part["name"].as_str().unwrap_or("?"),
            match &part["arguments"] {
                Value::Object(_) => "object",
                Value::String(_) => "string",
                Value::Null => "",
                _ => "?",
            }
        ),
        "blob" | "uri" | "file" => format!(":{}", part["mime_type"].as_str().unwrap_or("?")),
        _ => String::new(),
    };
    format!("{kind}{subject}")
}

/// Checks messages against what Sentry's normalizer understands, and returns what it does not.
pub(crate) fn problems(json: &str, is_output: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let Ok(Value::Array(messages)) = serde_json::from_str(json) else {
        return vec!["no JSON list".to_owned()];
    };
    for message in &messages {
        let role = message["role"].as_str().unwrap_or_default();
        if !matches!(role, "system" | "user" | "assistant" | "tool") {
            problems.push(format!("role {role:?}"));
        }
        let Some(parts) = message["parts"].as_array() else {
            problems.push("no parts".to_owned());
            continue;
        };
        for part in parts {
            let has_text = |key: &str| part[key].as_str().is_some_and(|text| !text.is_empty());
            let is_good = match part["type"].as_str().unwrap_or_default() {
                "text" | "reasoning" => has_text("content"),
                "tool_call" => has_text("name"),
                "tool_call_response" => {
                    // The product reads a text.
                    match (&part["response"], &part["result"]) {
                        (Value::String(response), Value::String(result)) => response == result,
                        (response, Value::String(result)) => {
                            serde_json::from_str::<Value>(result).ok().as_ref() == Some(response)
                        }
                        _ => false,
                    }
                }
                "blob" | "uri" | "file" => has_text("mime_type") && has_text("modality"),
                "object" => part.get("content").is_some(),
                _ => false,
            };
            if !is_good {
                problems.push(format!("part {part}"));
            }
        }
        let shows = |kinds: &[&str]| {
            parts
                .iter()
                .any(|part| kinds.contains(&part["type"].as_str().unwrap_or_default()))
        };
        if !is_output && shows(&["text", "blob", "uri", "file"]) && shows(&["tool_call"]) {
            problems.push("text hides a tool call".to_owned());
        }
    }
    if is_output
        && !messages
            .iter()
            .any(|message| message["role"] == "assistant")
    {
        problems.push("no assistant in the output".to_owned());
    }
    problems
}
