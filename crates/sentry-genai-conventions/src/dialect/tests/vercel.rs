//! Files and decisions of Vercel's AI SDK.

use super::*;

#[test]
fn files_are_part_of_the_answer_in_the_ai_sdk() {
    let attributes = [
        ("ai.operationId", "ai.generateText.doGenerate"),
        ("ai.model.id", "m"),
        ("ai.response.text", "Here"),
        (
            "ai.response.files",
            r#"[{"type":"file","mediaType":"image/png","data":"iVBORw0KGgo="}]"#,
        ),
    ];
    let span = translated("ai", "ai.generateText.doGenerate", &attributes);
    assert_eq!(
        span.attributes.text("gen_ai.output.messages"),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Here"},{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"}]}]"#
        )
    );
}

#[test]
fn decisions_of_the_ai_sdk_have_messages() {
    let attributes = [
        ("gen_ai.operation.name", "decide"),
        ("gen_ai.request.model", "jev"),
        ("ai.decision.state", r#""He is angry""#),
        ("ai.decision.questions", r#"[{"text":"Refund?"}]"#),
        ("ai.decision.answers", r#"[{"yes":0.9}]"#),
    ];
    let span = translated("gen_ai", "decide jev", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(
        text("gen_ai.input.messages"),
        Some(
            r#"[{"role":"user","parts":[{"type":"text","content":"He is angry"}]},{"role":"user","parts":[{"type":"object","content":[{"text":"Refund?"}]}]}]"#
        )
    );
    assert_eq!(
        text("gen_ai.output.messages"),
        Some(r#"[{"role":"assistant","parts":[{"type":"object","content":[{"yes":0.9}]}]}]"#)
    );
}

/// The SDK records the answer before it reads it as an object.
#[test]
fn an_answer_of_the_ai_sdk_that_is_no_object_stays_a_text() {
    for (answer, kind, content) in [
        ("I am not sure.", "text", r#""I am not sure.""#),
        (r#"{"city":"Rom"#, "text", r#""{\"city\":\"Rom""#),
        (r#"{"city":"Rome"}"#, "object", r#"{"city":"Rome"}"#),
    ] {
        let attributes = [
            ("ai.operationId", "ai.generateObject.doGenerate"),
            ("ai.model.id", "m"),
            ("ai.response.object", answer),
        ];
        let span = translated("ai", "ai.generateObject.doGenerate", &attributes);
        let part = format!(r#"{{"type":"{kind}","content":{content}}}"#);
        let expected = format!(r#"[{{"role":"assistant","parts":[{part}]}}]"#);
        let output = span.attributes.text("gen_ai.output.messages");
        assert_eq!(output, Some(&*expected));
    }
}
