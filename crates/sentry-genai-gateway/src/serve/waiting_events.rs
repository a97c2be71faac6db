//! Keeps events that came as log records until their spans come.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sentry_genai_conventions::TraceId;

use crate::ReceivedEvent;

/// How long events wait, after the latest of their trace, for their spans. Clients give up a model call after ten minutes.
const MAX_WAIT: Duration = Duration::from_secs(11 * 60);

/// The events that no span has come for, by trace.
#[derive(Debug)]
pub(super) struct WaitingEvents {
    traces: HashMap<TraceId, Waiting>,
    bytes: usize,
    max_bytes: usize,
    /// The number of events that were given up.
    given_up: u64,
}

#[derive(Debug)]
struct Waiting {
    events: Vec<ReceivedEvent>,
    bytes: usize,
    latest: Instant,
}

impl WaitingEvents {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            traces: HashMap::new(),
            bytes: 0,
            max_bytes,
            given_up: 0,
        }
    }

    /// Adds events of a trace. If there are too many, those of the oldest traces are dropped: most belong to spans that were not
    /// sampled, and never come.
    pub(super) fn add(&mut self, now: Instant, trace_id: TraceId, events: Vec<ReceivedEvent>) {
        if events.is_empty() {
            return;
        }
        let mut bytes: usize = events.iter().map(event_footprint).sum();
        let waiting = self.traces.entry(trace_id).or_insert_with(|| {
            bytes += size_of::<Waiting>();
            Waiting {
                events: Vec::new(),
                bytes: 0,
                latest: now,
            }
        });
        waiting.events.extend(events);
        waiting.bytes += bytes;
        waiting.latest = waiting.latest.max(now);
        self.bytes += bytes;
        self.remove_oldest();
    }

    /// Returns the events of a trace, and the number of bytes that they occupy.
    pub(super) fn take(&mut self, trace_id: TraceId) -> Option<(Vec<ReceivedEvent>, usize)> {
        let Waiting { events, bytes, .. } = self.traces.remove(&trace_id)?;
        self.bytes -= bytes;
        Some((events, bytes))
    }

    pub(super) fn remove_expired(&mut self, now: Instant) {
        self.traces.retain(|_, waiting| {
            let is_kept = now.saturating_duration_since(waiting.latest) < MAX_WAIT;
            if !is_kept {
                self.bytes -= waiting.bytes;
                self.given_up += waiting.events.len() as u64;
            }
            is_kept
        });
    }

    /// Counts an event that no span can come for.
    pub(super) fn give_up(&mut self) {
        self.given_up += 1;
    }

    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove_oldest(&mut self) {
        if self.bytes <= self.max_bytes {
            return;
        }
        // Go well below the limit, so that not every event has to search for the oldest traces.
        let target_bytes = self.max_bytes / 4 * 3;
        let mut oldest: Vec<_> = (self.traces.iter())
            .map(|(trace_id, waiting)| (waiting.latest, *trace_id))
            .collect();
        oldest.sort_unstable_by_key(|(latest, _)| *latest);
        for (_, trace_id) in oldest {
            if self.bytes <= target_bytes {
                return;
            }
            if let Some((events, _)) = self.take(trace_id) {
                self.given_up += events.len() as u64;
            }
        }
    }
}

/// Returns what an event occupies.
pub(super) fn event_footprint(received: &ReceivedEvent) -> usize {
    size_of::<ReceivedEvent>() + received.event.attributes.footprint()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sentry_genai_conventions::SourceEvent;

    use super::*;

    fn events(count: usize) -> Vec<ReceivedEvent> {
        let event = || ReceivedEvent {
            within: None,
            scope: Arc::from(""),
            event: SourceEvent::new("gen_ai.choice"),
        };
        std::iter::repeat_with(event).take(count).collect()
    }

    fn trace_id(number: u8) -> TraceId {
        TraceId::from_bytes([number; 16]).unwrap()
    }

    #[test]
    fn events_wait_for_as_long_as_a_call_may_take() {
        let mut waiting = WaitingEvents::new(1_000_000);
        let start = Instant::now();
        waiting.add(start, trace_id(1), events(2));
        waiting.add(start, trace_id(2), events(1));
        let later = start + Duration::from_secs(60);
        waiting.add(later, trace_id(1), events(3));
        waiting.remove_expired(start + MAX_WAIT);
        assert!(waiting.take(trace_id(2)).is_none());
        assert_eq!(waiting.given_up(), 1);
        let (events, bytes) = waiting.take(trace_id(1)).unwrap();
        assert_eq!(events.len(), 5);
        assert!(bytes > events.len() * size_of::<ReceivedEvent>());
        assert_eq!(waiting.bytes(), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let max_bytes = 50 * size_of::<ReceivedEvent>();
        let mut waiting = WaitingEvents::new(max_bytes);
        let start = Instant::now();
        for number in 1..=100 {
            let now = start + Duration::from_secs(number.into());
            waiting.add(now, trace_id(number), events(2));
            assert!(waiting.bytes() <= max_bytes);
        }
        let kept: Vec<_> = (1..=100)
            .filter(|number| waiting.take(trace_id(*number)).is_some())
            .collect();
        assert!(kept.len() > 10, "{kept:?}");
        let latest: Vec<_> = (101 - kept.len() as u8..=100).collect();
        assert_eq!(kept, latest, "the latest stay");
        assert_eq!(waiting.given_up(), 2 * (100 - kept.len() as u64));
        assert_eq!(waiting.bytes(), 0);
    }
}
