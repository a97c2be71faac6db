//! Frameworks in Java and Kotlin, apart from Spring.

use super::*;

const QUARKUS: &str = "io.quarkus.opentelemetry";

#[test]
fn services_and_tools_of_quarkus_are_named_by_their_spans() {
    let name = "langchain4j.aiservices.Assistant.chat";
    let span = translated(QUARKUS, name, &[]);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.invoke_agent", "invoke_agent Assistant")
    );
    let span = translated(QUARKUS, "langchain4j.tools.getWeather", &[]);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.execute_tool", "execute_tool getWeather")
    );
    let span = translated(QUARKUS, "GET /ask", &[]);
    assert_eq!((&*span.op, &*span.name), ("function", "GET /ask"));
}

/// Koog has a role for what the model thought.
#[test]
fn koogs_reasoning_is_the_models() {
    let call = [
        ("koog.event.id", "e1"),
        ("gen_ai.operation.name", "chat"),
        (
            OUTPUT,
            r#"[{"role":"Reasoning","parts":[{"type":"text","content":"Hm."}]},{"role":"Assistant","parts":[{"type":"text","content":"Rain."}]}]"#,
        ),
    ];
    let span = translated("ai.koog", "chat m", &call);
    assert_eq!(
        span.attributes.text(OUTPUT),
        Some(
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."}]},{"role":"assistant","parts":[{"type":"text","content":"Rain."}]}]"#
        )
    );
}

/// As in OpenInference's instrumentations for Java, which always report a model and a framework.
#[test]
fn placeholders_for_a_model_and_a_provider_are_removed() {
    let call = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "unknown"),
        ("llm.system", "langchain4j"),
    ];
    let span = translated("com.arize.instrumentation.langchain4j", "generate", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat"));
    assert!(!span.attributes.contains("gen_ai.request.model"));
    assert!(!span.attributes.contains("gen_ai.provider.name"));

    // The conventions put the model into the name of the span.
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "unknown"),
        ("gen_ai.response.model", "m"),
    ];
    let span = translated("app", "chat unknown", &call);
    assert_eq!(&*span.name, "chat m");
    assert!(!span.attributes.contains("gen_ai.request.model"));
}

/// As in JetBrains' Tracy.
#[test]
fn responses_of_openais_api_are_calls() {
    let call = [
        ("gen_ai.operation.name", "response"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", "Hi"),
        ("gen_ai.usage.input_tokens", "3"),
    ];
    let span = translated("org.jetbrains.ai.tracy", "OpenAI-generation", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"));
}
