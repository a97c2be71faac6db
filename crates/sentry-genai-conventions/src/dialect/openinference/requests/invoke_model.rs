//! Bedrock's `InvokeModel`, where each maker's models have requests and answers of their own. Python's instrumentation reads those
//! of a few makers.

use serde_json::{Value, json};

use super::{INPUT_VALUE, INVOCATION_PARAMETERS, OUTPUT_VALUE};
use crate::{
    SourceSpan,
    dialect::json::{self, Object},
};

const BEDROCK: &str = "openinference.instrumentation.bedrock";

/// Reads a request that is recorded only as a whole, among the parameters, and removes the answer that was not found.
pub(super) fn adjust(span: &mut SourceSpan) {
    if span.scope != BEDROCK {
        return;
    }
    let attributes = &mut span.attributes;
    // Streams of most makers do not say where the model runs.
    attributes.supply("gen_ai.provider.name", "aws.bedrock");
    if attributes.text(OUTPUT_VALUE) == Some("None") {
        attributes.remove(OUTPUT_VALUE);
    }
    let input = attributes.text(INPUT_VALUE);
    let is_whole = input.is_none() || input == attributes.text(INVOCATION_PARAMETERS);
    if is_whole
        && let Some(request) = json::object(attributes, INVOCATION_PARAMETERS)
        && let Some(prompt) = read_prompt(request)
    {
        json::set(attributes, INPUT_VALUE, prompt);
    }
}

/// Returns what the model is asked: a text of Titan's or Llama's, messages, or a message of Cohere's with the ones before it.
fn read_prompt(mut request: Object) -> Option<Value> {
    let mut take = |name: &str| request.remove(name);
    if let Some(prompt) = ["inputText", "prompt", "messages"]
        .iter()
        .find_map(|name| take(name))
    {
        return Some(prompt);
    }
    let question = take("message")?;
    let instructions = take("preamble").map(|text| json!({"role": "system", "content": text}));
    let mut messages = Vec::from_iter(instructions);
    if let Some(Value::Array(history)) = take("chat_history") {
        messages.extend(history);
    }
    messages.push(json!({"role": "user", "content": question}));
    Some(messages.into())
}
