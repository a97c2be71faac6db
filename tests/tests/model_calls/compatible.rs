//! Servers that speak an API of OpenAI's in their own way, and Ollama's other APIs.

use sentry_genai_reqwest::GenAiClient;
use sentry_genai_testkit::{ReceivedSpan, assert_spans};
use sentry_genai_tests::Bridge;
use serde_json::{Value, json};

use super::{
    recorded,
    requests::{execute, http, post},
    server,
};

/// Returns the span of a call at `path` that is answered with `body`.
fn span(path: &str, request: &Value, content_type: &str, body: &str) -> ReceivedSpan {
    let bridge = Bridge::with_content();
    bridge.block_on(async {
        let url = format!("{}{path}", server::answering(content_type, body));
        let response = execute(&url, request).await.unwrap();
        assert_eq!(response.text().await.unwrap(), body);
    });
    let spans = bridge.spans();
    assert_eq!(spans.len(), 1);
    spans[0].clone()
}

fn events(events: &[Value]) -> String {
    let events = events.iter().map(|event| format!("data: {event}\n\n"));
    events.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

#[test]
fn reasoning_is_told_from_the_answer() {
    let delta = |delta: Value| json!({"id": "c1", "model": "r1-2", "choices": [{"index": 0, "delta": delta}]});
    let end = json!({
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 7, "prompt_cache_hit_tokens": 4, "total_tokens": 16,
            "completion_tokens_details": {"reasoning_tokens": 5}},
    });
    let request = json!({"model": "r1", "stream": true, "n": 2, "stop": "END", "messages": [{"role": "user", "content": "Why?"}]});
    // DeepSeek, vLLM and LM Studio; Groq and OpenRouter
    for key in ["reasoning_content", "reasoning"] {
        let body = events(&[
            delta(json!({"role": "assistant", "content": null, key: "Let me "})),
            delta(json!({"content": null, key: "think."})),
            delta(json!({"content": "Because", key: null})),
            delta(json!({"content": "."})),
            end.clone(),
        ]);
        let span = span(
            "/v1/chat/completions",
            &request,
            "text/event-stream; charset=utf-8",
            &body,
        );
        let parts = &span.output_messages().unwrap()[0]["parts"];
        assert_eq!(
            *parts,
            json!([{"type": "reasoning", "content": "Let me think."}, {"type": "text", "content": "Because."}]),
            "{key}"
        );
        assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(9));
        assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(4));
        assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(7));
        assert_eq!(span.int("gen_ai.request.choice.count"), Some(2));
        assert_eq!(
            span.attr("gen_ai.request.stop_sequences"),
            Some(&json!(["END"]))
        );
        assert_eq!(
            span.attr("gen_ai.response.finish_reasons"),
            Some(&json!(r#"["stop"]"#))
        );
    }
}

#[test]
fn ollama_s_completions_and_embeddings_are_read() {
    let lines = [
        json!({"model": "qwen3", "response": "It ", "done": false}),
        json!({"model": "qwen3", "response": "rains.", "done": true, "done_reason": "stop", "prompt_eval_count": 8, "eval_count": 3}),
    ];
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let request = json!({"model": "qwen3", "prompt": "How is the weather?", "system": "Be brief."});
    let call = span("/api/generate", &request, "application/x-ndjson", &body);
    assert_eq!(call.op(), "gen_ai.text_completion");
    assert_eq!(call.str("gen_ai.provider.name"), Some("ollama"));
    assert_eq!(call.int("gen_ai.usage.output_tokens"), Some(3));
    let output = call.output_messages().unwrap();
    assert_eq!(output[0]["parts"][0]["content"], "It rains.");
    let input = call.input_messages().unwrap();
    assert_eq!(input[0]["parts"][0]["content"], "How is the weather?");

    let body = json!({"model": "bge", "embeddings": [[0.1]], "prompt_eval_count": 2}).to_string();
    for (path, key) in [("/api/embed", "input"), ("/api/embeddings", "prompt")] {
        let call = span(
            path,
            &json!({"model": "bge", key: "Hi"}),
            "application/json",
            &body,
        );
        assert_eq!(call.op(), "gen_ai.embeddings");
        assert_eq!(call.str("gen_ai.provider.name"), Some("ollama"));
        assert_eq!(call.int("gen_ai.usage.input_tokens"), Some(2));
        assert_eq!(call.str("gen_ai.embeddings.input"), Some("Hi"));
    }
}

#[test]
fn a_reason_quotes_content_only_if_content_is_recorded() {
    let quoting =
        json!({"error": {"message": "Flagged: \"my own secret\"", "code": "content_filter"}});
    let head = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
    for content in [false, true] {
        // What is asked here is what any layer sees, so Sentry's rules for reasons have to be out of the way.
        let seen = recorded::fields(async {
            let server = server::sending(format!("{head}{quoting}"));
            let request = post(
                &format!("{server}/v1/chat/completions"),
                &json!({"model": "m"}),
            );
            let client = GenAiClient::new(http()).with_content(content);
            let response = client.execute(request).await.unwrap();
            response.bytes().await.unwrap();
        });
        assert!(seen.contains("error.type=\"content_filter\""), "{seen}");
        assert!(seen.contains("otel.status_description=\"Flagged"), "{seen}");
        assert_eq!(seen.contains("secret"), content, "{seen}");
    }
}

#[test]
fn why_an_answer_ended_is_no_content() {
    for (reason, expected) in [(json!("length"), true), (Value::Null, false)] {
        let message = json!({"role": "assistant", "content": "It"});
        let choice = json!({"index": 0, "message": message, "finish_reason": reason});
        let body = json!({"choices": [choice]}).to_string();
        let seen = recorded::fields(async {
            let server = server::answering("application/json", &body);
            let url = format!("{server}/v1/chat/completions");
            let request = post(&url, &json!({"model": "m"}));
            let response = GenAiClient::new(http()).execute(request).await.unwrap();
            response.bytes().await.unwrap();
        });
        let reasons = r#"gen_ai.response.finish_reasons="[\"length\"]""#;
        assert_eq!(seen.contains(reasons), expected, "{seen}");
        assert!(expected || !seen.contains("finish_reasons"), "{seen}");
        assert!(!seen.contains("assistant"), "{seen}");
    }
}

#[test]
fn the_host_names_the_provider_unless_the_program_does() {
    let bridge = Bridge::start();
    bridge.block_on(async {
        let server = server::answering("application/json", "{}");
        let address = server
            .strip_prefix("http://")
            .unwrap()
            .parse::<std::net::SocketAddr>()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy();
        let http = http.resolve("api.groq.com", address).build().unwrap();
        let url = format!(
            "http://api.groq.com:{}/openai/v1/chat/completions",
            address.port()
        );
        let client = GenAiClient::new(http);
        for (model, client) in [
            ("known", client.clone()),
            ("named", client.with_provider("acme")),
        ] {
            let call = client.execute(post(&url, &json!({"model": model})));
            call.await.unwrap();
        }
    });
    let spans = bridge.spans();
    for (name, provider) in [("chat known", "groq"), ("chat named", "acme")] {
        let span = assert_spans(&spans).one(name).is_ok();
        let span = span.has("gen_ai.provider.name", provider);
        span.has("server.address", "api.groq.com");
    }
}

#[test]
fn only_responses_continue_a_conversation() {
    for conversation in [json!("conv_1"), json!({"id": "conv_1"})] {
        let request = json!({"model": "m", "conversation": conversation, "max_tokens": 1});
        for (path, id) in [("/v1/responses", Some("conv_1")), ("/v1/messages", None)] {
            let call = span(path, &request, "application/json", "{}");
            assert_eq!(call.conversation_id(), id, "{path}");
        }
    }
}

#[test]
fn the_reasoning_that_was_asked_for_is_a_parameter() {
    for (path, key, value) in [
        ("/v1/responses", "reasoning", json!({"effort": "low"})),
        ("/v1/chat/completions", "reasoning_effort", json!("low")),
    ] {
        let request = json!({"model": "m", key: value});
        let call = span(path, &request, "application/json", "{}");
        assert_eq!(call.str("gen_ai.request.reasoning.level"), Some("low"));
    }
}
