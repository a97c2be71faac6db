//! The part of a trace that belongs to one service entry.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use sentry_genai_conventions::{SpanId, Timestamp};

use crate::{clock::Clock, scope::ScopeData, trace::Trace};

/// A segment: the part of a trace below one service entry.
///
/// Every span is sent with the id and the name of its segment. The name is read when the span is encoded, so a route
/// that becomes known late still applies to spans that ended before, as long as they have not been encoded.
#[derive(Debug)]
pub struct Segment {
    trace: Arc<Trace>,
    span_id: SpanId,
    /// The outermost span of the segment that this delivery sends. It is the segment span, unless another client sends
    /// that.
    local_root: SpanId,
    name: Mutex<Arc<str>>,
    names_trace: bool,
    /// The clock that gives its spans their times; `None` for that of the system.
    clock: Option<Clock>,
    ended: AtomicBool,
    scope: ScopeData,
    /// The conversation ids and agent names that its spans have set, each once.
    interned: Mutex<Vec<Arc<str>>>,
}

/// How many names a segment keeps for reuse.
const MAX_INTERNED: usize = 8;

impl Segment {
    /// Creates a segment whose root is the span `span_id`.
    ///
    /// The first segment of a trace that starts in this process also names the trace in the dynamic sampling context.
    #[must_use]
    pub fn new(trace: Arc<Trace>, span_id: SpanId, name: impl Into<Arc<str>>) -> Self {
        Self::within(trace, span_id, span_id, name)
    }

    /// Creates the part of a segment that lies below the span `local_root`. The segment's root `span_id` is sent by
    /// someone else: it is a transaction of the Sentry client in this process.
    #[must_use]
    pub fn within(
        trace: Arc<Trace>,
        span_id: SpanId,
        local_root: SpanId,
        name: impl Into<Arc<str>>,
    ) -> Self {
        let name = name.into();
        let names_trace = !trace.has_transaction();
        // A segment without a name is one of which only children are known.
        if names_trace && !name.is_empty() {
            trace.set_transaction(&name);
        }
        Self {
            trace,
            span_id,
            local_root,
            name: Mutex::new(name),
            names_trace,
            clock: None,
            ended: AtomicBool::new(false),
            scope: ScopeData::default(),
            interned: Mutex::default(),
        }
    }

    /// Sets the clock that gives the spans of the segment their times. Envelopes say by this clock when they were sent.
    ///
    /// Sentry compares that with its own clock, and corrects the times of the spans if the two are far apart.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    pub(crate) fn clock(&self) -> Option<Clock> {
        self.clock
    }

    /// Returns the time by the clock of the segment, or else of the system.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.unwrap_or_else(Clock::start).now()
    }

    /// Returns the id of the segment span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Returns the id of the outermost span of the segment that this delivery sends.
    #[must_use]
    pub fn local_root(&self) -> SpanId {
        self.local_root
    }

    /// Returns the current name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.lock_name())
    }

    /// Renames the segment. Spans that have already been encoded keep the old name.
    pub fn set_name(&self, name: impl Into<Arc<str>>) {
        let name = name.into();
        if self.names_trace {
            self.trace.set_transaction(&name);
        }
        *self.lock_name() = name;
    }

    /// Returns a shared copy of a conversation id or the name of an agent, so that spans with the same one share an allocation.
    /// The copies that are kept for that are freed with the segment, by a delivery thread as a rule.
    #[must_use]
    pub fn intern(&self, name: &str) -> Arc<str> {
        let mut interned = self.interned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = interned.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let shared = Arc::from(name);
        if interned.len() < MAX_INTERNED {
            interned.push(Arc::clone(&shared));
        }
        shared
    }

    /// Returns the trace.
    #[must_use]
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }

    /// Returns whether [`Delivery::read_scope`](crate::Delivery::read_scope) would still read the scope.
    #[inline]
    #[must_use]
    pub fn may_read_scope(&self) -> bool {
        self.scope.may_read()
    }

    pub(crate) fn scope(&self) -> &ScopeData {
        &self.scope
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn lock_name(&self) -> MutexGuard<'_, Arc<str>> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_first_names_share_an_allocation_each_and_the_others_are_not_kept() {
        let segment = testing::segment();
        let is_shared = |number: usize| {
            let name = format!("conversation {number}");
            Arc::ptr_eq(&segment.intern(&name), &segment.intern(&name))
        };
        for number in 0..MAX_INTERNED + 3 {
            assert_eq!(is_shared(number), number < MAX_INTERNED, "{number}");
        }
        assert!(is_shared(0), "it is still known");
    }
}
