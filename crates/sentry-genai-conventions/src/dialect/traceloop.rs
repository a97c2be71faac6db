//! OpenLLMetry and Traceloop's SDK: flattened messages in the first generation and the conventions' messages in the second. Both
//! have workflows, agents, tools and tasks.

mod blocks;
mod flattened;
mod frameworks;
mod javascript;
mod tools;

use serde_json::Value;

pub(super) use flattened::{messages_from_flattened, put_definitions};
pub(super) use tools::text_output;

use super::{
    ARGUMENTS, CREWAI, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT,
    aliases, bedrock, first_chunk, has_known_operation, has_prefix, indexed, is_stream_method,
    json, kind_of, mcp, tool_answer, usage,
};
use crate::{
    Attributes, Scalar, SourceSpan, SourceStatus, content::FINISH_REASONS, messages, status, tokens,
};

pub(super) static TRACELOOP: Dialect = Dialect {
    name: "traceloop",
    recognises,
    #[rustfmt::skip]
    aliases: &aliases([
        // The leader of a team is an agent that has no span of its own.
        (AGNO_TEAM, "gen_ai.agent.name"),
        ("crewai.agent.tools", DEFINITIONS),
        ("gen_ai.openai.api_base", "server.address"),
        ("gen_ai.request.streaming", "gen_ai.response.streaming"),
        ("gen_ai.streaming.time_to_first_token", "gen_ai.response.time_to_first_chunk"),
        ("gen_ai.user", "user.id"),
        ("llm.chat.stop_sequences", "gen_ai.request.stop_sequences"),
        ("llm.frequency_penalty", "gen_ai.request.frequency_penalty"),
        ("llm.is_streaming", "gen_ai.response.streaming"),
        ("llm.presence_penalty", "gen_ai.request.presence_penalty"),
        ("llm.request.model", "gen_ai.request.model"),
        (REASONING_EFFORT, "gen_ai.request.reasoning.level"),
        ("llm.response.finish_reason", "gen_ai.response.finish_reasons"),
        ("llm.response.model", "gen_ai.response.model"),
        ("llm.response.stop_reason", "gen_ai.response.finish_reasons"),
        ("llm.top_k", "gen_ai.request.top_k"),
        ("llm.usage.cache_creation_input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        ("llm.usage.cache_read_input_tokens", "gen_ai.usage.cache_read.input_tokens"),
        ("llm.usage.completion_tokens", tokens::OUTPUT),
        ("llm.usage.prompt_tokens", tokens::INPUT),
        ("llm.usage.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens"),
        ("llm.usage.total_tokens", "gen_ai.usage.total_tokens"),
        ("llm.user", "user.id"),
        ("llm.vendor", "gen_ai.provider.name"),
        ("traceloop.association.properties.lc_agent_name", "gen_ai.agent.name"),
        ("tool.description", "gen_ai.tool.description"),
        ("traceloop.association.properties.user_id", "user.id"),
        ("traceloop.workflow.name", "gen_ai.pipeline.name"),
    ]),
    noise: &[
        "gen_ai.headers",
        "gen_ai.task.input",
        "gen_ai.task.output",
        "llm.headers",
    ],
    operation,
    adjust,
};

/// Names of spans that claim to be model calls: a connection to OpenAI's Realtime API, whose answers have spans of their own, and
/// watsonx's model before it is called.
const NO_CALLS: [&str; 3] = [
    "openai.session",
    "watsonx.get_details",
    "watsonx.model_init",
];

/// The name of a request to an endpoint of SageMaker's, whose request and answer may have any format.
const SAGEMAKER: &str = "sagemaker.completion";

/// The names of the event of each chunk of a stream.
const CHUNK_EVENTS: [&str; 2] = [
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
];

const REASONING_EFFORT: &str = "llm.request.reasoning_effort";
const SPAN_KIND: &str = "traceloop.span.kind";
const ENTITY_NAME: &str = "traceloop.entity.name";
const ENTITY_INPUT: &str = "traceloop.entity.input";
const ENTITY_OUTPUT: &str = "traceloop.entity.output";
const AGNO_TEAM: &str = "agno.team.name";
const VERTEX: &str = "vertexai";
const REPLICATE: &str = ".replicate";
const GEMINI: &str = "google_generativeai";
const LANGCHAIN_PROVIDER: &str = "traceloop.association.properties.ls_provider";

fn recognises(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let may_have = |prefix| attributes.may_begin_with(prefix);
    is_own_scope(&span.scope)
        || (may_have("traceloop.") || may_have("llm.") || may_have("gen_ai."))
            && attributes.iter().any(|(key, _)| {
                let is_indexed = |prefix| indexed::path(key, prefix).is_some();
                key.starts_with("traceloop.")
                    || matches!(key, "llm.request.type" | "llm.is_streaming")
                    || key == "llm.usage.total_tokens" && !names_model_by_hand(attributes)
                    || is_indexed("gen_ai.prompt.")
                    || is_indexed("gen_ai.completion.")
            })
}

/// Recognises keys for a model that OpenLLMetry has never used.
fn names_model_by_hand(attributes: &Attributes) -> bool {
    attributes.contains_any(&["llm.model", "llm.model_name", "llm.request.model"])
}

/// Returns whether a scope is one of OpenLLMetry's own. OpenTelemetry's instrumentations have similar scopes.
fn is_own_scope(scope: &str) -> bool {
    matches!(scope, "traceloop.tracer" | "Traceloop")
        || scope.starts_with(CREWAI)
        || scope.starts_with("@traceloop/")
        || matches!(
            scope.strip_prefix("opentelemetry.instrumentation."),
            Some("anthropic" | "bedrock" | GEMINI | "langchain" | "openai.v0" | "openai.v1")
        )
}

fn operation(span: &SourceSpan) -> Override {
    if NO_CALLS.contains(&&*span.name) {
        return Override::Plain;
    }
    if bedrock::uses_embedding_model(span, "gen_ai.request.model") {
        return Override::To("embeddings");
    }
    // AgentOps has another name for it.
    let request = (span.attributes).first_text(&["llm.request.type", "gen_ai.request.type"]);
    match kind_of(span, SPAN_KIND).as_deref() {
        // LlamaIndex's tasks are the model calls themselves.
        Some("workflow" | "task") if request.is_some() => {}
        // Newer versions follow OpenTelemetry's conventions and have an operation instead of a request type.
        Some("workflow" | "task")
            if span.scope == tools::LLAMA_INDEX && has_known_operation(span) =>
        {
            return Override::None;
        }
        Some("task") if javascript::is_tool(span) || tools::is_llama_index_call(span) => {
            return Override::To("execute_tool");
        }
        Some("workflow")
            if frameworks::llama_index_agent(span).is_some()
                || span.attributes.contains(AGNO_TEAM) =>
        {
            return Override::To("invoke_agent");
        }
        // The instrumented library may call the run of any chain an agent. The agent itself has a span below.
        Some("workflow" | "task") => return Override::Plain,
        // A crew is not an agent. Each of its agents has its own span.
        None if span.name == "crewai.workflow" => return Override::Plain,
        _ if has_known_operation(span) || span.attributes.contains(mcp::METHOD_NAME) => {
            return Override::None;
        }
        Some("agent") => return Override::To("invoke_agent"),
        Some("tool") => return Override::To("execute_tool"),
        Some("handoff") => return Override::To("handoff"),
        Some(_) => return Override::Plain,
        None => {}
    }
    match request {
        Some("chat" | "response") => Override::To("chat"),
        Some("completion") if span.scope.ends_with(VERTEX) => Override::To("generate_content"),
        Some("completion") if is_chat(span) => Override::To("chat"),
        Some("completion") => Override::To("text_completion"),
        Some("embedding") => Override::To("embeddings"),
        Some("rerank") => Override::To("rerank"),
        Some(_) => Override::Plain,
        None if span.attributes.contains("gen_ai.operation.name") => Override::None,
        None => operation_by_span_name(span),
    }
}

/// Returns whether a completion is a chat. Anthropic's chats also have the type `completion`.
fn is_chat(span: &SourceSpan) -> bool {
    span.name.ends_with(".chat")
        || javascript::is_bedrock_conversation(span)
        || span.attributes.contains("gen_ai.prompt.0.role")
        || span.attributes.contains(INPUT)
}

/// Determines the operation from the name, which is all that the first generation's embeddings and responses have, and Bedrock's
/// failed calls.
fn operation_by_span_name(span: &SourceSpan) -> Override {
    match &*span.name {
        _ if javascript::is_bedrock_conversation(span) => Override::To("chat"),
        "bedrock.completion" => Override::To("text_completion"),
        "bedrock.converse" => Override::To("chat"),
        "openai.embeddings" => Override::To("embeddings"),
        "openai.response" | "openai.responses" => Override::To("chat"),
        SAGEMAKER => Override::To("text_completion"),
        name if name.ends_with(".chat") && span.attributes.contains("llm.request.model") => {
            Override::To("chat")
        }
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    // If there is none, the value is an empty tuple.
    if !matches!(
        span.attributes.get(REASONING_EFFORT),
        Some(crate::Value::Str(_))
    ) {
        span.attributes.remove(REASONING_EFFORT);
    }
    if kind == OperationKind::Tool {
        if javascript::is_tool(span) {
            javascript::name_tool(&mut span.attributes);
        }
        tools::unwrap_result(span);
    }
    name_entity(span, kind);
    rename_span(span);
    read_error_reason(span);
    if span.scope == "@traceloop/instrumentation-openai" {
        javascript::restore_items(&mut span.attributes);
    }
    blocks::restore(span);
    if [GEMINI, VERTEX].iter().any(|it| span.scope.ends_with(it)) {
        usage::derive_reasoning(&mut span.attributes);
    }
    name_provider(span);
    if span.scope.ends_with(REPLICATE) {
        join_pieces(&mut span.attributes);
    }
    flattened::read_messages(span);
    // The latter is AgentOps's.
    for prefix in ["llm.request.functions.", "gen_ai.request.functions."] {
        put_definitions(&mut span.attributes, prefix);
    }
    read_entity(span, kind);
    if kind == OperationKind::Call {
        if is_stream_method(&span.name) {
            span.attributes.supply("gen_ai.response.streaming", true);
        }
        read_first_chunk_event(span);
        read_failed_response(span);
        frameworks::read_llama_index_function(span);
        if is_bedrock(span) || javascript::is_anthropic(span) {
            tokens::add_cache(&mut span.attributes);
        }
    }
}

fn is_bedrock(span: &SourceSpan) -> bool {
    span.scope.ends_with(".bedrock")
}

/// Names an agent or a tool.
fn name_entity(span: &mut SourceSpan, kind: OperationKind) {
    let key = match kind {
        OperationKind::Tool => "gen_ai.tool.name",
        OperationKind::Agent => "gen_ai.agent.name",
        _ => return,
    };
    if let Some(entity) = entity_name(span, kind).map(str::to_owned) {
        span.attributes.supply(key, entity);
    }
}

/// Names who runs the model. In the first generation, Bedrock's and Vertex's spans name the maker instead.
fn name_provider(span: &mut SourceSpan) {
    if span.scope.ends_with(VERTEX) && span.attributes.remove("gen_ai.system") {
        span.attributes.set("gen_ai.provider.name", "gcp.vertex_ai");
    }
    replace_framework_provider(&mut span.attributes);
    if is_bedrock(span) && span.attributes.remove("gen_ai.system") {
        span.attributes.set("gen_ai.provider.name", "aws.bedrock");
    }
}

/// Joins the pieces of an answer, each of which Replicate's instrumentation records as an answer. The images of an answer, which are
/// addresses, stay apart.
fn join_pieces(attributes: &mut Attributes) {
    const COMPLETION: &str = "gen_ai.completion.";

    let is_piece = |text: &str| !text.starts_with("https://") && !text.starts_with("data:");
    let pieces = indexed::take(attributes, COMPLETION);
    let Some(Value::Array(pieces)) = pieces else {
        return;
    };
    let texts = pieces.iter().map(|piece| piece["content"].as_str());
    if let Some(texts) = texts.collect::<Option<Vec<_>>>()
        && texts.iter().all(|text| is_piece(text))
    {
        json::put(attributes, OUTPUT, texts.concat().into());
    } else {
        json::put(attributes, OUTPUT, pieces.into());
    }
}

/// Reads the input and the output of an agent or a tool.
fn read_entity(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Tool => {
            let mut call_id = None;
            json::rename_unwrapped(attributes, ENTITY_OUTPUT, RESULT, |answer| {
                call_id = tool_answer::call_id_of(&answer).map(str::to_owned);
                tool_answer::content_of(answer)
            });
            json::rename_unwrapped(attributes, ENTITY_INPUT, ARGUMENTS, |call| {
                // Of a tool of LangChain's that fails, only the input has the id.
                let id = call.pointer("/kwargs/tool_call_id").and_then(Value::as_str);
                call_id = call_id.take().or_else(|| id.map(str::to_owned));
                unwrap_arguments(call)
            });
            if let Some(id) = call_id {
                attributes.supply("gen_ai.tool.call.id", id);
            }
        }
        OperationKind::Call if span.name == SAGEMAKER => {
            kind.rename_content(attributes, ENTITY_INPUT, ENTITY_OUTPUT);
        }
        OperationKind::Agent => {
            json::rename_unwrapped(attributes, ENTITY_INPUT, INPUT, unwrap_arguments);
            json::rename_unwrapped(attributes, ENTITY_OUTPUT, OUTPUT, |value| value);
        }
        // A workflow's name is also recorded as an agent's name, even if there is no agent.
        OperationKind::Plain if attributes.text(SPAN_KIND) == Some("workflow") => {
            attributes.remove("gen_ai.agent.name");
        }
        _ => {}
    }
}

/// Renames spans whose name contains the prompt or an id.
fn rename_span(span: &mut SourceSpan) {
    // Otherwise the name includes the task in the words of the prompt.
    if span.name.ends_with(".task") && is_crewai(span) {
        span.name = "crewai.task".into();
    }
    // JavaScript's SDK puts a whole conversation into a workflow that is named after its id.
    if let Some(id) = span.attributes.text("gen_ai.conversation.id")
        && span
            .name
            .strip_prefix("conversation.")
            .and_then(|rest| rest.strip_prefix(id))
            == Some(".workflow")
    {
        span.name = "conversation.workflow".into();
    }
}

/// Returns the name of a span's agent or tool. CrewAI's agents have it only in the name of the span.
fn entity_name(span: &SourceSpan, kind: OperationKind) -> Option<&str> {
    let name_of_crewai_agent = || {
        let name = span.name.strip_suffix(".agent")?.trim();
        (kind == OperationKind::Agent && is_crewai(span) && !name.is_empty()).then_some(name)
    };
    (frameworks::llama_index_agent(span))
        .or_else(|| span.attributes.text(ENTITY_NAME))
        .or_else(name_of_crewai_agent)
}

fn is_crewai(span: &SourceSpan) -> bool {
    span.scope.starts_with(CREWAI) || has_prefix(span, "crewai.")
}

/// Replaces a framework as the provider with the model's provider, which the metadata states.
fn replace_framework_provider(attributes: &mut Attributes) {
    for key in ["gen_ai.provider.name", "gen_ai.system"] {
        if let Some(name) = attributes.text(key)
            && name.to_ascii_lowercase().starts_with("lang")
            && let Some(model_provider) = attributes.text(LANGCHAIN_PROVIDER).map(str::to_owned)
        {
            attributes.remove(key);
            attributes.supply("gen_ai.provider.name", model_provider);
        }
    }
}

/// Extracts the reason from an error of OpenAI's agents: `{'message': 'Error running tool', 'data': {'error': 'timeout'}}`.
fn read_error_reason(span: &mut SourceSpan) {
    let SourceStatus::Error(Some(description)) = &mut span.status else {
        return;
    };
    if !description.starts_with("{'message': ") {
        return;
    }
    let Some(error) = messages::read_json(description) else {
        return;
    };
    if let Some(message) = error["message"].as_str() {
        *description = match error["data"]["error"].as_str() {
            Some(reason) => format!("{message}: {reason}"),
            None => message.to_owned(),
        };
    }
}

/// Computes the time to the first chunk from the events that mark the chunks of a stream. OpenTelemetry's SDK keeps the last ones
/// if there are too many.
fn read_first_chunk_event(span: &mut SourceSpan) {
    if span.attributes.contains("otel.dropped_events_count") {
        return;
    }
    let first = (span.events.iter()).find(|event| CHUNK_EVENTS.contains(&&*event.name));
    if let Some(first) = first.and_then(|event| event.time) {
        first_chunk::supply(span, first);
    }
}

/// Marks a call as failed whose stream ended as it should, with the report that the response has failed.
fn read_failed_response(span: &mut SourceSpan) {
    let has_failed = matches!(
        span.attributes.get(FINISH_REASONS),
        Some(crate::Value::Array([Scalar::Str(reason)])) if reason == "error"
    );
    if has_failed && !status::is_reported_as_failed(span) {
        span.status = SourceStatus::Error(None);
    }
}

/// Extracts the arguments from a Python call, a LangChain run or an MCP request.
pub(super) fn unwrap_arguments(value: Value) -> Value {
    let Value::Object(mut call) = value else {
        return value;
    };
    if call.contains_key("kwargs") && (call.contains_key("args") || call.len() == 1) {
        return match (json::has(&call, "args"), json::has(&call, "kwargs")) {
            (false, _) => call.remove("kwargs").unwrap_or_default(),
            (true, true) => Value::Object(call),
            (true, false) => match call.remove("args") {
                Some(Value::Array(mut items)) if items.len() == 1 => items.remove(0),
                items => items.unwrap_or_default(),
            },
        };
    }
    // A single argument holds all arguments as text.
    if call.len() == 1
        && let Some(Value::Array(items)) = call.get_mut("args")
        && let [Value::String(text)] = items.as_mut_slice()
    {
        return messages::read_json(text).unwrap_or_else(|| std::mem::take(text).into());
    }
    if call.contains_key("tool_name")
        && let Some(arguments) = call.remove("arguments")
    {
        return arguments;
    }
    // A LangChain run.
    if json::has(&call, "input_str") {
        if let Some(inputs @ Value::Object(_)) = call.remove("inputs") {
            return inputs;
        }
        let text = call.remove("input_str");
        let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
        return messages::read_json(text).unwrap_or_else(|| text.into());
    }
    Value::Object(call)
}
