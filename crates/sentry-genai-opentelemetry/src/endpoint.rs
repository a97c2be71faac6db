//! Sentry's own OTLP endpoint.

use std::fmt;

use sentry_core::types::Dsn;

/// The URL and the header with which a project accepts OTLP, for configuring an OTLP exporter.
///
/// Sentry accepts spans over HTTP, as protobuf or JSON, up to 12 MiB per request, but not over gRPC. Pass spans through a
/// `RewritingExporter` first: Sentry drops the events of OTLP spans and the contents of structured attributes.
///
/// ```
/// use sentry_genai_opentelemetry::OtlpEndpoint;
///
/// let dsn = "https://key@o42.ingest.sentry.io/7".parse().unwrap();
/// let endpoint = OtlpEndpoint::of(&dsn);
/// assert_eq!(endpoint.url(), "https://o42.ingest.sentry.io/api/7/integration/otlp");
/// assert_eq!(endpoint.traces_url(), "https://o42.ingest.sentry.io/api/7/integration/otlp/v1/traces");
/// assert_eq!(endpoint.header(), ("x-sentry-auth", "sentry sentry_key=key"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpEndpoint {
    url: String,
    traces_url: String,
    authorization: String,
}

impl OtlpEndpoint {
    /// Derives the endpoint from a DSN.
    #[must_use]
    pub fn of(dsn: &Dsn) -> Self {
        let scheme = dsn.scheme();
        let host = dsn.host();
        let port = match (scheme, dsn.port()) {
            (sentry_core::types::Scheme::Http, 80) | (sentry_core::types::Scheme::Https, 443) => {
                String::new()
            }
            (_, port) => format!(":{port}"),
        };
        let path = dsn.path();
        let project = dsn.project_id().value();
        let url = format!("{scheme}://{host}{port}{path}api/{project}/integration/otlp");
        Self {
            traces_url: format!("{url}/v1/traces"),
            url,
            authorization: format!("sentry sentry_key={}", dsn.public_key()),
        }
    }

    /// Returns the base URL for Collectors and `OTEL_EXPORTER_OTLP_ENDPOINT`, which append the path of each signal.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL for spans.
    #[must_use]
    pub fn traces_url(&self) -> &str {
        &self.traces_url
    }

    /// Returns name and value of the header that identifies the project.
    #[must_use]
    pub fn header(&self) -> (&'static str, &str) {
        ("x-sentry-auth", &self.authorization)
    }
}
/// Shows the URL but not the key.
impl fmt::Debug for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpEndpoint")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
