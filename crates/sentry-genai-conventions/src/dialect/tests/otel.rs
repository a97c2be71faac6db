//! Names that are close to those of the conventions.

use super::*;

/// Splunk's instrumentations, and Laminar's count of reasoning.
#[test]
fn looser_names_are_read() {
    for (operation, key, value, canonical, expected) in [
        (
            "invoke_agent",
            "gen_ai.agent.system_instructions",
            "Be brief",
            "gen_ai.system_instructions",
            r#"[{"type":"text","content":"Be brief"}]"#,
        ),
        (
            "embeddings",
            "gen_ai.embeddings.input.texts",
            r#"["a b"]"#,
            "gen_ai.embeddings.input",
            r#"["a b"]"#,
        ),
    ] {
        let attributes = [("gen_ai.operation.name", operation), (key, value)];
        let span = translated("opentelemetry.util.genai", operation, &attributes);
        assert_eq!(span.attributes.text(canonical), Some(expected));
    }
    let mut call = source("lmnr.tracer", "call", &[("lmnr.span.type", "LLM")]);
    call.attributes.push("gen_ai.usage.output_tokens", 7);
    call.attributes
        .push("gen_ai.usage.reasoning_output_tokens", 5);
    let call = with_content(call);
    let reasoning = "gen_ai.usage.reasoning.output_tokens";
    assert_eq!(call.attributes.integer(reasoning), Some(5));
}
