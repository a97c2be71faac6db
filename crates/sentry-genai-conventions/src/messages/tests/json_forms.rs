//! Messages as JSON that is written in unusual ways: other orders of fields, spaces, escapes, fields that are there twice.

use proptest::{collection, prelude::*};
use serde_json::{Value, json};

use super::{
    super::{
        ContentLimits, Messages, Side, canonical, join_system,
        tools::{fit_payload, tool_payload},
    },
    chat::chat_message,
    fast_path::{nearly_canonical, shape},
    items::item,
    parsed,
    properties::{any_json, limits, side},
};

/// Writes JSON in a way that follows from a seed.
struct Writer {
    seed: u64,
    json: String,
}

impl Writer {
    fn write(value: &Value, seed: u64) -> String {
        let json = String::new();
        let mut writer = Self {
            seed: seed | 1,
            json,
        };
        writer.value(value);
        writer.json
    }

    /// Returns a number below `end`.
    fn random(&mut self, end: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 16) as usize % end
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(items) => self.list(['[', ']'], items, Self::value),
            Value::Object(fields) => {
                let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
                for at in 1..fields.len() {
                    let other = self.random(at + 1);
                    fields.swap(at, other);
                }
                if !fields.is_empty() && self.random(30) == 0 {
                    let at = self.random(fields.len());
                    let repeated = (fields[at].0, fields[0].1);
                    fields.insert(0, repeated);
                }
                self.list(['{', '}'], &fields, |writer, (key, value)| {
                    writer.text(key);
                    writer.mark(':');
                    writer.value(value);
                });
            }
            Value::String(text) => self.text(text),
            value => self.json.push_str(&value.to_string()),
        }
    }

    fn list<T>(&mut self, [start, end]: [char; 2], items: &[T], write: fn(&mut Self, &T)) {
        self.mark(start);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.mark(',');
            }
            write(self, item);
        }
        self.mark(end);
    }

    /// Writes a mark between spaces.
    fn mark(&mut self, mark: char) {
        self.space();
        self.json.push(mark);
        self.space();
    }

    fn space(&mut self) {
        while self.random(12) == 0 {
            let space = [" ", "\n", "\t", "\r", "        "][self.random(5)];
            self.json.push_str(space);
        }
    }

    fn text(&mut self, text: &str) {
        let has_escapes = self.random(12) == 0;
        self.json.push('"');
        for letter in text.chars() {
            if has_escapes && self.random(5) == 0 {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    self.json.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let json = Value::from(letter.to_string()).to_string();
                self.json.push_str(&json[1..json.len() - 1]);
            }
        }
        self.json.push('"');
    }
}

/// Messages, system instructions, and how many messages there were if some are missing.
type Shaped = (Option<String>, Option<String>, Option<i64>);

fn shaped(text: &str, side: Side, limits: &ContentLimits) -> Shaped {
    let (attributes, key) = shape(text, side, limits);
    let [messages, system] =
        [key, "gen_ai.system_instructions"].map(|key| attributes.text(key).map(str::to_owned));
    let length = attributes.integer("gen_ai.request.messages.original_length");
    (messages, system, length)
}

/// Returns the same as the full parser has it.
fn shaped_by_parser(text: &str, side: Side, limits: &ContentLimits) -> Shaped {
    let mut messages = Messages::parse(text, side);
    let system = join_system("", messages.take_system(), limits);
    let system = (system != "[]").then_some(system);
    let fitted = (!messages.is_empty()).then(|| messages.into_json(limits));
    let length = fitted.as_ref().and_then(|fitted| fitted.original_length);
    let length = length.filter(|_| side == Side::Input);
    (
        fitted.map(|fitted| fitted.json),
        system,
        length.map(|length| length as i64),
    )
}

fn values((messages, system, length): Shaped) -> (Option<Value>, Option<Value>, Option<i64>) {
    let [messages, system] = [messages, system].map(|json| json.as_deref().map(parsed));
    (messages, system, length)
}

/// Generates messages in the canonical form and in others.
fn messages() -> impl Strategy<Value = Value> {
    let chats = || collection::vec(prop_oneof![2 => chat_message(), 1 => item()], 1..5);
    let canonical = || nearly_canonical().prop_map(|list| parsed(&list));
    let both = (canonical(), chats()).prop_map(|(list, chats)| {
        let list = list.as_array().unwrap().iter().cloned();
        list.chain(chats).collect()
    });
    prop_oneof![canonical(), chats().prop_map(Value::from), both]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_mean_the_same_however_they_are_written(
        messages in messages(), seed: u64, side in side(), limits in limits(), percent in 20..150_usize,
    ) {
        let text = Writer::write(&messages, seed);
        let default = ContentLimits::default();
        prop_assert_eq!(
            values(shaped(&text, side, &default)),
            values(shaped_by_parser(&text, side, &default))
        );
        if let Some(reasons) = canonical::finish_reasons(&text) {
            let expected = Messages::parse(&text, Side::Output).finish_reasons();
            prop_assert_eq!(reasons, json!(expected).to_string());
        }
        let attribute_bytes = (text.len() * percent / 100).max(2);
        for limits in [limits, ContentLimits { attribute_bytes, ..default }] {
            // What is dropped depends on the spaces.
            let (messages, system, _) = shaped(&text, side, &limits);
            for list in [messages, system].into_iter().flatten() {
                prop_assert!(list.len() <= limits.attribute_bytes, "{list}");
                prop_assert!(serde_json::from_str::<Vec<Value>>(&list).is_ok(), "{list}");
            }
        }
    }

    #[test]
    fn payloads_that_are_read_in_place_would_not_change(
        value in any_json(), seed: u64, limits in limits(),
    ) {
        let text = Writer::write(&value, seed);
        let text = text.trim();
        prop_assert!(tool_payload(text, &limits).0.len() <= limits.attribute_bytes);
        if canonical::is_payload(text, &limits) {
            let (json, is_cut) = fit_payload(parsed(text), text.into(), &limits);
            prop_assert_eq!((&*json, is_cut), (text, false));
        }
    }
}

#[test]
fn fields_that_are_there_twice_or_do_not_belong_together_mean_the_same() {
    const TEXT: &str = r#"{"type":"text","text":"a"}"#;
    const USE: &str = r#"{"type":"tool_use","id":"c","name":"f","input":{"x":1}}"#;
    const RESULT: &str = r#"{"type":"tool_result","tool_use_id":"c","content":"5"}"#;
    const CALL: &str =
        r#"{"type":"function","id":"c","function":{"name":"f","arguments":"{\"x\":2}"}}"#;
    const PART: &str = r#"{"type":"text","content":"b"}"#;

    let bodies = [
        r#""content":"a","content":"b""#.to_owned(),
        r#""content":"a","contents":"b""#.to_owned(),
        format!(r#""content":[{TEXT}],"contents":[{TEXT}]"#),
        r#""content":null,"content":"b""#.to_owned(),
        r#""content":"a","refusal":null,"refusal":"b""#.to_owned(),
        r#""content":"a","refusal":"b","refusal":null"#.to_owned(),
        r#""content":"a","type":"message","type":"text""#.to_owned(),
        r#""content":"a","id":"c","call_id":"d""#.to_owned(),
        format!(r#""tool_calls":[{CALL}],"tool_calls":null"#),
        format!(r#""tool_calls":null,"tool_calls":[{CALL}]"#),
        format!(r#""content":[{USE}],"tool_calls":null"#),
        format!(r#""parts":[{PART}],"refusal":null"#),
        format!(r#""parts":[{PART}],"name":"Ann""#),
        format!(r#""parts":[{PART}],"type":"message""#),
        r#""content":"a","tool_call_id":"c""#.to_owned(),
        r#""content":"a","tool_call_id":"c","tool_call_id":"d""#.to_owned(),
        r#""content":null,"tool_call_id":"c""#.to_owned(),
        r#""tool_call_id":"c""#.to_owned(),
        format!(r#""content":[{TEXT},{TEXT}],"tool_call_id":"c""#),
        format!(r#""content":[{RESULT}],"tool_call_id":"d""#),
        format!(r#""content":"a","tool_call_id":"c","tool_calls":[{CALL}]"#),
        format!(r#""content":"a","tool_calls":[{CALL}]"#),
        format!(r#""tool_calls":[{CALL}]"#),
        format!(r#""tool_calls":[{CALL}],"tool_calls":[]"#),
        format!(
            r#""tool_calls":[{CALL}],"tool_calls":[{}]"#,
            CALL.replace("\"c\"", "\"d\"")
        ),
        format!(r#""tool_calls":[{CALL},{CALL}]"#),
        format!(r#""tool_calls":[{}]"#, CALL.replace(r#""id":"c","#, "")),
        format!(
            r#""tool_calls":[{}]"#,
            CALL.replace(r#""type":"function","#, "")
        ),
        format!(
            r#""tool_calls":[{}]"#,
            CALL.replace(r#""type":"function""#, r#""type":"custom""#)
        ),
        format!(r#""tool_calls":[{CALL}],"content":[{USE}]"#),
        format!(r#""content":[{USE}],"tool_calls":[{CALL}]"#),
        format!(r#""content":[{USE},{USE}]"#),
        format!(r#""content":[{USE},{RESULT}]"#),
        format!(r#""content":[{TEXT},{USE}]"#),
        format!(r#""content":[{TEXT},{RESULT}]"#),
        format!(r#""content":[{RESULT},{TEXT},{USE}]"#),
        format!(r#""content":[{}]"#, TEXT.replace("}", r#","text":"b"}"#)),
        format!(r#""content":[{}]"#, TEXT.replace("}", r#","id":"c"}"#)),
        format!(r#""content":[{}]"#, USE.replace(r#""name":"f","#, "")),
        format!(r#""content":[{}]"#, USE.replace(r#""id":"c","#, "")),
        format!(
            r#""content":[{}]"#,
            USE.replace(r#""name":"f""#, r#""name":"f","text":"a""#)
        ),
        format!(
            r#""content":[{}]"#,
            RESULT.replace(r#""content""#, r#""name":"f","content""#)
        ),
        format!(
            r#""content":[{}]"#,
            RESULT.replace(r#""tool_use_id":"c","#, "")
        ),
        format!(r#""parts":[{PART}],"tool_call_id":"c""#),
        format!(r#""parts":[{PART}],"tool_calls":[{CALL}]"#),
        format!(r#""parts":[{PART}],"content":"a""#),
        format!(r#""content":"a","parts":[{PART}]"#),
        r#""content":"a","finish_reason":"stop""#.to_owned(),
        format!(r#""parts":[{PART}],"finish_reason":"stop","finish_reason":"length""#),
        format!(r#""parts":[{PART}],"finish_reason":"Unknown""#),
        format!(r#""finish_reason":"unknown","parts":[{PART}]"#),
        format!(r#""parts":[{PART}],"finish_reason":"FinishReason.STOP""#),
    ];
    let limits = ContentLimits::default();
    for body in &bodies {
        for role in ["system", "user", "assistant", "tool"] {
            let message = format!(r#"{{"role":"{role}",{body}}}"#);
            let other = r#"{"role":"user","parts":[{"type":"text","content":"Hi"}]}"#;
            let lists = [
                format!("[{message}]"),
                format!("[{other},{message},{other}]"),
            ];
            for (text, side) in lists
                .iter()
                .flat_map(|text| [Side::Input, Side::Output].map(|side| (text, side)))
            {
                assert_eq!(
                    values(shaped(text, side, &limits)),
                    values(shaped_by_parser(text, side, &limits)),
                    "{text}"
                );
                if let Some(reasons) = canonical::finish_reasons(text) {
                    let expected = Messages::parse(text, Side::Output).finish_reasons();
                    assert_eq!(reasons, json!(expected).to_string(), "{text}");
                }
            }
        }
    }
}
