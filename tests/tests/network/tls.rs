//! A server that terminates TLS and passes requests on.

use std::{
    io::{BufRead, BufReader, Read as _, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use sentry_genai_testkit::Ingest;

/// A TLS server in front of an ingest, with a self-signed certificate.
pub(crate) struct TlsFront {
    address: SocketAddr,
    pem: String,
    connections: Arc<AtomicUsize>,
}

impl TlsFront {
    pub(crate) fn start(ingest: &Ingest) -> Self {
        let behind = ingest.url().trim_start_matches("http://").to_owned();
        let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![identity.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::Relaxed);
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let stream = StreamOwned::new(connection, stream.unwrap());
                let behind = TcpStream::connect(&behind).unwrap();
                thread::spawn(move || pass_on(stream, &behind));
            }
        });
        Self {
            address,
            pem: identity.cert.pem(),
            connections,
        }
    }

    pub(crate) fn dsn(&self) -> String {
        format!("https://public@localhost:{}/1", self.address.port())
    }

    /// Returns the certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns how many connections were made, successful or not.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Passes requests in one direction and answers in the other, until either side is done.
fn pass_on(front: StreamOwned<ServerConnection, TcpStream>, mut behind: &TcpStream) {
    let mut front = BufReader::new(front);
    let mut answers = BufReader::new(behind);
    while let Some(request) = message(&mut front) {
        behind.write_all(&request).unwrap();
        let Some(answer) = message(&mut answers) else {
            return;
        };
        if front.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

/// Reads a request or an answer with a `Content-Length`.
fn message(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        message.extend_from_slice(line.as_bytes());
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let read = reader.take(length).read_to_end(&mut message).ok()?;
    (read as u64 == length).then_some(message)
}
