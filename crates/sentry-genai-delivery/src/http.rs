//! Sends each envelope as an HTTP request.

use std::{
    fmt,
    io::{self, Read as _},
    sync::{Arc, OnceLock},
    time::Duration,
};

use sentry_core::types::{Auth, Dsn, Scheme};
use ureq::{
    Agent, Body, Error, Proxy, ProxyProtocol, SendBody,
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, Uri,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
    },
    tls::{RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use crate::{
    answer::Answer,
    certificates,
    compress::{Compressors, Encoding},
    config::Config,
    connections::{Connections, MAX_IDLE},
    encode::{SDK_NAME, SDK_VERSION},
    resolver::CachingResolver,
};

/// How much of an answer is read, and for how long. A longer answer costs the connection, but nothing else.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;
const MAX_BODY_WAIT: Duration = Duration::from_secs(2);

/// Compressing smaller bodies is not worth the overhead of the header.
const MIN_COMPRESSED_BYTES: usize = 1024;

/// How many bytes of a body are copied at once. For more than twice as many, the C library copies byte by byte
/// (`rep movsb`). For bodies of this size that takes as long as with vector registers, but counts as one instruction
/// per byte.
const COPY_CHUNK: usize = 2048;

const X_SENTRY_AUTH: HeaderName = HeaderName::from_static("x-sentry-auth");

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// There was no connection, or it was closed before the body was sent. The server cannot have accepted anything.
    NotConnected,
    /// The server closed the connection while the body was being sent, so it has not seen all of it.
    ConnectionClosed,
    /// Everything was sent. It is unknown whether it was accepted.
    NoAnswer,
}

/// A request that got no answer.
#[derive(Debug)]
pub(crate) struct RequestError {
    pub(crate) kind: FailureKind,
    /// A description for people.
    pub(crate) cause: String,
}

/// Sends with `ureq`, over keep-alive connections.
pub(crate) struct HttpTransport {
    config: Arc<Config>,
    connections: Connections,
    /// Read by a thread that sends over TLS. Not a static: the thread that reads them may be gone in a forked process, which
    /// would wait for it.
    roots: OnceLock<RootCerts>,
    resolver: CachingResolver,
    /// Why the configured proxy cannot be used, if it cannot.
    proxy: Result<Option<Proxy>, &'static str>,
    /// `None` if the DSN names a server that cannot be expressed in HTTP.
    destination: Option<Destination>,
    /// How bodies are compressed, if at all.
    encoding: Option<Encoding>,
    compressors: Compressors,
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

/// Returns the same value for every request. It contains no time, since an envelope says itself when it was sent.
fn authorization(dsn: &Dsn, user_agent: &str) -> Option<String> {
    let pairs = [
        ("sentry_key", Some(dsn.public_key())),
        ("sentry_secret", dsn.secret_key()),
        ("sentry_client", Some(user_agent)),
    ];
    let pairs = pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    Some(Auth::from_pairs(pairs).ok()?.to_string())
}

impl HttpTransport {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            connections: Connections::default(),
            roots: OnceLock::new(),
            resolver: CachingResolver::new(config.settings.connect_timeout),
            proxy: proxy(&config),
            destination: Destination::of(&config.dsn, &user_agent()),
            encoding: config.settings.compression.encoding_for(config.dsn.host()),
            compressors: Compressors::default(),
            config,
        }
    }

    fn agent(&self) -> Agent {
        let new = || {
            let proxy = self.proxy.clone().unwrap_or_default();
            let uses_tls = self.config.dsn.scheme() == Scheme::Https
                || (proxy.as_ref()).is_some_and(|it| it.protocol() == ProxyProtocol::Https);
            let roots = if uses_tls {
                self.roots.get_or_init(certificates::roots).clone()
            } else {
                RootCerts::WebPki
            };
            agent(&self.config, roots, proxy, self.resolver.clone())
        };
        self.connections.agent(new)
    }

    /// Frees what is only kept to be reused: connections and memory.
    pub(crate) fn free_unused(&self) {
        self.connections.close_unused();
        self.compressors.clear();
    }

    /// Sends an envelope, compressed if configured and worthwhile, and waits for the answer. `packed` is memory for the
    /// compressed body.
    pub(crate) fn send_envelope(
        &self,
        envelope: &[u8],
        packed: &mut Vec<u8>,
    ) -> Result<Answer, RequestError> {
        let is_worthwhile = envelope.len() >= MIN_COMPRESSED_BYTES;
        let encoding = self.encoding.filter(|_| is_worthwhile);
        let packed =
            encoding.and_then(|encoding| self.compressors.pack(envelope, encoding, packed));
        let mut body = BodyReader {
            rest: packed.unwrap_or(envelope),
            was_read: false,
        };
        let sent = self.send_request(&mut body, encoding.filter(|_| packed.is_some()));
        let mut response = sent.map_err(|error| {
            let kind = FailureKind::of(&error, body.was_read);
            if kind == FailureKind::NotConnected {
                self.resolver.invalidate();
            }
            let cause = self.describe(&error);
            RequestError { kind, cause }
        })?;
        let mut answer = Answer::new(response.status(), response.headers());
        // The connection can only be reused if the body is read to its end. An error while reading it has no other
        // effect.
        let mut body = response.body_mut().as_reader().take(MAX_RESPONSE_BYTES);
        if answer.status < 400 {
            let mut piece = [0; 512];
            while matches!(body.read(&mut piece), Ok(1..)) {}
        } else {
            let mut whole = Vec::new();
            let _ = body.read_to_end(&mut whole);
            answer.read_detail(&whole);
        }
        Ok(answer)
    }

    fn send_request(
        &self,
        body: &mut BodyReader<'_>,
        encoding: Option<Encoding>,
    ) -> Result<Response<Body>, Error> {
        let Some(Destination { uri, headers }) = &self.destination else {
            return Err(Error::HostNotFound);
        };
        // Bypassing the proxy is not for us to decide.
        if let Err(reason) = self.proxy {
            return Err(Error::ConnectProxyFailed(reason.to_owned()));
        }
        let mut request = self.agent().post(uri);
        if let Some(all) = request.headers_mut() {
            all.clone_from(headers);
            all.insert(CONTENT_LENGTH, HeaderValue::from(body.rest.len()));
            if let Some(encoding) = encoding {
                all.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            }
        }
        request.send(SendBody::from_reader(body))
    }

    /// Describes an error to someone who has to find out what is wrong with the network.
    fn describe(&self, error: &Error) -> String {
        let mut description = error.to_string();
        // "Connection refused" alone would leave open by whom. The proxy's credentials are left out.
        if let Ok(Some(proxy)) = &self.proxy {
            description += &format!(" (proxy {}:{})", proxy.host(), proxy.port());
        }
        if is_tls_error(error)
            && let Some(Err(reason)) = certificates::given()
        {
            description += &format!(" ({}: {reason})", certificates::VARIABLE);
        }
        description
    }
}

/// Bytes that are copied piece by piece into the reader's buffer.
struct BodyReader<'a> {
    rest: &'a [u8],
    /// Whether any of it was requested. The head of the request had been sent by then.
    was_read: bool,
}

impl io::Read for BodyReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.was_read = true;
        let (read, rest) = self.rest.split_at(self.rest.len().min(buffer.len()));
        for (place, piece) in buffer.chunks_mut(COPY_CHUNK).zip(read.chunks(COPY_CHUNK)) {
            place[..piece.len()].copy_from_slice(piece);
        }
        self.rest = rest;
        Ok(read.len())
    }
}

impl FailureKind {
    /// Classifies an error. As long as the body has not been touched (`was_read`), the error occurred before the
    /// request.
    fn of(error: &Error, was_read: bool) -> Self {
        match error {
            _ if !was_read => Self::NotConnected,
            // Only a write fails like this: the other end was closed before everything had been sent.
            Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Self::ConnectionClosed,
            _ => Self::NoAnswer,
        }
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").finish_non_exhaustive()
    }
}

fn user_agent() -> String {
    format!("{SDK_NAME}/{SDK_VERSION}")
}

fn agent(
    config: &Config,
    roots: RootCerts,
    proxy: Option<Proxy>,
    resolver: CachingResolver,
) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .disable_verification(config.accept_invalid_certs)
        .build();
    let timeout = Some(config.settings.request_timeout);
    let agent_config = Agent::config_builder()
        .user_agent(user_agent())
        // Answers are a few bytes long.
        .accept_encoding("")
        .http_status_as_error(false)
        // A redirect could send spans and the key to another host.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(config.settings.max_connections)
        .max_idle_connections_per_host(config.settings.max_connections)
        .max_idle_age(MAX_IDLE)
        // With a global timeout, `ureq` would start a thread for every request, to resolve the host.
        .timeout_connect(Some(config.settings.connect_timeout))
        .timeout_send_request(timeout)
        .timeout_send_body(timeout)
        .timeout_recv_response(timeout)
        .timeout_recv_body(Some(MAX_BODY_WAIT))
        // Answers are short. There is one such buffer for each connection.
        .input_buffer_size(16 * 1024)
        .tls_config(tls)
        .proxy(proxy)
        .build();
    Agent::with_parts(agent_config, DefaultConnector::new(), resolver)
}

/// Whether it may have been about the server's certificate.
fn is_tls_error(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::InvalidData)
}

/// The proxy for the scheme of the DSN, with the same precedence as in the transports of the Sentry SDK, or why it cannot be used.
fn proxy(config: &Config) -> Result<Option<Proxy>, &'static str> {
    let https = match config.dsn.scheme() {
        Scheme::Https => config.https_proxy.as_deref(),
        Scheme::Http => None,
    };
    let url = https.or(config.http_proxy.as_deref());
    // An empty setting means that there is no proxy.
    let Some(url) = url.map(str::trim).filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let proxy = Proxy::new(url).map_err(|_| "its URL cannot be parsed")?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(Some(proxy)),
        // Without its SOCKS feature, `ureq` would panic.
        _ => Err("SOCKS is not supported"),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::TcpListener, thread};

    use sentry_core::ClientOptions;

    use super::*;
    use crate::testing;

    /// Nothing has been sent then, so it is tried again.
    #[test]
    fn an_unresolvable_host_is_not_connected() {
        let options = ClientOptions::new().dsn("http://public@nowhere.invalid/42");
        let transport = HttpTransport::new(testing::config(&options));
        let error = transport
            .send_envelope(b"{}\n", &mut Vec::new())
            .unwrap_err();
        assert_eq!(error.kind, FailureKind::NotConnected);
        assert_eq!(error.cause, "host not found");
    }

    #[test]
    fn only_a_request_that_was_cut_off_or_never_sent_cannot_have_been_accepted() {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};

        let kind_of =
            |kind: io::ErrorKind, was_read| FailureKind::of(&Error::Io(kind.into()), was_read);
        assert_eq!(kind_of(BrokenPipe, false), FailureKind::NotConnected);
        assert_eq!(kind_of(BrokenPipe, true), FailureKind::ConnectionClosed);
        assert_eq!(kind_of(ConnectionReset, true), FailureKind::NoAnswer);
    }

    #[test]
    fn a_server_that_cannot_be_reached_says_nothing_of_certificates() {
        assert!(!is_tls_error(&Error::HostNotFound));
        let refused = io::ErrorKind::ConnectionRefused;
        assert!(!is_tls_error(&Error::Io(refused.into())));
    }

    /// curl reads the same variables. A program that has to use a proxy must not go round it, and nobody would notice.
    #[test]
    fn a_proxy_that_cannot_be_used_is_not_bypassed() {
        for (proxy, reason) in [
            ("socks5://127.0.0.1:9", "SOCKS is not supported"),
            ("socks4://127.0.0.1:9", "SOCKS is not supported"),
            ("\"http://127.0.0.1:9\"", "its URL cannot be parsed"),
            ("ftp://127.0.0.1:9", "its URL cannot be parsed"),
        ] {
            let options = testing::options().http_proxy(proxy);
            let transport = HttpTransport::new(testing::config(&options));
            let error = transport
                .send_envelope(b"{}\n", &mut Vec::new())
                .unwrap_err();
            assert_eq!(error.kind, FailureKind::NotConnected);
            assert_eq!(error.cause, format!("CONNECT proxy failed: {reason}"));
        }
    }

    /// Reading them takes a while.
    #[test]
    fn certificates_are_read_for_a_server_or_a_proxy_with_tls() {
        for (dsn, proxy, are_read) in [
            ("http://key@h.example/42", "", false),
            ("http://key@h.example/42", "http://proxy.example", false),
            ("http://key@h.example/42", "https://proxy.example", true),
            ("https://key@h.example/42", "", true),
        ] {
            let options = ClientOptions::new().dsn(dsn).http_proxy(proxy);
            let transport = HttpTransport::new(testing::config(&options));
            transport.agent();
            assert_eq!(transport.roots.get().is_some(), are_read, "{dsn} {proxy}");
        }
    }

    #[test]
    fn a_failure_names_the_proxy_without_its_credentials() {
        let options = testing::options().http_proxy("http://user:secret@nowhere.invalid:3128");
        let transport = HttpTransport::new(testing::config(&options));
        let error = transport
            .send_envelope(b"{}\n", &mut Vec::new())
            .unwrap_err();
        assert_eq!(error.cause, "host not found (proxy nowhere.invalid:3128)");
    }

    #[test]
    fn unused_connections_are_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dsn = format!("http://public@{}/42", listener.local_addr().unwrap());
        let options = ClientOptions::new().dsn(dsn.as_str());
        let transport = HttpTransport::new(testing::config(&options));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"the envelope") {
                let mut piece = [0; 1024];
                let length = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..length]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .unwrap();
            // Waits for the end of the connection.
            stream.read(&mut [0; 1]).unwrap()
        });
        let answer = transport.send_envelope(b"the envelope", &mut Vec::new());
        assert_eq!(answer.unwrap().status, 200);
        assert!(!server.is_finished(), "the connection is kept");
        transport.free_unused();
        assert_eq!(server.join().unwrap(), 0);
    }
}
