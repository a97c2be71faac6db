//! Losses, told to whoever listens in this process.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::accounting::{Accounting, LossReason, Stats};

/// Between two events lie at least so many seconds, however much is lost.
const INTERVAL: Duration = Duration::from_secs(10);

/// What was told last, and when.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<Option<(Instant, Stats)>>);

impl Notices {
    /// Makes an event of what was lost since the last one, unless that was a moment ago or the loss was wanted.
    pub(crate) fn tell(&self, accounting: &Accounting) {
        let stats = accounting.stats();
        if let Some((spans, reason)) = self.news(Instant::now(), stats) {
            tracing::debug!(
                target: "sentry_genai",
                spans,
                reason = reason.as_str(),
                accepted = stats.accepted,
                "spans were not sent"
            );
        }
    }

    /// Returns how many spans were lost since the last time, and the reason of most of them.
    fn news(&self, now: Instant, stats: Stats) -> Option<(u64, LossReason)> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|(at, _)| now.saturating_duration_since(at) < INTERVAL) {
            return None;
        }
        let before = last.map(|(_, stats)| stats).unwrap_or_default();
        let unwanted = |(reason, _): &(LossReason, u64)| {
            !matches!(reason, LossReason::SampleRate | LossReason::BeforeSend)
        };
        let losses = stats.losses().filter(unwanted);
        let news = losses
            .map(|(reason, spans)| (spans - before.lost(reason), reason))
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
        let (notices, accounting) = (Notices::default(), Accounting::default());
        let now = Instant::now();
        accounting.lose(LossReason::SampleRate, 100);
        assert_eq!(notices.news(now, accounting.stats()), None, "as wanted");
        accounting.lose(LossReason::NetworkError, 3);
        accounting.lose(LossReason::SendError, 1);
        let first = notices.news(now, accounting.stats());
        assert_eq!(first, Some((4, LossReason::NetworkError)));
        accounting.lose(LossReason::QueueOverflow, 7);
        assert_eq!(notices.news(now + INTERVAL / 2, accounting.stats()), None);
        let second = notices.news(now + INTERVAL, accounting.stats());
        assert_eq!(second, Some((7, LossReason::QueueOverflow)));
        assert_eq!(notices.news(now + INTERVAL * 3, accounting.stats()), None);
    }
}
