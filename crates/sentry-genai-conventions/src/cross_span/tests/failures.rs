//! Failures that a library reports inside a call.

use super::*;

/// Mastra's call has only a finish reason, and the last chunk of its stream has the details.
#[test]
fn a_failed_call_has_the_type_of_what_failed_inside_it() {
    let error_type = |library: &str| {
        let kind = |kind| ("mastra.span.type", kind);
        let failed = ("gen_ai.response.finish_reasons", "error");
        let error = (
            "output",
            r#"{"type":"error","error":{"name":"AI_APICallError"}}"#,
        );
        let chunk_kind = match library {
            "mastra" => kind("model_chunk"),
            _ => ("error.type", "ECONNRESET"),
        };
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat m", &[CHAT, kind("model_generation"), failed])
            .with(2, 1, "step: 0", &[kind("model_step")])
            .with(3, 2, "chunk: 'error'", &[chunk_kind, error])
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        spans[0].attributes.text("error.type").map(str::to_owned)
    };
    assert_eq!(error_type("mastra").as_deref(), Some("AI_APICallError"));
    assert_eq!(error_type("other").as_deref(), Some("_OTHER"));
}

/// Since version 1.4, only the run of Mastra's agent has the reason.
#[test]
fn the_last_call_of_an_agent_failed_for_the_reason_of_the_agent() {
    let kind = |kind| ("mastra.span.type", kind);
    let failed = ("gen_ai.response.finish_reasons", "error");
    let run = [
        AGENT,
        kind("agent_run"),
        ("error.type", "RateLimitError"),
        ("error.message", "slow down"),
    ];
    let generation = [
        ("gen_ai.operation.name", "model_generation"),
        kind("model_generation"),
    ];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &run)
        .with(2, 1, "model_generation m", &generation)
        .with(3, 2, "agent_step a", &[kind("model_step")])
        .with(4, 3, "chat m", &[CHAT, kind("model_inference"), failed])
        .with(5, 2, "agent_step a", &[kind("model_step")])
        .with(6, 5, "chat m", &[CHAT, kind("model_inference"), failed])
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let error = |position: usize| {
        let attributes = &spans[position].attributes;
        ["error.type", "sentry.status.message"].map(|key| attributes.text(key))
    };
    assert_eq!(error(5), [Some("RateLimitError"), Some("slow down")]);
    assert_eq!(error(3), [Some("_OTHER"), None]);
}

/// A call that succeeded after all has no error, and one that knows why it failed knows best.
#[test]
fn what_failed_inside_a_call_changes_no_type_and_no_success() {
    const EMBEDDINGS: (&str, &str) = ("gen_ai.operation.name", "embeddings");
    let kind = |kind| ("mastra.span.type", kind);
    let typed = ("error.type", "TripWire");
    for (call, expected) in [(&[typed][..], Some("TripWire")), (&[], None)] {
        let call = [&[CHAT, kind("model_generation")], call].concat();
        let failed = ("error.type", "AI_APICallError");
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat m", &call)
            .with(2, 1, "step: 0", &[kind("model_step"), failed])
            // Without a type, which makes the batch worth a look.
            .with(
                3,
                0,
                "embeddings m",
                &[EMBEDDINGS, ("error.type", "_OTHER")],
            )
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!(spans[0].attributes.text("error.type"), expected);
    }
}

/// LiveKit's call in JavaScript ends like any other, unless a later attempt has an answer.
#[test]
fn a_call_without_an_answer_failed_with_the_attempt_inside_it() {
    const SCOPE: (&str, &str) = ("scope", "livekit-agents");
    let status = |call: &[(&'static str, &str)]| {
        let counts = [(COUNT, "0"), ("gen_ai.usage.output_tokens", "0")];
        let call = [&[SCOPE, CHAT], call, &counts].concat();
        let mut spans = Trace(Vec::new())
            .with(1, 0, "llm_request", &call)
            .with(2, 1, "llm_request_run", &[SCOPE])
            .0;
        spans[1].status = Status::Error;
        reconcile(&mut spans, &ContentLimits::default());
        spans[0].status
    };
    assert_eq!(
        status(&[("gen_ai.response.finish_reasons", "stop")]),
        Status::Error
    );
    assert_eq!(
        status(&[(OUTPUT, r#"[{"role":"assistant","content":"Ho"}]"#)]),
        Status::Ok
    );
}

/// What fails below a call may have been tried again.
#[test]
fn a_call_fails_with_its_own_execution_and_with_nothing_else_inside_it() {
    let status = |operation, name, inner: &[(&'static str, &str)]| {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "call", &[operation])
            .with(2, 1, name, inner)
            .0;
        spans[1].status = Status::Error;
        reconcile(&mut spans, &ContentLimits::default());
        spans[0].status
    };
    const EXECUTION: (&str, &str) = ("span.type", "tool.execution");
    const LIVEKIT: (&str, &str) = ("scope", "livekit-agents");
    const LLAMA_INDEX: (&str, &str) = ("scope", "llamaindex.opentelemetry.tracer");
    const REQUEST: [(&str, &str); 2] = [("mcp.method.name", "tools/call"), ("kind", "server")];
    assert_eq!(status(TOOL, "run", &[EXECUTION]), Status::Error);
    assert_eq!(status(TOOL, "tools/call f", &REQUEST), Status::Error);
    let function = "FunctionTool.acall";
    assert_eq!(status(TOOL, function, &[LLAMA_INDEX]), Status::Error);
    assert_eq!(status(CHAT, "llm_request_run", &[LIVEKIT]), Status::Error);
    for (operation, name, inner) in [
        (TOOL, "GET", &[][..]),
        (TOOL, "OpenAI._chat", &[LLAMA_INDEX]),
        (("http.request.method", "POST"), "tools/call f", &REQUEST),
        (TOOL, "run", &[("span.type", "tool.blocked_on_user")]),
        (TOOL, "chat m", &[CHAT, EXECUTION]),
        (CHAT, "llm_node", &[LIVEKIT]),
        (CHAT, "llm_request_run", &[("scope", "app")]),
    ] {
        assert_eq!(
            status(operation, name, inner),
            Status::Ok,
            "{name} {inner:?}"
        );
    }
}

/// pydantic-ai does not record that a stream could not be opened, or broke off.
#[test]
fn the_last_call_of_an_agent_failed_with_it_if_the_error_is_of_the_model() {
    let outcomes_in = |scope, error_type: &str, last: &[(&'static str, &str)]| {
        let scope = ("scope", scope);
        let stopped = ("gen_ai.response.finish_reasons", "tool_call");
        let mut spans = Trace(Vec::new())
            .with(
                1,
                0,
                "invoke_agent a",
                &[scope, AGENT, ("error.type", error_type)],
            )
            .with(2, 1, "chat m", &[scope, CHAT, stopped])
            .with(3, 1, "chat m", &[&[scope, CHAT], last].concat())
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        [1, 2].map(|call| spans[call].status)
    };
    let outcomes = |error_type: &str, last: &[(&'static str, &str)]| {
        outcomes_in("pydantic-ai", error_type, last)
    };
    let outage = "pydantic_ai.exceptions.ModelHTTPError";
    for outage in [outage, "httpx.RemoteProtocolError"] {
        assert_eq!(outcomes(outage, &[]), [Status::Ok, Status::Error]);
    }
    // The failure is that of an agent that a tool runs.
    let stopped = ("gen_ai.response.finish_reasons", "tool_call");
    assert_eq!(outcomes(outage, &[stopped]), [Status::Ok; 2]);
    for other in ["UnexpectedModelBehavior", "ModelRetry", "UserError"] {
        let other = format!("pydantic_ai.exceptions.{other}");
        assert_eq!(outcomes(&other, &[]), [Status::Ok; 2], "{other}");
    }
    assert_eq!(outcomes_in("app", outage, &[]), [Status::Ok; 2]);
}

/// rig returns the error of a call, and records nothing of it.
#[test]
fn a_call_of_rig_without_an_answer_failed_with_what_is_around_it() {
    let status = |scope: &'static str, error: &[(&'static str, &str)], call: &[_]| {
        let call = [&[CHAT, ("scope", scope)], call].concat();
        let mut spans = Trace(Vec::new())
            .with(1, 0, "handle", error)
            .with(2, 1, "chat m", &call)
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        spans[1].status
    };
    let error = [("error.type", "ProviderError")];
    assert_eq!(status("rig::agent_chat", &error, &[]), Status::Error);
    assert_eq!(status("rig::agent_chat", &[], &[]), Status::Ok);
    assert_eq!(status("rigid", &error, &[]), Status::Ok);
    for answer in [(COUNT, "42"), ("gen_ai.response.id", "r-1")] {
        assert_eq!(status("rig::agent_chat", &error, &[answer]), Status::Ok);
    }
}

/// The span of a stream ends before the answer, and so does that of one that is refused.
#[test]
fn a_stream_of_llama_index_fails_with_the_step_that_reads_it() {
    const SCOPE: (&str, &str) = ("scope", "llamaindex.opentelemetry.tracer");
    let status = |step: &'static str, around: &[(&'static str, &str)], call: &[_]| {
        let mut spans = Trace(Vec::new())
            .with(1, 0, step, &[&[SCOPE], around].concat())
            .with(2, 1, "chat m", &[&[CHAT], call].concat())
            .0;
        // LlamaIndex's calls are known by their events.
        spans[1].scope = SCOPE.1.into();
        reconcile(&mut spans, &ContentLimits::default());
        let call = &spans[1];
        (
            call.status,
            call.attributes.text("error.type").map(str::to_owned),
        )
    };
    let error = [("error.type", "openai.BadRequestError")];
    let step = "BaseWorkflowAgent.run_agent_step";
    let failed = (Status::Error, Some("openai.BadRequestError".to_owned()));
    assert_eq!(status(step, &error, &[]), failed);
    assert_eq!(status(step, &[], &[]).0, Status::Ok);
    assert_eq!(status("Flow.ask", &error, &[]).0, Status::Ok);
    assert_eq!(status(step, &error, &[(COUNT, "42")]).0, Status::Ok);
}

/// OpenLLMetry's span of a stream ends before the stream breaks off.
#[test]
fn a_call_that_does_not_know_how_it_ended_failed_with_the_description_around_it() {
    let status = |call: &[(&'static str, &str)]| {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat m", &[CHAT, ("error.type", "ReadError")])
            .with(2, 1, "chat m", &[&[CHAT, (COUNT, "42")], call].concat())
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        let call = &spans[1];
        let error_type = call.attributes.text("error.type").map(str::to_owned);
        (call.op.to_string(), call.status, error_type)
    };
    let op = "gen_ai.chat".to_owned();
    let failed = (op, Status::Error, Some("ReadError".to_owned()));
    assert_eq!(status(&[]), failed);
    let stopped = ("gen_ai.response.finish_reasons", "stop");
    assert_eq!(status(&[stopped]).1, Status::Ok);
}

/// What is around a tool's execution, other than the tool, may have dealt with the failure.
#[test]
fn only_a_call_fails_with_its_execution() {
    const SCOPE: (&str, &str) = ("scope", "llamaindex.opentelemetry.tracer");
    for (around, status) in [(&[TOOL][..], Status::Error), (&[], Status::Ok)] {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "work", around)
            .with(2, 1, "FunctionTool.call", &[SCOPE, ("error.type", "No")])
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!(spans[0].status, status, "{around:?}");
    }
}
