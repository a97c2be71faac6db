//! Work inside other work that is not the same.

use super::*;

#[test]
fn calls_separated_by_a_tool_or_an_agent_are_distinct() {
    let tool = [TOOL, ("gen_ai.tool.name", "ask")];
    let agent = [AGENT, ("gen_ai.agent.name", "helper"), (COUNT, "42")];
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
        .with(2, 1, "execute_tool ask", &tool)
        .with(3, 2, "invoke_agent helper", &agent)
        .with(4, 3, "chat m", &[CHAT, (COUNT, "42")])
        .with(
            5,
            4,
            "embeddings e",
            &[("gen_ai.operation.name", "embeddings"), (COUNT, "8")],
        )
        .with(6, 4, "rerank r", &[("gen_ai.operation.name", "rerank")]);
    let expected = [
        ("gen_ai.chat", Some(42)),
        ("gen_ai.execute_tool", None),
        ("gen_ai.invoke_agent", None),
        ("gen_ai.chat", Some(42)),
        ("gen_ai.embeddings", Some(8)),
        ("gen_ai.rerank", None),
    ];
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn creating_an_agent_is_not_running_it() {
    const NAME: (&str, &str) = ("gen_ai.agent.name", "a");
    let create = ("gen_ai.operation.name", "create_agent");
    let spans = Trace(Vec::new())
        .with(1, 0, "create_agent a", &[create, NAME])
        .with(2, 1, "invoke_agent a", &[AGENT, NAME]);
    let expected = [("gen_ai.create_agent", None), ("gen_ai.invoke_agent", None)];
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn sending_a_notification_is_not_receiving_it() {
    const METHOD: (&str, &str) = ("mcp.method.name", "notifications/initialized");
    let spans = Trace(Vec::new())
        .with(1, 0, METHOD.1, &[METHOD, ("kind", "client")])
        .with(2, 1, METHOD.1, &[METHOD, ("kind", "server")]);
    let notification = ("mcp.notification.client_to_server", None);
    assert_eq!(spans.reconciled(), owned(&[notification, notification]));
}

/// As below the span of a stream that OpenLLMetry leaves current after its end.
#[test]
fn work_that_begins_when_the_work_around_it_is_over_is_distinct() {
    for instrumentation in [("scope", "shop"), SDK] {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat m", &[CHAT, (COUNT, "42"), ("scope", "shop")])
            .with(2, 1, "chat m", &[CHAT, (COUNT, "42"), instrumentation]);
        spans.0[0].end = Timestamp::from_nanos(5);
        spans.0[1].start = Timestamp::from_nanos(6);
        let call = ("gen_ai.chat", Some(42));
        assert_eq!(spans.reconciled(), owned(&[call, call]));
    }
}

/// Some libraries count only what a model writes, and a call that failed counts nothing.
#[test]
fn work_that_begins_when_the_work_around_it_has_an_answer_or_failed_is_distinct() {
    for outcome in [("gen_ai.usage.output_tokens", "5"), ("error.type", "429")] {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat m", &[CHAT, outcome])
            .with(2, 1, "chat m", &[CHAT, (COUNT, "42"), SDK]);
        spans.0[0].end = Timestamp::from_nanos(5);
        spans.0[1].start = Timestamp::from_nanos(6);
        let expected = [("gen_ai.chat", None), ("gen_ai.chat", Some(42))];
        assert_eq!(spans.reconciled(), owned(&expected), "{outcome:?}");
    }
}

/// A part of a call, such as the last event of a stream, does not name the model either.
#[test]
fn a_call_without_a_model_that_begins_when_the_call_around_it_is_over_is_no_part_of_it() {
    let named = [CHAT, ("gen_ai.request.model", "m"), (COUNT, "42")];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "chat m", &named)
        .with(2, 1, "chat", &[CHAT, (COUNT, "7")])
        .with(3, 1, "chat", &[CHAT, (COUNT, "8")]);
    spans.0[0].end = Timestamp::from_nanos(5);
    for span in &mut spans.0[1..] {
        span.start = Timestamp::from_nanos(6);
    }
    let calls = [42, 7, 8].map(|tokens| ("gen_ai.chat", Some(tokens)));
    assert_eq!(spans.reconciled(), owned(&calls));
}

#[test]
fn calls_of_one_tool_with_two_ids_are_two() {
    let call = |id| {
        [
            TOOL,
            ("gen_ai.tool.name", "search"),
            ("gen_ai.tool.call.id", id),
        ]
    };
    for (id, inner) in [("call_1", "function"), ("call_2", "gen_ai.execute_tool")] {
        let spans = Trace(Vec::new())
            .with(1, 0, "execute_tool search", &call("call_1"))
            .with(2, 1, "execute_tool search", &call(id));
        let expected = [("gen_ai.execute_tool", None), (inner, None)];
        assert_eq!(spans.reconciled(), owned(&expected));
    }
}

/// rust-mcp-sdk leaves the span of a request entered while its server handles others.
#[test]
fn requests_to_an_mcp_server_are_the_same_if_they_say_the_same() {
    let request = |method, id, service| {
        [
            ("mcp.method.name", method),
            ("jsonrpc.request.id", id),
            ("kind", "server"),
            ("service.name", service),
        ]
    };
    for (method, id, service, is_same) in [
        ("tools/list", "a", "one", true),
        ("tools/list", "b", "one", false),
        ("prompts/list", "a", "one", false),
        // A server that passes a request on gives it an id of its own.
        ("tools/list", "b", "two", true),
        ("prompts/list", "b", "two", false),
    ] {
        let spans = Trace(Vec::new())
            .with(1, 0, "tools/list", &request("tools/list", "a", "one"))
            .with(2, 1, method, &request(method, id, service));
        let ops: Vec<_> = spans.reconciled().into_iter().map(|(op, _)| op).collect();
        let servers = ops.iter().filter(|op| *op == "mcp.server").count();
        assert_eq!(servers == 1, is_same, "{method} {id} {service}: {ops:?}");
    }
}

#[test]
fn work_inside_work_without_an_end_is_the_same() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
        .with(2, 1, "chat m", &[CHAT, (COUNT, "42")]);
    spans.0[1].start = Timestamp::from_nanos(6);
    let expected = [("gen_ai.chat", Some(42)), ("function", None)];
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn a_stream_whose_span_ends_before_its_request_is_one_call() {
    let mut spans = Trace(Vec::new()).with(1, 0, "chat m", &[CHAT]).with(
        2,
        1,
        "chat m",
        &[CHAT, (COUNT, "42"), SDK],
    );
    spans.0[0].end = Timestamp::from_nanos(5);
    spans.0[1].start = Timestamp::from_nanos(6);
    let expected = [("function", None), ("gen_ai.chat", Some(42))];
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn a_tool_of_an_mcp_server_is_not_the_agent_that_calls_it() {
    let method = ("mcp.method.name", "tools/call");
    let spans = Trace(Vec::new()).with(1, 0, "agent", &[AGENT]).with(
        2,
        1,
        "tool",
        &[TOOL, ("gen_ai.tool.name", "t"), method],
    );
    let expected = [("gen_ai.invoke_agent", None), ("gen_ai.execute_tool", None)];
    assert_eq!(spans.reconciled(), owned(&expected));
}
