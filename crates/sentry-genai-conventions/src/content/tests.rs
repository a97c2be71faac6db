use super::*;
use crate::dialect;

/// Instructions, messages with a system message that says `Be brief.`, and the resulting instructions.
#[rustfmt::skip]
const CASES: &[(Option<&str>, &str, &str)] = &[
    (None, CANONICAL, r#"[{"type":"text","content":"Be brief."}]"#),
    (Some("Be kind."), CANONICAL, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some("Be kind."), PLAIN, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some("Be kind."), DEVELOPER, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some(r#"[{"type":"text","content":"Be brief."}]"#), CANONICAL, r#"[{"type":"text","content":"Be brief."}]"#),
    (Some(r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#), CANONICAL, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#),
    (Some(r#"["Be brief.", "Be kind."]"#), PLAIN, r#"[{"type":"text","content":"Be brief."},{"type":"text","content":"Be kind."}]"#),
    (Some("Be kind."), TWICE, r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."},{"type":"text","content":"Be brief."}]"#),
    (None, TWICE, r#"[{"type":"text","content":"Be brief."},{"type":"text","content":"Be brief."}]"#),
    (Some("[]"), CANONICAL, r#"[{"type":"text","content":"Be brief."}]"#),
];
const CANONICAL: &str = r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
const PLAIN: &str = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]"#;
const TWICE: &str = r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."},{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
const DEVELOPER: &str = r#"[{"role":"developer","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;

#[test]
fn system_messages_are_added_to_the_instructions() {
    for (instructions, messages, expected) in CASES {
        let mut attributes = Attributes::default();
        if let Some(instructions) = instructions {
            attributes.push(INSTRUCTIONS, *instructions);
        }
        attributes.push(dialect::INPUT, *messages);
        normalise(&mut attributes, &ContentLimits::default());
        assert_eq!(
            attributes.text(INSTRUCTIONS),
            Some(*expected),
            "{instructions:?}"
        );
        assert_eq!(
            attributes.text(dialect::INPUT),
            Some(r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#)
        );
    }
}

fn message(role: &str, text: &str) -> String {
    format!(r#"{{"role":"{role}","parts":[{{"type":"text","content":"{text}"}}]}}"#)
}

#[test]
fn a_cut_conversation_keeps_its_last_question_and_its_end() {
    let question = message("user", "Why?");
    let old = message("assistant", &"word ".repeat(40));
    let last = message("assistant", "So");
    let messages = [&question, &old, &old, &last].map(String::as_str);
    let limits = ContentLimits {
        attribute_bytes: 300,
        ..ContentLimits::default()
    };
    let mut attributes = Attributes::default();
    attributes.push(dialect::INPUT, format!("[{}]", messages.join(",")));
    normalise(&mut attributes, &limits);
    let kept = format!("[{question},{last}]");
    assert_eq!(attributes.text(dialect::INPUT), Some(&*kept));
    let length = "gen_ai.request.messages.original_length";
    assert_eq!(attributes.integer(length), Some(4));
}

/// Messages that are too long are shortened by different code.
#[test]
fn system_messages_of_a_cut_conversation_are_added_to_the_instructions() {
    let old = message("user", &"word ".repeat(40));
    let messages = [
        message("system", "Be brief."),
        old.clone(),
        old,
        message("user", "Hi"),
    ];
    let limits = ContentLimits {
        attribute_bytes: 300,
        ..ContentLimits::default()
    };
    let mut attributes = Attributes::default();
    attributes.push(dialect::INPUT, format!("[{}]", messages.join(",")));
    attributes.push(INSTRUCTIONS, "Be kind.");
    normalise(&mut attributes, &limits);
    assert_eq!(
        attributes.text(INSTRUCTIONS),
        Some(r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be brief."}]"#)
    );
}

#[test]
fn many_system_messages_are_added_within_the_limits() {
    let messages: Vec<_> = (0..20_000)
        .map(|number| serde_json::json!({"role": "system", "content": format!("Rule {number}")}))
        .collect();
    let mut attributes = Attributes::default();
    attributes.push(INSTRUCTIONS, "Be kind.");
    attributes.push(dialect::INPUT, serde_json::json!(messages).to_string());
    let limits = ContentLimits::default();
    normalise(&mut attributes, &limits);
    let normalised = attributes.text(INSTRUCTIONS).unwrap();
    assert!(normalised.len() <= limits.attribute_bytes);
    let normalised: Vec<serde_json::Value> = serde_json::from_str(normalised).unwrap();
    assert_eq!(normalised[0]["content"], "Be kind.");
    assert!(normalised.len() > 1000, "{}", normalised.len());
    for (number, part) in normalised[1..].iter().enumerate() {
        assert_eq!(part["content"], format!("Rule {number}"));
    }
}

#[test]
fn a_list_of_choices_becomes_an_answer() {
    for (text, expected) in [
        (
            "Hi",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (
            r#"["Hi"]"#,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
    ] {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.response.text", text);
        merge_answer(&mut attributes);
        crate::rename::canonicalise(&mut attributes);
        normalise(&mut attributes, &ContentLimits::default());
        assert_eq!(attributes.text(dialect::OUTPUT), Some(expected));
    }
}

#[test]
fn an_answer_and_its_calls_become_one_output() {
    let message = r#"{"type":"message","content":[{"type":"output_text","text":"Hi"}]}"#;
    let reasoning = r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}]}"#;
    for (text, calls, expected) in [
        (
            Some(r#"[""]"#),
            r#"[{"id":"c","type":"tool_call","name":"f","args":{}}]"#.to_owned(),
            r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"f","arguments":{}}]}]"#,
        ),
        (
            Some("Hi"),
            format!("[{reasoning},{message}]"),
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"},{"type":"reasoning","content":"Hm"}]}]"#,
        ),
        (
            None,
            format!("[{reasoning},{message}]"),
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm"},{"type":"text","content":"Hi"}]}]"#,
        ),
        (
            Some(
                r#"[{"role":"assistant","content":""},{"role":"tool","content":"1"},{"role":"assistant","content":"Hi"}]"#,
            ),
            r#"[{"id":"c","type":"tool_call","name":"f","args":{}}]"#.to_owned(),
            r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"f","arguments":{}}]},{"role":"tool","parts":[{"type":"tool_call_response","response":"1","result":"1"}]},{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
    ] {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.response.tool_calls", calls);
        if let Some(text) = text {
            attributes.push("gen_ai.response.text", text);
        }
        merge_answer(&mut attributes);
        normalise(&mut attributes, &ContentLimits::default());
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let output = attributes.text(dialect::OUTPUT).unwrap();
        assert_eq!(json(output), json(expected));
    }
}

#[test]
fn an_output_takes_precedence_over_its_former_attributes() {
    const ANSWER: &str = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]"#;

    let mut attributes = Attributes::default();
    attributes.push(dialect::OUTPUT, ANSWER);
    attributes.push("gen_ai.response.text", "Hello");
    attributes.push("gen_ai.response.tool_calls", "[]");
    merge_answer(&mut attributes);
    crate::rename::canonicalise(&mut attributes);
    let kept: Vec<_> = attributes.iter().collect();
    assert_eq!(kept, [(dialect::OUTPUT, Value::Str(ANSWER))]);
}
