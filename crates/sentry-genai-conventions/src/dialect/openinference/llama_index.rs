//! LlamaIndex's prompts and tools, in the form in which its methods take them.

use serde_json::{Value, json};

use super::{INPUT_VALUE, MODEL_NAME, OUTPUT_VALUE};
use crate::{
    Attributes, SourceSpan,
    dialect::{INPUT, OUTPUT, OperationKind, json, llama_index, traceloop},
    messages,
};

/// Returns whether a step of a workflow is the run of an agent. The instrumentation treats it like any other step.
pub(super) fn is_agent_run(span: &SourceSpan) -> bool {
    span.scope.ends_with(".llama_index") && span.name.ends_with("Agent.run")
}

/// LlamaIndex's method that prepares a request. Another span sends it.
pub(super) const PREPARE_REQUEST: &str = "._prepare_chat_with_tools";

/// Extracts the prompts of a completion from their list, and a tool's arguments from the parameter for keyword arguments.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    match kind {
        OperationKind::Call => {
            let attributes = &mut span.attributes;
            if let Some(prompts @ crate::Value::Array(_)) = attributes.get("llm.prompts")
                && let Value::Array(texts) = json::value(prompts)
            {
                let messages = texts.into_iter();
                let messages = messages.map(|text| json!({"role": "user", "content": text}));
                json::put(attributes, INPUT, messages.collect());
                attributes.remove("llm.prompts");
            }
            if let Some(input) = json::object(attributes, INPUT_VALUE)
                && input.get("prompt").is_some_and(is_template)
            {
                attributes.remove(INPUT_VALUE);
            }
        }
        OperationKind::Plain if span.name.ends_with(PREPARE_REQUEST) => {
            (span.attributes).rename(MODEL_NAME, "gen_ai.request.model");
        }
        OperationKind::Agent if is_agent_run(span) => read_workflow_events(&mut span.attributes),
        OperationKind::Tool => {
            let attributes = &mut span.attributes;
            if let Some(mut input) = json::object(attributes, INPUT_VALUE)
                && input.len() == 1
                && let Some(named @ Value::Object(_)) = input.remove("kwargs")
            {
                json::set(attributes, INPUT_VALUE, named);
            }
            if let Some(output) = json::object(attributes, OUTPUT_VALUE)
                && let Some(texts) = traceloop::text_output(&output)
            {
                attributes.set(OUTPUT_VALUE, texts);
            }
        }
        _ => {}
    }
}

/// Recognises the repr of a template. The method that fills it in is around the call with the messages: `predict`, `stream`.
fn is_template(prompt: &Value) -> bool {
    let constructor = prompt.as_str().and_then(|text| text.split_once('('));
    constructor.is_some_and(|(class, _)| class.ends_with("PromptTemplate"))
}

/// Extracts an agent's input and answer from the events that start and stop its workflow. The workflow's initial state is not
/// input.
fn read_workflow_events(attributes: &mut Attributes) {
    if let Some(input) = json::object(attributes, INPUT_VALUE)
        && input.contains_key("init_state")
    {
        let start = input.get("start_event").and_then(Value::as_str);
        let question = start.and_then(messages::read_cut_constructor);
        if let Some(Value::String(question)) = question.as_ref().map(|event| &event["user_msg"]) {
            let question = json!([{"role": "user", "content": question}]);
            json::put(attributes, INPUT, question);
        }
        attributes.remove(INPUT_VALUE);
    }
    let answer = (attributes.text(OUTPUT_VALUE)).and_then(llama_index::answer_in_stop_event);
    if let Some(answer) = answer {
        json::put(attributes, OUTPUT, answer);
        attributes.remove(OUTPUT_VALUE);
    }
}
