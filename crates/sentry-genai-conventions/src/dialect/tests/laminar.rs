//! Laminar.

use super::*;

#[test]
fn observed_functions_are_read() {
    let span = translated(
        "lmnr",
        "get_weather",
        &[
            ("lmnr.span.type", "TOOL"),
            ("lmnr.span.input", r#"{"city":"Paris"}"#),
            ("lmnr.span.output", r#""21 degrees""#),
            ("lmnr.association.properties.session_id", "s-1"),
            ("lmnr.association.properties.user_id", "u-1"),
        ],
    );
    for (key, value) in [
        (ARGUMENTS, r#"{"city":"Paris"}"#),
        (RESULT, "21 degrees"),
        ("gen_ai.conversation.id", "s-1"),
        ("user.id", "u-1"),
    ] {
        assert_eq!(span.attributes.text(key), Some(value), "{key}");
    }

    let span = translated(
        "lmnr",
        "ask",
        &[
            ("lmnr.span.type", "LLM"),
            ("lmnr.span.input", r#"[{"role":"user","content":"Hi"}]"#),
            ("gen_ai.request.model", "m"),
        ],
    );
    assert_eq!(&*span.name, "chat m");
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(expected));
}

#[test]
fn input_of_plain_functions_is_content() {
    let span = Translator::new(TranslateOptions::default()).translate(source(
        "lmnr",
        "handle",
        &[("lmnr.span.path", "handle"), ("lmnr.span.input", r#""Hi""#)],
    ));
    assert!(!span.attributes.contains("lmnr.span.input"));
    assert_eq!(&*span.op, "function");
}

#[test]
fn session_and_user_are_read_on_spans_of_other_libraries() {
    for (key, value) in [
        ("ai.operationId", "ai.generateText.doGenerate"),
        ("llm.request.type", "chat"),
        ("openinference.span.kind", "LLM"),
    ] {
        let session = ("lmnr.association.properties.session_id", "s-1");
        let user = ("lmnr.association.properties.user_id", "u-1");
        let path = ("lmnr.span.path", "ask");
        let span = translated("lmnr", "ask", &[(key, value), session, user, path]);
        let text = |key| span.attributes.text(key);
        assert_eq!(text("gen_ai.conversation.id"), Some("s-1"), "{key}");
        assert_eq!(text("user.id"), Some("u-1"), "{key}");
    }
}

#[test]
fn openhands_names_the_model_in_the_span_and_the_call_in_the_metadata() {
    let call = translated(
        "lmnr.tracer",
        "llm.openai/gpt-5-mini",
        &[
            ("lmnr.span.type", "LLM"),
            ("gen_ai.usage.cost", "0.0004"),
            ("gen_ai.usage.cache_read_input_tokens", "72"),
        ],
    );
    assert_eq!(&*call.name, "chat gpt-5-mini");
    let provider = call.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("openai"));
    let tool = translated(
        "lmnr.tracer",
        "TerminalAction",
        &[
            ("lmnr.span.type", "TOOL"),
            (
                "lmnr.association.properties.metadata.tool_call_id",
                "call_42",
            ),
        ],
    );
    assert_eq!(&*tool.name, "execute_tool TerminalAction");
    assert_eq!(tool.attributes.text("gen_ai.tool.call.id"), Some("call_42"));
}

#[test]
fn openais_agents_and_their_handoffs_are_read() {
    let spans = |name, kind, attributes: &[(&'static str, &str)]| {
        let kind = ("lmnr.span.type", kind);
        translated("lmnr.tracer", name, &[&[kind], attributes].concat())
    };
    let input = r#"{"name": "Triage", "tools": ["look_up"], "handoffs": ["Billing"], "output_type": "str"}"#;
    let agent = spans("Triage", "DEFAULT", &[("lmnr.span.input", input)]);
    assert_eq!(agent.name, "invoke_agent Triage");
    let text = |key| agent.attributes.text(key);
    assert_eq!(
        text(DEFINITIONS),
        Some(r#"[{"type":"function","name":"look_up"}]"#)
    );
    assert_eq!((text(INPUT), text("lmnr.span.input")), (None, None));
    let function = spans("ask", "DEFAULT", &[("lmnr.span.input", input)]);
    assert_eq!(function.op, "function");
    let call = spans("Triage", "LLM", &[("lmnr.span.input", input)]);
    assert_eq!(call.op, "gen_ai.chat");

    let ends = [
        ("openai.agents.handoff.from", "Triage"),
        ("openai.agents.handoff.to", "Billing"),
    ];
    let handoff = spans("agents.handoff", "TOOL", &ends);
    assert_eq!(
        (&*handoff.op, &*handoff.name),
        ("gen_ai.handoff", "handoff from Triage to Billing")
    );
    let listing = spans(
        "agents.mcp_tools",
        "TOOL",
        &[("openai.agents.mcp.server", "s")],
    );
    assert_eq!(listing.op, "function");
}
