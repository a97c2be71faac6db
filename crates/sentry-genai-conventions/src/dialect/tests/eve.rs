//! Spans of Vercel's eve.

use super::*;
use crate::content::FINISH_REASONS;

const SCOPE: &str = "eve.agent";

#[test]
fn copies_of_messages_are_removed() {
    let messages = r#"[{"role":"assistant","parts":[{"type":"text","content":"Sunny."}]}]"#;
    let instructions = r#"[{"type":"text","content":"Be brief."}]"#;
    let call = [
        ("operation.name", "chat"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "anthropic/claude-sonnet-4.6"),
        ("gen_ai.usage.input_tokens", "10"),
        ("gen_ai.usage.cache_write.input_tokens", "2"),
        ("agent.usage.input_tokens", "10"),
        ("gen_ai.system_instructions", instructions),
        ("ai.prompt.system", "Be brief."),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
        ("ai.response.finish_reason", "stop"),
        ("gen_ai.output.messages", messages),
        ("ai.response.text", "Sunny."),
        ("ai.response.reasoning", "It is."),
        ("ai.response.tool_calls", "[]"),
    ];
    let span = translated(SCOPE, "chat anthropic/claude-sonnet-4.6", &call);
    let text = |key| span.attributes.text(key);
    assert_eq!(text(OUTPUT), Some(messages));
    assert_eq!(text(INSTRUCTIONS), Some(instructions));
    assert_eq!(text(FINISH_REASONS), Some(r#"["stop"]"#));
    assert_eq!(
        (span.attributes).integer("gen_ai.usage.cache_creation.input_tokens"),
        Some(2)
    );
    let mut keys = span.attributes.iter().map(|(key, _)| key);
    assert!(!keys.any(|key| key.starts_with("vercel.") || key.starts_with("agent.usage.")));
}

/// Messages of more than 32 KiB are left out, while texts are cut.
#[test]
fn texts_stand_in_for_messages() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("ai.prompt.system", "Be brief."),
        ("ai.response.text", "Sunny."),
    ];
    let span = translated(SCOPE, "chat m", &call);
    let text = |key| span.attributes.text(key);
    let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Sunny."}]}]"#;
    assert_eq!(text(OUTPUT), Some(answer));
    let instructions = r#"[{"type":"text","content":"Be brief."}]"#;
    assert_eq!(text(INSTRUCTIONS), Some(instructions));
}

/// A step has the usage of the call inside it, in part without the whole.
#[test]
fn steps_and_actions_are_plain() {
    let step = [
        ("operation.name", "agent.step"),
        ("gen_ai.conversation.id", "run-1"),
        ("gen_ai.usage.cache_read.input_tokens", "4"),
        ("gen_ai.usage.cost", "0.002"),
    ];
    let span = translated(SCOPE, "agent.step", &step);
    assert_eq!(span.op, "function");
    assert!(!crate::tokens::has_usage(&span.attributes));

    let action = [
        ("agent.action.kind", "subagent-call"),
        ("gen_ai.agent.name", "researcher"),
        ("gen_ai.conversation.id", "run-1"),
    ];
    assert_eq!(translated(SCOPE, "agent.action", &action).op, "function");
}

/// The first versions leave the spans to the AI SDK, and add the session.
#[test]
fn sessions_are_conversations() {
    for key in ["eve.session.id", "ai.settings.context.eve.session.id"] {
        let call = [
            ("ai.operationId", "ai.streamText.doStream"),
            ("ai.model.id", "gpt-5"),
            (key, "s-1"),
        ];
        let span = translated("ai", "ai.streamText.doStream", &call);
        let conversation = span.attributes.text("gen_ai.conversation.id");
        assert_eq!(conversation, Some("s-1"), "{key}");
    }
}
