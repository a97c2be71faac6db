//! Tools in the messages of Mastra's steps.

use super::*;

const STEP: (&str, &str) = ("mastra.span.type", "model_step");
const STEP_INPUT: &str = "mastra.model_step.input";
const STEP_OUTPUT: &str = "mastra.model_step.output";

/// Returns the input of the second call of an agent that has called two tools, of which one failed.
fn second_input(history: &str) -> String {
    let calls = r#"{"text":"","toolCalls":[{"toolCallId":"c1","toolName":"get_weather","args":{"city":"Rome"}},
        {"toolCallId":"c2","toolName":"boom","args":{}}]}"#;
    let generation = [
        ("mastra.span.type", "model_generation"),
        ("gen_ai.operation.name", "model_generation"),
    ];
    let tool = [
        TOOL,
        ("mastra.span.type", "tool_call"),
        ("gen_ai.tool.name", "get_weather"),
        ("gen_ai.tool.call.id", "c1"),
        ("gen_ai.tool.call.result", r#"{"t":"rain"}"#),
    ];
    let call = [CHAT, ("mastra.span.type", "model_inference")];
    let question = r#"[{"role":"user","content":"Hi"}]"#;
    let spans = Trace(Vec::new())
        .with(1, 0, "model_generation m", &generation)
        .with(
            2,
            1,
            "agent_step a",
            &[STEP, (STEP_INPUT, question), (STEP_OUTPUT, calls)],
        )
        .with(3, 2, "chat m", &call)
        .with(4, 2, "execute_tool get_weather", &tool)
        .with(5, 1, "agent_step a", &[STEP, (STEP_INPUT, history)])
        .with(6, 5, "chat m", &call)
        .0;
    let backwards = spans.iter().rev().cloned().collect();
    let [input, same] = [(spans, 5), (backwards, 0)].map(|(mut spans, call)| {
        reconcile(&mut spans, &ContentLimits::default());
        let input = spans[call].attributes.text(INPUT);
        input.unwrap_or_default().to_owned()
    });
    assert_eq!(input, same, "whatever the order of the spans");
    input
}

#[test]
fn steps_know_what_earlier_steps_have_called() {
    let history = r#"[{"role":"assistant","content":"[tool: get_weather]"},{"role":"tool","content":"[tool-result: get_weather]"},
        {"role":"user","content":"Hi"},{"role":"assistant","content":"[tool: get_weather][tool: boom]"},
        {"role":"tool","content":"[tool-result: get_weather][tool-result: boom]"}]"#;
    let input = second_input(history);
    for expected in [
        // From an earlier run.
        r#"[{"role":"assistant","parts":[{"type":"tool_call","name":"get_weather"}]}"#,
        r#"{"type":"tool_call","id":"c1","name":"get_weather","arguments":{"city":"Rome"}},{"type":"tool_call","id":"c2","name":"boom""#,
        r#"{"type":"tool_call_response","id":"c1","name":"get_weather","response":{"t":"rain"}"#,
        r#"{"type":"tool_call_response","id":"c2","name":"boom","response":"[tool-result: boom]""#,
    ] {
        assert!(input.contains(expected), "{expected}\n{input}");
    }
}

#[test]
fn calls_without_answers_are_completed_and_answers_of_other_tools_are_not() {
    let calls = r#"{"role":"assistant","content":"[tool: get_weather][tool: boom]"}"#;
    let others = r#"{"role":"tool","content":"[tool-result: boom][tool-result: get_weather]"}"#;
    for history in [format!("[{calls}]"), format!("[{calls},{others}]")] {
        let input = second_input(&history);
        assert!(input.contains(r#""tool_call","id":"c1""#), "{input}");
        assert!(!input.contains(r#""tool_call_response","id""#), "{input}");
    }
}

#[test]
fn an_answer_that_is_recorded_stays() {
    let history = r#"[{"role":"assistant","content":"[tool: get_weather][tool: boom]"},{"role":"tool","content":"rain"},
        {"role":"tool","content":"[tool-result: boom]"}]"#;
    let input = second_input(history);
    let expected =
        r#"{"type":"tool_call_response","id":"c1","name":"get_weather","response":"rain""#;
    assert!(input.contains(expected), "{input}");
}

#[test]
fn calls_of_other_tools_are_not_those_of_the_steps_before() {
    for history in [
        r#"[{"role":"assistant","content":"[tool: boom][tool: get_weather]"}]"#,
        r#"[{"role":"assistant","content":"[tool: get_weather][tool: other]"}]"#,
        r#"[{"role":"assistant","content":"[tool: get_weather]"}]"#,
        r#"[{"role":"assistant","content":"[tool: get_weather] is what I need"}]"#,
        r#"[{"role":"user","content":"[tool: get_weather][tool: boom]"}]"#,
    ] {
        let input = second_input(history);
        assert!(!input.contains(r#""id""#), "{input}");
    }
}
