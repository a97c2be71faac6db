//! LiveKit's agents.

use super::*;

#[test]
fn what_is_around_a_call_and_an_attempt_at_it_are_plain() {
    for name in ["llm_node", "llm_request_run"] {
        let model = [
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "m"),
            ("error.type", "400"),
        ];
        let mut span = source("livekit-agents", name, &model);
        span.status = crate::SourceStatus::Error(None);
        let span = with_content(span);
        assert_eq!((&*span.name, span.ai), (name, None));
    }
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
    ];
    let span = translated("livekit-agents", "llm_node", &call);
    assert_eq!(span.name, "chat m");
}

#[test]
fn decisions_and_handoffs_are_told_by_their_names() {
    let scope = "livekit-agents";
    let decision = [("gen_ai.request.model", "jev")];
    let span = translated(scope, "decision_model.evaluate", &decision);
    assert_eq!(span.op, "gen_ai.decide");
    let labels = [
        ("lk.previous_agent_label", "app.Triage"),
        ("lk.agent_label", "app.Billing"),
    ];
    let span = translated(scope, "update_agent", &labels);
    assert_eq!(span.name, "handoff from app.Triage to app.Billing");
    assert_eq!(span.op, "gen_ai.handoff");
}
