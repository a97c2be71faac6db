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

#[test]
fn what_agents_are_to_do_and_find_needs_permission() {
    for (name, attributes) in [
        (
            "execute agent",
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.description", "Find it"),
            ][..],
        ),
        (
            "query memory",
            &[
                ("crewai.memory.results", "secret"),
                ("crewai.memory.query", "secret"),
            ],
        ),
        (
            "save memory",
            &[
                ("crewai.memory.value", "secret"),
                ("crewai.memory.content", "secret"),
            ],
        ),
        (
            "query knowledge",
            &[("crewai.knowledge.retrieved_knowledge", "secret")],
        ),
        (
            "agent reasoning",
            &[("crewai.reasoning.plan", "First, find it")],
        ),
        (
            "call method",
            &[
                ("crewai.method.result", "secret"),
                ("crewai.method.state", "{}"),
            ],
        ),
        (
            "a2a delegate",
            &[
                ("crewai.a2a.task_description", "secret"),
                ("crewai.a2a.agent_card", "{}"),
            ],
        ),
    ] {
        let span = source("crewai", name, attributes);
        let span = testing::translated(&Translator::new(TranslateOptions::default()), span);
        let texts = ["Find it", "secret", "First, find it", "{}"];
        let leak = span
            .attributes
            .iter()
            .find(|(_, value)| matches!(value, Value::Str(text) if texts.contains(text)));
        assert!(leak.is_none(), "{name}: {leak:?}");
    }
}
