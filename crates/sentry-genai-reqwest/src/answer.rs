//! What an answer says about a call, whatever the API.

use std::{collections::BTreeMap, mem};

use reqwest::StatusCode;
use serde_json::{Value, json, value::RawValue};
use tracing::Span;

use crate::{api::Api, members::Members, messages::Pieces, reason, span, usage::Usage};

/// How many finish reasons are kept. No API gives more choices.
const MAX_REASONS: usize = 256;

/// What is recorded of an answer. It is read from one document, or from the events of a stream, which say parts of it.
#[derive(Debug)]
pub(crate) struct Answer {
    api: Api,
    content: bool,
    id: Option<String>,
    model: Option<String>,
    /// By the index of the choice.
    finish_reasons: BTreeMap<u64, String>,
    usage: Usage,
    messages: Pieces,
    failure: Option<Failure>,
}

/// Why a call has failed, in the words of the provider.
#[derive(Debug)]
struct Failure {
    kind: Option<String>,
    message: Option<String>,
}

impl Answer {
    /// Creates an answer of which nothing is known yet. Its messages are kept if `content` is.
    pub(crate) fn new(api: Api, content: bool) -> Self {
        Self {
            api,
            content,
            id: None,
            model: None,
            finish_reasons: BTreeMap::new(),
            usage: Usage::default(),
            messages: Pieces::default(),
            failure: None,
        }
    }

    /// Reads an answer, or an event of a streamed one.
    pub(crate) fn read(&mut self, json: &[u8]) {
        if let Some(event) = Members::parse(json) {
            self.read_event(&event);
        } else if let Ok(events) = serde_json::from_slice::<Vec<&RawValue>>(json) {
            // Gemini streams a list, unless it is asked for events.
            for event in events {
                if let Some(event) = Members::parse(event.get().as_bytes()) {
                    self.read_event(&event);
                }
            }
        }
    }

    fn read_event(&mut self, event: &Members<'_>) {
        // Events of Responses and of Anthropic's messages that contain the answer, or what is known of it at the start.
        if event.raw("type").is_some() {
            for key in ["response", "message"] {
                if let Some(whole) = event.object(key) {
                    self.read_document(&whole);
                }
            }
        }
        self.read_document(event);
    }

    fn read_document(&mut self, document: &Members<'_>) {
        let first = |keys: [&str; 2]| keys.into_iter().find_map(|key| document.text(key));
        if let Some(id) = first(["id", "responseId"]) {
            self.id = Some(id);
        }
        if let Some(model) = first(["model", "modelVersion"]) {
            self.model = Some(model);
        }
        if let Some(usage) = Usage::read(self.api, document) {
            self.usage.update(usage);
        }
        if let Some(failure) = Failure::of(document) {
            self.failure = Some(failure);
        }
        match self.api {
            Api::ChatCompletions | Api::Completions => self.read_choices(document),
            Api::Responses => self.read_response(document),
            Api::Messages => self.read_message(document),
            Api::GenerateContent => self.read_candidates(document),
            Api::OllamaChat => {
                self.finish(0, document.text("done_reason"));
                self.add(0, document.raw("message"));
            }
            Api::OllamaGenerate => {
                self.finish(0, document.text("done_reason"));
                self.add_text(0, document.raw("response"));
            }
            Api::Embeddings | Api::OllamaEmbeddings => {}
        }
    }

    fn read_choices(&mut self, document: &Members<'_>) {
        for (position, choice) in (0..).zip(document.objects("choices")) {
            let index = choice.count("index").unwrap_or(position);
            self.finish(index, choice.text("finish_reason"));
            self.add(index, choice.raw("message").or(choice.raw("delta")));
            self.add_text(index, choice.raw("text"));
        }
    }

    /// Reads a response that has ended. The events before say the same in pieces.
    fn read_response(&mut self, response: &Members<'_>) {
        let reason = match response.text("status").as_deref() {
            Some("completed") => {
                let kinds = response.objects("output").into_iter();
                let mut kinds = kinds.filter_map(|item| item.text("type"));
                let calls = kinds.any(|kind| kind == "function_call" || kind == "custom_tool_call");
                Some(if calls { "tool_calls" } else { "stop" }.to_owned())
            }
            Some("incomplete") => {
                let details = response.object("incomplete_details");
                details.and_then(|details| details.text("reason"))
            }
            Some("failed") => None,
            _ => return,
        };
        self.finish(0, reason);
        for (index, item) in (0..).zip(response.elements("output")) {
            self.add(index, Some(item));
        }
    }

    /// Reads a message of Anthropic's, or an event of a streamed one.
    fn read_message(&mut self, document: &Members<'_>) {
        let delta = document.object("delta");
        let reason = delta.as_ref().and_then(|delta| delta.text("stop_reason"));
        self.finish(0, reason.or_else(|| document.text("stop_reason")));
        for (index, block) in (0..).zip(document.elements("content")) {
            self.add(index, Some(block));
        }
        let Some(index) = document.count("index") else {
            return;
        };
        self.add(index, document.raw("content_block"));
        if let Some(delta) = delta {
            for key in ["text", "thinking", "partial_json"] {
                if let Some(piece) = delta.raw(key) {
                    self.add(index, Some(&format!(r#"{{"{key}":{piece}}}"#)));
                }
            }
        }
    }

    fn read_candidates(&mut self, document: &Members<'_>) {
        for (position, candidate) in (0..).zip(document.objects("candidates")) {
            let index = candidate.count("index").unwrap_or(position);
            self.finish(index, candidate.text("finishReason"));
            self.add(index, candidate.raw("content"));
        }
    }

    fn finish(&mut self, index: u64, reason: Option<String>) {
        if let Some(reason) = reason
            && self.finish_reasons.len() < MAX_REASONS
        {
            self.finish_reasons.insert(index, reason);
        }
    }

    /// Adds a text that is not part of a message, if there is one.
    fn add_text(&mut self, index: u64, json: Option<&str>) {
        let message = json.map(|text| format!(r#"{{"role":"assistant","content":{text}}}"#));
        self.add(index, message.as_deref());
    }

    fn add(&mut self, index: u64, piece: Option<&str>) {
        if let Some(piece) = piece.filter(|_| self.content) {
            self.messages.add(index, piece);
        }
    }

    /// Records everything on the span of the call. `status` is the HTTP status.
    pub(crate) fn record(&mut self, span: &Span, status: StatusCode) {
        if let Some(id) = &self.id {
            span.record("gen_ai.response.id", id.as_str());
        }
        if let Some(model) = &self.model {
            span.record("gen_ai.response.model", model.as_str());
        }
        if !self.finish_reasons.is_empty() {
            let reasons: Vec<_> = self.finish_reasons.values().collect();
            span.record("gen_ai.response.finish_reasons", json!(reasons).to_string());
        }
        self.usage.record(self.api, span);
        if let Some(failure) = &self.failure {
            let without_code = if status.is_success() {
                "response_error"
            } else {
                status.as_str()
            };
            let kind = failure.kind.as_deref().unwrap_or(without_code);
            let message = failure.message.as_deref();
            let message = message.map(|message| match self.content {
                true => message,
                false => reason::without_quotations(message),
            });
            span::record_error(span, kind, message);
        } else if !status.is_success() {
            span::record_error(span, status.as_str(), status.canonical_reason());
        }
        if let Some(messages) = self.take_messages() {
            span.record("gen_ai.output.messages", messages.to_string());
        }
    }

    fn take_messages(&mut self) -> Option<Value> {
        let mut values = mem::take(&mut self.messages);
        if values.is_empty() {
            return None;
        }
        match self.api {
            Api::Responses => return Some(values.into_values().into()),
            Api::Messages => {
                let mut blocks = values.into_values();
                blocks.iter_mut().for_each(complete_block);
                values = Pieces::default();
                values.set(0, "role", "assistant");
                values.set(0, "content", blocks);
            }
            _ => {}
        }
        for (index, reason) in &self.finish_reasons {
            values.set(*index, "finish_reason", reason.as_str());
        }
        Some(values.into_values().into())
    }
}

/// Parses the input of a tool, which a stream sends as pieces of JSON.
fn complete_block(block: &mut Value) {
    if let Value::Object(members) = block
        && let Some(Value::String(json)) = members.remove("partial_json")
        && !json.is_empty()
    {
        let input = serde_json::from_str(&json);
        members.insert("input".to_owned(), input.unwrap_or(Value::String(json)));
    }
}

impl Failure {
    fn of(document: &Members<'_>) -> Option<Self> {
        if let Some(error) = document.object("error") {
            return Some(Self::read(&error));
        }
        // Ollama's is a text.
        if let Some(message) = document.text("error") {
            return Some(Self {
                kind: None,
                message: Some(message),
            });
        }
        // An event of OpenAI's Responses, or an answer of Mistral's or vLLM's.
        let is_error = ["type", "object"].map(|key| document.text(key).as_deref() == Some("error"));
        is_error.contains(&true).then(|| Self::read(document))
    }

    fn read(error: &Members<'_>) -> Self {
        let kinds = ["status", "code", "type"].into_iter();
        let mut kinds = kinds.filter_map(|key| match error.value(key)? {
            Value::String(kind) => Some(kind),
            Value::Number(code) => Some(code.to_string()),
            _ => None,
        });
        Self {
            kind: kinds.find(|kind| is_code(kind)),
            message: error.text("message"),
        }
    }
}

/// Returns whether a text is a code of few values, and not a sentence. An event that is an error says so in its type.
fn is_code(text: &str) -> bool {
    let is_in_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_in_code) && text != "error"
}

#[cfg(test)]
mod tests;
