use super::*;

fn read(api: Api, documents: &[&str]) -> Answer {
    let mut answer = Answer::new(api, true);
    for document in documents {
        answer.read(document.as_bytes());
    }
    answer
}

#[test]
fn nesting_has_no_effect_on_the_stack() {
    const DEPTH: usize = 50_000;
    for (opening, closing) in [
        (r#"{"type":1,"response":"#, "}"),
        (r#"{"type":1,"message":"#, "}"),
        (r#"{"error":"#, "}"),
        (r#"{"choices":[{"message":"#, "}]}"),
        ("[", "]"),
    ] {
        let nested = format!(r#"{}{{}}{}"#, opening.repeat(DEPTH), closing.repeat(DEPTH));
        for api in [Api::ChatCompletions, Api::Responses, Api::Messages] {
            let answer = read(api, &[&nested]);
            assert!(answer.messages.is_empty(), "{opening}");
        }
    }
}

#[test]
fn what_a_stream_may_add_without_end_is_bounded() {
    let mut answer = Answer::new(Api::ChatCompletions, true);
    for index in 0..3000 {
        let call = format!(r#"{{"index":{index},"id":"c"}}"#);
        let choice = format!(
            r#"{{"index":{index},"finish_reason":"stop","delta":{{"tool_calls":[{call}]}}}},
                {{"index":0,"delta":{{"tool_calls":[{call}]}}}}"#
        );
        answer.read(format!(r#"{{"choices":[{choice}]}}"#).as_bytes());
    }
    assert_eq!(answer.finish_reasons.len(), MAX_REASONS);
    let messages = answer.take_messages().unwrap();
    assert_eq!(messages.as_array().unwrap().len(), 1024);
    assert_eq!(messages[0]["tool_calls"].as_array().unwrap().len(), 128);
}

#[test]
fn failures_are_read_in_all_forms() {
    for (document, kind, message) in [
        (
            r#"{"error": {"message": "No", "type": "invalid_request_error", "code": "model_not_found"}}"#,
            Some("model_not_found"),
            Some("No"),
        ),
        (
            r#"{"error": {"message": "No", "type": "invalid_request_error", "code": null}}"#,
            Some("invalid_request_error"),
            Some("No"),
        ),
        // Gemini
        (
            r#"[{"error": {"code": 429, "message": "No", "status": "RESOURCE_EXHAUSTED"}}]"#,
            Some("RESOURCE_EXHAUSTED"),
            Some("No"),
        ),
        // OpenRouter
        (
            r#"{"error": {"code": 502, "message": "No"}, "choices": []}"#,
            Some("502"),
            Some("No"),
        ),
        // Ollama
        (r#"{"error": "No"}"#, None, Some("No")),
        // Mistral, vLLM
        (
            r#"{"object": "error", "message": "No", "type": "BadRequestError", "code": 400}"#,
            Some("400"),
            Some("No"),
        ),
        // An event of OpenAI's Responses
        (
            r#"{"type": "error", "code": null, "message": "No"}"#,
            None,
            Some("No"),
        ),
        (
            r#"{"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}}"#,
            Some("server_error"),
            None,
        ),
        (
            r#"{"error": {"message": "No", "type": "invalid_request_error", "code": ""}}"#,
            Some("invalid_request_error"),
            Some("No"),
        ),
        (
            r#"{"error": {"type": "You said that", "message": {}}}"#,
            None,
            None,
        ),
    ] {
        let failure = read(Api::Responses, &[document]).failure.unwrap();
        assert_eq!(failure.kind.as_deref(), kind, "{document}");
        assert_eq!(failure.message.as_deref(), message, "{document}");
    }
    for document in [
        r#"{"error": null}"#,
        r#"{"object": "chat.completion"}"#,
        "1",
    ] {
        assert!(read(Api::ChatCompletions, &[document]).failure.is_none());
    }
}

#[test]
fn answers_say_why_they_end() {
    let response =
        |rest: &str| format!(r#"{{"type": "response.completed", "response": {{{rest}}}}}"#);
    for (api, document, expected) in [
        (
            Api::Responses,
            response(r#""status": "completed", "output": [{"type": "reasoning"}, {"type": "message"}]"#),
            &["stop"][..],
        ),
        (
            Api::Responses,
            response(r#""status": "completed", "output": [{"type": "message"}, {"type": "function_call"}]"#),
            &["tool_calls"],
        ),
        (
            Api::Responses,
            response(r#""status": "completed", "output": [{"type": "custom_tool_call"}]"#),
            &["tool_calls"],
        ),
        (
            Api::Responses,
            response(r#""status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}"#),
            &["max_output_tokens"],
        ),
        (
            Api::Responses,
            response(r#""status": "in_progress", "output": [{"type": "message"}]"#),
            &[],
        ),
        (Api::Responses, response(r#""status": "failed""#), &[]),
        (
            Api::Messages,
            r#"{"type": "message", "stop_reason": "end_turn", "content": []}"#.to_owned(),
            &["end_turn"],
        ),
        (
            Api::Messages,
            r#"{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}"#.to_owned(),
            &["tool_use"],
        ),
        (
            Api::GenerateContent,
            r#"{"candidates": [{"finishReason": "STOP"}, {"finishReason": "SAFETY"}]}"#.to_owned(),
            &["STOP", "SAFETY"],
        ),
        (
            Api::Completions,
            r#"{"choices": [{"index": 1, "finish_reason": "length"}, {"index": 0, "finish_reason": null}]}"#.to_owned(),
            &["length"],
        ),
        (
            Api::OllamaGenerate,
            r#"{"done_reason": "load"}"#.to_owned(),
            &["load"],
        ),
        (
            Api::OllamaChat,
            r#"{"done_reason": "length"}"#.to_owned(),
            &["length"],
        ),
    ] {
        let answer = read(api, &[&document]);
        let reasons: Vec<_> = answer.finish_reasons.values().collect();
        assert_eq!(reasons, expected, "{document}");
    }
}

#[test]
fn output_is_put_together_by_api() {
    for (api, documents, expected) in [
        (
            Api::Responses,
            &[
                r#"{"type": "response.output_text.delta", "delta": "Hi"}"#,
                r#"{"type": "response.failed", "response": {"status": "failed", "output": [{"type": "message"}]}}"#,
            ][..],
            json!([{"type": "message"}]),
        ),
        (
            Api::Responses,
            &[r#"{"status": "completed", "output": [{"type": "reasoning"}, {"type": "message"}]}"#],
            json!([{"type": "reasoning"}, {"type": "message"}]),
        ),
        (
            Api::Messages,
            &[
                r#"{"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}"#,
                r#"{"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}"#,
                r#"{"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}"#,
                r#"{"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I "}}"#,
                r#"{"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "ask."}}"#,
                r#"{"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "name": "f", "input": {}}}"#,
                r#"{"type": "content_block_delta", "index": 2, "delta": {"partial_json": "{\"x\": "}}"#,
                r#"{"type": "content_block_delta", "index": 2, "delta": {"partial_json": "1}"}}"#,
                r#"{"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "name": "g", "input": {}}}"#,
                r#"{"type": "content_block_delta", "index": 3, "delta": {"partial_json": ""}}"#,
                r#"{"type": "content_block_start", "index": 4, "content_block": {"type": "tool_use", "name": "h", "input": {}}}"#,
                r#"{"type": "content_block_delta", "index": 4, "delta": {"partial_json": "{\"cut"}}"#,
                r#"{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}"#,
            ],
            json!([{"role": "assistant", "finish_reason": "tool_use", "content": [
                {"type": "thinking", "thinking": "Hm"},
                {"type": "text", "text": "I ask."},
                {"type": "tool_use", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "name": "g", "input": {}},
                {"type": "tool_use", "name": "h", "input": "{\"cut"},
            ]}]),
        ),
        (
            Api::Completions,
            &[
                r#"{"choices": [{"text": "It "}]}"#,
                r#"{"choices": [{"text": "rains", "finish_reason": "stop"}]}"#,
            ],
            json!([{"role": "assistant", "content": "It rains", "finish_reason": "stop"}]),
        ),
        (
            Api::GenerateContent,
            &[
                r#"{"candidates": [{"content": {"role": "model"}}, {"content": {"role": "model", "parts": []}}]}"#,
            ],
            json!([{"role": "model"}, {"role": "model", "parts": []}]),
        ),
    ] {
        let mut answer = read(api, documents);
        assert_eq!(answer.take_messages(), Some(expected), "{api:?}");
        answer.content = false;
        documents
            .iter()
            .for_each(|json| answer.read(json.as_bytes()));
        assert_eq!(answer.take_messages(), None, "{api:?}");
    }
}
