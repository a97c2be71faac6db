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

/// OpenInference's and OpenLLMetry's instrumentations of OpenAI's agents record only the model that answered.
#[test]
fn a_call_that_names_only_the_model_that_answered_was_asked_of_it() {
    let answered = ("gen_ai.response.model", "gpt-5-2026");
    let trace = Trace(Vec::new())
        .with(1, 0, "agent", &[AGENT, answered])
        .with(2, 1, "response", &[CHAT, answered])
        .with(
            3,
            1,
            "response",
            &[CHAT, ("gen_ai.request.model", "gpt-5"), answered],
        )
        .with(4, 1, "response", &[CHAT]);
    let mut spans = trace.0;
    reconcile(&mut spans, &ContentLimits::default());
    let asked = |span: &SentrySpan| {
        let model = span.attributes.text("gen_ai.request.model");
        model.map(str::to_owned)
    };
    let asked: Vec<_> = spans.iter().map(asked).collect();
    let expected = [None, Some("gpt-5-2026"), Some("gpt-5"), None];
    assert_eq!(asked, expected.map(|model| model.map(str::to_owned)));
}
