//! Messages that are too many for an attribute, on the fast path.

use proptest::{collection, prelude::*};
use serde_json::{Value, json};

use crate::excerpt;

use super::{
    super::{ContentLimits, Messages, Side, canonical},
    chat::chat_message,
    fast_path::{nearly_canonical, plain_message, shape},
    items::item,
    parsed,
    properties::side,
};

/// Generates a call and its answers, in the canonical form or in that of chat completions.
fn call_and_answers() -> impl Strategy<Value = String> {
    let answers = collection::vec(("[a-z \"]{1,40}", any::<bool>()), 1..3);
    (answers, "[a-z]{1,20}", 0..4_u8).prop_map(|(answers, city, form)| {
        let is_chat = form == 0;
        let call = if is_chat {
            let function = json!({"name": "f", "arguments": json!({"city": city}).to_string()});
            json!({"role": "assistant", "tool_calls": [{"type": "function", "id": "c", "function": function}]})
        } else {
            let call = json!({"type": "tool_call", "id": "c", "name": "f", "arguments": {"city": city}});
            json!({"role": "assistant", "parts": [call]})
        };
        let answers = answers.into_iter().map(|(text, is_object)| {
            let answer = if is_object { json!({ "said": text }) } else { text.into() };
            if is_chat {
                json!({"role": "tool", "tool_call_id": "c", "content": answer.to_string()})
            } else {
                let part = json!({"type": "tool_call_response", "id": "c", "response": answer});
                json!({"role": if form == 1 { "user" } else { "tool" }, "parts": [part]})
            }
        });
        Value::from_iter([call].into_iter().chain(answers)).to_string()
    })
}

/// Returns the messages of an attribute, and how many there were if some are missing.
fn shaped(text: &str, side: Side, limits: &ContentLimits) -> (Value, Option<i64>) {
    let (attributes, key) = shape(text, side, limits);
    let json = attributes.text(key).unwrap();
    assert!(json.len() <= limits.attribute_bytes);
    let length = attributes.integer("gen_ai.request.messages.original_length");
    (parsed(json), length)
}

/// Returns whether messages are so many that the oldest have to be dropped, and can be without parsing all.
fn are_shortened(text: &str, side: Side, limits: &ContentLimits) -> bool {
    let is_too_long = match canonical::messages(text, side, limits) {
        Some(found) => !found.fits,
        None => text.len() > limits.attribute_bytes,
    };
    is_too_long && canonical::shorten(text, side, limits).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The result is that of the full parser.
    #[test]
    fn fast_shortening_agrees_with_the_full_parser(
        texts in collection::vec(prop_oneof![
            20 => plain_message(),
            10 => call_and_answers(),
            1 => nearly_canonical(),
            1 => chat_message().prop_map(|message| format!("[{message}]")),
            3 => item().prop_map(|item| format!("[{item}]")),
        ], 1..12),
        side in side(), percent in 20..150_usize, extra in 1..400_usize,
        spaces in prop_oneof![1 => Just(String::new()), 1 => "[ \n]{0,40}"],
    ) {
        let lists = texts.iter().map(|text| text.trim_matches(['[', ']']));
        let messages: Vec<_> = lists.filter(|list| !list.is_empty()).collect();
        let text = messages.join(&format!("{spaces},{spaces}"));
        let text = format!("[{spaces}{text}{spaces}]{spaces}");
        let limits = ContentLimits {
            attribute_bytes: (text.len() * percent / 100).max(2),
            ..ContentLimits::default()
        };
        for text in [excerpt(&text, limits.attribute_bytes + extra), text.as_str().into()] {
            if !are_shortened(&text, side, &limits) {
                continue;
            }
            let mut messages = Messages::parse(&text, side);
            messages.take_system();
            let slow = messages.into_json(&limits);
            let (fast, length) = shaped(&text, side, &limits);
            prop_assert_eq!(fast, serde_json::from_str::<Value>(&slow.json).unwrap());
            if side == Side::Input && !text.contains("bytes cut") {
                prop_assert_eq!(length, slow.original_length.map(|length| length as i64));
            }
        }
    }
}

#[test]
fn of_what_one_message_becomes_a_part_may_be_dropped() {
    let function = json!({"name": "f", "arguments": r#"{"x":1}"#});
    let call = json!({"id": "c", "type": "function", "function": function});
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": "found"});
    let thanks = json!({"type": "text", "text": "Thanks."});
    let image = json!({"type": "image_url", "image_url": {"url": "https://h.example/a.png"}});
    for message in [
        json!({"role": "assistant", "content": "I search.", "tool_calls": [call]}),
        json!({"role": "user", "content": [result, thanks]}),
        json!({"role": "user", "content": [result, image]}),
    ] {
        let question = json!({"role": "user", "content": "Search."});
        let last = json!({"role": "user", "content": "Good."});
        let text = json!([question, message, last]).to_string();
        for attribute_bytes in 100..text.len() * 2 {
            let limits = ContentLimits {
                attribute_bytes,
                ..ContentLimits::default()
            };
            let slow = Messages::parse(&text, Side::Input).into_json(&limits);
            let length = slow.original_length.map(|length| length as i64);
            let shaped = shaped(&text, Side::Input, &limits);
            assert_eq!(shaped, (parsed(&slow.json), length), "{attribute_bytes}");
        }
    }
}

#[test]
fn what_just_fits_stays_and_the_system_message_is_moved() {
    let message = |role: &str, text: &str| {
        let parts = json!([{"type": "text", "content": text}]);
        json!({"role": role, "parts": parts})
    };
    let text = json!([
        message("system", "Be brief."),
        message("user", "Hello"),
        message("assistant", "Hi"),
        message("user", "Bye"),
    ])
    .to_string();
    for attribute_bytes in 150..text.len() {
        let limits = ContentLimits {
            attribute_bytes,
            ..ContentLimits::default()
        };
        let (attributes, key) = shape(&text, Side::Input, &limits);
        let system = attributes.text("gen_ai.system_instructions");
        assert_eq!(system, Some(r#"[{"type":"text","content":"Be brief."}]"#));
        let mut messages = Messages::parse(&text, Side::Input);
        messages.take_system();
        let slow = messages.into_json(&limits).json;
        assert_eq!(parsed(attributes.text(key).unwrap()), parsed(&slow));
    }
}

#[test]
fn the_history_of_an_agent_is_shortened_without_parsing_all_of_it() {
    let turn = |number: usize| {
        let call = json!({"type": "tool_call", "id": number.to_string(), "name": "f", "arguments": {"n": number}});
        let answer = json!({"type": "tool_call_response", "id": number.to_string(), "response": "x".repeat(20)});
        [
            json!({"role": "assistant", "parts": [call]}),
            json!({"role": "tool", "parts": [answer]}),
        ]
    };
    let question = json!({"role": "user", "parts": [{"type": "text", "content": "Count."}]});
    let turns = (0..9).flat_map(turn);
    let history = Value::from_iter([question.clone()].into_iter().chain(turns));
    // The answers are written twice, so the limit holds for more than the text.
    let text = history.to_string();
    let limits = ContentLimits {
        attribute_bytes: text.len(),
        ..ContentLimits::default()
    };
    assert!(are_shortened(&text, Side::Input, &limits));
    let (shortened, length) = shaped(&text, Side::Input, &limits);
    assert_eq!(length, Some(19));
    assert_eq!(shortened[0], question);
    // No answer stays without its call.
    assert_eq!(shortened[1]["parts"][0]["type"], "tool_call");
    assert_eq!(
        shortened[2]["parts"][0]["id"],
        shortened[1]["parts"][0]["id"]
    );
    assert_eq!(shortened[2]["parts"][0]["result"], "x".repeat(20));
    assert!(shortened.as_array().unwrap().len() > 10);
}
