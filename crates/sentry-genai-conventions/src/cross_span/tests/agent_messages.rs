//! Model calls without messages get those of the agent that made them.

use serde_json::{Value, json};

use super::*;

const QUESTION: &str = r#"[{"role":"user","content":"Where?"}]"#;

/// Two calls and a tool inside an agent; the first call ends last in the batch, as in an export.
fn trace(agent: &[Attribute], first: &[Attribute]) -> Vec<SentrySpan> {
    let with = |more: &[Attribute], own: Attribute| [&[own], more].concat();
    let mut spans = Trace(Vec::new())
        .with(4, 1, "chat m", &[CHAT])
        .with(3, 1, "execute_tool w", &[TOOL])
        .with(2, 5, "chat m", &with(first, CHAT))
        .with(5, 1, "step", &[])
        .with(1, 0, "invoke_agent a", &with(agent, AGENT))
        .0;
    for span in &mut spans {
        let position = u64::from(span.span_id.to_bytes()[0]);
        span.start = Timestamp::from_nanos(position);
        span.end = Timestamp::from_nanos(position + 1);
    }
    reconcile(&mut spans, &ContentLimits::default());
    spans
}

type Attribute = (&'static str, &'static str);

/// Returns what the first call and the second one say.
fn messages(spans: &[SentrySpan]) -> [[Option<Value>; 2]; 2] {
    [2, 0].map(|call: usize| {
        [INPUT, OUTPUT].map(|key| {
            let text = spans[call].attributes.text(key)?;
            serde_json::from_str(text).ok()
        })
    })
}

fn message(role: &str, part: Value) -> Value {
    json!({"role": role, "parts": [part]})
}

fn text(content: &str) -> Value {
    json!({"type": "text", "content": content})
}

#[test]
fn each_call_gets_its_own_answer() {
    const ANSWERS: &str = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"w","arguments":{}}]},
        {"role":"tool","parts":[{"type":"tool_call_response","id":"1","response":"Wien"}]},
        {"role":"assistant","content":"In Wien."}]"#;
    let spans = trace(&[(INPUT, QUESTION), (OUTPUT, ANSWERS)], &[]);
    let call = json!({"type": "tool_call", "id": "1", "name": "w", "arguments": {}});
    let expected = [
        [
            Some(json!([message("user", text("Where?"))])),
            Some(json!([message("assistant", call)])),
        ],
        [None, Some(json!([message("assistant", text("In Wien."))]))],
    ];
    assert_eq!(messages(&spans), expected);
    assert!(
        spans[4].attributes.contains(OUTPUT),
        "and the agent as well"
    );
}

#[test]
fn a_single_answer_goes_to_the_last_call() {
    const ANSWER: &str = r#"[{"role":"assistant","content":"In Wien."}]"#;
    let question = || Some(json!([message("user", text("Where?"))]));
    let answer = || Some(json!([message("assistant", text("In Wien."))]));
    let spans = trace(&[(INPUT, QUESTION), (OUTPUT, ANSWER)], &[]);
    assert_eq!(messages(&spans), [[question(), None], [None, answer()]]);

    let failed = trace(&[(INPUT, QUESTION)], &[]);
    assert_eq!(messages(&failed), [[question(), None], [None, None]]);

    let known = trace(&[(INPUT, QUESTION), (OUTPUT, ANSWER)], &[(OUTPUT, ANSWER)]);
    assert_eq!(messages(&known), [[None, answer()], [None, None]]);
}

#[test]
fn a_call_that_failed_and_one_of_a_tool_did_not_answer() {
    const ANSWER: &str = r#"[{"role":"assistant","content":"In Wien."}]"#;
    let agent = [AGENT, (INPUT, QUESTION), (OUTPUT, ANSWER)];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &agent)
        .with(2, 1, "chat m", &[CHAT])
        .with(3, 1, "execute_tool w", &[TOOL])
        .with(4, 3, "chat m", &[CHAT])
        .with(5, 1, "chat m", &[CHAT])
        .0;
    for (position, span) in spans.iter_mut().enumerate() {
        span.start = Timestamp::from_nanos(position as u64);
        span.end = Timestamp::from_nanos(position as u64 + 1);
    }
    spans[4].status = Status::Error;
    reconcile(&mut spans, &ContentLimits::default());
    let answered = |span: &SentrySpan| span.attributes.contains(OUTPUT);
    let answered: Vec<_> = spans.iter().map(answered).collect();
    assert_eq!(answered, [true, true, false, false, false]);
}

/// VoltAgent records what its calls ask, and what its agents answer.
#[test]
fn an_answer_that_no_call_knows_is_that_of_the_agent_of_the_same_library() {
    const ANSWER: &str = r#"[{"role":"assistant","content":"In Wien."}]"#;
    const ASKED: &str = r#"[{"role":"user","parts":[{"type":"text","content":"And?"}]}]"#;
    const SCOPE: (&str, &str) = ("scope", "my.agents");
    let answered = |agent_scope: (&'static str, &str), status| {
        let agent = [AGENT, (INPUT, QUESTION), (OUTPUT, ANSWER), agent_scope];
        let mut spans = Trace(Vec::new())
            .with(1, 0, "invoke_agent a", &agent)
            .with(2, 1, "chat m", &[CHAT, (INPUT, ASKED), SCOPE])
            .0;
        spans[1].status = status;
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!(spans[1].attributes.text(INPUT), Some(ASKED));
        spans[1].attributes.contains(OUTPUT)
    };
    assert!(answered(SCOPE, Status::Ok));
    assert!(!answered(SCOPE, Status::Error));
    assert!(!answered(("scope", "other"), Status::Ok));
}

/// The spans of a batch may be in any order, and what has been given is not given again.
#[test]
fn messages_are_given_once_in_any_order() {
    const ANSWER: &str = r#"[{"role":"assistant","content":"In Wien."}]"#;
    let agent = [AGENT, (INPUT, QUESTION), (OUTPUT, ANSWER)];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &agent)
        .with(2, 1, "chat m", &[CHAT])
        .with(3, 1, "chat m", &[CHAT])
        .0;
    let mut reversed: Vec<_> = spans.iter().rev().cloned().collect();
    reconcile(&mut spans, &ContentLimits::default());
    reconcile(&mut reversed, &ContentLimits::default());
    let again = spans.clone();
    reconcile(&mut spans, &ContentLimits::default());
    let said = |spans: &mut dyn Iterator<Item = &SentrySpan>| -> Vec<_> {
        spans
            .map(|span| [INPUT, OUTPUT].map(|key| span.attributes.text(key).map(str::to_owned)))
            .collect()
    };
    let expected = said(&mut again.iter());
    assert_eq!(said(&mut spans.iter()), expected);
    assert_eq!(said(&mut reversed.iter().rev()), expected);
}
