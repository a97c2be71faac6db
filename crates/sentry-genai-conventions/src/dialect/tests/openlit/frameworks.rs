//! Frameworks in OpenLIT for Python and JavaScript.

use super::super::*;

const AGENTS: &str = "openlit.instrumentation.openai_agents";
const CLAUDE: &str = "openlit.instrumentation.claude_agent_sdk";
const INVOKE_AGENT: Attribute = ("gen_ai.operation.name", "invoke_agent");

/// What a span of a framework becomes: its op and its name.
#[rustfmt::skip]
const SPANS: &[(&str, &str, &[Attribute], &str, &str)] = &[
    (AGENTS, "invoke_agent Clerk", &[INVOKE_AGENT, ("gen_ai.agent.name", "Clerk"), ("gen_ai.output.type", "text")], "gen_ai.invoke_agent", "invoke_agent Clerk"),
    (AGENTS, "invoke_agent topic", &[INVOKE_AGENT, ("gen_ai.agent.name", "topic"), ("gen_ai.guardrail.triggered", "false")], "function", "topic"),
    (AGENTS, "invoke_agent turn", &[INVOKE_AGENT, ("gen_ai.agent.name", "turn")], "function", "turn"),
    ("@openlit/instrumentation-openai-agents", "invoke_agent turn", &[INVOKE_AGENT, ("gen_ai.agent.name", "turn")], "function", "turn"),
    (AGENTS, "execute_tool wiki", &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "mcp_list_tools")], "function", "mcp_list_tools wiki"),
    (AGENTS, "execute_tool ask", &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "ask")], "gen_ai.execute_tool", "execute_tool ask"),
    (AGENTS, "chat transcription", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("gen_ai.output.type", "text")], "gen_ai.generate_content", "generate_content m"),
    (AGENTS, "chat speech", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("gen_ai.output.type", "speech")], "gen_ai.generate_content", "generate_content m"),
    (AGENTS, "chat m", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("gen_ai.output.type", "text")], "gen_ai.chat", "chat m"),
    ("openlit.instrumentation.ag2", "chat Clerk", &[("gen_ai.operation.name", "chat"), ("gen_ai.agent.name", "Clerk"), ("gen_ai.agent.message_type", "generate_reply"), ("gen_ai.request.model", "m")], "gen_ai.invoke_agent", "invoke_agent Clerk"),
    ("openlit.instrumentation.ag2", "chat Clerk", &[("gen_ai.operation.name", "chat"), ("gen_ai.agent.name", "Clerk"), ("gen_ai.agent.message_type", "send"), ("gen_ai.request.model", "m")], "function", "chat Clerk"),
    ("openlit.instrumentation.ag2", "invoke_agent x", &[INVOKE_AGENT, ("gen_ai.groupchat.speaker_selection", "Clerk")], "function", "invoke_agent x"),
    ("openlit.instrumentation.pydantic_ai", "execute_tool m", &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.request.model", "m")], "function", "execute_tool m"),
    ("openlit.instrumentation.llamaindex", "chat x", &[("gen_ai.operation.name", "chat"), ("gen_ai.operation.endpoint", "response_synthesize")], "function", "chat x"),
    ("openlit.instrumentation.llamaindex", "chat m", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("gen_ai.operation.endpoint", "llm_chat")], "gen_ai.chat", "chat m"),
    ("openlit.instrumentation.langgraph", "invoke_agent model", &[INVOKE_AGENT, ("gen_ai.agent.name", "model")], "function", "model"),
    ("openlit.instrumentation.langgraph", "invoke_agent writer", &[INVOKE_AGENT, ("gen_ai.agent.name", "writer")], "gen_ai.invoke_agent", "invoke_agent writer"),
];

#[test]
fn only_agents_calls_and_tools_count_as_such() {
    for (scope, name, attributes, op, expected) in SPANS {
        let span = translated(scope, name, attributes);
        let shown = (&*span.op, &*span.name);
        assert_eq!(shown, (*op, *expected), "{scope} {name}");
    }
}

#[test]
fn handoffs_of_openais_agents_name_both_agents() {
    let attributes = [
        INVOKE_AGENT,
        ("gen_ai.agent.name", "Clerk"),
        ("gen_ai.agent.source", "Desk"),
    ];
    let span = translated(AGENTS, "invoke_agent Clerk", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(span.op, "gen_ai.handoff");
    assert_eq!(text("otel.gen_ai.handoff.from_agent"), Some("Desk"));
    assert_eq!(text("otel.gen_ai.handoff.to_agent"), Some("Clerk"));
    assert_eq!(text("gen_ai.agent.name"), None);
}

/// The model says in its own words what an agent below another one is to do, and that is recorded as the agent's name.
#[test]
fn tasks_of_claudes_agents_are_no_names() {
    let attributes = [
        INVOKE_AGENT,
        ("gen_ai.provider.name", "claude_agent_sdk"),
        ("gen_ai.system", "anthropic"),
        ("gen_ai.agent.name", "Find Alice's address"),
    ];
    let mut span = source(CLAUDE, "invoke_agent Find Alice's address", &attributes);
    span.attributes.push("gen_ai.usage.input_tokens", 700);
    let shown = with_content(span.clone());
    assert_eq!(shown.name, "invoke_agent subagent");
    let text = |key| shown.attributes.text(key);
    assert_eq!(text("gen_ai.agent.name"), Some("subagent"));
    assert_eq!(
        text("gen_ai.agent.description"),
        Some("Find Alice's address")
    );
    assert_eq!(text("gen_ai.provider.name"), Some("anthropic"));
    assert!(!shown.attributes.contains("gen_ai.usage.input_tokens"));

    let private = Translator::new(TranslateOptions::default());
    let hidden = format!("{:?}", testing::translated(&private, span));
    assert!(!hidden.contains("Alice"), "{hidden}");
}

/// The agent of the program has the name that the program gives it.
#[test]
fn claudes_agents_keep_their_names() {
    let attributes = [
        INVOKE_AGENT,
        ("gen_ai.provider.name", "claude_agent_sdk"),
        ("gen_ai.system", "anthropic"),
        ("gen_ai.agent.name", "Help Desk"),
        ("server.address", "api.anthropic.com"),
    ];
    let span = translated(CLAUDE, "invoke_agent Help Desk", &attributes);
    assert_eq!(span.name, "invoke_agent Help Desk");
}

/// They are a quarter of the number of characters.
#[test]
fn counts_that_openlit_makes_up_for_ag2_are_removed() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.agent.name", "Clerk"),
        ("gen_ai.agent.message_type", "generate_reply"),
    ];
    let mut span = source("openlit.instrumentation.ag2", "chat Clerk", &attributes);
    span.attributes.push("gen_ai.usage.input_tokens", 7);
    span.attributes.push("gen_ai.usage.output_tokens", 2);
    span.attributes.push("gen_ai.usage.cost", 0.1);
    let span = with_content(span);
    let counts = span.attributes.iter();
    let counts: Vec<_> = counts
        .filter(|(key, _)| key.contains("usage") || key.contains("cost"))
        .collect();
    assert_eq!(counts, []);
}
