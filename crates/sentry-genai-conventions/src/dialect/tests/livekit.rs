//! LiveKit's agents.

use super::*;
use crate::tokens;

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

#[test]
fn metrics_of_calls_are_read_as_python_and_javascript_name_them() {
    for metrics in [
        r#"{"label":"openai.LLM","request_id":"r1","ttft":0.5,"duration":1.5,"cancelled":false,"completion_tokens":17,"prompt_tokens":42,"prompt_cached_tokens":16,"total_tokens":59}"#,
        r#"{"type":"llm_metrics","requestId":"r1","ttftMs":500,"durationMs":1500,"cancelled":false,"completionTokens":17,"promptTokens":42,"promptCachedTokens":16,"totalTokens":59}"#,
    ] {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("lk.llm_metrics", metrics),
        ];
        let span = translated("livekit-agents", "llm_request", &call);
        let attributes = &span.attributes;
        assert_eq!(attributes.text("gen_ai.response.id"), Some("r1"));
        let first_chunk = attributes.get("gen_ai.response.time_to_first_chunk");
        assert_eq!(first_chunk, Some(Value::Double(0.5)));
        let counts = [tokens::INPUT, tokens::CACHE_READ, tokens::OUTPUT];
        let counts = counts.map(|key| attributes.integer(key));
        assert_eq!(counts, [Some(42), Some(16), Some(17)]);
        assert!(!attributes.contains("lk.llm_metrics"));
    }
}

#[test]
fn a_call_interrupted_before_its_first_chunk_has_no_figures() {
    for metrics in [
        r#"{"request_id":"","ttft":-1.0,"cancelled":true,"completion_tokens":0,"prompt_tokens":0,"prompt_cached_tokens":0,"total_tokens":0}"#,
        r#"{"requestId":"","ttftMs":-1,"cancelled":true,"completionTokens":0,"promptTokens":0,"promptCachedTokens":0,"totalTokens":0}"#,
    ] {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("lk.llm_metrics", metrics),
        ];
        let span = translated("livekit-agents", "llm_request", &call);
        let left: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
        assert_eq!(left, ["gen_ai.operation.name"]);
    }
}

#[test]
fn turns_of_agents_have_what_was_said() {
    for prefix in ["lk.", "lk.pii."] {
        let mut span = source(
            "livekit-agents",
            "agent_turn",
            &[("gen_ai.operation.name", "invoke_agent")],
        );
        for (key, text) in [("user_input", "Hi"), ("response.text", "Hello")] {
            span.attributes
                .push_owned_key(&format!("{prefix}{key}"), text);
        }
        let span = with_content(span);
        for (key, text) in [(INPUT, "Hi"), (OUTPUT, "Hello")] {
            assert!(
                span.attributes
                    .text(key)
                    .is_some_and(|it| it.contains(text))
            );
        }
    }
}
