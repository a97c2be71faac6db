//! Vercel's AI SDK: its own attributes up to version 6, and on request in version 7, which follows the conventions by default.

use serde_json::{Value, json};

use super::{
    Dialect, INPUT, OUTPUT, OperationKind, Override, aliases, first_chunk, has_known_operation,
    has_prefix, json, reasoning, usage,
};
use crate::{Attributes, SourceSpan, SourceStatus, attributes::Name, messages, tokens};

pub(super) static VERCEL: Dialect = Dialect {
    name: "vercel_ai",
    recognises: |span| span.attributes.contains(OPERATION_ID) || is_version_7(span),
    #[rustfmt::skip]
    aliases: &aliases([
        ("ai.model.id", "gen_ai.request.model"),
        ("ai.model.provider", "gen_ai.provider.name"),
        ("ai.prompt", INPUT),
        ("ai.prompt.messages", INPUT),
        ("ai.prompt.tools", "gen_ai.tool.definitions"),
        ("ai.response.avgCompletionTokensPerSecond", "gen_ai.response.tokens_per_second"),
        ("ai.response.avgOutputTokensPerSecond", "gen_ai.response.tokens_per_second"),
        ("ai.response.finishReason", "gen_ai.response.finish_reasons"),
        ("ai.response.id", "gen_ai.response.id"),
        ("ai.response.model", "gen_ai.response.model"),
        ("ai.settings.frequencyPenalty", "gen_ai.request.frequency_penalty"),
        ("ai.settings.context.userId", "user.id"),
        ("ai.settings.maxOutputTokens", "gen_ai.request.max_tokens"),
        ("ai.settings.maxTokens", "gen_ai.request.max_tokens"),
        ("ai.settings.presencePenalty", "gen_ai.request.presence_penalty"),
        ("ai.settings.seed", "gen_ai.request.seed"),
        ("ai.settings.stopSequences", "gen_ai.request.stop_sequences"),
        ("ai.settings.temperature", "gen_ai.request.temperature"),
        ("ai.settings.topK", "gen_ai.request.top_k"),
        ("ai.settings.topP", "gen_ai.request.top_p"),
        ("ai.telemetry.functionId", "gen_ai.function_id"),
        ("ai.telemetry.metadata.userId", "user.id"),
        ("ai.toolCall.args", "gen_ai.tool.call.arguments"),
        ("ai.toolCall.id", "gen_ai.tool.call.id"),
        ("ai.toolCall.name", "gen_ai.tool.name"),
        ("ai.toolCall.result", "gen_ai.tool.call.result"),
        ("ai.total_cost", "gen_ai.cost.total_tokens"),
        ("ai.usage.cachedInputTokens", "gen_ai.usage.cache_read.input_tokens"),
        ("ai.usage.completionTokens", "gen_ai.usage.output_tokens"),
        ("ai.usage.inputTokenDetails.cacheReadTokens", "gen_ai.usage.cache_read.input_tokens"),
        ("ai.usage.inputTokenDetails.cacheWriteTokens", "gen_ai.usage.cache_creation.input_tokens"),
        ("ai.usage.inputTokens", "gen_ai.usage.input_tokens"),
        ("ai.usage.outputTokenDetails.reasoningTokens", "gen_ai.usage.reasoning.output_tokens"),
        ("ai.usage.outputTokens", "gen_ai.usage.output_tokens"),
        ("ai.usage.promptTokens", "gen_ai.usage.input_tokens"),
        ("ai.usage.reasoningTokens", "gen_ai.usage.reasoning.output_tokens"),
        ("ai.usage.totalTokens", "gen_ai.usage.total_tokens"),
        // Version 7's names for transcripts.
        ("ai.usage.input_tokens", "gen_ai.usage.input_tokens"),
        ("ai.usage.output_tokens", "gen_ai.usage.output_tokens"),
        ("ai.usage.total_tokens", "gen_ai.usage.total_tokens"),
    ]),
    noise: &[
        "ai.embedding",
        "ai.embeddings",
        "gen_ai.client.operation.duration",
        "gen_ai.execute_tool.duration",
        "operation.name",
        "resource.name",
    ],
    operation,
    adjust,
};

pub(super) const OPERATION_ID: &str = "ai.operationId";

/// Prefixes of the attributes that version 7 adds.
const VERSION_7_PREFIXES: [&str; 9] = [
    "ai.documents",
    "ai.embedding",
    "ai.prompt.toolChoice",
    "ai.request.headers.",
    "ai.response.providerMetadata",
    "ai.settings.",
    "ai.usage.inputTokenDetails.",
    "ai.usage.outputTokenDetails.",
    "ai.value",
];

/// The scope of version 7, unless the program brings its own tracer.
pub(super) const VERSION_7_SCOPE: &str = "gen_ai";

/// Recognises version 7, which on request adds attributes to its conventional spans that the conventions have no names for.
/// Operations without a conventional name, such as speech, keep their own.
fn is_version_7(span: &SourceSpan) -> bool {
    let operation = span.attributes.text("gen_ai.operation.name");
    let has_key = |prefix: &&str| has_prefix(span, prefix);
    operation.is_some_and(|operation| operation.starts_with("ai."))
        || has_key(&"ai.")
            && (span.scope == VERSION_7_SCOPE
                || operation.is_some() && VERSION_7_PREFIXES.iter().any(has_key))
}

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    let ids = [OPERATION_ID, "gen_ai.operation.name"];
    let Some(id) = span.attributes.first_text(&ids) else {
        return Override::None;
    };
    // For example `ai.streamText.doStream`. Some versions append the function.
    let id = id.split(' ').next().unwrap_or_default();
    if id == "ai.workflowAgent.stream" {
        return Override::To("invoke_agent");
    }
    match id.rsplit('.').next().unwrap_or_default() {
        "doGenerate" | "doStream" => Override::To("chat"),
        "doEmbed" => Override::To("embeddings"),
        "doDecide" => Override::To("decide"),
        "doRerank" => Override::To("rerank"),
        "generateSpeech" | "streamTranscribe" | "transcribe" => Override::To("generate_content"),
        "toolCall" => Override::To("execute_tool"),
        "generateText" | "streamText" | "generateObject" | "streamObject" => {
            Override::To("invoke_agent")
        }
        _ => Override::Plain,
    }
}

/// Prefixes of OpenInference's attributes that repeat those of the AI SDK.
const OPENINFERENCE_PREFIXES: [&str; 7] = [
    "embedding.",
    "input.",
    "llm.",
    "openinference.",
    "output.",
    "tool.parameters",
    "tool_call.",
];

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    clear_copied_failure(span);
    // A stream that breaks off has no exception.
    if span.status == SourceStatus::Unset
        && span.attributes.text("ai.response.finishReason") == Some("error")
    {
        span.status = SourceStatus::Error(None);
    }
    let attributes = &mut span.attributes;
    remove_repetitions(attributes);
    if (attributes.text(OPERATION_ID)).is_some_and(|id| id.ends_with(".doStream")) {
        attributes.supply("gen_ai.response.streaming", true);
    }
    for key in ["ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"] {
        first_chunk::read_milliseconds(attributes, key);
    }
    match kind {
        OperationKind::Agent => {
            let function = attributes
                .text("ai.telemetry.functionId")
                .map(str::to_owned);
            if let Some(function) = function {
                attributes.supply("gen_ai.agent.name", function);
            }
            assemble_output(attributes);
        }
        OperationKind::Embeddings => {
            attributes.rename("ai.value", "gen_ai.embeddings.input");
            attributes.rename("ai.values", "gen_ai.embeddings.input");
            attributes.rename("ai.usage.tokens", "gen_ai.usage.input_tokens");
            unquote_texts(attributes);
        }
        OperationKind::Plain => {
            for key in ["ai.value", "ai.values", "ai.usage.tokens"] {
                attributes.remove(key);
            }
        }
        OperationKind::Call => {
            // The text to be spoken.
            attributes.rename("ai.request.text", INPUT);
            read_decision(attributes);
            normalise_counts(attributes);
            assemble_output(attributes);
        }
        _ => {}
    }
    move_metadata(attributes);
}

/// Reads what a model decided upon, the questions, and its answers.
fn read_decision(attributes: &mut Attributes) {
    let mut parts = Vec::new();
    for key in ["ai.decision.state", "ai.decision.questions"] {
        if let Some(value) = attributes.text(key) {
            let value = messages::read_json(value).unwrap_or_else(|| value.into());
            parts.push(match value {
                text @ Value::String(_) => json!({"type": "text", "text": text}),
                value => json!({"type": "object", "content": value}),
            });
            attributes.remove(key);
        }
    }
    if !parts.is_empty() {
        json::put(
            attributes,
            INPUT,
            json!([{"role": "user", "content": parts}]),
        );
    }
    if let Some(answers) = json::read(attributes, "ai.decision.answers") {
        let parts = json!([{"type": "object", "content": answers}]);
        json::put(
            attributes,
            OUTPUT,
            json!([{"role": "assistant", "content": parts}]),
        );
        attributes.remove("ai.decision.answers");
    }
}

/// Removes what OpenInference's processor repeats in its own spelling.
fn remove_repetitions(attributes: &mut Attributes) {
    if attributes.contains("openinference.span.kind") {
        attributes.retain(|key, _| {
            !OPENINFERENCE_PREFIXES
                .iter()
                .any(|prefix| key.starts_with(prefix))
        });
    }
}

/// Removes a failure that is another span's. OpenInference's processor copies the first one of a trace to all spans that end later
/// and have no status. The AI SDK records an exception whenever it gives a reason.
pub(super) fn clear_copied_failure(span: &mut SourceSpan) {
    if matches!(span.status, SourceStatus::Error(Some(_)))
        && span.attributes.contains("openinference.span.kind")
        && !span.has_exception()
    {
        span.status = SourceStatus::Unset;
    }
}

/// Unquotes the texts to embed, each of which is a JSON string.
fn unquote_texts(attributes: &mut Attributes) {
    const KEY: &str = "gen_ai.embeddings.input";
    let unquote = |text: &str| {
        serde_json::from_str::<String>(text).map_or_else(|_| Value::from(text), Value::String)
    };
    let texts = match attributes.get(KEY) {
        Some(crate::Value::Str(text)) => unquote(text),
        Some(crate::Value::Array(items)) => {
            let items = items.iter().map(json::scalar);
            let texts = items.map(|item| item.as_str().map(unquote).unwrap_or(item));
            json::list_or_single(texts.collect())
        }
        _ => return,
    };
    json::set(attributes, KEY, texts);
}

/// Assembles the answer from its pieces.
fn assemble_output(attributes: &mut Attributes) {
    let mut parts = Vec::new();
    if let Some(text) = attributes.text("ai.response.reasoning") {
        parts.push(match crate::messages::read_json(text) {
            Some(Value::Array(items)) => json!({"type": "reasoning", "content": items}),
            _ => json!({"type": "reasoning", "text": text}),
        });
    }
    if let Some(text) = attributes.text("ai.response.text") {
        parts.push(json!({"type": "text", "text": text}));
    }
    if let Some(text) = attributes.text("ai.response.object") {
        // It is the answer as the model wrote it, which is no object if the model did not keep to the schema.
        parts.push(match crate::messages::read_json(text) {
            Some(object) => json!({"type": "object", "content": object}),
            None => json!({"type": "text", "text": text}),
        });
    }
    if let Some(Value::Array(files)) = json::read(attributes, "ai.response.files") {
        parts.extend(files);
    }
    let calls = json::read(attributes, "ai.response.toolCalls");
    for key in [
        "ai.response.files",
        "ai.response.reasoning",
        "ai.response.text",
        "ai.response.object",
        "ai.response.toolCalls",
    ] {
        attributes.remove(key);
    }
    if attributes.contains(OUTPUT) {
        parts.retain(reasoning::is_part);
        reasoning::add(attributes, parts);
        return;
    }
    if parts.is_empty() && calls.is_none() {
        return;
    }
    let mut message = json!({"role": "assistant", "content": parts});
    if let Some(calls) = calls {
        message["tool_calls"] = calls;
    }
    if let Some(reason) = attributes.text("ai.response.finishReason") {
        message["finish_reason"] = reason.into();
    }
    attributes.push(OUTPUT, json!([message]).to_string());
}

/// Makes the counts canonical.
///
/// Versions 4 and 5 pass on the provider's counts: Anthropic's input lacks the cache, and Gemini's output lacks the reasoning.
/// The provider's own metadata shows what is missing, or else, later, the total does.
fn normalise_counts(attributes: &mut Attributes) {
    let providers = json::object(attributes, "ai.response.providerMetadata").unwrap_or_default();
    for metadata in providers.values() {
        // Version 4 reports it nowhere else.
        json::put_scalar(
            attributes,
            "ai.usage.cachedInputTokens",
            metadata.get("cachedPromptTokens"),
        );
    }
    let is_count = |(_, to): &&(Name, &str)| tokens::COUNTS.contains(to);
    for (from, to) in VERCEL.aliases.iter().filter(is_count) {
        attributes.rename_by_name(from, to);
    }
    for metadata in providers.values().filter_map(Value::as_object) {
        usage::put(attributes, &subsets(metadata));
        let nested = |key: &str| metadata.get(key).and_then(Value::as_object);
        if let Some(usage) = nested("usage") {
            usage::put(attributes, &subsets(usage));
        }
        // In version 4 the metadata has the cache but not the usage.
        if is_anthropic(nested("usage").unwrap_or(metadata)) {
            include_cache(attributes, nested("usage"));
        }
        usage::put_value(attributes, metadata.get("usageMetadata"));
    }
}

fn is_anthropic(usage: &json::Object) -> bool {
    usage.contains_key("cache_read_input_tokens") || usage.contains_key("cacheReadInputTokens")
}

/// Makes the input the sum of the three parts that Anthropic counts separately.
fn include_cache(attributes: &mut Attributes, usage: Option<&json::Object>) {
    let uncached = match usage {
        Some(usage) => usage.get("input_tokens").and_then(Value::as_i64),
        None => attributes.integer(tokens::INPUT),
    };
    let Some(uncached) = uncached else {
        return;
    };
    let total = uncached.saturating_add(tokens::cached(attributes));
    if total > attributes.integer(tokens::INPUT).unwrap_or(0) {
        attributes.set(tokens::INPUT, total);
    }
}

/// Keeps only the counts that are part of the totals. The totals have keys of their own.
fn subsets(metadata: &json::Object) -> json::Object {
    #[rustfmt::skip]
    static SUBSETS: &[(&str, &str)] = &[
        ("cacheCreationInputTokens", "cache_creation_input_tokens"),
        ("cacheReadInputTokens", "cache_read_input_tokens"),
        ("cacheWriteInputTokens", "cache_creation_input_tokens"),
        ("cache_creation_input_tokens", "cache_creation_input_tokens"),
        ("cache_read_input_tokens", "cache_read_input_tokens"),
        ("reasoningTokens", "reasoningTokens"),
    ];
    let counts = SUBSETS
        .iter()
        .filter_map(|(from, to)| Some(((*to).to_owned(), metadata.get(*from)?.clone())))
        .filter(|(_, count)| count.is_number());
    messages::object_of(counts)
}

/// Moves the metadata that users attach to a call to the namespace that Sentry has for them.
fn move_metadata(attributes: &mut Attributes) {
    const PREFIX: &str = "ai.telemetry.metadata.";
    if !attributes.may_begin_with(PREFIX) {
        return;
    }
    let found = attributes.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(PREFIX)?.to_owned();
        Some((name, json::text(json::value(value))?))
    });
    let found = found.collect();
    attributes.supply_texts("vercel.ai.telemetry.metadata.", found);
}
