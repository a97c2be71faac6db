//! Frameworks in Java and Kotlin, apart from Spring.

use serde_json::json;

use super::*;
use crate::{messages, tokens};

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

/// As in Azure's SDK for inference, if the client has a model for all its requests.
#[test]
fn an_operation_in_the_place_of_a_model_is_removed() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.system", "az.ai.inference"),
        ("gen_ai.request.model", "chat"),
        ("gen_ai.response.model", "m"),
    ];
    let scope = "azure.core.tracing.ext.opentelemetry_span";
    let name = |name| translated(scope, name, &call).name;
    assert_eq!(name("chat"), "chat m");
    // A deployment may have that name, too.
    assert_eq!(name("chat chat"), "chat chat");
}

/// As in JetBrains' Tracy.
#[test]
fn responses_of_openais_api_and_methods_of_geminis_are_operations() {
    for (written, op) in [
        ("response", "gen_ai.chat"),
        ("streamGenerateContent", "gen_ai.generate_content"),
        ("batchEmbedContents", "gen_ai.embeddings"),
        ("chat.completions.list", "function"),
    ] {
        let call = [
            ("gen_ai.operation.name", written),
            ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", "3"),
        ];
        assert_eq!(translated("tracy", "OpenAI-generation", &call).op, op);
    }
}

/// Each API keeps its own names for the calls of an answer.
#[test]
fn tracys_answers_have_tool_calls() {
    let openai = [
        ("role", "assistant"),
        ("content", "null"),
        ("annotations", "[]"),
        ("tool.0.call.id", "c1"),
        ("tool.0.call.type", "function"),
        ("tool.0.name", "f"),
        ("tool.0.arguments", r#"{"a":1}"#),
    ];
    let responses = [
        ("tool_call_type", "function_call"),
        ("tool_id", "fc1"),
        ("tool_call_id", "c1"),
        ("tool_name", "f"),
        ("tool_arguments", r#"{"a":1}"#),
    ];
    let anthropic = [
        ("type", "tool_use"),
        ("tool.call.id", "c1"),
        ("tool.call.type", "tool_use"),
        ("tool.name", "f"),
        ("tool.arguments", r#"{"a":1}"#),
    ];
    let call = r#"{"type":"tool_call","id":"c1","name":"f","arguments":{"a":1}}"#;
    for fields in [&openai[..], &responses, &anthropic] {
        assert_eq!(tracys_answer(fields).unwrap(), call);
    }
    let gemini = [
        ("role", "model"),
        (
            "content",
            r#"[{"functionCall":{"name":"f","args":{"a":1}}}]"#,
        ),
        ("tool.0.name", "f"),
        ("tool.0.arguments", r#"{"a":1}"#),
    ];
    let call = r#"{"type":"tool_call","name":"f","arguments":{"a":1}}"#;
    assert_eq!(tracys_answer(&gemini).unwrap(), call);

    let quoted = [("role", "assistant"), ("content", r#""Hi \"you\"""#)];
    let text = r#"{"type":"text","content":"Hi \"you\""}"#;
    assert_eq!(tracys_answer(&quoted).unwrap(), text);
    // What it may not record.
    let redacted = [
        ("role", "assistant"),
        ("content", "REDACTED"),
        ("tool.0.call.id", "c1"),
        ("tool.0.name", "REDACTED"),
    ];
    assert_eq!(tracys_answer(&redacted), None);
}

/// Returns the parts of an answer with these flattened fields.
fn tracys_answer(fields: &[(&str, &str)]) -> Option<String> {
    let mut span = source("tracy", "generation", &[("gen_ai.operation.name", "chat")]);
    for (field, value) in fields {
        let key = format!("gen_ai.completion.0.{field}");
        span.attributes.push_conventional(&key, *value);
    }
    let span = with_content(span);
    let answer = span.attributes.text("gen_ai.output.messages")?;
    let parts = answer.strip_prefix(r#"[{"role":"assistant","parts":["#)?;
    Some(parts.split("]}]").next()?.to_owned())
}

/// Instructions and definitions are flattened, too. Of Gemini's reasoning only the total knows.
#[test]
fn tracys_requests_have_instructions_and_tools() {
    let anthropic = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.prompt.system.0.type", "text"),
        ("gen_ai.prompt.system.0.content", "Be brief"),
        ("gen_ai.tool.0.type", "custom"),
        ("gen_ai.tool.0.name", "f"),
        ("gen_ai.tool.0.parameters", r#"{"type":"object"}"#),
    ];
    let gemini = [
        ("gen_ai.operation.name", "generateContent"),
        ("gen_ai.system", "gemini"),
        ("gen_ai.prompt.system.content", "Be brief"),
        ("gen_ai.tool.0.function.0.name", "f"),
        (
            "gen_ai.tool.0.function.0.parameters",
            r#"{"type":"object"}"#,
        ),
        ("gen_ai.usage.input_tokens", "10"),
        ("gen_ai.usage.output_tokens", "4"),
        ("gen_ai.usage.total_tokens", "20"),
    ];
    for attributes in [&anthropic[..], &gemini] {
        let span = translated("tracy", "generation", attributes);
        let text = |key| span.attributes.text(key);
        let instructions = messages::read_json(text("gen_ai.system_instructions").unwrap());
        let expected = json!([{"type": "text", "content": "Be brief"}]);
        assert_eq!(instructions, Some(expected));
        let tools = r#"[{"type":"function","name":"f","parameters":{"type":"object"}}]"#;
        assert_eq!(text("gen_ai.tool.definitions"), Some(tools));
    }
    let span = translated("tracy", "generation", &gemini);
    assert_eq!(span.attributes.integer(tokens::REASONING), Some(6));
    assert_eq!(span.attributes.integer(tokens::OUTPUT), Some(10));
}

/// Under whatever scope.
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
