//! Spans of Spring AI.

use super::*;

const BOOT: &str = "org.springframework.boot";

#[test]
fn tool_calls_are_read() {
    let tool = [
        ("gen_ai.operation.name", "framework"),
        ("gen_ai.system", "spring_ai"),
        ("spring.ai.kind", "tool_call"),
        ("spring.ai.tool.definition.name", "get_weather"),
        ("spring.ai.tool.call.id", "c1"),
        ("spring.ai.tool.call.arguments", r#"{"city":"Rome"}"#),
        ("spring.ai.tool.call.result", "21"),
    ];
    let span = translated(BOOT, "tool_call get_weather", &tool);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.execute_tool", "execute_tool get_weather")
    );
    let text = |key| span.attributes.text(key);
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Rome"}"#));
    assert_eq!(text(RESULT), Some("21"));
    assert_eq!(text("gen_ai.tool.call.id"), Some("c1"));
    for kind in ["chat_client", "advisor"] {
        let around = [
            ("gen_ai.operation.name", "framework"),
            ("spring.ai.kind", kind),
        ];
        let span = translated(BOOT, kind, &around);
        assert!(!span.op.starts_with("gen_ai."), "{kind}");
    }
}

#[test]
fn placeholder_response_models_are_removed() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.system", "openai"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.response.model", "none"),
        ("gen_ai.usage.input_tokens", "12"),
    ];
    let span = translated(BOOT, "chat m", &call);
    assert_eq!(&*span.op, "gen_ai.chat");
    assert_eq!(span.attributes.text("gen_ai.response.model"), None);
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(12)
    );
}

/// LangChain4j through Micrometer.
#[test]
fn unknown_models_are_removed() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "GOOGLE_AI_GEMINI"),
        ("gen_ai.request.model", "unknown"),
        ("gen_ai.response.model", "unknown"),
        ("outcome", "ERROR"),
    ];
    let span = translated(BOOT, "chatunknown", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat"));
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.request.model"), None);
    assert_eq!(text("gen_ai.provider.name"), Some("gcp.gemini"));
}

#[test]
fn embedding_dimensions_are_a_number() {
    let call = [
        ("gen_ai.operation.name", "embedding"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.request.embedding.dimensions", "64"),
    ];
    let span = translated(BOOT, "embedding m", &call);
    let count = span.attributes.integer("gen_ai.embeddings.dimension.count");
    assert_eq!(count, Some(64));
}

/// Without a conversation of their own, all calls have the default one.
#[test]
fn the_default_conversation_is_removed() {
    let conversation = |id| {
        let client = [
            ("spring.ai.kind", "chat_client"),
            ("spring.ai.chat.client.conversation.id", id),
        ];
        let span = translated(BOOT, "spring_ai chat_client", &client);
        let found = span.attributes.text("session.id").map(str::to_owned);
        found.or_else(|| {
            let found = span.attributes.text("gen_ai.conversation.id");
            found.map(str::to_owned)
        })
    };
    assert_eq!(conversation("c-7").as_deref(), Some("c-7"));
    assert_eq!(conversation("default"), None);
}

#[test]
fn vector_store_queries_are_content() {
    let keys = [
        "db.vector.query.content",
        "db.vector.query.response.documents",
    ];
    let mut span = testing::span("pg_vector query");
    span.attributes.push("spring.ai.kind", "vector_store");
    span.attributes.push("db.system", "pg_vector");
    for key in keys {
        span.attributes.push(key, "where the treasure is");
    }
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(&*span.op, "db");
    assert!(keys.iter().all(|key| !span.attributes.contains(key)));
}

#[test]
fn embabels_agents_have_a_name_and_messages() {
    let run = [
        ("gen_ai.operation.name", "agent"),
        ("embabel.agent.name", "Researcher"),
        ("input.value", "How is the weather?"),
        ("output.value", "Fine"),
    ];
    let span = translated(BOOT, "agent Researcher", &run);
    assert_eq!(&*span.name, "invoke_agent Researcher");
    let messages = span.attributes.text("gen_ai.input.messages").unwrap();
    assert!(messages.contains("How is the weather?"));
    assert!(span.attributes.contains("gen_ai.output.messages"));
}

#[test]
fn anthropics_input_includes_the_cache() {
    let input = |provider| {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", provider),
            ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", "100"),
            ("gen_ai.usage.output_tokens", "20"),
            ("gen_ai.usage.total_tokens", "120"),
            ("gen_ai.usage.cache_read.input_tokens", "30"),
            ("gen_ai.usage.cache_creation.input_tokens", "5"),
        ];
        let span = translated(BOOT, "chat m", &call);
        let count = |key| span.attributes.integer(key);
        (
            count("gen_ai.usage.input_tokens"),
            count("gen_ai.usage.total_tokens"),
        )
    };
    assert_eq!(input("anthropic"), (Some(135), Some(155)));
    assert_eq!(input("openai"), (Some(100), Some(120)));
}

#[test]
fn names_of_tools_are_definitions() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("spring.ai.model.request.tool.names", r#"["get_weather"]"#),
    ];
    let span = translated(BOOT, "chat m", &call);
    let definitions = span.attributes.text("gen_ai.tool.definitions").unwrap();
    assert!(definitions.contains(r#""name":"get_weather""#));
}

/// Spring AI Alibaba.
#[test]
fn the_state_of_a_graph_is_content() {
    let node = [
        ("spring.ai.alibaba.kind", "graph_node"),
        ("spring.ai.alibaba.graph.node.name", "ask"),
        ("node.before.state", "{question=How is the weather?}"),
    ];
    let span = source(BOOT, "spring.ai.alibaba.graph.node.ask", &node);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(&*span.op, "function");
    assert!(!span.attributes.contains("node.before.state"));
    assert!(
        span.attributes
            .contains("spring.ai.alibaba.graph.node.name")
    );
}

#[test]
fn langchain4j_counts_have_no_namespace() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "OPEN_AI"),
        ("gen_ai.request.model", "m"),
        ("input_tokens", "7"),
        ("output_tokens", "5"),
    ];
    let span = translated(BOOT, "chat m", &call);
    let counts = [
        crate::tokens::INPUT,
        crate::tokens::OUTPUT,
        crate::tokens::TOTAL,
    ];
    let counts = counts.map(|key| span.attributes.integer(key));
    assert_eq!(counts, [Some(7), Some(5), Some(12)]);
}
