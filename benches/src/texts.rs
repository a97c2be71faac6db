//! The messages of the workloads: JSON arrays of chat messages of an exact size.

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
        }
    }
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
