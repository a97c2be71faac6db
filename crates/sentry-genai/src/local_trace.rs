//! What the spans below one local root share.

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

/// What all spans below one local root share.
pub(crate) struct LocalTrace {
    /// Whether its spans are sent, or may be.
    pub(crate) is_recorded: bool,
    pub(crate) handle: Handle,
    pub(crate) segment: Arc<Segment>,
    pub(crate) trace_id: TraceId,
    /// The conversation that came in with the trace.
    conversation: Option<Arc<str>>,
    clock: Clock,
    /// How often an open span has said something that holds for the spans below it; zero if none ever has.
    said: AtomicU32,
    /// The conversations and agents that spans have named, each once.
    names: Mutex<Vec<Arc<str>>>,
}

/// How many names a trace remembers to use again.
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

    /// Returns a name as something that many spans can share.
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

    /// Takes note that an open span says something that holds for those below it.
    pub(crate) fn note_said(&self, said: Said) {
        match said {
            Said::Late => self.said.fetch_add(1, Ordering::Relaxed),
            Said::AtStart => self.said.fetch_max(1, Ordering::Relaxed),
        };
    }

    /// Returns the conversation around the code that runs now: that of a scope, of the trace, or of the request that is handled
    /// here.
    pub(crate) fn surrounding_conversation(&self) -> Option<Arc<str>> {
        let scoped = Surroundings::read(|around| {
            let scoped = around.conversation.as_ref().and_then(|frame| frame.id());
            scoped.or_else(|| self.incoming_conversation(around))
        });
        scoped.unwrap_or_else(|| self.conversation.clone())
    }

    /// Returns the conversation that came in with the trace, or with the request that is handled here.
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

/// When a span says something that holds for the spans below it.
#[derive(Clone, Copy)]
pub(crate) enum Said {
    /// Before there are any.
    AtStart,
    /// When there may be some.
    Late,
}

/// A wall clock that is read once per trace, so that a clock set back does not make spans end before they start.
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
