//! Calls around other calls, such as attempts.

use super::*;

#[test]
fn a_wrapper_around_several_calls_becomes_a_plain_span() {
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "84")])
        .with(2, 1, "chat m", &[CHAT, (COUNT, "42")])
        .with(3, 1, "chat m", &[CHAT, (COUNT, "42")]);
    let expected = [
        ("function", None),
        ("gen_ai.chat", Some(42)),
        ("gen_ai.chat", Some(42)),
    ];
    assert_eq!(spans.reconciled(), owned(&expected));
}

/// An SDK counts the tokens of its call, and the program has a span for each request that it takes.
#[test]
fn a_call_keeps_what_it_counts_if_its_attempts_count_nothing() {
    let spans = |of_last: &[(&'static str, &str)]| {
        Trace(Vec::new())
            .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
            .with(2, 1, "chat m", &[CHAT, ("error.type", "429")])
            .with(3, 1, "chat m", &[CHAT])
            .with(4, 1, "chat m", &[&[CHAT][..], of_last].concat())
    };
    let plain = ("function", None);
    let call = ("gen_ai.chat", Some(42));
    let once = owned(&[call, plain, plain, plain]);
    assert_eq!(spans(&[]).reconciled(), once);
    let attempt = ("gen_ai.chat", None);
    let counted = spans(&[(COUNT, "42")]).reconciled();
    assert_eq!(counted, owned(&[plain, attempt, attempt, call]));
    for (key, answer) in [RESPONSE, ("gen_ai.response.model", "m-1")] {
        assert_eq!(spans(&[(key, answer)]).reconciled(), once);
        let mut spans = spans(&[(key, answer)]).0;
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!(spans[0].attributes.text(key), Some(answer));
    }
}

#[test]
fn a_wrapper_around_a_call_with_attempts_is_the_same_call() {
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT])
        .with(2, 1, "chat m", &[CHAT, (COUNT, "42")])
        .with(3, 2, "chat m", &[CHAT, ("error.type", "429")])
        .with(4, 2, "chat m", &[CHAT]);
    let plain = ("function", None);
    let call = ("gen_ai.chat", Some(42));
    assert_eq!(spans.reconciled(), owned(&[plain, call, plain, plain]));
}

#[test]
fn several_answers_are_not_attempts() {
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
        .with(2, 1, "chat m", &[CHAT, ("gen_ai.response.id", "r1")])
        .with(3, 1, "chat m", &[CHAT, ("gen_ai.response.id", "r2")]);
    let call = ("gen_ai.chat", None);
    let expected = owned(&[("function", None), call, call]);
    assert_eq!(spans.reconciled(), expected);
}

#[test]
fn deeply_nested_wrappers_become_plain_spans() {
    let wrappers = (1..=60).fold(Trace(Vec::new()), |trace, id| {
        trace.with(id, id - 1, "chat m", &[CHAT])
    });
    let spans = (61..=63).fold(wrappers, |trace, id| {
        trace.with(id, 60, "chat m", &[CHAT, (COUNT, "42")])
    });
    let mut expected = vec![("function", None); 60];
    expected.extend([("gen_ai.chat", Some(42)); 3]);
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn the_last_successful_attempt_gets_the_messages_of_the_wrapper() {
    let outputs = |of_second: &[(&'static str, &str)]| {
        let second = [&[CHAT][..], of_second].concat();
        let trace = Trace(Vec::new())
            .with(1, 0, "chat m", &[CHAT, (OUTPUT, "Hi")])
            .with(2, 1, "chat m", &second)
            .with(3, 1, "chat m", &[CHAT])
            .with(4, 1, "chat m", &[CHAT, ("error.type", "429")]);
        let mut spans = trace.0;
        reconcile(&mut spans, &ContentLimits::default());
        let has_output = |span: &SentrySpan| span.attributes.contains(OUTPUT);
        spans[1..].iter().map(has_output).collect::<Vec<_>>()
    };
    assert_eq!(outputs(&[]), [false, true, false]);
    assert_eq!(outputs(&[(OUTPUT, "Ho")]), [true, false, false]);
}

/// The outer wrapper looks through the inner one, at all of the calls.
#[test]
fn the_last_of_many_calls_gets_the_messages_of_nested_wrappers() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (OUTPUT, "Hi")])
        .with(2, 1, "chat m", &[CHAT])
        .with(3, 2, "chat m", &[CHAT])
        .with(4, 2, "chat m", &[CHAT])
        .with(5, 2, "chat m", &[CHAT])
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let has_output = |span: &SentrySpan| span.attributes.contains(OUTPUT);
    let answered: Vec<_> = spans[2..].iter().map(has_output).collect();
    assert_eq!(answered, [false, false, true]);
}

/// The attributes of each are within the limit of Sentry's servers, but together they exceed it.
#[test]
fn what_is_copied_from_a_wrapper_respects_the_span_limit() {
    let texts = |count: usize| vec![serde_json::json!("word ".repeat(16_000)); count];
    let messages = serde_json::json!([{"role": "assistant", "content": texts(3)}]).to_string();
    let system = serde_json::json!(texts(3)).to_string();
    let tools: Vec<_> = (texts(3).into_iter())
        .map(|text| serde_json::json!({"name": "t", "description": text}))
        .collect();
    let tools = serde_json::json!(tools).to_string();
    let attributes_of_wrapper = [
        CHAT,
        (INPUT, &*messages),
        (OUTPUT, &*messages),
        ("gen_ai.system_instructions", &*system),
    ];
    let call = [CHAT, ("gen_ai.tool.definitions", &*tools)];
    let wrapper = || Trace(Vec::new()).with(1, 0, "chat m", &attributes_of_wrapper);
    let around_one = wrapper().with(2, 1, "chat m", &call);
    let around_several = wrapper()
        .with(2, 1, "chat m", &[CHAT])
        .with(3, 1, "chat m", &call);
    for mut spans in [around_one.0, around_several.0] {
        reconcile(&mut spans, &ContentLimits::default());
        let last = spans.iter().rfind(|span| span.ai.is_some()).unwrap();
        let last = &last.attributes;
        assert!(last.contains(INPUT) && last.contains("gen_ai.tool.definitions"));
        let texts = last.iter().map(|(_, value)| match value {
            crate::Value::Str(text) => text.len(),
            _ => 0,
        });
        assert!(texts.sum::<usize>() <= 900_000);
    }
}

/// LangChain gives a run an id of its own.
#[test]
fn two_instrumentations_describe_one_call_whatever_id_they_give_its_response() {
    let other = ("gen_ai.response.id", "run--1");
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, other, (COUNT, "42")])
        .with(2, 1, "chat m", &[CHAT, RESPONSE, SDK, (COUNT, "42")]);
    let calls = spans.reconciled().into_iter();
    let calls = calls.filter(|(op, _)| op == "gen_ai.chat");
    assert_eq!(calls.count(), 1);
}
