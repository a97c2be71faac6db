//! The same stream, cut into other pieces or written with other line ends, is the same call.

use std::collections::BTreeMap;

use sentry_genai_reqwest::GenAiClient;
use sentry_genai_testkit::{FakeLlm, ReceivedSpan};
use sentry_genai_tests::Bridge;
use serde_json::{Value, json};

use super::{
    requests::{execute, http, post},
    server,
};

/// Returns what a span says, apart from times and addresses.
fn said(span: &ReceivedSpan) -> BTreeMap<&String, &Value> {
    let varies = ["time_to_first_chunk", "server.port", "sentry.", "thread."];
    let attributes = span.attributes.iter();
    attributes
        .filter(|(key, _)| !varies.iter().any(|part| key.contains(part)))
        .collect()
}

/// Cuts at places that only depend on `seed`.
fn cut(mut body: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut state = seed;
    let mut pieces = Vec::new();
    while !body.is_empty() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let most = if seed == 0 { 1 } else { 1 << (state >> 60) };
        let len = 1 + usize::try_from(state >> 33).unwrap() % most;
        let (piece, rest) = body.split_at(len.min(body.len()));
        pieces.push(piece);
        body = rest;
    }
    pieces
}

#[test]
fn a_stream_may_be_cut_anywhere_and_end_its_lines_anyhow() {
    let llm = FakeLlm::start().unwrap();
    let tool =
        json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let function = json!({"name": "get_weather", "parameters": tool});
    let question = json!([{"role": "user", "content": "How is the weather?"}]);
    let openai = |path: &str| format!("{}{path}", llm.openai_url());
    for (url, request) in [
        (
            openai("/chat/completions"),
            json!({
                "model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": question,
                "tools": [{"type": "function", "function": function}],
            }),
        ),
        (
            openai("/responses"),
            json!({"model": "m", "stream": true, "input": "H\u{e9}llo \u{1f327}"}),
        ),
        (
            format!("{}/v1/messages", llm.anthropic_url()),
            json!({
                "model": "m", "stream": true, "max_tokens": 9, "messages": question, "thinking": {"type": "enabled"},
                "tools": [{"name": "get_weather", "input_schema": tool}],
            }),
        ),
    ] {
        let bridge = Bridge::with_content();
        bridge.block_on(async {
            let response = http().execute(post(&url, &request)).await.unwrap();
            let body = response.text().await.unwrap();
            let path = reqwest::Url::parse(&url).unwrap().path().to_owned();
            let mut answers = vec![server::in_chunks("text/event-stream", [body.as_bytes()])];
            for seed in 0..12 {
                let end = ["\n", "\r\n", "\r"][seed as usize % 3];
                let body = format!("\u{feff}: ping\n\n{body}").replace('\n', end);
                answers.push(server::in_chunks(
                    "text/event-stream",
                    cut(body.as_bytes(), seed),
                ));
            }
            for answer in answers {
                let server = server::sending(answer);
                let response = execute(&format!("{server}{path}"), &request).await.unwrap();
                response.bytes().await.unwrap();
            }
        });
        let spans = bridge.spans();
        assert_eq!(spans.len(), 13, "{url}");
        let whole = said(&spans[0]);
        let has = |key: &str| whole.keys().any(|known| *known == key);
        assert!(
            has("gen_ai.output.messages") && has("gen_ai.usage.input_tokens"),
            "{whole:#?}"
        );
        for span in &spans {
            assert_eq!(said(span), whole, "{url}");
        }
    }
}

#[test]
fn calls_at_the_same_time_do_not_mix() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let url = format!("{}/chat/completions", llm.openai_url());
    bridge.block_on(async {
        let client = GenAiClient::new(http()).with_content(true);
        let calls = (0..40).map(|number| {
            let message = json!({"role": "user", "content": format!("question {number};")});
            let request = json!({"model": format!("m{number}"), "stream": number % 2 == 0, "messages": [message]});
            let (client, request) = (client.clone(), post(&url, &request));
            async move { client.execute(request).await.unwrap().bytes().await.unwrap() }
        });
        futures_util::future::join_all(calls).await;
    });
    let spans = bridge.spans();
    assert_eq!(spans.len(), 40);
    for span in &spans {
        let question = format!("question {};", span.name.strip_prefix("chat m").unwrap());
        for messages in [span.input_messages(), span.output_messages()] {
            let messages = messages.unwrap().to_string();
            assert!(messages.contains(&question), "{messages}");
        }
    }
}
