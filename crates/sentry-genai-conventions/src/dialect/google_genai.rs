//! OpenTelemetry's instrumentation of Google's SDK for Python, whose older versions describe a tool as the call of a function. It
//! has an operation of its own for Gemini's interactions. That of Vertex AI's SDK names no provider.

use super::{
    ARGUMENTS, Dialect, OperationKind, Override, RESULT, event_list,
    json::{self, Object},
};
use crate::{SourceSpan, tokens};

pub(super) static GOOGLE_GENAI_INTERACTION: Dialect = Dialect {
    recognises: |span| span.attributes.text("gen_ai.operation.name") == Some("interactions.create"),
    operation: |_| Override::To("generate_content"),
    adjust: |span, _| {
        // Gemini counts reasoning apart.
        if let Some(reasoning) = span.attributes.integer(tokens::REASONING) {
            tokens::increase(&mut span.attributes, tokens::OUTPUT, reasoning);
        }
    },
    ..Dialect::NONE
};

pub(super) static GOOGLE_GENAI_TOOL: Dialect = Dialect {
    recognises: |span| {
        span.scope == SCOPE && span.attributes.text("gen_ai.operation.name") == Some("execute_tool")
    },
    adjust,
    ..Dialect::NONE
};

/// A call whose events Logfire has moved into an attribute.
pub(super) static GOOGLE_GENAI_LOGFIRE: Dialect = Dialect {
    recognises: |span| span.scope == SCOPE && span.attributes.contains(EVENTS),
    adjust: |span, _| event_list::take(&mut span.attributes, EVENTS),
    ..Dialect::NONE
};

/// A call of Vertex AI's SDK. With the newest conventions, nothing but the scope says who runs the model.
pub(super) static VERTEX_AI: Dialect = Dialect {
    recognises: |span| span.scope == "opentelemetry.instrumentation.vertexai",
    adjust: |span, _| {
        if !span.attributes.contains("gen_ai.system") {
            span.attributes
                .supply("gen_ai.provider.name", "gcp.vertex_ai");
        }
    },
    ..Dialect::NONE
};

const SCOPE: &str = "opentelemetry.instrumentation.google_genai";

const EVENTS: &str = "events";

fn adjust(span: &mut SourceSpan, _: OperationKind) {
    let attributes = &mut span.attributes;
    // Each parameter has a type and a value.
    let mut arguments = Object::new();
    attributes.retain(|key, value| {
        let Some(parameter) = key.strip_prefix("code.function.parameters.") else {
            return true;
        };
        if let Some(name) = parameter.strip_suffix(".value") {
            arguments.insert(name.to_owned(), json::value(value));
        }
        false
    });
    if !arguments.is_empty() {
        json::put(attributes, ARGUMENTS, arguments.into());
    }
    attributes.rename("code.function.return.value", RESULT);
}
