//! NVIDIA's NeMo Agent Toolkit: an answer is a text with the calls of tools behind it, and the metadata have what the provider says
//! about it.

use serde_json::{Value, json};

use super::OUTPUT_VALUE;
use crate::{
    Attributes, SourceSpan,
    dialect::{DEFINITIONS, OUTPUT, OperationKind, json},
    messages,
};

const METADATA: &str = "nat.metadata";

/// What separates a text from the calls.
const CALLS: &str = "\n\nTool calls: ";

pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if span.scope != "nat" {
        return;
    }
    let attributes = &mut span.attributes;
    // The same again, without what is null.
    for copy in ["input.value_obj", "output.value_obj"] {
        attributes.remove(copy);
    }
    // It is the library that calls the model.
    if attributes.text("llm.provider") == attributes.text("nat.framework") {
        attributes.remove("llm.provider");
    }
    if kind == OperationKind::Call {
        read_metadata(attributes);
        separate_calls(attributes);
    }
}

fn read_metadata(attributes: &mut Attributes) {
    let Some(mut metadata) = json::object(attributes, METADATA).map(Value::Object) else {
        return;
    };
    let answer = metadata.pointer("/chat_responses/0/message/response_metadata");
    if let Some(Value::Object(answer)) = answer {
        let names = [
            ("finish_reason", "gen_ai.response.finish_reasons"),
            ("model_name", "gen_ai.response.model"),
            ("model_provider", "gen_ai.provider.name"),
        ];
        json::put_scalars(attributes, answer, &names);
    }
    let tools = json::take(&mut metadata, "tools_schema");
    if tools.as_array().is_some_and(|tools| !tools.is_empty()) {
        json::put(attributes, DEFINITIONS, tools);
    }
}

/// Makes a message of an answer that has calls behind it, as Python shows them.
fn separate_calls(attributes: &mut Attributes) {
    let Some((text, calls)) = (attributes.text(OUTPUT_VALUE)).and_then(|it| it.rsplit_once(CALLS))
    else {
        return;
    };
    if let Some(calls @ Value::Array(_)) = messages::read_json(calls) {
        let message = json!([{"role": "assistant", "content": text, "tool_calls": calls}]);
        json::put(attributes, OUTPUT, message);
        attributes.remove(OUTPUT_VALUE);
    }
}
