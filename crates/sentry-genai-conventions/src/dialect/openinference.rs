//! OpenInference: flattened messages, and a kind for every span.

mod autogen;
mod beeai;
mod copies;
mod crewai;
mod decisions;
mod google;
mod haystack;
mod llama_index;
mod messages;
mod names;
mod nemo;
mod payload;
mod providers;
mod realtime;
mod requests;
mod smolagents;

use serde_json::{Value, json};

use super::{
    ARGUMENTS, Dialect, OperationKind, Override, RESULT, aliases, bedrock, first_chunk,
    has_known_operation, indexed, is_hook_around_agent,
    json::{self, Object},
    kind_of, langsmith, litellm,
    pydantic_ai::PYDANTIC_AI,
    tool_answer, usage, vercel,
};
use crate::{Attributes, SourceSpan, content, tokens};

pub(super) use messages::is_object_repr;

pub(super) static OPENINFERENCE: Dialect = Dialect {
    name: "openinference",
    recognises: |span| span.attributes.contains(KIND),
    #[rustfmt::skip]
    aliases: &aliases([
        ("agent.name", "gen_ai.agent.name"),
        // OpenInference's conventions list this as a span attribute, and its crate for Rust records it as one.
        ("exception.type", "error.type"),
        ("llm.cost.completion", "gen_ai.cost.output_tokens"),
        ("llm.cost.prompt", "gen_ai.cost.input_tokens"),
        ("llm.cost.total", "gen_ai.cost.total_tokens"),
        ("llm.finish_reason", "gen_ai.response.finish_reasons"),
        ("llm.request.model_name", "gen_ai.request.model"),
        ("llm.response.finish_reasons", "gen_ai.response.finish_reasons"),
        ("llm.response.id", "gen_ai.response.id"),
        ("llm.response.model", "gen_ai.response.model"),
        ("llm.response.model_name", "gen_ai.response.model"),
        ("llm.system", "gen_ai.provider.name"),
        ("llm.provider", "gen_ai.provider.name"),
        ("llm.token_count.completion", "gen_ai.usage.output_tokens"),
        ("llm.token_count.completion_details.reasoning", "gen_ai.usage.reasoning.output_tokens"),
        ("llm.token_count.prompt", "gen_ai.usage.input_tokens"),
        ("llm.token_count.prompt_details.cache_input", "gen_ai.usage.cache_creation.input_tokens"),
        ("llm.token_count.prompt_details.cache_read", "gen_ai.usage.cache_read.input_tokens"),
        ("llm.token_count.prompt_details.cache_write", "gen_ai.usage.cache_creation.input_tokens"),
        ("llm.token_count.total", "gen_ai.usage.total_tokens"),
        ("reranker.model_name", "gen_ai.request.model"),
        ("tool.description", "gen_ai.tool.description"),
        ("tool.id", "gen_ai.tool.call.id"),
        ("tool.name", "gen_ai.tool.name"),
        ("tool_call.id", "gen_ai.tool.call.id"),
    ]),
    noise: &[
        "embedding.invocation_parameters",
        "input.mime_type",
        INVOCATION_PARAMETERS,
        OUTPUT_MIME_TYPE,
    ],
    operation,
    adjust,
};

const KIND: &str = "openinference.span.kind";

/// The keys of the whole request and the whole response.
const INPUT_VALUE: &str = "input.value";
const OUTPUT_VALUE: &str = "output.value";
const OUTPUT_MIME_TYPE: &str = "output.mime_type";

/// The prefixes of flattened messages.
const INPUT_MESSAGES: &str = "llm.input_messages.";
const OUTPUT_MESSAGES: &str = "llm.output_messages.";

const MODEL_NAME: &str = "llm.model_name";
const INVOCATION_PARAMETERS: &str = "llm.invocation_parameters";

/// The scope of its instrumentation of Claude's agents.
pub(super) const CLAUDE_AGENT_SDK: &str = "openinference.instrumentation.claude_agent_sdk";

/// Its older instrumentation of Instructor, which takes the work around a model call for tools.
const INSTRUCTOR: &str = "openinference.instrumentation.instructor";

/// Claude Code's placeholder for the model if it answers by itself, as after a failure.
const SYNTHETIC_MODEL: &str = "<synthetic>";

fn operation(span: &SourceSpan) -> Override {
    let kind = kind_of(span, KIND).unwrap_or_default();
    match &*kind {
        _ if beeai::is_event(span) => Override::Plain,
        "llm" if span.name.ends_with(llama_index::PREPARE_REQUEST) => Override::Plain,
        "llm" if requests::calls_no_model(span) || haystack::is_prompt_builder(span) => {
            Override::Plain
        }
        "llm" if bedrock::uses_embedding_model(span, MODEL_NAME) => Override::To("embeddings"),
        "llm" => {
            requests::non_chat_operation(span).unwrap_or(Override::To(if is_completion(span) {
                "text_completion"
            } else {
                "chat"
            }))
        }
        "embedding" => Override::To("embeddings"),
        "agent"
            if is_trace(span)
                || is_hook_around_agent(&span.name)
                || requests::is_interaction_lookup(span) =>
        {
            Override::Plain
        }
        "agent" => Override::To("invoke_agent"),
        "tool" if span.scope == INSTRUCTOR => Override::Plain,
        "tool" if handoff_target(&span.name).is_some() => Override::To("handoff"),
        "tool" => Override::To("execute_tool"),
        "reranker" => Override::To("rerank"),
        "decision" => Override::To("decide"),
        "chain"
            if is_langchain_agent_run(span)
                || haystack::is_agent(span)
                || llama_index::is_agent_run(span) =>
        {
            Override::To("invoke_agent")
        }
        // `CHAIN` is the kind of everything that has no better one, so an operation is more specific.
        "chain" if has_known_operation(span) => Override::None,
        _ => Override::Plain,
    }
}

/// Recognises the run of one of LangChain's agents, which JavaScript's instrumentation reports as a chain with the agent's name.
fn is_langchain_agent_run(span: &SourceSpan) -> bool {
    let metadata = span.attributes.text("metadata");
    // Most chains are ruled out without parsing the JSON.
    metadata.is_some_and(|text| text.contains(LANGCHAIN_AGENT))
        && json::object(&span.attributes, "metadata")
            .is_some_and(|metadata| metadata.get(LANGCHAIN_AGENT) == Some(&json!(span.name)))
}

/// LangChain's name of an agent in the metadata.
const LANGCHAIN_AGENT: &str = "lc_agent_name";

fn is_completion(span: &SourceSpan) -> bool {
    matches!(&*span.name, "Completion" | "OpenAI Completions")
        || span
            .attributes
            .contains_any(&["llm.prompts.0.prompt.text", "llm.choices.0.completion.text"])
        // LlamaIndex completes texts by chats.
        || span.scope.ends_with("langchain") && span.attributes.contains("llm.prompts")
}

/// Recognises the span around the whole trace of OpenAI's agents, which is not an agent.
fn is_trace(span: &SourceSpan) -> bool {
    is_of_openai_agents(span) && !(span.attributes).contains_any(&["graph.node.id", "agent.name"])
}

/// Returns whether a span is from OpenAI's agents, in Python or in JavaScript.
fn is_of_openai_agents(span: &SourceSpan) -> bool {
    ["openai_agents", "openai-agents"]
        .iter()
        .any(|end| span.scope.ends_with(end))
}

fn handoff_target(name: &str) -> Option<&str> {
    name.strip_prefix("handoff to ")
}

/// What is particular to the libraries that OpenInference instruments.
static LIBRARIES: [fn(&mut SourceSpan, OperationKind); 10] = [
    google::adjust,
    names::adjust,
    nemo::adjust,
    smolagents::adjust,
    autogen::adjust,
    beeai::adjust,
    crewai::adjust,
    haystack::adjust,
    llama_index::adjust,
    realtime::adjust,
];

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if span.attributes.text(MODEL_NAME) == Some(SYNTHETIC_MODEL) {
        span.attributes.remove(MODEL_NAME);
    }
    copies::remove(span);
    messages::remove_hidden(&mut span.attributes);
    decisions::rename(span);
    adjust_processed(span, kind);
    name_handoff_target(span, kind);
    for adjust_library in LIBRARIES {
        adjust_library(span, kind);
    }
    providers::prefer_host(&mut span.attributes);
    read_first_token_event(span);
    read_metadata(&mut span.attributes, kind);
    if kind == OperationKind::Plain {
        return;
    }
    if kind == OperationKind::Call {
        requests::adjust(span);
    }
    // What OpenAI's agents call a generation is described by its request, from which a stream's answer has the model, too.
    if is_of_openai_agents(span) && span.name == "generation" {
        span.attributes.rename(MODEL_NAME, "gen_ai.request.model");
    }
    name_models(&mut span.attributes, kind);
    if requests::is_litellm(span) {
        litellm::split_provider_from_model(&mut span.attributes);
    }
    read_prompt_variables(&mut span.attributes);
    match kind {
        OperationKind::Embeddings => read_embedding_input(&mut span.attributes),
        OperationKind::Tool => read_tool(&mut span.attributes),
        OperationKind::Call | OperationKind::Agent => read_messages(span, kind),
        OperationKind::Other | OperationKind::Plain => {}
    }
}

/// Adjusts a span that another library made and OpenInference's processor translated.
fn adjust_processed(span: &mut SourceSpan, kind: OperationKind) {
    if span.scope == vercel::VERSION_7_SCOPE {
        vercel::clear_copied_failure(span);
    }
    // The processor keeps pydantic-ai's own attributes, which say more.
    if (PYDANTIC_AI.recognises)(span) {
        PYDANTIC_AI.apply(span, kind);
    }
}

fn name_handoff_target(span: &mut SourceSpan, kind: OperationKind) {
    if let Some(to) = handoff_target(&span.name)
        && kind == OperationKind::Other
    {
        let to = to.to_owned();
        span.attributes.supply("gen_ai.handoff.to_agent", to);
    }
}

/// Reads the messages of a model call or an agent, and the finish reason that only the answer states.
fn read_messages(span: &mut SourceSpan, kind: OperationKind) {
    let is_of_openai_agents = is_of_openai_agents(span);
    let attributes = &mut span.attributes;
    // Older versions have no other finish reason, all have only that of the first choice, and the instrumentation of OpenAI's
    // agents reports that everything completed has stopped.
    if kind == OperationKind::Call
        && (is_of_openai_agents
            || !attributes.contains("llm.finish_reason")
            || payload::asks_for_choices(attributes))
    {
        content::extract_finish_reasons(attributes, OUTPUT_VALUE);
    }
    if payload::may_be_incomplete(&span.scope) {
        payload::prefer_to_flattened(attributes);
    }
    // In OpenAI's agents for JavaScript, earlier reasoning is an item without a role.
    if is_of_openai_agents {
        payload::read_counts_of_stream(attributes);
        payload::prefer_items(attributes);
        messages::read(attributes, "assistant");
    } else {
        messages::read(attributes, "user");
    }
}

/// Reads the session, and the provider, which LangChain's instrumentation for JavaScript names in the metadata.
fn read_metadata(attributes: &mut Attributes, kind: OperationKind) {
    if let Some(metadata) = json::object(attributes, "metadata") {
        litellm::read_session(attributes, &metadata);
        if kind == OperationKind::Call && !attributes.contains_any(&["llm.system", "llm.provider"])
        {
            let provider = metadata.get("ls_provider");
            json::put_scalar(attributes, "gen_ai.provider.name", provider);
        }
    }
}

fn read_prompt_variables(attributes: &mut Attributes) {
    if let Some(variables) = json::object(attributes, "llm.prompt_template.variables") {
        let texts = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name, json::text(value)?)));
        attributes.supply_texts("gen_ai.prompt.variable.", texts.collect());
        attributes.remove("llm.prompt_template.variables");
    }
}

fn read_tool(attributes: &mut Attributes) {
    // LangChain's instrumentation records the repr of the arguments.
    if (attributes.text(INPUT_VALUE)).is_some_and(|text| text.starts_with("{'")) {
        json::rename(attributes, INPUT_VALUE, ARGUMENTS);
    }
    attributes.rename(INPUT_VALUE, ARGUMENTS);
    if let Some(result) = json::read(attributes, OUTPUT_VALUE) {
        if let Some(id) = tool_answer::call_id_of(&result)
            && !attributes.contains_any(&["tool.id", "tool_call.id"])
        {
            attributes.supply("gen_ai.tool.call.id", id);
        }
        json::put(attributes, RESULT, tool_answer::content_of(result));
    }
    attributes.rename(OUTPUT_VALUE, RESULT);
}

/// Computes the time to the first token from an event.
fn read_first_token_event(span: &mut SourceSpan) {
    let first = span
        .events
        .iter()
        .find(|event| event.name == "First Token Stream Event")
        .and_then(|event| event.time);
    if let Some(first) = first {
        first_chunk::supply(span, first);
    }
}

/// Returns whether this is a provider's whole response rather than the model's answer inside it.
fn is_response(answer: &json::Object) -> bool {
    let is_text = |key, text| answer.get(key).and_then(Value::as_str) == Some(text);
    answer.contains_key("object")
        || answer.contains_key("choices")
        || is_text("role", "assistant")
        || answer.get("usage").is_some_and(Value::is_object)
}

/// Names the models. `llm.model_name` is that of the request until the response names its own. The parameters state the requested
/// one.
fn name_models(attributes: &mut Attributes, kind: OperationKind) {
    read_parameters(attributes);
    // JavaScript's instrumentation takes the second word in the id of a Bedrock inference profile for the model, but that is the
    // maker.
    let maker = attributes.text("llm.system").map(str::to_owned);
    let is_maker = maker.is_some() && attributes.text(MODEL_NAME) == maker.as_deref();
    if is_maker {
        attributes.remove(MODEL_NAME);
        let request = json::object(attributes, INPUT_VALUE);
        let model = request.as_ref().and_then(|request| request.get("modelId"));
        json::put_scalar(attributes, "gen_ai.request.model", model);
    }
    // A text is what the model said, even if that looks like a response.
    let is_text = attributes.text(OUTPUT_MIME_TYPE) == Some("text/plain");
    let answer =
        json::object(attributes, OUTPUT_VALUE).filter(|_| kind == OperationKind::Call && !is_text);
    let answer_model = answer
        .as_ref()
        .and_then(|answer| read_answer(attributes, answer));
    let names_model = |answer| is_maker || is_response(answer);
    if let Some(model) = answer_model.filter(|_| answer.as_ref().is_some_and(names_model))
        && attributes.text(MODEL_NAME) != Some(model)
    {
        attributes.supply("gen_ai.response.model", model);
    }
    // If the answer does not name its model, this is the requested one.
    let has_answer = attributes.contains("llm.token_count.completion")
        && answer_model.is_some_and(|model| attributes.text(MODEL_NAME) == Some(model));
    for key in [MODEL_NAME, "embedding.model_name"] {
        let has_request_model =
            attributes.contains_any(&["gen_ai.request.model", "llm.request.model_name"]);
        let is_response = kind == OperationKind::Call && has_answer || has_request_model;
        attributes.rename(
            key,
            if is_response {
                "gen_ai.response.model"
            } else {
                "gen_ai.request.model"
            },
        );
    }
}

/// Reads the parameters of a request.
fn read_parameters(attributes: &mut Attributes) {
    let parameters = [INVOCATION_PARAMETERS, "embedding.invocation_parameters"]
        .into_iter()
        .find_map(|key| json::object(attributes, key));
    if let Some(mut parameters) = parameters {
        // The instrumentation of OpenAI's agents records the whole response here.
        let is_response = parameters.contains_key("created_at");
        if is_response {
            json::put_scalar(attributes, "gen_ai.response.id", parameters.get("id"));
            parameters.remove("model");
        }
        json::put_parameters(attributes, &parameters);
    }
}

/// Reads the id and the counts of an answer, and returns the model that it names.
fn read_answer<'a>(attributes: &mut Attributes, answer: &'a Object) -> Option<&'a str> {
    langsmith::read_langchain_response(attributes, answer);
    // JSON that a model was told to answer with may have an id and a model, too.
    if let Some(id) = answer.get("id").filter(|_| is_response(answer)) {
        json::put_scalar(attributes, "gen_ai.response.id", id);
    }
    if let Some(Value::Object(usage)) = answer.get("usage") {
        add_uncounted_cache(attributes, usage);
        put_missing_counts(attributes, usage);
    }
    let model = answer.get("model").or_else(|| answer.get("model_version"));
    model.and_then(Value::as_str)
}

/// Adds the cache to the input if that is what Anthropic calls input, as in the first versions for JavaScript.
fn add_uncounted_cache(attributes: &mut Attributes, usage: &Object) {
    const PROMPT: &str = "llm.token_count.prompt";

    let count = |key| usage.get(key).and_then(Value::as_i64);
    let input = count("input_tokens");
    let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"].map(count);
    let cached = cached.into_iter().flatten().fold(0, i64::saturating_add);
    if let Some(input) = input.filter(|_| cached > 0)
        && attributes.integer(PROMPT) == Some(input)
    {
        attributes.set(PROMPT, input.saturating_add(cached));
        attributes.remove("llm.token_count.total");
    }
}

/// Appends counts that only the answer has: that of the cache for Bedrock, and all counts for an image.
fn put_missing_counts(attributes: &mut Attributes, usage: &Object) {
    /// The instrumentation's key for each count, the canonical key, and whether the count is part of another one.
    #[rustfmt::skip]
    const COUNT_KEYS: [(&str, &str, bool); 6] = [
        ("llm.token_count.prompt", tokens::INPUT, false),
        ("llm.token_count.completion", tokens::OUTPUT, false),
        ("llm.token_count.total", tokens::TOTAL, false),
        ("llm.token_count.prompt_details.cache_read", tokens::CACHE_READ, true),
        ("llm.token_count.prompt_details.cache_write", tokens::CACHE_CREATION, true),
        ("llm.token_count.completion_details.reasoning", tokens::REASONING, true),
    ];

    let has_counts = COUNT_KEYS
        .iter()
        .any(|(own, _, is_part)| !is_part && attributes.contains(own));
    let mut counted = Attributes::default();
    usage::put(&mut counted, usage);
    for (own, key, is_part) in COUNT_KEYS {
        if let Some(count) = counted.integer(key)
            && !attributes.contains(own)
            && (is_part || !has_counts)
        {
            attributes.supply(key, count);
        }
    }
}

fn read_embedding_input(attributes: &mut Attributes) {
    if let Some(Value::Array(items)) = indexed::take(attributes, "embedding.embeddings.") {
        let texts = items
            .into_iter()
            .filter_map(|mut item| Some(item.get_mut("embedding")?.get_mut("text")?.take()));
        let texts = json::list_or_single(texts.collect());
        if texts != json!([]) {
            json::put(attributes, "gen_ai.embeddings.input", texts);
        }
    }
    // If tokens were embedded in place of texts, only the request has them. Bedrock's instrumentation records the request as
    // parameters. Titan calls the field `inputText`, Cohere calls it `texts`.
    for key in [INPUT_VALUE, INVOCATION_PARAMETERS] {
        if let Some(mut request) = json::object(attributes, key)
            && let Some(input) = ["input", "inputText", "texts"]
                .iter()
                .find_map(|name| request.remove(*name))
        {
            json::put(attributes, "gen_ai.embeddings.input", input);
        }
    }
    // Bedrock's instrumentation records the texts to embed and the result as messages.
    attributes.remove_prefix(INPUT_MESSAGES);
    attributes.remove_prefix(OUTPUT_MESSAGES);
    if let Some(answer) = json::object(attributes, OUTPUT_VALUE)
        && let Some(count) = answer
            .get("inputTextTokenCount")
            .filter(|count| count.is_number())
        && !attributes.contains("llm.token_count.prompt")
    {
        json::put_scalar(attributes, tokens::INPUT, count);
    }
    attributes.rename(INPUT_VALUE, "gen_ai.embeddings.input");
    attributes.remove(OUTPUT_VALUE);
}
