//! MLflow's tracing: a type for every span, and input and output in the library's own format. All values are JSON, even texts.

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, RESULT, aliases, json, kind_of, litellm,
    name_as_span, openinference, tool_answer, usage,
};
use crate::{Attributes, SourceSpan};

pub(super) static MLFLOW: Dialect = Dialect {
    name: "mlflow",
    recognises: |span| span.attributes.contains(TYPE),
    aliases: &aliases([
        ("mlflow.trace.session", "session.id"),
        ("mlflow.trace.user", "user.id"),
    ]),
    noise: &[
        TYPE,
        "mlflow.message.format",
        "mlflow.spanFunctionName",
        "mlflow.spanLogLevel",
        "mlflow.traceRequestId",
    ],
    operation,
    adjust,
};

const TYPE: &str = "mlflow.spanType";
const INPUTS: &str = "mlflow.spanInputs";
const OUTPUTS: &str = "mlflow.spanOutputs";
const AGENTS_RUN: &str = "mlflow.openai.agent_run_root";

/// The message formats that belong to a provider rather than a framework.
static PROVIDER_FORMATS: [&str; 6] = [
    "anthropic",
    "bedrock",
    "gemini",
    "groq",
    "mistral",
    "openai",
];

fn operation(span: &SourceSpan) -> Override {
    match kind_of(span, TYPE).as_deref() {
        Some("chat_model" | "llm") => Override::To("chat"),
        Some("embedding") => Override::To("embeddings"),
        Some("reranker") => Override::To("rerank"),
        // A span around a whole run of OpenAI's agents. The agents are inside.
        Some("agent") if span.attributes.contains(AGENTS_RUN) => Override::Plain,
        Some("agent") => Override::To("invoke_agent"),
        // An agent's run is the chain that has the agent's name.
        Some("chain") if langchain_agent(&span.attributes).as_deref() == Some(&span.name) => {
            Override::To("invoke_agent")
        }
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

/// Returns LangChain's name of the agent that a span belongs to.
fn langchain_agent(attributes: &Attributes) -> Option<String> {
    let mut metadata = json::object(attributes, "metadata")?;
    json::text(metadata.remove("lc_agent_name")?)
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Agent
        && let Some(Value::String(name)) = json::read(&span.attributes, "name")
    {
        // pydantic-ai's agents are recorded with all their fields, on a span that is named after the method.
        span.attributes.supply("gen_ai.agent.name", name);
        span.attributes.remove("name");
    }
    name_as_span(span, kind);
    let attributes = &mut span.attributes;
    for key in ["mlflow.trace.session", "mlflow.trace.user"] {
        if let Some(Value::String(text)) = json::read(attributes, key) {
            attributes.set(key, text);
        }
    }
    read_session(attributes);
    if let Some(agent) = langchain_agent(attributes) {
        attributes.supply("gen_ai.agent.name", agent);
    }
    match kind {
        OperationKind::Call => read_call(attributes),
        OperationKind::Embeddings => read_embeddings(attributes),
        OperationKind::Tool => read_tool(attributes),
        OperationKind::Agent => remove_output_type(attributes),
        OperationKind::Other | OperationKind::Plain => {}
    }
    json::rename_content(attributes, kind, INPUTS, OUTPUTS);
}

/// Reads the thread of LangGraph, and the group of OpenAI's agents.
fn read_session(attributes: &mut Attributes) {
    if let Some(metadata) = json::object(attributes, "metadata") {
        litellm::read_session(attributes, &metadata);
    }
    if attributes.contains(AGENTS_RUN)
        && let Some(arguments) = json::object(attributes, "kwargs")
        && let Some(run) = arguments.get("run_config")
    {
        json::put_scalar(attributes, "session.id", run.get("group_id"));
    }
}

fn read_tool(attributes: &mut Attributes) {
    // LangChain's.
    if let Some(id) = json::read(attributes, "tool_call_id") {
        json::put_scalar(attributes, "gen_ai.tool.call.id", &id);
        attributes.remove("tool_call_id");
    }
    if let Some(answer) = json::read(attributes, OUTPUTS) {
        let answer = tool_answer::unwrap_message(attributes, answer);
        json::put(attributes, RESULT, answer);
        attributes.remove(OUTPUTS);
    }
}

/// Removes what OpenAI's agents have in the place of an answer.
fn remove_output_type(attributes: &mut Attributes) {
    let output = json::object(attributes, OUTPUTS).unwrap_or_default();
    if output.len() == 1 && output.contains_key("output_type") {
        attributes.remove(OUTPUTS);
    }
}

fn read_call(attributes: &mut Attributes) {
    read_response(attributes);
    read_model(attributes);
    attributes.rename("mlflow.chat.tools", DEFINITIONS);
    take_usage(attributes);
    if let Some(answer) = json::object(attributes, OUTPUTS) {
        json::put_scalar(attributes, "gen_ai.response.id", answer.get("id"));
        // MLflow's own counts lack the reasoning.
        usage::put_value(attributes, answer.get("usage"));
        usage::put_value(attributes, answer.get("usage_metadata"));
        read_blocked_answer(attributes, &answer);
    }
    // A stream that MLflow does not read.
    let answer = json::read(attributes, OUTPUTS);
    if (answer.as_ref().and_then(Value::as_str)).is_some_and(openinference::is_object_repr) {
        attributes.remove(OUTPUTS);
    }
}

fn take_usage(attributes: &mut Attributes) {
    usage::take(attributes, "mlflow.chat.tokenUsage");
    usage::take(attributes, "mlflow.llm.cost");
}

/// Reads the response that OpenAI's agents have as attributes, the only report of a stream.
fn read_response(attributes: &mut Attributes) {
    if !is_response(attributes) {
        return;
    }
    for (member, key) in [
        ("id", "gen_ai.response.id"),
        ("model", "gen_ai.response.model"),
    ] {
        let value = json::read(attributes, member);
        json::put_scalar(attributes, key, value.as_ref());
    }
    let counts = json::read(attributes, "usage");
    usage::put_value(attributes, counts.as_ref());
}

fn is_response(attributes: &Attributes) -> bool {
    json::read(attributes, "object").is_some_and(|object| object == "response")
}

/// Reads why Gemini does not answer, and removes the response, which is no answer then.
fn read_blocked_answer(attributes: &mut Attributes, response: &json::Object) {
    if let Some(Value::Array(candidates)) = response.get("candidates")
        && candidates
            .iter()
            .all(|it| it.pointer("/content/parts").is_none())
    {
        let reason = candidates.first().and_then(|it| it.get("finish_reason"));
        json::put_scalar(attributes, "gen_ai.response.finish_reasons", reason);
        attributes.remove(OUTPUTS);
    }
}

fn read_embeddings(attributes: &mut Attributes) {
    read_model(attributes);
    take_usage(attributes);
    if let Some(answer) = json::object(attributes, OUTPUTS) {
        usage::put_value(attributes, answer.get("usage"));
    }
    if let Some(mut request) = json::object(attributes, INPUTS)
        && let Some(input) = request.remove("input")
    {
        json::put(attributes, "gen_ai.embeddings.input", input);
    }
    attributes.remove(INPUTS);
    attributes.remove(OUTPUTS);
}

/// Records the models, the provider and the parameters of the request.
fn read_model(attributes: &mut Attributes) {
    if let Some(provider) = json::read(attributes, "mlflow.llm.provider") {
        json::put_scalar(attributes, "gen_ai.provider.name", &provider);
        attributes.remove("mlflow.llm.provider");
    }
    // The SDK that was called, unless it is a framework's.
    if let Some(Value::String(format)) = json::read(attributes, "mlflow.message.format")
        && PROVIDER_FORMATS.contains(&&*format)
    {
        json::put_scalar(attributes, "gen_ai.provider.name", &Value::String(format));
    }
    let mut request = json::object(attributes, INPUTS).unwrap_or_default();
    // The integrations repeat every member of a request, and the one for OpenAI's agents also those of the response.
    let is_response = is_response(attributes);
    attributes.retain(|key, _| key.contains('.') || !(is_response || request.contains_key(key)));
    name_models(attributes, request.get("model"));
    if request.is_empty() {
        return;
    }
    // The value of a parameter that was not given is the repr of a marker object.
    request.retain(|_, value| !value.as_str().is_some_and(openinference::is_object_repr));
    json::put_parameters(attributes, &request);
    if let Some(tools) = request.remove("tools") {
        json::put(attributes, DEFINITIONS, tools);
    }
    let input = match request.remove("contents") {
        Some(contents) => {
            read_gemini_config(attributes, &request);
            contents
        }
        None => request.into(),
    };
    json::set(attributes, INPUTS, input);
}

/// Tells the model that was asked from the one that answered. MLflow's integrations record one, which is the former.
fn name_models(attributes: &mut Attributes, asked: Option<&Value>) {
    let answer = json::object(attributes, OUTPUTS).unwrap_or_default();
    let answered = answer.get("model").filter(|model| model.is_string());
    json::put_scalar(attributes, "gen_ai.response.model", answered);
    let Some(model) = json::read(attributes, "mlflow.llm.model") else {
        return;
    };
    attributes.remove("mlflow.llm.model");
    let asked = asked.filter(|model| model.is_string());
    let is_asked = asked.is_none_or(|asked| *asked == model);
    let key = if is_asked {
        "gen_ai.request.model"
    } else {
        "gen_ai.response.model"
    };
    json::put_scalar(attributes, key, &model);
}

/// Reads what Gemini's requests have beside the messages.
fn read_gemini_config(attributes: &mut Attributes, request: &json::Object) {
    if let Some(Value::Object(config)) = request.get("config") {
        json::put_parameters(attributes, config);
        if let Some(system) = config.get("system_instruction") {
            json::put(attributes, "gen_ai.system_instructions", system.clone());
        }
    }
}
