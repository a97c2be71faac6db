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
