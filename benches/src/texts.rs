//! The messages of the workloads: JSON arrays of chat messages of an exact size.

use serde_json::{Value, json};

use crate::workloads::{
    Workload,
    scaled::{Axis, Scaled},
};

/// Texts that are built once, before anything is measured.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) arguments: String,
    pub(crate) result: String,
    pub(crate) huge: String,
    /// What an agent has done so far, and the definitions of its tools.
    pub(crate) history: String,
    pub(crate) tools: String,
}

impl Texts {
    pub(crate) fn new(workload: Workload) -> Self {
        Self {
            input: messages(2 * 1024, &ROLES),
            output: messages(2 * 1024, &["assistant"]),
            arguments: messages(1024, &ROLES),
            result: messages(1024, &ROLES),
            huge: match workload {
                Workload::W5 => messages(2_000_000, &ROLES),
                Workload::Scaled(Scaled {
                    axis: Axis::ContentBytes,
                    size,
                }) => messages(size as usize, &ROLES),
                _ => String::new(),
            },
            history: workload.form().map(history).unwrap_or_default(),
            tools: workload.form().map(tools).unwrap_or_default(),
        }
    }
}

/// How messages and tools are written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Conventions,
    ChatCompletions,
    Responses,
}

/// Returns a question, and twenty calls of a tool with their answers of 2 KiB each.
fn history(form: Form) -> String {
    let words = words(2 * 1024);
    let question = match form {
        Form::Conventions => {
            json!({"role": "user", "parts": [{"type": "text", "content": "What is wrong?"}]})
        }
        Form::ChatCompletions | Form::Responses => {
            json!({"role": "user", "content": "What is wrong?"})
        }
    };
    let turns = (0..20).flat_map(|turn| {
        let (id, arguments) = (
            format!("call_{turn}"),
            json!({"path": "src/main.rs", "line": turn}),
        );
        match form {
            Form::Conventions => {
                let call =
                    json!({"type": "tool_call", "id": id, "name": "read", "arguments": arguments});
                let answer = json!({"type": "tool_call_response", "id": id, "response": words});
                [("assistant", call), ("tool", answer)]
                    .map(|(role, part)| json!({"role": role, "parts": [part]}))
            }
            Form::ChatCompletions => {
                let function = json!({"name": "read", "arguments": arguments.to_string()});
                let call = json!({"id": id, "type": "function", "function": function});
                [
                    json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                    json!({"role": "tool", "tool_call_id": id, "content": words}),
                ]
            }
            Form::Responses => {
                let arguments = arguments.to_string();
                [
                    json!({"type": "function_call", "call_id": id, "name": "read", "arguments": arguments}),
                    json!({"type": "function_call_output", "call_id": id, "output": words}),
                ]
            }
        }
    });
    Value::from_iter([question].into_iter().chain(turns)).to_string()
}

/// Returns the definitions of twenty tools, of about 1 KiB each.
fn tools(form: Form) -> String {
    let tools = (0..20).map(|number| {
        let argument = |name: &str| json!({"type": "string", "description": format!("The {name} to read.")});
        let mut function = json!({
            "name": format!("read_{number}"),
            "description": words(600),
            "parameters": {
                "type": "object",
                "properties": {"path": argument("path"), "line": argument("line"), "end": argument("end")},
                "required": ["path", "line"],
            },
        });
        match form {
            Form::Conventions => function,
            Form::ChatCompletions => json!({"type": "function", "function": function}),
            Form::Responses => {
                function["type"] = "function".into();
                function
            }
        }
    });
    Value::from_iter(tools).to_string()
}

/// Returns a text of at least this length.
fn words(bytes: usize) -> String {
    let mut text = String::new();
    for word in WORDS.iter().cycle() {
        if text.len() >= bytes {
            break;
        }
        text.extend([word, " "]);
    }
    text
}

const WORDS: &[&str] = &[
    "the",
    "customer",
    "asks",
    "about",
    "a",
    "refund",
    "for",
    "order",
    "it",
    "was",
    "shipped",
    "on",
    "Tuesday",
    "and",
    "arrived",
    "late",
    "please",
    "check",
    "policy",
    "then",
    "answer",
    "politely",
    "caf\u{e9}",
    "don't",
    "items",
    "total",
    "\\\"blue\\\"",
    "line\\nbreak",
];

const ROLES: [&str; 3] = ["system", "user", "assistant"];

const MESSAGE_BYTES: usize = 400;

const END: &str = "\"}]}]";

/// Returns chat messages of these roles, in rotation, as `bytes` bytes of JSON.
fn messages(bytes: usize, roles: &[&str]) -> String {
    let mut text = String::with_capacity(bytes + 64);
    let mut word = 0;
    for turn in 0.. {
        text.push(if turn == 0 { '[' } else { ',' });
        text.push_str("{\"role\":\"");
        text.push_str(roles[turn % roles.len()]);
        text.push_str("\",\"parts\":[{\"type\":\"text\",\"content\":\"");
        let stop = text.len() + MESSAGE_BYTES;
        while text.len() < stop && text.len() + END.len() + 24 < bytes {
            text.push_str(WORDS[word % WORDS.len()]);
            text.push(' ');
            word += 1 + turn % 2;
        }
        // If no further message fits, the last one is padded.
        if text.len() + 120 > bytes {
            break;
        }
        text.push_str("\"}]}");
    }
    while text.len() + END.len() < bytes {
        text.push('x');
    }
    text.push_str(END);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_json_of_the_requested_size() {
        for bytes in [1024, 2048, 2_000_000] {
            let text = messages(bytes, &ROLES);
            assert_eq!(text.len(), bytes);
            serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap();
        }
    }
}
