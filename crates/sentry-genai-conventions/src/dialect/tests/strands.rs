//! The spans of Strands Agents.

use super::*;
use crate::Value;

/// It counts the milliseconds until the first token, and up to 1.12 has the system prompt beside its messages.
#[test]
fn strands_counts_milliseconds() {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    let mut span = SourceSpan::new(trace_id, span_id, "chat", Timestamp::default());
    span.scope = "strands.telemetry.tracer".into();
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes
        .push("gen_ai.server.time_to_first_token", 139_i64);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(
        span.attributes.get("gen_ai.response.time_to_first_chunk"),
        Some(Value::Double(0.139))
    );

    let span = translated(
        "strands.telemetry.tracer",
        "invoke_agent w",
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("system_prompt", "Be brief."),
        ],
    );
    assert_eq!(
        span.attributes.text("gen_ai.system_instructions"),
        Some(r#"[{"type":"text","content":"Be brief."}]"#)
    );
}
