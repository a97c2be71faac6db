use super::{super::*, translated};

/// Gemini's question is recorded twice.
#[test]
fn output_recorded_as_second_input_is_moved() {
    let question = r#"[{"role":"user","content":[{"type":"text","text":"Hi"}]}]"#;
    let answer =
        r#"[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]"#;
    let input_and_output = |scope, recorded: &[&'static str]| {
        let input = recorded.iter().map(|text| (INPUT, *text));
        let attributes: Vec<_> = [("gen_ai.operation.name", "chat")]
            .into_iter()
            .chain(input)
            .collect();
        let span = translated(scope, "chat", &attributes);
        let text = |key| span.attributes.text(key).map(str::to_owned);
        (text(INPUT), text(OUTPUT))
    };
    let input = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#.to_owned();
    let output = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}],"finish_reason":"stop"}]"#.to_owned();
    let both = (Some(input.clone()), Some(output));
    assert_eq!(
        input_and_output("rig::agent_chat", &[question, answer]),
        both
    );
    assert_eq!(
        input_and_output("rig::completions", &[question, question, answer]),
        both
    );
    // There is no answer.
    let alone = (Some(input), None);
    assert_eq!(
        input_and_output("rig::completions", &[question, question]),
        alone
    );
    // For other keys the last value wins.
    let shape = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}]}]"#;
    assert_eq!(
        input_and_output("app", &[question, answer]),
        (Some(shape.to_owned()), None)
    );
}

#[test]
fn chat_of_an_agent_is_its_run() {
    let agent_name = [("agent_name", "Bot")];
    for scope in [
        "rig::agent::completion",
        "rig_core::agent::completion",
        "rig_agent::agent::completion",
    ] {
        let span = translated(scope, "chat", &agent_name);
        assert_eq!(&*span.op, "gen_ai.invoke_agent", "{scope}");
        assert_eq!(span.name, "invoke_agent Bot", "{scope}");
    }
    // This span ends before the run begins.
    let prompt = translated("rig_agent::agent::completion", "prompt", &agent_name);
    assert_eq!(&*prompt.op, "function");
    let other = translated("app::agent::completion", "chat", &agent_name);
    assert_eq!(&*other.op, "function");
}

#[test]
fn toolset_errors_in_results_are_failures() {
    let status = |scope, result| {
        let attributes = [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "t"),
            (RESULT, result),
        ];
        let span = translated(scope, "execute_tool", &attributes);
        (
            span.status,
            span.attributes.text("error.type").map(str::to_owned),
        )
    };
    const FAILED: &str = "Toolset error: ToolCallError: no such city";
    let error = (crate::Status::Error, Some("tool_error".to_owned()));
    let ok = (crate::Status::Ok, None);
    assert_eq!(status("rig::agent::prompt_request", FAILED), error);
    assert_eq!(
        status("rig_core::agent::prompt_request::streaming", FAILED),
        error
    );
    assert_eq!(status("rig::agent::prompt_request", "rain"), ok);
    assert_eq!(status("app", FAILED), ok);
}

/// Its calls are separate traces with the same counts.
#[test]
fn agents_in_separate_traces_have_no_token_counts() {
    let tokens = |scope| {
        let attributes = [
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.cached_tokens", "16"),
        ];
        let span = translated(scope, "invoke_agent", &attributes);
        span.attributes
            .iter()
            .filter(|(key, _)| key.contains("usage"))
            .count()
    };
    assert_eq!(tokens("rig::agent::prompt_request"), 0);
    assert_eq!(tokens("rig_core::agent::prompt_request"), 0);
    assert_eq!(tokens("rig_core::agent::runner"), 0);
    assert_eq!(tokens("rig_agent::agent::runner"), 0);
    assert_ne!(tokens("rig::agent::prompt_request::streaming"), 0);
    assert_ne!(tokens("rig_agent::agent::telemetry"), 0);
}
