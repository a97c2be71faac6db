//! Determines the kind of a message part from its `type` or its only field.

use serde_json::Value;

use super::{
    super::{Object, Role, media},
    fields::kind,
};

/// Fields that hold the text of a text part.
pub(super) const TEXT_FIELDS: &[&str] = &[
    "content",
    "text",
    "value",
    "input_text",
    "output_text",
    "refusal",
];

/// Fields that hold the text, or the list of texts, of a reasoning part.
pub(super) const REASONING_FIELDS: &[&str] = &[
    "content",
    "text",
    "thinking",
    "reasoning",
    "reasoningText",
    "reasoningContent",
    "reasoning_content",
    "summary",
];

/// Fields that hold a tool's answer.
pub(super) const ANSWER_FIELDS: &[&str] = &[
    "response",
    "result",
    "output",
    "content",
    "server_tool_call_response",
    "outputs",
    // Those that a search for tools found.
    "tools",
];

/// Types of calls of OpenAI's own tools. OpenAI keeps adding new ones.
const HOSTED_TOOL_TYPES: &[&str] = &[
    "apply_patch_call",
    "code_interpreter_call",
    "computer_call",
    "file_search_call",
    "image_generation_call",
    "local_shell_call",
    "mcp_list_tools",
    "shell_call",
    "tool_search_call",
    "web_search_call",
];

/// The kind of a part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Reasoning,
    /// Reasoning that only the provider can read.
    Encrypted,
    Call,
    /// A call of a tool that the provider runs. The type names the tool.
    HostedCall,
    Answer,
    Media,
    Object,
    /// A marker without content.
    Marker,
}

/// Returns whether `object` is unmistakably a part in a known spelling. Structured output may also have a field named `type`.
pub(crate) fn is_part(object: &Object) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| object.contains_key(*key));
    if !object.contains_key("type") {
        return kind_of_fields(object).is_some();
    }
    match kind_of(object) {
        Some(Kind::Text) => has(TEXT_FIELDS),
        Some(Kind::Reasoning) => has(REASONING_FIELDS),
        Some(Kind::Call) => has(&["name", "toolName", "tool_name", "function", "custom"]),
        Some(Kind::HostedCall) => {
            has(&["call_id"]) || (is_hosted(object) && has(&["id", "status"]))
        }
        Some(Kind::Encrypted) => has(&["id", "data", "status"]),
        Some(Kind::Answer) => {
            (has(ANSWER_FIELDS) || has(&["approve", "approved"])) && object.len() > 2
        }
        Some(Kind::Media) => media::has_media_fields(object),
        Some(Kind::Object) => has(&["content"]) && object.len() == 2,
        Some(Kind::Marker) => object.len() == 1 || has(&["approvalId"]),
        None => false,
    }
}

fn is_hosted(object: &Object) -> bool {
    kind(object).is_some_and(|kind| HOSTED_TOOL_TYPES.contains(&kind.as_ref()))
}

/// Returns whether `object` is a tool's answer.
pub(super) fn is_answer(object: &Object) -> bool {
    kind_of(object) == Some(Kind::Answer)
}

/// Returns the role of whoever writes parts of this kind, if there is only one.
pub(super) fn role(object: &Object) -> Option<Role> {
    match kind_of(object)? {
        Kind::Reasoning | Kind::Encrypted | Kind::Call | Kind::HostedCall => Some(Role::Assistant),
        Kind::Answer => Some(Role::Tool),
        Kind::Text => {
            matches!(kind(object)?.as_ref(), "output_text" | "refusal").then_some(Role::Assistant)
        }
        _ => None,
    }
}

/// Returns the kind of `object`, trusting its `type`.
pub(super) fn kind_of(object: &Object) -> Option<Kind> {
    match kind(object) {
        Some(kind) => match kind_of_type(&kind) {
            None if matches!(kind.as_ref(), "function" | "custom") && is_call(object) => {
                Some(Kind::Call)
            }
            // Other parts of this type hold data of the program's own.
            None if kind == "data" && object.contains_key("uri") => Some(Kind::Media),
            None if kind == "text_plain" => {
                let has_text = object.get("text").is_some_and(Value::is_string);
                Some(if has_text { Kind::Text } else { Kind::Media })
            }
            found => found,
        },
        None => kind_of_fields(object).or_else(|| kind_of_adk_rust_part(object)),
    }
}

fn kind_of_type(kind: &str) -> Option<Kind> {
    Some(match kind {
        "text" | "input_text" | "output_text" | "refusal" | "summary_text" => Kind::Text,
        // Strands uses the name of Bedrock's field as a type.
        "reasoning" | "thinking" | "thought" | "reasoning_text" | "text_reasoning"
        | "reasoning_content" | "reasoningcontent" => Kind::Reasoning,
        "redacted_thinking"
        | "anthropic_redacted_thinking"
        | "redacted_reasoning"
        | "reasoning_encrypted" => Kind::Encrypted,
        // A compacted conversation. OpenAI encrypts it, Anthropic has a summary.
        "compaction" => Kind::Reasoning,
        "tool_call"
        | "tool_use"
        | "tooluse"
        // Pi's, which OpenClaw is built on.
        | "toolcall"
        | "server_tool_use"
        | "mcp_tool_use"
        | "server_tool_call"
        // LangChain's for arguments that are not JSON, and for what was streamed of a call.
        | "invalid_tool_call"
        | "tool_call_chunk"
        | "server_tool_call_chunk"
        | "function_call"
        | "custom_tool_call"
        | "tool_invocation"
        | "mcp_call"
        | "mcp_approval_request" => Kind::Call,
        "mcp_list_tools" => Kind::HostedCall,
        kind if kind.ends_with("_call") => Kind::HostedCall,
        "tool_call_response"
        | "tool_response"
        | "tool_result"
        | "toolresult"
        | "function_response"
        | "function_result"
        | "mcp_approval_response"
        | "tool_approval_response"
        | "tool_search_output"
        | "server_tool_call_response" => Kind::Answer,
        kind if ["_tool_result", "_call_output", "_call_result"]
            .iter()
            .any(|end| kind.ends_with(end)) =>
        {
            Kind::Answer
        }
        "image_url" | "input_image" | "image" | "anthropic_image" | "anthropic_document" | "output_image" | "computer_screenshot"
        | "image_file" | "input_audio" | "output_audio" | "audio" | "audio_url" | "video"
        | "video_url" | "input_video" | "document" | "document_url" | "binary" | "file"
        | "input_file" | "file_data" | "inline_data" | "media" | "blob" | "uri" => Kind::Media,
        "object" => Kind::Object,
        // Vercel's asks whether a call may run that is in the same message.
        "step_start" | "step_finish" | "cache_point" | "item_reference" | "tool_approval_request" => {
            Kind::Marker
        }
        _ => return None,
    })
}

/// Fields that may be next to the field that tells the kind of a part.
const ANNOTATION_FIELDS: &[&str] = &[
    "annotations",
    "cache_control",
    "citations",
    "thought",
    "thoughtSignature",
    "thought_signature",
    "partMetadata",
    "videoMetadata",
    "video_metadata",
];

/// Determines the kind of a part in Gemini, Bedrock and Haystack, which have a separate field for every kind and no type.
fn kind_of_fields(object: &Object) -> Option<Kind> {
    if object.contains_key("toolCallId") && object.contains_key("toolName") {
        let is_answer = ["result", "output"]
            .into_iter()
            .any(|key| object.contains_key(key));
        return Some(if is_answer { Kind::Answer } else { Kind::Call });
    }
    if is_call(object) {
        return Some(Kind::Call);
    }
    let mut fields = object
        .iter()
        .filter(|(key, value)| !value.is_null() && !ANNOTATION_FIELDS.contains(&key.as_str()));
    let (key, value) = fields.next()?;
    if fields.next().is_some() {
        return None;
    }
    kind_of_field(key, value)
}

fn kind_of_field(key: &str, value: &Value) -> Option<Kind> {
    match (key, value) {
        ("text", Value::String(_)) | ("citationsContent" | "guardContent", Value::Object(_)) => {
            Some(Kind::Text)
        }
        (
            "toolUse" | "functionCall" | "function_call" | "tool_call" | "toolCall"
            | "executableCode" | "executable_code",
            Value::Object(_),
        ) => Some(Kind::Call),
        (
            "toolResult"
            | "functionResponse"
            | "function_response"
            | "function_result"
            | "tool_call_result"
            | "tool_response"
            | "toolResponse"
            | "codeExecutionResult"
            | "code_execution_result",
            Value::Object(_),
        ) => Some(Kind::Answer),
        (
            "inlineData" | "inline_data" | "fileData" | "file_data" | "image" | "video"
            | "document" | "audio",
            Value::Object(_),
        ) => Some(Kind::Media),
        ("reasoningContent" | "reasoning", Value::Object(inner))
            if inner.contains_key("redactedContent") =>
        {
            Some(Kind::Encrypted)
        }
        ("reasoningContent", Value::Object(_)) => Some(Kind::Reasoning),
        // In Strands for JavaScript. Structured output may have such a field as well.
        ("reasoning", Value::Object(inner)) => {
            (inner.get("text").is_some_and(Value::is_string)).then_some(Kind::Reasoning)
        }
        ("cachePoint", _) => Some(Kind::Marker),
        _ => None,
    }
}

/// Recognises OpenAI's `{"id", "type": "function", "function": {"name", "arguments"}}`, and the same for `custom` tools, which
/// have an `input`. Definitions of tools have neither.
fn is_call(object: &Object) -> bool {
    let has = |key, fields: &[&str]| {
        object
            .get(key)
            .and_then(Value::as_object)
            .is_some_and(|tool| fields.iter().all(|field| tool.contains_key(*field)))
    };
    has("function", &["arguments"]) || has("custom", &["name", "input"])
}

/// Determines the kind of a part other than text in adk-rust, which wraps them in nothing. Outside of a message such an object
/// may be anything.
fn kind_of_adk_rust_part(object: &Object) -> Option<Kind> {
    let has_only = |fields: &[&str]| object.keys().all(|key| fields.contains(&key.as_str()));
    let is_text = |key| object.get(key).is_some_and(Value::is_string);
    let is_object = |key| object.get(key).is_some_and(Value::is_object);
    if is_text("name") {
        let is_call = is_object("args") && has_only(&["args", "id", "name", "thought_signature"]);
        is_call.then_some(Kind::Call)
    } else if is_text("mime_type") {
        let has_content = is_text("file_uri") || object.get("data").is_some_and(Value::is_array);
        let fields = ["annotations", "data", "file_uri", "mime_type", "uri"];
        (has_content && has_only(&fields)).then_some(Kind::Media)
    } else if is_text("thinking") {
        has_only(&["signature", "thinking"]).then_some(Kind::Reasoning)
    } else {
        let is_answer = is_object("functionResponse") && is_text("id");
        let fields = ["annotations", "functionResponse", "id"];
        (is_answer && has_only(&fields)).then_some(Kind::Answer)
    }
}
