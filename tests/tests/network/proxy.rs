//! A minimal HTTP proxy, for tunnels (`CONNECT`) and for requests with an absolute URL.

use std::{
    io::{self, Read as _, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A proxy that records the head of every request.
pub(crate) struct Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Obliging,
    Refusing,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        Self::with(Manner::Obliging)
    }

    /// Starts a proxy that requires authentication and accepts no credentials.
    pub(crate) fn refusing() -> Self {
        Self::with(Manner::Refusing)
    }

    fn with(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream.unwrap(), manner, &seen));
            }
        });
        Self { address, requests }
    }

    /// Returns the URL, with `credentials` (`user:password@`, or empty) before the host.
    pub(crate) fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, manner: Manner, seen: &Mutex<Vec<String>>) {
    let Some(head) = read_head(&mut client) else {
        return;
    };
    seen.lock().unwrap().push(head.clone());
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    if manner == Manner::Refusing {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        let _ = client.write_all(refusal.as_bytes());
        return;
    }
    let rest = target.trim_start_matches("http://");
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    let mut server = TcpStream::connect(host).unwrap();
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    } else {
        let path = rest.strip_prefix(host).unwrap_or_default();
        server
            .write_all(head.replacen(target, path, 1).as_bytes())
            .unwrap();
    }
    let (mut from_server, mut to_client) =
        (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || io::copy(&mut from_server, &mut to_client));
    let _ = io::copy(&mut client, &mut server);
}

/// Reads up to the empty line, and nothing beyond.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    String::from_utf8(head).ok()
}
