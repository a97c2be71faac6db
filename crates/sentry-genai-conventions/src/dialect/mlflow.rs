//! MLflow's tracing: a type for every span, and input and output in the library's own format. All values are JSON, even texts.

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, aliases, json, kind_of, name_as_span,
    openinference, usage,
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
        Some("agent") => Override::To("invoke_agent"),
        Some("tool") => Override::To("execute_tool"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_as_span(span, kind);
    let attributes = &mut span.attributes;
    for key in ["mlflow.trace.session", "mlflow.trace.user"] {
        if let Some(Value::String(text)) = json::read(attributes, key) {
            attributes.set(key, text);
        }
    }
    match kind {
        OperationKind::Call => read_call(attributes),
        OperationKind::Embeddings => read_embeddings(attributes),
        _ => {}
    }
    json::rename_content(attributes, kind, INPUTS, OUTPUTS);
}

fn read_call(attributes: &mut Attributes) {
    read_model(attributes);
    attributes.rename("mlflow.chat.tools", DEFINITIONS);
    usage::take(attributes, "mlflow.chat.tokenUsage");
    if let Some(answer) = json::object(attributes, OUTPUTS) {
        json::put_scalar(attributes, "gen_ai.response.id", answer.get("id"));
        // MLflow's own counts lack the reasoning.
        usage::put_value(attributes, answer.get("usage"));
    }
    // A stream that MLflow does not read.
    let answer = json::read(attributes, OUTPUTS);
    if (answer.as_ref().and_then(Value::as_str)).is_some_and(openinference::is_object_repr) {
        attributes.remove(OUTPUTS);
    }
}

fn read_embeddings(attributes: &mut Attributes) {
    read_model(attributes);
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

/// Records the model that answered, the provider and the parameters of the request.
fn read_model(attributes: &mut Attributes) {
    for (key, name) in [
        ("mlflow.llm.model", "gen_ai.response.model"),
        ("mlflow.llm.provider", "gen_ai.provider.name"),
    ] {
        if let Some(value) = json::read(attributes, key) {
            json::put_scalar(attributes, name, &value);
            attributes.remove(key);
        }
    }
    // The SDK that was called, unless it is a framework's.
    if let Some(Value::String(format)) = json::read(attributes, "mlflow.message.format")
        && PROVIDER_FORMATS.contains(&&*format)
    {
        json::put_scalar(attributes, "gen_ai.provider.name", &Value::String(format));
    }
    let mut request = json::object(attributes, INPUTS).unwrap_or_default();
    // The integrations repeat every member of a request, and the one for OpenAI's agents also those of the response.
    let is_response = json::read(attributes, "object").is_some_and(|object| object == "response");
    attributes.retain(|key, _| key.contains('.') || !(is_response || request.contains_key(key)));
    if request.is_empty() {
        return;
    }
    // The value of a parameter that was not given is the repr of a marker object.
    request.retain(|_, value| !value.as_str().is_some_and(openinference::is_object_repr));
    json::put_parameters(attributes, &request);
    json::set(attributes, INPUTS, request.into());
}
