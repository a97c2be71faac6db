//! A small HTTP server that receives the bytes, in the process that drives the measurements.
//!
//! It runs outside the measured process, so that neither its instructions nor its allocations count.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use flate2::read::GzDecoder;

/// A request that arrived.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// The bytes of the body on the wire.
    pub(crate) wire_bytes: usize,
    /// The body, decompressed.
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    received: Arc<Received>,
}

#[derive(Debug)]
struct Received {
    answer_time: Duration,
    is_recording: AtomicBool,
    requests: Mutex<Vec<Request>>,
}

impl Sink {
    /// Starts a server that takes this long to answer a request.
    pub(crate) fn start(answer_time: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let received = Arc::new(Received {
            answer_time,
            is_recording: AtomicBool::new(false),
            requests: Mutex::default(),
        });
        let shared = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&shared);
                // A broken connection is the peer's loss, and is reported as such.
                thread::spawn(move || serve(stream, &received));
            }
        });
        Ok(Self { address, received })
    }

    /// Keeps what arrives while `work` runs, and returns it.
    pub(crate) fn record<R>(&self, work: impl FnOnce() -> R) -> (R, Vec<Request>) {
        self.received.is_recording.store(true, Relaxed);
        let result = work();
        self.received.is_recording.store(false, Relaxed);
        let requests = &self.received.requests;
        let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
        (result, std::mem::take(&mut requests))
    }
}

/// Sends a body, and waits for the answer.
pub(crate) fn post(sink: SocketAddr, path: &str, body: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(sink)?;
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n"
    )?;
    stream.write_all(body)?;
    stream.read_exact(&mut [0; 12])
}

/// Answers one connection until it is closed.
fn serve(mut stream: TcpStream, received: &Received) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut waste = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        let end = loop {
            let head = buffer[..filled].windows(4);
            if let Some(end) = head.into_iter().position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer[filled..])? {
                0 => return Ok(()),
                n => filled += n,
            }
        };
        let head = Head::parse(&buffer[..end]);
        let here = head.length.min(filled - end);
        let rest = (head.length - here) as u64;
        let mut body = buffer[end..end + here].chain(Read::by_ref(&mut stream).take(rest));
        if received.is_recording.load(Relaxed) {
            let mut bytes = Vec::with_capacity(head.length);
            body.read_to_end(&mut bytes)?;
            let request = Request {
                path: head.path,
                wire_bytes: bytes.len(),
                body: decompress(bytes, &head.encoding)?,
            };
            let requests = &received.requests;
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(request);
        } else {
            // The body is not copied: the measured process shares the cores with this one.
            while body.read(&mut waste)? > 0 {}
        }
        buffer.copy_within(end + here..filled, 0);
        filled -= end + here;
        if !received.answer_time.is_zero() {
            thread::sleep(received.answer_time);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")?;
    }
}

fn decompress(body: Vec<u8>, encoding: &str) -> io::Result<Vec<u8>> {
    match encoding {
        "gzip" => {
            let mut plain = Vec::new();
            GzDecoder::new(&*body).read_to_end(&mut plain)?;
            Ok(plain)
        }
        "zstd" => zstd::decode_all(&*body),
        _ => Ok(body),
    }
}

/// The relevant parts of the lines before a body.
struct Head {
    path: String,
    length: usize,
    encoding: String,
}

impl Head {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let header = |name: &str| {
            let named = |line: &&str| {
                line.split_once(':')
                    .is_some_and(|(it, _)| it.eq_ignore_ascii_case(name))
            };
            let line = text.lines().find(named)?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        Self {
            path: text.split(' ').nth(1).unwrap_or_default().to_owned(),
            length: header("content-length")
                .and_then(|length| length.parse().ok())
                .unwrap_or_default(),
            encoding: header("content-encoding").unwrap_or_default(),
        }
    }
}
