//! A minimal HTTP server that remembers every request.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;

/// What the server does with a request. At the end of its script it answers 200.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Answers with a status and some header lines.
    Status(u16, &'static str),
    /// Answers with a status and a body.
    Refusal(u16, &'static str),
    /// Answers 200, but not before the gate opens.
    Gate,
    /// Never answers.
    Hang,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, value)| &**value)
    }

    /// The lines of the envelope, each of which must be JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let body = self.body.strip_suffix('\n').expect("ends with a newline");
        let parsed = body.split('\n').map(serde_json::from_str);
        parsed.map(|line| line.expect("is JSON")).collect()
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    requests: Vec<Request>,
    connections: usize,
    gate_is_open: bool,
}

impl Server {
    pub(crate) fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        state.0.lock().unwrap().script = script.into_iter().collect();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&stream.unwrap(), &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn dsn(&self) -> String {
        format!("http://public@{}/42", self.address)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.0.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.0.lock().unwrap().connections
    }

    pub(crate) fn wait_for(&self, requests: usize, timeout: Duration) {
        self.wait(timeout, |state| state.requests.len() >= requests);
    }

    pub(crate) fn open_gate(&self) {
        self.state.0.lock().unwrap().gate_is_open = true;
        self.state.1.notify_all();
    }

    /// The number of spans that client reports declare lost for one reason, over all requests.
    pub(crate) fn reported(&self, reason: &str) -> u64 {
        let mut quantity = 0;
        for request in self.requests() {
            for line in request.lines() {
                let events = line["discarded_events"].as_array();
                let events = events.into_iter().flatten();
                let matching = events.filter(|event| event["reason"] == reason);
                quantity += matching
                    .filter_map(|event| event["quantity"].as_u64())
                    .sum::<u64>();
            }
        }
        quantity
    }

    fn wait(&self, timeout: Duration, mut arrived: impl FnMut(&State) -> bool) {
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let (_state, waited) = changed
            .wait_timeout_while(state, timeout, |state| !arrived(state))
            .unwrap();
        assert!(!waited.timed_out(), "nothing came");
    }
}

fn serve(stream: &TcpStream, (state, changed): &(Mutex<State>, Condvar)) {
    state.lock().unwrap().connections += 1;
    changed.notify_all();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let reply = {
            let mut state = state.lock().unwrap();
            state.requests.push(request);
            state.script.pop_front()
        };
        changed.notify_all();
        match reply {
            None => answer(stream, 200, "", "{}"),
            Some(Reply::Status(status, headers)) => answer(stream, status, headers, "{}"),
            Some(Reply::Refusal(status, body)) => answer(stream, status, "", body),
            Some(Reply::Gate) => {
                let state = state.lock().unwrap();
                drop(changed.wait_while(state, |state| !state.gate_is_open));
                answer(stream, 200, "", "{}");
            }
            Some(Reply::Hang) => thread::sleep(Duration::from_secs(3600)),
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut request = Request {
        line: line.trim_end().to_owned(),
        headers,
        body: String::new(),
    };
    let length = request.header("content-length")?.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}

fn answer(mut stream: &TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    let _ = stream.write_all(response.as_bytes());
}
