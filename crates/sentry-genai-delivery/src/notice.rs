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
pub(crate) struct Notices(Mutex<Option<(Instant, Stats)>>);

impl Notices {
    /// Emits an event about the losses since the last one, unless that was a moment ago or the losses were intended.
    pub(crate) fn tell(&self, accounting: &Accounting) {
        self.tell_after(INTERVAL, accounting);
    }

    /// Like [`tell`](Self::tell), without the minimum interval, because this is the last event.
    ///
    /// This runs on the program's thread. A panic in a subscriber must not reach it.
    pub(crate) fn tell_all(&self, accounting: &Accounting) {
        let tell = || self.tell_after(Duration::ZERO, accounting);
        let _ = catch_unwind(AssertUnwindSafe(tell));
    }

    fn tell_after(&self, interval: Duration, accounting: &Accounting) {
        let stats = accounting.stats();
        if let Some((spans, reason)) = self.news(Instant::now(), interval, stats) {
            tracing::debug!(
                target: "sentry_genai",
                spans,
                reason = reason.as_str(),
                accepted = stats.accepted,
                last_failure = accounting.last_failure(),
                "spans were not sent"
            );
        }
    }

    /// Returns how many spans have been lost since the last time, and the most frequent reason.
    fn news(&self, now: Instant, interval: Duration, stats: Stats) -> Option<(u64, LossReason)> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|(at, _)| now.saturating_duration_since(at) < interval) {
            return None;
        }
        let before = last.map(|(_, stats)| stats).unwrap_or_default();
        let unwanted = |(reason, _): &(LossReason, u64)| {
            !matches!(reason, LossReason::SampleRate | LossReason::BeforeSend)
        };
        let losses = stats.losses().filter(unwanted);
        let news = losses
            // Another thread may have reported more meanwhile.
            .map(|(reason, spans)| (spans.saturating_sub(before.lost(reason)), reason))
            .filter(|(spans, _)| *spans > 0);
        let news: Vec<_> = news.collect();
        let (_, reason) = *news.iter().max_by_key(|(spans, _)| *spans)?;
        let total = news.iter().map(|(spans, _)| spans).sum();
        *last = Some((now, stats));
        Some((total, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_now_and_then() {
        let (notices, accounting) = (Notices::default(), Accounting::new(true));
        let now = Instant::now();
        let news = |now| notices.news(now, INTERVAL, accounting.stats());
        accounting.count_lost(LossReason::SampleRate, 100);
        assert_eq!(news(now), None, "as wanted");
        accounting.count_lost(LossReason::NetworkError, 3);
        accounting.count_lost(LossReason::SendError, 1);
        let first = news(now);
        assert_eq!(first, Some((4, LossReason::NetworkError)));
        accounting.count_lost(LossReason::QueueOverflow, 7);
        assert_eq!(news(now + INTERVAL / 2), None);
        let second = news(now + INTERVAL);
        assert_eq!(second, Some((7, LossReason::QueueOverflow)));
        assert_eq!(news(now + INTERVAL * 3), None);
        accounting.count_lost(LossReason::NetworkError, 2);
        assert_eq!(news(now + INTERVAL), None);
        let last = notices.news(now + INTERVAL, Duration::ZERO, accounting.stats());
        assert_eq!(last, Some((2, LossReason::NetworkError)));
    }
}
