//! Requests that a program writes itself.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use reqwest::{Request, Response, Url};
use sentry_genai_reqwest::GenAiClient;
use sentry_genai_testkit::{FakeLlm, assert_spans};
use sentry_genai_tests::Bridge;
use serde_json::{Value, json};

use super::server;

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn post(url: &str, body: &Value) -> Request {
    http().post(url).json(body).build().unwrap()
}

pub(crate) async fn execute(url: &str, body: &Value) -> reqwest::Result<Response> {
    let client = GenAiClient::new(http()).with_content(true);
    client.execute(post(url, body)).await
}

#[test]
fn messages_of_anthropic_are_read_whole_or_streamed() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let url = format!("{}/v1/messages", llm.anthropic_url());
    let schema =
        json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let mut request = json!({
        "model": "claude-sonnet-5", "max_tokens": 100, "system": "Be brief.",
        "messages": [{"role": "user", "content": "How is the weather?"}],
        "tools": [{"name": "get_weather", "input_schema": schema}],
        "thinking": {"type": "enabled", "budget_tokens": 50},
    });
    bridge.block_on(async {
        for stream in [false, true] {
            request["stream"] = stream.into();
            let response = execute(&url, &request).await.unwrap();
            assert_eq!(response.url().as_str(), url);
            assert_eq!(response.content_length().is_some(), !stream);
            assert!(response.text().await.unwrap().contains("get_weather"));
        }
    });
    let spans = bridge.spans();
    for span in assert_spans(&spans).many("chat claude-sonnet-5", 2) {
        let span = span
            .has_op("gen_ai.chat")
            .is_ok()
            .has("gen_ai.provider.name", "anthropic");
        let span = span.has("gen_ai.request.max_tokens", 100).span();
        assert_eq!(span.str("server.address"), Some("127.0.0.1"));
        let port = Url::parse(&url).unwrap().port().map(i64::from);
        assert_eq!(span.int("server.port"), port);
        assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(150));
        assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(100));
        assert_eq!(
            span.int("gen_ai.usage.cache_creation.input_tokens"),
            Some(30)
        );
        assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(17));
        let output = span.output_messages().unwrap();
        let parts = output[0]["parts"].as_array().unwrap();
        assert_eq!(parts[0]["type"], "reasoning", "{output}");
        let call = parts.last().unwrap();
        assert_eq!(
            (&call["type"], &call["name"]),
            (&json!("tool_call"), &json!("get_weather"))
        );
        assert_eq!(call["arguments"], json!({"city": "Vienna"}), "{output}");
        assert_eq!(output[0]["finish_reason"], "tool_use");
        assert_eq!(
            span.json("gen_ai.system_instructions").unwrap()[0]["content"],
            "Be brief."
        );
    }
}

#[test]
fn the_time_to_the_first_chunk_is_not_that_of_a_later_one() {
    const PAUSE: Duration = Duration::from_millis(300);

    let bridge = Bridge::start();
    let server = server::serving(|stream| {
        _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n");
        thread::sleep(PAUSE);
        _ = stream.write_all(b"data: {}\n\n");
    });
    let received = bridge.block_on(async {
        let start = Instant::now();
        let url = format!("{server}/v1/chat/completions");
        let mut response = execute(&url, &json!({"model": "m"})).await.unwrap();
        response.chunk().await.unwrap();
        let received = start.elapsed();
        response.bytes().await.unwrap();
        received
    });
    let span = bridge.span("chat m");
    let first = span.attr("gen_ai.response.time_to_first_chunk").unwrap();
    let first = first.as_f64().unwrap();
    assert!(first <= received.as_secs_f64(), "{first} {received:?}");
}

#[test]
fn gemini_s_stream_is_read_as_events_or_as_a_list() {
    let pieces = [
        json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "It "}]}}]}),
        json!({
            "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "rains."}]}}],
            "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 3, "thoughtsTokenCount": 20},
            "modelVersion": "gemini-3-flash-001", "responseId": "r1",
        }),
    ];
    let events: String = pieces
        .iter()
        .map(|piece| format!("data: {piece}\r\n\r\n"))
        .collect();
    let list = json!(pieces).to_string();
    let bridge = Bridge::with_content();
    let request = json!({
        "contents": [{"role": "user", "parts": [{"text": "How is the weather?"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 64, "topK": 5},
    });
    bridge.block_on(async {
        for (content_type, body) in [("text/event-stream", events), ("application/json", list)] {
            let server = server::answering(content_type, &body);
            let url = format!("{server}/v1beta/models/gemini-3-flash:streamGenerateContent");
            assert_eq!(
                execute(&url, &request).await.unwrap().text().await.unwrap(),
                body
            );
        }
    });
    let spans = bridge.spans();
    for span in assert_spans(&spans).many("generate_content gemini-3-flash", 2) {
        let span = span
            .is_ok()
            .has("gen_ai.response.model", "gemini-3-flash-001");
        let span = span
            .has("gen_ai.request.max_tokens", 64)
            .has("gen_ai.request.top_k", 5)
            .span();
        assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(8));
        assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(23));
        assert_eq!(
            span.output_messages().unwrap()[0]["parts"][0]["content"],
            "It rains."
        );
        assert_eq!(
            span.input_messages().unwrap()[0]["parts"][0]["content"],
            "How is the weather?"
        );
        assert_eq!(
            span.json("gen_ai.system_instructions").unwrap()[0]["content"],
            "Be brief."
        );
    }
}

#[test]
fn ollama_s_lines_are_read() {
    let lines = [
        json!({"model": "qwen3", "message": {"role": "assistant", "content": "It "}, "done": false}),
        json!({
            "model": "qwen3", "message": {"role": "assistant", "content": "rains."}, "done": true, "done_reason": "stop",
            "prompt_eval_count": 8, "eval_count": 3,
        }),
    ];
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let bridge = Bridge::with_content();
    let request = json!({"model": "qwen3", "messages": [{"role": "user", "content": "Hello"}], "options": {"num_predict": 9}});
    bridge.block_on(async {
        let url = format!(
            "{}/api/chat",
            server::answering("application/x-ndjson", &body)
        );
        execute(&url, &request)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    });
    let spans = bridge.spans();
    let span = assert_spans(&spans)
        .one("chat qwen3")
        .is_ok()
        .has("gen_ai.provider.name", "ollama");
    let span = span
        .has("gen_ai.request.max_tokens", 9)
        .has("gen_ai.response.streaming", true)
        .span();
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(8));
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(3));
    assert_eq!(
        span.output_messages().unwrap()[0]["parts"][0]["content"],
        "It rains."
    );
}

#[test]
fn content_is_recorded_only_on_request() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let url = format!("{}/chat/completions", llm.openai_url());
    let request = json!({
        "model": "m", "messages": [{"role": "user", "content": "the canary"}], "user": "the canary", "tools": [{"x": "canary"}],
    });
    bridge.block_on(async {
        let client = GenAiClient::new(http()).with_content(false);
        let response = client.execute(post(&url, &request)).await.unwrap();
        assert!(response.text().await.unwrap().contains("canary"));
    });
    let span = bridge.span("chat m");
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(42));
    assert!(!format!("{span:?}").contains("canary"), "{span:#?}");
}

#[test]
fn other_requests_have_no_span() {
    let (bridge, llm) = (Bridge::start(), FakeLlm::start().unwrap());
    bridge.block_on(async {
        let url = llm.openai_url();
        for request in [
            http().get(format!("{url}/models")).build().unwrap(),
            post(&format!("{url}/moderations"), &json!({"model": "m"})),
            post(&format!("{url}/chat/completions"), &json!({"messages": []})),
            http()
                .post(format!("{url}/chat/completions"))
                .body("not JSON")
                .build()
                .unwrap(),
        ] {
            GenAiClient::new(http())
                .execute(request)
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap();
        }
    });
    assert_eq!(bridge.spans(), []);
}

#[test]
fn a_body_that_the_provider_cannot_read_is_a_failed_call() {
    let (bridge, llm) = (Bridge::start(), FakeLlm::start().unwrap());
    bridge.block_on(async {
        let url = format!("{}/chat/completions", llm.openai_url());
        let request = http().post(url).body(r#"{"model": "m","#).build().unwrap();
        GenAiClient::new(http()).execute(request).await.unwrap();
    });
    let spans = bridge.spans();
    assert_spans(&spans)
        .one("chat")
        .is_error()
        .has("error.type", "400");
}

#[test]
fn a_call_without_an_answer_fails_and_names_no_key() {
    let bridge = Bridge::start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    bridge.block_on(async {
        let url = format!("http://{closed}/v1beta/models/m:generateContent?key=secret");
        execute(&url, &json!({"contents": []})).await.unwrap_err();
    });
    let spans = bridge.spans();
    let span = assert_spans(&spans).one("generate_content m").is_error();
    let span = span.has("error.type", "connection_error").span();
    assert!(!format!("{span:?}").contains("secret"), "{span:#?}");
}

#[test]
fn an_answer_that_breaks_off_is_an_error_and_one_that_is_dropped_is_not() {
    let bridge = Bridge::with_content();
    let chunk = json!({"id": "c1", "choices": [{"index": 0, "delta": {"content": "It rai"}}]});
    let cut = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\ndata: {chunk}\n\n"
    );
    bridge.block_on(async {
        let url = format!("{}/v1/chat/completions", server::sending(cut));
        execute(&url, &json!({"model": "breaks"}))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap_err();
        let mut response = execute(&url, &json!({"model": "dropped"})).await.unwrap();
        response.chunk().await.unwrap();
    });
    let spans = bridge.spans();
    let broken = assert_spans(&spans).one("chat breaks").is_error();
    let broken = broken.has("error.type", "response_error").span();
    let dropped = assert_spans(&spans).one("chat dropped").is_ok().span();
    for span in [broken, dropped] {
        assert_eq!(span.str("gen_ai.response.id"), Some("c1"));
        assert_eq!(
            span.output_messages().unwrap()[0]["parts"][0]["content"],
            "It rai"
        );
    }
}

#[test]
fn an_event_may_say_that_the_call_has_failed() {
    let bridge = Bridge::start();
    let error =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    bridge.block_on(async {
        let url = format!(
            "{}/v1/messages",
            server::answering(
                "text/event-stream",
                &format!("event: error\ndata: {error}\n\n")
            )
        );
        execute(&url, &json!({"model": "m", "max_tokens": 9}))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    });
    let spans = bridge.spans();
    assert_spans(&spans)
        .one("chat m")
        .is_error()
        .has("error.type", "overloaded_error");
}
