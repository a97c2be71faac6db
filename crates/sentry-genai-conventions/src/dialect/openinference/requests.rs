//! Requests of the providers' SDKs, each of which OpenInference reports as a model call.

mod invoke_model;
pub(super) mod mistral;

use serde_json::{Value, json};

use super::{INPUT_VALUE, INVOCATION_PARAMETERS, OUTPUT_MESSAGES, OUTPUT_VALUE, payload};
use crate::{
    Attributes, SourceSpan,
    dialect::{OUTPUT, Override, indexed, is_stream_method, json, mark_failed_with},
};

/// Python's instrumentation of OpenAI, which names spans after the type that the request returns.
pub(super) const OPENAI: &str = "openinference.instrumentation.openai";
pub(super) const LITELLM: &str = "openinference.instrumentation.litellm";

/// The name of a moderation's span.
const MODERATION: &str = "ModerationCreateResponse";

/// Returns whether a request calls no model: it lists models, uploads a file, starts a batch, looks up a response, trains a
/// model, or counts tokens. Moderations and requests for images have a default model, and those with a stored prompt use the
/// prompt's.
pub(super) fn calls_no_model(span: &SourceSpan) -> bool {
    is_token_count(&span.name)
        || is_interaction_lookup(span)
        || is_speech_of_pipecat(span)
        || span.scope == OPENAI && span.name.starts_with("FineTuningJob")
        || span.scope == OPENAI
            && span.name != MODERATION
            && !(span.attributes).contains_any(&["llm.token_count.prompt", "llm.token_count.total"])
            && json::object(&span.attributes, INVOCATION_PARAMETERS).is_some_and(|parameters| {
                !parameters.contains_key("model") && !parameters.contains_key("prompt")
            })
}

/// Recognises `messages.count_tokens` and `InputTokenCountResponse`.
fn is_token_count(name: &str) -> bool {
    name.ends_with("count_tokens") || name.ends_with("TokenCountResponse")
}

/// Recognises requests for what one of Gemini's interactions has answered before. They report its tokens again, but not which
/// request they belong to.
pub(super) fn is_interaction_lookup(span: &SourceSpan) -> bool {
    span.name.ends_with("InteractionsResource.get")
}

/// Recognises what Pipecat hears and says. The same texts are the messages of its model calls.
fn is_speech_of_pipecat(span: &SourceSpan) -> bool {
    span.scope.ends_with(".pipecat") && matches!(&*span.name, "pipecat.stt" | "pipecat.tts")
}

pub(super) fn is_litellm(span: &SourceSpan) -> bool {
    span.scope == LITELLM
}

/// Reads what the attributes of a call say less well than its request or its answer.
pub(super) fn adjust(span: &mut SourceSpan) {
    if is_stream_method(&span.name) {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
    mistral::adjust(span);
    unwrap_completion(&mut span.attributes);
    mark_failed_response(span);
    if span.has_exception() && !has_answer(&span.attributes) {
        mark_failed_with(span, None);
    }
    keep_prompt_text(span);
    invoke_model::adjust(span);
}

/// Returns the operation of a request other than chat, by what it returns: images, speech, transcriptions, or a moderation.
pub(super) fn non_chat_operation(span: &SourceSpan) -> Option<Override> {
    match &*span.scope {
        OPENAI if span.name == MODERATION => Some(Override::To("evaluate")),
        OPENAI if generates_content(span) => Some(Override::To("generate_content")),
        LITELLM if is_litellm_image(span) => Some(Override::To("generate_content")),
        _ => None,
    }
}

fn is_litellm_image(span: &SourceSpan) -> bool {
    is_litellm(span) && span.name.ends_with("image_generation")
}

/// Records an image of litellm's, which is an address or Base64.
fn read_image(span: &mut SourceSpan) {
    let attributes = &mut span.attributes;
    if let Some(image) = attributes.text(OUTPUT_VALUE) {
        let part = if image.contains(':') {
            json!({"type": "uri", "modality": "image", "uri": image})
        } else {
            json!({"type": "blob", "modality": "image", "content": image})
        };
        json::put(
            attributes,
            OUTPUT,
            json!([{"role": "assistant", "parts": [part]}]),
        );
        attributes.remove(OUTPUT_VALUE);
        attributes.remove("image.url");
    }
}

/// Images, videos, speech, and transcriptions of speech.
const GENERATED_CONTENT_TYPES: &[&str] = &[
    "HttpxBinaryResponseContent",
    "ImagesResponse",
    "Transcription",
    "Translation",
    "Video",
];

fn generates_content(span: &SourceSpan) -> bool {
    let mut types = GENERATED_CONTENT_TYPES.iter();
    types.any(|start| span.name.starts_with(start))
}

/// Keeps only the text and the images in a request for images, speech or a transcription. The rest is not input, and the bytes of
/// speech are not output.
fn keep_prompt_text(span: &mut SourceSpan) {
    if is_litellm_image(span) {
        return read_image(span);
    }
    if span.scope != OPENAI || !generates_content(span) {
        return;
    }
    let answer = span.attributes.text(OUTPUT_VALUE).unwrap_or_default();
    let answer = answer.strip_prefix('"').unwrap_or(answer);
    if answer.starts_with("b'") || answer.starts_with(r#"b\""#) {
        span.attributes.remove(OUTPUT_VALUE);
    }
    // The answer has them, too.
    if let Some(parts) = take_images(&mut span.attributes, "output.images.") {
        let message = json!([{"role": "assistant", "content": parts}]);
        json::put(&mut span.attributes, OUTPUT_VALUE, message);
    }
    let Some(mut request) = json::object(&span.attributes, INPUT_VALUE) else {
        return;
    };
    span.attributes.remove(INPUT_VALUE);
    let text = (request.remove("input")).or_else(|| request.remove("prompt"));
    let text = text.filter(Value::is_string);
    match take_images(&mut span.attributes, "input.images.") {
        Some(mut parts) => {
            parts.extend(text);
            let message = json!([{"role": "user", "content": parts}]);
            json::put(&mut span.attributes, INPUT_VALUE, message);
        }
        None => json::put(&mut span.attributes, INPUT_VALUE, text.unwrap_or_default()),
    }
}

/// Removes images that are attributes of the span, and returns them as parts of a message.
fn take_images(attributes: &mut Attributes, prefix: &str) -> Option<Vec<Value>> {
    let Some(Value::Array(images)) = indexed::take(attributes, prefix) else {
        return None;
    };
    let parts = images.into_iter().map(|mut image| {
        let url = json::take(&mut json::take(&mut image, "image"), "url");
        json!({"type": "image_url", "image_url": {"url": url}})
    });
    Some(parts.collect())
}

/// Unwraps a chat completion that is the only element of a list, as with OpenAI's agents in JavaScript.
fn unwrap_completion(attributes: &mut Attributes) {
    if attributes
        .text(OUTPUT_VALUE)
        .is_some_and(|answer| answer.starts_with("[{") && answer.contains(r#""choices""#))
        && let Some(Value::Array(answers)) = json::read(attributes, OUTPUT_VALUE)
        && let [answer] = &*answers
        && answer.get("choices").is_some_and(Value::is_array)
    {
        attributes.set(OUTPUT_VALUE, answer.to_string());
    }
}

/// Returns whether anything came back. If not, an exception was final, though Agno's instrumentation marked such spans as OK.
fn has_answer(attributes: &Attributes) -> bool {
    (attributes.iter()).any(|(key, _)| {
        key == OUTPUT_VALUE
            || key == "llm.token_count.completion"
            || key.starts_with(OUTPUT_MESSAGES)
    })
}

/// Marks the span as failed if OpenAI's response failed, which it may although the request did not.
fn mark_failed_response(span: &mut SourceSpan) {
    if (span.attributes.text(OUTPUT_VALUE)).is_some_and(|answer| answer.contains(r#""failed""#))
        && let Some(answer) = json::object(&span.attributes, OUTPUT_VALUE)
        && payload::is_openai_response(&answer)
        && answer
            .get("status")
            .is_some_and(|status| status == "failed")
    {
        mark_failed_with(span, answer.get("error"));
    }
}
