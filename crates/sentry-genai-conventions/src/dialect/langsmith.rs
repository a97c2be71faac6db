//! LangSmith over OpenTelemetry: JSON texts for input and output, and metadata.

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, aliases, indexed, json, json::Object, kind_of,
    logfire, name_as_span, tool_answer, usage,
};
use crate::{
    Attributes, SourceEvent, SourceSpan, SourceStatus, content::FINISH_REASONS, stack_trace,
};

pub(super) static LANGSMITH: Dialect = Dialect {
    name: "langsmith",
    recognises: |span| span.attributes.contains(SPAN_KIND),
    #[rustfmt::skip]
    aliases: &aliases([
        (AGENT_NAME, "gen_ai.agent.name"),
        ("langsmith.metadata.ls_provider", "gen_ai.provider.name"),
        ("langsmith.metadata.ls_model_name", "gen_ai.request.model"),
        ("langsmith.metadata.ls_temperature", "gen_ai.request.temperature"),
        ("langsmith.metadata.ls_max_tokens", "gen_ai.request.max_tokens"),
        ("langsmith.metadata.user_id", "user.id"),
        ("gen_ai.response.service_tier", "openai.response.service_tier"),
        ("gen_ai.response.system_fingerprint", "openai.response.system_fingerprint"),
    ]),
    noise: &[
        "langsmith.metadata.LANGSMITH_*",
        "langsmith.metadata.LANGCHAIN_*",
        "langsmith.metadata.usage_metadata",
        "gen_ai.usage.input_token_details",
        "gen_ai.usage.output_token_details",
    ],
    operation,
    adjust,
};

const SPAN_KIND: &str = "langsmith.span.kind";
const AGENT_NAME: &str = "langsmith.metadata.lc_agent_name";
const INTEGRATION: &str = "langsmith.metadata.ls_integration";
const MODEL_TYPE: &str = "langsmith.metadata.ls_model_type";
const PROMPT: &str = "gen_ai.prompt";
const COMPLETION: &str = "gen_ai.completion";

/// What a run that has failed, or that returns nothing, has for output.
const NO_OUTPUT: &str = r#"{"output":null}"#;

/// Decides by the kind, because a prompt template claims to be a chat, and chains have their own operation.
fn operation(span: &SourceSpan) -> Override {
    match kind_of(span, SPAN_KIND).as_deref() {
        // Models that complete a text have their own type.
        Some("llm") if span.attributes.text(MODEL_TYPE) == Some("llm") => {
            Override::To("text_completion")
        }
        Some("llm") => Override::To("chat"),
        Some("tool") => Override::To("execute_tool"),
        Some("embedding") => Override::To("embeddings"),
        // An agent's run is the chain that has the agent's name.
        Some("chain") if span.attributes.text(AGENT_NAME) == Some(&span.name) => {
            Override::To("invoke_agent")
        }
        Some("chain") if span.attributes.text(INTEGRATION) == Some("openai-agents-sdk") => {
            match &*span.name {
                "Handoff" => Override::To("handoff"),
                // Among the spans of OpenAI's agents, an agent is recognised only if it has tools.
                _ if span.attributes.contains(DEFINITIONS) => Override::To("invoke_agent"),
                _ => Override::Plain,
            }
        }
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    read_failure(span);
    // Tools have the name of their agent in that attribute.
    if kind == OperationKind::Tool || !span.attributes.contains(AGENT_NAME) {
        name_as_span(span, kind);
    }
    let attributes = &mut span.attributes;
    logfire::remove_copies(attributes);
    if attributes.text(COMPLETION) == Some(NO_OUTPUT) {
        attributes.remove(COMPLETION);
    }
    // Spans by hand have a list of messages instead of the whole input.
    for (prefix, key) in [
        ("gen_ai.prompt.", PROMPT),
        ("gen_ai.completion.", COMPLETION),
    ] {
        if let Some(messages) = indexed::take(attributes, prefix)
            && !attributes.contains(key)
        {
            json::put(attributes, key, messages);
        }
    }
    // The system may be a framework. The metadata names the provider.
    if attributes.contains("langsmith.metadata.ls_provider") {
        attributes.remove("gen_ai.system");
    }
    let (input, output) = match kind {
        OperationKind::Tool => {
            let answer = json::read(attributes, COMPLETION).unwrap_or_default();
            if let Some(id) = tool_answer::call_id_of(&answer) {
                attributes.supply("gen_ai.tool.call.id", id);
            }
            unwrap_vercel_arguments(attributes);
            json::rename_unwrapped(attributes, PROMPT, super::ARGUMENTS, |input| {
                unwrap_value(input, "input")
            });
            return json::rename_unwrapped(attributes, COMPLETION, super::RESULT, |output| {
                unwrap_value(output, "output")
            });
        }
        OperationKind::Embeddings => return read_embeddings(attributes),
        OperationKind::Call => {
            read_request_and_response(attributes);
            read_usage(attributes);
            (super::INPUT, super::OUTPUT)
        }
        OperationKind::Agent => (super::INPUT, super::OUTPUT),
        OperationKind::Other => {
            read_handoff(attributes);
            ("langsmith.input", "langsmith.output")
        }
        OperationKind::Plain => ("langsmith.input", "langsmith.output"),
    };
    attributes.rename(PROMPT, input);
    attributes.rename(COMPLETION, output);
}

fn read_embeddings(attributes: &mut Attributes) {
    if let Some(mut request) = json::object(attributes, PROMPT)
        && let Some(input) = request.remove("input")
    {
        json::put(attributes, "gen_ai.embeddings.input", input);
        attributes.remove(PROMPT);
    }
    attributes.rename(PROMPT, "gen_ai.embeddings.input");
    attributes.remove(COMPLETION);
}

fn read_handoff(attributes: &mut Attributes) {
    let agents = json::object(attributes, PROMPT).unwrap_or_default();
    for (name, key) in [
        ("from_agent", "gen_ai.handoff.from_agent"),
        ("to_agent", "gen_ai.handoff.to_agent"),
    ] {
        let agent = agents.get(name).filter(|agent| agent.is_string());
        json::put_scalar(attributes, key, agent);
    }
}

/// Reads from a call's request, which the wrapper of OpenAI's SDK records as a whole, and from its response what the span lacks.
fn read_request_and_response(attributes: &mut Attributes) {
    if let Some(mut request) = json::object(attributes, PROMPT) {
        json::put_parameters(attributes, &request);
        if let Some(tools) = request.remove("tools") {
            json::put(attributes, DEFINITIONS, tools);
        }
    }
    const SAY_MORE: [&str; 6] = [
        r#""total_cost""#,
        r#""response_metadata""#,
        r#""text_completion""#,
        r#""chat.completion"#,
        r#""token_usage""#,
        r#""finishReason""#,
    ];
    let may_say_more = |text: &str| SAY_MORE.iter().any(|member| text.contains(member));
    if attributes.text(COMPLETION).is_some_and(may_say_more)
        && let Some(response) = json::object(attributes, COMPLETION)
    {
        usage::put_value(attributes, response.get("usage_metadata"));
        read_langchain_response(attributes, &response);
        read_completion(attributes, &response);
        read_vercel_response(attributes, &response);
    }
}

fn read_usage(attributes: &mut Attributes) {
    usage::take(attributes, "langsmith.metadata.usage_metadata");
    let mut details = Object::new();
    for (key, name) in [
        ("gen_ai.usage.input_token_details", "input_token_details"),
        ("gen_ai.usage.output_token_details", "output_token_details"),
    ] {
        if let Some(counts) = json::object(attributes, key) {
            details.insert(name.to_owned(), Value::Object(counts));
        }
    }
    usage::put(attributes, &details);
}

/// Reads from a completion by OpenAI's SDK what the span lacks: that of a plain text its counts, that of a stream the model.
fn read_completion(attributes: &mut Attributes, answer: &Object) {
    let object = answer.get("object").and_then(Value::as_str);
    if object.is_some_and(|object| object == "text_completion" || object.starts_with("chat.")) {
        usage::put_value(attributes, answer.get("usage"));
        json::put_scalar(attributes, "gen_ai.response.model", answer.get("model"));
    }
}

/// Reads from the answer to Vercel's AI SDK what the span lacks.
fn read_vercel_response(attributes: &mut Attributes, answer: &Object) {
    let reason = answer.get("finishReason");
    let reason = reason.map(|reason| reason.get("unified").unwrap_or(reason));
    json::put_scalar(attributes, FINISH_REASONS, reason);
    let metadata = answer.get("providerMetadata");
    let id = metadata.and_then(|metadata| metadata.get("openai")?.get("responseId"));
    json::put_scalar(attributes, "gen_ai.response.id", id);
}

/// Reads the arguments that Vercel's AI SDK gives to a tool: those of the call, and what the call is part of.
fn unwrap_vercel_arguments(attributes: &mut Attributes) {
    let Some(Value::Array(mut arguments)) =
        json::object(attributes, PROMPT).and_then(|mut input| input.remove("args"))
    else {
        return;
    };
    if let [_, call] = arguments.as_slice()
        && let Some(id) = call.get("toolCallId").and_then(Value::as_str)
    {
        attributes.supply("gen_ai.tool.call.id", id);
        json::set(attributes, PROMPT, arguments.swap_remove(0));
    }
}

/// Reads from LangChain's answer what the span lacks: the model that answered, the response's id, and the counts that are parts
/// of others.
///
/// What is not part of the first message is beside the messages, for several answers and for a completion of plain text.
pub(super) fn read_langchain_response(attributes: &mut Attributes, answer: &Object) {
    let Some(first) = answer
        .get("generations")
        .and_then(|batches| batches.get(0)?.get(0))
    else {
        return;
    };
    let message = first.get("message");
    let message = message.map(|message| message.get("kwargs").unwrap_or(message));
    let own = message.and_then(|message| message.get("response_metadata"));
    let common = answer.get("llm_output");
    // Of a stream, JavaScript's generation has what the message lacks.
    let generation = first.get("generationInfo");
    for metadata in [own, common, generation].into_iter().flatten() {
        let model = ["model_name", "model"]
            .into_iter()
            .find_map(|key| metadata.get(key));
        json::put_scalar(attributes, "gen_ai.response.model", model);
        json::put_scalar(attributes, "gen_ai.response.id", metadata.get("id"));
    }
    // In JavaScript, a message has the id of OpenAI's completion. Other ids are LangChain's, or of a part of the response.
    let id = message.and_then(|message| message.get("id"));
    let is_completion = |id: &&Value| id.as_str().is_some_and(|id| id.starts_with("chatcmpl-"));
    json::put_scalar(attributes, "gen_ai.response.id", id.filter(is_completion));
    let counts = message
        .and_then(|message| message.get("usage_metadata"))
        .or_else(|| common?.get("token_usage"));
    usage::put_value(attributes, counts);
}

/// Reads from the exception event whether a run failed, and why.
///
/// While a run continues, its status is reported as OK, which OpenTelemetry does not allow to be replaced. The exporter creates
/// the exception itself. Its message holds the program's exception: `ValueError('no such city')Traceback (most recent call last)`,
/// or `RangeError: no such city` in JavaScript.
fn read_failure(span: &mut SourceSpan) {
    let is_exception = |event: &&mut SourceEvent| event.name == "exception";
    let Some(event) = span.events.iter_mut().rev().find(is_exception) else {
        return;
    };
    if span.status == SourceStatus::Ok {
        span.status = SourceStatus::Error(None);
    }
    let parse = match event.attributes.text("exception.type") {
        Some("Exception") => parse_exception_repr,
        Some("Error") => parse_exception_text,
        _ => return,
    };
    let Some((kind, message)) = (event.attributes.text("exception.message")).and_then(parse) else {
        return;
    };
    event.attributes.set("exception.type", &*kind);
    event.attributes.set("exception.message", &*message);
}

/// Reads the type and the message from the repr of a Python exception.
fn parse_exception_repr(repr: &str) -> Option<(String, String)> {
    let (kind, rest) = repr.split_once('(')?;
    if !is_name_of_class(kind) {
        return None;
    }
    let arguments = stack_trace::split(rest).map_or(rest, |(arguments, _)| arguments);
    let arguments = arguments.trim_end();
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
    let quote = arguments
        .chars()
        .next()
        .filter(|quote| matches!(quote, '\'' | '"'));
    let text = quote.and_then(|quote| arguments.strip_prefix(quote)?.strip_suffix(quote));
    let message = text.map_or_else(
        || arguments.to_owned(),
        |text| {
            text.replace("\\n", "\n")
                .replace("\\'", "'")
                .replace("\\\\", "\\")
        },
    );
    Some((kind.to_owned(), message))
}

/// Reads the type and the message from the text of an exception in JavaScript.
fn parse_exception_text(text: &str) -> Option<(String, String)> {
    let (kind, message) = text.split_once(": ")?;
    let is_exception = ["Error", "Exception", "Interrupt"]
        .iter()
        .any(|end| kind.ends_with(end));
    (is_exception && is_name_of_class(kind)).then(|| (kind.to_owned(), message.to_owned()))
}

fn is_name_of_class(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    !text.is_empty() && text.bytes().all(is_name)
}

/// Unwraps a value in an object under `wrapper`, and the content of a message.
fn unwrap_value(value: Value, wrapper: &str) -> Value {
    let value = match value {
        Value::Object(mut object) if object.contains_key(wrapper) => {
            object.remove(wrapper).unwrap_or_default()
        }
        value => value,
    };
    match value {
        Value::String(_) => json::parsed(value),
        value => tool_answer::content_of(value),
    }
}
