//! Code that the tests in `tests/` share: a bridge that sends to an ingest on loopback, and nothing process-wide.

mod differences;
mod files;
mod receiver;

use std::{
    any, env,
    ffi::{OsStr, OsString},
    process::Command,
    sync::Arc,
    time::Duration,
};

use sentry::{Client, ClientOptions, Hub, Scope};
use sentry_genai::{Correlation, Guard, Options};
use sentry_genai_testkit::{Ingest, ReceivedSpan, assert_spans};
use tracing::Dispatch;
use tracing_subscriber::prelude::*;

pub use differences::{differences, readable};
pub use files::{otlp_corpus, read_gzip, save_envelopes, sorted_entries};
pub use receiver::Receiver;

/// Long enough for a loaded machine. No test waits for it to elapse.
const PATIENCE: Duration = Duration::from_secs(20);

/// The proxy setting of clients that send to loopback: no proxy, whatever the environment says.
pub const NO_PROXY: &str = "";

/// Returns a command that starts `program` without the environment variables of Sentry and OpenTelemetry, and without proxies,
/// none of which can reach loopback.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for proxy in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        command.env_remove(proxy);
    }
    for name in variables() {
        command.env_remove(name);
    }
    command
}

/// Returns the environment variables of Sentry and OpenTelemetry.
fn variables() -> impl Iterator<Item = OsString> {
    env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("SENTRY_") || name.starts_with("OTEL_")
    })
}

/// Runs a test of this program in another process without the environment variables of Sentry and OpenTelemetry, if any are set.
/// Returns whether it did; the calling test then has nothing left to do.
///
/// A test cannot remove variables from its own process, which other tests share.
///
/// ```rust,ignore
/// if ran_apart(this_test) {
///     return;
/// }
/// ```
pub fn ran_apart<T>(_: T) -> bool {
    if variables().next().is_none() {
        return false;
    }
    let path = any::type_name::<T>();
    let (_program, test) = path.split_once("::").expect("a test is in a crate");
    let program = env::current_exe().expect("this program is a file");
    let output = command(program).args(["--exact", test]).output();
    let output = output.expect("this program starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
    true
}

/// A bridge with its own Sentry client, subscriber and ingest.
#[derive(Debug)]
pub struct Bridge {
    // Dropped first, as it sends what is left.
    guard: Guard,
    client: Arc<Client>,
    /// The server that receives everything.
    pub ingest: Ingest,
}

impl Bridge {
    /// Starts a bridge that samples everything and captures no content.
    pub fn start() -> Self {
        Self::with(Options::new(), ClientOptions::new().traces_sample_rate(1.0))
    }

    /// Starts a bridge that captures content.
    pub fn with_content() -> Self {
        let options = ClientOptions::new()
            .traces_sample_rate(1.0)
            .send_default_pii(true);
        Self::with(Options::new(), options)
    }

    /// Starts a bridge with the given options; the DSN is set here.
    pub fn with(options: Options, client_options: ClientOptions) -> Self {
        Self::build(options, client_options.add_integration(Correlation::new()))
    }

    /// Starts a bridge attached to a client that does not know of it.
    pub fn attached_only(client_options: ClientOptions) -> Self {
        Self::build(Options::new(), client_options)
    }

    fn build(options: Options, client_options: ClientOptions) -> Self {
        let ingest = Ingest::start().expect("loopback has a free port");
        let client_options = client_options
            .dsn(&ingest.dsn())
            .release("tests@1.0.0")
            .shutdown_timeout(PATIENCE)
            .transport(sentry::transports::DefaultTransportFactory);
        let client = Arc::new(Client::from(client_options));
        // A developer's Spotlight may be running.
        let options = options.with_spotlight(false);
        let guard = Hub::run(hub(&client), || options.attach(&client));
        Self {
            ingest,
            client,
            guard,
        }
    }

    /// Returns a subscriber with the bridge's layer and Sentry's own for errors and logs.
    pub fn subscriber(&self) -> Dispatch {
        let handle = self.guard.handle().expect("the DSN is set").clone();
        let errors = sentry::integrations::tracing::ErrorLayer::new()
            .with_filter(tracing_subscriber::filter::LevelFilter::ERROR);
        let logs = sentry::integrations::tracing::LogLayer::new()
            .with_filter(tracing_subscriber::filter::LevelFilter::WARN);
        Dispatch::new(
            tracing_subscriber::registry()
                .with(sentry_genai::layer().with_handle(handle))
                .with(errors)
                .with(logs),
        )
    }

    /// Returns a Sentry hub bound to the bridge's client.
    pub fn hub(&self) -> Arc<Hub> {
        hub(&self.client)
    }

    /// Runs `program` under the bridge's subscriber and hub.
    pub fn run<T>(&self, program: impl FnOnce() -> T) -> T {
        Hub::run(self.hub(), || {
            tracing::dispatcher::with_default(&self.subscriber(), program)
        })
    }

    /// Runs a future to completion on a current-thread runtime, under the bridge's subscriber.
    pub fn block_on<T>(&self, program: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        self.run(|| runtime.block_on(program))
    }

    /// Waits until everything has been sent, and returns the spans in order of arrival.
    ///
    /// # Panics
    ///
    /// Panics if something did not arrive, or if the ingest rejected it.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        assert!(
            self.guard.flush(PATIENCE),
            "flush was not complete: {:?}",
            self.guard
        );
        self.client.flush(Some(PATIENCE));
        let violations = self.ingest.violations();
        assert!(violations.is_empty(), "the ingest objects: {violations:#?}");
        self.ingest.spans()
    }

    /// Returns the only span with this name.
    ///
    /// # Panics
    ///
    /// Panics if there is none, or more than one.
    pub fn span(&self, name: &str) -> ReceivedSpan {
        assert_spans(&self.spans()).one(name).span().clone()
    }

    /// Returns the bridge's guard.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

fn hub(client: &Arc<Client>) -> Arc<Hub> {
    let scope = Arc::new(Scope::default());
    Arc::new(Hub::new(Some(Arc::clone(client)), scope))
}
