use sentry_genai_conventions::{SpanKind, Timestamp};

use super::*;

fn span(number: u8, parent: Option<u8>) -> SourceSpan {
    let trace_id = TraceId::from_bytes([7; 16]).unwrap();
    let id = |number: u8| SpanId::from_bytes([number; 8]).unwrap();
    let mut span = SourceSpan::new(trace_id, id(number), "x", Timestamp::default());
    span.parent_span_id = parent.map(id);
    span
}

fn with(mut span: SourceSpan, attributes: &[(&'static str, &str)]) -> SourceSpan {
    for (key, value) in attributes {
        span.attributes.push(key, *value);
    }
    span
}

fn report(spans: impl IntoIterator<Item = SourceSpan>) -> Report {
    let received = spans.into_iter().map(|span| ReceivedSpan {
        resource: Default::default(),
        span,
    });
    let mut checker = Checker::default();
    checker.add("file", received.collect());
    checker.into_report()
}

/// Returns the findings about some spans: rule, count, and details.
fn found(spans: Vec<SourceSpan>) -> Vec<(&'static str, usize, Vec<String>)> {
    let report = report(spans);
    let findings = report.findings().into_iter();
    findings
        .map(|it| (it.rule.id, it.count, it.details.keys().cloned().collect()))
        .collect()
}

const GOOD: [(&str, &str); 3] = [
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.request.model", "gpt-5-mini"),
    ("gen_ai.conversation.id", "c"),
];

#[test]
fn good_spans_have_no_findings() {
    let agent = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "a"),
    ];
    let spans = vec![with(span(1, None), &agent), with(span(2, Some(1)), &GOOD)];
    assert_eq!(found(spans), []);
}

#[test]
fn missing_names_and_models() {
    let operation = |name| [("gen_ai.operation.name", name), ("session.id", "s")];
    let spans = vec![
        with(span(1, None), &operation("invoke_agent")),
        with(span(2, Some(1)), &operation("execute_tool")),
        with(span(3, Some(1)), &operation("chat")),
    ];
    let rules: Vec<_> = found(spans).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(
        rules,
        ["agent-name-missing", "model-missing", "tool-name-missing"]
    );
}

#[test]
fn conversations_agents_without_calls_and_demoted_operations() {
    let spans = vec![
        with(
            span(1, None),
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.name", "a"),
            ],
        ),
        with(
            span(2, Some(1)),
            &[("gen_ai.operation.name", "invoke_workflow")],
        ),
    ];
    assert_eq!(
        found(spans),
        [
            ("conversation-missing", 1, vec![]),
            ("agent-without-calls", 1, vec![]),
            ("operation-demoted", 1, vec!["invoke_workflow".to_owned()]),
        ]
    );
}

#[test]
fn a_parent_may_be_missing_only_above_a_server() {
    let mut entry = span(1, Some(9));
    entry.kind = Some(SpanKind::Server);
    let spans = vec![entry, span(2, Some(1)), span(3, Some(8))];
    assert_eq!(found(spans), [("parent-missing", 1, vec![])]);
}

#[test]
fn counts_and_costs() {
    let mut one = with(span(1, None), &GOOD);
    one.attributes.push("gen_ai.usage.input_tokens", -5_i64);
    one.attributes.push("gen_ai.usage.output_tokens", "many");
    one.attributes.push("gen_ai.usage.total_tokens", "Some(7)");
    one.attributes.push("gen_ai.request.max_tokens", -1_i64);
    one.attributes.push("operation.cost", -0.5);
    let keys = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"];
    assert_eq!(
        found(vec![one]),
        [
            ("cost-negative", 1, vec!["operation.cost".to_owned()]),
            ("tokens-impossible", 2, keys.map(str::to_owned).to_vec()),
        ]
    );
}

#[test]
fn content_and_deprecated_names() {
    let one = with(
        span(1, None),
        &[
            GOOD[0],
            GOOD[1],
            GOOD[2],
            ("gen_ai.system", "openai"),
            ("gen_ai.tool.type", "function"),
            (
                "gen_ai.input.messages",
                r#"[{"role":"user","content":"hi"}]"#,
            ),
        ],
    );
    let deprecated = [
        "gen_ai.system is now gen_ai.provider.name",
        "gen_ai.tool.type is gone",
    ];
    assert_eq!(
        found(vec![one]),
        [
            (
                "attribute-deprecated",
                2,
                deprecated.map(str::to_owned).to_vec()
            ),
            (
                "content-dropped",
                1,
                vec!["gen_ai.input.messages".to_owned()]
            ),
        ]
    );
}

#[test]
fn a_name_is_misspelled_only_if_its_value_would_be_lost() {
    let misspelled = |span: SourceSpan| {
        let findings = found(vec![span]).into_iter();
        findings
            .filter(|(id, ..)| *id == "attribute-misspelled")
            .flat_map(|(_, _, details)| details)
            .collect::<Vec<_>>()
    };
    let mut call = with(span(1, None), &GOOD);
    call.attributes.push("gen_ai.usage.promt_tokens", 5_i64);
    call.attributes.push("gen_ai.usage.mine", 5_i64);
    assert_eq!(
        misspelled(call.clone()),
        ["gen_ai.usage.promt_tokens: did you mean gen_ai.usage.input_tokens?"]
    );
    // Nothing is lost.
    call.attributes.push("gen_ai.usage.input_tokens", 5_i64);
    assert_eq!(misspelled(call), [""; 0]);
    // It is understood, but says nothing.
    let empty = with(span(1, None), &[GOOD[0], ("gen_ai.conversation_id", "")]);
    assert_eq!(misspelled(empty), [""; 0]);

    // A name that is understood next to others means nothing on its own.
    let mut plain = with(span(1, None), &[("genai.model", "gpt-5-mini")]);
    assert_eq!(
        misspelled(plain.clone()),
        ["genai.model: did you mean gen_ai.request.model?"]
    );
    plain.kind = Some(SpanKind::Server);
    assert_eq!(misspelled(plain.clone()), [""; 0]);
    plain.kind = None;
    let chain = with(plain.clone(), &[("openinference.span.kind", "CHAIN")]);
    assert_eq!(misspelled(chain), [""; 0]);
    assert_eq!(misspelled(with(plain, &GOOD[..1])), [""; 0]);
}

#[test]
fn only_what_looks_like_json_is_unreadable() {
    let unreadable = |text| {
        let one = with(span(1, None), &GOOD);
        let findings = found(vec![with(one, &[("gen_ai.input.messages", text)])]);
        findings.iter().any(|(id, ..)| *id == "messages-unreadable")
    };
    assert!(unreadable("{this is; no JSON at all"));
    assert!(unreadable("[ {this is; no JSON at all"));
    assert!(!unreadable("just a question"));
    // Prompts of DSPy and of Llama.
    assert!(!unreadable("[[ ## question ## ]]\nWhat?"));
    assert!(!unreadable("[INST] What? [/INST]"));
    assert!(!unreadable(r#"[{"role":"user","content":"{\"a\": 1}"}]"#));
    // A question that is JSON is meant to be.
    assert!(!unreadable(r#"{"city":"Vienna"}"#));
}

#[test]
fn examples_are_limited_and_every_rule_is_in_the_table() {
    let report = report((1..=200).map(|number| with(span(number, None), &GOOD[..2])));
    assert_eq!(
        (report.spans, report.ai_spans, report.traces),
        (200, 200, 1)
    );
    let [finding] = &report.findings()[..] else {
        panic!("{report:?}");
    };
    assert_eq!((finding.count, finding.examples.len()), (200, MAX_EXAMPLES));
    assert!(report.has(Severity::Warning));
    assert!(RULES.contains(&finding.rule));
}
