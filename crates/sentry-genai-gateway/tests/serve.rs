//! Runs `sentry-genai serve` as users do, between real clients and a strict Sentry.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use flate2::{
    Compression,
    read::GzDecoder,
    write::{GzEncoder, ZlibEncoder},
};
use sentry_genai_testkit::{Fault, Ingest, ReceivedSpan};
use serde_json::{Value, json};

mod serve {
    mod grpc;
    mod http;
    mod refusals;
    mod traces;
}

const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, which is stopped when this is dropped.
struct Running {
    child: Child,
    address: String,
    /// Where it says that spans are sent.
    destinations: Vec<String>,
    /// What it writes to standard error once it listens.
    log: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts the program on a free port.
    fn start(ingest: &Ingest, arguments: &[&str]) -> Self {
        Self::start_program(program(), ingest, arguments)
    }

    fn start_program(mut program: Command, ingest: &Ingest, arguments: &[&str]) -> Self {
        let mut child = program
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("SENTRY_DSN", ingest.dsn())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut destinations = Vec::new();
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "{destinations:?}");
            match line.trim_end().split_once("listening on ") {
                Some((_, address)) => break address.to_owned(),
                None => destinations.push(line.trim_end().to_owned()),
            }
        };
        // Read all of its output, so that it never blocks on writing.
        let log = thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Self {
            child,
            address,
            destinations,
            log: Some(log),
        }
    }

    /// Asks the program to end, and returns what it wrote to standard error.
    #[cfg(unix)]
    fn terminate(&mut self) -> String {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
        self.log.take().unwrap().join().unwrap()
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args([signal, &id]).status();
        assert!(kill.unwrap().success());
    }

    /// Ends the program at once, and returns what it wrote to standard error.
    fn kill(&mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Posts a body, and returns the status and the body of the answer.
    fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        let mut request = agent().post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap();
        let answer = response.body_mut().read_to_vec().unwrap();
        (response.status().as_u16(), answer)
    }

    fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        let (status, answer) = self.post(path, &headers, body.to_string().as_bytes());
        (status, serde_json::from_slice(&answer).unwrap())
    }

    /// Waits until the service's state meets a condition.
    fn wait_for(&self, condition: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let health = self.health();
            if condition(&health) {
                return health;
            }
            assert!(begin.elapsed() < PATIENCE, "{health}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn health(&self) -> Value {
        let mut response = agent().get(self.url("/health")).call().unwrap();
        serde_json::from_reader(response.body_mut().as_reader()).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build();
    config.into()
}

fn program() -> Command {
    without_proxies(Command::new(env!("CARGO_BIN_EXE_sentry-genai")))
}

fn without_proxies(mut program: Command) -> Command {
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        program.env_remove(variable);
    }
    program
}

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/corpus")
        .join(path)
}

/// Returns what `translate` makes of a file, in a form that can be compared.
fn translated(path: &Path) -> BTreeSet<String> {
    let output = program()
        .args(["translate", "--pii", "--format", "json"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success());
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let spans = lines.filter(|line| !line.is_empty());
    spans
        .map(|line| {
            summary(&ReceivedSpan::from_json(&serde_json::from_slice(line).unwrap()).unwrap())
        })
        .collect()
}

/// Returns the essentials of a span.
fn summary(span: &ReceivedSpan) -> String {
    format!(
        "{} {} {} {:?} {:?} {:?} {:?}",
        span.span_id,
        span.op(),
        span.name,
        span.conversation_id(),
        span.agent_name(),
        span.str("sentry.segment.name"),
        span.input_messages(),
    )
}

/// Returns a span as OTLP/JSON.
fn span(trace: u8, number: u8, parent: Option<u8>, name: &str, attributes: &Value) -> Value {
    let attributes = attributes.as_object().unwrap().iter();
    let attributes: Vec<_> = attributes
        .map(|(key, value)| match value {
            Value::String(text) => json!({"key": key, "value": {"stringValue": text}}),
            number => json!({"key": key, "value": {"intValue": number}}),
        })
        .collect();
    let id = |number: u8| format!("{number:02x}").repeat(8);
    json!({
        "traceId": format!("{trace:02x}").repeat(16),
        "spanId": id(number),
        "parentSpanId": parent.map(id).unwrap_or_default(),
        "name": name,
        "startTimeUnixNano": "1795132800000000000",
        "endTimeUnixNano": "1795132801000000000",
        "attributes": attributes,
    })
}

/// Returns a request with spans of one service.
fn request(service: &str, spans: &[Value]) -> Value {
    let text = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", service),
            text("service.version", &format!("{service}@1")),
            text("deployment.environment.name", "staging"),
        ]},
        "scopeSpans": [{"spans": spans}],
    }]})
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Compresses as Python's exporters do on request.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}
