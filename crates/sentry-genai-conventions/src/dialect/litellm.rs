//! litellm's OpenTelemetry callback: the conventions in one of their generations, Python reprs, and costs.

use serde_json::{Value, json};

use super::{
    DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, aliases, has_known_operation,
    has_prefix, indexed, json, traceloop, usage,
};
use crate::{
    Attributes, SourceSpan, content::FINISH_REASONS, messages, naming::MODELS, provider, tokens,
};

pub(super) static LITELLM: Dialect = BASE;

/// The newest spelling, to which presets for Phoenix, Arize, Weave or Langfuse add theirs. That says less: embeddings are `LLM`.
pub(super) static LITELLM_WITH_PRESET: Dialect = Dialect {
    recognises: |span| {
        span.scope == "litellm"
            && span.attributes.contains("litellm.call_type")
            && span.attributes.contains("gen_ai.operation.name")
            && PRESETS.iter().any(|preset| has_prefix(span, preset))
    },
    noise: &[
        "input.mime_type",
        "input.value",
        "langfuse.*",
        "llm.*",
        "openinference.*",
        "output.mime_type",
        "output.value",
        "weave.*",
    ],
    adjust: |span, kind| {
        let attributes = &mut span.attributes;
        // Only these count the reasoning.
        if let Some(counts) = json::object(attributes, "langfuse.observation.usage_details") {
            let names = [("output_reasoning_tokens", tokens::REASONING)];
            json::put_scalars(attributes, &counts, &names);
        }
        adjust(span, kind);
    },
    ..BASE
};

const PRESETS: &[&str] = &["langfuse.", "openinference.", "weave."];

const BASE: Dialect = Dialect {
    name: "litellm",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        ("gen_ai.cost.cache_creation_cost", "gen_ai.cost.cache_creation.input_tokens"),
        ("gen_ai.cost.cache_read_cost", "gen_ai.cost.cache_read.input_tokens"),
        ("gen_ai.cost.input_cost", "gen_ai.cost.input_tokens"),
        ("gen_ai.cost.output_cost", "gen_ai.cost.output_tokens"),
        ("gen_ai.cost.reasoning_cost", "gen_ai.cost.reasoning.output_tokens"),
        ("gen_ai.cost.total_cost", "gen_ai.cost.total_tokens"),
        ("litellm.cost.cache_creation", "gen_ai.cost.cache_creation.input_tokens"),
        ("litellm.cost.cache_read", "gen_ai.cost.cache_read.input_tokens"),
        ("litellm.cost.input", "gen_ai.cost.input_tokens"),
        ("litellm.cost.output", "gen_ai.cost.output_tokens"),
        ("litellm.cost.total", "gen_ai.cost.total_tokens"),
        ("litellm.end_user.id", "user.id"),
        ("litellm.metadata.user_api_key_end_user_id", "user.id"),
        ("litellm.request.streaming", "gen_ai.response.streaming"),
        ("llm.is_streaming", "gen_ai.response.streaming"),
        ("llm.user", "user.id"),
        ("metadata.user_api_key_end_user_id", "user.id"),
    ]),
    noise: &["hidden_params", "metadata.usage_object"],
    operation,
    adjust,
};

/// The name of the span below a call for what litellm sent to the provider and received.
pub(crate) const RAW_REQUEST: &str = "raw_gen_ai_request";

/// Recognises that span under a name given by the caller: all its attributes are the provider's.
fn is_raw_request(span: &SourceSpan) -> bool {
    span.name == RAW_REQUEST
        || span.scope == "litellm"
            && has_prefix(span, "llm.")
            && (span.attributes.iter())
                .all(|(key, _)| key.starts_with("llm.") && key != "llm.request.type")
}

fn recognises(span: &SourceSpan) -> bool {
    span.scope == "litellm" || span.name == RAW_REQUEST || has_prefix(span, "litellm.")
}

fn operation(span: &SourceSpan) -> Override {
    if is_raw_request(span) {
        return Override::Plain;
    }
    // In the newest spelling, any request may be a `chat`.
    let named = span.attributes.text("gen_ai.operation.name");
    if has_known_operation(span) && !matches!(named, Some("chat" | "completion")) {
        return Override::None;
    }
    let kinds = ["llm.request.type", "litellm.call_type"];
    let Some(kind) = span.attributes.first_text(&kinds) else {
        return Override::None;
    };
    // A leading `a` marks an asynchronous function.
    match kind.strip_prefix('a').unwrap_or(kind) {
        "completion" | "chat" | "compact_responses" | "create_interaction" | "responses" => {
            Override::To("chat")
        }
        // A request in the format of Anthropic's API.
        _ if kind.ends_with("anthropic_messages") => Override::To("chat"),
        "text_completion" => Override::To("text_completion"),
        "embedding" => Override::To("embeddings"),
        "create_video"
        | "generate_content"
        | "generate_content_stream"
        | "image_edit"
        | "image_generation"
        | "ocr"
        | "speech"
        | "transcription"
        | "video_edit"
        | "video_extension"
        | "video_generation"
        | "video_remix" => Override::To("generate_content"),
        "decisions" | "systemone" => Override::To("decide"),
        "extraction" => Override::To("extract"),
        "moderation" => Override::To("evaluate"),
        "rerank" => Override::To("rerank"),
        request if calls_no_model(request) => Override::Plain,
        _ => Override::None,
    }
}

/// Returns whether a type of request is about what is stored at the provider, such as files, batches and threads.
fn calls_no_model(request: &str) -> bool {
    const BEGINNINGS: [&str; 17] = [
        "add_message",
        "cancel_",
        "create_",
        "delete_",
        "file_",
        "get_",
        "ingest",
        "list_",
        "realtime_calls",
        "realtime_translation_calls",
        "retrieve_",
        "run_code",
        "search",
        "upload_",
        "vector_store_",
        "video_",
        "_add_message",
    ];

    BEGINNINGS.iter().any(|start| request.starts_with(start))
}

/// Removes what an answer from the cache cost when a model gave it.
fn remove_usage_of_cached_answer(attributes: &mut Attributes) {
    const USAGE: [&str; 5] = [
        "gen_ai.cost.",
        "gen_ai.usage.",
        "litellm.cost.",
        "llm.usage.",
        "metadata.usage_object",
    ];

    if attributes.get("litellm.cache_hit") == Some(crate::Value::Bool(true)) {
        attributes.retain(|key, _| !USAGE.iter().any(|prefix| key.starts_with(prefix)));
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let is_raw_request = is_raw_request(span);
    let attributes = &mut span.attributes;
    if is_raw_request {
        if span.name == RAW_REQUEST {
            keep_what_calls_lack(attributes);
        }
        attributes.remove_prefix("llm.");
        return;
    }
    remove_usage_of_cached_answer(attributes);
    if kind != OperationKind::Plain
        && (attributes.first_text(&["gen_ai.provider.name", "gen_ai.system"])).is_none()
        && let Some(name) = missing_provider(attributes)
    {
        attributes.set("gen_ai.provider.name", name);
    }
    split_provider_from_model(attributes);
    name_model_behind_alias(attributes);
    traceloop::put_definitions(attributes, "llm.request.functions.");
    traceloop::put_definitions(attributes, "SpanAttributes.LLM_REQUEST_FUNCTIONS.");
    traceloop::put_definitions(attributes, "gen_ai.tool.");
    if let Some(prompts) = take_list(
        attributes,
        ["gen_ai.prompt.", "SpanAttributes.LLM_PROMPTS."],
    ) {
        json::put(attributes, INPUT, prompts);
    }
    if let Some(completions) = take_list(
        attributes,
        ["gen_ai.completion.", "SpanAttributes.LLM_COMPLETIONS."],
    ) {
        match json::read(attributes, OUTPUT) {
            Some(Value::Array(messages)) => {
                json::set(attributes, OUTPUT, merge_calls(messages, completions));
            }
            _ => json::put(attributes, OUTPUT, completions),
        }
    }
    replace_status_of_response(attributes);
    if matches!(kind, OperationKind::Call | OperationKind::Embeddings)
        && let Some(counts) = json::object(attributes, "metadata.usage_object")
    {
        usage::put(attributes, &counts);
    }
    if let Some(metadata) = json::object(attributes, "metadata.requester_metadata") {
        read_session(attributes, &metadata);
    }
}

/// Keeps what was sent to OpenAI's or Anthropic's API or received, if the call itself says less: it lacks the ids of calls in its
/// answer, calls in its request that are objects of litellm's, refusals, completions of text, reasoning, and the tools of OpenAI's
/// responses. The rest is the same content again.
fn keep_what_calls_lack(attributes: &mut Attributes) {
    const OPENAI_CALLS: &str = "'tool_calls': [";
    const ANTHROPIC_CALL: &str = "'type': 'tool_use'";
    // Python's repr of a text with an apostrophe, such as "I can't", has other quotation marks.
    const REFUSALS: [&str; 2] = ["'refusal': '", "'refusal': \""];
    const REASONINGS: [&str; 2] = ["'reasoning_content': '", "'reasoning_content': \""];
    const THINKING: &str = "'type': 'thinking'";
    const COMPLETION: &str = ", 'text': ";
    const SUMMARY: &str = "'type': 'summary_text'";

    let in_request = [
        OPENAI_CALLS,
        ANTHROPIC_CALL,
        THINKING,
        REASONINGS[0],
        REASONINGS[1],
    ];
    let in_choices = [
        OPENAI_CALLS,
        COMPLETION,
        REFUSALS[0],
        REFUSALS[1],
        REASONINGS[0],
        REASONINGS[1],
    ];
    let kept = [
        (".messages", INPUT, &in_request[..]),
        (".choices", OUTPUT, &in_choices),
        (".content", OUTPUT, &[ANTHROPIC_CALL, THINKING]),
        (".output", OUTPUT, &[SUMMARY]),
        (".tools", DEFINITIONS, &["'type': '"]),
    ]
    .map(|(end, key, wanted)| {
        let found = attributes.iter().find_map(|(name, value)| match value {
            crate::Value::Str(text) if name.ends_with(end) => Some(text),
            _ => None,
        });
        let found = found.filter(|text| wanted.iter().any(|it| text.contains(it)));
        (key, found.and_then(messages::read_json))
    });
    for (key, messages) in kept {
        if let Some(messages) = messages {
            json::put(attributes, key, messages);
        }
    }
}

/// Returns who runs the model. For embeddings and OpenAI's Responses the provider is empty, but it precedes the model that the
/// caller named, follows from the address of the request, or is that of the error.
fn missing_provider(attributes: &Attributes) -> Option<&'static str> {
    let model = attributes.text("litellm.provider.model");
    let of_address = || {
        let hidden = json::object(attributes, "hidden_params")?;
        let address = hidden.get("api_base")?.as_str()?;
        let (_, host) = address.split_once("://")?;
        provider::of_host(host.split('/').next()?)
    };
    let of_error = || provider::known(attributes.text("error.llm_provider")?);
    (model.and_then(provider::in_front_of))
        .or_else(of_address)
        .or_else(of_error)
}

/// Replaces the status of one of OpenAI's responses, which is recorded as its finish reason.
fn replace_status_of_response(attributes: &mut Attributes) {
    if json::read(attributes, FINISH_REASONS) != Some(json!(["completed"])) {
        return;
    }
    let messages = json::read(attributes, OUTPUT).unwrap_or_default();
    let calls_tool = (messages.as_array().into_iter().flatten())
        .any(|message| message.get("parts").is_some_and(has_call));
    let reason = if calls_tool { "tool_calls" } else { "stop" };
    attributes.set(FINISH_REASONS, json!([reason]).to_string());
}

/// What litellm accepts between a provider and a model: the API to call.
const ROUTES: &[&str] = &["converse/", "converse_like/", "invoke/", "responses/"];

/// Removes what litellm puts in front of a model, as in `openai/gpt-5` and `bedrock/converse/amazon.nova-lite-v1:0`. The provider
/// becomes the provider's name if there is none.
pub(super) fn split_provider_from_model(attributes: &mut Attributes) {
    for key in MODELS {
        let Some(name) = attributes.text(key) else {
            continue;
        };
        let (model, provider) = without_provider(name);
        if model.len() < name.len() {
            let model = model.to_owned();
            attributes.set(key, model);
        }
        if let Some(provider) = provider {
            attributes.supply("gen_ai.provider.name", provider);
        }
    }
}

/// Returns a model without what litellm puts in front of it, and the provider's name.
fn without_provider(name: &str) -> (&str, Option<&'static str>) {
    let provider = provider::in_front_of(name);
    let model = match (provider, name.split_once('/')) {
        (Some(_), Some((_, model))) => model,
        _ => name,
    };
    let model = (ROUTES.iter())
        .find_map(|route| model.strip_prefix(route))
        .unwrap_or(model);
    (model, provider)
}

/// Puts the model that was called in place of the alias in whose name the proxy answers. In the newest spelling, the requested
/// model is the alias, too, and another attribute names the model, with its provider.
fn name_model_behind_alias(attributes: &mut Attributes) {
    const ASKED: &str = "gen_ai.request.model";
    const ANSWERED: &str = "gen_ai.response.model";

    let Some(answered) = attributes.text(ANSWERED) else {
        return;
    };
    let model = if attributes.text("litellm.model_group") == Some(answered) {
        attributes.text(ASKED)
    } else if attributes.text(ASKED) == Some(answered) {
        attributes
            .text("litellm.provider.model")
            .map(|model| without_provider(model).0)
    } else {
        None
    };
    if let Some(model) = model.map(str::to_owned) {
        attributes.set(ANSWERED, model);
    }
}

/// Takes a list under its name. Since Python 3.11, older versions write the name of its constant instead.
fn take_list(attributes: &mut Attributes, prefixes: [&str; 2]) -> Option<Value> {
    prefixes
        .into_iter()
        .find_map(|prefix| indexed::take(attributes, prefix))
}

/// Adds the calls in the completions to the messages, which lack them.
fn merge_calls(mut messages: Vec<Value>, completions: Value) -> Value {
    let Value::Array(completions) = completions else {
        return Value::Array(messages);
    };
    // An answer with several calls has one completion for each of them.
    if let [Value::Object(message)] = &mut *messages
        && completions.len() > 1
        && completions.iter().all(is_only_call)
    {
        let calls = completions
            .into_iter()
            .map(|mut completion| json!({"type": "function", "function": json::take(&mut completion, "function_call")}));
        if !message.get("parts").is_some_and(has_call) && !message.contains_key("tool_calls") {
            message.insert("tool_calls".to_owned(), calls.collect());
        }
        return Value::Array(messages);
    }
    for (message, completion) in messages.iter_mut().zip(completions) {
        let has_call = message.get("parts").is_some_and(has_call);
        if let (false, Some(message), Value::Object(mut completion)) =
            (has_call, message.as_object_mut(), completion)
        {
            for key in ["tool_calls", "function_call"] {
                if let Some(calls) = completion.remove(key)
                    && !message.contains_key(key)
                {
                    message.insert(key.to_owned(), calls);
                }
            }
        }
    }
    Value::Array(messages)
}

/// Returns whether a completion is only a call. It may also state its role and why it ended.
fn is_only_call(completion: &Value) -> bool {
    let fields = completion.as_object();
    fields.is_some_and(|fields| {
        fields.contains_key("function_call")
            && (fields.keys())
                .all(|key| matches!(&**key, "function_call" | "role" | "finish_reason"))
    })
}

fn has_call(parts: &Value) -> bool {
    let parts = parts.as_array();
    parts.is_some_and(|parts| parts.iter().any(|part| part["type"] == "tool_call"))
}

/// Reads the session from the caller's own metadata.
pub(super) fn read_session(attributes: &mut Attributes, metadata: &json::Object) {
    for name in ["thread_id", "session_id", "conversation_id"] {
        json::put_scalar(attributes, "session.id", metadata.get(name));
    }
}
