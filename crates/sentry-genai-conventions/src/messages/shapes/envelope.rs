//! What wraps messages: requests, responses, choices, generations, states of a graph.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{Media, Message, Object, Part, Role, Side, parse},
    fields::{self, role, role_and_text, take, take_object, take_text, text_of},
    kind, message, part,
};

/// Fields whose value is a conversation or a part of one, with the role of messages that do not state one.
///
/// They are in the order of a conversation.
const BODY_FIELDS: &[(&str, Option<Role>)] = &[
    ("messages", None),
    ("contents", Some(Role::User)),
    ("prompt", Some(Role::User)),
    ("prompts", Some(Role::User)),
    ("input", None),
    ("inputs", None),
    ("choices", Some(Role::Assistant)),
    ("candidates", Some(Role::Assistant)),
    ("generations", Some(Role::Assistant)),
    ("completion", Some(Role::Assistant)),
    ("update", None),
    ("message", Some(Role::Assistant)),
    ("delta", Some(Role::Assistant)),
    ("output", None),
    ("outputs", None),
    ("response", None),
    ("body", None),
];

/// Those bodies that may be a text, and that structured output is unlikely to have without other fields.
const TEXT_BODY_FIELDS: &[&str] = &[
    "completion",
    "input",
    "inputs",
    "output",
    "outputs",
    "prompt",
];

/// The maximum depth of nested wrappers. Each level is examined completely to tell what it is.
const MAX_WRAPPERS: usize = 8;

const SYSTEM_FIELDS: &[&str] = &[
    "system",
    "system_instruction",
    "systemInstruction",
    "system_prompt",
    "systemPrompt",
    "instructions",
];

/// Fields that occur beside a plain text body in a request or a response, but not in structured output.
const REQUEST_OR_RESPONSE_FIELDS: &[&str] = &[
    "config",
    "created",
    "created_at",
    "done",
    "done_reason",
    "files",
    "finishReason",
    "finish_reason",
    "frequency_penalty",
    "generation_info",
    "id",
    "index",
    "kwargs",
    "logprobs",
    "max_output_tokens",
    "max_tokens",
    "metadata",
    "model",
    "object",
    "presence_penalty",
    "previous_response_id",
    "reasoning",
    "reasoningText",
    "response_format",
    "sources",
    "stop",
    "stopReason",
    "stop_reason",
    "stop_sequences",
    "stream",
    "stream_options",
    "tags",
    "temperature",
    "tool_choice",
    "toolCalls",
    "toolResults",
    "tool_calls",
    "tools",
    "top_p",
    "type",
    "usage",
    "usage_metadata",
    "warnings",
];

/// Further such fields in a request that names its model. Without a model the object may be structured output, because `store`
/// and `user` are everyday words.
const REQUEST_FIELDS: &[&str] = &[
    "background",
    "best_of",
    "conversation",
    "include",
    "n",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "text_format",
    "truncation",
    "user",
];

/// Returns whether `object` is a message or wraps some.
pub(super) fn is_message_or_wrapper(object: &Object) -> bool {
    message::is_message(object)
        || langchain_class(object).is_some()
        || images(object).is_some()
        || (!kind::is_part(object) && is_wrapper(object))
}

/// Collects messages as they are found.
pub(super) struct Reader {
    side: Side,
    messages: Vec<Message>,
    /// Whether the last message was assembled from loose parts, so that further ones belong to it.
    accepts_parts: bool,
    /// The number of wrappers around the current value.
    wrappers: usize,
}

impl Reader {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            messages: Vec::new(),
            accepts_parts: false,
            wrappers: 0,
        }
    }

    pub(super) fn finish(self) -> Vec<Message> {
        self.messages
    }

    /// Reads a value. Messages that do not state a role are from `from`.
    pub(super) fn read(&mut self, value: Value, from: Role) {
        match value {
            Value::Null => {}
            Value::Object(object) => self.read_object(object, from),
            Value::Array(items) => match role_and_text(&items) {
                Some((role, text)) => {
                    let text = Part::Text(text.to_owned());
                    self.push(Message::new(role, vec![text]));
                }
                None => items.into_iter().for_each(|item| self.read(item, from)),
            },
            Value::String(text) => self.read_text(text, from),
            value => self.push(Message::new(from, vec![Part::Text(value.to_string())])),
        }
    }

    fn read_text(&mut self, text: String, from: Role) {
        // Some wrappers hold their messages as JSON in a string.
        match parse::json(&text) {
            Some(value) if super::is_known(&value) => self.read(value, from),
            _ => self.push(Message::new(from, vec![Part::Text(text)])),
        }
    }

    fn read_object(&mut self, mut object: Object, from: Role) {
        if let Some(class) = langchain_class(&object) {
            let class = role(class);
            let Some(inner) = take_object(&mut object, "kwargs") else {
                return;
            };
            match class {
                Some(class) => self.read_message(inner, class),
                None => self.read_object(inner, from),
            }
        } else if message::is_message(&object) {
            self.read_message(object, from);
        } else if images(&object).is_some() {
            self.push(Message::new(from, read_images(object)));
        } else if kind::is_part(&object) {
            let mut parts = Vec::new();
            let role = kind::role(&object).unwrap_or(from);
            part::read(Value::Object(object), &mut parts);
            self.push_parts(role, parts);
        } else if self.wrappers < MAX_WRAPPERS && is_wrapper(&object) {
            self.wrappers += 1;
            self.read_wrapper(object, from);
            self.wrappers -= 1;
        } else {
            let mut parts = Vec::new();
            part::read(Value::Object(object), &mut parts);
            match &parts[..] {
                [] => {}
                [Part::Other(_)] => self.push_unknown(parts, from),
                _ => self.push(Message::new(from, parts)),
            }
        }
    }

    /// Adds an item of unknown type to the loose parts before it, or else to a new message from the model. In a user message it
    /// would be taken for the question, which is the last thing the user says.
    fn push_unknown(&mut self, parts: Vec<Part>, from: Role) {
        match self.messages.last_mut() {
            Some(last) if self.accepts_parts => last.parts.extend(parts),
            _ if from == Role::User => self.push(Message::new(Role::Assistant, parts)),
            _ => self.push(Message::new(from, parts)),
        }
    }

    fn read_message(&mut self, object: Object, from: Role) {
        let is_item =
            self.side == Side::Output && fields::kind(&object).as_deref() == Some("message");
        let Some(message) = message::read(object, from, self.side) else {
            return;
        };
        if is_item && message.finish_reason.is_none() {
            self.push_parts(message.role, message.parts);
        } else {
            self.push(message);
        }
    }

    fn read_wrapper(&mut self, mut object: Object, from: Role) {
        let stated_reason = message::take_finish_reason(&mut object);
        let has_stated_reason = stated_reason.is_some();
        let finish_reason = stated_reason.or_else(|| stop_reason(&object));
        let config = take_object(&mut object, "config");
        let system = config
            .and_then(|mut config| take(&mut config, SYSTEM_FIELDS))
            .or_else(|| take(&mut object, SYSTEM_FIELDS));
        // A response repeats the instructions of its request.
        if let Some(system) = system
            && self.side == Side::Input
        {
            let mut parts = Vec::new();
            message::content(system, &mut parts);
            self.push(Message::new(Role::System, parts));
        }
        let start = self.messages.len();
        let mut has_body = false;
        // tRPC's agents write a message and a chunk into each choice. One of them is empty.
        let may_be_empty = object.contains_key("message") && object.contains_key("delta");
        for (key, role) in BODY_FIELDS {
            if let Some(body) = take(&mut object, &[key]) {
                has_body = true;
                if (!may_be_empty || !has_only_a_role(&body)) && !is_stored_prompt(key, &body) {
                    self.read(body, role.unwrap_or(from));
                }
            }
        }
        if let Some(answer) = take_resume_value(&mut object) {
            has_body = true;
            self.push(Message::new(from, vec![Part::Text(answer)]));
        }
        let is_empty = self.messages.len() == start;
        if (!has_body || (is_empty && has_stated_reason))
            && let Some(message) = message::read(object, from, self.side)
        {
            self.push(message);
        }
        if has_stated_reason && self.messages.len() == start {
            // Of an answer that Gemini's filter withheld, the reason is all there is.
            self.push(Message::new(Role::Assistant, Vec::new()));
        }
        for message in &mut self.messages[start..] {
            if message.role == Role::Assistant && message.finish_reason.is_none() {
                message.finish_reason.clone_from(&finish_reason);
            }
        }
    }

    fn push(&mut self, message: Message) {
        self.messages.push(message);
        self.accepts_parts = false;
    }

    fn push_parts(&mut self, role: Role, parts: Vec<Part>) {
        match self.messages.last_mut() {
            Some(last) if self.accepts_parts && last.role == role => last.parts.extend(parts),
            _ => self.push(Message::new(role, parts)),
        }
        self.accepts_parts = true;
    }
}

/// Returns whether LangChain serialised an object.
pub(super) fn is_serialised(object: &Object) -> bool {
    langchain_class(object).is_some()
}

/// Returns the class of an object that LangChain serialised.
fn langchain_class(object: &Object) -> Option<&str> {
    if fields::kind(object)? != "constructor" || !object.get("kwargs")?.is_object() {
        return None;
    }
    object.get("id")?.as_array()?.last()?.as_str()
}

/// Returns whether `object` wraps messages: either a body holds some, or a body is text and all other fields are known.
fn is_wrapper(object: &Object) -> bool {
    if is_response(object) || resume_value(object).is_some() {
        return true;
    }
    let mut has_body = false;
    let mut has_only_known_fields = true;
    for (key, value) in object {
        let key = key.as_str();
        if holds_messages(key, value) {
            return true;
        }
        let is_text = match value {
            Value::String(_) => is_text_field(key) || TEXT_BODY_FIELDS.contains(&key),
            Value::Array(items) => {
                !items.is_empty()
                    && items.iter().all(Value::is_string)
                    && TEXT_BODY_FIELDS.contains(&key)
            }
            _ => false,
        };
        has_body |= is_text;
        has_only_known_fields &= is_text
            || value.is_null()
            || is_text_field(key)
            || REQUEST_OR_RESPONSE_FIELDS.contains(&key)
            || (REQUEST_FIELDS.contains(&key) && object.contains_key("model"))
            || SYSTEM_FIELDS.contains(&key);
    }
    has_body && has_only_known_fields
}

/// Recognises a response of OpenAI's, or a compacted conversation, by its `object` field, even if its output is empty.
fn is_response(object: &Object) -> bool {
    let object_kind = object.get("object").and_then(Value::as_str);
    matches!(object_kind, Some("response" | "response.compaction"))
        && object.get("output").is_some_and(Value::is_array)
}

/// Returns why a response of OpenAI's ended, which follows from its status and its output.
fn stop_reason(response: &Object) -> Option<String> {
    if !is_response(response) {
        return None;
    }
    let items = response.get("output")?.as_array()?;
    reason_of_status(response, || has_open_call(items))
}

/// Returns why a response of OpenAI's ended, by its status.
pub(super) fn reason_of_status(
    response: &Object,
    has_open_call: impl FnOnce() -> bool,
) -> Option<String> {
    let reason = match response.get("status")?.as_str()? {
        "completed" if has_open_call() => "tool_calls",
        "completed" => "stop",
        "incomplete" => match response
            .get("incomplete_details")?
            .get("reason")?
            .as_str()?
        {
            "max_output_tokens" => "length",
            reason => reason,
        },
        "failed" => "error",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Returns whether the items of a response leave a call for the program to answer. A call that the program runs has a `call_id`.
/// If the provider ran it after all, as it does with a shell in its own container, the output follows.
fn has_open_call(items: &[Value]) -> bool {
    fn kind(item: &Value) -> Option<&str> {
        item.get("type")?.as_str()
    }
    let answered: HashSet<&str> = items
        .iter()
        .filter(|item| kind(item).is_some_and(|kind| kind.ends_with("_call_output")))
        .filter_map(|item| item.get("call_id")?.as_str())
        .collect();
    items.iter().any(|item| {
        let id = item.get("call_id").and_then(Value::as_str);
        match kind(item) {
            Some("mcp_approval_request") => true,
            Some("function_call" | "custom_tool_call") => {
                id.is_none_or(|id| !answered.contains(id))
            }
            Some(kind) => kind.ends_with("_call") && id.is_some_and(|id| !answered.contains(id)),
            None => false,
        }
    })
}

/// Returns the images of an answer of OpenAI's Images API, each of which has an address or data, and perhaps the prompt that the
/// model made of the given one.
fn images(answer: &Object) -> Option<&Vec<Value>> {
    const FIELDS: [&str; 3] = ["b64_json", "revised_prompt", "url"];

    let images = answer.get("created").and(answer.get("data"))?.as_array()?;
    let is_image = |image: &Value| {
        image.as_object().is_some_and(|image| {
            image.keys().all(|key| FIELDS.contains(&key.as_str()))
                && ["b64_json", "url"]
                    .iter()
                    .any(|key| image.contains_key(*key))
        })
    };
    (!images.is_empty() && images.iter().all(is_image)).then_some(images)
}

fn read_images(mut answer: Object) -> Vec<Part> {
    let format = take(&mut answer, &["output_format"]);
    let mut parts = Vec::new();
    if let Some(Value::Array(images)) = answer.remove("data") {
        for image in images {
            if let Value::Object(mut image) = image {
                let prompt = take_text(&mut image, &["revised_prompt"]);
                parts.extend(prompt.map(Part::Text));
                image.extend(format.clone().map(|format| ("format".to_owned(), format)));
                parts.push(Part::Media(Media::read("image", image)));
            }
        }
    }
    parts
}

/// Returns what a person answered to a LangGraph graph that was waiting; the command resumes the graph with it.
fn resume_value(command: &Object) -> Option<&Value> {
    let resume = command.get("resume").filter(|value| !value.is_null())?;
    command.contains_key("goto").then_some(resume)
}

fn take_resume_value(command: &mut Object) -> Option<String> {
    resume_value(command)?;
    command.remove("resume").map(text_of)
}

fn is_text_field(key: &str) -> bool {
    matches!(key, "text" | "content")
}

fn holds_messages(key: &str, value: &Value) -> bool {
    if key != "content" && !BODY_FIELDS.iter().any(|(body, _)| *body == key) {
        return false;
    }
    match value {
        Value::Array(items) if key == "messages" && items.is_empty() => true,
        // LangChain reports a failed request as one that generated nothing.
        Value::Array(items) if key == "generations" && are_empty_batches(items) => true,
        Value::Array(items) if key == "choices" => items.iter().any(is_choice),
        Value::Array(_) if key == "content" => false,
        Value::Array(_) => super::is_known(value),
        Value::Object(object) => is_message_or_wrapper(object),
        Value::String(text) if key == "messages" => {
            parse::json(text).is_some_and(|value| super::is_known(&value))
        }
        _ => false,
    }
}

fn are_empty_batches(batches: &[Value]) -> bool {
    let mut batches = batches.iter();
    batches.len() > 0 && batches.all(|batch| batch.as_array().is_some_and(Vec::is_empty))
}

/// Recognises a request of OpenAI's that names a prompt, which OpenAI has stored.
fn is_stored_prompt(key: &str, body: &Value) -> bool {
    key == "prompt" && body.get("id").is_some_and(Value::is_string)
}

fn has_only_a_role(message: &Value) -> bool {
    message
        .as_object()
        .is_some_and(|message| message.keys().all(|key| key == "role"))
}

/// The old text completions have the text directly in the choice.
fn is_choice(choice: &Value) -> bool {
    ["message", "delta", "text"]
        .into_iter()
        .any(|key| choice.get(key).is_some())
}
