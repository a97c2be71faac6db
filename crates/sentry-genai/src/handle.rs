//! The one process-wide thing: the delivery that layers send to.

use std::{
    fmt, mem, process,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sentry::{Client, ClientInitGuard};
use sentry_genai_conventions::ContentLimits;
use sentry_genai_delivery::{Delivery, Stats};

use crate::conversation::TaskFrames;

/// The bridges that are attached, the one attached last at the end: layers use that one.
static ATTACHED: RwLock<Vec<Handle>> = RwLock::new(Vec::new());

/// Whether there has ever been one.
static EVER_ATTACHED: AtomicBool = AtomicBool::new(false);

/// Whether any handle needs the entered span on Sentry's scope; read on every enter.
static SCOPE_CORRELATION: AtomicBool = AtomicBool::new(false);

/// How events captured inside a span get to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CorrelationMode {
    /// The client asks for the current span when it captures something.
    Hooks,
    /// The client cannot be made to ask, so the span that is entered is kept on Sentry's scope.
    Scope,
}

/// Whether conversations cross processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConversationPropagation {
    /// In the header `baggage`.
    #[default]
    Baggage,
    Off,
}

/// A running bridge. Clones refer to the same one.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    delivery: Delivery,
    shutdown_timeout: Duration,
    correlation: CorrelationMode,
    text_room: usize,
    propagation: ConversationPropagation,
    task_frames: TaskFrames,
}

impl Handle {
    pub(crate) fn new(
        delivery: Delivery,
        shutdown_timeout: Duration,
        correlation: CorrelationMode,
        limits: ContentLimits,
        propagation: ConversationPropagation,
    ) -> Self {
        Self(Arc::new(Inner {
            delivery,
            shutdown_timeout,
            correlation,
            text_room: limits.text_room(),
            propagation,
            task_frames: TaskFrames::default(),
        }))
    }

    /// Sends what is waiting, and returns whether the fate of all of it was decided within `timeout`: accepted by the server, or counted
    /// as lost, which [`stats`](Self::stats) tells.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.delivery.flush(timeout)
    }

    /// Returns how many spans were produced, accepted and lost.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.delivery.stats()
    }

    /// Returns how the last request failed that did, such as "HTTP status 403"; `None` if there was no such request.
    #[must_use]
    pub fn last_failure(&self) -> Option<String> {
        self.0.delivery.last_failure()
    }

    /// Returns what brings spans to Sentry, to be shared with another door, such as that of `sentry-genai-opentelemetry`.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.0.delivery
    }

    pub(crate) fn correlation(&self) -> CorrelationMode {
        self.0.correlation
    }

    /// Returns the longest text to copy from a field, in bytes.
    pub(crate) fn text_room(&self) -> usize {
        self.0.text_room
    }

    pub(crate) fn propagates_conversations(&self) -> bool {
        self.0.propagation == ConversationPropagation::Baggage
    }

    pub(crate) fn task_frames(&self) -> &TaskFrames {
        &self.0.task_frames
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            // Where nothing is traced, the figures beside it are zero for that reason alone.
            .field("is_tracing", &self.0.delivery.is_tracing())
            .field("stats", &self.stats())
            .field("last_failure", &self.last_failure())
            .finish_non_exhaustive()
    }
}

/// Keeps the bridge running; dropping it flushes and stops it.
///
/// It waits for spans as long as [`ClientOptions::shutdown_timeout`](sentry::ClientOptions::shutdown_timeout) says, two seconds by
/// default. After [`init`](crate::init) the guard also holds the Sentry client, which is closed last, and takes its own time for
/// errors and logs that are on their way. In a process that was forked since, such as a daemon, it sends the spans and leaves the
/// client alone, which has no threads there.
#[must_use = "spans are flushed when the guard is dropped; dropping it at once stops everything"]
pub struct Guard {
    handle: Option<Handle>,
    /// What takes the metrics. Where nobody else keeps it, its last batch leaves when it is dropped: after the last span, and
    /// before `client` is closed.
    measuring: Option<Arc<Client>>,
    client: Option<ClientInitGuard>,
    /// The id of the process it was made in.
    process: u32,
}

impl Guard {
    pub(crate) fn new(
        handle: Option<Handle>,
        client: Option<ClientInitGuard>,
        measuring: Option<Arc<Client>>,
    ) -> Self {
        if let Some(handle) = &handle {
            if handle.correlation() == CorrelationMode::Scope {
                SCOPE_CORRELATION.store(true, Ordering::Relaxed);
            }
            let mut attached = ATTACHED.write().unwrap_or_else(PoisonError::into_inner);
            attached.push(handle.clone());
            EVER_ATTACHED.store(true, Ordering::Release);
        }
        Self {
            handle,
            measuring,
            client,
            process: process::id(),
        }
    }

    /// Returns whether there is somebody to send to: a client with a DSN, or Spotlight.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.handle.is_some()
    }

    /// Returns the bridge, for [`GenAiLayer::with_handle`](crate::GenAiLayer::with_handle) and for its figures; `None`
    /// without a DSN.
    #[must_use]
    pub fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }

    /// Sends what is waiting, spans and events, and returns whether the fate of all of it was decided within `timeout`: sent, or counted
    /// as lost, which [`Handle::stats`] tells. True without a DSN. In a process that was forked since, spans alone.
    pub fn flush(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let spans = self
            .handle
            .as_ref()
            .is_none_or(|handle| handle.flush(timeout));
        let events = self
            .client
            .as_ref()
            .filter(|_| !self.is_forked())
            .is_none_or(|client| client.flush(Some(timeout.saturating_sub(begin.elapsed()))));
        spans && events
    }

    /// Whether this is another process than that it was made in. The client has no threads there, and whoever waits for them waits
    /// for good (sentry 0.49.5).
    fn is_forked(&self) -> bool {
        process::id() != self.process
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_forked() {
            mem::forget((self.client.take(), self.measuring.take()));
        }
        let Some(handle) = self.handle.take() else {
            return;
        };
        {
            let mut attached = ATTACHED.write().unwrap_or_else(PoisonError::into_inner);
            attached.retain(|other| !Arc::ptr_eq(&other.0, &handle.0));
        }
        handle.0.delivery.close(handle.0.shutdown_timeout);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

/// Sends the spans that are waiting in the bridge attached last, and returns whether the fate of all of them was decided within
/// `timeout`, as [`Handle::flush`] does. True if none is attached.
pub fn flush(timeout: Duration) -> bool {
    attached().is_none_or(|handle| handle.flush(timeout))
}

/// Returns the bridge attached last.
pub(crate) fn attached() -> Option<Handle> {
    ATTACHED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .last()
        .cloned()
}

/// Lets the bridge attached last be used, which must not take long.
#[inline]
pub(crate) fn with_attached(use_it: impl FnOnce(&Handle)) {
    let attached = ATTACHED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = attached.last() {
        use_it(handle);
    }
}

/// Returns false as long as no handle has been attached: then no span can have been seen either.
#[inline]
pub(crate) fn ever_attached() -> bool {
    EVER_ATTACHED.load(Ordering::Acquire)
}

/// Returns whether entering a span has to show on Sentry's scope.
#[inline]
pub(crate) fn scope_correlation() -> bool {
    SCOPE_CORRELATION.load(Ordering::Relaxed)
}
