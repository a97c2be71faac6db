//! Tools and crews of frameworks, as OpenLLMetry's instrumentations record them.

use super::*;
use crate::Status;

/// Returns a tool's span name, arguments, result and status.
fn tool(scope: &str, name: &str, attributes: &[Attribute]) -> (String, String, String, Status) {
    let span = translated(scope, name, attributes);
    let text = |key| span.attributes.text(key).unwrap_or_default().to_owned();
    (
        span.name.to_string(),
        text(ARGUMENTS),
        text(RESULT),
        span.status,
    )
}

#[test]
fn agno_tool_results_are_read_from_their_repr() {
    let outcome = |output| {
        let attributes = [
            ("traceloop.span.kind", "tool"),
            ("traceloop.entity.output", output),
        ];
        let (_, _, result, status) =
            tool("opentelemetry.instrumentation.agno", "w.tool", &attributes);
        (result, status)
    };
    let rest = "updated_session_state=None images=None";
    let success = format!("status='success' result=\"it's 21\" error=None {rest}").leak();
    assert_eq!(outcome(success), ("it's 21".to_owned(), Status::Ok));
    let failure = format!("status='failure' result=None error='no' {rest}").leak();
    assert_eq!(outcome(failure), ("no".to_owned(), Status::Error));
    let odd = "status='success' and more";
    assert_eq!(outcome(odd), (odd.to_owned(), Status::Ok));
}

#[test]
fn agno_teams_are_agents() {
    let attributes = [
        ("traceloop.span.kind", "workflow"),
        ("agno.team.name", "Lead"),
        ("traceloop.entity.output", "done"),
    ];
    let span = translated(
        "opentelemetry.instrumentation.agno",
        "Lead.team",
        &attributes,
    );
    assert_eq!(span.name, "invoke_agent Lead");
    assert!(span.attributes.text(OUTPUT).unwrap().contains("done"));
}

#[test]
fn llama_index_tool_tasks_are_tool_calls() {
    let scope = "opentelemetry.instrumentation.llamaindex";
    let kind = ("traceloop.span.kind", "task");
    let inner = r#"{"blocks": [{"block_type": "text", "text": "21"}], "tool_name": "w", "raw_input": {}, "raw_output": "21", "is_error": false}"#;
    let expected = |result: &str, status| {
        let name = "execute_tool w".to_owned();
        (name, r#"{"a":1}"#.to_owned(), result.to_owned(), status)
    };
    let called = tool(
        scope,
        "FunctionTool.task",
        &[
            kind,
            ("traceloop.entity.name", "FunctionTool.task"),
            ("traceloop.entity.input", r#"{"kwargs": {"a": 1}}"#),
            ("traceloop.entity.output", inner),
        ],
    );
    assert_eq!(called, expected("21", Status::Ok));
    let failed = inner.replace("false", "true");
    let step = format!(r#"{{"tool_name": "w", "tool_id": "c1", "tool_output": {failed}}}"#).leak();
    let called = tool(
        scope,
        "BaseWorkflowAgent.task",
        &[
            kind,
            ("traceloop.entity.name", "BaseWorkflowAgent.task"),
            ("tool.name", "w"),
            ("tool.arguments", r#"{"a":1}"#),
            ("traceloop.entity.output", step),
        ],
    );
    assert_eq!(called, expected("21", Status::Error));
    let other = translated(scope, "BaseWorkflowAgent.task", &[kind]);
    assert_eq!(other.op, "function");
}

#[test]
fn a_crew_is_not_an_agent() {
    let span = translated(
        "opentelemetry.instrumentation.crewai.instrumentation",
        "crewai.workflow",
        &[
            ("gen_ai.operation.name", "invoke_agent"),
            ("crewai.crew.id", "x"),
        ],
    );
    assert_eq!((&*span.op, &*span.name), ("function", "crewai.workflow"));
}

/// Without streaming, the first turn of Anthropic's messages has the finish reason.
#[test]
fn reasoning_passes_its_finish_reason_to_the_answer() {
    let span = translated(
        "opentelemetry.instrumentation.anthropic",
        "anthropic.chat",
        &[
            ("llm.request.type", "completion"),
            ("gen_ai.completion.0.role", "thinking"),
            ("gen_ai.completion.0.content", "Hm."),
            ("gen_ai.completion.0.finish_reason", "end_turn"),
            ("gen_ai.completion.1.role", "assistant"),
            ("gen_ai.completion.1.content", "21"),
        ],
    );
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["end_turn"]"#));
    let output = json::read(&span.attributes, OUTPUT).unwrap();
    assert_eq!(output.as_array().map(Vec::len), Some(1));
    assert_eq!(output[0]["finish_reason"], "end_turn");
    assert_eq!(output[0]["parts"][0]["type"], "reasoning");
}

/// Up to 0.5x the effort has another name, and is an empty list if there is none.
#[test]
fn reasoning_effort_is_a_request_parameter() {
    const LEVEL: &str = "gen_ai.request.reasoning.level";
    const EFFORT: &str = "llm.request.reasoning_effort";
    let request = [("llm.request.type", "chat"), ("gen_ai.request.model", "m")];
    let scope = "opentelemetry.instrumentation.openai.v1";
    let mut span = source(scope, "openai.chat", &request);
    span.attributes.push(EFFORT, "high");
    let span = with_content(span);
    assert_eq!(span.attributes.text(LEVEL), Some("high"));

    let mut span = source(scope, "openai.chat", &request);
    let none: &[&str] = &[];
    span.attributes.push(EFFORT, none);
    let span = with_content(span);
    assert!(!span.attributes.contains(LEVEL) && !span.attributes.contains(EFFORT));
}

#[test]
fn parameters_named_as_in_openais_api_are_request_parameters() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.request.max_completion_tokens", "64"),
        ("gen_ai.request.n", "2"),
    ];
    let scope = "opentelemetry.instrumentation.crewai";
    let span = translated(scope, "m.llm", &attributes);
    let value = |key| span.attributes.integer(key);
    assert_eq!(value("gen_ai.request.max_tokens"), Some(64));
    assert_eq!(value("gen_ai.request.choice.count"), Some(2));
}

#[test]
fn a_llama_index_agent_workflow_is_an_agent_run() {
    let run = |scope: &str, name: &str, kind: &'static str| {
        let attributes = [
            ("traceloop.span.kind", kind),
            ("traceloop.entity.name", name),
        ];
        let span = translated(scope, name, &attributes);
        (span.op.to_string(), span.name.to_string())
    };
    let owned = |op: &str, name: &str| (op.to_owned(), name.to_owned());
    const SCOPE: &str = "opentelemetry.instrumentation.llamaindex";
    assert_eq!(
        run(SCOPE, "FunctionAgent.workflow", "workflow"),
        owned("gen_ai.invoke_agent", "invoke_agent FunctionAgent")
    );
    // A step of such a run, and other workflows.
    for (scope, name, kind) in [
        (SCOPE, "BaseWorkflowAgent.task", "task"),
        (SCOPE, "AgentWorkflow.workflow", "workflow"),
        (
            "opentelemetry.instrumentation.langchain",
            "MyAgent.workflow",
            "workflow",
        ),
    ] {
        assert_eq!(run(scope, name, kind), owned("function", name));
    }
}

/// The instrumentation iterates over what a component returns as if it were a list.
#[test]
fn haystack_field_names_are_not_output() {
    for (scope, has_answer) in [
        ("opentelemetry.instrumentation.haystack", false),
        ("opentelemetry.instrumentation.groq", true),
    ] {
        let span = translated(
            scope,
            "haystack.openai.chat",
            &[
                ("llm.request.type", "chat"),
                ("gen_ai.completion.0.role", "assistant"),
                ("gen_ai.completion.0.content", "replies"),
                ("gen_ai.completion.1.content", "meta"),
            ],
        );
        assert_eq!(span.op, "gen_ai.chat");
        assert_eq!(span.attributes.contains(OUTPUT), has_answer);
    }
}

/// The SDKs for Go and Ruby.
#[test]
fn the_oldest_names_are_read() {
    let span = translated(
        "Traceloop",
        "openai.chat",
        &[
            ("llm.vendor", "openai"),
            ("llm.request.model", "m"),
            ("llm.prompts.0.role", "user"),
            ("llm.prompts.0.content", "Hi"),
            ("llm.completions.0.role", "assistant"),
            ("llm.completions.0.content", "Yo"),
            ("llm.usage.prompt_tokens", "5"),
            ("llm.usage.completion_tokens", "2"),
        ],
    );
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"));
    let counts = [crate::tokens::INPUT, crate::tokens::OUTPUT];
    let counts = counts.map(|key| span.attributes.integer(key));
    assert_eq!(counts, [Some(5), Some(2)]);
    let text = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(text("gen_ai.provider.name"), "openai");
    assert!(text(INPUT).contains("Hi") && text(OUTPUT).contains("Yo"));
}

/// The instrumentation for JavaScript adds to an answer that it reports a failure.
#[test]
fn mcp_answers_that_report_a_failure_are_unwrapped() {
    let scope = "@traceloop/instrumentation-mcp";
    let attributes = [
        ("traceloop.span.kind", "tool"),
        (
            "traceloop.entity.output",
            r#"{"result":"no such city","is_error":true}"#,
        ),
    ];
    let (.., result, _) = tool(scope, "weather.tool", &attributes);
    assert_eq!(result, "no such city");
}

/// OpenLLMetry's instrumentation of Google GenAI writes parts that are neither text nor calls of functions like this.
#[test]
fn google_parts_are_restored_from_texts() {
    let answer = r#"[{"role": "assistant", "parts": [
        {"type": "text", "content": "code='print(1)' language=<Language.PYTHON: 'PYTHON'> id=None"},
        {"type": "text", "content": "outcome=<Outcome.OUTCOME_OK: 'OUTCOME_OK'> output='1\\n' id=None"},
        {"type": "text", "content": "set id=None"},
        {"type": "text", "content": "code_execution_result=None executable_code=None function_call=None inline_data=None text='' thought=None thought_signature=b'x'"}]}]"#;
    let attributes = [
        ("gen_ai.operation.name", "generate_content"),
        (OUTPUT, answer),
    ];
    let scope = "opentelemetry.instrumentation.google_generativeai";
    let span = translated(scope, "generate_content m", &attributes);
    let text = span.attributes.text(OUTPUT).unwrap();
    let messages: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        messages[0]["parts"],
        serde_json::json!([
            {"type": "tool_call", "name": "code_execution", "arguments": {"code": "print(1)", "language": "PYTHON"}},
            {"type": "tool_call_response", "name": "code_execution", "response": {"outcome": "OUTCOME_OK", "output": "1\n"}, "result": r#"{"outcome":"OUTCOME_OK","output":"1\n"}"#},
            {"type": "text", "content": "set id=None"},
        ])
    );
}

#[test]
fn a_tool_call_that_is_also_written_as_a_function_call_is_one() {
    let completion = |key: &str| &*format!("gen_ai.completion.0.{key}").leak();
    let attributes = [
        ("llm.request.type", "chat"),
        ("gen_ai.request.model", "m"),
        (completion("role"), "assistant"),
        (completion("function_call.name"), "f"),
        (completion("function_call.arguments"), "{}"),
        (completion("tool_calls.0.name"), "f"),
        (completion("tool_calls.0.arguments"), "{}"),
        (completion("tool_calls.1.name"), "g"),
    ];
    let scope = "@traceloop/instrumentation-together-ai";
    let span = translated(scope, "together.chat", &attributes);
    let output = span.attributes.text(OUTPUT).unwrap();
    assert_eq!(output.matches("tool_call").count(), 2, "{output}");
}

#[test]
fn schemas_of_tools_are_read_from_arguments_in_javascript() {
    let attributes = [
        ("llm.request.type", "chat"),
        ("gen_ai.request.model", "m"),
        ("llm.request.functions.0.name", "f"),
        ("llm.request.functions.0.arguments", r#"{"type":"object"}"#),
    ];
    let scope = "@traceloop/instrumentation-together-ai";
    let span = translated(scope, "together.chat", &attributes);
    assert_eq!(
        span.attributes.text(DEFINITIONS),
        Some(r#"[{"type":"function","name":"f","parameters":{"type":"object"}}]"#)
    );
}

#[test]
fn llama_index_tool_calls_are_read_from_the_function() {
    let call = r#"{"role": "assistant", "additional_kwargs": {"tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}, "type": "function"}]}, "blocks": [{"block_type": "tool_call", "tool_call_id": "c1", "tool_name": "f", "tool_kwargs": "{}"}]}"#;
    let question = r#"{"role": "user", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "q"}]}"#;
    let request = format!(
        r#"{{"messages": [{question}, {call}], "kwargs": {{"tools": [{{"type": "function", "function": {{"name": "f"}}}}]}}}}"#
    );
    let response = format!(
        r#"{{"message": {call}, "raw": {{"usage": {{"prompt_tokens": 9, "completion_tokens": 7, "completion_tokens_details": {{"reasoning_tokens": 3}}}}}}}}"#
    );
    let attributes = [
        ("traceloop.span.kind", "task"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.response.model", "m"),
        (
            INPUT,
            r#"[{"role": "user", "parts": [{"type": "text", "content": "q"}]}, {"role": "assistant", "parts": []}]"#,
        ),
        (OUTPUT, r#"[{"role": "assistant", "parts": []}]"#),
        ("traceloop.entity.input", &request),
        ("traceloop.entity.output", &response),
    ];
    let scope = "opentelemetry.instrumentation.llamaindex";
    let span = translated(scope, "OpenAI.task", &attributes);
    let call =
        r#"{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"f","arguments":{}}]"#;
    let text = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(
        text(INPUT),
        format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"q"}}]}},{call}}}]"#)
    );
    assert_eq!(text(OUTPUT), format!("[{call}}}]"));
    assert_eq!(text(DEFINITIONS), r#"[{"type":"function","name":"f"}]"#);
    let reasoning = "gen_ai.usage.reasoning.output_tokens";
    assert_eq!(span.attributes.integer(reasoning), Some(3));
}

#[test]
fn a_failed_langchain_tool_has_the_id_of_its_call() {
    let input = r#"{"input_str": "{'city': 'Vienna'}", "inputs": {"city": "Vienna"}, "tags": [], "kwargs": {"tool_call_id": "call_1"}}"#;
    let attributes = [
        ("traceloop.span.kind", "tool"),
        ("traceloop.entity.name", "get_weather"),
        ("traceloop.entity.input", input),
    ];
    let scope = "opentelemetry.instrumentation.langchain";
    let span = translated(scope, "get_weather.tool", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.tool.call.id"), Some("call_1"));
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Vienna"}"#));
}

/// The instrumentation of MCP has two spans on a server: for the request, and for the tool inside it.
#[test]
fn a_request_that_an_mcp_server_handles_is_one() {
    let scope = "opentelemetry.instrumentation.mcp.instrumentation";
    let server = [("traceloop.span.kind", "server")];
    let server = translated(scope, "mcp.server", &server);
    assert_eq!(server.op, "mcp.server");
    let tool = [
        ("traceloop.span.kind", "tool"),
        ("traceloop.entity.name", "get_weather"),
    ];
    let tool = translated(scope, "get_weather.tool", &tool);
    assert_eq!(tool.op, "gen_ai.execute_tool");

    let mut spans = [server, tool];
    spans[1].span_id = SpanId::from_bytes([11; 8]).unwrap();
    spans[1].parent_span_id = Some(spans[0].span_id);
    Translator::new(TranslateOptions::default()).reconcile(&mut spans);
    let ops = spans.map(|span| span.op);
    assert_eq!(ops, ["mcp.server", "function"]);
}

#[test]
fn arguments_are_told_from_what_is_around_them() {
    let langchain = "opentelemetry.instrumentation.langchain";
    let mcp = "opentelemetry.instrumentation.mcp";
    for (scope, input, expected) in [
        (
            langchain,
            r#"{"input_str": "{'a': 1}", "inputs": {"a": 2}}"#,
            r#"{"a":2}"#,
        ),
        (
            langchain,
            r#"{"input_str": "{'a': 1}", "inputs": null}"#,
            r#"{"a":1}"#,
        ),
        (langchain, r#"{"input_str": "Paris"}"#, "Paris"),
        (
            mcp,
            r#"{"tool_name": "f", "arguments": {"a": 1}}"#,
            r#"{"a":1}"#,
        ),
        (mcp, r#"{"args": [], "kwargs": {"a": 1}}"#, r#"{"a":1}"#),
        (mcp, r#"{"args": [7], "kwargs": {}}"#, "7"),
        (mcp, r#"{"args": [7, 8], "kwargs": {}}"#, "[7,8]"),
    ] {
        let call = [
            ("traceloop.span.kind", "tool"),
            ("traceloop.entity.name", "f"),
            ("traceloop.entity.input", input),
        ];
        assert_eq!(tool(scope, "f.tool", &call).1, expected, "{input}");
    }
}

#[test]
fn parts_of_a_message_that_are_reprs_stay_together() {
    let parts = ["a", "b"].map(|text| {
        let repr = format!("{{'type': 'input_text', 'text': '{text}'}}");
        serde_json::json!({"type": "text", "content": repr})
    });
    let messages = serde_json::json!([{"role": "user", "parts": parts}]).to_string();
    let call = [("gen_ai.operation.name", "chat"), (INPUT, &*messages)];
    let scope = "opentelemetry.instrumentation.openai_agents";
    let span = translated(scope, "chat", &call);
    let parts = r#"[{"type":"text","content":"a"},{"type":"text","content":"b"}]"#;
    let expected = format!(r#"[{{"role":"user","parts":{parts}}}]"#);
    assert_eq!(span.attributes.text(INPUT), Some(&*expected));
}

#[test]
fn pieces_of_an_answer_of_replicate_are_one_message() {
    let output = |pieces: [&str; 2]| {
        let [first, second] = pieces;
        let attributes = [
            ("llm.request.type", "completion"),
            ("gen_ai.request.model", "meta/llama-3-8b"),
            ("gen_ai.prompt.0.user", "Hi"),
            ("gen_ai.completion.0.content", first),
            ("gen_ai.completion.1.content", second),
        ];
        let scope = "opentelemetry.instrumentation.replicate";
        let span = translated(scope, "replicate.run", &attributes);
        span.attributes.text(OUTPUT).unwrap_or_default().to_owned()
    };
    assert_eq!(
        output(["It ", "rains"]),
        r#"[{"role":"assistant","parts":[{"type":"text","content":"It rains"}]}]"#
    );
    let images = output(["https://x.example/1.png", "https://x.example/2.png"]);
    assert_eq!(images.matches("assistant").count(), 2, "{images}");
}

#[test]
fn streams_of_watsonx_are_streamed() {
    let streaming = |name| {
        let attributes = [("llm.request.type", "completion")];
        let span = translated("opentelemetry.instrumentation.watsonx", name, &attributes);
        span.attributes.get("gen_ai.response.streaming") == Some(crate::Value::Bool(true))
    };
    assert!(streaming("watsonx.generate_text_stream"));
    assert!(!streaming("watsonx.generate"));
}
