use super::*;
use crate::dialect;

/// Keys that do not hold content.
const PLAIN_KEYS: [&str; 6] = [
    "app.one",
    "app.two",
    "app.three",
    "app.four",
    "app.five",
    "app.six",
];

#[test]
fn a_span_stays_within_the_span_limit() {
    let message = |role: &str, text: &str| serde_json::json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let long = |number: usize| format!("{number} {}", "word ".repeat(10_000));
    let messages = |role| {
        let messages: Vec<_> = (0..20).map(|number| message(role, &long(number))).collect();
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
    for key in PLAIN_KEYS {
        span.push(key, long(1).repeat(2));
    }
    let normalised = |limits: &ContentLimits| {
        let mut attributes = span.clone();
        normalise(&mut attributes, limits);
        truncate_texts(&mut attributes, limits);
        let before = attributes.clone();
        enforce_span_limit(&mut attributes, limits);
        (before, attributes)
    };
    let (before, fitted) = normalised(&ContentLimits::default());
    let length = |attributes: &Attributes| {
        let texts = attributes
            .iter()
            .filter_map(|(key, _)| attributes.text(key));
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
                    .is_some_and(|attributes| attributes.to_string().contains("19 word"))
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
    let (before, fitted) = normalised(&generous);
    assert_eq!(length(&before), length(&fitted));
}

/// No text is too long by itself, but together they are.
#[test]
fn repeated_shortening_reports_the_original_sizes() {
    let messages = |role: &str| {
        let message = serde_json::json!({"role": role, "parts": [{"type": "text", "content": "word ".repeat(9_800)}]});
        serde_json::json!(vec![message; 5]).to_string()
    };
    let mut span = Attributes::default();
    span.push(dialect::INPUT, messages("user"));
    span.push(dialect::OUTPUT, messages("assistant"));
    span.push(dialect::RESULT, "word ".repeat(19_900));
    for key in PLAIN_KEYS {
        span.push(key, "word ".repeat(19_600));
    }
    let limits = ContentLimits::default();
    normalise(&mut span, &limits);
    let length = "gen_ai.request.messages.original_length";
    assert_eq!(span.integer(length), None);
    let mut shorter = span.clone();
    enforce_span_limit(&mut span, &limits);
    assert_eq!(span.integer(length), Some(5));
    let size = "gen_ai.tool.call.result.size";
    assert_eq!(span.integer(size), None, "it is whole");
    shorten_content(&mut shorter, &limits, 200_000);
    assert_eq!(shorter.integer(length), Some(5));
    assert_eq!(shorter.integer(size), Some(5 * 19_900));
}

#[test]
fn many_long_texts_are_cut_in_linear_time() {
    let limits = ContentLimits {
        text_bytes: 64,
        ..ContentLimits::default()
    };
    crate::growth::assert_linear(2_000, |many| {
        let mut attributes = Attributes::default();
        for number in 0..many {
            attributes.push_owned_key(&format!("app.{number}"), "word ".repeat(20));
        }
        truncate_texts(&mut attributes, &limits);
        let is_cut = |(_, value)| matches!(value, Value::Str(text) if text.len() <= 64);
        assert!(attributes.iter().all(is_cut));
    });
}

#[test]
fn cutting_a_long_text_does_not_double_the_memory() {
    let mut attributes = Attributes::default();
    attributes.push("app.one", "word ".repeat(100_000));
    let limits = ContentLimits::default();
    truncate_texts(&mut attributes, &limits);
    let kept = attributes.text("app.one").map_or(0, str::len);
    assert!(kept > 0 && kept <= limits.text_bytes);
    assert!(attributes.footprint() < 500_000 + kept * 2);
}
