//! Through async-openai, whose requests are sent by a tower service.

use std::{
    io::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    middleware::{HttpRequestFactory, retry::OpenAIRetryLayer},
    types::{
        chat::{CreateChatCompletionRequest, CreateChatCompletionStreamResponse},
        embeddings::CreateEmbeddingRequestArgs,
        responses::CreateResponseArgs,
    },
};
use futures_util::StreamExt as _;
use sentry_genai_reqwest::GenAiClient;
use sentry_genai_testkit::{FakeLlm, assert_spans};
use sentry_genai_tests::Bridge;
use serde_json::{Value, json};
use tower::{ServiceBuilder, service_fn};
use tracing::{Instrument as _, info_span};

use super::server;

fn client(llm: &FakeLlm) -> Client<OpenAIConfig> {
    client_of(llm.openai_url())
}

fn client_of(url: String) -> Client<OpenAIConfig> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let http = GenAiClient::new(http).with_content(true);
    let service = service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        async move { Ok::<_, OpenAIError>(http.execute(request.build().await?).await?) }
    });
    let config = OpenAIConfig::new().with_api_base(url).with_api_key("test");
    let service = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::default())
        .service(service);
    Client::with_config(config).with_http_service(service)
}

fn question(text: &str) -> CreateChatCompletionRequest {
    let parameters =
        json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let function = json!({"name": "get_weather", "parameters": parameters});
    let request = json!({
        "model": "gpt-5-mini",
        "temperature": 0.5,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": if text.contains("weather") { "auto" } else { "none" },
    });
    serde_json::from_value(request).unwrap()
}

#[test]
fn a_chat_has_parameters_tokens_and_messages() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let answer = bridge.block_on(async {
        let agent = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "Bot"
        );
        let client = client(&llm);
        client
            .chat()
            .create(question("Hello"))
            .instrument(agent)
            .await
            .unwrap()
    });
    let answer = answer.choices[0].message.content.as_deref().unwrap();

    let spans = bridge.spans();
    let agent = assert_spans(&spans).one("invoke_agent Bot");
    let span = assert_spans(&spans).one("chat gpt-5-mini");
    let span = span.has_op("gen_ai.chat").is_ok().is_child_of(&agent);
    let span = span
        .has("gen_ai.request.temperature", 0.5)
        .has("sentry.kind", "client");
    let span = span
        .has("gen_ai.response.model", "gpt-5-mini-2025-08-06")
        .has("server.address", "127.0.0.1");
    let span = span.has("gen_ai.response.finish_reasons", r#"["stop"]"#);
    let span = span.lacks("gen_ai.response.streaming").span();
    assert_tokens(span);
    assert_eq!(span.output_messages().unwrap(), said(answer, "stop"));
    let input = span.input_messages().unwrap();
    assert_eq!(
        input[0]["parts"],
        json!([{"type": "text", "content": "Hello"}]),
        "{input}"
    );
    let instructions = span.json("gen_ai.system_instructions").unwrap();
    assert_eq!(
        instructions,
        json!([{"type": "text", "content": "Be brief."}])
    );
    assert!(
        span.str("gen_ai.tool.definitions")
            .unwrap()
            .contains("get_weather")
    );
}

#[test]
fn a_streamed_call_of_a_tool_is_put_together() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    let chunks = bridge.block_on(async {
        let mut request = question("How is the weather?");
        request.stream_options = serde_json::from_value(json!({"include_usage": true})).unwrap();
        let chunks = client(&llm).chat().create_stream(request).await.unwrap();
        chunks.collect::<Vec<_>>().await
    });
    let choices = chunks
        .iter()
        .flatten()
        .map(|chunk: &CreateChatCompletionStreamResponse| chunk.choices.len());
    assert!(
        choices.sum::<usize>() > 3,
        "the program gets what it would have got"
    );

    let span = bridge.span("chat gpt-5-mini");
    assert_tokens(&span);
    assert_eq!(span.attr("gen_ai.response.streaming"), Some(&json!(true)));
    let first = span.attr("gen_ai.response.time_to_first_chunk").unwrap();
    assert!(
        first
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0 && seconds < span.duration()),
        "{first}"
    );
    let output = span.output_messages().unwrap();
    let call = &output[0]["parts"][0];
    assert_eq!(call["type"], "tool_call", "{output}");
    assert_eq!(call["name"], "get_weather");
    assert_eq!(call["arguments"], json!({"city": "Vienna"}));
    assert_eq!(output[0]["finish_reason"], "tool_calls");
}

#[test]
fn responses_are_read_whole_or_streamed() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    bridge.block_on(async {
        let mut request = CreateResponseArgs::default();
        let request = request
            .model("gpt-5-mini")
            .instructions("Be brief.")
            .input("Hello");
        let client = client(&llm);
        client
            .responses()
            .create(request.build().unwrap())
            .await
            .unwrap();
        let events = client
            .responses()
            .create_stream(request.build().unwrap())
            .await
            .unwrap();
        assert!(events.count().await > 5);
    });
    let spans = bridge.spans();
    for span in assert_spans(&spans).many("responses gpt-5-mini", 2) {
        let span = span.has_op("gen_ai.responses").is_ok().span();
        assert_tokens(span);
        assert!(
            span.str("gen_ai.response.id")
                .is_some_and(|id| id.starts_with("resp_"))
        );
        let text = &span.output_messages().unwrap()[0]["parts"][0]["content"];
        assert!(
            text.as_str().is_some_and(|text| text.contains("Hello")),
            "{text}"
        );
        let input = span.input_messages().unwrap();
        assert_eq!(input[0]["parts"][0]["content"], "Hello", "{input}");
        assert_eq!(
            span.json("gen_ai.system_instructions").unwrap()[0]["content"],
            "Be brief."
        );
    }
}

#[test]
fn embeddings_count_their_input() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    bridge.block_on(async {
        let mut request = CreateEmbeddingRequestArgs::default();
        let request = request
            .model("text-embedding-3-small")
            .input("Hello")
            .build()
            .unwrap();
        client(&llm).embeddings().create(request).await.unwrap();
    });
    let span = bridge.span("embeddings text-embedding-3-small");
    assert_eq!(span.op(), "gen_ai.embeddings");
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(span.int("gen_ai.usage.output_tokens"), None);
    assert_eq!(span.str("gen_ai.embeddings.input"), Some("Hello"));
}

#[test]
fn a_rejected_call_has_the_provider_s_reason() {
    let (bridge, llm) = (Bridge::with_content(), FakeLlm::start().unwrap());
    bridge.block_on(async {
        let mut request = question("Hello");
        request.model = "gpt-context-length".to_owned();
        client(&llm).chat().create(request).await.unwrap_err();
    });
    let spans = bridge.spans();
    let span = assert_spans(&spans)
        .one("chat gpt-context-length")
        .is_error();
    let span = span.has("error.type", "context_length_exceeded").span();
    assert!(
        span.str("sentry.status.message")
            .is_some_and(|message| message.contains("maximum context length"))
    );
}

#[test]
fn each_attempt_of_a_call_has_a_span() {
    let bridge = Bridge::with_content();
    let attempts = AtomicUsize::new(0);
    let message = json!({"role": "assistant", "content": "At last"});
    let answer = json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    });
    let limit = json!({"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}});
    let server = server::serving(move |stream| {
        let (status, body) = match attempts.fetch_add(1, Ordering::Relaxed) {
            0 => ("429 Too Many Requests\r\nretry-after: 0", &limit),
            _ => ("200 OK", &answer),
        };
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
        _ = stream.write_all(format!("{head}{body}").as_bytes());
    });
    let answer = bridge.block_on(async {
        let client = client_of(format!("{server}/v1"));
        client.chat().create(question("Hello")).await.unwrap()
    });
    assert_eq!(
        answer.choices[0].message.content.as_deref(),
        Some("At last")
    );
    let spans = bridge.spans();
    let [limited, answered] = &assert_spans(&spans).many("chat gpt-5-mini", 2)[..] else {
        unreachable!("there are two")
    };
    let limited = limited.span();
    assert!(limited.is_error());
    assert_eq!(limited.str("error.type"), Some("rate_limit_exceeded"));
    assert!(!answered.span().is_error());
    assert_eq!(answered.span().str("gen_ai.response.id"), Some("c1"));
}

fn assert_tokens(span: &sentry_genai_testkit::ReceivedSpan) {
    for (key, count) in [
        ("gen_ai.usage.input_tokens", 42),
        ("gen_ai.usage.cache_read.input_tokens", 16),
        ("gen_ai.usage.output_tokens", 17),
        ("gen_ai.usage.reasoning.output_tokens", 5),
    ] {
        assert_eq!(span.int(key), Some(count), "{key} of {span:#?}");
    }
}

fn said(text: &str, reason: &str) -> Value {
    json!([{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason}])
}
