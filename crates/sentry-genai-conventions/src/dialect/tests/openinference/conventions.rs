//! What newer versions of OpenInference's conventions can express.

use super::super::*;

const LLM: Attribute = ("openinference.span.kind", "LLM");
const OPENAI: &str = "openinference.instrumentation.openai";
const INPUT: &str = "gen_ai.input.messages";
const OUTPUT: &str = "gen_ai.output.messages";

#[test]
fn decisions_are_calls_of_a_model() {
    let span = translated(
        OPENAI,
        "Decision",
        &[
            ("openinference.span.kind", "DECISION"),
            ("decision.system", "openai"),
            ("decision.request.model_name", "gpt-decide"),
            ("decision.model_name", "gpt-decide-2026"),
            ("decision.response.model_name", "gpt-decide-2026"),
            ("decision.token_count.input", "100"),
            ("decision.token_count.output", "3"),
            ("input.value", r#"{"questions":[{"text":"Refund?"}]}"#),
            ("output.value", r#"{"answers":[{"yes":0.9}]}"#),
        ],
    );
    assert_eq!(span.op, "gen_ai.decide");
    assert_eq!(span.name, "decide gpt-decide");
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.response.model"), Some("gpt-decide-2026"));
    assert_eq!(text("gen_ai.provider.name"), Some("openai"));
    assert!(text(INPUT).is_some() && text(OUTPUT).is_some());
    let counts = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"];
    let counts = counts.map(|key| span.attributes.integer(key));
    assert_eq!(counts, [Some(100), Some(3)]);
}

/// With `OPENINFERENCE_ENABLE_GENAI_SEMCONV`.
#[test]
fn copies_that_say_less_than_their_originals_do_not_count() {
    let answer = r#"{"object": "chat.completion", "model": "gpt-4o-2024", "choices": [{"message": {"role": "assistant", "reasoning_content": "Hm", "content": "Hi"}, "finish_reason": "tool_calls"}]}"#;
    let call = [
        LLM,
        ("llm.provider", "google"),
        ("llm.system", "anthropic"),
        ("llm.model_name", "gpt-4o-2024"),
        ("llm.invocation_parameters", r#"{"model": "gpt-4o"}"#),
        ("llm.token_count.completion", "5"),
        ("output.value", answer),
        ("llm.output_messages.0.message.role", "assistant"),
        ("llm.output_messages.0.message.content", "Hi"),
        ("llm.finish_reason", "tool_calls"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "gcp.gen_ai"),
        ("gen_ai.request.model", "gpt-4o-2024"),
        (
            OUTPUT,
            r#"[{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "tool_call"}]"#,
        ),
        ("gen_ai.response.finish_reasons", "tool_call"),
        ("gen_ai.request.choice.count", "2"),
    ];
    let span = translated(OPENAI, "ChatCompletion", &call);
    let text = |key| span.attributes.text(key);
    assert_eq!(span.name, "chat gpt-4o");
    assert_eq!(text("gen_ai.response.model"), Some("gpt-4o-2024"));
    assert_eq!(text("gen_ai.provider.name"), Some("gcp.vertex_ai"));
    let reasons = text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["tool_calls"]"#));
    assert!(
        text(OUTPUT)
            .unwrap()
            .contains(r#""reasoning","content":"Hm""#)
    );
    assert!(span.attributes.contains("gen_ai.request.choice.count"));

    // The schema of a tool is no argument.
    let tool = [
        ("openinference.span.kind", "TOOL"),
        ("tool.name", "w"),
        ("input.value", r#"{"city":"Paris"}"#),
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.call.arguments", r#"{"type":"object"}"#),
    ];
    let arguments = |scope| {
        let span = translated(scope, "w", &tool);
        let arguments = span.attributes.text("gen_ai.tool.call.arguments");
        arguments.map(str::to_owned)
    };
    assert_eq!(arguments(OPENAI).as_deref(), Some(r#"{"city":"Paris"}"#));
    // What another library wrote is no copy.
    assert_eq!(
        arguments("pydantic-ai").as_deref(),
        Some(r#"{"type":"object"}"#)
    );
}

#[test]
fn tools_may_be_defined_without_a_schema() {
    let attributes = [
        LLM,
        ("llm.tools.0.tool.name", "w"),
        ("llm.tools.0.tool.description", "Weather"),
        ("llm.tools.1.tool.json_schema", r#"{"name":"t"}"#),
        ("llm.tools.1.tool.name", "t"),
    ];
    let span = translated("any", "ask", &attributes);
    assert_eq!(
        span.attributes.text("gen_ai.tool.definitions"),
        Some(
            r#"[{"type":"function","name":"w","description":"Weather"},{"type":"function","name":"t"}]"#
        )
    );
}

#[test]
fn documents_are_texts_files_or_addresses() {
    #[rustfmt::skip]
    let attributes = [
        LLM,
        ("llm.input_messages.0.message.contents.0.message_content.type", "document"),
        ("llm.input_messages.0.message.contents.0.message_content.document.document.content", "Read"),
        ("llm.input_messages.0.message.contents.1.message_content.type", "document"),
        ("llm.input_messages.0.message.contents.1.message_content.document.document.id", "file-1"),
        ("llm.input_messages.0.message.contents.2.message_content.type", "document"),
        ("llm.input_messages.0.message.contents.2.message_content.document.document.url", "https://e.example/a.pdf?sig=s"),
        ("llm.input_messages.0.message.contents.2.message_content.document.document.mime_type", "application/pdf"),
    ];
    let span = translated("any", "ask", &attributes);
    assert_eq!(
        span.attributes.text(INPUT),
        Some(
            r#"[{"role":"user","parts":[{"type":"text","content":"Read"},{"type":"file","modality":"document","mime_type":"unknown","file_id":"file-1"},{"type":"uri","modality":"document","mime_type":"application/pdf","uri":"https://e.example/a.pdf"}]}]"#
        )
    );
}

#[test]
fn images_are_parts_of_messages() {
    let answer = r#"{"created":1,"data":[{"b64_json":"iVBORw0KGgoAAAANSUhEUg==","revised_prompt":"A cat, sitting"}],"output_format":"webp"}"#;
    let attributes = [
        LLM,
        ("input.value", r#"{"model":"gpt-image-1","prompt":"A cat"}"#),
        ("input.images.0.image.url", "https://e.example/a.png?sig=s"),
        ("output.value", answer),
        (
            "output.images.0.image.url",
            "data:image/webp;base64,iVBORw0KGgo=",
        ),
    ];
    let span = translated(OPENAI, "ImagesResponse", &attributes);
    assert_eq!(
        span.attributes.text(INPUT),
        Some(
            r#"[{"role":"user","parts":[{"type":"uri","modality":"image","mime_type":"unknown","uri":"https://e.example/a.png"},{"type":"text","content":"A cat"}]}]"#
        )
    );
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"text","content":"A cat, sitting"},{"type":"blob","modality":"image","mime_type":"image/webp","content":"[Blob substitute]"}]}]"#
        )
    );
    assert!(!span.attributes.contains("output.images.0.image.url"));
    // Without the answer, as if that were too long.
    let span = translated(
        OPENAI,
        "ImagesResponse",
        &attributes[4..]
            .iter()
            .copied()
            .chain([LLM])
            .collect::<Vec<_>>(),
    );
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"blob","modality":"image","mime_type":"image/webp","content":"[Blob substitute]"}]}]"#
        )
    );
}

#[test]
fn claude_runs_on_the_clouds_of_others() {
    let provider = |host| {
        let attributes = [LLM, ("llm.provider", host), ("llm.system", "anthropic")];
        let span = translated("openinference.instrumentation.anthropic", "a", &attributes);
        span.attributes
            .text("gen_ai.provider.name")
            .map(str::to_owned)
    };
    assert_eq!(provider("google").as_deref(), Some("gcp.vertex_ai"));
    assert_eq!(provider("azure").as_deref(), Some("azure.ai.inference"));
    assert_eq!(provider("aws").as_deref(), Some("aws.bedrock"));
    assert_eq!(provider("anthropic").as_deref(), Some("anthropic"));
}

/// An attached file has no address, and is missing among the flattened messages.
#[test]
fn files_of_a_request_are_kept() {
    let request = r#"{"model":"gpt-5","prompt":{"id":"p1","version":"2"},"input":[{"role":"user","content":[{"type":"input_text","text":"Look"},{"type":"input_image","file_id":"file-1"}]}]}"#;
    let attributes = [
        LLM,
        ("input.value", request),
        ("llm.input_messages.1.message.role", "user"),
        (
            "llm.input_messages.1.message.contents.0.message_content.text",
            "Look",
        ),
    ];
    let span = translated(OPENAI, "Response", &attributes);
    assert_eq!(
        span.attributes.text(INPUT),
        Some(
            r#"[{"role":"user","parts":[{"type":"text","content":"Look"},{"type":"file","modality":"image","mime_type":"unknown","file_id":"file-1"}]}]"#
        )
    );
}

#[test]
fn an_interaction_counts_once_and_names_its_agent() {
    let scope = "openinference.instrumentation.google_genai";
    let lookup = [
        LLM,
        ("llm.model_name", "m"),
        ("llm.token_count.prompt", "3"),
    ];
    for name in ["InteractionsResource.get", "AsyncInteractionsResource.get"] {
        assert_eq!(translated(scope, name, &lookup).op, "function");
    }
    let answer = r#"{"id":"v1","agent":"deep-research","steps":[{"type":"thought","summary":[{"type":"text","text":"Hm"}]},{"type":"model_output","content":[{"type":"text","text":"Found"}]}]}"#;
    let attributes = [
        ("openinference.span.kind", "AGENT"),
        ("input.value", "Search"),
        ("output.value", answer),
    ];
    let span = translated(scope, "InteractionsResource.create", &attributes);
    assert_eq!(span.name, "invoke_agent deep-research");
    let output = span.attributes.text(OUTPUT).unwrap();
    assert!(output.contains("Hm") && output.contains(r#""text","content":"Found""#));
    assert!(!output.contains("deep-research"), "{output}");
}

#[test]
fn langchains_provider_is_in_the_metadata_if_nowhere_else() {
    let call = [
        LLM,
        ("llm.model_name", "m"),
        (
            "metadata",
            r#"{"ls_provider":"openai","ls_model_type":"chat"}"#,
        ),
    ];
    let scope = "@arizeai/openinference-instrumentation-langchain";
    let provider = |attributes: &[Attribute]| {
        let span = translated(scope, "ChatOpenAI", attributes);
        let provider = span.attributes.text("gen_ai.provider.name");
        provider.map(str::to_owned)
    };
    assert_eq!(provider(&call).as_deref(), Some("openai"));
    let named = [&call[..], &[("llm.provider", "azure")]].concat();
    assert_eq!(provider(&named).as_deref(), Some("azure.ai.openai"));
}
