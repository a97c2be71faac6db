//! The fast path for messages that need no work, compared with the full parser.

use proptest::{collection, prelude::*};
use serde_json::{Number, Value, json};

use crate::{Attributes, attributes::Piece, content::normalise};

use super::{
    super::{ContentLimits, Messages, Side, blobs::may_hold_blob, canonical, join_system},
    chat::chat_message,
    parsed,
    properties::{any_json, limits, side, text},
};

/// Generates texts with everything that is searched for, both longer and shorter than the blocks in which the search works.
pub(super) fn mixed_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,12} ",
        2 => "[\"\\\\]{1,5}",
        2 => "[\n\t\u{8}\u{c}\r]{1,3}",
        2 => "[a-zA-Z0-9+/=_-]{20,140}",
        2 => "[a-z]{20,140}",
        2 => "[\\p{Han}\\p{Hiragana}]{1,40}",
        1 => "[;=<:.,'&]{1,3}",
        1 => proptest::sample::select(&[
            ";base64,", "data:image/png;base64,QQ==", "type='function_call'", "\u{1}", "\u{7f}", "\u{1b}[0m", "\u{1f}",
        ][..]).prop_map(str::to_owned),
    ];
    collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

/// Does the same as [`may_hold_blob`], one byte at a time.
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

/// Generates messages close to the canonical form, most of which are in it.
pub(super) fn nearly_canonical() -> impl Strategy<Value = String> {
    let content = prop_oneof![
        6 => "[a-zA-Z \\n\"\\\\]{1,20}",
        2 => "[\\p{Han}\u{a0}\u{3000}\u{8}\u{c} \\n.\\[\\]{}\"\\\\]{1,6}",
        1 => text(),
        1 => mixed_text(),
    ];
    let part = (
        prop_oneof![8 => Just("text"), 1 => Just("reasoning"), 1 => Just("blob")],
        content,
    )
        .prop_map(|(kind, content)| json!({"type": kind, "content": content}))
        .boxed();
    let role = prop_oneof![
        2 => Just("system"), 4 => Just("user"), 4 => Just("assistant"), 1 => Just("tool"), 1 => Just("developer"),
    ];
    let text_message = (role.clone(), collection::vec(part.clone(), 1..3));
    let call_message = (Just("assistant"), collection::vec(call(), 1..3));
    let answer_message = prop_oneof![2 => Just("tool"), 1 => Just("user")];
    let answer_message = (answer_message, collection::vec(answer(), 1..3));
    let any_part = prop_oneof![part, call(), answer()];
    let mixed = (role, collection::vec(any_part, 1..3));
    let body = prop_oneof![6 => text_message, 2 => call_message, 2 => answer_message, 1 => mixed];
    let body = body.prop_map(|(role, parts)| json!({"role": role, "parts": parts}));
    let body = prop_oneof![2 => body, 1 => chat_message()];
    let reason =
        prop_oneof![4 => Just("stop"), 1 => Just("unknown"), 1 => Just("FinishReason.STOP")];
    let reason = proptest::option::weighted(0.3, reason);
    let message = (body, reason).prop_map(|(mut message, reason)| {
        if let Some(reason) = reason {
            message["finish_reason"] = reason.into();
        }
        message
    });
    (collection::vec(message, 0..4), any::<bool>()).prop_map(|(messages, is_in_common_order)| {
        if is_in_common_order {
            in_common_order(&messages)
        } else {
            Value::from(messages).to_string()
        }
    })
}

/// Generates a list of one message in the canonical form.
pub(super) fn plain_message() -> impl Strategy<Value = String> {
    let role = prop_oneof![1 => Just("user"), 3 => Just("assistant"), 1 => Just("tool")];
    (role, "[a-z ]{1,40}").prop_map(|(role, text)| {
        let parts = json!([{"type": "text", "content": text}]);
        in_common_order(&[json!({"role": role, "parts": parts})])
    })
}

/// Generates a tool call, usually a valid one.
fn call() -> BoxedStrategy<Value> {
    let arguments = prop_oneof![4 => collection::hash_map("[a-z]{1,4}", any_json(), 0..3).prop_map(|value| json!(value)), 1 => any_json()];
    let optional = |value: BoxedStrategy<Value>| proptest::option::weighted(0.9, value);
    let id = "[ab]{1,2}".prop_map(Value::from).boxed();
    let name = prop_oneof![9 => "[a-z]{1,8}".prop_map(Value::from), 1 => any_json()].boxed();
    (optional(id), optional(name), optional(arguments.boxed()))
        .prop_map(|(id, name, arguments)| {
            let fields = [("id", id), ("name", name), ("arguments", arguments)];
            part_of("tool_call", fields)
        })
        .boxed()
}

/// Generates the answer to a tool call, usually a valid one.
fn answer() -> BoxedStrategy<Value> {
    let response = prop_oneof![2 => text().prop_map(Value::from), 2 => any_json()].boxed();
    let optional = |value: BoxedStrategy<Value>| proptest::option::weighted(0.9, value);
    let id = "[ab]{1,2}".prop_map(Value::from).boxed();
    let name = proptest::option::weighted(0.2, "[a-z]{1,8}".prop_map(Value::from));
    let key = prop_oneof![3 => Just("response"), 1 => Just("result")];
    let other = proptest::option::weighted(0.05, any_json());
    (optional(id), name, (key, optional(response)), other)
        .prop_map(|(id, name, (key, response), other)| {
            let fields = [
                ("id", id),
                ("name", name),
                ("result", other),
                (key, response),
            ];
            part_of("tool_call_response", fields)
        })
        .boxed()
}

fn part_of<const N: usize>(kind: &str, fields: [(&str, Option<Value>); N]) -> Value {
    let mut part = json!({ "type": kind });
    for (key, value) in fields {
        if let Some(value) = value {
            part[key] = value;
        }
    }
    part
}

/// Writes messages with their fields in the order that most libraries use, which is not alphabetical.
fn in_common_order(messages: &[Value]) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    let part = |part: &Value| {
        if part.get("content").is_none() {
            return part.to_string();
        }
        format!(
            r#"{{"type":{},"content":{}}}"#,
            part["type"], part["content"]
        )
    };
    let message = |message: &Value| {
        let Some(parts) = message["parts"].as_array() else {
            return message.to_string();
        };
        let parts = parts.iter().map(part);
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

/// Shapes the messages of an attribute. Returns its key as well.
pub(super) fn shape(text: &str, side: Side, limits: &ContentLimits) -> (Attributes, &'static str) {
    let key = match side {
        Side::Input => "gen_ai.input.messages",
        Side::Output => "gen_ai.output.messages",
    };
    let mut attributes = Attributes::default();
    attributes.push(key, text);
    normalise(&mut attributes, limits);
    (attributes, key)
}

/// Returns the shaped messages of an attribute.
fn shaped(text: &str, side: Side, limits: &ContentLimits) -> Value {
    let (attributes, key) = shape(text, side, limits);
    parsed(attributes.text(key).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The fast path for canonical messages has the same result as the full parser.
    #[test]
    fn the_fast_path_agrees_with_the_full_parser(text in nearly_canonical(), side in side(), limits in limits()) {
        if let Some(found) = canonical::messages(&text, side, &limits).filter(|found| found.fits) {
            let mut messages = Messages::parse(&text, side);
            let system: Value = serde_json::from_str(&join_system("", messages.take_system(), &limits)).unwrap();
            let texts: Vec<String> = found.system().iter().map(|range| serde_json::from_str(&text[range.clone()]).unwrap()).collect();
            let texts: Vec<_> = texts.into_iter().map(|text| json!({"type": "text", "content": text})).collect();
            prop_assert_eq!(system, Value::from(texts));
            let rest = found.rest.map(|_| shaped(&text, side, &limits));
            let slow = (!messages.is_empty()).then(|| {
                let fitted = messages.into_json(&limits);
                assert_eq!(fitted.original_length, None);
                serde_json::from_str::<Value>(&fitted.json).unwrap()
            });
            prop_assert_eq!(rest, slow);
            let reasons = Messages::parse(&text, Side::Output).finish_reasons();
            if let Some(found) = canonical::finish_reasons(&text) {
                prop_assert_eq!(found, json!(reasons).to_string());
            }
        }
    }

    #[test]
    fn numbers_without_exponent_take_the_fast_path(number in "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][0-9]{0,2})?") {
        let call = format!(r#"{{"type":"tool_call","name":"f","arguments":{{"n":{number}}}}}"#);
        let text = format!(r#"[{{"role":"assistant","parts":[{call}]}}]"#);
        let found = canonical::messages(&text, Side::Input, &ContentLimits::default());
        let is_number = serde_json::from_str::<Number>(&number).is_ok();
        prop_assert_eq!(found.is_some(), is_number && !number.contains(['e', 'E']));
    }
}

proptest! {
    #[test]
    fn long_base64_runs_are_found_anywhere(text in mixed_text()) {
        prop_assert_eq!(may_hold_blob(text.as_bytes()), holds_base64(&text));
        let json = Value::from(text).to_string();
        prop_assert_eq!(may_hold_blob(json.as_bytes()), holds_base64(&json));
    }

    /// The fast path accepts all simple messages and nothing else.
    #[test]
    fn simple_messages_take_the_fast_path(
        texts in collection::vec(mixed_text(), 1..4), spaces in "[ \n]{0,70}", text_bytes in 100..2000_usize,
    ) {
        let part = |text: &String| json!({"type": "text", "content": text});
        let messages: Vec<_> = texts.iter().map(|text| json!({"role": "user", "parts": [part(text)]})).collect();
        let parts: Vec<_> = texts.iter().map(part).collect();
        let answer = [json!({"role": "assistant", "parts": parts, "finish_reason": "stop"})];
        let lists = [in_common_order(&messages), Value::from(messages).to_string(), in_common_order(&answer)];
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

    /// Whatever an excerpt has left of a text, messages stay JSON and within the limits.
    #[test]
    fn an_excerpt_becomes_valid_messages(
        texts in collection::vec(nearly_canonical(), 1..6), noise in ".{0,40}", room in 16..600_usize, limits in limits(),
    ) {
        let lists = texts.iter().map(|text| text.trim_matches(['[', ']']));
        for text in [format!("[{}]", lists.collect::<Vec<_>>().join(",")), texts.concat() + &noise] {
            let mut attributes = Attributes::default();
            attributes.push_known_text(&crate::AttributeKey::new("gen_ai.input.messages"), &text, crate::testing::text_room(room));
            attributes.push("gen_ai.request.model", "m");
            normalise(&mut attributes, &limits);
            for key in ["gen_ai.input.messages", "gen_ai.system_instructions"] {
                if let Some(shaped) = attributes.text(key) {
                    prop_assert!(shaped.len() <= limits.attribute_bytes);
                    prop_assert!(serde_json::from_str::<Vec<Value>>(shaped).is_ok());
                }
            }
            prop_assert_eq!(attributes.text("gen_ai.request.model"), Some("m"));
        }
    }

    /// The fast path leaves everything other than JSON messages to the full parser.
    #[test]
    fn the_fast_path_rejects_everything_but_messages(text in ".{0,200}", json in any_json(), side in side()) {
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
fn common_messages_take_the_fast_path() {
    let limits = ContentLimits::default();
    let text = r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]}, {"role": "user", "parts": [{"type": "text", "content": "Say \"4\"\n"}]}]"#;
    let found = canonical::messages(text, Side::Input, &limits).unwrap();
    let system: Vec<_> = found
        .system()
        .iter()
        .map(|range| &text[range.clone()])
        .collect();
    assert_eq!(system, [r#""Be brief.""#]);
    assert_eq!(
        found.rest.map(|rest| &text[rest..]),
        Some(r#"{"role": "user", "parts": [{"type": "text", "content": "Say \"4\"\n"}]}]"#)
    );
    let answer = r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"2+2"},{"type":"text","content":"4"}],"finish_reason":"stop"}]"#;
    assert!(canonical::messages(answer, Side::Output, &limits).is_some());
    // OpenLLMetry records summaries like this. They have to be taken out of their list.
    for space in ["", " ", r"\n"] {
        let list = r#"[{\"type\": \"summary_text\", \"text\": \"2+2\"}]"#;
        let list = answer.replace("2+2", &format!("{space}{list}"));
        assert!(canonical::messages(&list, Side::Output, &limits).is_none());
    }
    assert!(canonical::is_text_parts(
        r#"[{"type":"text","content":"Be brief."}]"#,
        &limits
    ));
    assert!(!canonical::is_text_parts(r#"["Be brief."]"#, &limits));
}

/// Returns whether none of the messages has to be parsed.
pub(super) fn is_read_in_place(text: &str, side: Side) -> bool {
    canonical::messages(text, side, &ContentLimits::default()).is_some_and(|found| {
        found.fits
            && !found
                .edits
                .iter()
                .any(|edit| matches!(edit.replacement[..], [Piece::Owned(_)]))
    })
}

#[test]
fn calls_and_answers_take_the_fast_path() {
    let limits = ContentLimits::default();
    let input = r#"[{"role":"user","parts":[{"type":"text","content":"2+3?"}]},
        {"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"add","arguments":{"x":2,"y":[-3.5,null]}},
            {"type":"tool_call","id":"c2","name":"now","arguments":{}}]},
        {"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":5},
            {"type":"tool_call_response","id":"c2","name":"now","response":{"day": "\"Friday\""}}]},
        {"role":"user","parts":[{"type":"tool_call_response","id":"c3","result":"late"}]}]"#;
    let found = canonical::messages(input, Side::Input, &limits).unwrap();
    assert!(!found.is_unchanged());
    let mut expected: Value = serde_json::from_str(input).unwrap();
    expected[2]["parts"][0]["result"] = 5.into();
    expected[2]["parts"][1]["result"] = r#"{"day":"\"Friday\""}"#.into();
    expected[3]["role"] = "tool".into();
    expected[3]["parts"][0]["response"] = "late".into();
    assert_eq!(shaped(input, Side::Input, &limits), expected);

    let output = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"add","arguments":{"x":2}}],"finish_reason":"unknown"}]"#;
    assert!(canonical::messages(output, Side::Output, &limits).is_some());
    let parts = json!([{"type": "tool_call", "id": "c1", "name": "add", "arguments": {"x": 2}}]);
    let expected = json!([{"role": "assistant", "parts": parts}]);
    assert_eq!(shaped(output, Side::Output, &limits), expected);
    assert_eq!(canonical::finish_reasons(output).as_deref(), Some("[]"));
    let output = output.replace("unknown", "tool_call");
    let reasons = canonical::finish_reasons(&output);
    assert_eq!(reasons.as_deref(), Some(r#"["tool_call"]"#));

    // What a tool has found.
    let list = input.replace(r#""response":5"#, r#""response":"[{\"title\": \"Five\"}]""#);
    assert!(canonical::messages(&list, Side::Input, &limits).is_some());
    for slow in [
        // Two calls with the same id, an answer without a call, a list as an answer, also in quotes, arguments in quotes, and bytes
        // beside their type.
        input.replace("c2", "c1"),
        input.replace(r#""id":"c1","response""#, r#""response""#),
        input.replace(r#""response":5"#, r#""response":["5"]"#),
        input.replace(
            r#""response":5"#,
            r#""response":"[{\"type\": \"text\", \"text\": \"5\"}]""#,
        ),
        input.replace(r#""response":5"#, r#""response":"[{\"json\": 5}]""#),
        input.replace(r#"{"x":2,"y":[-3.5,null]}"#, r#""{}""#),
        input.replace(r#""y":"#, r#""mime_type":"#),
        input.replace("-3.5", "1e999"),
    ] {
        assert!(!is_read_in_place(&slow, Side::Input), "{slow}");
    }
}

#[test]
fn what_the_full_parser_would_change_does_not_take_the_fast_path() {
    const TEXT: &str = r#"{"type":"text","content":"Hi"}"#;
    const CALL: &str = r#"{"type":"tool_call","name":"f","arguments":{}}"#;
    const ANSWER: &str = r#"{"type":"tool_call_response","id":"c","response":"4","result":"4"}"#;

    let is_recognised = is_read_in_place;
    let message = |role: &str, parts: &str| format!(r#"{{"role":"{role}","parts":[{parts}]}}"#);
    let user = format!("[{}]", message("user", TEXT));
    assert!(is_recognised(&user, Side::Input));
    for (changed, to) in [
        // A field twice, and fields of other parts.
        (r#""role":"user""#, r#""role":"system","role":"user""#),
        (
            r#""parts":"#,
            r#""parts":[{"type":"text","content":"Ho"}],"parts":"#,
        ),
        (r#""type":"text""#, r#""type":"tool_call","type":"text""#),
        (r#""content":"Hi""#, r#""content":"Ho","content":"Hi""#),
        (r#""content":"Hi""#, r#""content":"Hi","name":"a""#),
        (r#""text""#, r#""reasoning""#),
    ] {
        let text = user.replace(changed, to);
        assert_ne!(text, user);
        assert!(!is_recognised(&text, Side::Input), "{text}");
    }
    // Parts that do not belong together, or not to this role.
    for (role, parts) in [
        ("user", &[TEXT, ANSWER][..]),
        ("user", &[CALL]),
        ("assistant", &[TEXT, CALL]),
        ("assistant", &[ANSWER]),
        ("tool", &[TEXT]),
        ("tool", &[ANSWER, TEXT]),
        ("system", &[CALL]),
        (
            "assistant",
            &[&CALL.replace("name", "id\":\"c\",\"name"), CALL],
        ),
        (
            "assistant",
            &[CALL, &CALL.replace("name", "id\":\"c\",\"name")],
        ),
        ("assistant", &[&CALL.replace("}}", "},\"result\":\"4\"}")]),
        (
            "tool",
            &[&ANSWER.replace(r#""result":"4""#, r#""result":"5""#)],
        ),
        (
            "tool",
            &[&ANSWER.replace(r#""response":"4","result":"4""#, r#""result":{}"#)],
        ),
    ] {
        let text = format!("[{}]", message(role, &parts.join(",")));
        assert!(!is_recognised(&text, Side::Input), "{text}");
    }
    // More system messages than are remembered, and one with a finish reason.
    let many = vec![message("system", TEXT); 9].join(",");
    assert!(!is_recognised(&format!("[{many}]"), Side::Input));
    let stopped = user
        .replace("user", "system")
        .replace("}]}", r#"}],"finish_reason":"stop"}"#);
    assert!(!is_recognised(&stopped, Side::Output));
}

#[test]
fn the_colors_of_a_terminal_are_read_in_place() {
    let message = |text: &str| {
        format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{text}"}}]}}]"#)
    };
    for (text, is_in_place) in [
        (r"\u001b[32mok\u001b[0m", true),
        (r"\u001f", true),
        (r"\u001B[32m", false),
        (r"\u0020", false),
        (r"\u0041QQ==", false),
        (r"\u00e9", false),
        (r"\u001", false),
        (r"\u001b", true),
        (r"\x1b", false),
    ] {
        let text = message(text);
        let limits = ContentLimits::default();
        let found = canonical::messages(&text, Side::Input, &limits);
        let is_unchanged = found.is_some_and(|found| found.is_unchanged());
        assert_eq!(is_unchanged, is_in_place, "{text}");
    }
}
