//! One HTTP request per envelope.

use std::{
    fmt,
    io::{self, Read as _},
    time::Duration,
};

use sentry_core::types::{Dsn, Scheme};
use ureq::{Agent, Proxy, http::HeaderMap, tls::TlsConfig};

use crate::{
    config::Config,
    encode::{SDK_NAME, SDK_VERSION},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read. More than that costs the connection, not the memory.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// Something that brings an envelope to the server.
pub(crate) trait Post: Send {
    /// Sends, and waits for the answer.
    fn post(&mut self, envelope: &[u8]) -> Result<Answer, Unanswered>;
}

/// What of an answer matters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) rate_limits: Option<String>,
    pub(crate) retry_after: Option<String>,
}

/// The server could not be reached, or did not answer in time.
#[derive(Debug)]
pub(crate) struct Unanswered;

/// Sends with `ureq`, over one connection that is kept alive.
pub(crate) struct HttpPost {
    agent: Agent,
    url: String,
    dsn: Dsn,
    user_agent: String,
}

impl HttpPost {
    pub(crate) fn new(config: &Config) -> Self {
        let user_agent = format!("{SDK_NAME}/{SDK_VERSION}");
        let tls = TlsConfig::builder()
            .disable_verification(config.accept_invalid_certs)
            .build();
        let agent = Agent::config_builder()
            .user_agent(user_agent.as_str())
            .http_status_as_error(false)
            // A redirect could carry spans and key to another host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(TOTAL_TIMEOUT))
            .tls_config(tls)
            .proxy(proxy(config))
            .build()
            .new_agent();
        Self {
            agent,
            url: config.dsn.envelope_api_url().to_string(),
            dsn: config.dsn.clone(),
            user_agent,
        }
    }
}

impl Post for HttpPost {
    fn post(&mut self, envelope: &[u8]) -> Result<Answer, Unanswered> {
        let auth = self.dsn.to_auth(Some(&self.user_agent)).to_string();
        let mut response = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/x-sentry-envelope")
            .header("X-Sentry-Auth", auth)
            .send(envelope)
            .map_err(|_| Unanswered)?;
        let answer = Answer {
            status: response.status().as_u16(),
            rate_limits: text(response.headers(), "x-sentry-rate-limits"),
            retry_after: text(response.headers(), "retry-after"),
        };
        // Only a body read to its end leaves the connection usable; that it cannot be read changes nothing else.
        let mut body = response.body_mut().as_reader().take(MAX_RESPONSE_BYTES);
        let _ = io::copy(&mut body, &mut io::sink());
        Ok(answer)
    }
}

impl fmt::Debug for HttpPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPost").finish_non_exhaustive()
    }
}

/// The proxy for the scheme of the DSN, with the same precedence as in the transports of the Sentry SDK.
fn proxy(config: &Config) -> Option<Proxy> {
    let https = match config.dsn.scheme() {
        Scheme::Https => config.https_proxy.as_deref(),
        Scheme::Http => None,
    };
    Proxy::new(https.or(config.http_proxy.as_deref())?).ok()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
