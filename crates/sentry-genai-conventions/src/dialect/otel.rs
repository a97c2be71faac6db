//! Older and looser spellings of OpenTelemetry's conventions, as found in hand-written code of all kinds.
//!
//! Names that Sentry's registry lists as deprecated are not repeated here.

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, FailureAttribute, INPUT, INSTRUCTIONS, OUTPUT, OperationKind, aliases,
    is_random_id, json, mentions_gen_ai, unquoted,
};
use crate::{
    Attributes, SourceSpan, attributes::Name, content::FINISH_REASONS, messages, provider, status,
};

pub(crate) static OTEL: Dialect = Dialect {
    recognises: mentions_gen_ai,
    aliases: ALIASES,
    noise: &[
        "gen_ai.client.operation.duration",
        "gen_ai.execute_tool.duration",
    ],
    ..Dialect::NONE
};

#[rustfmt::skip]
static ALIASES: &[(Name, &str)] = &aliases([
    ("agentscope.usage.cache_creation_input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("agentscope.usage.cache_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.agent.input", INPUT),
    ("gen_ai.agent.output", OUTPUT),
    ("gen_ai.agent.invocation_input", INPUT),
    ("gen_ai.agent.invocation_output", OUTPUT),
    ("gen_ai.agent.system_instructions", INSTRUCTIONS),
    ("gen_ai.agent.tools", DEFINITIONS),
    ("gen_ai.cache_creation_input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.cache_read_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.cache_write_input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.client.operation.time_to_first_chunk", "gen_ai.response.time_to_first_chunk"),
    ("gen_ai.completion", "gen_ai.output.messages"),
    ("gen_ai.completion.content", "gen_ai.output.messages"),
    ("gen_ai.embeddings.input.texts", "gen_ai.embeddings.input"),
    ("gen_ai.is_streaming", "gen_ai.response.streaming"),
    ("gen_ai.openai.request.response_format", "gen_ai.output.type"),
    ("gen_ai.openai.request.seed", "gen_ai.request.seed"),
    ("gen_ai.openai.request.service_tier", "openai.request.service_tier"),
    ("gen_ai.openai.response.service_tier", "openai.response.service_tier"),
    ("gen_ai.openai.response.system_fingerprint", "openai.response.system_fingerprint"),
    ("gen_ai.openai.system_fingerprint", "openai.response.system_fingerprint"),
    // LoongSuite's instrumentations of agents in Go.
    ("gen_ai.other_input.user_id", "user.id"),
    ("gen_ai.other_input.user_message", INPUT),
    ("gen_ai.request.choice_count", "gen_ai.request.choice.count"),
    ("gen_ai.request.embedding.dimensions", "gen_ai.embeddings.dimension.count"),
    ("gen_ai.request.max_completion_tokens", "gen_ai.request.max_tokens"),
    ("gen_ai.request.max_output_tokens", "gen_ai.request.max_tokens"),
    ("gen_ai.request.n", "gen_ai.request.choice.count"),
    ("gen_ai.request.reasoning.effort", "gen_ai.request.reasoning.level"),
    ("gen_ai.request.reasoning_effort", "gen_ai.request.reasoning.level"),
    ("gen_ai.request.stream", "gen_ai.response.streaming"),
    ("gen_ai.tool.call_id", "gen_ai.tool.call.id"),
    ("gen_ai.tool_call.id", "gen_ai.tool.call.id"),
    ("gen_ai.usage.cache_creation_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    ("gen_ai.usage.cached_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.cost", "gen_ai.cost.total_tokens"),
    ("gen_ai.usage.input_cost", "gen_ai.cost.input_tokens"),
    ("gen_ai.usage.output_cost", "gen_ai.cost.output_tokens"),
    ("gen_ai.usage.input_cached_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("gen_ai.usage.reasoning_output_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ("gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ("gen_ai.usage.thinking_tokens", "gen_ai.usage.reasoning.output_tokens"),
    ("gen_ai.usage.total_cost", "gen_ai.cost.total_tokens"),
    ("gen_ai.user.id", "user.id"),
    // Langfuse reads these on any span.
    ("langfuse.session.id", "session.id"),
    ("langfuse.user.id", "user.id"),
    // Laminar adds these to everything in its traces.
    ("lmnr.association.properties.session_id", "session.id"),
    ("lmnr.association.properties.user_id", "user.id"),
    ("operation.cost", "gen_ai.cost.total_tokens"),
]);

/// Brings values into canonical form whose key is canonical already.
pub(crate) fn normalise_values(span: &mut SourceSpan, kind: OperationKind) {
    provider::normalise(&mut span.attributes, kind);
    remove_placeholder_models(span);
    split_server_address(span);
    move_random_agent_name(&mut span.attributes);
    if kind == OperationKind::Call {
        remove_placeholder_reason(span);
    }
    if kind == OperationKind::Embeddings {
        move_embedding_input(&mut span.attributes);
    }
    // Google's agent development kit writes this placeholder.
    if span.attributes.text("gen_ai.tool.call.id") == Some("<not specified>") {
        span.attributes.remove("gen_ai.tool.call.id");
    }
    if let Some(format) = span.attributes.text("gen_ai.output.type")
        && matches!(format, "json_schema" | "json_object")
    {
        span.attributes.set("gen_ai.output.type", "json");
    }
}

/// Returns whether a text is what many libraries record if they do not find the model.
pub(crate) fn is_placeholder_model(text: &str) -> bool {
    text.eq_ignore_ascii_case("unknown")
}

/// Returns whether such a text, or the name of an operation, may have to be removed.
pub(crate) fn may_be_placeholder_model(text: &str) -> bool {
    is_placeholder_model(text) || text == CHAT
}

/// What Azure's SDK for inference records if its client has a model for all requests. It names the span only after the operation.
const CHAT: &str = "chat";

fn remove_placeholder_models(span: &mut SourceSpan) {
    let attributes = &mut span.attributes;
    let is_chat = |key| attributes.text(key) == Some(CHAT);
    if is_chat("gen_ai.request.model") && is_chat("gen_ai.operation.name") && span.name == CHAT {
        attributes.remove("gen_ai.request.model");
    }
    for key in ["gen_ai.request.model", "gen_ai.response.model"] {
        let model = attributes.text(key).map(unquoted);
        if model.is_some_and(is_placeholder_model) {
            attributes.remove(key);
        }
    }
}

/// Makes a random id in the place of an agent's name the agent's id. It is a different one in every run.
fn move_random_agent_name(attributes: &mut Attributes) {
    const NAME: &str = "gen_ai.agent.name";
    const ID: &str = "gen_ai.agent.id";

    let name = attributes.text(NAME).map(unquoted);
    if !name.is_some_and(is_random_id) {
        return;
    }
    match attributes.text(ID).map(unquoted) {
        None => attributes.rename(NAME, ID),
        id if id == name => _ = attributes.remove(NAME),
        Some(_) => {}
    }
}

/// Returns the finish reasons, which may be a placeholder for none.
pub(super) fn failure_attribute(span: &SourceSpan) -> Option<FailureAttribute> {
    let has_reasons = (span.scope).starts_with("opentelemetry.instrumentation.genai.")
        && span.attributes.contains(FINISH_REASONS);
    has_reasons.then_some(FailureAttribute {
        key: FINISH_REASONS,
        is_failure: is_error,
    })
}

fn is_error(reasons: &str) -> bool {
    reasons == r#"["error"]"#
}

/// Removes the finish reason `error` from a call that did not fail. OpenTelemetry's newest instrumentations for Python report it
/// for an answer without a reason, such as any of OpenAI's responses in LangChain.
fn remove_placeholder_reason(span: &mut SourceSpan) {
    const ERROR: &str = r#""finish_reason":"error""#;

    let is_placeholder = failure_attribute(span).is_some()
        && span.attributes.text(FINISH_REASONS).is_some_and(is_error);
    if !is_placeholder || status::is_reported_as_failed(span) {
        return;
    }
    span.attributes.remove(FINISH_REASONS);
    // In a text the quotes are escaped, so only the field is replaced.
    let output = span.attributes.text(OUTPUT);
    if let Some(output) = output.filter(|output| output.contains(ERROR)) {
        let output = output.replace(ERROR, r#""finish_reason":null"#);
        span.attributes.set(OUTPUT, output);
    }
}

/// Reads host and port from an address that was recorded as a URL.
fn split_server_address(span: &mut SourceSpan) {
    const ADDRESS: &str = "server.address";
    const PORT: &str = "server.port";

    let Some(url) = span.attributes.text(ADDRESS) else {
        return;
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let with_port = authority.rsplit_once(':').and_then(|(host, port)| {
        let port: u16 = port.parse().ok().filter(|_| !host.is_empty())?;
        Some((host, Some(port)))
    });
    let (host, port) = with_port.unwrap_or((authority, None));
    let port = port.or(match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    });
    let host = host.to_owned();
    span.attributes.remove(ADDRESS);
    if !host.is_empty() {
        span.attributes.push(ADDRESS, host);
    }
    if let Some(port) = port {
        span.attributes.supply(PORT, port);
    }
}

/// Moves the texts to embed, which some libraries record as a conversation.
fn move_embedding_input(attributes: &mut Attributes) {
    let texts = attributes.text(INPUT).map(texts);
    attributes.remove(OUTPUT);
    if let Some(texts) = texts {
        attributes.remove(INPUT);
        json::put(attributes, "gen_ai.embeddings.input", texts);
    }
}

/// Returns the texts of messages. A single one is returned without a list.
fn texts(input: &str) -> Value {
    let Some(Value::Array(items)) = messages::read_json(input) else {
        return input.into();
    };
    let texts = items
        .into_iter()
        .map(|mut item| match item.pointer_mut("/parts/0/content") {
            Some(text) => text.take(),
            None => match item.get_mut("content") {
                Some(content) => content.take(),
                None => item,
            },
        })
        .collect();
    json::list_or_single(texts)
}
