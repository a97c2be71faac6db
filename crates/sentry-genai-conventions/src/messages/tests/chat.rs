//! Messages of OpenAI's chat completions on the fast path.

use proptest::{collection, prelude::*};
use serde_json::{Value, json};

use super::{
    super::{ContentLimits, Messages, Side, canonical},
    fast_path::{is_read_in_place, mixed_text, shape},
    parsed,
    properties::{any_json, limits, text},
};

/// What SDKs write of a message besides its content.
const NOTHINGS: [(&str, &str); 11] = [
    ("annotations", "[]"),
    ("audio", "null"),
    ("content", "null"),
    ("encrypted_content", "null"),
    ("function_call", "null"),
    ("id", "\"msg_1\""),
    ("reasoning_content", "null"),
    ("refusal", "null"),
    ("status", "\"completed\""),
    ("tool_calls", "[]"),
    ("type", "\"message\""),
];

/// Texts that may be lists of parts.
const LISTS: &[&str] = &[
    r#"[{"type": "text", "text": "a"}]"#,
    r#" [{"type":"text","text":"a"}]"#,
    r#"[{"json":{"a":1}}]"#,
    "[{'type': 'text', 'text': 'a'}]",
    "[{'type':'text','text':'a'",
];

/// Generates a message of OpenAI's chat completions, or a similar one.
pub(super) fn chat_message() -> impl Strategy<Value = Value> {
    let text = || {
        let content = prop_oneof![
            6 => "[a-zA-Z \\n\"\\\\]{0,20}",
            1 => proptest::sample::select(LISTS).prop_map(str::to_owned),
            1 => text(),
            1 => mixed_text(),
        ];
        content.prop_map(Value::from).boxed()
    };
    let kind = prop_oneof![8 => Just("text"), 1 => Just("input_text"), 1 => Just("output_text"), 1 => Just("image_url"), 1 => Just("tool_result")];
    let part = (
        kind,
        prop_oneof![4 => Just("text"), 1 => Just("content")],
        text(),
    )
        .prop_map(|(kind, key, text)| json!({"type": kind, key: text}));
    let arguments =
        collection::hash_map("[a-z]{1,4}", any_json(), 0..3).prop_map(|value| json!(value));
    let tool_use = (
        "[ab]{1,2}",
        "[a-z]{1,8}",
        prop_oneof![9 => arguments.boxed(), 1 => any_json().boxed()],
    )
        .prop_map(
            |(id, name, input)| json!({"type": "tool_use", "id": id, "name": name, "input": input}),
        );
    let texts = collection::vec(text(), 1..3).prop_map(|texts| {
        texts
            .into_iter()
            .map(|text| json!({"type": "text", "text": text}))
            .collect::<Value>()
    });
    let result = prop_oneof![4 => text(), 2 => texts, 1 => any_json().boxed()];
    let tool_result = ("[ab]{1,2}", result).prop_map(
        |(id, content)| json!({"type": "tool_result", "tool_use_id": id, "content": content}),
    );
    let annotation = prop_oneof![
        Just(("cache_control", json!({"type": "ephemeral"}))),
        Just(("is_error", Value::from(true))),
        Just(("annotations", json!([]))),
        Just(("logprobs", json!([]))),
        Just(("citations", Value::Null)),
    ];
    let part = prop_oneof![3 => part, 1 => tool_use, 1 => tool_result];
    let part = (part, proptest::option::weighted(0.3, annotation))
        .prop_map(|(mut part, annotation)| {
            if let Some((key, value)) = annotation {
                part[key] = value;
            }
            part
        })
        .boxed();
    let list = || collection::vec(part.clone(), 0..3).prop_map(Value::from);
    let content = prop_oneof![6 => text(), 3 => list(), 1 => Just(Value::Null), 1 => any_json()];
    let function = (
        "[a-z]{1,8}",
        prop_oneof![3 => any_json().prop_map(|it| it.to_string()), 1 => "[a-z]{0,4}"],
    )
        .prop_map(|(name, arguments)| json!({"name": name, "arguments": arguments}));
    let call = ("[ab]{1,2}", function)
        .prop_map(|(id, function)| json!({"type": "function", "id": id, "function": function}));
    let calls = collection::vec(call, 0..3).prop_map(Value::from);
    let optional = |share, value: BoxedStrategy<Value>| proptest::option::weighted(share, value);
    let nothing = proptest::sample::subsequence(NOTHINGS.to_vec(), 0..4);
    let further = (
        optional(0.2, calls.boxed()),
        optional(0.3, text()),
        optional(0.1, text()),
        optional(0.1, any_json().boxed()),
        nothing,
    );
    let role = prop_oneof![
        1 => Just("system"), 4 => Just("user"), 3 => Just("assistant"), 3 => Just("tool"), 1 => Just("developer"),
        1 => Just("function"),
    ];
    let key = prop_oneof![6 => Just("content"), 1 => Just("contents"), 1 => Just("text")];
    (role, key, content, further).prop_map(
        |(role, key, content, (calls, id, name, refusal, nothings))| {
            let mut message = json!({"role": role, key: content});
            for (key, value) in nothings {
                message[key] = serde_json::from_str(value).unwrap();
            }
            let further = [
                ("tool_calls", calls),
                ("tool_call_id", id),
                ("name", name),
                ("refusal", refusal),
            ];
            for (key, value) in further {
                if let Some(value) = value {
                    message[key] = value;
                }
            }
            message
        },
    )
}

/// Returns the messages of an input as they are written, without the system messages at the start.
pub(super) fn written(text: &str, limits: &ContentLimits) -> Option<String> {
    let (attributes, key) = shape(text, Side::Input, limits);
    attributes.text(key).map(str::to_owned)
}

/// Returns the same as the full parser writes it.
pub(super) fn written_by_parser(text: &str, limits: &ContentLimits) -> Option<String> {
    let mut messages = Messages::parse(text, Side::Input);
    messages.take_system();
    (!messages.is_empty()).then(|| messages.into_json(limits).json)
}

/// Compares both ways, also for messages with spaces.
pub(super) fn assert_written_as_by_parser(list: &Value, limits: &ContentLimits) {
    let default = ContentLimits::default();
    let text = list.to_string();
    for limits in [limits, &default] {
        assert_eq!(written(&text, limits), written_by_parser(&text, limits));
    }
    // Spaces stay. They count if something has to be dropped.
    let text = format!("{list:#}");
    let [fast, slow] =
        [written, written_by_parser].map(|write| write(&text, &default).as_deref().map(parsed));
    assert_eq!(fast, slow);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chats_are_written_as_the_full_parser_writes_them(
        messages in collection::vec(chat_message(), 1..5), limits in limits(),
    ) {
        assert_written_as_by_parser(&Value::from(messages), &limits);
    }

    /// What is no JSON any more is read by the full parser.
    #[test]
    fn damaged_chats_are_written_as_the_full_parser_writes_them(
        messages in collection::vec(chat_message(), 1..4),
        damage in collection::vec((any::<proptest::sample::Index>(), "[\\]\\[{}\":,\\\\ntu0 ]?"), 1..3),
    ) {
        let mut letters: Vec<String> = Value::from(messages).to_string().chars().map(String::from).collect();
        for (at, letter) in damage {
            let at = at.index(letters.len());
            letters[at] = letter;
        }
        let (text, limits) = (letters.concat(), ContentLimits::default());
        if canonical::messages(&text, Side::Input, &limits).is_some() {
            let [fast, slow] = [written, written_by_parser].map(|write| write(&text, &limits).as_deref().map(parsed));
            prop_assert_eq!(fast, slow);
        }
    }
}

/// Returns a message with a call.
fn chat_call(text: &str) -> Value {
    let function = json!({"name": "add", "arguments": r#"{"x":2}"#});
    let call = json!({"id": "c1", "type": "function", "function": function});
    json!({"role": "assistant", "content": text, "tool_calls": [call]})
}

#[test]
fn common_chats_are_read_in_place() {
    let limits = ContentLimits::default();
    let chat = concat!(
        r#"[{"role":"system","content":"Be brief."},"#,
        r#"{"content":[{"text":"2+3?","type":"text"},{"type":"text","text":"\"Now\""}],"role":"user"},"#,
        r#"{"role": "assistant", "content": "Adding."},"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"add","arguments":"{\"x\":2,\"y\":3}"}}]},"#,
        r#"{"role":"tool","tool_call_id":"c1","content":"{\"sum\":5}"},"#,
        r#"{"content":"5","role":"assistant"}]"#,
    );
    let expected = concat!(
        r#"[{"role":"user","parts":[{"type":"text","content":"2+3?"},{"type":"text","content":"\"Now\""}]},"#,
        r#"{"role":"assistant","parts":[{"type":"text","content":"Adding."}]},"#,
        r#"{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"add","arguments":{"x":2,"y":3}}]},"#,
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"{\"sum\":5}","result":"{\"sum\":5}"}]},"#,
        r#"{"role":"assistant","parts":[{"type":"text","content":"5"}]}]"#,
    );
    assert!(is_read_in_place(chat, Side::Input));
    assert_eq!(written(chat, &limits).as_deref(), Some(expected));
    assert_eq!(written(chat, &limits), written_by_parser(chat, &limits));
    for (message, is_simple) in [
        (json!({"role": "assistant", "content": "5"}), true),
        (
            json!({"role": "assistant", "content": "5", "refusal": null, "annotations": []}),
            true,
        ),
        (
            json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "5", "annotations": []}]}),
            false,
        ),
        (chat_call("Adding."), false),
    ] {
        let text = format!("[{message}]");
        assert!(is_read_in_place(&text, Side::Input));
        assert_eq!(is_read_in_place(&text, Side::Output), is_simple);
        assert_eq!(written(&text, &limits), written_by_parser(&text, &limits));
    }

    let anthropic = concat!(
        r#"[{"role":"assistant","content":[{"type":"text","text":"Adding."},{"type":"tool_use","id":"c1","name":"add","input":{"x":2}}]},"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"5"},{"type":"text","text":"So?"}]}]"#,
    );
    assert!(is_read_in_place(anthropic, Side::Input));
    assert_eq!(
        written(anthropic, &limits),
        written_by_parser(anthropic, &limits)
    );

    // A call that is told twice is one, in whichever order.
    let call = r#"{"id":"c1","type":"function","function":{"name":"add","arguments":"{\"x\":2}"}}"#;
    let part = r#"{"type":"tool_use","id":"c1","name":"add","input":{"x":2}}"#;
    for fields in [
        format!(r#""tool_calls":[{call}],"content":[{part}]"#),
        format!(r#""content":[{part}],"tool_calls":[{call}]"#),
    ] {
        let text = format!(r#"[{{"role":"assistant",{fields}}}]"#);
        assert_eq!(written(&text, &limits), written_by_parser(&text, &limits));
    }

    // These are parsed, but the others are not.
    for message in [
        chat_call(""),
        json!({"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{"}}]}),
        json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://h.example/a.png"}}]}),
        json!({"role": "user", "content": "Hi", "name": "Ann"}),
        json!({"role": "tool", "content": LISTS[0], "tool_call_id": "c1"}),
        json!({"role": "tool", "content": [{"type": "text", "text": LISTS[0]}], "tool_call_id": "c1"}),
        json!({"role": "assistant", "content": "5", "refusal": "No"}),
    ] {
        let text = chat.replace(
            r#"{"content":"5","role":"assistant"}"#,
            &message.to_string(),
        );
        assert!(
            canonical::messages(&text, Side::Input, &limits).is_some()
                && !is_read_in_place(&text, Side::Input),
            "{text}"
        );
        assert_eq!(written(&text, &limits), written_by_parser(&text, &limits));
    }
    // These change what is around them, or are none.
    for message in [
        json!({"role": "assistant", "content": ""}),
        json!({"type": "text", "text": "Hi"}),
        json!({"role": "user", "content": "x".repeat(limits.text_bytes + 1)}),
    ] {
        let text = format!("[{message}]");
        assert_eq!(
            canonical::messages(&text, Side::Input, &limits),
            None,
            "{text}"
        );
    }
}

#[test]
fn texts_that_are_too_long_once_they_are_joined_are_cut() {
    let part = json!({"type": "text", "text": "x".repeat(80)});
    let answer = json!({"role": "tool", "tool_call_id": "c", "content": [part, part]});
    let text = format!("[{answer}]");
    for text_bytes in 64..200 {
        let limits = ContentLimits {
            text_bytes,
            ..ContentLimits::default()
        };
        assert_eq!(written(&text, &limits), written_by_parser(&text, &limits));
    }
}
