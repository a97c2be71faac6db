//! What the body of a request says about a call.

use serde_json::Value;
use tracing::Span;

use crate::{
    api::{Api, Operation},
    members::Members,
    span,
};

/// The body of a request to any of the APIs.
#[derive(Debug)]
pub(crate) struct RequestBody<'a> {
    members: Members<'a>,
    /// Where Gemini and Ollama have the parameters.
    parameters: Members<'a>,
}

const STOP: &str = "gen_ai.request.stop_sequences";

/// The fields for parameters, and what the APIs call them.
#[rustfmt::skip]
static PARAMETERS: &[(&str, &[&str])] = &[
    ("gen_ai.request.max_tokens", &["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict"]),
    ("gen_ai.request.temperature", &["temperature"]),
    ("gen_ai.request.top_p", &["top_p", "topP"]),
    ("gen_ai.request.top_k", &["top_k", "topK"]),
    ("gen_ai.request.frequency_penalty", &["frequency_penalty", "frequencyPenalty"]),
    ("gen_ai.request.presence_penalty", &["presence_penalty", "presencePenalty"]),
    ("gen_ai.request.seed", &["seed"]),
    ("gen_ai.request.choice.count", &["n", "candidateCount"]),
    (STOP, &["stop", "stop_sequences", "stopSequences"]),
    ("gen_ai.request.reasoning.level", &["reasoning_effort"]),
];

/// The fields for content, and what the APIs call it.
#[rustfmt::skip]
static CONTENT: &[(&str, &[&str])] = &[
    ("gen_ai.system_instructions", &["system", "instructions", "systemInstruction", "system_instruction"]),
    ("gen_ai.input.messages", &["messages", "input", "contents", "prompt"]),
    ("gen_ai.tool.definitions", &["tools"]),
];

static EMBEDDED: &[(&str, &[&str])] = &[("gen_ai.embeddings.input", &["input", "prompt"])];

impl<'a> RequestBody<'a> {
    /// A body that is not a JSON object has no members.
    pub(crate) fn read(body: &'a [u8]) -> Self {
        let members = Members::parse(body).unwrap_or_default();
        let parameters = members.object("generationConfig");
        let parameters = parameters.or_else(|| members.object("options"));
        Self {
            parameters: parameters.unwrap_or_default(),
            members,
        }
    }

    /// Records the model, the parameters of the call, and its content if that is allowed.
    pub(crate) fn record(
        &self,
        api: Api,
        span: &Span,
        model_in_path: Option<String>,
        content: bool,
    ) {
        if let Some(model) = self.members.text("model").or(model_in_path) {
            span.record("gen_ai.request.model", model);
        }
        for (field, names) in PARAMETERS {
            let values = [&self.members, &self.parameters].into_iter();
            let mut values =
                values.flat_map(|members| names.iter().filter_map(|name| members.value(name)));
            match values.next() {
                // OpenAI takes a single one without a list.
                Some(Value::String(stop)) if *field == STOP => {
                    span::record(span, field, &[stop].as_slice().into());
                }
                Some(value) => span::record(span, field, &value),
                None => {}
            }
        }
        let reasoning = self.members.object("reasoning");
        if let Some(effort) = reasoning.and_then(|reasoning| reasoning.value("effort")) {
            span::record(span, "gen_ai.request.reasoning.level", &effort);
        }
        if api == Api::Responses
            && let Some(id) = self.conversation()
        {
            span.record("gen_ai.conversation.id", id);
        }
        if content {
            let fields = if api.operation() == Operation::Embeddings {
                EMBEDDED
            } else {
                CONTENT
            };
            for (field, names) in fields {
                if let Some(json) = names.iter().find_map(|name| self.members.raw(name)) {
                    record_content(span, field, json);
                }
            }
        }
    }

    /// Returns the conversation of OpenAI's Responses that the call continues.
    fn conversation(&self) -> Option<String> {
        match self.members.value("conversation")? {
            Value::String(id) => Some(id),
            Value::Object(mut object) => match object.remove("id")? {
                Value::String(id) => Some(id),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Records JSON as it is written, except for a text, which is recorded as the text.
fn record_content(span: &Span, field: &'static str, json: &str) {
    match serde_json::from_str::<String>(json) {
        Ok(text) => span.record(field, text.as_str()),
        Err(_) => span.record(field, json),
    };
}
