use super::*;
use crate::dialect;

/// Keys that do not hold content.
const OTHERS: [&str; 6] = [
    "app.one",
    "app.two",
    "app.three",
    "app.four",
    "app.five",
    "app.six",
];

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

/// No text is too long by itself, but together they are.
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
