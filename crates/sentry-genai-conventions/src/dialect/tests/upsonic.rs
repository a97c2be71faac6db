//! Upsonic.

use super::*;
use crate::tokens;

#[test]
fn agents_and_tools_are_read() {
    let agent = translated(
        "upsonic",
        "agent.run",
        &[
            ("upsonic.agent.name", "Bot"),
            ("upsonic.model_provider", "openai"),
            ("upsonic.input", "Hi"),
            ("langfuse.observation.input", r#""Hi""#),
            ("langfuse.observation.output", r#""Ho""#),
            ("langfuse.trace.name", "Hi"),
            ("session.id", "s-1"),
        ],
    );
    assert_eq!(agent.name, "invoke_agent Bot");
    let tool = translated(
        "upsonic",
        "tool.execute",
        &[
            ("upsonic.tool.name", "w"),
            ("upsonic.tool.call_id", "c1"),
            ("langfuse.observation.input", r#"{"city": "Wien"}"#),
            ("langfuse.observation.output", r#""sunny""#),
        ],
    );
    assert_eq!(tool.name, "execute_tool w");
    for (span, key, text) in [
        (
            &agent,
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (
            &agent,
            OUTPUT,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Ho"}]}]"#,
        ),
        (&agent, "gen_ai.conversation.id", "s-1"),
        (&agent, "gen_ai.provider.name", "openai"),
        (&tool, ARGUMENTS, r#"{"city":"Wien"}"#),
        (&tool, RESULT, "sunny"),
        (&tool, "gen_ai.tool.call.id", "c1"),
    ] {
        assert_eq!(span.attributes.text(key), Some(text), "{key}");
    }
    let repeats = |key: &str| key.starts_with("langfuse.") || key == "upsonic.input";
    assert!(!agent.attributes.iter().any(|(key, _)| repeats(key)));
}

#[test]
fn calls_count_what_was_thought() {
    let reasoning = "gen_ai.usage.details.reasoning_tokens";
    let mut call = source(
        "upsonic",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
        ],
    );
    call.attributes.push(tokens::OUTPUT, 17);
    call.attributes.push(reasoning, 5);
    let call = with_content(call);
    assert_eq!(call.attributes.integer(tokens::REASONING), Some(5));
}

#[test]
fn steps_of_a_pipeline_are_plain() {
    let attributes = [("upsonic.step.name", "model_execution")];
    let step = translated("upsonic", "pipeline.step.model_execution", &attributes);
    assert_eq!(step.ai, None);
}
