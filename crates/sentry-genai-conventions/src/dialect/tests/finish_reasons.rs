//! Finish reasons that the instrumentation did not get.

use super::*;
use crate::SourceStatus;

/// OpenTelemetry's newest instrumentations for Python: LangChain has no finish reason for OpenAI's responses.
#[test]
fn a_placeholder_finish_reason_is_removed() {
    let message = |reason: &str| {
        format!(
            r#"[{{"role":"assistant","parts":[{{"type":"text","content":"say \"finish_reason\":\"error\""}}],"finish_reason":{reason}}}]"#
        )
    };
    let options = TranslateOptions {
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let mut planning = crate::PlanningTranslator::new(Translator::new(options));
    let mut reasons = |scope: &str, reason: &str, status: SourceStatus| {
        let output = message(&format!("\"{reason}\""));
        let mut span = source(
            scope,
            "chat m",
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "m"),
                ("gen_ai.response.finish_reasons", &format!("[\"{reason}\"]")),
                ("gen_ai.output.messages", &output),
            ],
        );
        span.status = status;
        let span = planning.translate(&mut span);
        let text = span.attributes.text("gen_ai.output.messages").unwrap();
        assert!(text.contains(r#"say \"finish_reason\":\"error\""#));
        let reasons = span.attributes.text("gen_ai.response.finish_reasons");
        let in_message = text.contains(&format!(r#""finish_reason":"{reason}""#));
        assert_eq!(reasons.is_some(), in_message);
        reasons.map(str::to_owned)
    };
    let langchain = "opentelemetry.instrumentation.genai.langchain";
    for _ in 0..4 {
        let stop = reasons(langchain, "stop", SourceStatus::Unset);
        assert_eq!(stop.as_deref(), Some(r#"["stop"]"#));
        assert_eq!(reasons(langchain, "error", SourceStatus::Unset), None);
        let failed = SourceStatus::Error(None);
        let error = Some(r#"["error"]"#.to_owned());
        assert_eq!(reasons(langchain, "error", failed), error);
        let abandoned = SourceStatus::Error(Some("abandoned stream".to_owned()));
        assert_eq!(reasons(langchain, "error", abandoned), None);
        assert_eq!(reasons("any", "error", SourceStatus::Unset), error);
    }
}

#[test]
fn an_empty_finish_reason_is_no_reason() {
    for (recorded, expected) in [
        (r#"[""]"#, None),
        (r#"[null,""]"#, None),
        (r#"["","stop"]"#, Some(r#"["stop"]"#)),
    ] {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.response.finish_reasons", recorded),
        ];
        let span = translated("", "chat m", &attributes);
        let reasons = span.attributes.text("gen_ai.response.finish_reasons");
        assert_eq!(reasons, expected, "{recorded}");
    }
}
