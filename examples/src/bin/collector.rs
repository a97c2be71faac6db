//! Sends spans to Sentry over OTLP, through a Collector. They are rewritten first, so that Sentry understands them.
//!
//! The Collector is rotel, a single program. `pip install --pre rotel` installs it as `site-packages/rotel/rotel-agent`. The
//! example looks for it in the environment variable `ROTEL`, and as `rotel-agent` and `rotel` in `PATH`. Without it, the spans go
//! directly to where rotel would send them: a capture on loopback, or Sentry's OTLP endpoint with `SENTRY_DSN`.
//!
//! ```text
//! cargo run --bin collector
//! cargo run --bin collector -- --pii    # with prompts
//! ```

use std::{
    collections::HashMap,
    env,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use sentry_genai_examples::{OtlpCapture, show};
use sentry_genai_opentelemetry::{
    OtlpEndpoint, RewritingExporter,
    opentelemetry::{
        Context, KeyValue,
        trace::{TraceContextExt as _, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::trace::SdkTracerProvider,
};

/// The number of spans that [`run_agent`] creates.
const SPANS: usize = 3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let capture = OtlpCapture::start().await?;
    let sentry = sentry_endpoint()?;
    if sentry.is_none() {
        sentry_genai_examples::without_proxies()?;
    }
    let (target, header) = match &sentry {
        Some(endpoint) => (endpoint.traces_url(), Some(endpoint.header())),
        None => (capture.traces_url(), None),
    };

    let collector = Collector::start(target, header)?;
    let (url, headers) = match &collector {
        Some(collector) => {
            show(format_args!(
                "Route: this program -> {} -> {target}",
                collector.program.display()
            ));
            (collector.url.as_str(), None)
        }
        None => {
            show(format_args!(
                "rotel was not found (install it with `pip install --pre rotel`, and set ROTEL to its rotel-agent). Route: this program -> {target}"
            ));
            (target, header)
        }
    };
    let sent = tokio::task::block_in_place(|| send(url, headers));
    sent.context("the spans were not accepted")?;
    if sentry.is_none() {
        show(format_args!("\n{}", capture.describe(SPANS).await?));
    } else {
        show(format_args!("{SPANS} gen_ai.* spans were accepted."));
        // A Collector answers before it passes the spans on.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    Ok(())
}

fn sentry_endpoint() -> anyhow::Result<Option<OtlpEndpoint>> {
    let Some(dsn) = env::var("SENTRY_DSN").ok().filter(|dsn| !dsn.is_empty()) else {
        return Ok(None);
    };
    let dsn = dsn.parse().context("SENTRY_DSN is not a DSN")?;
    Ok(Some(OtlpEndpoint::of(&dsn)))
}

/// Runs the observed program: its usual exporter, with `RewritingExporter` in front.
fn send(url: &str, header: Option<(&'static str, &str)>) -> anyhow::Result<()> {
    let headers = header.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let otlp = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url)
        .with_headers(HashMap::from_iter(headers))
        .build()?;
    let options = sentry::ClientOptions::new()
        .release("shop@1.4.2")
        .send_default_pii(sentry_genai_examples::pii());
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(RewritingExporter::new(otlp, &options))
        .build();
    run_agent(&provider);
    provider.force_flush()?;
    provider.shutdown()?;
    Ok(())
}

/// An agent that asks a model, described with attribute names of an older convention.
fn run_agent(provider: &SdkTracerProvider) {
    let tracer = provider.tracer("collector");
    let start = |name: &'static str, attributes: Vec<KeyValue>, parent: &Context| {
        let builder = tracer.span_builder(name).with_attributes(attributes);
        parent.with_span(builder.start_with_context(&tracer, parent))
    };
    let request = start(
        "POST /ask",
        vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/ask"),
        ],
        &Context::new(),
    );
    let agent = start(
        "agent",
        vec![
            KeyValue::new("gen_ai.operation.name", "invoke_agent"),
            KeyValue::new("gen_ai.agent.name", "Tea Expert"),
            KeyValue::new("gen_ai.conversation.id", "conv_5j66"),
        ],
        &request,
    );
    let chat = start(
        "chat",
        vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.request.model", "gpt-5-mini"),
            KeyValue::new("gen_ai.usage.prompt_tokens", "42"),
            KeyValue::new("gen_ai.usage.completion_tokens", "17"),
            KeyValue::new(
                "gen_ai.prompt",
                r#"[{"role":"user","content":"Which tea goes with cake?"}]"#,
            ),
        ],
        &agent,
    );
    for span in [chat, agent, request] {
        span.span().end();
    }
}

/// A rotel that passes on what it receives.
struct Collector {
    program: PathBuf,
    folder: PathBuf,
    process: Child,
    url: String,
}

impl Collector {
    /// Starts rotel; `None` if it is not installed.
    fn start(target: &str, header: Option<(&str, &str)>) -> anyhow::Result<Option<Self>> {
        let Some(program) = find_rotel() else {
            return Ok(None);
        };
        // rotel appends the path itself.
        let base = target.strip_suffix("/v1/traces").unwrap_or(target);
        let (http, grpc) = (free_port()?, free_port()?);
        let folder = env::temp_dir().join(format!("rotel-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new(&program);
        command
            .arg("start")
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .arg("--pid-file")
            .arg(folder.join("pid"))
            .arg("--log-file")
            .arg(folder.join("log"))
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", base])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((name, value)) = header {
            command.args(["--otlp-exporter-custom-headers", &format!("{name}={value}")]);
        }
        let mut collector = Self {
            process: command.spawn().context("cannot start rotel")?,
            program,
            folder,
            url: format!("http://127.0.0.1:{http}/v1/traces"),
        };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", http)).is_err() {
            let ended = collector.process.try_wait()?;
            ensure!(
                ended.is_none() && start.elapsed() < Duration::from_secs(10),
                "rotel does not listen; `{} start` may say why",
                collector.program.display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(collector))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn find_rotel() -> Option<PathBuf> {
    if let Some(program) = env::var_os("ROTEL").filter(|program| !program.is_empty()) {
        return Some(program.into());
    }
    let path = env::var_os("PATH")?;
    let names = ["rotel-agent", "rotel"];
    env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
