//! One conversation in the spelling of every library.

use serde_json::{Value, json};

use super::{
    super::{ContentLimits, Messages, Side, join_system},
    PNG, input, output, parsed,
};

/// The expected messages for a weather question with two calls at once.
fn weather_conversation() -> Value {
    json!([
        {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris and Wien?"}]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}},
            {"type": "tool_call", "id": "c2", "name": "get_weather", "arguments": {"city": "Wien"}},
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain", "result": "rain"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c2", "response": {"temp": 4}, "result": r#"{"temp":4}"#}]},
    ])
}

fn with_merged_answers(mut messages: Value) -> Value {
    let answers = messages.as_array_mut().unwrap();
    let last = answers.pop().unwrap();
    let part = last["parts"][0].clone();
    answers[2]["parts"].as_array_mut().unwrap().push(part);
    messages
}

#[test]
fn openai_chat_completions() {
    let messages = json!({"model": "gpt-5-mini", "messages": [
        {"role": "user", "content": "Weather in Paris and Wien?"},
        {"role": "assistant", "content": null, "refusal": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}},
            {"id": "c2", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Wien\"}"}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "tool", "tool_call_id": "c2", "content": {"temp": 4}},
    ]});
    assert_eq!(input(messages), weather_conversation());
}

#[test]
fn openai_responses() {
    let items = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "Weather in Paris and Wien?"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "get_weather", "arguments": "{\"city\":\"Paris\"}"},
        {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "get_weather", "arguments": "{\"city\":\"Wien\"}"},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "function_call_output", "call_id": "c2", "output": {"temp": 4}},
    ]);
    assert_eq!(input(items), with_merged_answers(weather_conversation()));

    // As OpenAI's agents for JavaScript record them.
    let items = json!([
        {"type": "message", "role": "user", "content": "Weather in Paris and Wien?"},
        {"type": "function_call", "id": "fc_1", "callId": "c1", "name": "get_weather", "status": "completed", "arguments": "{\"city\":\"Paris\"}"},
        {"type": "function_call", "id": "fc_2", "callId": "c2", "name": "get_weather", "status": "completed", "arguments": "{\"city\":\"Wien\"}"},
        {"type": "function_call_result", "callId": "c1", "name": "get_weather", "status": "completed", "output": "rain"},
        {"type": "function_call_result", "callId": "c2", "name": "get_weather", "status": "completed", "output": {"temp": 4}},
    ]);
    let read = input(items);
    let answer = json!({"type": "tool_call_response", "id": "c1", "name": "get_weather", "response": "rain", "result": "rain"});
    assert_eq!(read[1]["parts"][1]["id"], "c2");
    assert_eq!(read[2]["parts"][0], answer);

    let response = json!({"id": "resp_1", "object": "response", "instructions": "Be brief.", "reasoning": {"effort": "low"}, "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "The user wants"}, {"type": "summary_text", "text": "the weather."}]},
        {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "get_weather", "arguments": "{\"city\":\"Paris\"}"},
    ]});
    assert_eq!(
        output(response),
        json!([{"role": "assistant", "parts": [
            {"type": "reasoning", "content": "The user wants\nthe weather."},
            {"type": "text", "content": "Let me see."},
            {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}},
        ]}])
    );
}

#[test]
fn calls_of_openai_hosted_tools() {
    assert_eq!(
        output(json!([
            {"type": "mcp_call", "id": "c1", "name": "roll", "server_label": "dice", "arguments": "{\"d\":6}", "output": "4", "error": null},
            {"type": "shell_call", "call_id": "c2", "action": {"commands": ["ls"]}, "status": "completed"},
            {"type": "apply_patch_call", "call_id": "c3", "operation": {"type": "update_file", "path": "a"}},
            {"type": "tool_search_call", "call_id": "c4", "execution": "server", "arguments": {"query": "w"}},
            {"type": "made_up_call", "call_id": "c5", "input": "x"},
        ])),
        json!([{"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "roll", "arguments": {"d": 6}},
            {"type": "tool_call_response", "id": "c1", "name": "roll", "response": "4", "result": "4"},
            {"type": "tool_call", "id": "c2", "name": "shell", "arguments": {"action": {"commands": ["ls"]}}},
            {"type": "tool_call", "id": "c3", "name": "apply_patch", "arguments": {"operation": {"type": "update_file", "path": "a"}}},
            {"type": "tool_call", "id": "c4", "name": "tool_search", "arguments": {"query": "w"}},
            {"type": "tool_call", "id": "c5", "name": "made_up", "arguments": {"input": "x"}},
        ]}])
    );
    // In a later request, the answer is a message of its own, like any other.
    assert_eq!(
        input(
            json!([{"type": "mcp_call", "id": "c1", "name": "roll", "arguments": "{}", "error": "no dice"}])
        ),
        json!([
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "roll", "arguments": {}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "roll", "response": "no dice", "result": "no dice"}]},
        ])
    );
}

/// OpenTelemetry's conventions wrap the provider's own fields like this.
#[test]
fn server_tool_calls() {
    let call = |id: &str, name: &str, call: serde_json::Value| json!({"type": "server_tool_call", "id": id, "name": name, "server_tool_call": call});
    let answer = |id: &str, answer: serde_json::Value| json!({"type": "server_tool_call_response", "id": id, "server_tool_call_response": answer});
    assert_eq!(
        output(json!([{"role": "assistant", "parts": [
            call("c1", "search", json!({"type": "web_search", "input": {"query": "w"}})),
            answer("c1", json!({"type": "web_search", "content": [{"title": "W"}]})),
            call("c2", "roll", json!({"type": "mcp", "server_label": "dice", "arguments": "{\"d\":6}", "output": "4", "status": "completed"})),
            call("c3", "search", json!({"type": "web_search", "action": {"query": "w"}, "status": "completed"})),
            call("c4", "search", json!({"input": "w", "more": 1})),
            answer("c4", json!({"content": "W", "more": 1})),
        ]}])),
        json!([{"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"query": "w"}},
            {"type": "tool_call_response", "id": "c1", "response": [{"title": "W"}], "result": r#"[{"title":"W"}]"#},
            {"type": "tool_call", "id": "c2", "name": "roll", "arguments": {"d": 6}},
            {"type": "tool_call_response", "id": "c2", "name": "roll", "response": "4", "result": "4"},
            {"type": "tool_call", "id": "c3", "name": "search", "arguments": {"action": {"query": "w"}}},
            {"type": "tool_call", "id": "c4", "name": "search", "arguments": {"input": "w", "more": 1}},
            {"type": "tool_call_response", "id": "c4", "response": {"content": "W", "more": 1}, "result": r#"{"content":"W","more":1}"#},
        ]}])
    );
}

/// Sentry takes the user's last message for the question.
#[test]
fn unknown_items_are_not_from_the_user() {
    let question = json!({"role": "user", "parts": [{"type": "text", "content": "Weather?"}]});
    let unknown = json!({"type": "weather_station", "is_open": true, "station": "y"});
    assert_eq!(
        input(json!([
            {"role": "user", "content": "Weather?"},
            {"type": "item_reference", "id": "x"},
            unknown,
        ])),
        json!([question, {"role": "assistant", "parts": [unknown]}])
    );
    assert_eq!(
        input(json!([{"type": "text", "text": "Weather?"}, unknown])),
        json!([{"role": "user", "parts": [{"type": "text", "content": "Weather?"}, unknown]}])
    );
}

/// rig's own message format, which it records for Anthropic up to 0.24.
#[test]
fn rig_messages() {
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "id": null, "content": [
            {"id": "c1", "call_id": null, "function": {"name": "get_weather", "arguments": {"city": "Wien"}}},
        ]},
        {"role": "user", "content": [
            {"type": "toolresult", "id": "c1", "content": [{"type": "text", "text": "rain"}]},
        ]},
    ]);
    let expected = json!([
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Wien"}},
        ]},
        {"role": "tool", "parts": [
            {"type": "tool_call_response", "id": "c1", "response": "rain", "result": "rain"},
        ]},
    ]);
    let read = Messages::parse(&messages.to_string(), Side::Input);
    let json = read.into_json(&ContentLimits::default()).json;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
}

#[test]
fn anthropic_messages() {
    let messages = json!({"model": "claude", "max_tokens": 100, "system": [{"type": "text", "text": "Be brief."}], "messages": [
        {"role": "user", "content": "Weather in Paris and Wien?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Two cities.", "signature": "s"},
            {"type": "redacted_thinking", "data": "xxx"},
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Paris"}},
            {"type": "tool_use", "id": "c2", "name": "get_weather", "input": {"city": "Wien"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "rain"}]},
            {"type": "tool_result", "tool_use_id": "c2", "content": "4 °C", "is_error": false},
            {"type": "text", "text": "And tomorrow?"},
        ]},
    ]});
    let mut read = Messages::parse(&messages.to_string(), Side::Input);
    let limits = ContentLimits::default();
    assert_eq!(
        join_system("", read.take_system(), &limits),
        r#"[{"type":"text","content":"Be brief."}]"#
    );
    // Parts that would hide others in Sentry become messages of their own.
    let expected = json!([
        {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris and Wien?"}]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Two cities."},
            {"type": "text", "content": "Let me see."},
        ]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}},
            {"type": "tool_call", "id": "c2", "name": "get_weather", "arguments": {"city": "Wien"}},
        ]},
        {"role": "tool", "parts": [
            {"type": "tool_call_response", "id": "c1", "response": "rain", "result": "rain"},
            {"type": "tool_call_response", "id": "c2", "response": "4 °C", "result": "4 °C"},
        ]},
        {"role": "user", "parts": [{"type": "text", "content": "And tomorrow?"}]},
    ]);
    let json = read.into_json(&limits).json;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);

    let response = json!({"id": "msg_1", "type": "message", "role": "assistant", "stop_reason": "tool_use", "content": [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Paris"}},
    ]});
    assert_eq!(
        output(response),
        json!([{"role": "assistant", "finish_reason": "tool_use", "parts": [
            {"type": "text", "content": "Let me see."},
            {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}},
        ]}])
    );
}

#[test]
fn gemini_code_execution_is_a_tool_call() {
    let response = json!({"candidates": [{"content": {"role": "model", "parts": [
        {"executableCode": {"language": "PYTHON", "code": "print(6 * 7)"}, "thoughtSignature": "x"},
        {"code_execution_result": {"outcome": "OUTCOME_OK", "output": "42"}},
    ]}}]});
    let written = output(response);
    let parts = &written[0]["parts"];
    assert_eq!(parts[0]["type"], "tool_call");
    assert_eq!(parts[0]["name"], "code_execution");
    assert_eq!(parts[0]["arguments"]["code"], "print(6 * 7)");
    assert_eq!(parts[1]["type"], "tool_call_response");
    assert_eq!(parts[1]["name"], "code_execution");
    assert_eq!(parts[1]["response"]["output"], "42");
}

#[test]
fn gemini_contents() {
    let request = json!({"model": "gemini", "config": {"system_instruction": "Be brief."}, "contents": [
        {"role": "user", "parts": [{"text": "Weather in Paris and Wien?"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
        {"role": "model", "parts": [
            {"text": "Two cities.", "thought": true},
            {"functionCall": {"id": "c1", "name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "x"},
        ]},
        {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "get_weather", "response": {"temp": 14}}}]},
    ]});
    assert_eq!(
        input(request),
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [
                {"type": "text", "content": "Weather in Paris and Wien?"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "[Blob substitute]"},
            ]},
            {"role": "assistant", "parts": [
                {"type": "reasoning", "content": "Two cities."},
                {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}},
            ]},
            {"role": "tool", "parts": [
                {"type": "tool_call_response", "id": "c1", "name": "get_weather", "response": {"temp": 14}, "result": r#"{"temp":14}"#},
            ]},
        ])
    );
    let response = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Rain."}]}, "finishReason": "STOP", "index": 0}], "usageMetadata": {}});
    assert_eq!(
        output(response),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Rain."}], "finish_reason": "STOP"}])
    );
}

#[test]
fn bedrock_converse() {
    let messages = json!([
        {"role": "user", "content": [{"text": "Weather?"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "get_weather", "input": {"city": "Paris"}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"json": {"temp": 14}}], "status": "success"}}]},
    ]);
    assert_eq!(
        input(messages),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"temp": 14}, "result": r#"{"temp":14}"#}]},
        ])
    );
    // Strands for JavaScript has the type beside the fields.
    let typed = json!([{"role": "assistant", "content": [{"type": "toolUse", "name": "w", "toolUseId": "c1", "input": {"a": 1}}]}]);
    assert_eq!(
        input(typed)[0]["parts"],
        json!([{"type": "tool_call", "id": "c1", "name": "w", "arguments": {"a": 1}}])
    );
    let response = json!({"output": {"message": {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}, {"text": "Rain."}]}}, "stopReason": "end_turn", "usage": {}, "metrics": {}});
    assert_eq!(
        output(response),
        json!([{"role": "assistant", "finish_reason": "end_turn", "parts": [
            {"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "Rain."},
        ]}])
    );
}

#[test]
fn vercel_ai_sdk() {
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "Weather in Paris and Wien?"}]},
        {"role": "assistant", "content": [
            {"type": "tool-call", "toolCallId": "c1", "toolName": "get_weather", "input": {"city": "Paris"}},
            {"type": "tool-call", "toolCallId": "c2", "toolName": "get_weather", "args": {"city": "Wien"}},
        ]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "output": {"type": "error-text", "value": "rain"}}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c2", "result": {"temp": 4}}]},
    ]);
    assert_eq!(input(messages), weather_conversation());
    let calls =
        json!([{"toolCallId": "c1", "toolName": "get_weather", "input": "{\"city\":\"Paris\"}"}]);
    assert_eq!(
        output(calls),
        json!([{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Paris"}}]}])
    );
    assert_eq!(
        input(json!({"system": "Be brief.", "prompt": "Hi"})),
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        ])
    );
}

#[test]
fn langchain_constructors_and_generations() {
    let messages = json!({"messages": [[
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": "Weather in Paris and Wien?", "type": "human", "id": "u1"}},
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"content": "", "type": "ai", "id": "u2", "additional_kwargs": {"refusal": null}, "invalid_tool_calls": [], "tool_calls": [
            {"name": "get_weather", "args": {"city": "Paris"}, "id": "c1", "type": "tool_call"},
            {"name": "get_weather", "args": {"city": "Wien"}, "id": "c2", "type": "tool_call"},
        ], "response_metadata": {"finish_reason": "tool_calls"}}},
        {"type": "tool", "data": {"content": "rain", "type": "tool", "id": "u3", "tool_call_id": "c1"}},
        {"type": "tool", "content": [{"type": "json", "json": 1}], "tool_call_id": "c2"},
    ]]});
    let mut expected = weather_conversation();
    expected[3]["parts"][0]["response"] = json!([{"type": "json", "json": 1}]);
    let mut read = input(messages);
    let result = read[3]["parts"][0]["result"].take();
    assert_eq!(
        parsed(result.as_str().unwrap()),
        expected[3]["parts"][0]["response"]
    );
    expected[3]["parts"][0]["result"] = Value::Null;
    assert_eq!(read, expected);

    let completion = json!({"generations": [[{"text": "Rain.", "generation_info": {"finish_reason": "stop"}, "type": "ChatGeneration", "message":
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"content": "Rain.", "type": "ai", "tool_calls": []}}}]],
        "llm_output": {"token_usage": {}}, "type": "LLMResult"});
    assert_eq!(
        output(completion),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Rain."}], "finish_reason": "stop"}])
    );
}

/// What only a model writes is its answer, even among the questions.
#[test]
fn loose_answers_are_from_the_model() {
    for part in [
        json!({"type": "output_text", "text": "Ho"}),
        json!({"type": "refusal", "refusal": "No"}),
    ] {
        let shown = input(json!([{"role": "user", "content": "Hi"}, part]));
        assert_eq!(shown[1]["role"], "assistant", "{shown}");
    }
}

#[test]
fn an_answer_that_gemini_withheld_is_empty_and_keeps_its_reason() {
    let candidate = json!({"content": {"role": "model"}, "finishReason": "SAFETY"});
    let message = json!({"role": "model", "content": {"role": "model"}, "finishReason": "SAFETY"});
    for answer in [json!({"candidates": [candidate]}), json!([message])] {
        let messages = Messages::parse(&answer.to_string(), Side::Output);
        assert!(messages.is_empty(), "{answer}");
        assert_eq!(messages.finish_reasons(), ["SAFETY"], "{answer}");
    }
}

/// The depth of wrappers is limited, their number is not.
#[test]
fn any_number_of_wrapped_messages_is_read() {
    let wrapped = |n: usize| json!({"messages": [{"role": "user", "content": format!("{n}")}]});
    let messages: Vec<_> = (0..20).map(wrapped).collect();
    let shown = input(json!(messages));
    let texts = shown.as_array().unwrap().iter();
    let texts: Vec<_> = texts
        .map(|message| message["parts"][0]["content"].clone())
        .collect();
    let expected: Vec<_> = (0..20).map(|n| json!(n.to_string())).collect();
    assert_eq!(texts, expected);
}

#[test]
fn chat_completion_with_reasoning_and_refusal() {
    let completion = json!({"id": "chatcmpl-1", "object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": "stop", "logprobs": null, "message": {"role": "assistant", "content": "4", "reasoning_content": "2+2"}},
        {"index": 1, "finish_reason": "content_filter", "message": {"role": "assistant", "content": null, "refusal": "No."}},
    ], "usage": {"total_tokens": 1}});
    let messages = Messages::parse(&completion.to_string(), Side::Output);
    assert_eq!(messages.finish_reasons(), ["stop", "content_filter"]);
    assert_eq!(
        output(completion),
        json!([
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "2+2"}, {"type": "text", "content": "4"}], "finish_reason": "stop"},
            {"role": "assistant", "parts": [{"type": "text", "content": "No."}], "finish_reason": "content_filter"},
        ])
    );
}
