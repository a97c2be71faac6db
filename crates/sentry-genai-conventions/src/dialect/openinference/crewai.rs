//! CrewAI's agents: the input is a method's parameters, and the output includes the question.

use serde_json::{Value, json};

use super::{INPUT_VALUE, OUTPUT_VALUE};
use crate::{
    SourceSpan,
    dialect::{INPUT, OUTPUT, OperationKind, json},
};

/// Splits the messages in an agent's output into its input, and what it did and answered.
///
/// The answer may be among the messages. It is always there as `raw`.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind != OperationKind::Agent || !span.scope.ends_with("crewai") {
        return;
    }
    let attributes = &mut span.attributes;
    let Some(mut output) = json::object(attributes, OUTPUT_VALUE) else {
        return;
    };
    // The counts of an agent without a crew, whose calls have no spans.
    if let Some(Value::Object(counts)) = output.get("usage_metrics") {
        super::put_missing_counts(attributes, counts);
    }
    let (Some(Value::Array(mut messages)), Some(Value::String(raw))) =
        (output.remove("messages"), output.remove("raw"))
    else {
        return;
    };
    let role = |message: &Value| message["role"].as_str().unwrap_or_default().to_owned();
    let is_question = |message: &Value| matches!(&*role(message), "system" | "user");
    let question_count = messages
        .iter()
        .take_while(|message| is_question(message))
        .count();
    if question_count == 0 {
        return;
    }
    let mut answer = messages.split_off(question_count);
    let is_raw_answer =
        |message: &Value| role(message) == "assistant" && message["content"] == *raw;
    if !answer.last().is_some_and(is_raw_answer) {
        answer.push(json!({"role": "assistant", "content": raw}));
    }
    json::put(attributes, INPUT, messages.into());
    json::put(attributes, OUTPUT, answer.into());
    attributes.remove(INPUT_VALUE);
    attributes.remove(OUTPUT_VALUE);
}
