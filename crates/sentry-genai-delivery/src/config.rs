//! The settings that a delivery takes from the client it sends for.

use std::{borrow::Cow, fmt, net::IpAddr, time::Duration};

use sentry_core::{
    ClientOptions, TracesSamplingStrategy,
    protocol::{Context, Map, OrganizationId},
    types::Dsn,
};

use crate::{
    compress::Encoding, machine, model_calls::Meter, retry::RetryPolicy, sampling::Sampling,
};

const DEFAULT_MAX_BUFFER_BYTES: usize = 32 * 1024 * 1024;
const DEFAULT_MAX_CONNECTIONS: usize = 32;
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The form in which spans are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceLifecycle {
    /// As the spans end, in span containers. The default.
    #[default]
    Stream,
    /// When their segment has ended, as a transaction, with the AI spans of the segment in a separate span container.
    /// For servers that support span containers but whose other features expect transactions.
    Transaction,
    /// When their segment has ended, all in a transaction. For servers that do not support span containers, such as
    /// older self-hosted ones, and for Spotlight.
    Classic,
}

impl TraceLifecycle {
    /// The value of `sentry.trace_lifecycle`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Transaction | Self::Classic => "static",
        }
    }
}

/// When and how envelopes are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// With gzip, unless the server is on this machine, where compressing takes longer than sending. The default.
    #[default]
    Auto,
    /// With gzip, for every body of at least one kilobyte.
    Always,
    /// With zstd, for every body of at least one kilobyte. zstd takes two thirds of gzip's time for small bodies, and a
    /// third for large ones, which it also makes smaller.
    ///
    /// Sentry understands zstd since version 24.10.0.
    #[cfg(feature = "zstd")]
    Zstd,
    /// Never.
    Never,
}

impl Compression {
    pub(crate) fn encoding_for(self, host: &str) -> Option<Encoding> {
        match self {
            Self::Auto if is_loopback(host) => None,
            Self::Auto | Self::Always => Some(Encoding::Gzip),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some(Encoding::Zstd),
            Self::Never => None,
        }
    }
}

/// Spotlight accepts any key and any project. Without a scheme, the URL is one of http.
fn spotlight_dsn(url: &str) -> Option<Dsn> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    format!("{scheme}://spotlight@{host}/1").parse().ok()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

/// The settings of a [`Delivery`](crate::Delivery), taken from the options of a Sentry client.
///
/// The `Debug` output shows neither keys nor proxy credentials.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    pub(crate) dsn: Dsn,
    pub(crate) release: Option<Cow<'static, str>>,
    pub(crate) environment: Option<Cow<'static, str>>,
    pub(crate) server_name: Option<Cow<'static, str>>,
    pub(crate) org_id: Option<OrganizationId>,
    pub(crate) send_default_pii: bool,
    pub(crate) strict_trace_continuation: bool,
    pub(crate) sampling: Sampling,
    pub(crate) http_proxy: Option<Cow<'static, str>>,
    pub(crate) https_proxy: Option<Cow<'static, str>>,
    pub(crate) accept_invalid_certs: bool,
    pub(crate) max_buffer_bytes: usize,
    /// The names of the client's integrations.
    pub(crate) integrations: Vec<&'static str>,
    /// What the client's events say of the machine.
    pub(crate) contexts: Map<String, Context>,
    pub(crate) compression: Compression,
    pub(crate) retries: RetryPolicy,
    pub(crate) max_connections: usize,
    pub(crate) keep_ai_traces: bool,
    pub(crate) lifecycle: TraceLifecycle,
    pub(crate) legacy_attributes: bool,
    pub(crate) spotlight: Option<Dsn>,
    /// Where model calls are measured, in sampled and in unsampled traces.
    pub(crate) meter: Option<Meter>,
    /// Whether this delivery sends copies. Losing a copy is no reason to drop the trace itself.
    pub(crate) is_copy: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
}

impl Config {
    /// Takes the settings from the options of a client. Returns `None` if they have no DSN.
    ///
    /// Pass the options that the client ended up with (`client.options()`), because `sentry::init` fills in the
    /// release, the environment and the proxies. If there is no environment, it is `production`.
    #[must_use]
    pub fn from_client_options(options: &ClientOptions) -> Option<Self> {
        let dsn = options.dsn.clone()?;
        Some(Self {
            org_id: options.org_id.or_else(|| dsn.org_id()),
            dsn,
            release: options.release.clone(),
            environment: options.environment.clone(),
            server_name: options.server_name.clone(),
            send_default_pii: options.send_default_pii,
            strict_trace_continuation: options.strict_trace_continuation,
            sampling: Sampling::new(&options.traces_sampling_strategy),
            http_proxy: options.http_proxy.clone(),
            https_proxy: options.https_proxy.clone(),
            accept_invalid_certs: options.accept_invalid_certs,
            max_buffer_bytes: DEFAULT_MAX_BUFFER_BYTES,
            integrations: (options.integrations.iter())
                .map(|integration| integration.name())
                .collect(),
            contexts: machine::contexts(options),
            compression: Compression::default(),
            retries: RetryPolicy::default(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            keep_ai_traces: false,
            lifecycle: TraceLifecycle::default(),
            legacy_attributes: false,
            spotlight: None,
            meter: None,
            is_copy: false,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
        })
    }

    /// Sets how many bytes of spans may wait, over all stages, before the oldest traces are dropped. The default is 32
    /// MiB.
    #[must_use]
    pub fn with_max_buffer_bytes(mut self, bytes: usize) -> Self {
        self.max_buffer_bytes = bytes;
        self
    }

    /// Sets whether traces with AI spans are sent even if they were not sampled. The default is false.
    ///
    /// The spans of an unsampled trace are then held, in up to half of the buffer, until one of these happens:
    ///
    /// - An AI span appears in the trace. The trace is kept, with all of its spans that are held.
    /// - The segment ends. Its spans are counted as [`LossReason::SampleRate`](crate::LossReason::SampleRate). So are
    ///   spans that were held for an hour, and the oldest ones when memory runs out.
    ///
    /// If no sample rate is configured, nothing is kept. All spans of AI traces carry a `sentry.client_sample_rate` of
    /// 1, so each of them counts once.
    #[must_use]
    pub fn with_keep_ai_traces(mut self, keep: bool) -> Self {
        self.keep_ai_traces = keep;
        self
    }

    /// Sets the form in which spans are sent.
    ///
    /// A transaction that exceeds Sentry's limits is split into several transactions of the same trace; no span is left
    /// out. A span that is larger than a transaction may be is counted as
    /// [`LossReason::SendError`](crate::LossReason::SendError).
    #[must_use]
    pub fn with_trace_lifecycle(mut self, lifecycle: TraceLifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    /// Sets whether AI spans also carry their attributes under the names that older servers, and Spotlight, read. The
    /// default is false.
    #[must_use]
    pub fn with_legacy_attributes(mut self, legacy: bool) -> Self {
        self.legacy_attributes = legacy;
        self
    }

    /// Captures the metrics `gen_ai.client.token.usage` and `gen_ai.client.operation.duration` on `client`, for the
    /// model calls of all traces, sampled or not. See [`Options::with_metrics`](crate::Options::with_metrics).
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn with_metrics(mut self, client: &std::sync::Arc<sentry_core::Client>) -> Self {
        self.meter = Some(crate::metrics::meter(client));
        self
    }

    /// Takes the settings from the options of a client without a DSN, to send only to Spotlight: all traces, even if the
    /// client has no sample rate. Returns `None` if `url` is not a valid URL.
    #[must_use]
    pub fn for_spotlight(options: &ClientOptions, url: &str) -> Option<Self> {
        let mut options = options.clone();
        options.dsn = Some(spotlight_dsn(url)?);
        let config = Self::from_client_options(&options)?;
        Some(Self {
            lifecycle: TraceLifecycle::Classic,
            legacy_attributes: true,
            sampling: Sampling::new(&TracesSamplingStrategy::FixedRate(1.0)),
            // Spotlight runs on this machine or next to it.
            http_proxy: None,
            https_proxy: None,
            ..config
        })
    }

    /// Sends a copy of every span to a Spotlight instance at `url`, such as `http://localhost:8969/stream`, in the form
    /// that Spotlight can show: classic transactions with legacy attributes.
    ///
    /// The copies do not appear in the statistics. [`flush`](crate::Delivery::flush) and
    /// [`close`](crate::Delivery::close) wait for them within their timeout, but not longer than 2 seconds. The
    /// delivery's hook sees the copies too. An invalid URL is ignored.
    #[must_use]
    pub fn with_spotlight(mut self, url: &str) -> Self {
        self.spotlight = spotlight_dsn(url);
        self
    }

    /// The settings for the copy.
    pub(crate) fn spotlight_copy(&self) -> Option<Self> {
        let timeout = Duration::from_secs(2);
        Some(Self {
            dsn: self.spotlight.clone()?,
            spotlight: None,
            meter: None,
            is_copy: true,
            lifecycle: TraceLifecycle::Classic,
            legacy_attributes: true,
            // Spotlight understands only gzip.
            compression: Compression::Auto,
            http_proxy: None,
            https_proxy: None,
            retries: RetryPolicy::default().with_max_attempts(1),
            connect_timeout: timeout,
            request_timeout: timeout,
            ..self.clone()
        })
    }

    /// Sets when envelopes are compressed.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets how often, and for how long, an envelope is sent again.
    #[must_use]
    pub fn with_retries(mut self, policy: RetryPolicy) -> Self {
        self.retries = policy;
        self
    }

    /// Sets how many requests may be in flight at once, each on a connection and a thread of its own. The default is 32;
    /// 0 means 1.
    ///
    /// More than one is used only while many envelopes wait, more than four only while the server takes long to answer.
    /// Sentry takes one trace per request, so 32 requests at a time are 320 traces per second if an answer takes a tenth
    /// of a second.
    #[must_use]
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets the timeouts of a request. `connect` limits how long opening a connection may take. `request` limits how
    /// long the server may take to receive the request, and then how long it may take to answer. The defaults are 5 and
    /// 30 seconds; the maximum is a day.
    #[must_use]
    pub fn with_timeouts(mut self, connect: Duration, request: Duration) -> Self {
        /// Not every point in time can be represented, and the HTTP client would panic at one that cannot.
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

        self.connect_timeout = connect.min(LONGEST);
        self.request_timeout = request.min(LONGEST);
        self
    }

    /// Sets the release to use if the client has none.
    #[must_use]
    pub fn with_default_release(mut self, release: impl Into<Cow<'static, str>>) -> Self {
        self.release.get_or_insert_with(|| release.into());
        self
    }

    /// Sets the environment to use if the client has none.
    #[must_use]
    pub fn with_default_environment(mut self, environment: impl Into<Cow<'static, str>>) -> Self {
        self.environment.get_or_insert_with(|| environment.into());
        self
    }

    pub(crate) fn environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("production")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("host", &self.dsn.host())
            .field("project_id", &self.dsn.project_id().value())
            .field("release", &self.release)
            .field("environment", &self.environment)
            .field("server_name", &self.server_name)
            .field("sampling", &self.sampling)
            .field("max_buffer_bytes", &self.max_buffer_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_is_not_compressed() {
        for (host, is_compressed) in [
            ("localhost", false),
            ("127.0.0.1", false),
            ("[::1]", false),
            ("10.0.0.1", true),
            ("sentry.example", true),
        ] {
            let encoding = Compression::Auto.encoding_for(host);
            assert_eq!(encoding.is_some(), is_compressed, "{host}");
        }
    }
}
