use serde_json::{Value, json};

use super::super::{
    ContentLimits, Messages, Side, system_instructions, tool_definitions, tool_payload,
};

fn limits(text_bytes: usize, attribute_bytes: usize) -> ContentLimits {
    ContentLimits {
        text_bytes,
        attribute_bytes,
    }
}

fn fit(messages: &Value, limits: &ContentLimits) -> (Value, Option<usize>) {
    let fitted = Messages::parse(&messages.to_string(), Side::Input).into_json(limits);
    assert!(
        fitted.json.len() <= limits.attribute_bytes,
        "{}",
        fitted.json.len()
    );
    (
        serde_json::from_str(&fitted.json).unwrap(),
        fitted.original_length,
    )
}

fn user(text: &str) -> Value {
    json!({"role": "user", "parts": [{"type": "text", "content": text}]})
}

#[test]
fn long_strings_are_cut_inside_their_message() {
    let messages = json!([user("first"), user(&"ü".repeat(1000))]);
    let (shown, original) = fit(&messages, &limits(100, 10_000));
    assert_eq!(original, Some(2));
    assert_eq!(shown[0], user("first"));
    let text = shown[1]["parts"][0]["content"].as_str().unwrap();
    assert_eq!(text, format!("{}… [1920 bytes cut]", "ü".repeat(40)));
}

#[test]
fn the_oldest_calls_are_dropped_with_their_answers() {
    let call = |id: &str| json!({"role": "assistant", "parts": [{"type": "tool_call", "id": id, "name": "f", "arguments": {}}]});
    let answer = |id: &str, text: &str| json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": id, "response": text, "result": text}]});
    let long = "x".repeat(300);
    let messages = json!([
        user("old"),
        call("c1"),
        answer("c1", &long),
        user("question"),
        call("c2"),
        answer("c2", "4")
    ]);
    let (shown, original) = fit(&messages, &limits(1000, 600));
    assert_eq!(
        shown,
        json!([user("question"), call("c2"), answer("c2", "4")])
    );
    assert_eq!(original, Some(6));
    // The call alone would be enough.
    let long_call = json!({"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": long, "arguments": {}}]});
    let messages = json!([long_call, answer("c1", "4"), user("question")]);
    let (shown, _) = fit(&messages, &limits(1000, 400));
    assert_eq!(shown, json!([user("question")]));
}

#[test]
fn the_last_user_message_and_the_last_message_stay() {
    let messages = json!([user("old"), user(&"q".repeat(5000)), {"role": "assistant", "content": "a".repeat(5000)}, {"role": "assistant", "content": "b".repeat(5000)}]);
    let (shown, original) = fit(&messages, &limits(100_000, 1000));
    assert_eq!(original, Some(4));
    let starts: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["parts"][0]["content"].as_str().unwrap()[..1])
        .collect();
    assert_eq!(starts, ["q", "b"]);
}

#[test]
fn messages_are_dropped_rather_than_cut() {
    let messages: Vec<_> = (0..1000).map(|_| user(&"a".repeat(100))).collect();
    let (shown, original) = fit(&json!(messages), &limits(1000, 50_000));
    assert_eq!(original, Some(1000));
    let shown = shown.as_array().unwrap();
    assert!(shown.iter().all(|message| *message == messages[0]));
    // As many as fit.
    let bytes = messages[0].to_string().len() + 1;
    assert_eq!(shown.len(), (50_000 - 1) / bytes);
}

/// Texts are halved until they fit, so that much of them stays.
#[test]
fn content_that_is_too_large_is_cut_no_more_than_necessary() {
    let limits = limits(10_000, 9_000);
    let long = "word ".repeat(1000);
    let arguments = json!({"a": long, "b": [long, long]}).to_string();
    let (payload, size) = tool_payload(&arguments, &limits);
    assert!(
        (4_500..=9_000).contains(&payload.len()),
        "{}",
        payload.len()
    );
    let value: Value = serde_json::from_str(&payload).unwrap();
    assert!(value["b"][0].is_string(), "only texts are cut");
    assert_eq!(size, Some(arguments.len()));
    let system = json!([{"type": "text", "content": long}, {"type": "text", "content": long}]);
    let instructions = system_instructions(&system.to_string(), &limits);
    let length = instructions.len();
    assert!((4_500..=9_000).contains(&length), "{length}");
}

#[test]
fn large_values_without_long_strings_are_cut() {
    let numbers: Vec<u32> = (0..10_000).collect();
    let messages = json!([user("sum?"), {"role": "assistant", "tool_calls": [{"id": "c1", "name": "sum", "args": numbers}]}]);
    let (shown, _) = fit(&messages, &limits(1000, 1000));
    let arguments = shown[1]["parts"][0]["arguments"].as_str().unwrap();
    assert!(
        arguments.starts_with("[0,1,2,") && arguments.ends_with(" bytes cut]"),
        "{arguments}"
    );
}

#[test]
fn escapes_count_with_their_encoded_length() {
    let (shown, _) = fit(&json!([user(&"\0".repeat(1000))]), &limits(1000, 1000));
    assert!(
        shown[0]["parts"][0]["content"]
            .as_str()
            .unwrap()
            .starts_with('\0')
    );
    // No room for anything.
    assert_eq!(fit(&json!([user("hello")]), &limits(1, 20)).0, json!([]));
}

#[test]
fn instructions_definitions_and_payloads_respect_the_limits() {
    let limits = limits(100, 300);
    let long = "word ".repeat(1000);
    let instructions = system_instructions(&long, &limits);
    assert!(instructions.len() <= 300 && instructions.contains(" bytes cut]"));

    let tools: Vec<Value> = (0..50).map(|n| json!({"name": format!("tool_{n}"), "description": long, "parameters": {"type": "object"}})).collect();
    let definitions = tool_definitions(&json!(tools).to_string(), &limits);
    assert!(
        definitions.len() <= 300
            && definitions
                .starts_with(r#"[{"type":"function","name":"tool_0","description":"word"#)
    );
    assert!(serde_json::from_str::<Value>(&definitions).is_ok());

    let result = json!({"text": long, "n": 1}).to_string();
    let (cut, size) = tool_payload(&result, &limits);
    assert_eq!(size, Some(result.len()));
    assert_eq!(serde_json::from_str::<Value>(&cut).unwrap()["n"], 1);
    let (cut, size) = tool_payload(&long, &limits);
    assert!(cut.len() <= 100 && cut.ends_with(" bytes cut]"));
    assert_eq!(size, Some(5000));
    let numbers = format!("{:?}", vec![7; 1000]);
    let (cut, size) = tool_payload(&numbers, &limits);
    assert!(
        cut.len() <= 300
            && serde_json::from_str::<String>(&cut)
                .unwrap()
                .starts_with("[7, 7")
    );
    assert_eq!(size, Some(3000));
}

#[test]
fn deep_nesting_becomes_text() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let (shown, _) = fit(
        &json!([user("x"), {"role": "assistant", "tool_calls": [{"name": "f", "args": deep}]}]),
        &ContentLimits::default(),
    );
    assert_eq!(shown[1]["parts"][0]["arguments"], deep.as_str());
    let fitted = Messages::parse(&deep, Side::Input).into_json(&ContentLimits::default());
    assert!(serde_json::from_str::<Value>(&fitted.json).is_ok());
    // Within the limit of parsers, but not with a message around it.
    let edge = format!("{}1{}", "[".repeat(125), "]".repeat(125));
    let call = json!([{"role": "assistant", "tool_calls": [{"name": "f", "args": edge}]}]);
    fit(&call, &ContentLimits::default());
}

#[test]
fn large_content_is_read_in_linear_time() {
    let text = "a\"b\\".repeat(500_000);
    let many: Vec<Value> = (0..20_000)
        .map(|n| json!({"role": "user", "content": format!("message {n}")}))
        .collect();
    let truncated = json!(many).to_string();
    let truncated = &truncated[..truncated.len() - 3];
    let started = cpu_time::ThreadTime::now();
    for text in [
        &text,
        truncated,
        &"[".repeat(2_000_000),
        &"{\"input\":".repeat(200_000),
        &"'".repeat(1_000_000),
        &";base64,".repeat(200_000),
        &"data:".repeat(200_000),
    ] {
        let fitted = Messages::parse(text, Side::Input).into_json(&ContentLimits::default());
        assert!(fitted.json.len() <= 256_000);
    }
    // A generous limit: a quadratic step would take minutes.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// `json!` sorts fields, and the base64 of a picture exceeds what is copied of a text.
#[test]
fn a_message_cut_before_its_role_keeps_the_role() {
    let picture = "iVBORw0KGgo".repeat(100);
    for role in ["user", "tool"] {
        let messages = format!(
            r#"[{{"content":[{{"text":"What is this?","type":"text"}},{{"image_url":{{"url":"data:image/png;base64,{picture}"}},"type":"image_url"}}],"role":"{role}"}}]"#
        );
        let excerpt = super::super::excerpt(&messages, 300);
        let fitted = Messages::parse(&excerpt, Side::Input).into_json(&ContentLimits::default());
        let shown: Value = serde_json::from_str(&fitted.json).unwrap();
        assert_eq!(shown[0]["role"], role, "{shown}");
        assert!(shown.to_string().contains("What is this?"), "{shown}");
    }
}

#[test]
fn the_oldest_evaluations_are_dropped() {
    let evaluation = |name: &str| json!({"type": "evaluation", "name": name, "score": 1});
    let evaluations = json!([evaluation("first"), evaluation("second")]);
    let length = evaluations.to_string().len();
    let (shown, original_length) = fit(&evaluations, &limits(1000, length));
    assert_eq!((shown, original_length), (evaluations.clone(), None));
    let (shown, original_length) = fit(&evaluations, &limits(1000, length - 1));
    assert_eq!(shown, json!([evaluation("second")]));
    assert_eq!(original_length, Some(2));
}

/// What is neither a text nor a call.
#[test]
fn large_objects_and_unknown_parts_become_the_start_of_their_json() {
    let numbers: Vec<_> = (0..2000).collect();
    for part in [
        json!({"type": "object", "content": {"numbers": numbers}}),
        json!({"type": "acme", "numbers": numbers}),
    ] {
        let messages = json!([{"role": "user", "content": [part]}]);
        let (shown, original_length) = fit(&messages, &limits(1000, 2000));
        let text = shown[0]["parts"][0]["content"].as_str().unwrap();
        assert!(text.starts_with('{') && text.contains("[0,1,2,"), "{text}");
        assert_eq!(original_length, Some(1));
    }
}
