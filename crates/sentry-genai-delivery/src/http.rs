//! One HTTP request per envelope.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    io::{self, Read as _},
    sync::{Arc, OnceLock},
    time::Duration,
};

use sentry_core::types::{Auth, Dsn, Scheme};
use ureq::{
    Agent, Body, Error, Proxy, ProxyProtocol, SendBody,
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, Uri,
        header::{
            CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, RETRY_AFTER, USER_AGENT,
        },
    },
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
    unversioned::transport::DefaultConnector,
};

use crate::{
    compress::{Compressor, Encoding},
    config::Config,
    encode::{SDK_NAME, SDK_VERSION},
    limits,
    lookup::Lookup,
};

/// How much of an answer is read, and for how long. More than that costs the connection, nothing else.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;
const MAX_BODY_WAIT: Duration = Duration::from_secs(2);

/// Names a file of the certificates to trust instead of those that are built in, as it does for OpenSSL.
const ROOTS_VARIABLE: &str = "SSL_CERT_FILE";

/// How long a connection is kept without use. Servers close theirs after a minute or so, and must not be first.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// Below this size the header of a compressed body is not worth it.
const COMPRESSED_FROM: usize = 1024;

/// How much of a body is copied at once. The C library moves more than twice as much byte by byte (`rep movsb`), which for bodies of
/// this size takes no less time than vector registers, and counts as an instruction for each byte.
const PIECE: usize = 2048;

const X_SENTRY_AUTH: HeaderName = HeaderName::from_static("x-sentry-auth");
const X_SENTRY_RATE_LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");

/// What of an answer matters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) rate_limits: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// The server's clock, for the header before.
    pub(crate) date: Option<String>,
}

impl Answer {
    /// Whether somebody in front of Sentry says that it is not there for the moment.
    pub(crate) fn is_overloaded(&self) -> bool {
        matches!(self.status, 502..=504)
    }

    pub(crate) fn pause(&self) -> Option<Duration> {
        let header = self.retry_after.as_deref()?;
        Some(limits::pause(header, self.date.as_deref()))
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There was no connection, or it was gone before the body: the server cannot have accepted anything.
    Unconnected,
    /// The server hung up while the body was being sent: it has not seen all of it.
    BrokenOff,
    /// Everything was sent; nobody knows whether it was accepted.
    Unanswered,
}

/// A request that brought no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) failure: Failure,
    /// In words, for people.
    pub(crate) cause: String,
}

/// Sends with `ureq`, over connections that are kept alive.
pub(crate) struct HttpPost {
    config: Arc<Config>,
    /// Made by whoever sends first: to read the certificates of a system takes many milliseconds, which the program need not wait.
    agent: OnceLock<Agent>,
    lookup: Lookup,
    /// `None` if the DSN names a server that HTTP has no words for.
    destination: Option<Destination>,
    /// How bodies are compressed, if they are.
    encoding: Option<Encoding>,
}

/// What all requests have in common.
struct Destination {
    uri: Uri,
    headers: HeaderMap,
}

impl Destination {
    fn of(dsn: &Dsn, user_agent: &str) -> Option<Self> {
        let url = dsn.envelope_api_url();
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str()?),
            None => url.host_str()?.to_owned(),
        };
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(HOST, host.parse().ok()?);
        headers.insert(USER_AGENT, user_agent.parse().ok()?);
        headers.insert(X_SENTRY_AUTH, authorization(dsn, user_agent)?.parse().ok()?);
        let envelope = HeaderValue::from_static("application/x-sentry-envelope");
        headers.insert(CONTENT_TYPE, envelope);
        Some(Self {
            uri: url.as_str().parse().ok()?,
            headers,
        })
    }
}

/// The same for every request, as no time is in it: an envelope says itself when it was sent.
fn authorization(dsn: &Dsn, user_agent: &str) -> Option<String> {
    let said = [
        ("sentry_key", Some(dsn.public_key())),
        ("sentry_secret", dsn.secret_key()),
        ("sentry_client", Some(user_agent)),
    ];
    let said = said
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    Some(Auth::from_pairs(said).ok()?.to_string())
}

impl HttpPost {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            agent: OnceLock::new(),
            lookup: Lookup::new(config.connect_timeout),
            destination: Destination::of(&config.dsn, &user_agent()),
            encoding: config.compression.encoding_for(config.dsn.host()),
            config,
        }
    }

    fn agent(&self) -> &Agent {
        self.agent
            .get_or_init(|| agent(&self.config, self.lookup.clone()))
    }

    /// Sends an envelope, compressed where that is due, and waits for the answer.
    pub(crate) fn post(
        &self,
        envelope: &[u8],
        compressor: &mut Compressor,
    ) -> Result<Answer, NoAnswer> {
        let worthwhile = envelope.len() >= COMPRESSED_FROM;
        let encoding = self.encoding.filter(|_| worthwhile);
        let packed = encoding.and_then(|encoding| compressor.pack(envelope, encoding));
        let mut body = InPieces {
            rest: packed.unwrap_or(envelope),
            is_taken: false,
        };
        let sent = self.send(&mut body, encoding.filter(|_| packed.is_some()));
        let mut response = sent.map_err(|error| {
            let failure = Failure::of(&error, body.is_taken);
            if failure == Failure::Unconnected {
                self.lookup.doubt();
            }
            NoAnswer {
                failure,
                cause: error.to_string(),
            }
        })?;
        let headers = response.headers();
        let retry_after = text(headers, RETRY_AFTER);
        let answer = Answer {
            status: response.status().as_u16(),
            rate_limits: text(headers, X_SENTRY_RATE_LIMITS),
            date: retry_after.as_ref().and_then(|_| text(headers, DATE)),
            retry_after,
        };
        // Only a body read to its end leaves the connection usable; that it cannot be read changes nothing else.
        let mut body = response.body_mut().as_reader().take(MAX_RESPONSE_BYTES);
        let mut piece = [0; 512];
        while matches!(body.read(&mut piece), Ok(1..)) {}
        Ok(answer)
    }

    fn send(
        &self,
        body: &mut InPieces<'_>,
        encoding: Option<Encoding>,
    ) -> Result<Response<Body>, Error> {
        let Some(Destination { uri, headers }) = &self.destination else {
            return Err(Error::HostNotFound);
        };
        let agent = self.agent();
        // Without its own feature for that, `ureq` would panic. To go past a proxy is nothing to decide here.
        if agent.config().proxy().is_some_and(is_socks) {
            return Err(Error::ConnectProxyFailed("SOCKS is not supported".into()));
        }
        let mut request = agent.post(uri);
        if let Some(all) = request.headers_mut() {
            all.clone_from(headers);
            all.insert(CONTENT_LENGTH, HeaderValue::from(body.rest.len()));
            if let Some(encoding) = encoding {
                all.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            }
        }
        request.send(SendBody::from_reader(body))
    }
}

/// Bytes that are copied piece by piece into the buffer they are read into.
struct InPieces<'a> {
    rest: &'a [u8],
    /// Whether any of it was asked for: the request's head had been sent by then.
    is_taken: bool,
}

impl io::Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_taken = true;
        let (read, rest) = self.rest.split_at(self.rest.len().min(buffer.len()));
        for (place, piece) in buffer.chunks_mut(PIECE).zip(read.chunks(PIECE)) {
            place[..piece.len()].copy_from_slice(piece);
        }
        self.rest = rest;
        Ok(read.len())
    }
}

impl Failure {
    /// Tells what has failed. As long as nothing of the body `is_taken`, whatever it is came before the request.
    fn of(error: &Error, is_taken: bool) -> Self {
        match error {
            _ if !is_taken => Self::Unconnected,
            // Only a write fails so: the other end was closed before everything had been sent.
            Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Self::BrokenOff,
            _ => Self::Unanswered,
        }
    }
}

impl fmt::Debug for HttpPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPost").finish_non_exhaustive()
    }
}

fn user_agent() -> String {
    format!("{SDK_NAME}/{SDK_VERSION}")
}

fn agent(config: &Config, lookup: Lookup) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(root_certificates(env::var_os(ROOTS_VARIABLE)))
        .disable_verification(config.accept_invalid_certs)
        .build();
    let timeout = Some(config.request_timeout);
    let agent_config = Agent::config_builder()
        .user_agent(user_agent())
        // Answers are a few bytes.
        .accept_encoding("")
        .http_status_as_error(false)
        // A redirect could carry spans and key to another host.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections_per_host(config.max_connections)
        .max_idle_age(MAX_IDLE)
        // With a limit for all of it, ureq would start a thread for every request, to look up a name.
        .timeout_connect(Some(config.connect_timeout))
        .timeout_send_request(timeout)
        .timeout_send_body(timeout)
        .timeout_recv_response(timeout)
        .timeout_recv_body(Some(MAX_BODY_WAIT))
        // Answers are short. There is one such buffer for each connection.
        .input_buffer_size(16 * 1024)
        .tls_config(tls)
        .proxy(proxy(config))
        .build();
    Agent::with_parts(agent_config, DefaultConnector::new(), lookup)
}

/// Returns the certificates of a PEM file, or those that are built in if it holds none.
fn root_certificates(file: Option<OsString>) -> RootCerts {
    let pem = file
        .and_then(|file| fs::read(file).ok())
        .unwrap_or_default();
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::new_with_certs(&certificates)
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

fn is_socks(proxy: &Proxy) -> bool {
    !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
}

/// Returns what a header says, in however many lines; `None` if that is nothing.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines = headers.get_all(name).into_iter();
    let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    let text = lines.join(",");
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use sentry_core::ClientOptions;

    use super::*;
    use crate::testing;

    /// Then it is tried again: nothing has been sent.
    #[test]
    fn a_name_that_nobody_knows_is_no_connection() {
        let options = ClientOptions::new().dsn("http://public@nowhere.invalid/42");
        let post = HttpPost::new(testing::config(&options));
        let none = post.post(b"{}\n", &mut Compressor::default()).unwrap_err();
        assert_eq!(none.failure, Failure::Unconnected);
        assert_eq!(none.cause, "host not found");
    }

    /// curl takes one from the same variable.
    #[test]
    fn a_socks_proxy_is_no_connection() {
        for proxy in ["socks5://127.0.0.1:9", "socks4://127.0.0.1:9"] {
            let options = testing::options().http_proxy(proxy);
            let post = HttpPost::new(testing::config(&options));
            let none = post.post(b"{}\n", &mut Compressor::default()).unwrap_err();
            assert_eq!(none.failure, Failure::Unconnected);
            assert!(none.cause.contains("SOCKS"), "{}", none.cause);
        }
    }
}
