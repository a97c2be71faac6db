//! Tests of the fake providers' answers.

use serde_json::{Value, json};

use super::FakeLlm;

const QUESTION: &str = "What is the weather like?";

#[test]
fn chat_calls_the_tool_and_then_repeats_its_result() {
    let llm = FakeLlm::start().unwrap();
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": weather_schema()}}]);
    let mut request = json!({
        "model": "gpt-5-mini", "tools": tools, "messages": [{"role": "user", "content": QUESTION}],
    });
    let (status, answer) = post(&llm, "/v1/chat/completions", &request);
    assert_eq!(status, 200);
    assert_eq!(answer["model"], "gpt-5-mini-2025-08-06");
    assert_eq!(answer["usage"]["prompt_tokens"], 42);
    assert_eq!(
        answer["usage"]["prompt_tokens_details"]["cached_tokens"],
        16
    );
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_weather");
    assert_eq!(call["function"]["arguments"], r#"{"city":"Vienna"}"#);

    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(choice["message"].clone());
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "4 °C"}));
    let (_, answer) = post(&llm, "/v1/chat/completions", &request);
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "get_weather says: 4 °C."
    );

    let requests = llm.requests();
    assert_eq!(requests[1].path, "/v1/chat/completions");
    assert_eq!(requests[1].body, request);
}

#[test]
fn chat_streams_text_and_usage() {
    let llm = FakeLlm::start().unwrap();
    let mut request = json!({
        "model": "gpt-5-mini", "stream": true, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    });
    let chunks = stream(&llm, "/v1/chat/completions", &request);
    assert_eq!(
        concat(&chunks, "/choices/0/delta/content"),
        "You asked: \"Hi\". This is answer 1 of our conversation."
    );
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));

    request["stream_options"] = json!({"include_usage": true});
    let chunks = stream(&llm, "/v1/chat/completions", &request);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(
        last["usage"]["completion_tokens_details"]["reasoning_tokens"],
        5
    );
}

#[test]
fn chat_streams_tool_calls() {
    let llm = FakeLlm::start().unwrap();
    let tool = |name: &str, schema: Value| json!({"type": "function", "function": {"name": name, "parameters": schema}});
    let numbers = json!({
        "type": "object", "required": ["x", "y"],
        "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
    });
    let request = json!({
        "model": "gpt-5-mini", "stream": true, "messages": [{"role": "user", "content": "Divide and get the weather."}],
        "tools": [tool("get_weather", weather_schema()), tool("multiply", numbers.clone()), tool("divide", numbers)],
    });
    let chunks = stream(&llm, "/v1/chat/completions", &request);
    let calls = |index: u64| {
        let deltas = chunks
            .iter()
            .filter_map(|it| it.pointer("/choices/0/delta/tool_calls/0"));
        let deltas: Vec<Value> = deltas.filter(|it| it["index"] == index).cloned().collect();
        (
            deltas[0]["function"]["name"].clone(),
            concat(&deltas, "/function/arguments"),
        )
    };
    assert_eq!(
        calls(0),
        (json!("get_weather"), r#"{"city":"Vienna"}"#.to_owned())
    );
    assert_eq!(calls(1), (json!("divide"), r#"{"x":2,"y":3}"#.to_owned()));
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[test]
fn tool_choice_is_respected() {
    let llm = FakeLlm::start().unwrap();
    let tool =
        |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {}}});
    let mut request = json!({
        "model": "gpt-5-mini", "tools": [tool("first"), tool("second")], "tool_choice": "none",
        "messages": [{"role": "user", "content": "Hello"}],
    });
    let (_, answer) = post(&llm, "/v1/chat/completions", &request);
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    request["tool_choice"] = json!({"type": "function", "function": {"name": "second"}});
    let (_, answer) = post(&llm, "/v1/chat/completions", &request);
    let calls = answer["choices"][0]["message"]["tool_calls"]
        .as_array()
        .unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["function"]["name"], "second");
}

#[test]
fn structured_output_matches_its_schema() {
    let llm = FakeLlm::start().unwrap();
    let request = json!({
        "model": "gpt-5-mini", "messages": [{"role": "user", "content": QUESTION}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": weather_schema()}},
    });
    let (_, answer) = post(&llm, "/v1/chat/completions", &request);
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        r#"{"city":"Vienna"}"#
    );
}

#[test]
fn responses_answer_reason_and_call_functions() {
    let llm = FakeLlm::start().unwrap();
    let (_, answer) = post(
        &llm,
        "/v1/responses",
        &json!({"model": "gpt-5-mini", "input": QUESTION}),
    );
    assert_eq!(answer["status"], "completed");
    assert_eq!(
        answer["usage"]["output_tokens_details"]["reasoning_tokens"],
        5
    );
    assert_eq!(
        answer["output"][0]["content"][0]["text"],
        "You asked: \"What is the weather like?\". It is 21 °C and sunny there."
    );

    let mut request = json!({
        "model": "gpt-5-mini", "reasoning": {"summary": "auto"},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
        "tools": [
            {"type": "web_search"},
            {"type": "function", "name": "get_weather", "parameters": weather_schema()},
        ],
    });
    let (_, answer) = post(&llm, "/v1/responses", &request);
    let output = answer["output"].as_array().unwrap();
    assert_eq!(
        output[0]["summary"][0]["text"],
        "I need get_weather to answer this."
    );
    assert_eq!(output[1]["type"], "function_call");
    assert_eq!(output[1]["arguments"], r#"{"city":"Vienna"}"#);

    let input = request["input"].as_array_mut().unwrap();
    input.extend(output.iter().cloned());
    input.push(
        json!({"type": "function_call_output", "call_id": output[1]["call_id"], "output": "4 °C"}),
    );
    let (_, answer) = post(&llm, "/v1/responses", &request);
    assert_eq!(
        answer["output"][1]["content"][0]["text"],
        "get_weather says: 4 °C."
    );
}

#[test]
fn responses_stream_events_in_sequence() {
    let llm = FakeLlm::start().unwrap();
    let mut request = json!({"model": "gpt-5-mini", "input": QUESTION, "stream": true});
    let events = stream(&llm, "/v1/responses", &request);
    assert_eq!(events[0]["type"], "response.created");
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index);
    }
    let done = events.last().unwrap();
    assert_eq!(done["type"], "response.completed");
    assert_eq!(done["response"]["usage"]["input_tokens"], 42);
    assert_eq!(
        concat(&events, "/delta"),
        done["response"]["output"][0]["content"][0]["text"]
    );

    request["tools"] =
        json!([{"type": "function", "name": "get_weather", "parameters": weather_schema()}]);
    let events = stream(&llm, "/v1/responses", &request);
    assert_eq!(concat(&events, "/delta"), r#"{"city":"Vienna"}"#);
    assert_eq!(
        events.last().unwrap()["response"]["output"][0]["name"],
        "get_weather"
    );
}

#[test]
fn anthropic_calls_the_tool_and_then_repeats_its_result() {
    let llm = FakeLlm::start().unwrap();
    let mut request = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100, "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [{"name": "get_weather", "input_schema": weather_schema()}],
    });
    let (_, answer) = post(&llm, "/v1/messages", &request);
    assert_eq!(answer["stop_reason"], "tool_use");
    assert_eq!(
        answer["usage"],
        json!({
            "input_tokens": 20, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 100,
            "output_tokens": 17, "service_tier": "standard",
        })
    );
    let call = &answer["content"][1];
    assert_eq!(answer["content"][0]["type"], "thinking");
    assert_eq!(call["input"], json!({"city": "Vienna"}));

    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": answer["content"]}));
    messages.push(json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "4 °C"}]},
    ]}));
    let (_, answer) = post(&llm, "/v1/messages", &request);
    assert_eq!(answer["stop_reason"], "end_turn");
    assert_eq!(answer["content"][1]["text"], "get_weather says: 4 °C.");
}

#[test]
fn anthropic_streams_blocks_and_usage() {
    let llm = FakeLlm::start().unwrap();
    let mut request = json!({
        "model": "claude-sonnet-4-5", "stream": true, "messages": [{"role": "user", "content": QUESTION}],
    });
    let events = stream(&llm, "/v1/messages", &request);
    assert_eq!(
        events[0]["message"]["usage"]["cache_read_input_tokens"],
        100
    );
    assert_eq!(
        concat(&events, "/delta/text"),
        "You asked: \"What is the weather like?\". It is 21 °C and sunny there."
    );
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    let delta = &events[events.len() - 2];
    assert_eq!(delta["usage"]["output_tokens"], 17);

    request["tools"] = json!([{"name": "get_weather", "input_schema": weather_schema()}]);
    let events = stream(&llm, "/v1/messages", &request);
    assert_eq!(
        concat(&events, "/delta/partial_json"),
        r#"{"city":"Vienna"}"#
    );
}

#[test]
fn embeddings_depend_on_the_text() {
    let llm = FakeLlm::start().unwrap();
    let request =
        json!({"model": "text-embedding-3-small", "input": ["a", "b", "a"], "dimensions": 3});
    let (_, answer) = post(&llm, "/v1/embeddings", &request);
    assert_eq!(answer["data"][0]["embedding"].as_array().unwrap().len(), 3);
    assert_eq!(
        answer["data"][0]["embedding"],
        answer["data"][2]["embedding"]
    );
    assert_ne!(
        answer["data"][0]["embedding"],
        answer["data"][1]["embedding"]
    );
    let (_, answer) = post(&llm, "/v1/embeddings", &json!({"model": "m", "input": "a"}));
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
}

#[test]
fn model_names_trigger_errors() {
    let llm = FakeLlm::start().unwrap();
    for (model, status, openai, anthropic) in [
        (
            "gpt-rate-limit",
            429,
            json!("rate_limit_exceeded"),
            "rate_limit_error",
        ),
        ("gpt-server-error", 500, Value::Null, "api_error"),
        (
            "gpt-context-length",
            400,
            json!("context_length_exceeded"),
            "invalid_request_error",
        ),
    ] {
        let request = json!({"model": model, "messages": [], "stream": true});
        for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"] {
            let (answered, body) = post(&llm, path, &request);
            assert_eq!(
                (answered, &body["error"]["code"]),
                (status, &openai),
                "{path} {model}"
            );
        }
        let (answered, body) = post(&llm, "/v1/messages", &request);
        assert_eq!(answered, status);
        assert_eq!(body["error"]["type"], anthropic);
    }
    assert_eq!(post(&llm, "/v1/chat/completions", &json!({})).0, 400);
    assert_eq!(post(&llm, "/v1/nonsense", &json!({})).0, 404);
}

fn weather_schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
}

fn post(llm: &FakeLlm, path: &str, request: &Value) -> (u16, Value) {
    let (status, text) = send(llm, path, request);
    (status, serde_json::from_str(&text).unwrap())
}

/// Posts a request and returns the data of the events in the answer, apart from `[DONE]`.
fn stream(llm: &FakeLlm, path: &str, request: &Value) -> Vec<Value> {
    let (status, text) = send(llm, path, request);
    assert_eq!(status, 200);
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn concat(events: &[Value], pointer: &str) -> String {
    let pieces = events.iter().filter_map(|it| it.pointer(pointer)?.as_str());
    pieces.collect()
}

fn send(llm: &FakeLlm, path: &str, request: &Value) -> (u16, String) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent();
    let mut response = agent
        .post(format!("{}{path}", llm.anthropic_url()))
        .send(&request.to_string())
        .unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), text)
}
