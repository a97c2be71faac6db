use proptest::{collection, prelude::*};
use serde_json::{Map, Number, Value};

use super::super::{
    ContentLimits, Messages, Side, redact_blobs, system_instructions, tool_definitions,
    tool_payload,
};

/// Words that occur in real spellings, so that random JSON matches them.
const KEYS: &[&str] = &[
    "role",
    "content",
    "parts",
    "type",
    "text",
    "messages",
    "prompt",
    "system",
    "tool_calls",
    "tool_call_id",
    "id",
    "name",
    "arguments",
    "input",
    "output",
    "response",
    "result",
    "function",
    "choices",
    "message",
    "finish_reason",
    "image_url",
    "url",
    "data",
    "source",
    "mime_type",
    "kwargs",
    "generations",
    "value",
    "reasoning",
    "summary",
    "toolCallId",
    "toolName",
    "uri",
    "file_id",
    "modality",
    "event.name",
    "object",
];
const WORDS: &[&str] = &[
    "user",
    "assistant",
    "system",
    "tool",
    "model",
    "developer",
    "function",
    "text",
    "tool_call",
    "tool_call_response",
    "tool_use",
    "tool-result",
    "image_url",
    "reasoning",
    "blob",
    "uri",
    "file",
    "object",
    "constructor",
    "message",
    "function_call",
    "evaluation",
    "__REDACTED__",
    "",
    "stop",
    "json",
    "human",
    "gen_ai.choice",
    "data:image/png;base64,AAAA",
    "https://u:p@example.com/a?b#c",
    "{\"a\":1}",
    "[1]",
    "{'a': None}",
    "\"[1]\"",
    "… [3 bytes cut]",
    "[{\"type\":\"text\",\"text\":\"x\"}]",
    "ResponseFunctionToolCall(arguments='{\"a\":1}', call_id='c1', name='add', type='function_call')",
];

pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[a-zA-Z ]{100,400}",
    ]
}

pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        // Fractions that every parser reads exactly.
        any::<i16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let key = prop_oneof![
            8 => proptest::sample::select(KEYS).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

pub(super) fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Input), Just(Side::Output)]
}

pub(super) fn limits() -> impl Strategy<Value = ContentLimits> {
    let large = (1_usize..100_000, 2_usize..256_000);
    let small = (1_usize..200, 2_usize..500);
    prop_oneof![large, small].prop_map(|(text_bytes, attribute_bytes)| ContentLimits {
        text_bytes,
        attribute_bytes,
    })
}

/// Reads and writes `text`, and checks what must hold for any output.
fn written(text: &str, side: Side, limits: &ContentLimits) -> String {
    let fitted = Messages::parse(text, side).into_json(limits);
    assert!(fitted.json.len() <= limits.attribute_bytes);
    let messages: Vec<Map<String, Value>> = serde_json::from_str(&fitted.json).unwrap();
    for message in &messages {
        if message.get("type").is_some_and(|kind| kind == "evaluation") {
            continue;
        }
        let role = message["role"].as_str().unwrap();
        assert!(["system", "user", "assistant", "tool"].contains(&role));
        let parts = message["parts"].as_array().unwrap();
        assert!(!parts.is_empty());
        assert!(parts.iter().all(|part| part["type"].is_string()));
    }
    if let Some(original) = fitted.original_length {
        assert!(messages.len() <= original);
    }
    fitted.json
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_becomes_messages(text in any::<String>(), side in side(), limits in limits()) {
        let once = written(&text, side, &limits);
        prop_assert_eq!(written(&once, side, &limits), once);
    }

    #[test]
    fn any_json_becomes_messages(value in any_json(), side in side(), limits in limits()) {
        let once = written(&value.to_string(), side, &limits);
        prop_assert_eq!(written(&once, side, &limits), once);
    }

    #[test]
    fn any_truncated_json_becomes_messages(value in any_json(), cut in 0.0..1.0, side in side()) {
        let text = value.to_string();
        let mut end = (text.len() as f64 * cut) as usize;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let limits = ContentLimits::default();
        let once = written(&text[..end], side, &limits);
        prop_assert_eq!(written(&once, side, &limits), once);
    }

    #[test]
    fn instructions_definitions_and_payloads_stay_within_limits(value in any_json(), limits in limits()) {
        let text = value.to_string();
        let instructions = system_instructions(&text, &limits);
        prop_assert!(instructions.len() <= limits.attribute_bytes);
        let texts: Vec<Value> = serde_json::from_str(&instructions).unwrap();
        prop_assert!(texts.iter().all(|part| part["type"] == "text" && part["content"].is_string()));

        let definitions = tool_definitions(&text, &limits);
        prop_assert!(definitions.len() <= limits.attribute_bytes);
        prop_assert!(serde_json::from_str::<Vec<Value>>(&definitions).is_ok());

        let (payload, size) = tool_payload(&text, &limits);
        prop_assert!(payload.len() <= limits.attribute_bytes);
        if value.is_array() || value.is_object() {
            prop_assert!(serde_json::from_str::<Value>(&payload).is_ok());
        }
        prop_assert!(size.is_none_or(|size| size == text.len()));

        let redacted = redact_blobs(&text).into_owned();
        prop_assert!(serde_json::from_str::<Value>(&redacted).is_ok());
        prop_assert_eq!(redact_blobs(&redacted).into_owned(), redacted);
    }
}

#[test]
fn large_integers_keep_their_precision() {
    let number = Number::from(u64::MAX);
    let call = serde_json::json!([{"role": "assistant", "tool_calls": [{"name": "f", "args": {"n": number}}]}]);
    let json = written(&call.to_string(), Side::Output, &ContentLimits::default());
    assert!(json.contains("18446744073709551615"));
}
