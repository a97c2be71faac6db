//! The envelope endpoint: it receives a request, records it, and answers it or performs the fault that is due.
//!
//! HTTP is implemented by hand, since server libraries have no way to break off in the middle of a request or an answer.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration, time::Instant};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{
    envelope::ReceivedEnvelope,
    fault::{Fault, ReadMode, ResponseMode},
    record::Record,
};

const MAX_HEAD_BYTES: u64 = 64 * 1024;

pub(super) async fn serve(listener: TcpListener, record: Arc<Record>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // If this fails, answers are slower but still correct.
                let _ = stream.set_nodelay(true);
                record.count_connection();
                tokio::spawn(converse(stream, Arc::clone(&record)));
            }
            // Perhaps out of file descriptors; other connections may end soon.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Answers the requests of one connection. A request that the client breaks off needs no answer.
async fn converse(stream: TcpStream, record: Arc<Record>) {
    let mut connection = BufReader::new(stream);
    while let Ok(Some(head)) = Head::read(&mut connection).await {
        match treat(&mut connection, head, &record).await {
            Ok(Next::Request) => {}
            Ok(Next::End) | Err(_) => break,
        }
    }
}

/// Whether the connection can be used for another request.
enum Next {
    Request,
    End,
}

async fn treat(
    connection: &mut BufReader<TcpStream>,
    head: Head,
    record: &Record,
) -> io::Result<Next> {
    let Some(project) = head.project() else {
        head.read_body(connection, None).await?;
        write_answer(connection, 404, &[], b"{}").await?;
        return Ok(Next::Request);
    };
    let arrival = Instant::now();
    let fault = record.next_fault();
    match fault.reading {
        ReadMode::All => {}
        ReadMode::Body(bytes) => {
            head.read_body(connection, Some(bytes)).await?;
            return end(connection, &fault, record).await;
        }
        ReadMode::Head => return end(connection, &fault, record).await,
    }
    if head.expects_continue() {
        let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
        connection.get_mut().write_all(go_on).await?;
    }
    let body = head.read_body(connection, None).await?;
    let mut envelope = ReceivedEnvelope::read(project, head.headers, body);
    envelope.status = match fault.answer {
        ResponseMode::Status(status) => Some(status),
        ResponseMode::Normal | ResponseMode::Trickle(_) | ResponseMode::Truncated => {
            Some(if envelope.is_valid() { 200 } else { 400 })
        }
        ResponseMode::Hang(_) | ResponseMode::Close | ResponseMode::Reset => None,
    };
    let status = envelope.status;
    let answer = answer_body(&envelope);
    let is_limited = status == Some(429)
        && (fault.headers.iter())
            .any(|(name, _)| name.eq_ignore_ascii_case("x-sentry-rate-limits"));
    record.push(arrival, envelope, is_limited);
    sleep(fault.delay).await;
    let Some(status) = status else {
        return end(connection, &fault, record).await;
    };
    record.apply_rate_limits(status, &fault.headers);
    respond(connection, &fault, status, &answer).await
}

async fn respond(
    connection: &mut BufReader<TcpStream>,
    fault: &Fault,
    status: u16,
    answer: &[u8],
) -> io::Result<Next> {
    match fault.answer {
        ResponseMode::Trickle(duration) => {
            let bytes = answer_bytes(status, &fault.headers, answer, answer.len());
            let pause = duration / u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            for byte in bytes {
                connection.get_mut().write_all(&[byte]).await?;
                sleep(pause).await;
            }
            Ok(Next::Request)
        }
        ResponseMode::Truncated => {
            let bytes = answer_bytes(status, &fault.headers, answer, answer.len() + 100);
            connection.get_mut().write_all(&bytes).await?;
            Ok(Next::End)
        }
        _ => {
            write_answer(connection, status, &fault.headers, answer).await?;
            Ok(Next::Request)
        }
    }
}

/// Ends a connection whose request was not read completely, or that gets no answer.
async fn end(
    connection: &mut BufReader<TcpStream>,
    fault: &Fault,
    record: &Record,
) -> io::Result<Next> {
    if fault.reading != ReadMode::All {
        record.count_unread_request();
        sleep(fault.delay).await;
    }
    match fault.answer {
        ResponseMode::Status(status) => {
            record.apply_rate_limits(status, &fault.headers);
            let mut headers = fault.headers.clone();
            headers.push(("Connection".to_owned(), "close".to_owned()));
            write_answer(connection, status, &headers, b"{}").await?;
            connection.get_mut().shutdown().await?;
        }
        ResponseMode::Hang(silence) => sleep(silence).await,
        ResponseMode::Reset => connection.get_mut().set_zero_linger()?,
        ResponseMode::Normal
        | ResponseMode::Trickle(_)
        | ResponseMode::Truncated
        | ResponseMode::Close => {}
    }
    Ok(Next::End)
}

/// The request line and the headers.
struct Head {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
}

impl Head {
    /// Reads up to the empty line. Returns `None` if the client has closed the connection.
    async fn read(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut connection = connection.take(MAX_HEAD_BYTES);
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        let mut head = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: BTreeMap::new(),
        };
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            if line.trim_end().is_empty() {
                return Ok(Some(head));
            }
            if let Some((name, value)) = line.split_once(':') {
                let name = name.trim().to_ascii_lowercase();
                head.headers.insert(name, value.trim().to_owned());
            }
        }
    }

    /// Returns the project whose envelope endpoint is addressed.
    fn project(&self) -> Option<String> {
        let path = self.path.split('?').next()?;
        let project = path.strip_prefix("/api/")?.strip_suffix("/envelope/")?;
        let is_project = self.method == "POST" && !project.contains('/');
        is_project.then(|| project.to_owned())
    }

    fn says(&self, name: &str, value: &str) -> bool {
        let header = self.headers.get(name);
        header.is_some_and(|it| it.eq_ignore_ascii_case(value))
    }

    fn expects_continue(&self) -> bool {
        self.says("expect", "100-continue")
    }

    /// Reads the body, or at most `limit` bytes of it.
    async fn read_body(
        &self,
        connection: &mut BufReader<TcpStream>,
        limit: Option<usize>,
    ) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.says("transfer-encoding", "chunked") {
            while let Some(chunk) = read_chunk(connection).await? {
                body.extend(chunk);
                if limit.is_some_and(|limit| body.len() >= limit) {
                    break;
                }
            }
            return Ok(body);
        }
        let length = self.headers.get("content-length");
        let length = length.and_then(|it| it.parse().ok()).unwrap_or(0);
        body.resize(limit.map_or(length, |limit| length.min(limit)), 0);
        connection.read_exact(&mut body).await?;
        Ok(body)
    }
}

async fn read_chunk(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    connection.read_line(&mut line).await?;
    let digits = line.trim().split(';').next().unwrap_or_default();
    let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
    let mut chunk = vec![0; size + 2];
    connection.read_exact(&mut chunk).await?;
    chunk.truncate(size);
    Ok((size > 0).then_some(chunk))
}

fn answer_body(envelope: &ReceivedEnvelope) -> Vec<u8> {
    let body = if envelope.is_valid() {
        json!({ "id": envelope.header.get("event_id") })
    } else {
        json!({"detail": "the envelope breaks the protocol", "causes": envelope.violations})
    };
    body.to_string().into_bytes()
}

async fn write_answer(
    connection: &mut BufReader<TcpStream>,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<()> {
    let bytes = answer_bytes(status, headers, body, body.len());
    connection.get_mut().write_all(&bytes).await
}

fn answer_bytes(
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    content_length: usize,
) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {status} Testkit\r\nContent-Type: application/json\r\nContent-Length: {content_length}\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
