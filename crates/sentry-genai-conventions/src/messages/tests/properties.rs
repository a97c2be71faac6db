use proptest::{collection, prelude::*};
use serde_json::{Map, Number, Value, json};

use crate::{Attributes, content::shape, excerpt};

use super::super::{
    ContentLimits, Messages, Side, blobs::may_hold_blob, canonical, join_system, redact_blobs,
    system_instructions, tool_definitions, tool_payload,
};

/// The words that spellings are made of, so that random JSON hits them.
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

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[a-zA-Z ]{100,400}",
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        // Fractions that every parser reads back exactly.
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

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Input), Just(Side::Output)]
}

fn limits() -> impl Strategy<Value = ContentLimits> {
    let large = (1_usize..100_000, 2_usize..256_000);
    let small = (1_usize..200, 2_usize..500);
    prop_oneof![large, small].prop_map(|(text_bytes, attribute_bytes)| ContentLimits {
        text_bytes,
        attribute_bytes,
    })
}

/// Reads and writes `text`, and checks what holds for all that is written.
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
    fn everything_else_stays_within_limits(value in any_json(), limits in limits()) {
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
fn numbers_survive() {
    let number = Number::from(u64::MAX);
    let call = serde_json::json!([{"role": "assistant", "tool_calls": [{"name": "f", "args": {"n": number}}]}]);
    let json = written(&call.to_string(), Side::Output, &ContentLimits::default());
    assert!(json.contains("18446744073709551615"));
}

/// Texts that have everything that is looked for, longer and shorter than the blocks in which that is done.
fn rugged() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,12} ",
        2 => "[\"\\\\]{1,5}",
        2 => "[\n\t\u{8}\u{c}\r]{1,3}",
        2 => "[a-zA-Z0-9+/=_-]{20,140}",
        2 => "[a-z]{20,140}",
        2 => "[\\p{Han}\\p{Hiragana}]{1,40}",
        1 => "[;=<:.,'&]{1,3}",
        1 => proptest::sample::select(&[
            ";base64,", "data:image/png;base64,QQ==", "type='function_call'", "\u{1}", "\u{7f}",
        ][..]).prop_map(str::to_owned),
    ];
    collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

/// Does what [`may_hold_blob`] does, one byte at a time.
fn holds_base64(text: &str) -> bool {
    let is_other = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+/=-_\\".contains(byte);
    let mut runs = text.as_bytes().split(is_other);
    text.contains(";base64,")
        || runs.any(|run| {
            run.len() >= 64
                && run.iter().any(u8::is_ascii_uppercase)
                && run.iter().any(u8::is_ascii_lowercase)
        })
}

/// Messages close to the canonical form, so that most are in it.
fn nearly_canonical() -> impl Strategy<Value = String> {
    let content = prop_oneof![
        6 => "[a-zA-Z \\n\"\\\\]{1,20}",
        2 => "[\\p{Han}\u{a0}\u{3000}\u{8}\u{c} \\n.\\[\\]{}\"\\\\]{1,6}",
        1 => text(),
        1 => rugged(),
    ];
    let part = (
        prop_oneof![8 => Just("text"), 1 => Just("reasoning"), 1 => Just("blob")],
        content,
    )
        .prop_map(|(kind, content)| json!({"type": kind, "content": content}));
    let role = prop_oneof![
        2 => Just("system"), 4 => Just("user"), 4 => Just("assistant"), 1 => Just("tool"), 1 => Just("developer"),
    ];
    let reason =
        proptest::option::weighted(0.2, prop_oneof![3 => Just("stop"), 1 => Just("unknown")]);
    let message = (role, collection::vec(part, 1..3), reason).prop_map(|(role, parts, reason)| {
        let mut message = json!({"role": role, "parts": parts});
        if let Some(reason) = reason {
            message["finish_reason"] = reason.into();
        }
        message
    });
    (collection::vec(message, 0..4), any::<bool>()).prop_map(|(messages, is_usual)| {
        if is_usual {
            in_usual_order(&messages)
        } else {
            Value::from(messages).to_string()
        }
    })
}

/// Writes messages with their fields as most libraries have them, which is not by the alphabet.
fn in_usual_order(messages: &[Value]) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    let part = |part: &Value| {
        format!(
            r#"{{"type":{},"content":{}}}"#,
            part["type"], part["content"]
        )
    };
    let message = |message: &Value| {
        let parts = message["parts"].as_array().unwrap().iter().map(part);
        let reason = message.get("finish_reason");
        let reason = reason.map_or_else(String::new, |reason| {
            format!(r#","finish_reason":{reason}"#)
        });
        format!(
            r#"{{"role":{},"parts":{}{reason}}}"#,
            message["role"],
            list(parts.collect())
        )
    };
    list(messages.iter().map(message).collect())
}

proptest! {
    /// What is recognised as canonical is what the whole way through values would have made of it.
    #[test]
    fn the_short_way_ends_where_the_long_one_does(text in nearly_canonical(), side in side(), limits in limits()) {
        if let Some(found) = canonical::messages(&text, side, &limits) {
            let mut messages = Messages::parse(&text, side);
            let system: Value = serde_json::from_str(&join_system("", messages.take_system(), &limits)).unwrap();
            let texts: Vec<String> = found.system().iter().map(|place| serde_json::from_str(&text[place.clone()]).unwrap()).collect();
            let texts: Vec<_> = texts.into_iter().map(|text| json!({"type": "text", "content": text})).collect();
            prop_assert_eq!(system, Value::from(texts));
            let rest = found.rest.map(|rest| serde_json::from_str::<Value>(&format!("[{}", &text[rest..])).unwrap());
            let long = (!messages.is_empty()).then(|| {
                let fitted = messages.into_json(&limits);
                assert_eq!(fitted.original_length, None);
                serde_json::from_str::<Value>(&fitted.json).unwrap()
            });
            prop_assert_eq!(rest, long);
        }
    }

    #[test]
    fn long_runs_are_seen_wherever_they_are(text in rugged()) {
        prop_assert_eq!(may_hold_blob(text.as_bytes()), holds_base64(&text));
        let json = Value::from(text).to_string();
        prop_assert_eq!(may_hold_blob(json.as_bytes()), holds_base64(&json));
    }

    /// All that is simple is recognised, and nothing else.
    #[test]
    fn simple_messages_take_the_short_way(
        texts in collection::vec(rugged(), 1..4), spaces in "[ \n]{0,70}", text_bytes in 100..2000_usize,
    ) {
        let part = |text: &String| json!({"type": "text", "content": text});
        let messages: Vec<_> = texts.iter().map(|text| json!({"role": "user", "parts": [part(text)]})).collect();
        let parts: Vec<_> = texts.iter().map(part).collect();
        let answer = [json!({"role": "assistant", "parts": parts, "finish_reason": "stop"})];
        let lists = [in_usual_order(&messages), Value::from(messages).to_string(), in_usual_order(&answer)];
        let limits = ContentLimits { text_bytes, attribute_bytes: 256_000 };
        let is_simple = texts.iter().all(|text| {
            let inner = Value::from(text.as_str()).to_string().len() - 2;
            inner <= text_bytes && !text.contains('\u{1}') && !text.trim().is_empty()
        });
        for list in lists {
            for text in [list.clone(), format!("[{spaces}{}{spaces}", &list[1..])] {
                let is_plain = !holds_base64(&text) && !text.contains("type='function_call'");
                let found = canonical::messages(&text, Side::Output, &limits);
                prop_assert_eq!(found.is_some(), is_simple && is_plain);
            }
        }
        let text = Value::from(parts).to_string();
        let is_recognised = canonical::is_text_parts(&text, &limits);
        prop_assert_eq!(is_recognised, is_simple && !holds_base64(&text));
    }

    /// So is what is shortened without being taken apart.
    #[test]
    fn the_short_way_to_shorten_ends_where_the_long_one_does(
        texts in collection::vec(nearly_canonical(), 1..6), side in side(), limits in limits(), extra in 1..400_usize,
    ) {
        let lists = texts.iter().map(|text| text.trim_matches(['[', ']']));
        let messages: Vec<_> = lists.filter(|list| !list.is_empty()).collect();
        let text = format!("[{}]", messages.join(","));
        for text in [excerpt(&text, limits.attribute_bytes + extra), text.as_str().into()] {
            let Some(found) = canonical::shorten(&text, side, &limits) else {
                continue;
            };
            let short = found.kept.iter().map(|place| &text[place.clone()]).collect::<Vec<_>>().join(",");
            let short: Value = serde_json::from_str(&format!("[{short}]")).unwrap();
            let mut messages = Messages::parse(&text, side);
            messages.take_system();
            let long = messages.into_json(&limits);
            prop_assert_eq!(short, serde_json::from_str::<Value>(&long.json).unwrap());
        }
    }

    /// Whatever a door has left of a text, messages stay JSON and within the limits.
    #[test]
    fn an_excerpt_becomes_messages(
        texts in collection::vec(nearly_canonical(), 1..6), noise in ".{0,40}", room in 16..600_usize, limits in limits(),
    ) {
        let lists = texts.iter().map(|text| text.trim_matches(['[', ']']));
        for text in [format!("[{}]", lists.collect::<Vec<_>>().join(",")), texts.concat() + &noise] {
            let mut attributes = Attributes::default();
            attributes.push_text("gen_ai.input.messages", &text, room);
            attributes.push("gen_ai.request.model", "m");
            shape(&mut attributes, &limits);
            for key in ["gen_ai.input.messages", "gen_ai.system_instructions"] {
                if let Some(shaped) = attributes.text(key) {
                    prop_assert!(shaped.len() <= limits.attribute_bytes);
                    prop_assert!(serde_json::from_str::<Vec<Value>>(shaped).is_ok());
                }
            }
            prop_assert_eq!(attributes.text("gen_ai.request.model"), Some("m"));
        }
    }

    /// Anything else than JSON messages is left to the long way.
    #[test]
    fn the_short_way_is_for_messages_alone(text in ".{0,200}", json in any_json(), side in side()) {
        let limits = ContentLimits::default();
        for text in [text, json.to_string()] {
            if let Some(found) = canonical::messages(&text, side, &limits) {
                prop_assert!(serde_json::from_str::<Vec<Value>>(&text).is_ok());
                prop_assert!(found.rest.is_some() || !found.system().is_empty());
            }
        }
    }
}

#[test]
fn common_messages_take_the_short_way() {
    let limits = ContentLimits::default();
    let text = r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]}, {"role": "user", "parts": [{"type": "text", "content": "Say \"4\"\n"}]}]"#;
    let found = canonical::messages(text, Side::Input, &limits).unwrap();
    let system: Vec<_> = found
        .system()
        .iter()
        .map(|place| &text[place.clone()])
        .collect();
    assert_eq!(system, [r#""Be brief.""#]);
    assert_eq!(
        found.rest.map(|rest| &text[rest..]),
        Some(r#"{"role": "user", "parts": [{"type": "text", "content": "Say \"4\"\n"}]}]"#)
    );
    let answer = r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"2+2"},{"type":"text","content":"4"}],"finish_reason":"stop"}]"#;
    assert!(canonical::messages(answer, Side::Output, &limits).is_some());
    // So OpenLLMetry has summaries, which are to be taken out of their list.
    let list = answer.replace(
        "2+2",
        r#"[{\"type\": \"summary_text\", \"text\": \"2+2\"}]"#,
    );
    assert!(canonical::messages(&list, Side::Output, &limits).is_none());
    assert!(canonical::is_text_parts(
        r#"[{"type":"text","content":"Be brief."}]"#,
        &limits
    ));
    assert!(!canonical::is_text_parts(r#"["Be brief."]"#, &limits));
}
