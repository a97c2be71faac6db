//! Compiles the snippets of the guides: each block that rustdoc does not see is here, with what it needs around it.
//!
//! Where a guide leaves a body out, there is `{ left_out() }` here.

#![expect(
    dead_code,
    unused_imports,
    unused_must_use,
    unused_variables,
    reason = "most snippets are compiled, not run"
)]

mod links;
#[rustfmt::skip]
mod opentelemetry_guide;

use std::{fs, path::Path};

/// Every file with snippets that are marked `ignore`.
const GUIDES: [&str; 5] = [
    "README.md",
    "crates/sentry-genai-reqwest/README.md",
    "crates/sentry-genai-testkit/README.md",
    "docs/getting-started.md",
    "docs/opentelemetry.md",
];

#[test]
fn every_snippet_is_compiled() {
    let here = concat!(
        include_str!("main.rs"),
        include_str!("opentelemetry_guide.rs")
    );
    let here = normalised(here);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for guide in GUIDES {
        let text = fs::read_to_string(root.join(guide)).unwrap();
        let snippets: Vec<_> = text.split("```rust,ignore\n").skip(1).collect();
        assert!(!snippets.is_empty(), "{guide}");
        for snippet in snippets {
            let snippet = snippet.split("```").next().unwrap();
            assert!(
                here.contains(&normalised(snippet)),
                "not compiled, {guide}:\n{snippet}"
            );
        }
    }
}

/// At night, readers compare what they have printed with the guide.
#[test]
fn the_guard_is_shown_as_in_the_guide() {
    use sentry_genai_testkit::{Fault, Ingest};
    use tracing_subscriber::prelude::*;

    const STATUS: &str = "HTTP status 403";
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::status(403));
    let options = sentry::ClientOptions::new()
        .dsn(&ingest.dsn())
        .http_proxy("");
    let client = sentry::Client::from(options.traces_sample_rate(1.0));
    let guard = sentry_genai::Options::new()
        .with_spotlight(false)
        .attach(&client);
    let layer = sentry_genai::layer().with_handle(guard.handle().unwrap().clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..3 {
            tracing::info_span!("work").in_scope(|| {});
        }
    });
    assert!(guard.flush(std::time::Duration::from_secs(20)));

    let destination = guard.handle().unwrap().delivery().destination();
    let shown =
        format!("{guard:?}").replace(&destination, "https://o1.ingest.sentry.io/api/42/envelope/");
    let (before, after) = shown.split_once(STATUS).unwrap();
    let (_time, after) = after.split_once("))").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/troubleshooting.md");
    let guide = fs::read_to_string(path).unwrap();
    let mut lines = guide.lines();
    let is_shown = |line: &str| line.starts_with(before) && line.ends_with(after);
    assert!(lines.any(is_shown), "{shown}");
}

/// Without indentation and blank lines.
fn normalised(code: &str) -> String {
    let lines = code.lines().map(str::trim);
    let code: String = lines
        .filter(|line| !line.is_empty())
        .flat_map(|line| [line, "\n"])
        .collect();
    code.replace("{ ... }", "{ left_out() }")
        .replace("{ /* rig, genai, ... */ }", "{ left_out() }")
}

/// Stands for code of the reader's.
fn left_out<T>() -> T {
    unreachable!("only compiled")
}

#[rustfmt::skip]
mod readme {
    use super::left_out;

    fn main() {
        use tracing_subscriber::{filter::LevelFilter, prelude::*};

        // The DSN comes from SENTRY_DSN, or from the options.
        let _sentry = sentry_genai::init(sentry::ClientOptions::new().traces_sample_rate(1.0));
        tracing_subscriber::registry()
            .with(sentry_genai::layer().with_filter(LevelFilter::INFO)) // HTTP clients have many spans below INFO
            .init();
    }

    async fn agent(question: String) -> anyhow::Result<()> {
        #[tracing::instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Support Bot"))]
        async fn handle(question: String) -> anyhow::Result<String> { left_out() }

        sentry_genai::conversation("conv_5j66").scope(handle(question)).await?;
        Ok(())
    }
}

#[rustfmt::skip]
mod testkit {
    fn ask(_url: &str) {
        tracing::info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "gpt-5-mini");
    }

    #[test]
    fn what_arrives_is_asserted() -> std::io::Result<()> {
        use std::time::Duration;
        use sentry_genai_testkit::{FakeLlm, Ingest, assert_spans};
        use tracing_subscriber::prelude::*;

        let (ingest, llm) = (Ingest::start()?, FakeLlm::start()?);
        let options = sentry::ClientOptions::new().dsn(&ingest.dsn()).traces_sample_rate(1.0);
        let guard = sentry_genai::attach(&sentry::Client::from(options));
        let layer = sentry_genai::layer().with_handle(guard.handle().expect("there is a DSN").clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || ask(&llm.openai_url())); // the code under test
        assert!(guard.flush(Duration::from_secs(5)));

        assert_eq!(ingest.violations(), [""; 0]);
        assert_spans(&ingest.spans()).one("chat gpt-5-mini").has_op("gen_ai.chat").is_ok();
        Ok(())
    }
}

#[rustfmt::skip]
mod getting_started {
    use super::left_out;

    struct Session;

    impl Session {
        fn id(&self) -> String {
            left_out()
        }

        fn user_id(&self) -> String {
            left_out()
        }
    }

    fn add_the_layer() {
        use sentry::integrations::tracing::ErrorLayer; // sentry's feature `tracing`
        use tracing_subscriber::{filter::LevelFilter, prelude::*};

        let options = sentry::ClientOptions::new().traces_sample_rate(1.0); // yours
        // was: let _sentry = sentry::init(options);
        let _sentry = sentry_genai::init(options);

        tracing_subscriber::registry()
            .with(sentry_genai::layer().with_filter(LevelFilter::INFO)) // new; replaces Sentry's SpanLayer
            .with(ErrorLayer::new().with_filter(LevelFilter::ERROR))    // stays
            .init();
    }

    async fn open_a_span(question: String, session: Session) -> anyhow::Result<()> {
        #[tracing::instrument(skip_all, fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Support Bot"))]
        async fn answer(question: String) -> anyhow::Result<String> { left_out() }

        sentry_genai::conversation(session.id()).scope(answer(question)).await?;
        Ok(())
    }

    #[tracing::instrument(skip_all, fields(
        mcp.method.name = "tools/call", gen_ai.tool.name = "get_weather", otel.kind = "server",
    ))]
    async fn get_weather(city: String) -> String { left_out() }

    fn async_openai_client() {
        use async_openai::{error::OpenAIError, middleware::{HttpRequestFactory, retry::OpenAIRetryLayer}};
        use sentry_genai_reqwest::GenAiClient;
        use tower::{ServiceBuilder, service_fn};

        let http = GenAiClient::new(reqwest::Client::new());
        let send = service_fn(move |request: HttpRequestFactory| {
            let http = http.clone();
            async move { Ok::<_, OpenAIError>(http.execute(request.build().await?).await?) }
        });
        let service = ServiceBuilder::new().layer(OpenAIRetryLayer::default()).service(send);
        let client = async_openai::Client::new().with_http_service(service);
    }

    fn reqwest_middleware_client() {
        use reqwest_middleware::ClientBuilder;
        use sentry_genai_reqwest::GenAiMiddleware;

        let client = ClientBuilder::new(reqwest::Client::new())
            .with(GenAiMiddleware::new())
            .build();
    }

    mod mcp {
        use sentry_genai::propagation::{IncomingContext, outgoing_headers};

        type Meta = serde_json::Map<String, serde_json::Value>;

        fn outgoing_meta() -> Meta {
            outgoing_headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
        }

        fn incoming(meta: &Meta) -> IncomingContext {
            IncomingContext::from_headers(meta.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))))
        }
    }

    struct TraceLayer;

    impl TraceLayer {
        fn on_response(self, _: impl Fn(&axum::response::Response, std::time::Duration, &tracing::Span)) -> Self {
            self
        }
    }

    fn status_of_the_answer(layer: TraceLayer) {
        use std::time::Duration;
        use axum::response::Response;
        use tracing::Span;

        layer
            .on_response(|response: &Response, _: Duration, span: &Span| {
                span.record("http.response.status_code", response.status().as_u16());
            })
            ;
    }

    struct Client;

    struct Response {
        model: String,
        usage: Option<Usage>,
    }

    struct Usage {
        prompt_tokens: u32,
        completion_tokens: u32,
    }

    struct Chat;

    impl Client {
        fn chat(&self) -> Chat {
            Chat
        }
    }

    impl Chat {
        async fn create(&self, _request: &str) -> anyhow::Result<Response> {
            left_out()
        }

        async fn create_stream(&self, _request: &str) -> anyhow::Result<Chunks> {
            left_out()
        }
    }

    type Chunks = futures_util::stream::Iter<std::vec::IntoIter<anyhow::Result<Response>>>;

    async fn a_stream(client: Client, span: tracing::Span, request: &str) -> anyhow::Result<()> {
        use futures_util::StreamExt;
        use tracing::Instrument;

        let chunks = client.chat().create_stream(request).instrument(span.clone()).await;
        let chunks = chunks.inspect_err(|_| _ = span.record("error.type", "provider_error"))?;
        let answer = chunks.inspect(move |chunk| match chunk { // `futures_util::StreamExt`
            Ok(chunk) => {
                if let Some(usage) = &chunk.usage { // in the last chunk, with `stream_options.include_usage`
                    span.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
                    span.record("gen_ai.usage.output_tokens", usage.completion_tokens);
                }
            }
            Err(_) => _ = span.record("error.type", "provider_error"),
        });
        Ok(())
    }

    fn read_later(answer: impl futures_util::Stream<Item = u32>) -> impl Future<Output = usize> {
        let span = tracing::info_span!("agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Support Bot");
        let mut answer = Box::pin(answer);
        let answer = futures_util::stream::poll_fn(move |context| span.in_scope(|| answer.as_mut().poll_next(context)));
        futures_util::StreamExt::count(answer)
    }

    #[tokio::test]
    async fn calls_of_a_stream_that_is_read_later_are_below_its_agent() {
        use futures_util::StreamExt;
        use sentry_genai_testkit::{Ingest, assert_spans};
        use tracing_subscriber::prelude::*;

        let ingest = Ingest::start().unwrap();
        let options = sentry::ClientOptions::new().dsn(&ingest.dsn()).traces_sample_rate(1.0);
        let guard = sentry_genai::attach(&sentry::Client::from(options));
        let layer = sentry_genai::layer().with_handle(guard.handle().unwrap().clone());
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

        let calls = futures_util::stream::iter(0..2).then(|number| async move {
            tracing::info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = number);
            number
        });
        let answer = sentry_genai::conversation("conv").in_scope(|| read_later(calls));
        assert_eq!(answer.await, 2);

        assert!(guard.flush(std::time::Duration::from_secs(5)));
        let spans = ingest.spans();
        let agent = assert_spans(&spans).one("invoke_agent Support Bot");
        for name in ["chat 0", "chat 1"] {
            assert_spans(&spans).one(name).is_child_of(&agent).in_conversation("conv");
        }
    }

    async fn by_hand(client: Client, model: &str, request: &str) -> anyhow::Result<()> {
        use tracing::Instrument;

        let span = tracing::info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = model,
            gen_ai.response.model = tracing::field::Empty,
            gen_ai.usage.input_tokens = tracing::field::Empty,
            gen_ai.usage.output_tokens = tracing::field::Empty,
            error.type = tracing::field::Empty,
        );
        let response = client.chat().create(request).instrument(span.clone()).await; // `tracing::Instrument`
        let response = response.inspect_err(|_| _ = span.record("error.type", "provider_error"))?;
        span.record("gen_ai.response.model", &response.model);
        if let Some(usage) = &response.usage {
            span.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
            span.record("gen_ai.usage.output_tokens", usage.completion_tokens);
        }
        Ok(())
    }

    mod tool {
        use super::left_out;

        #[tracing::instrument(skip_all, ret, err, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "get_weather"))]
        fn get_weather(city: &str) -> anyhow::Result<String> { left_out() }
    }

    fn tasks_and_threads() {
        use tracing::Instrument;

        async fn work() {}

        tokio::spawn(work().in_current_span()); // `tracing::Instrument`

        let span = tracing::Span::current();
        std::thread::spawn(move || span.in_scope(work)); // or `spawn_blocking`, or rayon; a channel carries the span beside the job
    }

    fn users(session: Session) {
        sentry::configure_scope(|scope| scope.set_user(Some(sentry::User { id: Some(session.user_id()), ..Default::default() })));
    }

    struct Job;

    impl Job {
        async fn run(self) {}
    }

    async fn hubs(router: axum::Router, job: Job) {
        use sentry::{Hub, SentryFutureExt, integrations::tower::NewSentryLayer};

        let app = router.layer(NewSentryLayer::<axum::extract::Request>::new_from_top());

        job.run().bind_hub(Hub::new_from_top(Hub::current())).await;
    }

    fn incoming_trace(request: &axum::extract::Request) {
        use sentry_genai::propagation::IncomingContext;

        let span = IncomingContext::from_headers(request.headers())
            .in_scope(|| tracing::info_span!("request", otel.kind = "server", http.request.method = %request.method()));
    }

    fn outgoing_trace(request: &mut reqwest::Request) -> anyhow::Result<()> {
        use sentry_genai::propagation::outgoing_headers;

        for (name, value) in outgoing_headers() {
            request.headers_mut().insert(name, value.parse()?); // tonic: `request.metadata_mut()`
        }
        Ok(())
    }

    fn several_projects(dsns: &[&str]) {
        use std::sync::Arc;
        use sentry::Hub;
        use tracing_subscriber::{filter::{LevelFilter, dynamic_filter_fn}, prelude::*};

        let mut tenants = Vec::new();
        let mut layers = Vec::new();
        for dsn in dsns {
            let options = sentry::ClientOptions::new().dsn(dsn).traces_sample_rate(1.0);
            let client = Arc::new(sentry::Client::from(sentry::apply_defaults(options)));
            let guard = sentry_genai::attach(&client);
            let layer = sentry_genai::layer().with_handle(guard.handle().expect("there is a DSN").clone());
            let hub = Arc::new(Hub::new(Some(Arc::clone(&client)), Arc::default()));
            layers.push(layer.with_filter(dynamic_filter_fn(move |metadata, _| {
                *metadata.level() <= LevelFilter::INFO
                    && Hub::with_active(|hub| hub.client()).is_some_and(|current| Arc::ptr_eq(&current, &client))
            })));
            tenants.push((guard, hub)); // for as long as the program runs
        }
        tracing_subscriber::registry().with(layers).init();
    }

    async fn request_of_a_tenant(tenant_hub: std::sync::Arc<sentry::Hub>) {
        use std::sync::Arc;
        use sentry::{Hub, SentryFutureExt};

        async fn answer() {}

        answer().bind_hub(Hub::new_from_top(tenant_hub)).await;
    }

    fn metrics() {
        let _sentry = sentry_genai::Options::new()
            .with_metrics(true)
            .init(sentry::ClientOptions::new().traces_sample_rate(0.05));
    }
}

#[rustfmt::skip]
mod a_test {
    async fn answer(_question: &str) {
        let span = tracing::info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "gpt-5-mini",
            gen_ai.usage.input_tokens = 42,
        );
        tracing::Instrument::instrument(async {}, span).await;
    }

    #[tokio::test]
    async fn an_answer_is_one_model_call() {
        use tracing_subscriber::prelude::*;

        let (sender, spans) = std::sync::mpsc::channel();
        // A client and a subscriber of this test's own, so that tests can run side by side.
        let options = sentry::ClientOptions::new()
            .dsn("http://key@localhost/1")
            .traces_sample_rate(1.0)
            .shutdown_timeout(std::time::Duration::ZERO); // nobody there to be told of the dropped spans
        let client = sentry::Client::from(options);
        let guard = sentry_genai::Options::new()
            .with_before_send_span(move |span| {
                _ = sender.send(span);
                None // nothing is sent
            })
            .attach(&client);
        let layer = sentry_genai::layer().with_handle(guard.handle().expect("there is a DSN").clone());
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

        answer("Where is my parcel?").await;

        assert!(guard.flush(std::time::Duration::from_secs(5)));
        let spans: Vec<_> = spans.try_iter().collect();
        assert_eq!(spans[0].name, "chat gpt-5-mini");
        assert_eq!(spans[0].attributes.integer("gen_ai.usage.input_tokens"), Some(42));
    }
}
