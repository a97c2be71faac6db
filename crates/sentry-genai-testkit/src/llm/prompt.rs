//! A request independent of its API, and the fake model's reply.

use serde_json::Value;

use super::schema;

/// What the model is asked, whichever API the request came through.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) model: String,
    /// The latest message of the user.
    pub(super) question: String,
    /// How many messages the user has sent.
    pub(super) questions: usize,
    /// The results that follow the latest tool calls; empty if the user spoke last.
    pub(super) tool_results: Vec<ToolResult>,
    pub(super) tools: Vec<Tool>,
    pub(super) tool_choice: ToolChoice,
    /// The schema that the answer must fit.
    pub(super) output_schema: Option<Value>,
    /// Whether the model shows its reasoning.
    pub(super) thinking: bool,
    pub(super) stream: bool,
}

#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) parameters: Value,
}

#[derive(Debug)]
pub(super) enum ToolChoice {
    Auto,
    Never,
    Named(String),
}

#[derive(Debug)]
pub(super) struct ToolResult {
    pub(super) name: String,
    pub(super) result: String,
}

/// What the fake model says.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) thinking: Option<String>,
    pub(super) text: Option<String>,
    pub(super) calls: Vec<ToolCall>,
}

#[derive(Debug)]
pub(super) struct ToolCall {
    pub(super) name: String,
    pub(super) arguments: Value,
}

impl Prompt {
    /// Replies to the prompt. The same prompt always gets the same reply.
    pub(super) fn reply(&self) -> Reply {
        let calls = self.calls();
        let thinking = self.thinking.then(|| {
            if calls.is_empty() {
                "I know enough to answer.".to_owned()
            } else {
                format!("I need {} to answer this.", calls[0].name)
            }
        });
        Reply {
            thinking,
            text: calls.is_empty().then(|| self.text()),
            calls,
        }
    }

    /// Calls the tools that the question mentions, or else the first one. A tool result is answered with text instead.
    fn calls(&self) -> Vec<ToolCall> {
        if !self.tool_results.is_empty() {
            return Vec::new();
        }
        let chosen: Vec<&Tool> = match &self.tool_choice {
            ToolChoice::Never => Vec::new(),
            ToolChoice::Named(name) => self.tools.iter().filter(|it| it.name == *name).collect(),
            ToolChoice::Auto => {
                let question = self.question.to_lowercase();
                let mentioned = self.tools.iter().filter(|it| it.is_mentioned_in(&question));
                let mentioned: Vec<_> = mentioned.collect();
                if mentioned.is_empty() {
                    self.tools.iter().take(1).collect()
                } else {
                    mentioned
                }
            }
        };
        chosen
            .into_iter()
            .map(|tool| ToolCall {
                name: tool.name.clone(),
                arguments: schema::example(&tool.parameters),
            })
            .collect()
    }

    fn text(&self) -> String {
        if let Some(schema) = &self.output_schema {
            return schema::example(schema).to_string();
        }
        if !self.tool_results.is_empty() {
            let sentence = |it: &ToolResult| format!("{} says: {}.", it.name, it.result);
            let sentences: Vec<_> = self.tool_results.iter().map(sentence).collect();
            return sentences.join(" ");
        }
        let Self { question, .. } = self;
        if question.to_lowercase().contains("weather") {
            format!("You asked: \"{question}\". It is 21 °C and sunny there.")
        } else {
            let n = self.questions;
            format!("You asked: \"{question}\". This is answer {n} of our conversation.")
        }
    }
}

impl Tool {
    /// Returns whether a text mentions the tool: a text about the weather mentions `get_weather`. Words as short as `get` do not
    /// count.
    fn is_mentioned_in(&self, lower_case_text: &str) -> bool {
        self.name
            .to_lowercase()
            .split(|it: char| !it.is_alphanumeric())
            .any(|word| word.len() > 3 && lower_case_text.contains(word))
    }
}

/// Returns the text of a message's content, which is a string or a list of parts, some of which are text.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|it| it.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Returns the elements of an array member, or nothing if there is no such array.
pub(super) fn elements<'a>(
    owner: &'a Value,
    key: &str,
) -> impl DoubleEndedIterator<Item = &'a Value> {
    owner
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Returns a string member, or an empty string if there is none.
pub(super) fn text<'a>(owner: &'a Value, key: &str) -> &'a str {
    owner.get(key).and_then(Value::as_str).unwrap_or_default()
}
