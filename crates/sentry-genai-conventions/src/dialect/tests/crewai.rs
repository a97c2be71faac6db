//! CrewAI's own spans.

use super::*;
use crate::Status;

const HASH: &str = "73c3bb3f0b5a9e8f1d2c3b4a59687012";

#[test]
fn agents_and_tools_are_named_by_the_role() {
    for (name, operation, subject) in [
        ("execute agent", "invoke_agent", ("gen_ai.agent.name", HASH)),
        (
            "execute lite agent",
            "invoke_agent",
            ("gen_ai.agent.name", HASH),
        ),
        ("call tool", "execute_tool", ("gen_ai.tool.name", "search")),
    ] {
        let attributes = [
            ("gen_ai.operation.name", operation),
            ("crewai.agent.role", "Senior Researcher\n"),
            subject,
        ];
        let span = translated("crewai", name, &attributes);
        let agent = span.attributes.text("gen_ai.agent.name");
        assert_eq!(agent, Some("Senior Researcher"), "{name}");
        assert!(!span.attributes.contains("crewai.agent.role"));
        let expected = match operation {
            "invoke_agent" => "invoke_agent Senior Researcher",
            _ => "execute_tool search",
        };
        assert_eq!(span.name, expected);
    }
}

/// The call itself has failed, too.
#[test]
fn a_failure_of_a_tool_is_not_another_call() {
    let attributes = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "search"),
        ("error.type", "_OTHER"),
    ];
    let failure = translated("crewai", "tool failure", &attributes);
    assert_eq!((&*failure.op, failure.status), ("function", Status::Error));
    let call = translated("crewai", "call tool", &attributes);
    assert_eq!(
        (&*call.op, call.status),
        ("gen_ai.execute_tool", Status::Error)
    );
}

/// What leaves without permission of a span with this attribute.
fn kept(scope: &str, name: &str, key: &'static str, value: &str) -> bool {
    let attributes = [("gen_ai.workflow.name", "Crew"), (key, value)];
    let span = source(scope, name, &attributes);
    let span = testing::translated(&Translator::new(TranslateOptions::default()), span);
    span.attributes.contains(key)
}

#[test]
fn what_agents_are_to_do_and_find_needs_permission() {
    for (name, key) in [
        ("a2a delegate", "crewai.a2a.task_description"),
        ("call method", "crewai.method.result"),
        ("execute flow", "crewai.flow.result"),
        ("execute mcp tool", "crewai.mcp.tool_result"),
        ("query knowledge", "crewai.knowledge.retrieved_knowledge"),
        ("query memory", "crewai.memory.results"),
        ("receive human feedback", "crewai.human_feedback.feedback"),
        ("save memory", "crewai.memory.value"),
    ] {
        assert!(!kept("crewai", name, key, "secret"), "{key}");
    }
    for (name, key, value) in [
        ("agent reasoning", "crewai.reasoning.plan", "First, find it"),
        ("call method", "crewai.method.state", "{}"),
    ] {
        assert!(!kept("crewai", name, key, value), "{key}");
    }
    assert!(kept(
        "crewai",
        "execute flow",
        "crewai.flow.name",
        "Refunds"
    ));
}

/// It is the agent's goal, also in OpenTelemetry's instrumentation.
#[test]
fn a_goal_is_no_description() {
    let goal = |scope| kept(scope, "agent", "gen_ai.agent.description", "Find it");
    assert!(!goal("crewai"));
    assert!(!goal("opentelemetry.instrumentation.genai.crewai"));
    assert!(goal("opentelemetry.instrumentation.genai.langchain"));
}

/// CrewAI records what is deep inside as Python shows it.
#[test]
fn earlier_calls_and_schemas_are_read() {
    let input = r#"[{"role": "user", "parts": [{"type": "text", "content": "'Hi'"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "'search'", "arguments": "'{\"q\":\"it\\'s\"}'", "id": "c1"}]}]"#;
    let definitions = r#"[{"type": "function", "name": "search", "parameters": {"type": "object",
        "properties": {"q": "{'title': 'Q', 'type': 'string'}"}, "required": ["'q'"]}}]"#;
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        (INPUT, input),
        (DEFINITIONS, definitions),
    ];
    let call = translated("crewai", "call llm", &attributes);
    let read = |key| json::read(&call.attributes, key).unwrap();
    assert_eq!(read(INPUT)[0]["parts"][0]["content"], "'Hi'");
    let earlier = &read(INPUT)[1]["parts"][0];
    assert_eq!(earlier["name"], "search");
    assert_eq!(earlier["arguments"]["q"], "it's");
    let parameters = &read(DEFINITIONS)[0]["parameters"];
    assert_eq!(parameters["properties"]["q"]["type"], "string");
    assert_eq!(parameters["required"][0], "q");
}
