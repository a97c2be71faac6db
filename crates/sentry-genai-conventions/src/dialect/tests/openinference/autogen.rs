//! AutoGen's clients.

use super::super::*;

const CLIENT: &str = "OpenAIChatCompletionClient.create";
const LLM: Attribute = ("openinference.span.kind", "LLM");
const SCOPE: &str = "openinference.instrumentation.autogen_agentchat";

fn messages(attributes: &[Attribute], key: &str) -> String {
    let span = translated(SCOPE, CLIENT, &[&[LLM], attributes].concat());
    span.attributes.text(key).unwrap_or_default().to_owned()
}

/// AutoGen keeps the text beside calls, and the reasoning before an answer, apart from the content of the message.
#[test]
fn thoughts_are_part_of_the_answer_and_of_the_history() {
    let said = r#"{"type":"text","content":"I look it up"}"#;
    let call = r#"{"type":"tool_call","id":"c1","name":"w","arguments":{}}"#;
    let called = format!(r#"{{"role":"assistant","parts":[{said},{call}]}}"#);
    let output = r#"{"finish_reason": "function_calls", "content": [{"id": "c1", "arguments": "{}", "name": "w"}], "thought": "I look it up"}"#;
    let answer = [
        ("output.value", output),
        ("llm.output_messages.0.message.role", "assistant"),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.id",
            "c1",
        ),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
            "w",
        ),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
            "{}",
        ),
    ];
    assert_eq!(
        messages(&answer, "gen_ai.output.messages"),
        format!("[{called}]")
    );
    let history = [
        ("llm.input_messages.0.message.role", "assistant"),
        (
            "llm.input_messages.0.message.tool_calls.0.tool_call.id",
            "c1",
        ),
        (
            "llm.input_messages.0.message.tool_calls.0.tool_call.function.name",
            "w",
        ),
        (
            "llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments",
            "{}",
        ),
        ("llm.input_messages.0.thought", "I look it up"),
    ];
    // Sentry shows one kind of content per message of a request.
    let message = |part: &str| format!(r#"{{"role":"assistant","parts":[{part}]}}"#);
    assert_eq!(
        messages(&history, "gen_ai.input.messages"),
        format!("[{},{}]", message(said), message(call))
    );
    let reasoned = [
        (
            "output.value",
            r#"{"finish_reason": "stop", "content": "Hot", "thought": "hm"}"#,
        ),
        ("llm.output_messages.0.message.role", "assistant"),
        ("llm.output_messages.0.message.content", "Hot"),
    ];
    let parts = r#"[{"type":"reasoning","content":"hm"},{"type":"text","content":"Hot"}]"#;
    assert_eq!(
        messages(&reasoned, "gen_ai.output.messages"),
        format!(r#"[{{"role":"assistant","parts":{parts}}}]"#)
    );
}
