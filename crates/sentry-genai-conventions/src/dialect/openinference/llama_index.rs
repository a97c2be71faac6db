//! LlamaIndex's prompts and tools, which are as its methods take them.

use serde_json::{Value, json};

use crate::{
    SourceSpan,
    dialect::{INPUT, What, json as attribute, traceloop},
};

/// Takes the prompts of a completion out of their list, and the arguments of a tool out of the parameter that takes all that are named.
pub(super) fn settle(span: &mut SourceSpan, what: What) {
    let attributes = &mut span.attributes;
    match what {
        What::Call => {
            if let Some(prompts @ crate::Value::Array(_)) = attributes.get("llm.prompts")
                && let Value::Array(texts) = attribute::value(prompts)
            {
                let messages = texts.into_iter();
                let messages = messages.map(|text| json!({"role": "user", "content": text}));
                attribute::put(attributes, INPUT, messages.collect());
                attributes.remove("llm.prompts");
            }
        }
        What::Tool => {
            if let Some(mut input) = attribute::object(attributes, "input.value")
                && input.len() == 1
                && let Some(named @ Value::Object(_)) = input.remove("kwargs")
            {
                attributes.set("input.value", named.to_string());
            }
            if let Some(output) = attribute::object(attributes, "output.value")
                && let Some(texts) = traceloop::texts(&output)
            {
                attributes.set("output.value", texts);
            }
        }
        _ => {}
    }
}
