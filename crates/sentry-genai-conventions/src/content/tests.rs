use super::*;

/// Keys that are no content.
const OTHERS: [&str; 6] = [
    "app.one",
    "app.two",
    "app.three",
    "app.four",
    "app.five",
    "app.six",
];

/// Instructions, messages of which a system message says `Be brief.`, and the instructions that come of both.
#[rustfmt::skip]
const INSTRUCTED: &[(Option<&str>, &str, &str)] = &[
    (None, CANONICAL, r#"[{"type":"text","content":"Be brief."}]"#),
    (Some("Be kind."), CANONICAL, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some("Be kind."), PLAIN, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some("Be kind."), DEVELOPER, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some(r#"[{"type":"text","content":"Be brief."}]"#), CANONICAL, r#"[{"type":"text","content":"Be brief."}]"#),
    (Some(r#"["Be brief.", "Be kind."]"#), PLAIN, r#"[{"type":"text","content":"Be brief."},{"type":"text","content":"Be kind."}]"#),
    (Some("Be kind."), TWICE, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."},{"type":"text","content":"Be brief."}]"#),
    (None, TWICE, r#"[{"type":"text","content":"Be brief."},{"type":"text","content":"Be brief."}]"#),
    (Some("[]"), CANONICAL, r#"[{"type":"text","content":"Be brief."}]"#),
];
const CANONICAL: &str = r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
const PLAIN: &str = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]"#;
const TWICE: &str = r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."},{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
const DEVELOPER: &str = r#"[{"role":"developer","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;

#[test]
fn system_messages_join_the_instructions() {
    for (instructions, messages, expected) in INSTRUCTED {
        let mut attributes = Attributes::default();
        if let Some(instructions) = instructions {
            attributes.push(SYSTEM, *instructions);
        }
        attributes.push(dialect::INPUT, *messages);
        shape(&mut attributes, &ContentLimits::default());
        assert_eq!(attributes.text(SYSTEM), Some(*expected), "{instructions:?}");
        assert_eq!(
            attributes.text(dialect::INPUT),
            Some(r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#)
        );
    }
}

/// What is too long is shortened by another way.
#[test]
fn system_messages_join_the_instructions_of_a_conversation_that_is_cut() {
    let said = |role: &str, text: &str| {
        format!(r#"{{"role":"{role}","parts":[{{"type":"text","content":"{text}"}}]}}"#)
    };
    let old = said("user", &"word ".repeat(40));
    let messages = [
        said("system", "Be brief."),
        old.clone(),
        old,
        said("user", "Hi"),
    ];
    let limits = ContentLimits {
        attribute_bytes: 300,
        ..ContentLimits::default()
    };
    let mut attributes = Attributes::default();
    attributes.push(dialect::INPUT, format!("[{}]", messages.join(",")));
    attributes.push(SYSTEM, "Be kind.");
    shape(&mut attributes, &limits);
    assert_eq!(
        attributes.text(SYSTEM),
        Some(r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#)
    );
}

#[test]
fn many_system_messages_join_the_instructions_within_the_limits() {
    let messages: Vec<_> = (0..20_000)
        .map(|number| serde_json::json!({"role": "system", "content": format!("Rule {number}")}))
        .collect();
    let mut attributes = Attributes::default();
    attributes.push(SYSTEM, "Be kind.");
    attributes.push(dialect::INPUT, serde_json::json!(messages).to_string());
    let limits = ContentLimits::default();
    shape(&mut attributes, &limits);
    let shaped = attributes.text(SYSTEM).unwrap();
    assert!(shaped.len() <= limits.attribute_bytes);
    let shaped: Vec<serde_json::Value> = serde_json::from_str(shaped).unwrap();
    assert_eq!(shaped[0]["content"], "Be kind.");
    assert!(shaped.len() > 1000, "{}", shaped.len());
    for (number, part) in shaped[1..].iter().enumerate() {
        assert_eq!(part["content"], format!("Rule {number}"));
    }
}

#[test]
fn a_span_stays_within_what_sentry_takes() {
    let said = |role: &str, text: &str| serde_json::json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let long = |number: usize| format!("{number} {}", "word ".repeat(10_000));
    let messages = |role| {
        let messages: Vec<_> = (0..20).map(|number| said(role, &long(number))).collect();
        serde_json::json!(messages).to_string()
    };
    let tool = |number: usize| serde_json::json!({"type": "function", "name": "w", "description": long(number)});
    let tools: Vec<_> = (0..20).map(tool).collect();
    let mut span = Attributes::default();
    span.push(dialect::INPUT, messages("user"));
    span.push(dialect::OUTPUT, messages("assistant"));
    span.push(
        "gen_ai.tool.definitions",
        serde_json::json!(tools).to_string(),
    );
    for key in OTHERS {
        span.push(key, long(1).repeat(2));
    }
    let shaped = |limits: &ContentLimits| {
        let mut attributes = span.clone();
        shape(&mut attributes, limits);
        bound(&mut attributes, limits);
        let before = attributes.clone();
        fit(&mut attributes, limits);
        (before, attributes)
    };
    let (before, fitted) = shaped(&ContentLimits::default());
    let length = |it: &Attributes| {
        let texts = it.iter().filter_map(|(key, _)| it.text(key));
        texts.map(str::len).sum::<usize>()
    };
    assert!(length(&before) > 1_000_000, "{}", length(&before));
    assert!(
        (600_000..=SPAN_BYTES).contains(&length(&fitted)),
        "{}",
        length(&fitted)
    );
    for key in [dialect::INPUT, dialect::OUTPUT] {
        let text = fitted.text(key).unwrap();
        let messages: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        assert!(
            messages.len() > 1
                && messages
                    .last()
                    .is_some_and(|it| it.to_string().contains("19 word"))
        );
    }
    assert_eq!(
        fitted.integer("gen_ai.request.messages.original_length"),
        Some(20)
    );
    let generous = ContentLimits {
        attribute_bytes: 10_000_000,
        ..ContentLimits::default()
    };
    let (before, fitted) = shaped(&generous);
    assert_eq!(length(&before), length(&fitted));
}

/// Nothing is too long but all of it together.
#[test]
fn what_is_shortened_in_several_rounds_says_how_much_there_was() {
    let messages = |role: &str| {
        let message = serde_json::json!({"role": role, "parts": [{"type": "text", "content": "word ".repeat(9_800)}]});
        serde_json::json!(vec![message; 5]).to_string()
    };
    let mut span = Attributes::default();
    span.push(dialect::INPUT, messages("user"));
    span.push(dialect::OUTPUT, messages("assistant"));
    span.push(dialect::RESULT, "word ".repeat(19_900));
    for key in OTHERS {
        span.push(key, "word ".repeat(19_600));
    }
    let limits = ContentLimits::default();
    shape(&mut span, &limits);
    let length = "gen_ai.request.messages.original_length";
    assert_eq!(span.integer(length), None);
    let mut shorter = span.clone();
    fit(&mut span, &limits);
    assert_eq!(span.integer(length), Some(5));
    let size = "gen_ai.tool.call.result.size";
    assert_eq!(span.integer(size), None, "it is whole");
    shorten(&mut shorter, &limits, 200_000);
    assert_eq!(shorter.integer(length), Some(5));
    assert_eq!(shorter.integer(size), Some(5 * 19_900));
}

#[test]
fn finish_reasons_are_a_list_of_plain_words() {
    for (written, expected) in [
        ("stop", r#"["stop"]"#),
        (r#""stop""#, r#"["stop"]"#),
        ("['stop']", r#"["stop"]"#),
        ("[Stop]", r#"["stop"]"#),
        ("[Some(ToolCalls), None]", r#"["tool_calls"]"#),
        (r#"["stop", null]"#, r#"["stop"]"#),
        ("FinishReason.STOP", r#"["stop"]"#),
        (
            "FinishReason.STOP,FinishReason.LENGTH",
            r#"["stop","length"]"#,
        ),
        ("out of words, it seems", r#"["out of words, it seems"]"#),
    ] {
        assert_eq!(reasons(written).as_deref(), Some(expected), "{written}");
        assert_eq!(reasons(expected), None, "{written}, once more");
    }
}
