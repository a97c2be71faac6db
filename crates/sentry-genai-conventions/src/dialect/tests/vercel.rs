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
