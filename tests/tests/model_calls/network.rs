//! Servers and connections that misbehave, and programs that do not read to the end. The program sees what it would see without a
//! span, and the span ends once.

use std::{error::Error as _, io::Write as _, iter, net::TcpStream, thread, time::Duration};

use reqwest::{Body, Client, Error, Response, redirect::Policy};
use sentry_genai_reqwest::GenAiClient;
use sentry_genai_testkit::{FakeLlm, assert_spans};
use sentry_genai_tests::Bridge;
use serde_json::json;
use tracing::{Instrument as _, info_span};

use super::{
    requests::{execute, http, post},
    server,
};

const MUCH_LATER: Duration = Duration::from_secs(3);

fn client(is_patient: bool) -> Client {
    Client::builder()
        .no_proxy()
        // Another package of the workspace enables it.
        .no_gzip()
        .timeout(Duration::from_secs(if is_patient { 60 } else { 1 }))
        .redirect(Policy::limited(3))
        .build()
        .unwrap()
}

/// Returns all that a program can see of an answer.
async fn seen(result: reqwest::Result<Response>) -> String {
    let mut response = match result {
        Ok(response) => response,
        Err(error) => return described(&error),
    };
    let mut seen = format!(
        "{:?} {} {} {:?}\n{:?}\n",
        response.version(),
        response.status(),
        response.url(),
        response.content_length(),
        response.headers()
    );
    assert!(response.remote_addr().is_some());
    if let Err(error) = response.error_for_status_ref() {
        seen += &described(&error);
    }
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => seen += &piece.escape_ascii().to_string(),
            Ok(None) => return seen,
            Err(error) => return seen + &described(&error),
        }
    }
}

fn described(error: &Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    let first_cause = causes.last().map(ToString::to_string);
    let kinds = [
        error.is_body(),
        error.is_builder(),
        error.is_connect(),
        error.is_decode(),
        error.is_redirect(),
        error.is_request(),
        error.is_status(),
        error.is_timeout(),
    ];
    let status = error.status();
    format!("\n{error}; {kinds:?} {status:?} {first_cause:?}")
}

fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}")
}

#[test]
fn a_program_sees_the_same_with_and_without_a_span() {
    let sent = |answer: String| server::sending(answer);
    let then_silent = |sent: &'static str| {
        server::serving(move |stream: &mut TcpStream| {
            _ = stream.write_all(sent.as_bytes());
            thread::sleep(MUCH_LATER);
        })
    };
    let chunked = "200 OK\r\ntransfer-encoding: chunked";
    let counted = r#"{"id": "c1", "usage": {"prompt_tokens": 3}}"#;
    for (case, server, error) in [
        ("json", sent(answer("200 OK", counted)), None),
        (
            "nothing",
            sent(answer("200 OK\r\ncontent-length: 0", "")),
            None,
        ),
        ("no content", sent(answer("204 No Content", "")), None),
        (
            "not text",
            server::sending(b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe\x00".to_vec()),
            None,
        ),
        (
            "compressed, which the client has not asked for",
            server::sending(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b\x08\x00".to_vec(),
            ),
            None,
        ),
        (
            "trailers",
            sent(answer(chunked, "2\r\n{}\r\n0\r\nx-checksum: 1\r\n\r\n")),
            None,
        ),
        (
            "a page",
            sent(answer(
                "502 Bad Gateway\r\ncontent-type: text/html",
                "<html>Bad</html>",
            )),
            Some("502"),
        ),
        (
            "a limit",
            sent(answer("429 Too Many Requests\r\nretry-after: 7", "{}")),
            Some("429"),
        ),
        (
            "a code",
            sent(answer(
                "400 Bad Request",
                r#"{"error": {"code": 1234, "type": "invalid"}}"#,
            )),
            Some("1234"),
        ),
        (
            "an error in a stream that has begun",
            sent(answer(
                "200 OK\r\ncontent-type: text/event-stream",
                "data: {\"error\": {\"message\": \"no\"}}\n\n",
            )),
            Some("response_error"),
        ),
        (
            "too short",
            sent(answer("200 OK\r\ncontent-length: 99", counted)),
            Some("response_error"),
        ),
        (
            "a chunk that is cut",
            sent(answer(chunked, "ff\r\n{")),
            Some("response_error"),
        ),
        (
            "a chunk without length",
            sent(answer(chunked, "2\r\n{}\r\nzz\r\n")),
            Some("response_error"),
        ),
        (
            "not HTTP",
            sent("hello\r\n\r\n".to_owned()),
            Some("request_error"),
        ),
        ("closed", sent(String::new()), Some("request_error")),
        (
            "circles",
            sent(answer(
                "307 Temporary Redirect\r\nlocation: /v1/chat/completions",
                "",
            )),
            Some("request_error"),
        ),
        ("silent", then_silent(""), Some("timeout")),
        (
            "silent in the middle",
            then_silent("HTTP/1.1 200 OK\r\n\r\n{"),
            Some("timeout"),
        ),
    ] {
        let bridge = Bridge::with_content();
        bridge.block_on(async {
            let url = format!("{server}/v1/chat/completions?key=secret");
            let request = || post(&url, &json!({"model": "m"}));
            let client = client(!case.starts_with("silent"));
            let observing = GenAiClient::new(client.clone()).with_content(true);
            let with = seen(observing.execute(request()).await).await;
            let without = seen(client.execute(request()).await).await;
            assert_eq!(with, without, "{case}");
        });
        let spans = bridge.spans();
        assert_eq!(spans.len(), 1, "{case}: {spans:#?}");
        let span = &spans[0];
        assert_eq!(span.is_error(), error.is_some(), "{case}: {span:#?}");
        assert_eq!(span.str("error.type"), error, "{case}: {span:#?}");
        assert!(!format!("{span:?}").contains("secret"), "{case}: {span:#?}");
        let known = ["json", "too short"].contains(&case);
        assert_eq!(
            span.int("gen_ai.usage.input_tokens"),
            known.then_some(3),
            "{case}"
        );
    }
}

#[test]
fn a_redirected_call_is_one_call() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let to = format!("{}/chat/completions", llm.openai_url());
    let moved = answer(&format!("307 Temporary Redirect\r\nlocation: {to}"), "");
    bridge.block_on(async {
        let url = format!("{}/v1/chat/completions", server::sending(moved));
        let request = json!({"model": "m", "messages": []});
        let response = execute(&url, &request).await.unwrap();
        assert_eq!(response.url().as_str(), to);
        response.bytes().await.unwrap();
    });
    let span = bridge.span("chat m");
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(42));
}

#[test]
fn a_call_may_be_abandoned_at_any_time() {
    let bridge = Bridge::with_content();
    let silent = server::serving(|_| thread::sleep(MUCH_LATER));
    let head_only = server::serving(|stream| {
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
        thread::sleep(MUCH_LATER);
    });
    bridge.block_on(async {
        let patience = Duration::from_millis(100);
        let url = format!("{silent}/v1/chat/completions");
        let (request, other) = (json!({"model": "unanswered"}), json!({"model": "unread"}));
        let call = execute(&url, &request);
        tokio::time::timeout(patience, call).await.unwrap_err();
        let url = format!("{head_only}/v1/chat/completions");
        let response = execute(&url, &other).await.unwrap();
        tokio::time::timeout(patience, response.bytes())
            .await
            .unwrap_err();
    });
    let spans = bridge.spans();
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert_spans(&spans).one("chat unanswered").is_ok();
    assert_spans(&spans).one("chat unread").is_ok();
}

#[test]
fn a_call_ends_with_its_body_and_not_with_its_response() {
    let bridge = Bridge::with_content();
    let cut = answer("200 OK\r\ncontent-length: 9", "{}");
    let counted = answer("200 OK\r\ncontent-length: 2", "{}");
    let chunked = answer(
        "200 OK\r\ntransfer-encoding: chunked",
        "2\r\n{}\r\n0\r\n\r\n",
    );
    bridge.block_on(async {
        let mut held = Vec::new();
        for (number, answer) in [counted, chunked, cut].into_iter().enumerate() {
            let url = format!("{}/v1/chat/completions", server::sending(answer));
            let mut response = execute(&url, &json!({"model": format!("m{number}")}))
                .await
                .unwrap();
            response.chunk().await.unwrap().unwrap();
            // What has a length has ended with the last byte.
            if number > 0 {
                assert_eq!(response.chunk().await.is_err(), number == 2);
            }
            held.push(response);
        }
        let spans = bridge.spans();
        for name in ["chat m0", "chat m1"] {
            assert_spans(&spans).one(name).is_ok();
        }
        assert_spans(&spans).one("chat m2").is_error();
    });
}

#[test]
fn a_body_may_be_read_elsewhere_or_never() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let url = format!("{}/chat/completions", llm.openai_url());
    bridge.block_on(async {
        let agent = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "Bot"
        );
        let call = async |model: &str| {
            execute(&url, &json!({"model": model, "messages": []}))
                .await
                .unwrap()
        };
        let responses = async { [call("m1").await, call("m2").await, call("m3").await] };
        let [first, second, unread] = responses.instrument(agent).await;
        tokio::spawn(first.bytes()).await.unwrap().unwrap();
        let (head, body) = http::Response::from(second).into_parts();
        assert_eq!(head.status, 200);
        let body = Response::from(http::Response::new(body)).bytes();
        // The registry closes the parent of a span with the thread's subscriber.
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        let reading = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            tracing::dispatcher::with_default(&subscriber, || runtime.unwrap().block_on(body))
        });
        reading.join().unwrap().unwrap();
        drop(unread);
    });
    let spans = bridge.spans();
    let agent = assert_spans(&spans).one("invoke_agent Bot");
    for (name, tokens) in [
        ("chat m1", Some(42)),
        ("chat m2", Some(42)),
        ("chat m3", None),
    ] {
        let span = assert_spans(&spans).one(name).is_ok().is_child_of(&agent);
        assert_eq!(span.span().int("gen_ai.usage.input_tokens"), tokens);
    }
}

#[test]
fn a_request_that_streams_is_sent_without_a_span() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    bridge.block_on(async {
        let url = format!("{}/chat/completions", llm.openai_url());
        let body = Body::wrap(r#"{"model": "m", "messages": []}"#.to_owned());
        let request = http().post(url).body(body).build().unwrap();
        let response = GenAiClient::new(http()).execute(request).await.unwrap();
        assert!(response.status().is_success());
    });
    assert_eq!(bridge.spans(), []);
}

#[test]
fn a_long_answer_is_passed_on_and_not_kept() {
    const MEBIBYTE: usize = 1024 * 1024;
    let bridge = Bridge::with_content();
    bridge.block_on(async {
        for content_type in ["application/json", "text/event-stream"] {
            let server = server::serving(move |stream| {
                let head = format!(
                    "200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}",
                    100 * MEBIBYTE
                );
                _ = stream.write_all(answer(&head, "").as_bytes());
                for _ in 0..100 {
                    _ = stream.write_all(&[b'x'; MEBIBYTE]);
                }
            });
            let url = format!("{server}/v1/chat/completions");
            let mut response = execute(&url, &json!({"model": "m"})).await.unwrap();
            let mut received = 0;
            while let Some(piece) = response.chunk().await.unwrap() {
                received += piece.len();
            }
            assert_eq!(received, 100 * MEBIBYTE);
        }
    });
    assert_spans(&bridge.spans()).many("chat m", 2);
}
