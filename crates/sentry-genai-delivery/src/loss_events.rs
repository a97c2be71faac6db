//! Emits events about losses to subscribers in this process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::accounting::{Accounting, LossReason, Stats};

/// The shortest interval between two events, however much is lost.
const INTERVAL: Duration = Duration::from_secs(10);

/// When the last event was emitted, and the figures at that time.
#[derive(Debug, Default)]
pub(crate) struct LossEvents(Mutex<Option<(Instant, Stats)>>);

impl LossEvents {
    /// Emits an event about the losses since the last one, unless that was a moment ago or the losses were intended.
    pub(crate) fn emit(&self, accounting: &Accounting) {
        self.emit_after(INTERVAL, accounting);
    }

    /// Like [`emit`](Self::emit), without the minimum interval, because this is the last event.
    ///
    /// This runs on the program's thread. A panic in a subscriber must not reach it.
    pub(crate) fn emit_final(&self, accounting: &Accounting) {
        let emit = || self.emit_after(Duration::ZERO, accounting);
        let _ = catch_unwind(AssertUnwindSafe(emit));
    }

    fn emit_after(&self, interval: Duration, accounting: &Accounting) {
        let stats = accounting.stats();
        if let Some((spans, reason)) = self.new_losses(Instant::now(), interval, stats) {
            tracing::debug!(
                target: "sentry_genai",
                spans,
                reason = reason.as_str(),
                accepted = stats.accepted,
                last_failure = accounting.last_failure().map(tracing::field::display),
                "spans were not sent"
            );
        }
    }

    /// Returns how many spans have been lost since the last time, and the most frequent reason.
    fn new_losses(
        &self,
        now: Instant,
        interval: Duration,
        stats: Stats,
    ) -> Option<(u64, LossReason)> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|(at, _)| now.saturating_duration_since(at) < interval) {
            return None;
        }
        let before = last.map(|(_, stats)| stats).unwrap_or_default();
        let unwanted = |(reason, _): &(LossReason, u64)| {
            !matches!(reason, LossReason::SampleRate | LossReason::BeforeSend)
        };
        let losses = stats.losses().filter(unwanted);
        let new_losses = losses
            // Another thread may have reported more meanwhile.
            .map(|(reason, spans)| (spans.saturating_sub(before.lost(reason)), reason))
            .filter(|(spans, _)| *spans > 0);
        let new_losses: Vec<_> = new_losses.collect();
        let (_, reason) = *new_losses.iter().max_by_key(|(spans, _)| *spans)?;
        let total = new_losses.iter().map(|(spans, _)| spans).sum();
        *last = Some((now, stats));
        Some((total, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_rate_limited() {
        let (loss_events, accounting) = (LossEvents::default(), Accounting::new(true));
        let now = Instant::now();
        let new_losses = |now| loss_events.new_losses(now, INTERVAL, accounting.stats());
        accounting.count_lost(LossReason::SampleRate, 100);
        assert_eq!(new_losses(now), None, "as wanted");
        accounting.count_lost(LossReason::NetworkError, 3);
        accounting.count_lost(LossReason::SendError, 1);
        let first = new_losses(now);
        assert_eq!(first, Some((4, LossReason::NetworkError)));
        accounting.count_lost(LossReason::QueueOverflow, 7);
        assert_eq!(new_losses(now + INTERVAL / 2), None);
        let second = new_losses(now + INTERVAL);
        assert_eq!(second, Some((7, LossReason::QueueOverflow)));
        assert_eq!(new_losses(now + INTERVAL * 3), None);
        accounting.count_lost(LossReason::NetworkError, 2);
        assert_eq!(new_losses(now + INTERVAL), None);
        let last = loss_events.new_losses(now + INTERVAL, Duration::ZERO, accounting.stats());
        assert_eq!(last, Some((2, LossReason::NetworkError)));
    }
}
