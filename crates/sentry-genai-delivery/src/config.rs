//! What a delivery takes from the client it sends for, and its own settings.

use std::{borrow::Cow, fmt, net::IpAddr, time::Duration};

use sentry_core::{ClientOptions, TracesSamplingStrategy, protocol::OrganizationId, types::Dsn};
use sentry_genai_conventions::ContentLimits;
use serde_json::{Map, Value as Json};

use crate::{
    compress::Encoding, machine, model_calls::Meter, retry::RetryPolicy, sampling::Sampling,
};

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
pub(crate) fn spotlight_dsn(url: &str) -> Option<Dsn> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    format!("{scheme}://spotlight@{host}/1").parse().ok()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

/// How spans are sent, apart from what the Sentry client says.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_buffer_bytes: usize,
    pub(crate) max_connections: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) compression: Compression,
    pub(crate) retries: RetryPolicy,
    pub(crate) keep_ai_traces: bool,
    pub(crate) lifecycle: TraceLifecycle,
    pub(crate) legacy_attributes: bool,
    pub(crate) content_limits: ContentLimits,
    /// Where model calls are measured, in sampled and in unsampled traces.
    pub(crate) meter: Option<Meter>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_buffer_bytes: 32 * 1024 * 1024,
            max_connections: 32,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            compression: Compression::default(),
            retries: RetryPolicy::default(),
            keep_ai_traces: false,
            lifecycle: TraceLifecycle::default(),
            legacy_attributes: false,
            content_limits: ContentLimits::default(),
            meter: None,
        }
    }
}

/// What a [`Delivery`](crate::Delivery) takes from the options of a Sentry client, and how it sends.
///
/// Programs set that with [`Options`](crate::Options). A configuration of its own is for those who
/// [encode spans](crate::wire) without a delivery.
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
    /// The names of the client's integrations.
    pub(crate) integrations: Vec<&'static str>,
    /// What the client's events say of the machine.
    pub(crate) contexts: Map<String, Json>,
    pub(crate) spotlight: Option<Dsn>,
    /// Whether this delivery sends copies. Losing a copy is no reason to drop the trace itself.
    pub(crate) is_copy: bool,
    pub(crate) settings: Settings,
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
            integrations: (options.integrations.iter())
                .map(|integration| integration.name())
                .collect(),
            contexts: machine::contexts(options),
            spotlight: None,
            is_copy: false,
            settings: Settings::default(),
        })
    }

    /// Takes the settings from the options of a client without a DSN, to send only to Spotlight: all traces, even if the
    /// client has no sample rate. Returns `None` if `url` is not a valid URL.
    pub(crate) fn for_spotlight(
        options: &ClientOptions,
        url: &str,
        settings: Settings,
    ) -> Option<Self> {
        let mut options = options.clone();
        options.dsn = Some(spotlight_dsn(url)?);
        let config = Self {
            sampling: Sampling::new(&TracesSamplingStrategy::FixedRate(1.0)),
            settings,
            ..Self::from_client_options(&options)?
        };
        Some(config.in_the_form_of_spotlight())
    }

    /// The settings for the copy.
    pub(crate) fn spotlight_copy(&self) -> Option<Self> {
        let timeout = Duration::from_secs(2);
        let copy = Self {
            dsn: self.spotlight.clone()?,
            spotlight: None,
            is_copy: true,
            settings: Settings {
                retries: RetryPolicy::default().with_max_attempts(1),
                connect_timeout: timeout,
                request_timeout: timeout,
                meter: None,
                ..self.settings.clone()
            },
            ..self.clone()
        };
        Some(copy.in_the_form_of_spotlight())
    }

    /// Adapts everything to what Spotlight understands. It runs on this machine or next to it.
    fn in_the_form_of_spotlight(self) -> Self {
        Self {
            http_proxy: None,
            https_proxy: None,
            settings: Settings {
                lifecycle: TraceLifecycle::Classic,
                legacy_attributes: true,
                // Not zstd, whatever Sentry gets.
                compression: Compression::Auto,
                ..self.settings
            },
            ..self
        }
    }

    /// Returns where spans are sent, for people. The key is not part of it.
    pub(crate) fn destination(&self) -> String {
        self.dsn.envelope_api_url().to_string()
    }

    pub(crate) fn environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("production")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("destination", &self.destination())
            .field("release", &self.release)
            .field("environment", &self.environment)
            .field("server_name", &self.server_name)
            .field("sampling", &self.sampling)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a copy, and alone.
    #[test]
    fn spotlight_gets_what_it_understands_whatever_sentry_gets() {
        let url = "http://localhost:8969/stream";
        let options = ClientOptions::new().http_proxy("http://proxy:3128");
        let settings = Settings {
            compression: Compression::Always,
            ..Settings::default()
        };
        let alone = Config::for_spotlight(&options, url, settings.clone()).unwrap();
        let options = options.dsn("https://key@sentry.example/1");
        let config = Config {
            spotlight: spotlight_dsn(url),
            settings,
            ..Config::from_client_options(&options).unwrap()
        };
        for config in [alone, config.spotlight_copy().unwrap()] {
            assert_eq!(config.dsn.host(), "localhost");
            assert!(config.http_proxy.is_none());
            assert_eq!(config.settings.lifecycle, TraceLifecycle::Classic);
            assert!(config.settings.legacy_attributes);
            assert_eq!(config.settings.compression, Compression::Auto);
        }
    }

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
