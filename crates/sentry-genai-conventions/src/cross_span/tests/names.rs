//! Names that only the other description completes.

use super::*;

/// A program's own span around an agent, which has only the agent's name.
#[test]
fn the_more_complete_description_takes_the_agents_name() {
    let trace = Trace(Vec::new())
        .with(1, 0, "agent", &[AGENT, ("gen_ai.agent.name", "writer")])
        .with(2, 1, "agent", &[AGENT, SDK, (COUNT, "42")]);
    let mut spans = trace.0;
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[0].op, "function");
    assert_eq!(spans[1].name, "invoke_agent writer");
}

/// OpenInference's instrumentation of OpenAI's agents, around that of OpenAI's client.
#[test]
fn a_call_that_is_named_after_its_answer_takes_the_requested_model() {
    let trace = Trace(Vec::new())
        .with(
            1,
            0,
            "response",
            &[CHAT, ("gen_ai.response.model", "gpt-5-2026"), (COUNT, "42")],
        )
        .with(
            2,
            1,
            "response",
            &[CHAT, ("gen_ai.request.model", "gpt-5"), (COUNT, "42")],
        );
    let mut spans = trace.0;
    assert_eq!(spans[0].name, "chat gpt-5-2026");
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[0].name, "chat gpt-5");
}
