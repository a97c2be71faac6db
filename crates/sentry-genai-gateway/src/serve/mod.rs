//! OTLP as a service: gathers what exporters send by trace, translates it, and sends it on to Sentry.

mod admission;
mod gather;
mod grpc;
mod health;
mod http;
mod refusals;
mod routes;
mod segments;
mod waiting_events;

use std::{
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::Translator;
use sentry_genai_delivery::{Delivery, LossReason, Options, SendFailure, Stats};

pub use gather::Patience;
pub use http::router;
pub use routes::Projects;

use admission::Admission;
use gather::{Gatherer, TraceBatch};
use refusals::Refusals;
use routes::Routes;
use segments::Segments;

use crate::{ReceivedSpan, Request, resource, translate_batch};

/// Receives spans over OTLP, and sends them to Sentry in Sentry's own form. Clones refer to the same service.
///
/// The spans of a trace come in several requests, so they wait for one another as long as [`Patience`] says. Then they are
/// translated together, as by [`translate_batch`], and handed to the [delivery](sentry_genai_delivery::Delivery) of their
/// project, which sends, retries, obeys Sentry's limits and reports losses. Spans that come later form a batch of their own, and
/// belong to their service's known segment.
///
/// The caller has to call [`send_due`](Self::send_due) periodically. The program `sentry-genai serve` does so four times a
/// second.
#[derive(Clone, Debug)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    translator: Translator,
    routes: Routes,
    max_bytes: usize,
    gatherer: Mutex<Gatherer>,
    segments: Mutex<Segments>,
    admission: Admission,
    received: AtomicU64,
    refusals: Refusals,
}

/// What a service has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// The number of spans received.
    pub received: u64,
    /// How many of the received spans are waiting for others of their trace.
    pub gathered: u64,
    /// The number of requests refused, as a whole or in part, other than those that came while the service was full.
    pub refused_requests: u64,
    /// The number of GenAI events that came as log records, and were given up because their spans did not come.
    pub events_without_span: u64,
    /// The statistics of the spans that were handed to the delivery. Spans that came twice were left out before, and are not
    /// counted.
    pub delivery: Stats,
}

/// Why a service refuses the contents of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRoom {
    /// Too much is waiting. There will be room later.
    Now,
    /// The contents exceed what may wait altogether.
    Ever,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => "the buffer is full",
            Self::Ever => "the request is larger than the whole buffer",
        })
    }
}

impl Error for NoRoom {}

impl Service {
    /// Starts a service that sends to `projects`, with its threads. Returns `None` if the options allow no delivery.
    ///
    /// All spans are sent, since sampling was decided where they were made. Proxies are taken from the environment (`HTTPS_PROXY`
    /// and `HTTP_PROXY`). Release and environment of a span are those of its resource, unless the client has its own.
    #[must_use]
    pub fn start(
        projects: impl Into<Projects>,
        options: Options,
        patience: Patience,
    ) -> Option<Self> {
        // The translation depends on no option that a client can have here.
        let translator = Translator::new(options.translation(&ClientOptions::new()));
        // The deliveries never drop accepted spans for want of memory: requests are refused long before. The room includes what
        // translation adds to spans, and a second copy, needed while they are encoded as an envelope.
        let buffer_bytes = patience.max_bytes.saturating_mul(4);
        let options = options.with_max_buffer_bytes(buffer_bytes);
        Some(Self(Arc::new(Inner {
            translator,
            routes: Routes::start(projects.into(), &options)?,
            max_bytes: patience.max_bytes,
            gatherer: Mutex::new(Gatherer::new(patience)),
            segments: Mutex::default(),
            admission: Admission::new(patience.max_bytes),
            received: AtomicU64::new(0),
            refusals: Refusals::default(),
        })))
    }

    /// Adds the contents of requests: all of them, or none.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no room for them now, or never can be.
    pub fn receive(&self, requests: Vec<Request>) -> Result<(), NoRoom> {
        let now = Instant::now();
        let bytes = requests.iter().map(gather::footprint).sum();
        let mut gatherer = self.gatherer();
        self.check_capacity(gatherer.bytes(), bytes)?;
        for request in requests {
            match request {
                Request::Traces(spans) => {
                    let count = spans.len() as u64;
                    self.0.received.fetch_add(count, Ordering::Relaxed);
                    gatherer.add_spans(now, spans);
                }
                Request::Events(events) => gatherer.add_events(now, events),
                Request::OtherSignal => {}
            }
        }
        let evicted = gatherer.evict_oldest();
        drop(gatherer);
        self.send(evicted);
        Ok(())
    }

    /// Checks whether there is room for `bytes` in addition to the gathered ones.
    fn check_capacity(&self, gathered: usize, bytes: usize) -> Result<(), NoRoom> {
        if bytes > self.0.max_bytes {
            Err(NoRoom::Ever)
        } else if self.buffered_bytes(gathered) + bytes > self.0.max_bytes {
            Err(NoRoom::Now)
        } else {
            Ok(())
        }
    }

    /// Returns the number of bytes that wait, here and to be sent to Sentry.
    fn buffered_bytes(&self, gathered: usize) -> usize {
        let buffered = self.0.routes.stats().buffered_bytes;
        gathered.saturating_add(usize::try_from(buffered).unwrap_or(usize::MAX))
    }

    /// Sends the traces that have waited long enough.
    pub fn send_due(&self) {
        let due = self.gatherer().take_due(Instant::now());
        self.send(due);
    }

    /// Returns whether three quarters of what may wait is waiting. Exporters had better wait, too: soon there will be no room for
    /// new spans.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let gathered = self.gatherer().bytes();
        self.buffered_bytes(gathered) >= self.0.max_bytes / 4 * 3
    }

    /// Sends everything and ends the service. Returns whether all spans were accepted by the server or counted as lost within
    /// `timeout`.
    pub fn close(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let all = self.gatherer().take_all();
        self.send(all);
        // Meanwhile, spans were sent already.
        self.0.routes.close(timeout.saturating_sub(begin.elapsed()))
    }

    /// Returns what has become of the spans so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        // In the order opposite to that in which spans pass, so that none is counted in two places.
        let delivery = self.0.routes.stats();
        let gatherer = self.gatherer();
        Figures {
            delivery,
            gathered: gatherer.spans() as u64,
            events_without_span: gatherer.events_without_span(),
            refused_requests: self.0.refusals.count(),
            received: self.0.received.load(Ordering::Relaxed),
        }
    }

    /// Returns how the latest failed request to each project failed, and when the latest of them did; `None` if no request has
    /// failed. Failures of a project that a service has for itself name the service.
    #[must_use]
    pub fn last_failure(&self) -> Option<SendFailure> {
        self.0.routes.last_failure()
    }

    /// Returns where the latest of the [refused requests](Figures::refused_requests) was sent to, and why it was refused.
    #[must_use]
    pub fn last_refusal(&self) -> Option<String> {
        self.0.refusals.last()
    }

    /// Translates traces and hands their spans to the delivery.
    fn send(&self, batch: TraceBatch) {
        for taken in batch.traces {
            let (routes, spans) = (&self.0.routes, &taken.parts.spans);
            let number = spans.first().map_or(0, |span| routes.find(&span.resource));
            let delivery = &routes.get(number).delivery;
            let mut other_events = Vec::new();
            count_panic(delivery, spans.len(), |remaining| {
                let (spans, events) = taken.parts.assemble();
                other_events = events;
                *remaining = spans.len();
                self.send_trace(spans, remaining);
            });
            let mut gatherer = self.gatherer();
            // Not when all are through: what the delivery counts must not be counted here any longer.
            gatherer.release(taken.load);
            gatherer.wait_for_spans(Instant::now(), taken.trace_id, other_events);
        }
    }

    /// Translates a trace and hands its spans to the delivery. Subtracts those from `remaining`.
    fn send_trace(&self, spans: Vec<ReceivedSpan>, remaining: &mut usize) {
        let Inner {
            translator, routes, ..
        } = &*self.0;
        let traces = translate_batch(translator, spans);
        let parts = traces.into_iter();
        let parts = parts.flat_map(|trace| trace.split(|resource| routes.find(resource)));
        for (number, part) in parts {
            let route = routes.get(number);
            let Some(config) = route.config(&part.release_info) else {
                continue;
            };
            let spans = self.segments().assign(part, &config);
            for (mut span, resource, segment) in spans {
                resource::add_release_and_environment(&mut span, &resource, &route.client);
                route.delivery.send_translated(span, &segment);
                *remaining -= 1;
            }
        }
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        lock(&self.0.segments)
    }

    fn gatherer(&self) -> MutexGuard<'_, Gatherer> {
        lock(&self.0.gatherer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands over the spans of a trace. If that panics, the rest of the trace is counted as lost, and other traces go on.
fn count_panic(delivery: &Delivery, spans: usize, hand_over: impl FnOnce(&mut usize)) {
    let mut remaining = spans;
    if catch_unwind(AssertUnwindSafe(|| hand_over(&mut remaining))).is_err() {
        delivery.record_lost(LossReason::InternalSdkError, remaining as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use sentry_genai_conventions::{Attributes, SourceSpan, SpanId, Timestamp, TraceId};

    use super::{gather::TakenTrace, *};
    use crate::Client;

    fn received() -> ReceivedSpan {
        let trace_id = TraceId::from_bytes([7; 16]).unwrap();
        let span_id = SpanId::from_bytes([7; 8]).unwrap();
        ReceivedSpan {
            resource: Arc::new(Attributes::default()),
            span: SourceSpan::new(trace_id, span_id, "work", Timestamp::default()),
        }
    }

    /// Sentry gets what the translation has left of the time. What takes so long here is to get at the spans.
    #[test]
    fn translation_counts_towards_the_time_that_closing_may_take() {
        const TIMEOUT: Duration = Duration::from_millis(200);

        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let dsn = format!("http://public@{}/1", silent.local_addr().unwrap());
        let client = Client::new(dsn.parse().unwrap());
        let service = Service::start(client, Options::new(), Patience::default()).unwrap();
        service
            .receive(vec![Request::Traces(vec![received()])])
            .unwrap();
        let gatherer = service.gatherer();
        thread::scope(|scope| {
            let closing = scope.spawn(|| service.close(TIMEOUT));
            thread::sleep(2 * TIMEOUT);
            drop(gatherer);
            assert!(!closing.join().unwrap());
        });
        let failure = service.last_failure().map(|failure| failure.cause);
        assert_ne!(failure.as_deref(), Some("no answer within 200.0ms"));
    }

    /// Whoever asks while spans pass gets figures that add up.
    #[test]
    fn no_span_is_gathered_or_lost_before_it_is_received() {
        const SPANS: u64 = 5_000;

        let client = Client::new("http://public@127.0.0.1:1/1".parse().unwrap());
        let service = Service::start(client, Options::new(), Patience::default()).unwrap();
        let delivery = &service.0.routes.get(0).delivery;
        let pass = || {
            for _ in 0..SPANS {
                let requests = vec![Request::Traces(vec![received()])];
                service.receive(requests).unwrap();
                let mut gatherer = service.gatherer();
                for TakenTrace { load, .. } in gatherer.take_all().traces {
                    gatherer.release(load);
                }
                drop(gatherer);
                delivery.record_lost(LossReason::BeforeSend, 1);
            }
        };
        thread::scope(|scope| {
            let passing = scope.spawn(pass);
            while !passing.is_finished() {
                let figures = service.figures();
                let lost = figures.delivery.lost(LossReason::BeforeSend);
                assert!(figures.gathered + lost <= figures.received, "{figures:?}");
            }
        });
        assert_eq!(service.figures().received, SPANS);
    }

    #[test]
    fn what_a_panic_keeps_from_being_handed_over_is_counted() {
        let client = Client::new("http://public@127.0.0.1:1/1".parse().unwrap());
        let service = Service::start(client, Options::new(), Patience::default()).unwrap();
        let delivery = &service.0.routes.get(0).delivery;
        count_panic(delivery, 3, |remaining| {
            *remaining -= 1;
            panic!("expected");
        });
        count_panic(delivery, 1, |remaining| *remaining -= 1);
        let stats = service.figures().delivery;
        assert_eq!(
            (stats.lost(LossReason::InternalSdkError), stats.produced),
            (2, 2)
        );
    }
}
