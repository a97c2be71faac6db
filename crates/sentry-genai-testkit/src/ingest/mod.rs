//! A local Sentry that checks every byte.

mod checks;
mod client_report;
mod envelope;
mod fault;
mod figures;
mod framing;
mod http;
mod record;
mod span_container;
mod strict_json;
mod violations;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use serde_json::Value;

use self::record::{Record, Retention};
pub use self::{
    envelope::{ReceivedEnvelope, ReceivedItem},
    fault::Fault,
    figures::Figures,
};
use crate::{ReceivedSpan, server::Server};

/// A Sentry server for tests: it receives envelopes, checks them strictly, and keeps them for inspection.
///
/// It listens on a free port of 127.0.0.1, on its own thread, until it is dropped.
///
/// An envelope that violates the protocol is answered with status 400 and the reasons in the body. It is listed in
/// [`violations`](Self::violations) and does not count: its contents are missing from [`spans`](Self::spans) and the other typed
/// views. (Sentry itself answers 200 and drops such spans later, where no test can see it.)
///
/// On request, the server misbehaves as servers and networks do: see [`Fault`], [`script`](Self::script),
/// [`always`](Self::always) and [`random`](Self::random). Envelopes that were not answered with success do not count either.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use sentry_genai_testkit::Ingest;
///
/// let ingest = Ingest::start()?;
/// assert!(ingest.dsn().starts_with("http://public@127.0.0.1:"));
/// // ... initialise a client with this DSN, make spans, flush ...
/// assert!(ingest.spans().is_empty());
/// assert_eq!(ingest.violations(), [""; 0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ingest {
    server: Server,
    record: Arc<Record>,
}

impl Ingest {
    /// Starts the server.
    ///
    /// # Errors
    ///
    /// Returns an error if no port can be bound or no thread can be started.
    pub fn start() -> io::Result<Self> {
        Self::start_with(Retention::Envelopes)
    }

    /// Starts a server that checks and counts, but keeps no envelopes, so that a long test does not fill the memory.
    ///
    /// Of the views, only [`figures`](Self::figures) and [`client_reports`](Self::client_reports) then return anything.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`start`](Self::start).
    pub fn start_counting() -> io::Result<Self> {
        Self::start_with(Retention::Figures)
    }

    fn start_with(retention: Retention) -> io::Result<Self> {
        let record = Arc::new(Record::new(retention));
        let serving = Arc::clone(&record);
        let serve = |listener| http::serve(listener, serving);
        let server = Server::start_with("testkit-ingest", serve)?;
        Ok(Self { server, record })
    }

    /// Sets the faults for the next requests, one after the other. They take precedence over [`always`](Self::always) and
    /// [`random`](Self::random).
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.record.faults().script(faults);
    }

    /// Sets the fault for every request, until it is replaced or [`heal`](Self::heal) is called.
    pub fn always(&self, fault: Fault) {
        self.record.faults().permanent(Some(fault));
    }

    /// Draws a fault at random for every request. Each fault comes with its probability; their sum is at most 1. The same seed
    /// gives the same sequence of faults.
    pub fn random(&self, seed: u64, faults: impl IntoIterator<Item = (f64, Fault)>) {
        let faults = faults.into_iter().collect();
        self.record.faults().random(seed, faults);
    }

    /// Removes all faults: requests are answered normally again.
    pub fn heal(&self) {
        self.record.faults().clear();
    }

    /// Returns the counts of requests, spans and offences so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.record.tally(|tally| tally.figures)
    }

    /// Returns the DSN for the client under test: key `public`, project 1.
    #[must_use]
    pub fn dsn(&self) -> String {
        format!("http://public@{}/1", self.server.address())
    }

    /// Returns the base URL of the server, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns all streamed spans, in order of arrival.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.record.read(spans)
    }

    /// Blocks the thread until at least `count` streamed spans have arrived, and returns all that have.
    ///
    /// At the timeout it returns what has arrived so far. The server runs on its own thread and needs nothing from the caller's
    /// runtime. Tasks of a single-threaded runtime make no progress meanwhile, so flush first.
    #[must_use]
    pub fn wait_for_spans(&self, count: usize, timeout: Duration) -> Vec<ReceivedSpan> {
        let count = count as u64;
        let is_enough = |tally: &figures::Tally| tally.streamed_spans >= count;
        self.record.wait(timeout, is_enough, spans)
    }

    /// Returns the payloads of all events, such as errors.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.payloads("event")
    }

    /// Returns the payloads of all transactions.
    #[must_use]
    pub fn transactions(&self) -> Vec<Value> {
        self.payloads("transaction")
    }

    /// Returns all log entries.
    #[must_use]
    pub fn logs(&self) -> Vec<Value> {
        self.contained("log")
    }

    /// Returns all metrics.
    #[must_use]
    pub fn metrics(&self) -> Vec<Value> {
        self.contained("trace_metric")
    }

    /// Returns the losses that clients reported: quantities by category and reason, such as `("span", "queue_overflow")`. As in
    /// Sentry, client reports are read even from requests that are rejected by a rate limit.
    #[must_use]
    pub fn client_reports(&self) -> BTreeMap<(String, String), u64> {
        self.record.tally(|tally| tally.client_reports.clone())
    }

    /// Returns all envelopes in order of arrival, including those that were rejected.
    #[must_use]
    pub fn envelopes(&self) -> Vec<ReceivedEnvelope> {
        self.record.read(<[_]>::to_vec)
    }

    /// Returns every body that crossed the socket, decompressed and concatenated, including those that were rejected.
    ///
    /// Search it for secrets that must not leave the process.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.record.read(|envelopes| {
            let bodies = envelopes.iter().map(|it| it.bytes.as_slice());
            bodies.collect::<Vec<_>>().concat()
        })
    }

    /// Returns the violations of the protocol, as one readable line each. A test usually asserts that there are none.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.record.read(|envelopes| {
            let lines = envelopes.iter().flat_map(|it| &it.violations);
            lines.cloned().collect()
        })
    }

    /// Discards everything received so far.
    pub fn clear(&self) {
        self.record.clear();
    }

    fn payloads(&self, kind: &str) -> Vec<Value> {
        self.items(kind, |item| item.payload.clone().into_iter().collect())
    }

    fn contained(&self, kind: &str) -> Vec<Value> {
        self.items(kind, |item| item.contained().cloned().collect())
    }

    fn items(&self, kind: &str, read: impl Fn(&ReceivedItem) -> Vec<Value>) -> Vec<Value> {
        self.record.read(|envelopes| {
            accepted(envelopes)
                .flat_map(|envelope| &envelope.items)
                .filter(|item| item.kind() == Some(kind))
                .flat_map(read)
                .collect()
        })
    }
}

fn accepted(envelopes: &[ReceivedEnvelope]) -> impl Iterator<Item = &ReceivedEnvelope> {
    envelopes.iter().filter(|envelope| envelope.is_accepted())
}

fn spans(envelopes: &[ReceivedEnvelope]) -> Vec<ReceivedSpan> {
    accepted(envelopes)
        .flat_map(ReceivedEnvelope::spans)
        .collect()
}
