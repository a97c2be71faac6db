//! Frameworks for agents in JavaScript.

use super::*;
use crate::tokens;

#[test]
fn the_tools_of_voltagents_agents_are_read_from_their_state() {
    let agent = [
        ("entity.type", "agent"),
        ("entity.name", "scout"),
        (
            "agent.stateSnapshot",
            r#"{"id":"scout","tools":[{"name":"w","description":"Weather","parameters":{"def":{}}}]}"#,
        ),
    ];
    let span = translated("@voltagent/core", "scout", &agent);
    assert_eq!(
        span.attributes.text("gen_ai.tool.definitions"),
        Some(r#"[{"type":"function","name":"w","description":"Weather"}]"#)
    );
}

#[test]
fn voltagents_provider_and_cost_are_read() {
    let call = [
        ("span.type", "llm"),
        ("llm.model", "openai/gpt-5"),
        ("llm.provider", "openai"),
        ("usage.cost", "0.25"),
    ];
    let attributes = translated("@voltagent/core", "llm:streamText", &call).attributes;
    assert_eq!(attributes.text("gen_ai.provider.name"), Some("openai"));
    let cost = attributes.get("gen_ai.cost.total_tokens");
    assert_eq!(cost, Some(Value::Double(0.25)));
}

/// Both spans have the operation, the tool and the id of the call.
#[test]
fn the_approval_of_a_tool_call_is_no_tool_call() {
    let op = |operation| {
        let span = [
            ("cloudflare.agents.operation.name", operation),
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "pay"),
            ("gen_ai.tool.call.id", "c1"),
        ];
        translated("", "pay", &span).op
    };
    assert_eq!(op("tool.approval"), "function");
    assert_eq!(op("tool"), "gen_ai.execute_tool");
}

#[test]
fn cloudflares_own_names_are_read() {
    let call = [
        ("cloudflare.agents.operation.name", "doStream"),
        ("cloudflare.agents.response.finish_reason", "tool-calls"),
        ("cloudflare.agents.usage.total_tokens", "20"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
    ];
    let attributes = translated("", "chat m", &call).attributes;
    let reasons = attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["tool-calls"]"#));
    assert_eq!(attributes.integer(tokens::TOTAL), Some(20));
}

/// As on the agents in Strands' swarms and graphs.
#[test]
fn what_an_agent_was_asked_and_answered_is_read() {
    let agent = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "Bot"),
        ("gen_ai.agent.input", "Ping"),
        ("gen_ai.agent.output", "Pong"),
    ];
    let attributes = translated("shop", "node", &agent).attributes;
    assert!(attributes.text(INPUT).unwrap().contains("Ping"));
    assert!(attributes.text(OUTPUT).unwrap().contains("Pong"));
}

/// It writes the counts and the cost as texts.
#[test]
fn n8ns_models_have_a_provider_counts_and_a_cost() {
    let call = |node_type: &str| {
        let node = [
            ("n8n.node.type", node_type),
            ("n8n.node.name", "Chat Model"),
            ("n8n.node.custom.llm.tokens.in", "42"),
            ("n8n.node.custom.llm.tokens.out", "17"),
            ("n8n.node.custom.llm.tokens.total", "59"),
            ("n8n.node.custom.llm.tokens.estimated", "false"),
            ("n8n.node.custom.llm.cost.total", "0.25"),
        ];
        translated("n8n-workflow", "node.execute", &node).attributes
    };
    let attributes = call("@n8n/n8n-nodes-langchain.lmChatAnthropic");
    assert_eq!(attributes.text("gen_ai.provider.name"), Some("anthropic"));
    for (key, count) in [
        (tokens::INPUT, 42),
        (tokens::OUTPUT, 17),
        (tokens::TOTAL, 59),
    ] {
        assert_eq!(attributes.integer(key), Some(count), "{key}");
    }
    let cost = attributes.get("gen_ai.cost.total_tokens");
    assert_eq!(cost, Some(Value::Double(0.25)));

    for (node_type, provider) in [
        ("lmChatGoogleGemini", "gcp.gemini"),
        ("lmOpenAi", "openai"),
        ("embeddingsMistralCloud", "mistral_ai"),
        ("rerankerCohere", "cohere"),
    ] {
        let attributes = call(&format!("@n8n/n8n-nodes-langchain.{node_type}"));
        assert_eq!(attributes.text("gen_ai.provider.name"), Some(provider));
    }
}
