//! AgentOps.

use super::*;

const KIND: &str = "agentops.span.kind";

#[test]
fn input_and_output_of_functions_are_read() {
    let agent = translated(
        "agentops",
        "Weather Bot.agent",
        &[
            (KIND, "agent"),
            ("operation.name", "Weather Bot"),
            ("agentops.entity.input", r#"{"args": [], "kwargs": {}}"#),
            ("agentops.entity.output", "a"),
        ],
    );
    assert_eq!(agent.name, "invoke_agent Weather Bot");
    assert!(!agent.attributes.contains(INPUT));
    let output = agent.attributes.text(OUTPUT).unwrap();
    assert!(output.contains(r#""content":"a""#), "{output}");
    for (input, expected) in [
        (r#"{"args": ["Paris"], "kwargs": {}}"#, "Paris"),
        (
            r#"{"args": [], "kwargs": {"city": "Paris"}}"#,
            r#"{"city":"Paris"}"#,
        ),
    ] {
        let tool = translated(
            "agentops",
            "w.tool",
            &[
                (KIND, "tool"),
                ("operation.name", "w"),
                ("agentops.tool.input", input),
                ("agentops.tool.output", "22C"),
            ],
        );
        assert_eq!(tool.name, "execute_tool w");
        assert_eq!(tool.attributes.text(ARGUMENTS), Some(expected));
        assert_eq!(tool.attributes.text(RESULT), Some("22C"));
    }
}

#[test]
fn instrumented_tools_are_read() {
    let tool = translated(
        "openai-agents",
        "w",
        &[
            (KIND, "tool"),
            ("tool.name", "w"),
            ("tool.parameters", r#"{"city": "Paris"}"#),
            ("tool.result", "22C"),
        ],
    );
    assert_eq!(tool.name, "execute_tool w");
    assert_eq!(tool.attributes.text(RESULT), Some("22C"));
}

#[test]
fn other_span_kinds_are_plain() {
    // The last one is a tool call in a model's answer.
    for kind in ["session", "task", "AgentOpsSpanKindValues.TOOL"] {
        let span = translated("agentops", "x", &[(KIND, kind), ("tool.name", "w")]);
        assert_eq!(span.op, "function", "{kind}");
    }
    // A failed call has neither an answer nor counts.
    let call = translated(
        "openai",
        "openai.chat.completion",
        &[
            ("gen_ai.request.type", "chat"),
            ("gen_ai.system", "OpenAI"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.prompt.0.role", "user"),
            ("gen_ai.prompt.0.content", "q"),
        ],
    );
    assert_eq!(call.name, "chat m");
    assert!(call.attributes.contains(INPUT));
}

#[test]
fn definitions_of_functions_are_read() {
    let attributes = [
        ("gen_ai.request.type", "chat"),
        ("gen_ai.request.model", "gpt-5"),
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", "Hi"),
        ("gen_ai.request.functions.0.name", "f"),
        (
            "gen_ai.request.functions.0.parameters",
            r#"{"type":"object"}"#,
        ),
    ];
    let span = translated("openai", "openai.chat.completion", &attributes);
    assert_eq!(span.op, "gen_ai.chat");
    let expected = r#"[{"type":"function","name":"f","parameters":{"type":"object"}}]"#;
    assert_eq!(span.attributes.text(super::DEFINITIONS), Some(expected));
}
