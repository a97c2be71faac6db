//! State that the spans below one local root share.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use sentry_genai_conventions::{Timestamp, TraceId};
use sentry_genai_delivery::Segment;

use crate::{handle::Handle, scoped::Surroundings};

/// State that all spans below one local root share.
pub(crate) struct LocalTrace {
    /// Whether its spans are recorded: they are sent, may yet be kept, or are measured.
    pub(crate) is_recorded: bool,
    pub(crate) handle: Handle,
    pub(crate) segment: Arc<Segment>,
    pub(crate) trace_id: TraceId,
    /// The conversation that came in with the trace.
    conversation: Option<Arc<str>>,
    clock: Clock,
    /// How often an open span has set something that the spans below it inherit; zero if none ever has.
    said: AtomicU32,
    /// The conversation ids and agent names that spans have set, each once.
    names: Mutex<Vec<Arc<str>>>,
}

/// How many names a trace keeps for reuse.
const MAX_NAMES: usize = 8;

impl LocalTrace {
    pub(crate) fn new(
        handle: Handle,
        segment: Arc<Segment>,
        conversation: Option<Arc<str>>,
        clock: Clock,
    ) -> Self {
        let conversation = conversation.filter(|_| handle.propagates_conversations());
        Self {
            is_recorded: segment.trace().recorded(),
            trace_id: segment.trace().trace_id(),
            handle,
            segment,
            conversation,
            clock,
            said: AtomicU32::new(0),
            names: Mutex::default(),
        }
    }

    /// Returns a shared copy of a name, so that spans with the same name share one allocation.
    pub(crate) fn share(&self, name: &str) -> Arc<str> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let shared = Arc::from(name);
        if names.len() < MAX_NAMES {
            names.push(Arc::clone(&shared));
        }
        shared
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn said(&self) -> u32 {
        self.said.load(Ordering::Relaxed)
    }

    /// Notes that an open span has set something that the spans below it inherit.
    pub(crate) fn note_said(&self, said: Said) {
        match said {
            Said::Late => self.said.fetch_add(1, Ordering::Relaxed),
            Said::AtStart => self.said.fetch_max(1, Ordering::Relaxed),
        };
    }

    /// Returns the conversation around the running code: that of a scope, of the trace, or of the request that is being handled.
    pub(crate) fn surrounding_conversation(&self) -> Option<Arc<str>> {
        let scoped = Surroundings::read(|around| {
            let scoped = around.conversation.as_ref().and_then(|frame| frame.id());
            scoped.or_else(|| self.incoming_conversation(around))
        });
        scoped.unwrap_or_else(|| self.conversation.clone())
    }

    /// Returns the conversation that came in with the trace, or with the request that is being handled.
    pub(crate) fn own_conversation(&self) -> Option<Arc<str>> {
        let incoming = Surroundings::read(|around| self.incoming_conversation(around));
        incoming.unwrap_or_else(|| self.conversation.clone())
    }

    fn incoming_conversation(&self, around: &Surroundings) -> Option<Arc<str>> {
        let of_request = || {
            let conversation = around.incoming_conversation.as_ref()?;
            let propagated = self.handle.propagates_conversations();
            propagated.then(|| Arc::clone(conversation))
        };
        self.conversation.clone().or_else(of_request)
    }
}

/// When a span sets something that the spans below it inherit.
#[derive(Clone, Copy)]
pub(crate) enum Said {
    /// Before the span has children.
    AtStart,
    /// When the span may have children.
    Late,
}

/// A clock that reads the wall clock once per trace and measures monotonic time from there, so that no span ends before it starts
/// when the wall clock is set back.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    epoch_nanos: u64,
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            epoch_nanos: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
            started: Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Timestamp {
        let elapsed = self.started.elapsed();
        let nanos = elapsed.as_secs().saturating_mul(1_000_000_000);
        let nanos = nanos.saturating_add(u64::from(elapsed.subsec_nanos()));
        Timestamp::from_nanos(self.epoch_nanos.saturating_add(nanos))
    }
}
