//! Names that are close to those of the conventions.

use super::*;
use crate::{SourceEvent, TranslateOptions, Translator, testing};

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

#[test]
fn the_limit_of_tokens_and_the_number_of_choices_have_several_names() {
    for (key, canonical) in [
        (
            "gen_ai.request.max_completion_tokens",
            "gen_ai.request.max_tokens",
        ),
        (
            "llm.request.max_completion_tokens",
            "gen_ai.request.max_tokens",
        ),
        ("max_completion_tokens", "gen_ai.request.max_tokens"),
        ("max_output_tokens", "gen_ai.request.max_tokens"),
        ("gen_ai.request.choice_count", "gen_ai.request.choice.count"),
        ("gen_ai.request.n", "gen_ai.request.choice.count"),
    ] {
        let attributes = [("gen_ai.operation.name", "chat"), (key, "64")];
        let span = translated("shop::assistant", "call", &attributes);
        assert_eq!(span.attributes.integer(canonical), Some(64), "{key}");
    }
}

/// Semantic Kernel reports the text to complete and what completes it in log records.
#[test]
fn a_prompt_to_complete_may_be_an_event() {
    let mut span = testing::span("text_completions m");
    span.scope = "semantic_kernel.utils.telemetry.model_diagnostics.decorators".into();
    span.attributes
        .push("gen_ai.operation.name", "text_completions");
    let event = |name, body| {
        let mut event = SourceEvent::new(name);
        event.attributes.push("event.name", name);
        event.attributes.push("body", body);
        event
    };
    span.events = vec![
        event("gen_ai.prompt", "Once upon"),
        event(
            "gen_ai.choice",
            r#"{"message": {"type": "text", "text": " a time"}}"#,
        ),
    ];
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let span = Translator::new(options).translate(span);
    assert_eq!(
        span.attributes.text(INPUT),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"Once upon"}]}]"#)
    );
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(r#"[{"role":"assistant","parts":[{"type":"text","content":" a time"}]}]"#)
    );
}
