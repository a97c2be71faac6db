//! Options for the spans that are sent, independent of the door they come from.

use std::{borrow::Cow, env, fmt, sync::Arc, time::Duration};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{ContentLimits, SentrySpan, TranslateOptions, Translator};

use crate::{
    BeforeSendSpan, Compression, Config, Delivery, RetryPolicy, TraceLifecycle,
    config::{Settings, spotlight_dsn},
};

/// The options of a delivery.
///
/// ```
/// use sentry_genai_delivery::Options;
///
/// let client = sentry_core::Client::from(sentry_core::ClientOptions::new().traces_sample_rate(1.0));
/// let delivery = Options::new().with_capture_inputs(true).start(client.options());
/// assert!(delivery.is_none(), "there is no DSN");
/// ```
#[derive(Clone, Default)]
#[must_use = "options have no effect until a delivery is started with them"]
pub struct Options {
    capture_inputs: Option<bool>,
    capture_outputs: Option<bool>,
    capture_client_addresses: Option<bool>,
    before_send_span: Option<BeforeSendSpan>,
    spotlight: Option<bool>,
    spotlight_url: Option<String>,
    settings: Settings,
}

impl Options {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether prompts, system instructions, tool definitions and tool arguments may be sent.
    ///
    /// By default [`ClientOptions::send_default_pii`] decides. If that is off, the environment variable
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` can turn this on.
    pub fn with_capture_inputs(mut self, capture: bool) -> Self {
        self.capture_inputs = Some(capture);
        self
    }

    /// Sets whether answers and tool results may be sent. The default is that of
    /// [`with_capture_inputs`](Self::with_capture_inputs).
    pub fn with_capture_outputs(mut self, capture: bool) -> Self {
        self.capture_outputs = Some(capture);
        self
    }

    /// Sets whether the network addresses of those who send requests, such as `client.address`, may be sent.
    ///
    /// By default [`ClientOptions::send_default_pii`] decides.
    pub fn with_capture_client_addresses(mut self, capture: bool) -> Self {
        self.capture_client_addresses = Some(capture);
        self
    }

    /// Sets how long a single text and a single attribute may be, in bytes. The defaults are 100,000 and 256,000.
    pub fn with_content_limits(mut self, limits: ContentLimits) -> Self {
        self.settings.content_limits = limits;
        self
    }

    /// Sets how many bytes of spans may wait to be sent, with what their traces need. The default is 32 MiB. Beyond that, the
    /// oldest traces are dropped and counted as [`LossReason::QueueOverflow`](crate::LossReason::QueueOverflow).
    pub fn with_max_buffer_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_buffer_bytes = bytes;
        self
    }

    /// Sets how many requests may be in flight at once, each on a connection and a thread of its own. The default is 32;
    /// 0 means 1.
    ///
    /// More than one is used only while many envelopes wait, more than four only while the server takes long to answer.
    /// Sentry takes one trace per request, so 32 requests at a time are 320 traces per second if an answer takes a tenth
    /// of a second.
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = connections.max(1);
        self
    }

    /// Sets the timeouts of a request. `connect` limits how long opening a connection may take. `request` limits how
    /// long the server may take to receive the request, and then how long it may take to answer. The defaults are 5 and
    /// 30 seconds; the maximum is a day.
    pub fn with_timeouts(mut self, connect: Duration, request: Duration) -> Self {
        /// Not every point in time can be represented, and the HTTP client would panic at one that cannot.
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

        self.settings.connect_timeout = connect.min(LONGEST);
        self.settings.request_timeout = request.min(LONGEST);
        self
    }

    /// Sets a hook that sees every span after its translation. It may change the span, or drop it by returning `None`.
    ///
    /// The hook runs on a delivery thread, after content that may not be sent has been removed. A dropped span is
    /// counted as [`LossReason::BeforeSend`](crate::LossReason::BeforeSend), and a span on which the hook panics as
    /// [`LossReason::CallbackError`](crate::LossReason::CallbackError). Spans that the hook itself creates are ignored.
    ///
    /// The children of a dropped span are still sent, and refer to a parent that Sentry does not have.
    ///
    /// Only the information that spans of a trace exchange is added after the hook. For example, if an SDK and a
    /// wrapper around it both describe the same call, one of the two spans stops being a model call, and the other
    /// receives what it lacks.
    pub fn with_before_send_span(
        mut self,
        hook: impl Fn(SentrySpan) -> Option<SentrySpan> + Send + Sync + 'static,
    ) -> Self {
        self.before_send_span = Some(Arc::new(hook));
        self
    }

    /// Sets whether traces with AI spans are sent even if they were not sampled, while all other traces follow the
    /// sample rate. The default is false.
    ///
    /// The spans of an unsampled trace are then held, in up to half of the buffer, until one of these happens:
    ///
    /// - An AI span appears in the trace. The trace is kept, with all of its spans that are held.
    /// - The segment ends. Its spans are counted as [`LossReason::SampleRate`](crate::LossReason::SampleRate). So are
    ///   spans that were held for an hour, and the oldest ones when memory runs out.
    ///
    /// If no sample rate is configured, nothing is kept. All spans of AI traces carry a `sentry.client_sample_rate` of
    /// 1, so each of them counts once.
    pub fn with_keep_ai_traces(mut self, keep: bool) -> Self {
        self.settings.keep_ai_traces = keep;
        self
    }

    /// Sets the form in which spans are sent. Servers that predate span containers, and Spotlight, need
    /// [`TraceLifecycle::Classic`].
    ///
    /// A transaction that exceeds Sentry's limits is split into several transactions of the same trace; no span is left
    /// out. The texts of a span that is larger than a transaction may be are shortened.
    pub fn with_trace_lifecycle(mut self, lifecycle: TraceLifecycle) -> Self {
        self.settings.lifecycle = lifecycle;
        self
    }

    /// Sets whether AI spans also carry their attributes under the names that older servers, and Spotlight, read. The
    /// default is false.
    pub fn with_legacy_attributes(mut self, legacy: bool) -> Self {
        self.settings.legacy_attributes = legacy;
        self
    }

    /// Sets whether a copy of every span goes to a Spotlight instance on this machine, in the form that Spotlight can
    /// show.
    ///
    /// `false` turns Spotlight off, whatever the environment says; `true` turns it on. If this is not set, the environment
    /// variable `SENTRY_SPOTLIGHT` decides. It may hold, by Sentry's specification:
    ///
    /// - Spotlight's URL, which also counts if Spotlight is turned on here;
    /// - `1`, `true`, `t`, `yes`, `y` or `on`, for `http://localhost:8969/stream`;
    /// - `0`, `false`, `f`, `no`, `n` or `off`.
    ///
    /// The default is off. If there is no DSN, spans go only to Spotlight, all of them, whatever the sample rate.
    ///
    /// The copies do not appear in the statistics. [`flush`](Delivery::flush) and [`close`](Delivery::close) wait for
    /// them within their timeout, but not longer than 2 seconds. The hook sees the copies too.
    pub fn with_spotlight(mut self, spotlight: bool) -> Self {
        self.spotlight = Some(spotlight);
        self
    }

    /// Sets the URL of Spotlight, which turns it on unless [`with_spotlight(false)`](Self::with_spotlight) turns it off.
    /// The environment variable is then ignored. If the URL is invalid, nothing goes to Spotlight.
    pub fn with_spotlight_url(mut self, url: impl Into<String>) -> Self {
        self.spotlight_url = Some(url.into());
        self
    }

    /// Sets when spans are compressed for sending. By default they are, unless the server is on this machine.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// Sets how often, and for how long, spans that no server can have accepted are sent again.
    pub fn with_retries(mut self, policy: RetryPolicy) -> Self {
        self.settings.retries = policy;
        self
    }

    /// Measures every model call with the metrics of OpenTelemetry's conventions, captured on `client`. Calls in
    /// unsampled traces are measured too. By default nothing is measured.
    ///
    /// | Metric (a distribution) | Unit | Attributes |
    /// |---|---|---|
    /// | `gen_ai.client.token.usage` | `token` | those below, `gen_ai.token.type`: `input` or `output` |
    /// | `gen_ai.client.operation.duration` | `second` | those below, `error.type` if the call failed |
    ///
    /// Both carry `gen_ai.operation.name`, `gen_ai.provider.name`, `gen_ai.request.model` and `gen_ai.response.model`,
    /// as far as the span has them, and the ids of the trace and the span. A call that is described twice, by an SDK
    /// and by a wrapper around it, counts once.
    ///
    /// The client adds its own attributes, calls `before_send_metric` (on a delivery thread) and sends the metrics in
    /// its batches. Once nobody else holds the client, nothing is measured any more.
    ///
    /// Spans that the `before_send_span` hook drops are not measured. Spans of unsampled traces are recorded and
    /// translated like those of sampled traces, at the same cost, but they are not sent.
    #[cfg(feature = "metrics")]
    pub fn with_metrics(mut self, client: &Arc<sentry_core::Client>) -> Self {
        self.settings.meter = Some(crate::metrics::meter(client));
        self
    }

    /// Starts a delivery for a client (`client.options()`) with its two threads. Returns `None` if the client has no DSN
    /// and Spotlight is off.
    ///
    /// If the system refuses to create a thread, the delivery counts every span as
    /// [`LossReason::InternalSdkError`](crate::LossReason::InternalSdkError).
    #[must_use]
    pub fn start(self, client_options: &ClientOptions) -> Option<Delivery> {
        self.prepare(client_options).map(Prepared::start)
    }
}

/// What doors need. A program that uses a door has no use for it.
impl Options {
    /// Returns the hook that sees every span, if there is one.
    #[must_use]
    pub fn before_send_span(&self) -> Option<BeforeSendSpan> {
        self.before_send_span.clone()
    }

    /// Returns how spans are translated, given the options of the Sentry client.
    #[must_use]
    pub fn translation(&self, client_options: &ClientOptions) -> TranslateOptions {
        let default = client_options.send_default_pii || environment_captures_content();
        let mut translation = TranslateOptions::default();
        translation.capture_inputs = self.capture_inputs.unwrap_or(default);
        translation.capture_outputs = self.capture_outputs.unwrap_or(default);
        translation.capture_client_addresses =
            (self.capture_client_addresses).unwrap_or(client_options.send_default_pii);
        translation.limits = self.settings.content_limits;
        translation
    }

    /// Reads the relevant options of a client (`client.options()`). Returns `None` if they have no DSN and Spotlight is
    /// off.
    #[must_use]
    pub fn prepare(self, client_options: &ClientOptions) -> Option<Prepared> {
        let variable = env::var("SENTRY_SPOTLIGHT").ok();
        let chosen = self.spotlight_url.as_deref();
        let spotlight = spotlight_url(self.spotlight, chosen, variable.as_deref());
        let translator = Translator::new(self.translation(client_options));
        let settings = self.settings;
        let config = match (Config::from_client_options(client_options), &spotlight) {
            (Some(config), spotlight) => Config {
                settings,
                spotlight: spotlight.as_deref().and_then(spotlight_dsn),
                ..config
            },
            (None, Some(url)) => Config::for_spotlight(client_options, url, settings)?,
            (None, None) => return None,
        };
        Some(Prepared {
            config: Arc::new(config),
            translator,
            before_send_span: self.before_send_span,
        })
    }
}

/// Shows whether there is a hook, not the hook itself.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("capture_inputs", &self.capture_inputs)
            .field("capture_outputs", &self.capture_outputs)
            .field("capture_client_addresses", &self.capture_client_addresses)
            .field("limits", &self.settings.content_limits)
            .field("spotlight", &self.spotlight)
            .field("spotlight_url", &self.spotlight_url)
            .field("settings", &self.settings)
            .field("before_send_span", &self.before_send_span.is_some())
            .finish()
    }
}

/// A delivery that has not been started yet, for doors that learn late where the spans come from.
#[derive(Clone)]
#[must_use = "nothing is delivered until it is started"]
pub struct Prepared {
    pub(crate) config: Arc<Config>,
    pub(crate) translator: Translator,
    pub(crate) before_send_span: Option<BeforeSendSpan>,
}

impl Prepared {
    /// Sets the release to use if the client has none.
    pub fn with_default_release(mut self, release: impl Into<Cow<'static, str>>) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.release.get_or_insert_with(|| release.into());
        self
    }

    /// Sets the environment to use if the client has none. Without either it is `production`.
    pub fn with_default_environment(mut self, environment: impl Into<Cow<'static, str>>) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.environment.get_or_insert_with(|| environment.into());
        self
    }

    /// Starts the delivery with its two threads.
    #[must_use]
    pub fn start(self) -> Delivery {
        Delivery::start(self)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Reads OpenTelemetry's switch. Its newer values say whether content goes to spans or to events; there are only spans
/// here.
fn environment_captures_content() -> bool {
    env::var("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT").is_ok_and(|value| {
        let value = value.trim().to_ascii_lowercase();
        matches!(
            value.as_str(),
            "true" | "1" | "span_only" | "span_and_event"
        )
    })
}

/// Returns the URL of Spotlight, if it is on. The program decides before the environment does, except that the variable
/// may hold the URL of a Spotlight that the program has merely turned on.
fn spotlight_url(
    enabled: Option<bool>,
    chosen: Option<&str>,
    variable: Option<&str>,
) -> Option<String> {
    if enabled == Some(false) {
        return None;
    }
    if let Some(url) = chosen.map(str::trim).filter(|url| !url.is_empty()) {
        return Some(url.to_owned());
    }
    let is_enabled = enabled == Some(true);
    let default_url = |is_on: bool| is_on.then(|| "http://localhost:8969/stream".to_owned());
    let variable = variable.unwrap_or_default().trim();
    match variable.to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "f" | "no" | "n" | "off" => default_url(is_enabled),
        "1" | "true" | "t" | "yes" | "y" | "on" => default_url(true),
        _ => Some(variable.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use sentry_core::ClientOptions;

    use super::{Options, spotlight_url};

    #[test]
    fn addresses_of_clients_leave_as_the_client_or_the_option_says() {
        for is_pii_sent in [false, true] {
            let client = ClientOptions::new().send_default_pii(is_pii_sent);
            for (option, expected) in [
                (None, is_pii_sent),
                (Some(true), true),
                (Some(false), false),
            ] {
                let options = option.map_or_else(Options::new, |capture| {
                    Options::new().with_capture_client_addresses(capture)
                });
                let translation = options.translation(&client);
                assert_eq!(translation.capture_client_addresses, expected);
            }
        }
    }

    #[test]
    fn spotlight_url_from_options_and_environment() {
        let default_url = Some("http://localhost:8969/stream");
        let (here, there) = ("http://127.0.0.1:9000/stream", "http://docker:9001/stream");
        for (enabled, chosen, variable, expected) in [
            (None, None, None, None),
            (None, None, Some(""), None),
            (None, None, Some("1"), default_url),
            (None, None, Some(" TRUE "), default_url),
            (None, None, Some("y"), default_url),
            (None, None, Some("off"), None),
            (None, None, Some(there), Some(there)),
            (None, Some(here), None, Some(here)),
            (None, Some(here), Some(there), Some(here)),
            (None, Some(here), Some("0"), Some(here)),
            (Some(true), None, None, default_url),
            (Some(true), None, Some("0"), default_url),
            (Some(true), None, Some(there), Some(there)),
            (Some(false), None, Some("1"), None),
            (Some(false), Some(here), Some(there), None),
        ] {
            let found = spotlight_url(enabled, chosen, variable);
            assert_eq!(
                found.as_deref(),
                expected,
                "{enabled:?} {chosen:?} {variable:?}"
            );
        }
    }
}
