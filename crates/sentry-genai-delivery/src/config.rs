//! What a delivery needs to know about the client it sends for.

use std::{borrow::Cow, fmt};

use sentry_core::{ClientOptions, TracesSamplingStrategy, protocol::OrganizationId, types::Dsn};

const DEFAULT_MAX_BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// The settings of a [`Delivery`](crate::Delivery), taken from the options of a Sentry client.
///
/// Its `Debug` shows neither keys nor proxy credentials.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    pub(crate) dsn: Dsn,
    pub(crate) release: Option<Cow<'static, str>>,
    pub(crate) environment: Option<Cow<'static, str>>,
    pub(crate) server_name: Option<Cow<'static, str>>,
    pub(crate) org_id: Option<OrganizationId>,
    pub(crate) strict_trace_continuation: bool,
    pub(crate) sampling: TracesSamplingStrategy,
    pub(crate) http_proxy: Option<Cow<'static, str>>,
    pub(crate) https_proxy: Option<Cow<'static, str>>,
    pub(crate) accept_invalid_certs: bool,
    pub(crate) max_buffer_bytes: usize,
    pub(crate) integrations: Vec<Cow<'static, str>>,
}

impl Config {
    /// Takes the settings from the options of a client, or returns `None` if they have no DSN.
    ///
    /// Pass the options the client ended up with (`client.options()`): `sentry::init` fills in the release, the
    /// environment and the proxies. Without an environment it is `production`.
    #[must_use]
    pub fn from_client_options(options: &ClientOptions) -> Option<Self> {
        let dsn = options.dsn.clone()?;
        Some(Self {
            org_id: options.org_id.or_else(|| dsn.org_id()),
            dsn,
            release: options.release.clone(),
            environment: options.environment.clone(),
            server_name: options.server_name.clone(),
            strict_trace_continuation: options.strict_trace_continuation,
            sampling: options.traces_sampling_strategy.clone(),
            http_proxy: options.http_proxy.clone(),
            https_proxy: options.https_proxy.clone(),
            accept_invalid_certs: options.accept_invalid_certs,
            max_buffer_bytes: DEFAULT_MAX_BUFFER_BYTES,
            integrations: Vec::new(),
        })
    }

    /// Sets how many bytes of spans may wait, over all stages, before the oldest traces are dropped.
    ///
    /// The default is 32 MiB.
    #[must_use]
    pub fn with_max_buffer_bytes(mut self, bytes: usize) -> Self {
        self.max_buffer_bytes = bytes;
        self
    }

    /// Sets the release that applies where the client has none.
    #[must_use]
    pub fn with_default_release(mut self, release: impl Into<Cow<'static, str>>) -> Self {
        self.release.get_or_insert_with(|| release.into());
        self
    }

    /// Sets the environment that applies where the client has none.
    #[must_use]
    pub fn with_default_environment(mut self, environment: impl Into<Cow<'static, str>>) -> Self {
        self.environment.get_or_insert_with(|| environment.into());
        self
    }

    pub(crate) fn environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("production")
    }

    /// Sets the names sent as `sentry.sdk.integrations` with every segment span. There are none by default.
    #[must_use]
    pub fn with_integrations<N>(mut self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: Into<Cow<'static, str>>,
    {
        self.integrations = names.into_iter().map(Into::into).collect();
        self
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
