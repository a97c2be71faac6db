//! The process-wide list of attached bridges, and the handles and guards that refer to them.

use std::{
    fmt, mem,
    panic::{self, AssertUnwindSafe},
    process,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use sentry::{Client, ClientInitGuard};
use sentry_genai_conventions::TextRoom;
use sentry_genai_delivery::{Delivery, SendFailure, Stats};

use crate::{attached::Attached, conversation::TaskConversations, propagation::IncomingContext};

/// The attached bridges in the order of attachment. Layers use the last one.
static ATTACHED: Attached<Handle> = Attached::new();

/// Whether a bridge was ever attached.
static EVER_ATTACHED: AtomicBool = AtomicBool::new(false);

/// What has to be done when a span is exited; read on every enter and exit.
static EXIT_WORK: AtomicU8 = AtomicU8::new(0);

/// Some bridge needs the entered span on Sentry's scope.
const SCOPE: u8 = 1;

/// The span of an event was remembered on some thread.
const EVENT_SPANS: u8 = 1 << 1;

/// How the Sentry client learns which span an event, log or metric belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CorrelationMode {
    /// The client looks up the current span when it captures something.
    Hooks,
    /// The client has no integration that looks up the span, so the bridge keeps the entered span on Sentry's scope.
    Scope,
}

/// What crosses process boundaries, beside Sentry's own headers of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Propagation {
    /// Conversation ids, in the header `baggage`.
    pub(crate) conversations: bool,
    /// The header `traceparent`.
    pub(crate) traceparent: bool,
}

impl Default for Propagation {
    fn default() -> Self {
        Self {
            conversations: true,
            traceparent: false,
        }
    }
}

/// A handle to a running bridge, with its statistics. Clones refer to the same bridge.
///
/// ```
/// use sentry_genai::Handle;
///
/// /// For a health check.
/// fn describe(handle: &Handle) -> String {
///     let stats = handle.stats();
///     let failure = handle.last_failure().map(|failure| failure.to_string());
///     format!(
///         "{} of {} spans accepted, {} lost, latest failure: {}",
///         stats.accepted,
///         stats.produced,
///         stats.lost_total(),
///         failure.as_deref().unwrap_or("none"),
///     )
/// }
///
/// let sentry = sentry_genai::init(sentry::ClientOptions::new().traces_sample_rate(1.0));
/// let handle = sentry.handle().cloned(); // for other threads; `None` without a DSN
/// println!("{:?}", handle.as_ref().map(describe));
/// ```
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    delivery: Delivery,
    shutdown_timeout: Duration,
    correlation: CorrelationMode,
    text_room: TextRoom,
    propagation: Propagation,
    /// The trace that the environment of the process names.
    environment: IncomingContext,
    task_conversations: TaskConversations,
    /// The Sentry client, if it is one that a hub holds.
    client: Weak<Client>,
    /// The id of the process that has the client's threads.
    process: u32,
}

impl Handle {
    pub(crate) fn new(
        delivery: Delivery,
        shutdown_timeout: Duration,
        correlation: CorrelationMode,
        propagation: Propagation,
        client: Weak<Client>,
    ) -> Self {
        Self(Arc::new(Inner {
            text_room: delivery.text_room(),
            delivery,
            shutdown_timeout,
            correlation,
            propagation,
            environment: IncomingContext::from_env(),
            task_conversations: TaskConversations::default(),
            client,
            process: process::id(),
        }))
    }

    /// Sends all waiting spans, and waits up to `timeout` for the outcome.
    ///
    /// Returns true if every span was accepted by the server or counted as lost, which [`stats`](Self::stats) shows. Spans that
    /// are only held because [their trace may still be kept](crate::Options::with_keep_ai_traces) stay held and do not delay the
    /// result. Called from within a [hook](crate::Options::with_before_send_span), it returns false at once.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.delivery.flush(timeout)
    }

    /// Flushes spans, and then what the client sends itself: a span may still be measured.
    fn flush_with_events(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let spans = self.flush(timeout);
        // A forked process waits in vain for the client's threads, as when the guard is dropped.
        let has_threads = process::id() == self.0.process;
        let client = self.0.client.upgrade().filter(|_| has_threads);
        let remaining = timeout.saturating_sub(begin.elapsed());
        let events = client.is_none_or(|client| flush_client(client, remaining));
        spans && events
    }

    /// Returns how many spans were produced, accepted and lost.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.delivery.stats()
    }

    /// Returns how and when the latest failed request failed; `None` if no request has failed.
    #[must_use]
    pub fn last_failure(&self) -> Option<SendFailure> {
        self.0.delivery.last_failure()
    }

    /// Returns the delivery that sends spans to Sentry, so that another span source, such as that of
    /// `sentry-genai-opentelemetry`, can share it.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.0.delivery
    }

    pub(crate) fn correlation(&self) -> CorrelationMode {
        self.0.correlation
    }

    /// Returns how much of a text is copied from a field.
    pub(crate) fn text_room(&self) -> TextRoom {
        self.0.text_room
    }

    pub(crate) fn propagates_conversations(&self) -> bool {
        self.0.propagation.conversations
    }

    pub(crate) fn propagates_traceparent(&self) -> bool {
        self.0.propagation.traceparent
    }

    pub(crate) fn environment(&self) -> &IncomingContext {
        &self.0.environment
    }

    pub(crate) fn task_conversations(&self) -> &TaskConversations {
        &self.0.task_conversations
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delivery = &self.0.delivery;
        f.debug_struct("Handle")
            .field("destination", &delivery.destination())
            // If nothing is traced, the figures next to this field are zero for that reason alone.
            .field("is_tracing", &delivery.is_tracing())
            .field("is_closed", &delivery.is_closed())
            .field("stats", &self.stats())
            .field("last_failure", &self.last_failure())
            .finish_non_exhaustive()
    }
}

/// A guard that keeps the bridge running. Dropping it flushes the remaining spans and stops the bridge.
///
/// Dropping waits for spans up to [`ClientOptions::shutdown_timeout`](sentry::ClientOptions::shutdown_timeout), two seconds by
/// default. A guard returned by [`init`](crate::init) also owns the Sentry client. The client is closed last, and waits
/// separately for pending errors and logs.
///
/// After a fork, for example in a daemon, the child's copy of the guard sends the spans but leaves the client alone, since the
/// client has no threads there.
#[must_use = "spans are flushed when the guard is dropped; dropping it at once stops everything"]
pub struct Guard {
    handle: Option<Handle>,
    /// The client that captures the metrics. If this is the last reference to it, dropping it sends the last batch: after the
    /// last span, and before `client` is closed.
    metrics_client: Option<Arc<Client>>,
    client: Option<ClientInitGuard>,
    /// The id of the process that created the guard.
    process: u32,
}

impl Guard {
    pub(crate) fn new(
        handle: Option<Handle>,
        client: Option<ClientInitGuard>,
        metrics_client: Option<Arc<Client>>,
    ) -> Self {
        if let Some(handle) = &handle {
            if handle.correlation() == CorrelationMode::Scope {
                EXIT_WORK.fetch_or(SCOPE, Ordering::Relaxed);
            }
            ATTACHED.push(handle.clone());
            EVER_ATTACHED.store(true, Ordering::Release);
        }
        Self {
            handle,
            metrics_client,
            client,
            process: process::id(),
        }
    }

    /// Returns whether there is a destination for spans: a client with a DSN, or Spotlight.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.handle.is_some()
    }

    /// Returns a handle to the bridge, for [`GenAiLayer::with_handle`](crate::GenAiLayer::with_handle) and for its statistics;
    /// `None` if [`is_enabled`](Self::is_enabled) is false.
    #[must_use]
    pub fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }

    /// Sends all waiting spans and what the Sentry client has: events, logs and metrics. Waits up to `timeout` for the outcome.
    ///
    /// Returns true if all of it was sent or counted as lost, as described for [`Handle::flush`]. Also returns true if the guard is
    /// not [enabled](Self::is_enabled). Only spans are flushed in a forked child, and if no hub holds the client.
    pub fn flush(&self, timeout: Duration) -> bool {
        (self.handle.as_ref()).is_none_or(|handle| handle.flush_with_events(timeout))
    }

    /// Returns whether this process is a fork of the one that created the guard. The client has no threads here, and waiting for
    /// them never ends (sentry 0.49.5).
    fn is_forked(&self) -> bool {
        process::id() != self.process
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_forked() {
            mem::forget((self.client.take(), self.metrics_client.take()));
        }
        let Some(handle) = self.handle.take() else {
            return;
        };
        ATTACHED.retain(|other| !Arc::ptr_eq(&other.0, &handle.0));
        handle.0.delivery.close(handle.0.shutdown_timeout);
        if !thread::panicking() {
            log_end(&handle);
        }
    }
}

/// Tells the log that no more spans are sent: nothing else shows that a guard was dropped too early.
///
/// This runs on the program's thread. A panic in a subscriber must not reach it.
fn log_end(handle: &Handle) {
    let stats = handle.stats();
    let log = || {
        tracing::debug!(
            target: "sentry_genai",
            is_tracing = handle.0.delivery.is_tracing(),
            produced = stats.produced,
            accepted = stats.accepted,
            "the guard was dropped, no more spans are sent"
        );
    };
    let _ = panic::catch_unwind(AssertUnwindSafe(log));
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

/// Flushes spans, events, logs and metrics like [`Guard::flush`], that of the bridge that was attached last.
///
/// Returns true if no bridge is attached.
///
/// [`std::process::exit`] drops no guard, so what waits has to be flushed before it. Spans that are still open are not sent:
///
/// ```no_run
/// # fn run() -> Result<(), std::io::Error> { Ok(()) }
/// if let Err(error) = run() {
///     eprintln!("{error}");
///     sentry_genai::flush(std::time::Duration::from_secs(2));
///     std::process::exit(1);
/// }
/// ```
pub fn flush(timeout: Duration) -> bool {
    attached().is_none_or(|handle| handle.flush_with_events(timeout))
}

/// Flushes what the client sends itself. Its transport waits for room in its queue first, and without limit (sentry 0.49.5), so
/// another thread waits for the transport.
fn flush_client(client: Arc<Client>, timeout: Duration) -> bool {
    let (sender, receiver) = mpsc::sync_channel(1);
    let flush = move || sender.send(client.flush(Some(timeout)));
    let thread = thread::Builder::new().name("sentry-genai-flush".to_owned());
    thread.spawn(flush).is_ok() && receiver.recv_timeout(timeout).unwrap_or(false)
}

/// Returns the bridge that was attached last.
pub(crate) fn attached() -> Option<Handle> {
    with_attached(Handle::clone)
}

/// Passes the bridge that was attached last to `f`, which must be quick: a lock is held meanwhile.
#[inline]
pub(crate) fn with_attached<T>(f: impl FnOnce(&Handle) -> T) -> Option<T> {
    ATTACHED.with_last(f)
}

/// Returns all bridges that are attached.
pub(crate) fn all_attached() -> Vec<Handle> {
    ATTACHED.all()
}

/// Returns whether a bridge was ever attached. As long as none was, the layer cannot have recorded a span.
#[inline]
pub(crate) fn ever_attached() -> bool {
    EVER_ATTACHED.load(Ordering::Acquire)
}

/// Returns whether entered spans have to be shown on Sentry's scope.
#[inline]
pub(crate) fn scope_correlation() -> bool {
    EXIT_WORK.load(Ordering::Relaxed) & SCOPE != 0
}

/// Returns whether anything has to be done when a span is exited.
#[inline]
pub(crate) fn exits_have_work() -> bool {
    EXIT_WORK.load(Ordering::Relaxed) != 0
}

/// Notes that the spans of events have to be forgotten when they are exited.
pub(crate) fn note_event_span() {
    if EXIT_WORK.load(Ordering::Relaxed) & EVENT_SPANS == 0 {
        EXIT_WORK.fetch_or(EVENT_SPANS, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;

    use sentry::{ClientOptions, Envelope, Hub, Transport};
    use tracing::{Event, Subscriber, field::Field};
    use tracing_subscriber::{Layer, layer::Context, prelude::*};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<RwLock<String>>);

    impl<S: Subscriber> Layer<S> for Log {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut log = self.0.write().unwrap();
            event.record(&mut |field: &Field, value: &dyn fmt::Debug| {
                log.push_str(&format!("{field}={value:?} "));
            });
        }
    }

    #[test]
    fn a_dropped_guard_is_logged() {
        let options = sentry::ClientOptions::new().dsn("http://key@localhost/1");
        let guard = crate::attach(&Client::from(options));
        let log = Log::default();
        let subscriber = tracing_subscriber::registry().with(log.clone());
        tracing::subscriber::with_default(subscriber, || drop(guard));
        assert_eq!(
            *log.0.read().unwrap(),
            "message=the guard was dropped, no more spans are sent is_tracing=false produced=0 accepted=0 "
        );
    }

    #[test]
    fn a_handle_shows_where_spans_go_and_whether_they_still_do() {
        let options = sentry::ClientOptions::new().dsn("http://key@localhost:9000/1");
        let guard = crate::attach(&Client::from(options));
        let handle = guard.handle().unwrap().clone();
        let shows = |state: &str| {
            let start = "Handle { destination: \"http://localhost:9000/api/1/envelope/\", ";
            let shown = format!("{handle:?}");
            assert!(shown.starts_with(start) && shown.contains(state), "{shown}");
        };
        shows("is_closed: false");
        drop(guard);
        shows("is_closed: true");
    }

    /// A transport whose queue is full, and whose server does not answer.
    struct Stuck;

    impl Transport for Stuck {
        fn send_envelope(&self, _: Envelope) {}

        fn flush(&self, _: Duration) -> bool {
            loop {
                thread::park();
            }
        }
    }

    #[test]
    fn a_flush_takes_no_longer_than_it_may_even_if_the_transport_does() {
        let transport = |_: &ClientOptions| -> Arc<dyn Transport> { Arc::new(Stuck) };
        let options = ClientOptions::new()
            .dsn("http://key@localhost/1")
            .transport(transport);
        let client = Arc::new(Client::from(options));
        let hub = Arc::new(Hub::new(Some(Arc::clone(&client)), Arc::default()));
        let guard = Hub::run(hub, || crate::attach(&client));
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(guard.flush(Duration::from_millis(50))));
        assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(false));
    }
}
