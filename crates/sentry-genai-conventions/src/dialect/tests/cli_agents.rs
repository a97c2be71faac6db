//! Agents for the command line.

use serde_json::json;

use super::*;
use crate::{messages, tokens};

#[test]
fn copilot_names_its_agent() {
    let agent = ("gen_ai.operation.name", "invoke_agent");
    let span = translated("github.copilot", "invoke_agent", &[agent]);
    assert_eq!(span.name, "invoke_agent GitHub Copilot");
    let other = ("gen_ai.agent.name", "explore");
    let span = translated("github.copilot", "invoke_agent explore", &[agent, other]);
    assert_eq!(span.name, "invoke_agent explore");
}

/// The chat in VS Code reports the time to the first token in milliseconds.
#[test]
fn copilot_reports_time_to_first_token_in_milliseconds() {
    let mut span = testing::span("chat gpt-4o");
    span.scope = "copilot-chat".into();
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes
        .push("copilot_chat.time_to_first_token", 450_i64);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    let time_to_first_chunk = span.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(time_to_first_chunk, Some(Value::Double(0.45)));
}

/// The chat in VS Code keeps the reasoning out of the messages, and may only know that there was some.
#[test]
fn copilots_reasoning_is_part_of_its_answer() {
    let answer = |reasoning| {
        let call = [
            ("gen_ai.operation.name", "chat"),
            ("copilot_chat.reasoning_content", reasoning),
            (
                OUTPUT,
                r#"[{"role":"assistant","parts":[{"type":"text","content":"Rain."}]}]"#,
            ),
        ];
        let span = translated("copilot-chat", "chat m", &call);
        let answer = messages::read_json(span.attributes.text(OUTPUT).unwrap());
        answer.unwrap()[0]["parts"].take()
    };
    let text = json!({"type": "text", "content": "Rain."});
    let reasoning = json!({"type": "reasoning", "content": "Hm, wet."});
    assert_eq!(answer("Hm, wet."), json!([reasoning, text]));
    assert_eq!(answer("[encrypted]"), json!([text]));
    // Without an answer there is no place for it.
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("copilot_chat.reasoning_content", "Hm, wet."),
        (OUTPUT, "[]"),
    ];
    let span = translated("copilot-chat", "chat m", &call);
    let reasoning = span.attributes.text("copilot_chat.reasoning_content");
    assert_eq!(reasoning, Some("Hm, wet."));
}

#[test]
fn qwen_code_counts_reasoning_tokens_and_milliseconds() {
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.user.id", "u-1"),
        ("ttft_ms", "250"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.usage.output_tokens", "30"),
        ("thoughts_token_count", "10"),
    ];
    let span = translated("qwen-code", "qwen-code.llm_request", &call);
    assert_eq!(span.attributes.integer(tokens::REASONING), Some(10));
    assert_eq!(span.attributes.integer(tokens::OUTPUT), Some(30));
    let first_chunk = span.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first_chunk, Some(Value::Double(0.25)));
    assert_eq!(span.attributes.text("user.id"), Some("u-1"));
}

/// For a failed tool, Claude's agents and Claude Code put the tool's answer into the status.
#[test]
fn claude_tool_failures_without_captured_outputs_have_no_message() {
    let status = |scope: &'static str, capture_outputs| {
        let mut span = testing::span("Bash");
        span.scope = scope.into();
        span.status = crate::SourceStatus::Error(Some("Exit code 1".into()));
        span.attributes.push("openinference.span.kind", "TOOL");
        span.attributes.push("span.type", "tool.execution");
        span.attributes.push("tool.id", "toolu_1");
        let options = TranslateOptions {
            capture_outputs,
            ..TranslateOptions::default()
        };
        let span = Translator::new(options).translate(span);
        let id = span.attributes.text("gen_ai.tool.call.id");
        assert!(!scope.starts_with("openinference") || id == Some("toolu_1"));
        let text = span.attributes.text("sentry.status.message");
        text.map(str::to_owned)
    };
    const AGENTS: &str = "openinference.instrumentation.claude_agent_sdk";
    assert_eq!(status(AGENTS, false), None);
    assert_eq!(status("com.anthropic.claude_code.tracing", false), None);
    let reason = Some("Exit code 1".to_owned());
    assert_eq!(status(AGENTS, true), reason);
    assert_eq!(
        status("openinference.instrumentation.langchain", false),
        reason
    );
}

#[test]
fn embeddings_of_gemini_cli_are_no_answers() {
    let attributes = [
        ("gen_ai.operation.name", "llm_call"),
        ("gen_ai.request.model", "gemini-embedding-001"),
        (INPUT, r#"["A cat"]"#),
        (OUTPUT, r#"{"embeddings":[{"values":[0.1,0.2]}]}"#),
    ];
    let span = translated("gemini-cli", "llm_call", &attributes);
    assert_eq!(span.op, "gen_ai.embeddings");
    let input = span.attributes.text("gen_ai.embeddings.input");
    assert_eq!(input, Some(r#"["A cat"]"#));
    assert!(!span.attributes.contains(OUTPUT));
}

/// Its span has the arguments and the result of the tool that runs it, and the program's name.
#[test]
fn gemini_cli_subagents_have_their_own_name_and_messages() {
    let subagent = [
        ("gen_ai.operation.name", "agent_call"),
        ("gen_ai.agent.name", "gemini-cli"),
        ("gen_ai.agent.description", "Gemini CLI is an agent"),
        (
            INPUT,
            r#"{"agent_name":"codebase_investigator","prompt":"Find the parser"}"#,
        ),
        (
            OUTPUT,
            r#"{"llmContent":[{"text":"In a.rs"}],"returnDisplay":{"result":"In a.rs","recentActivity":[]}}"#,
        ),
    ];
    let span = translated("gemini-cli", "agent_call", &subagent);
    assert_eq!(span.name, "invoke_agent codebase_investigator");
    assert!(!span.attributes.contains("gen_ai.agent.description"));
    let messages = |key| messages::read_json(span.attributes.text(key).unwrap());
    let part = |text| json!([{"type": "text", "content": text}]);
    let question = json!([{"role": "user", "parts": part("Find the parser")}]);
    assert_eq!(messages(INPUT), Some(question));
    let answer = json!([{"role": "assistant", "parts": part("In a.rs")}]);
    assert_eq!(messages(OUTPUT), Some(answer));

    // What a model made up is no name. It would leave without permission.
    let made_up = [
        subagent[0],
        subagent[1],
        (INPUT, r#"{"agent_name":"I am ill","prompt":"Help"}"#),
    ];
    let span = translated("gemini-cli", "agent_call", &made_up);
    assert_eq!(span.name, "invoke_agent gemini-cli");
    assert!(span.attributes.text(INPUT).unwrap().contains("Help"));

    // One that fails answers with a text. Without content there are only the program's names.
    let failed = [
        ("gen_ai.operation.name", "agent_call"),
        ("gen_ai.agent.name", "gemini-cli"),
        (OUTPUT, r#"{"llmContent":"Subagent failed"}"#),
    ];
    let span = translated("gemini-cli", "agent_call", &failed);
    assert_eq!(span.name, "invoke_agent gemini-cli");
    let answer = span.attributes.text(OUTPUT).unwrap();
    assert!(
        answer.contains(r#""content":"Subagent failed""#),
        "{answer}"
    );
}

#[test]
fn gemini_cli_scheduling_spans_have_no_messages() {
    let scheduled = [
        ("gen_ai.operation.name", "schedule_tool_calls"),
        (
            "gen_ai.input.messages",
            r#"[{"callId":"c1","name":"ls","args":{}}]"#,
        ),
        (
            "gen_ai.output.messages",
            r#"[{"request":{"callId":"c1"},"status":"success"}]"#,
        ),
    ];
    let span = translated("gemini-cli", "schedule_tool_calls", &scheduled);
    assert!(!span.attributes.contains(INPUT));
    assert!(!span.attributes.contains(OUTPUT));
}

#[test]
fn claude_code_reports_effort_and_fractional_milliseconds() {
    let call = [
        ("span.type", "llm_request"),
        ("model", "m"),
        ("effort", "high"),
    ];
    for (milliseconds, seconds) in [
        (Value::Double(512.5), Some(Value::Double(0.5125))),
        (Value::Str("512"), Some(Value::Double(0.512))),
        (Value::Double(-1.0), None),
    ] {
        let mut span = source("com.anthropic.claude_code", "llm", &call);
        span.attributes.push("ttft_ms", milliseconds);
        let span = with_content(span);
        let time_to_first_chunk = span.attributes.get("gen_ai.response.time_to_first_chunk");
        assert_eq!(time_to_first_chunk, seconds);
        let effort = span.attributes.text("gen_ai.request.reasoning.level");
        assert_eq!(effort, Some("high"));
    }
}

/// As recorded with `ENABLE_BETA_TRACING_DETAILED`.
#[test]
fn claude_code_content_has_no_headers() {
    let scope = "com.anthropic.claude_code.tracing";
    let context = "[TOOL RESULT: toolu_1]\nSunny\n\n---\n\n[USER]\nAnd in Rome?";
    let call = [
        ("span.type", "llm_request"),
        ("new_context", context),
        ("user_system_prompt", "Be brief"),
        ("tools", r#"[{"name":"Bash","hash":"109d6d35498a"}]"#),
    ];
    let span = translated(scope, "claude_code.llm_request", &call);
    let text = |key| span.attributes.text(key);
    assert!(text(INSTRUCTIONS).is_some_and(|text| text.contains("Be brief")));
    assert!(text(DEFINITIONS).is_some_and(|text| text.contains(r#""name":"Bash""#)));
    let expected = r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"toolu_1","response":"Sunny","result":"Sunny"}]},{"role":"user","parts":[{"type":"text","content":"And in Rome?"}]}]"#;
    let [input, expected] = [span.attributes.text(INPUT).unwrap(), expected]
        .map(|text| messages::read_json(text).unwrap());
    assert_eq!(input, expected);

    let tool = [
        ("span.type", "tool"),
        ("tool_name", "Bash"),
        ("tool_input", "[TOOL INPUT: Bash]\n{\"command\":\"ls\"}"),
        ("new_context", "[TOOL RESULT: Bash]\n{\"stdout\":\"a.txt\"}"),
        ("full_command", "ls"),
    ];
    let span = translated(scope, "claude_code.tool", &tool);
    let text = |key| span.attributes.text(key);
    assert_eq!(text(ARGUMENTS), Some(r#"{"command":"ls"}"#));
    assert_eq!(text(RESULT), Some(r#"{"stdout":"a.txt"}"#));
}

#[test]
fn claude_code_files_are_arguments_or_results() {
    let read = |tool: &'static str, key: &'static str| {
        let attributes = [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", tool),
            ("file_path", "a.txt"),
        ];
        let scope = "com.anthropic.claude_code.tracing";
        let mut span = source(scope, "claude_code.tool", &attributes);
        let mut event = crate::SourceEvent::new("tool.output");
        event.attributes.push(key, "text");
        span.events.push(event);
        let span = with_content(span);
        let arguments = span.attributes.text(ARGUMENTS).map(messages::read_json);
        let result = span.attributes.text(RESULT).map(str::to_owned);
        (arguments.flatten(), result)
    };
    let path = Some(json!({"file_path": "a.txt"}));
    let result = Some("text".to_owned());
    assert_eq!(read("Read", "content"), (path.clone(), result.clone()));
    assert_eq!(read("Edit", "diff"), (path, result));
    let written = json!({"file_path": "a.txt", "content": "text"});
    assert_eq!(read("Write", "content"), (Some(written), None));
}

/// Both describe the same run. A subagent is another one.
#[test]
fn runs_of_claudes_agent_sdk_are_those_of_claude_code() {
    const SDK: &str = "openinference.instrumentation.claude_agent_sdk";
    let kind = [("openinference.span.kind", "AGENT")];
    for (scope, name, agent) in [
        (SDK, "ClaudeAgentSDK.query", "Claude Code"),
        (
            SDK,
            "ClaudeAgentSDK.ClaudeSDKClient.receive_response",
            "Claude Code",
        ),
        (
            "@arizeai/openinference-instrumentation-claude-agent-sdk",
            "ClaudeAgent.query",
            "Claude Code",
        ),
        (SDK, "ClaudeAgentSDK.Subagent", "ClaudeAgentSDK.Subagent"),
    ] {
        let span = translated(scope, name, &kind);
        assert_eq!(span.attributes.text("gen_ai.agent.name"), Some(agent));
    }
    let run = [("span.type", "interaction")];
    let span = translated("com.anthropic.claude_code.tracing", "interaction", &run);
    assert_eq!(span.name, "invoke_agent Claude Code");
}

/// ZeroClaw makes a span of each of its events. The one for the end of a call has everything, and how long the call took.
#[test]
fn zeroclaw_describes_a_call_at_its_end() {
    let tool = [
        ("gen_ai.operation.name", "execute_tool"),
        ("tool.name", "shell"),
        ("gen_ai.tool.call.id", "toolu_1"),
        ("gen_ai.tool.arguments", r#"{"command":"ls"}"#),
    ];
    let start = translated("zeroclaw", "tool_call.start", &tool);
    assert_eq!((&*start.op, &*start.name), ("function", "tool_call.start"));

    let mut end = source("zeroclaw", "tool_call.result", &tool);
    end.attributes.push("duration_s", 0.25);
    end.attributes.push("gen_ai.tool.result", "a.txt");
    end.attributes.push("output.value", "a.txt");
    let ended = end.end.as_nanos();
    let end = with_content(end);
    assert_eq!(end.name, "execute_tool shell");
    assert_eq!(end.attributes.text(ARGUMENTS), Some(r#"{"command":"ls"}"#));
    assert_eq!(end.attributes.text(RESULT), Some("a.txt"));
    assert!(!end.attributes.contains("output.value"));
    let times = [end.start.as_nanos(), end.end.as_nanos()];
    assert_eq!(times, [ended - 250_000_000, ended]);

    let call = [
        ("gen_ai.request.model", "m"),
        ("gen_ai.operation.name", "llm.request"),
    ];
    assert_eq!(translated("zeroclaw", "llm.request", &call).op, "function");
    let call = [
        ("gen_ai.request.model", "m"),
        ("gen_ai.operation.name", "llm.response"),
    ];
    let span = translated("zeroclaw", "llm.response", &call);
    assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat m"));
    // The first versions.
    let call = [("model", "m"), ("provider", "anthropic")];
    assert_eq!(translated("zeroclaw", "llm.call", &call).name, "chat m");

    // In its mode for LangSmith, the run is a chain.
    let run = [
        ("gen_ai.agent.name", "cx"),
        ("langsmith.span.kind", "chain"),
        ("user_id", "user-1"),
    ];
    let span = translated("zeroclaw", "gen_ai.agent.invoke", &run);
    assert_eq!(span.name, "invoke_agent cx");
    assert_eq!(span.attributes.text("user.id"), Some("user-1"));
    assert!(!span.attributes.contains("langsmith.span.kind"));
}

/// A duration that cannot be is not believed.
#[test]
fn zeroclaw_durations_are_possible() {
    for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e10, 1e300] {
        let mut span = source("zeroclaw", "llm.response", &[]);
        span.attributes.push("duration_s", seconds);
        let span = with_content(span);
        assert_eq!(span.start, span.end, "{seconds}");
    }
}

/// OpenClaw's gateway. What the calls of a run used together is no call.
#[test]
fn openclaw_runs_agents_with_calls_and_tools() {
    let run = [
        ("openclaw.provider", "openrouter"),
        ("openclaw.model", "anthropic/claude-sonnet-4.6"),
        ("openclaw.errorCategory", "auth"),
        ("input.value", "Weather?"),
    ];
    let run = with_content(source("openclaw", "openclaw.run", &run));
    assert_eq!(
        (&*run.op, &*run.name),
        ("gen_ai.invoke_agent", "invoke_agent")
    );
    let provider = run.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("openrouter"));
    assert_eq!(run.attributes.text("error.type"), Some("auth"));
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]"#;
    assert_eq!(run.attributes.text(INPUT), Some(question));
    assert_eq!(
        translated("openclaw", "openclaw.harness.run", &[]).op,
        "function"
    );

    let call = [
        ("gen_ai.system", "openrouter"),
        ("gen_ai.request.model", "anthropic/claude-sonnet-4.6"),
        ("gen_ai.operation.name", "text_completion"),
        ("openclaw.api", "openai-completions"),
        ("openclaw.model", "anthropic/claude-sonnet-4.6"),
        ("input.value", question),
        (INPUT, question),
    ];
    let mut source_of_call = source("openclaw", "openclaw.model.call", &call);
    for (key, value) in [
        ("openclaw.model_call.time_to_first_byte_ms", 486),
        ("openclaw.model_call.usage.input_tokens", 120),
        ("openclaw.model_call.usage.reasoning_output_tokens", 7),
        ("gen_ai.usage.output_tokens", 40),
    ] {
        source_of_call.attributes.push(key, value);
    }
    let span = with_content(source_of_call);
    assert_eq!(span.name, "chat anthropic/claude-sonnet-4.6");
    let get = |key| span.attributes.get(key);
    assert_eq!(
        get("gen_ai.response.time_to_first_chunk"),
        Some(Value::Double(0.486))
    );
    assert_eq!(get(tokens::REASONING), Some(Value::Integer(7)));
    for copy in [
        "input.value",
        "openclaw.model",
        "openclaw.model_call.usage.input_tokens",
    ] {
        assert!(!span.attributes.contains(copy), "{copy}");
    }

    let usage = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.usage.input_tokens", "160"),
    ];
    let span = translated("openclaw", "openclaw.model.usage", &usage);
    assert_eq!(span.op, "function");
    // Plugins call models outside of any run.
    let by_plugin = [usage[0], usage[1], ("openclaw.plugin", "memory-core")];
    let span = translated("openclaw", "openclaw.model.usage", &by_plugin);
    assert_eq!(span.name, "chat m");
}

/// In the first versions content has only OpenClaw's own form, and names with a slash were replaced.
#[test]
fn openclaw_content_in_its_own_form() {
    let input = r#"[{"role":"assistant","content":[{"type":"toolCall","id":"c1","name":"get","arguments":{"q":"p"}}],"stopReason":"toolUse"},{"role":"toolResult","toolCallId":"c1","toolName":"get","content":[{"type":"text","text":"rain"}],"isError":false}]"#;
    let call = [
        ("gen_ai.system", "unknown"),
        ("gen_ai.request.model", "unknown"),
        ("gen_ai.operation.name", "chat"),
        ("openclaw.provider", "openrouter"),
        ("openclaw.model", "anthropic/claude-sonnet-4.6"),
        ("openclaw.content.input_messages", input),
        ("openclaw.content.system_prompt", "Be brief"),
    ];
    let span = with_content(source("openclaw", "openclaw.model.call", &call));
    assert_eq!(span.name, "chat anthropic/claude-sonnet-4.6");
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.provider.name"), Some("openrouter"));
    let expected = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"get","arguments":{"q":"p"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","name":"get","response":"rain","result":"rain"}]}]"#;
    assert_eq!(text(INPUT), Some(expected));
    let instructions = r#"[{"type":"text","content":"Be brief"}]"#;
    assert_eq!(text("gen_ai.system_instructions"), Some(instructions));

    let tool = [
        ("gen_ai.tool.name", "exec"),
        ("openclaw.content.tool_output", "out"),
    ];
    let span = with_content(source("openclaw", "openclaw.tool.execution", &tool));
    assert_eq!(span.name, "execute_tool exec");
    assert_eq!(span.attributes.text(RESULT), Some("out"));
}
