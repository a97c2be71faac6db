//! What litellm has sent and received.

use super::*;

const CALL: &[(&str, &str)] = &[
    ("scope", "litellm"),
    CHAT,
    ("gen_ai.request.model", "gpt-5-mini"),
    (
        INPUT,
        r#"[{"role": "system", "parts": [{"type": "text", "content": "Be brief"}]}, {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}, {"role": "assistant", "parts": []},
        {"role": "tool", "parts": [{"type": "text", "content": "rain"}], "tool_call_id": "c1"}]"#,
    ),
    (
        OUTPUT,
        r#"[{"role": "assistant", "parts": [], "finish_reason": "tool_calls"}]"#,
    ),
    ("gen_ai.completion.0.function_call.name", "get_weather"),
    (
        "gen_ai.completion.0.function_call.arguments",
        r#"{"city": "Rome"}"#,
    ),
];

/// Returns the messages of a call, and whether any are left below it.
fn messages_with(request: &[(&'static str, &str)]) -> (String, String, bool) {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "litellm_request", CALL)
        .with(2, 1, "raw_gen_ai_request", request)
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let text = |key| spans[0].attributes.text(key).unwrap_or_default().to_owned();
    let is_left = spans[1].attributes.contains_any(MESSAGES);
    (text(INPUT), text(OUTPUT), is_left)
}

#[test]
fn tool_calls_are_taken_from_what_was_sent_and_received() {
    let openai = [
        ("scope", "litellm"),
        (
            "llm.openai.messages",
            r#"[{'role': 'system', 'content': 'Be brief'}, {'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': None, 'tool_calls': [{'function': {'arguments': '{"city": "Oslo"}', 'name': 'get_weather'}, 'id': 'c1', 'type': 'function'}]}, {'role': 'tool', 'tool_call_id': 'c1', 'content': 'rain'}]"#,
        ),
        (
            "llm.openai.choices",
            r#"[{'finish_reason': 'tool_calls', 'index': 0, 'message': {'content': None, 'role': 'assistant', 'tool_calls': [{'id': 'c2', 'function': {'arguments': '{"city": "Rome"}', 'name': 'get_weather'}, 'type': 'function'}]}}]"#,
        ),
    ];
    let anthropic = [
        ("scope", "litellm"),
        (
            "llm.anthropic.messages",
            r#"[{'role': 'user', 'content': [{'type': 'text', 'text': 'Hi'}]}, {'role': 'assistant', 'content': [{'type': 'tool_use', 'id': 'c1', 'name': 'get_weather', 'input': {'city': 'Oslo'}}]}, {'role': 'user', 'content': [{'type': 'tool_result', 'tool_use_id': 'c1', 'content': 'rain'}]}]"#,
        ),
        (
            "llm.anthropic.content",
            r#"[{'type': 'tool_use', 'id': 'c2', 'name': 'get_weather', 'input': {'city': 'Rome'}}]"#,
        ),
    ];
    for request in [openai, anthropic] {
        let (input, output, is_left) = messages_with(&request);
        let call = r#"{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"get_weather","arguments":{"city":"Oslo"}}]}"#;
        let question = r#"{"role":"user","parts":[{"type":"text","content":"Hi"}]}"#;
        let answer = r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"rain","result":"rain"}]}"#;
        assert_eq!(input, format!("[{question},{call},{answer}]"));
        let call =
            r#"{"type":"tool_call","id":"c2","name":"get_weather","arguments":{"city":"Rome"}}"#;
        assert!(output.contains(call), "{output}");
        assert!(!is_left);
    }
}

#[test]
fn what_was_sent_is_not_kept_without_tool_calls_or_the_name() {
    let other = "[{'role': 'user', 'content': 'Other'}]";
    let request = [("scope", "litellm"), ("llm.openai.messages", other)];
    let (input, _, is_left) = messages_with(&request);
    assert!(input.contains("Hi") && !input.contains("Other") && !is_left);
    let call = "[{'role': 'assistant', 'tool_calls': [{'id': 'c1', 'function': {'name': 'f'}}]}]";
    let request = [("scope", "litellm"), ("llm.openai.messages", call)];
    let trace = Trace(Vec::new()).with(1, 0, "my request", &request);
    assert!(!trace.0[0].attributes.contains_any(MESSAGES));
}

#[test]
fn a_refusal_or_a_completion_of_text_is_taken_from_what_was_received() {
    let output = |operation: &str, choices: &str| {
        let call = [
            ("scope", "litellm"),
            ("gen_ai.operation.name", operation),
            ("gen_ai.request.model", "m"),
            (
                OUTPUT,
                r#"[{"role": "user", "parts": [{"type": "text", "content": ""}], "finish_reason": "stop"}]"#,
            ),
        ];
        let mut spans = Trace(Vec::new())
            .with(1, 0, "litellm_request", &call)
            .with(
                2,
                1,
                "raw_gen_ai_request",
                &[("llm.openai.choices", choices)],
            )
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        let text = spans[0].attributes.text(OUTPUT);
        text.unwrap_or_default().to_owned()
    };
    let refusal = r"[{'finish_reason': 'stop', 'index': 0, 'message': {'content': None, 'refusal': 'I will not', 'role': 'assistant'}}]";
    let text = output("chat", refusal);
    assert!(
        text.contains(r#""role":"assistant""#) && text.contains("I will not"),
        "{text}"
    );
    let refusal = r#"[{'finish_reason': 'stop', 'index': 0, 'message': {'content': None, 'refusal': "I can't", 'role': 'assistant'}}]"#;
    let text = output("chat", refusal);
    assert!(text.contains("I can't"), "{text}");
    let completion =
        r"[{'finish_reason': 'stop', 'index': 0, 'logprobs': None, 'text': ' Paris.'}]";
    let text = output("text_completion", completion);
    assert!(
        text.contains(r#""role":"assistant""#) && text.contains("Paris"),
        "{text}"
    );
}

#[test]
fn the_reasoning_and_the_tools_of_a_response_are_taken_from_what_was_received() {
    let call = [
        ("scope", "litellm"),
        CHAT,
        ("gen_ai.request.model", "m"),
        (
            OUTPUT,
            r#"[{"role": "assistant", "parts": [{"type": "text", "content": "Rain"}]}]"#,
        ),
    ];
    let received = [
        (
            "llm.None.output",
            "[{'id': 'rs_1', 'type': 'reasoning', 'summary': [{'type': 'summary_text', 'text': 'Hm'}]}, {'id': 'msg_1', 'type': 'message', 'role': 'assistant', 'content': [{'type': 'output_text', 'text': 'Rain'}]}]",
        ),
        (
            "llm.None.tools",
            "[{'type': 'function', 'name': 'get_weather', 'parameters': {'type': 'object'}}]",
        ),
    ];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "litellm_request", &call)
        .with(2, 1, "raw_gen_ai_request", &received)
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let text = |key| spans[0].attributes.text(key).unwrap_or_default();
    let reasoning = r#"{"type":"reasoning","content":"Hm"}"#;
    assert!(text(OUTPUT).contains(reasoning) && text(OUTPUT).contains("Rain"));
    assert!(text("gen_ai.tool.definitions").contains("get_weather"));
    assert!(!spans[1].attributes.contains("gen_ai.tool.definitions"));
}

#[test]
fn reasoning_is_taken_from_what_was_received() {
    let answer = r#"[{"role": "assistant", "parts": [{"type": "text", "content": "Hot"}], "finish_reason": "stop"}]"#;
    let call = [
        ("scope", "litellm"),
        CHAT,
        ("gen_ai.request.model", "m"),
        (OUTPUT, answer),
    ];
    for (key, received) in [
        (
            "llm.openai.choices",
            r#"[{'finish_reason': 'stop', 'index': 0, 'message': {'content': 'Hot', 'role': 'assistant', 'reasoning_content': "it's May"}}]"#,
        ),
        (
            "llm.anthropic.content",
            r#"[{'type': 'thinking', 'thinking': "it's May", 'signature': 'c2ln'}, {'type': 'text', 'text': 'Hot'}]"#,
        ),
    ] {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "litellm_request", &call)
            .with(2, 1, "raw_gen_ai_request", &[(key, received)])
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        let output = spans[0].attributes.text(OUTPUT).unwrap();
        let parts =
            r#"[{"type":"reasoning","content":"it's May"},{"type":"text","content":"Hot"}]"#;
        assert!(output.contains(parts), "{output}");
    }
}
