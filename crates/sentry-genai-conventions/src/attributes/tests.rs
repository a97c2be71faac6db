use super::*;

#[test]
fn settle_keeps_the_last_value_of_a_key() {
    let mut attributes = Attributes::default();
    attributes.push("a", 1_i64);
    attributes.push("b", "x");
    attributes.push_owned_key("a", "two");
    assert_eq!(attributes.get("a"), Some(Value::Str("two")));
    attributes.settle();
    let kept: Vec<_> = attributes.iter().collect();
    assert_eq!(kept, [("b", Value::Str("x")), ("a", Value::Str("two"))]);
}

#[test]
fn the_last_two_values_of_a_key_stay_and_the_texts_of_others_go() {
    let mut attributes = Attributes::default();
    attributes.push_owned_key("once", vec!["x".to_owned()]);
    for number in 0..300_i64 {
        attributes.push("number", number);
        attributes.push_owned_key("text", "y".repeat(1000));
    }
    attributes.push("text", "last");
    attributes.drop_replaced();
    let expected = [
        ("once", Value::Array(&[Scalar::Str("x".to_owned())])),
        ("number", Value::Integer(298)),
        ("number", Value::Integer(299)),
        ("text", Value::Str(&"y".repeat(1000))),
        ("text", Value::Str("last")),
    ];
    assert_eq!(attributes.iter().collect::<Vec<_>>(), expected);
    assert_eq!(attributes.get("once"), Some(expected[0].1));
    assert!(attributes.footprint() < 4000, "{}", attributes.footprint());
}

#[test]
fn texts_are_replaced_wherever_they_are() {
    let mut attributes = Attributes::default();
    attributes.push("static", "a secret");
    attributes.push_owned_key("owned", "secret");
    attributes.push("secret", "no match");
    attributes.push("number", 7_i64);
    attributes.push("list", &["x", "secret"][..]);
    attributes.push("removed", "secret");
    attributes.remove("removed");
    attributes.entries[0].plain.mark_value();
    let mut seen = Vec::new();
    attributes.replace_texts(|key, text| {
        seen.push(format!("{key}={text}"));
        let hidden = text.replace("secret", "\"hidden\"");
        (hidden != text).then_some(hidden)
    });
    let all = [
        "static=a secret",
        "owned=secret",
        "secret=no match",
        "list=x",
        "list=secret",
    ];
    assert_eq!(seen, all);
    let list = ["x", "\"hidden\""].map(|text| Scalar::Str(text.to_owned()));
    let expected = [
        ("static", Value::Str("a \"hidden\"")),
        ("owned", Value::Str("\"hidden\"")),
        ("secret", Value::Str("no match")),
        ("number", Value::Integer(7)),
        ("list", Value::Array(&list)),
    ];
    assert_eq!(attributes.iter().collect::<Vec<_>>(), expected);
    let plain = attributes.iter_encodable().map(|it| it.value_is_plain);
    assert_eq!(plain.collect::<Vec<_>>(), [false; 5]);
}

#[test]
fn append_keeps_the_values_of_both_stores() {
    let mut attributes = Attributes::default();
    attributes.push("a", "first");
    let mut later = Attributes::default();
    later.push_owned_key("b", "second");
    later.push("a", "third");
    later.push("c", 3_i64);
    attributes.append(&later);
    let expected = [
        ("a", Value::Str("first")),
        ("b", Value::Str("second")),
        ("a", Value::Str("third")),
        ("c", Value::Integer(3)),
    ];
    assert_eq!(attributes.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_last_of_different_values_is_renamed() {
    let mut attributes = Attributes::default();
    for text in ["question", "answer"] {
        attributes.push("text", text);
        attributes.push("other", text);
        attributes.push("same", "x");
    }
    attributes.rename_last_of_different("text", "last");
    attributes.rename_last_of_different("same", "last same");
    assert_eq!(attributes.text("text"), Some("question"));
    assert_eq!(attributes.text("last"), Some("answer"));
    assert_eq!(attributes.text("other"), Some("answer"));
    assert!(!attributes.contains("last same"));
}

/// What is replaced is the end of a message that is dropped.
#[test]
fn a_front_within_a_character_is_not_replaced() {
    let mut attributes = Attributes::default();
    attributes.push("text", "\u{e9}\u{e9}]");
    let name = Name::new("text");
    assert!(!attributes.replace_front(&name, 4, "[{\""));
    assert_eq!(attributes.text("text"), Some("\u{e9}\u{e9}]"));
    assert!(attributes.replace_front(&name, 4, "[{"));
    assert_eq!(attributes.text("text"), Some("[{]"));
}

#[test]
fn rename_does_not_overwrite() {
    let mut attributes = Attributes::default();
    attributes.push("old", "from old");
    attributes.push("new", "from new");
    attributes.rename("old", "new");
    assert_eq!(attributes.get("new"), Some(Value::Str("from new")));
    assert!(!attributes.contains("old"));
}

#[test]
fn a_prefixed_key_occurs_once() {
    let mut attributes = Attributes::default();
    attributes.push("a", 1_i64);
    attributes.push("a", 2_i64);
    attributes.prefix_key("a", "otel.");
    attributes.push("a", 3_i64);
    attributes.prefix_key("a", "otel.");
    let kept: Vec<_> = attributes.iter().collect();
    assert_eq!(kept, [("otel.a", Value::Integer(2))]);
}

#[test]
fn numbers_outside_the_wire_format_are_converted_or_dropped() {
    let mut attributes = Attributes::default();
    attributes.push("nan", f64::NAN);
    attributes.push("big", u64::MAX);
    attributes.push("fits", i64::MAX as u64);
    assert_eq!(attributes.get("nan"), None);
    assert_eq!(
        attributes.get("big"),
        Some(Value::Str("18446744073709551615"))
    );
    assert_eq!(attributes.get("fits"), Some(Value::Integer(i64::MAX)));
}

#[test]
fn long_display_output_is_cut() {
    let mut attributes = Attributes::default();
    let list = AttributeKey::new("list");
    let room = crate::testing::text_room(8);
    attributes.push_known_display(&list, format_args!("{:?}", vec!["é"; 1_000_000]), room);
    attributes.push_known_display(&AttributeKey::new("fits"), 42, room);
    let expected = "[\"\n… [120 bytes cut] …\né\", \"";
    assert_eq!(attributes.get("list"), Some(Value::Str(expected)));
    assert_eq!(attributes.get("fits"), Some(Value::Str("42")));
}

#[test]
fn debug_omits_values() {
    let mut attributes = Attributes::default();
    attributes.push("gen_ai.prompt", "a secret");
    assert_eq!(format!("{attributes:?}"), r#"{"gen_ai.prompt": "string"}"#);
}

#[test]
fn removed_texts_take_no_room_in_json() {
    let mut attributes = Attributes::default();
    attributes.push("question", "x".repeat(3000));
    attributes.push("answer", "y".repeat(2000));
    attributes.push("id", "0123456789");
    assert!(attributes.json_bytes() > 5010);
    attributes.remove("question");
    assert!(attributes.text_bytes() >= 5010);
    assert!((2010..3000).contains(&attributes.json_bytes()));
}
