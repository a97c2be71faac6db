//! Laminar.

use super::*;

#[test]
fn observed_functions_are_read() {
    let span = translated(
        "lmnr",
        "get_weather",
        &[
            ("lmnr.span.type", "TOOL"),
            ("lmnr.span.input", r#"{"city":"Paris"}"#),
            ("lmnr.span.output", r#""21 degrees""#),
            ("lmnr.association.properties.session_id", "s-1"),
            ("lmnr.association.properties.user_id", "u-1"),
        ],
    );
    for (key, value) in [
        (ARGUMENTS, r#"{"city":"Paris"}"#),
        (RESULT, "21 degrees"),
        ("gen_ai.conversation.id", "s-1"),
        ("user.id", "u-1"),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }

    let span = translated(
        "lmnr",
        "ask",
        &[
            ("lmnr.span.type", "LLM"),
            ("lmnr.span.input", r#"[{"role":"user","content":"Hi"}]"#),
            ("gen_ai.request.model", "m"),
        ],
    );
    assert_eq!(&*span.name, "chat m");
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(expected));
}

#[test]
fn input_of_plain_functions_is_content() {
    let span = Translator::new(TranslateOptions::default()).translate(source(
        "lmnr",
        "handle",
        &[("lmnr.span.path", "handle"), ("lmnr.span.input", r#""Hi""#)],
    ));
    assert!(!span.attributes.contains("lmnr.span.input"));
    assert_eq!(&*span.op, "function");
}

#[test]
fn session_and_user_are_read_on_spans_of_other_libraries() {
    for (key, value) in [
        ("ai.operationId", "ai.generateText.doGenerate"),
        ("llm.request.type", "chat"),
        ("openinference.span.kind", "LLM"),
    ] {
        let session = ("lmnr.association.properties.session_id", "s-1");
        let user = ("lmnr.association.properties.user_id", "u-1");
        let path = ("lmnr.span.path", "ask");
        let span = translated("lmnr", "ask", &[(key, value), session, user, path]);
        let text = |key| span.attributes.text(key);
        assert_eq!(text("gen_ai.conversation.id"), Some("s-1"), "{key}");
        assert_eq!(text("user.id"), Some("u-1"), "{key}");
    }
}
