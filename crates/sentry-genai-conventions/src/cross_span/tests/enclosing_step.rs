//! What a step around calls says of them.

use super::*;

const SCOPE: (&str, &str) = ("scope", "openinference.instrumentation.openai_agents");
const MODEL: &str = "gen_ai.request.model";

#[test]
fn a_call_without_a_question_gets_that_of_its_librarys_step() {
    const QUESTION: &str = r#"[{"role":"user","content":"Where?"}]"#;
    const OWN: &str = r#"[{"role":"user","content":"When?"}]"#;
    let kind = |kind| ("openinference.span.kind", kind);
    let asks = |call: &[(&'static str, &str)], text: &str| {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "turn", &[SCOPE, kind("AUDIO"), (INPUT, QUESTION)])
            .with(2, 1, "call", call)
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        let question = spans[1].attributes.text(INPUT);
        question.is_some_and(|question| question.contains(text))
    };
    assert!(asks(&[SCOPE, kind("LLM")], "Where?"));
    assert!(asks(&[SCOPE, kind("LLM"), (INPUT, OWN)], "When?"));
    assert!(!asks(&[CHAT, SDK], "Where?"));
}

#[test]
fn what_a_call_gets_from_its_step_respects_the_span_limit() {
    let kind = |kind| ("openinference.span.kind", kind);
    let mut spans = Trace(Vec::new())
        .with(1, 0, "turn", &[SCOPE, kind("AUDIO"), (INPUT, "Where?")])
        .with(2, 1, "call", &[SCOPE, kind("LLM")])
        .0;
    for (key, role) in [(INPUT, "user"), (OUTPUT, "assistant")] {
        let text = "x".repeat(100_000);
        let part = format!(r#"{{"role":"{role}","parts":[{{"type":"text","content":"{text}"}}]}}"#);
        let messages = format!("[{}]", [&*part; 6].join(","));
        spans[0].attributes.set(key, messages);
    }
    reconcile(&mut spans, &ContentLimits::default());
    let text = |key| spans[1].attributes.text(key).unwrap_or_default();
    let bytes = text(INPUT).len() + text(OUTPUT).len();
    assert!((100_000..=900_000).contains(&bytes), "{bytes}");
}

/// A turn of a conversation by voice has the model of the calls in it.
#[test]
fn calls_get_the_model_of_the_turn_around_them() {
    let kind = |kind| ("openinference.span.kind", kind);
    let turn = [SCOPE, kind("AUDIO"), ("llm.model_name", "m")];
    let call = [SCOPE, kind("LLM"), ("llm.token_count.prompt", "3")];
    let other = [SCOPE, kind("LLM"), ("llm.model_name", "n")];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "conversation.turn", &turn)
        .with(2, 1, "assistant", &call)
        .with(3, 1, "assistant", &call)
        .with(4, 1, "assistant", &other)
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let named: Vec<_> = spans
        .iter()
        .map(|span| (&*span.name, span.attributes.text(MODEL)))
        .collect();
    let expected = [
        ("conversation.turn", Some("m")),
        ("chat m", Some("m")),
        ("chat m", Some("m")),
        ("chat n", Some("n")),
    ];
    assert_eq!(named, expected);
}
