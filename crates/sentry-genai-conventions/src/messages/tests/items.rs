//! Conversations of OpenAI's Responses API on the fast path.

use proptest::{collection, prelude::*};
use serde_json::{Value, json};

use super::{
    super::{ContentLimits, Side, canonical},
    chat::{assert_written_as_by_parser, chat_message, written, written_by_parser},
    fast_path::is_read_in_place,
    properties::{any_json, limits},
};

/// Generates an item, or a message.
pub(super) fn item() -> impl Strategy<Value = Value> {
    let text =
        || prop_oneof![9 => "[a-zA-Z \n\"\\\\]{0,20}".prop_map(Value::from), 1 => any_json()];
    let id = || "[ab]{1,2}".prop_map(Value::from);
    let arguments = prop_oneof![
        3 => any_json().prop_map(|value| json!({"x": value}).to_string()),
        1 => "[a-z{]{0,4}",
    ];
    let call = (id(), "[a-z]{1,8}", arguments).prop_map(|(id, name, arguments)| {
        json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
    });
    let output = (id(), text()).prop_map(
        |(id, output)| json!({"type": "function_call_output", "call_id": id, "output": output}),
    );
    let summary = prop_oneof![
        Just(json!([])),
        text().prop_map(|text| json!([{"type": "summary_text", "text": text}])),
        any_json(),
    ];
    let reasoning = summary.prop_map(|summary| json!({"type": "reasoning", "summary": summary}));
    let field = prop_oneof![
        id().prop_map(|id| ("id", id)),
        Just(("status", Value::from("completed"))),
        Just(("content", Value::Null)),
        Just(("encrypted_content", Value::Null)),
        Just(("role", Value::from("user"))),
        any_json().prop_map(|value| ("name", value)),
        any_json().prop_map(|value| ("output", value)),
    ];
    let item = prop_oneof![3 => call, 3 => output, 2 => reasoning];
    let item = (item, collection::vec(field, 0..2)).prop_map(|(mut item, fields)| {
        for (key, value) in fields {
            item[key] = value;
        }
        item
    });
    prop_oneof![3 => item, 1 => chat_message()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn items_are_written_as_the_full_parser_writes_them(
        items in collection::vec(item(), 1..7), limits in limits(),
    ) {
        assert_written_as_by_parser(&Value::from(items), &limits);
    }
}

#[test]
fn common_items_are_read_in_place() {
    let limits = ContentLimits::default();
    let conversation = json!([
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "2+3, and 4+5?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "add", "arguments": "{\"x\":2,\"y\":3}", "status": "completed"},
        {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "add", "arguments": "{\"x\":4,\"y\":5}"},
        {"type": "function_call_output", "call_id": "c1", "output": "5"},
        {"type": "function_call_output", "call_id": "c2", "output": "9"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Both."}], "encrypted_content": null},
        {"type": "function_call", "call_id": "c3", "name": "done", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c3", "output": "ok"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "5 and 9", "annotations": []}]},
        {"role": "user", "content": "Thanks"},
    ])
    .to_string();
    let expected = concat!(
        r#"[{"role":"user","parts":[{"type":"text","content":"2+3, and 4+5?"}]},"#,
        r#"{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"add","arguments":{"x":2,"y":3}},"#,
        r#"{"type":"tool_call","id":"c2","name":"add","arguments":{"x":4,"y":5}}]},"#,
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"5","result":"5"},"#,
        r#"{"type":"tool_call_response","id":"c2","response":"9","result":"9"}]},"#,
        r#"{"role":"assistant","parts":[{"type":"reasoning","content":"Both."},"#,
        r#"{"type":"tool_call","id":"c3","name":"done","arguments":{}}]},"#,
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c3","response":"ok","result":"ok"}]},"#,
        r#"{"role":"assistant","parts":[{"type":"text","content":"5 and 9"}]},"#,
        r#"{"role":"user","parts":[{"type":"text","content":"Thanks"}]}]"#,
    );
    assert_eq!(
        written_by_parser(&conversation, &limits).as_deref(),
        Some(expected)
    );
    assert_eq!(written(&conversation, &limits).as_deref(), Some(expected));
    assert!(is_read_in_place(&conversation, Side::Input));

    // Too many of them are shortened in place.
    let limits = ContentLimits {
        attribute_bytes: 700,
        ..limits
    };
    assert!(canonical::shorten(&conversation, Side::Input, &limits).is_some());
    assert_eq!(
        written(&conversation, &limits),
        written_by_parser(&conversation, &limits)
    );
}

#[test]
fn reasoning_that_leaves_nothing_is_parsed() {
    let reasoning = json!({"type": "reasoning", "summary": []});
    let user = json!({"role": "user", "content": "Hi"});
    let output = json!({"type": "function_call_output", "call_id": "c1", "output": "5"});
    for conversation in [
        json!([user, reasoning]),
        json!([reasoning, user]),
        json!([user, reasoning, output]),
        json!([reasoning]),
    ] {
        let (text, limits) = (conversation.to_string(), ContentLimits::default());
        assert_eq!(canonical::messages(&text, Side::Input, &limits), None);
        assert_eq!(written(&text, &limits), written_by_parser(&text, &limits));
    }
}
