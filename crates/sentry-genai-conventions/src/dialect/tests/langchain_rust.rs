use super::*;

/// Version 7, whose spans have no attribute that is specific to GenAI.
#[test]
fn spans_are_classified_by_module_and_name() {
    let scope = "langchain_rust::observability";
    let call = [
        ("provider", "mistralai"),
        ("model", "mistral-large"),
        ("stream", "false"),
        ("prompt_tokens", "42"),
        ("completion_tokens", "17"),
        ("total_tokens", "59"),
    ];
    let span = translated(scope, "llm.generate", &call);
    assert_eq!(span.op, "gen_ai.chat");
    assert_eq!(span.name, "chat mistral-large");
    let attributes = &span.attributes;
    assert_eq!(attributes.text("gen_ai.provider.name"), Some("mistral_ai"));
    for (key, count) in [
        ("gen_ai.usage.input_tokens", 42),
        ("gen_ai.usage.output_tokens", 17),
        ("gen_ai.usage.total_tokens", 59),
    ] {
        assert_eq!(attributes.get(key), Some(Value::Integer(count)), "{key}");
    }

    let executor = "langchain_rust::agent::executor";
    for (scope, name, attribute, op, expected) in [
        (
            executor,
            "agent.run",
            ("total_tokens", "118"),
            "gen_ai.invoke_agent",
            "invoke_agent",
        ),
        (
            executor,
            "tool.call",
            ("tool", "Date"),
            "gen_ai.execute_tool",
            "execute_tool Date",
        ),
        (
            executor,
            "agent.plan",
            ("step", "0"),
            "function",
            "agent.plan",
        ),
        (
            scope,
            "embed.query",
            ("model", "ada"),
            "gen_ai.embeddings",
            "embeddings ada",
        ),
        (
            "langchain_rust::chain::llm_chain",
            "chain.call",
            ("chain", "llm_chain"),
            "function",
            "chain.call",
        ),
    ] {
        let span = translated(scope, name, &[attribute]);
        assert_eq!((&*span.op, &*span.name), (op, expected));
        assert!(
            !span.attributes.contains("gen_ai.usage.total_tokens"),
            "{name}"
        );
        assert!(!span.attributes.contains("total_tokens"), "{name}");
    }

    let failed = [("tool", "Date"), ("error", "no calendar")];
    let span = translated(executor, "tool.call", &failed);
    assert_eq!(span.status, crate::Status::Error);
}
