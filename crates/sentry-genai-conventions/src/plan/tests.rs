//! A plan gives the same result as the steps, for all spans of its shape.

mod neighbours;
mod pool;

use std::{mem::discriminant, sync::Arc};

use proptest::{collection, prelude::*, sample};

use pool::{BY_HAND, EVENTS, INTEGERS, KEYS, NAMED_BY_HAND, NAMES, SCOPES, TEXTS};

use crate::{
    AiKind, ContentLimits, PlanningTranslator, Scalar, SourceEvent, SourceSpan, SourceStatus,
    SpanId, SpanKind, Status, Timestamp, TraceId, TranslateOptions, Translator, Value,
    testing::summary,
};

/// The value of an attribute in these tests.
#[derive(Clone, Debug)]
enum TestValue {
    Text(String),
    Integer(i64),
    Double(f64),
    Bool(bool),
    List(Vec<String>),
}

fn test_value() -> impl Strategy<Value = TestValue> {
    prop_oneof![
        6 => sample::select(TEXTS).prop_map(|text| TestValue::Text(text.to_owned())),
        2 => sample::select(INTEGERS).prop_map(TestValue::Integer),
        1 => prop_oneof![Just(0.0), Just(0.5), Just(3.0)].prop_map(TestValue::Double),
        1 => any::<bool>().prop_map(TestValue::Bool),
        1 => collection::vec("[a-z]{0,3}", 0..2).prop_map(TestValue::List),
    ]
}

/// A span with a few attributes, usually with a known operation.
fn shape() -> impl Strategy<Value = Vec<(&'static str, TestValue)>> {
    let operation = prop_oneof![
        3 => sample::select(&["chat", "chat_streaming", "invoke_agent", "execute_tool", "embeddings"][..])
            .prop_map(|name| Some(name.to_owned())),
        1 => Just(None),
    ];
    let rest = collection::vec((sample::select(KEYS), test_value()), 0..7);
    // Some keys occur more than once.
    let again =
        prop_oneof![2 => Just(None), 1 => (any::<sample::Index>(), test_value()).prop_map(Some)];
    (operation, rest, again).prop_map(|(operation, rest, again)| {
        let operation = operation.map(|name| ("gen_ai.operation.name", TestValue::Text(name)));
        let mut shape: Vec<_> = operation.into_iter().chain(rest).collect();
        if let Some((index, test_value)) = again.filter(|_| !shape.is_empty()) {
            let (key, _) = *index.get(&shape);
            shape.push((key, test_value));
        }
        shape
    })
}

/// What differs from span to span.
#[derive(Clone, Debug)]
struct Variation {
    name: &'static str,
    scope: &'static str,
    kind: Option<SpanKind>,
    conversation: Option<&'static str>,
    agent: Option<&'static str>,
    session: Option<&'static str>,
    model_calls_below: bool,
    status: SourceStatus,
    event: Option<&'static str>,
    /// The attribute whose value is replaced by this one, if it has the same type.
    change: (usize, TestValue),
}

const UNCHANGED: (usize, TestValue) = (usize::MAX, TestValue::Bool(false));

fn variation() -> impl Strategy<Value = Variation> {
    let some_text = || prop_oneof![2 => Just(None), 1 => sample::select(TEXTS).prop_map(Some)];
    let kind = prop_oneof![
        Just(None),
        Just(Some(SpanKind::Client)),
        Just(Some(SpanKind::Server))
    ];
    (
        (sample::select(NAMES), sample::select(SCOPES), kind),
        (some_text(), some_text(), some_text()),
        (
            any::<bool>(),
            prop_oneof![
                8 => Just(SourceStatus::Unset),
                1 => Just(SourceStatus::Ok),
                1 => Just(SourceStatus::Error(Some("no".to_owned()))),
            ],
        ),
        prop_oneof![4 => Just(None), 1 => sample::select(EVENTS).prop_map(Some)],
        (0..8_usize, test_value()),
    )
        .prop_map(
            |(
                (name, scope, kind),
                (conversation, agent, session),
                (has_model_calls_below, status),
                event,
                change,
            )| {
                Variation {
                    name,
                    scope,
                    kind,
                    conversation,
                    agent,
                    session,
                    model_calls_below: has_model_calls_below,
                    status,
                    event,
                    change,
                }
            },
        )
}

fn span(shape: &[(&'static str, TestValue)], variation: &Variation) -> SourceSpan {
    let mut span = SourceSpan::new(
        TraceId::from_bytes([1; 16]).unwrap(),
        SpanId::from_bytes([2; 8]).unwrap(),
        variation.name,
        Timestamp::from_nanos(5),
    );
    span.scope = variation.scope.into();
    span.kind = variation.kind;
    for (index, (key, test_value)) in shape.iter().enumerate() {
        let (changed_index, replacement) = &variation.change;
        let is_changed =
            index == *changed_index && discriminant(replacement) == discriminant(test_value);
        match if is_changed { replacement } else { test_value } {
            TestValue::Text(text) => span.attributes.push(key, text),
            TestValue::Integer(number) => span.attributes.push(key, *number),
            TestValue::Double(number) => span.attributes.push(key, *number),
            TestValue::Bool(value) => span.attributes.push(key, *value),
            TestValue::List(items) => {
                let items: Vec<_> = items.iter().cloned().map(Scalar::Str).collect();
                span.attributes.push(key, items);
            }
        }
    }
    let inherited = &mut span.inherited;
    inherited.conversation_id = variation.conversation.map(Arc::from);
    inherited.agent_name = variation.agent.map(Arc::from);
    inherited.session_id = variation.session.map(Arc::from);
    inherited.model_calls_below = variation.model_calls_below;
    span.status = variation.status.clone();
    if let Some(name) = variation.event {
        let mut event = SourceEvent::new(name);
        event.attributes.push("content", "Hi");
        span.events.push(event);
    }
    span
}

/// Limits that texts in this test exceed.
const SHORT: ContentLimits = ContentLimits {
    text_bytes: 100,
    attribute_bytes: 200,
};

fn options() -> impl Strategy<Value = TranslateOptions> {
    any::<[bool; 4]>().prop_map(
        |[inputs, outputs, client_addresses, short]| TranslateOptions {
            capture_inputs: inputs,
            capture_outputs: outputs,
            capture_client_addresses: client_addresses,
            limits: if short {
                SHORT
            } else {
                ContentLimits::default()
            },
        },
    )
}

proptest! {
    #[test]
    fn a_plan_gives_the_same_result_as_the_steps(
        shapes in collection::vec(shape(), 1..3),
        spans in collection::vec((any::<sample::Index>(), variation()), 1..24),
        same_name_and_scope in any::<bool>(),
        options in options(),
    ) {
        let translator = Translator::new(options);
        let mut planning = PlanningTranslator::new(translator.clone());
        let (name, scope, kind) = (spans[0].1.name, spans[0].1.scope, spans[0].1.kind);
        for (index, mut variation) in spans {
            if same_name_and_scope {
                (variation.name, variation.scope, variation.kind) = (name, scope, kind);
            }
            let shape: &Vec<_> = index.get(&shapes);
            let mut span = span(shape, &variation);
            let expected = summary(&translator.translate(span.clone()));
            prop_assert_eq!(summary(&planning.translate(&mut span)), expected);
        }
    }
}

/// A span by hand, whose name decides what it is.
fn by_hand() -> impl Strategy<Value = Vec<(&'static str, TestValue)>> {
    let text = || sample::select(TEXTS).prop_map(|text| TestValue::Text(text.to_owned()));
    let number = || prop_oneof![Just(0_i64), Just(5), Just(42)].prop_map(TestValue::Integer);
    let value = prop_oneof![3 => text(), 2 => number(), 1 => test_value()];
    collection::vec((sample::select(BY_HAND), value), 1..6)
}

proptest! {
    #[test]
    fn spans_by_hand_are_what_they_are_called(
        shape in by_hand(),
        spans in collection::vec((variation(), sample::select(NAMED_BY_HAND)), 4..16),
        options in options(),
    ) {
        let translator = Translator::new(options);
        let mut planning = PlanningTranslator::new(translator.clone());
        let (scope, kind) = (spans[0].0.scope, spans[0].0.kind);
        for (mut variation, name) in spans {
            (variation.name, variation.scope, variation.kind) = (name, scope, kind);
            let mut span = span(&shape, &variation);
            let expected = summary(&translator.translate(span.clone()));
            prop_assert_eq!(summary(&planning.translate(&mut span)), expected);
        }
    }
}

/// Typical spans of a program. Some of them must have a plan.
fn typical_span(kind: &str) -> SourceSpan {
    let text = |text: &str| TestValue::Text(text.to_owned());
    let (name, shape) = match kind {
        "chat" => (
            "chat",
            vec![
                ("gen_ai.operation.name", text("chat")),
                ("gen_ai.provider.name", text("openai")),
                ("gen_ai.request.model", text("gpt-5-mini")),
                ("gen_ai.request.temperature", TestValue::Double(0.7)),
                (
                    "gen_ai.input.messages",
                    text(r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#),
                ),
                ("gen_ai.response.finish_reasons", text("[\"stop\"]")),
                ("gen_ai.usage.input_tokens", TestValue::Integer(12)),
                ("gen_ai.usage.output_tokens", TestValue::Integer(30)),
            ],
        ),
        "stream" => (
            "chat",
            vec![
                ("gen_ai.operation.name", text("chat")),
                ("gen_ai.request.model", text("gpt-5-mini")),
                (
                    "gen_ai.response.time_to_first_chunk",
                    TestValue::Double(0.5),
                ),
                (
                    "gen_ai.output.messages",
                    text(
                        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}],"finish_reason":"stop"}]"#,
                    ),
                ),
            ],
        ),
        "tool" => (
            "execute_tool",
            vec![
                ("gen_ai.operation.name", text("execute_tool")),
                ("gen_ai.tool.name", text("get_weather")),
                ("gen_ai.tool.type", text("function")),
                ("gen_ai.request.model", text("gpt-5-mini")),
                ("gen_ai.tool.call.arguments", text("{}")),
                ("gen_ai.tool.call.outcome", text("success")),
            ],
        ),
        "agent" => (
            "invoke_agent Weather",
            vec![
                ("gen_ai.operation.name", text("invoke_agent")),
                ("gen_ai.agent.name", text("Weather")),
                ("gen_ai.response.model", text("gpt-5-mini")),
            ],
        ),
        "http" => (
            "HTTP request",
            vec![
                ("http.request.method", text("GET")),
                ("url.full", text("https://api.openai.com/v1")),
                ("http.response.status_code", TestValue::Integer(200)),
                ("otel.kind", text("client")),
            ],
        ),
        _ => (
            "fetch",
            vec![
                ("otel.name", text("fetch the orders")),
                ("rows", TestValue::Integer(3)),
            ],
        ),
    };
    let variation = Variation {
        name,
        scope: "app",
        kind: None,
        conversation: Some("conv_1"),
        agent: Some("Weather"),
        session: None,
        model_calls_below: true,
        status: SourceStatus::Unset,
        event: Some("Agent run finished"),
        change: UNCHANGED,
    };
    span(&shape, &variation)
}

#[test]
fn typical_spans_have_a_plan() {
    for capture in [false, true] {
        let options = TranslateOptions {
            capture_inputs: capture,
            capture_outputs: capture,
            ..TranslateOptions::default()
        };
        for kind in ["chat", "stream", "tool", "agent", "http", "function"] {
            let span = typical_span(kind);
            let plan = super::Plan::of(&span, &options).unwrap_or_else(|| panic!("{kind}"));
            let planned = plan.translate(&mut span.clone(), &options);
            let unplanned = Translator::new(options).translate(span);
            assert_eq!(summary(&planned), summary(&unplanned));
            assert_eq!(planned.ai == Some(AiKind::Tool), kind == "tool");
        }
    }
}

#[test]
fn an_unusual_value_does_not_fit_the_plan() {
    let options = TranslateOptions::default();
    let span = typical_span("chat");
    let plan = super::Plan::of(&span, &options).unwrap();
    assert!(plan.fits(&mut span.clone(), &options));
    for model in ["\"gpt-5\"", "Some(\"gpt-5\")", "None", "unknown", ""] {
        let mut replacement = SourceSpan {
            attributes: Default::default(),
            ..span.clone()
        };
        for (key, value) in span.attributes.iter() {
            match (key, value) {
                ("gen_ai.request.model", _) => replacement.attributes.push_owned_key(key, model),
                (_, Value::Str(text)) => replacement.attributes.push_owned_key(key, text),
                (_, value) => replacement.attributes.push_owned_key(key, value),
            }
        }
        assert!(!plan.fits(&mut replacement, &options), "{model}");
    }
}

/// `tracing` fields may be recorded with `?`.
#[test]
fn the_debug_output_of_none_names_nothing() {
    let mut span = SourceSpan {
        attributes: Default::default(),
        inherited: Default::default(),
        ..typical_span("chat")
    };
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "None"),
        ("gen_ai.agent.name", "None"),
        ("gen_ai.conversation.id", "None"),
        ("error.type", "None"),
        ("app.choice", "None"),
    ] {
        span.attributes.push(key, value);
    }
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!((&*span.name, span.status), ("chat", Status::Ok));
    let kept = ["gen_ai.operation.name", "app.choice"];
    let is_kept = |key: &&str| span.attributes.contains(key);
    assert!(kept.iter().all(is_kept), "{:?}", span.attributes);
    assert!(!is_kept(&"gen_ai.conversation.id") && !is_kept(&"gen_ai.request.model"));
    assert!(!is_kept(&"gen_ai.agent.name") && !is_kept(&"error.type"));
}

#[test]
fn a_response_id_as_conversation_has_no_plan() {
    let with_value = |id: &str| {
        let mut span = typical_span("chat");
        span.attributes.set("gen_ai.conversation.id", id);
        span
    };
    let options = TranslateOptions::default();
    let mut response = with_value("resp_0f9b1c3a7d5e4f2b8a6c");
    assert!(super::Plan::of(&response, &options).is_none());
    let plan = super::Plan::of(&with_value("conv_1"), &options).unwrap();
    assert!(plan.fits(&mut with_value("conv_2"), &options));
    assert!(!plan.fits(&mut response, &options));
}

/// An agent above such a call may have a name.
#[test]
fn a_placeholder_for_an_agent_name_does_not_fit_the_plan() {
    let with_agent = |name: &str| {
        let mut span = typical_span("chat");
        span.attributes.set("gen_ai.agent.name", name);
        span
    };
    let options = TranslateOptions::default();
    let plan = super::Plan::of(&with_agent("Weather"), &options).unwrap();
    assert!(plan.fits(&mut with_agent("Support"), &options));
    for placeholder in ["Unnamed Agent", "5f4dcc3b-5aa7-45d6-9d83-27deb882cf99"] {
        assert!(!plan.fits(&mut with_agent(placeholder), &options));
    }
}

/// Each text is within its limit, so a plan fits.
#[test]
fn a_plan_enforces_the_span_limit() {
    const OTHERS: [&str; 10] = [
        "app.0", "app.1", "app.2", "app.3", "app.4", "app.5", "app.6", "app.7", "app.8", "app.9",
    ];
    let with_value = |text: &str| {
        let mut span = typical_span("chat");
        for key in OTHERS {
            span.attributes.push(key, text);
        }
        span
    };
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let plan = super::Plan::of(&with_value("short"), &options).unwrap();
    let long = with_value(&"word ".repeat(19_000));
    assert!(plan.fits(&mut long.clone(), &options));
    let planned = plan.translate(&mut long.clone(), &options);
    let unplanned = Translator::new(options).translate(long);
    assert_eq!(summary(&planned), summary(&unplanned));
    let texts = OTHERS.iter().filter_map(|key| planned.attributes.text(key));
    let length: usize = texts.map(str::len).sum();
    assert!((500_000..900_000).contains(&length), "{length}");
}

/// Whether a message says more than its template is up to each span.
#[test]
fn a_plan_withholds_formatted_messages() {
    let with_message = |message: &str| {
        let mut span = typical_span("http");
        span.attributes.push("logfire.msg_template", "asked {city}");
        span.attributes.push("logfire.msg", message);
        span
    };
    let options = TranslateOptions::default();
    let plan = super::Plan::of(&with_message("asked {city}"), &options).unwrap();
    for (message, is_kept) in [("asked {city}", true), ("asked Paris", false)] {
        let mut span = with_message(message);
        assert!(plan.fits(&mut span, &options));
        let unplanned = Translator::new(options).translate(span.clone());
        let planned = plan.translate(&mut span, &options);
        assert_eq!(summary(&planned), summary(&unplanned));
        assert_eq!(planned.attributes.contains("logfire.msg"), is_kept);
    }
}
