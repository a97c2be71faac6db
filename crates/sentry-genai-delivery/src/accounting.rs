//! Counts what became of every span.

use std::{
    fmt,
    iter::Sum,
    ops::AddAssign,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::{
    failure::SendFailure,
    json::{write_integer, write_string},
};

/// Why a span did not reach Sentry, in the vocabulary of Sentry's client reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossReason {
    /// More spans waited than the buffer may hold.
    QueueOverflow,
    /// The server had asked for a pause, or refused the spans because of a quota.
    RatelimitBackoff,
    /// The server could not be reached or did not answer.
    NetworkError,
    /// The server refused the envelope, or the span was too large to send.
    SendError,
    /// The trace was not sampled.
    SampleRate,
    /// The `before_send_span` hook returned `None`.
    BeforeSend,
    /// The `before_send_span` hook panicked.
    CallbackError,
    /// Something in this process went wrong, or the delivery was closed.
    InternalSdkError,
}

impl LossReason {
    const ALL: [Self; 8] = [
        Self::QueueOverflow,
        Self::RatelimitBackoff,
        Self::NetworkError,
        Self::SendError,
        Self::SampleRate,
        Self::BeforeSend,
        Self::CallbackError,
        Self::InternalSdkError,
    ];

    /// Returns all reasons.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter()
    }

    /// Returns the name used in client reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueOverflow => "queue_overflow",
            Self::RatelimitBackoff => "ratelimit_backoff",
            Self::NetworkError => "network_error",
            Self::SendError => "send_error",
            Self::SampleRate => "sample_rate",
            Self::BeforeSend => "before_send",
            Self::CallbackError => "callback_error",
            Self::InternalSdkError => "internal_sdk_error",
        }
    }
}

/// How many spans there have been since the start, and what became of them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that were handed over, and spans of unsampled traces.
    pub produced: u64,
    /// Spans that the server accepted.
    pub accepted: u64,
    /// The number of bytes that waiting spans occupy at the moment.
    pub buffered_bytes: u64,
    lost: Counts,
}

impl Stats {
    /// Returns the number of spans lost for `reason`.
    #[must_use]
    pub fn lost(&self, reason: LossReason) -> u64 {
        self.lost[reason as usize]
    }

    /// Returns the number of spans lost for any reason.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// Returns the number of spans that are still being processed.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.produced
            .saturating_sub(self.accepted + self.lost_total())
    }

    /// Iterates over the reasons for which spans were lost, with the number of spans for each.
    pub fn losses(&self) -> impl Iterator<Item = (LossReason, u64)> {
        LossReason::all()
            .zip(self.lost)
            .filter(|(_, spans)| *spans > 0)
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        let Self {
            produced,
            accepted,
            buffered_bytes,
            lost,
        } = other;
        self.produced += produced;
        self.accepted += accepted;
        self.buffered_bytes += buffered_bytes;
        for (own, other) in self.lost.iter_mut().zip(lost) {
            *own += other;
        }
    }
}

/// Adds up the spans of several deliveries.
impl Sum for Stats {
    fn sum<I: Iterator<Item = Self>>(deliveries: I) -> Self {
        deliveries.fold(Self::default(), |mut sum, stats| {
            sum += stats;
            sum
        })
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            produced,
            accepted,
            buffered_bytes,
            lost: _,
        } = self;
        f.debug_struct("Stats")
            .field("produced", produced)
            .field("accepted", accepted)
            .field("buffered_bytes", buffered_bytes)
            .field("lost", &Losses(self))
            .finish()
    }
}

struct Losses<'a>(&'a Stats);

impl fmt::Debug for Losses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let losses = self.0.losses();
        f.debug_map()
            .entries(losses.map(|(reason, spans)| (reason.as_str(), spans)))
            .finish()
    }
}

type Counts = [u64; LossReason::ALL.len()];

#[derive(Debug)]
pub(crate) struct Accounting {
    /// Whether losses are reported to Sentry. Without tracing nobody misses the spans, which exist only if model calls
    /// are measured.
    is_reporting: bool,
    produced: AtomicU64,
    accepted: AtomicU64,
    lost: [AtomicU64; LossReason::ALL.len()],
    unreported: [AtomicU64; LossReason::ALL.len()],
    /// The transactions among the losses.
    unreported_transactions: [AtomicU64; LossReason::ALL.len()],
    last_failure: Mutex<Option<SendFailure>>,
}

impl Accounting {
    pub(crate) fn new(is_reporting: bool) -> Self {
        Self {
            is_reporting,
            produced: AtomicU64::default(),
            accepted: AtomicU64::default(),
            lost: Default::default(),
            unreported: Default::default(),
            unreported_transactions: Default::default(),
            last_failure: Mutex::default(),
        }
    }

    /// Remembers why a request has failed.
    pub(crate) fn set_last_failure(&self, cause: String) {
        *self.lock_failure() = Some(SendFailure::new(cause, SystemTime::now()));
    }

    pub(crate) fn last_failure(&self) -> Option<SendFailure> {
        self.lock_failure().clone()
    }

    fn lock_failure(&self) -> MutexGuard<'_, Option<SendFailure>> {
        self.last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_produced(&self, spans: u64) {
        self.produced.fetch_add(spans, Ordering::Relaxed);
    }

    pub(crate) fn count_accepted(&self, spans: u64) {
        self.accepted.fetch_add(spans, Ordering::Relaxed);
    }

    pub(crate) fn count_lost(&self, reason: LossReason, spans: u64) {
        self.count_lost_known_to_server(reason, spans);
        if self.is_reporting {
            self.unreported[reason as usize].fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// Counts lost transactions. Their spans are counted separately.
    pub(crate) fn count_lost_transactions(&self, reason: LossReason, transactions: u64) {
        if self.is_reporting {
            self.unreported_transactions[reason as usize]
                .fetch_add(transactions, Ordering::Relaxed);
        }
    }

    /// Counts a loss that the server counts itself, so that it is not reported again.
    pub(crate) fn count_lost_known_to_server(&self, reason: LossReason, spans: u64) {
        self.lost[reason as usize].fetch_add(spans, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        // Read the outcomes first. A span that ends in between then counts as pending, and there are never more
        // outcomes than spans produced.
        let lost = self.lost.each_ref().map(|n| n.load(Ordering::Relaxed));
        let accepted = self.accepted.load(Ordering::Relaxed);
        Stats {
            produced: self.produced.load(Ordering::Relaxed),
            accepted,
            buffered_bytes: 0,
            lost,
        }
    }

    /// Takes the losses that have not been reported yet. Returns `None` if there are none.
    pub(crate) fn take_report(&self) -> Option<Report> {
        let take = |counts: &[AtomicU64; LossReason::ALL.len()]| {
            counts.each_ref().map(|n| n.swap(0, Ordering::Relaxed))
        };
        let spans = take(&self.unreported);
        let transactions = take(&self.unreported_transactions);
        let is_empty = spans.iter().chain(&transactions).all(|n| *n == 0);
        (!is_empty).then_some(Report {
            spans,
            transactions,
        })
    }

    /// Whether there are losses that have not been reported yet.
    pub(crate) fn has_unreported_losses(&self) -> bool {
        let counts = self.unreported.iter().chain(&self.unreported_transactions);
        counts.into_iter().any(|n| n.load(Ordering::Relaxed) > 0)
    }

    /// Takes back a report that did not arrive.
    pub(crate) fn restore_report(&self, report: &Report) {
        let unreported = self.unreported.iter().zip(report.spans);
        let transactions = self.unreported_transactions.iter().zip(report.transactions);
        for (unreported, count) in unreported.chain(transactions) {
            unreported.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// Losses on their way to Sentry.
#[derive(Debug)]
pub(crate) struct Report {
    spans: Counts,
    transactions: Counts,
}

impl Report {
    /// Appends a client report item to an envelope.
    pub(crate) fn write_item(&self, envelope: &mut Vec<u8>, unix_seconds: u64) {
        envelope.extend_from_slice(b"{\"type\":\"client_report\"}\n{\"timestamp\":");
        write_integer(envelope, unix_seconds);
        envelope.extend_from_slice(b",\"discarded_events\":[");
        let losses = [("span", &self.spans), ("transaction", &self.transactions)]
            .into_iter()
            .flat_map(|(category, counts)| {
                let counted = LossReason::ALL.into_iter().zip(counts);
                counted.map(move |(reason, quantity)| (category, reason, *quantity))
            })
            .filter(|(_, _, quantity)| *quantity > 0);
        for (index, (category, reason, quantity)) in losses.enumerate() {
            if index > 0 {
                envelope.push(b',');
            }
            envelope.extend_from_slice(b"{\"reason\":");
            write_string(envelope, reason.as_str());
            envelope.extend_from_slice(b",\"category\":");
            write_string(envelope, category);
            envelope.extend_from_slice(b",\"quantity\":");
            write_integer(envelope, quantity);
            envelope.push(b'}');
        }
        envelope.extend_from_slice(b"]}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_holds_what_was_lost_since_the_last_one() {
        let accounting = Accounting::new(true);
        assert!(accounting.take_report().is_none() && !accounting.has_unreported_losses());
        accounting.count_lost(LossReason::QueueOverflow, 37);
        accounting.count_lost_transactions(LossReason::QueueOverflow, 2);
        accounting.count_lost(LossReason::BeforeSend, 1);
        accounting.count_lost_known_to_server(LossReason::RatelimitBackoff, 5);

        let report = accounting.take_report().unwrap();
        let mut item = Vec::new();
        report.write_item(&mut item, 1_795_132_800);
        assert_eq!(
            String::from_utf8(item).unwrap(),
            "{\"type\":\"client_report\"}\n\
             {\"timestamp\":1795132800,\"discarded_events\":[\
             {\"reason\":\"queue_overflow\",\"category\":\"span\",\"quantity\":37},\
             {\"reason\":\"before_send\",\"category\":\"span\",\"quantity\":1},\
             {\"reason\":\"queue_overflow\",\"category\":\"transaction\",\"quantity\":2}]}\n"
        );
        assert!(accounting.take_report().is_none());
        accounting.restore_report(&report);
        assert!(accounting.has_unreported_losses());
        let again = accounting.take_report().unwrap();
        assert_eq!(again.spans, report.spans);
        assert_eq!(again.transactions, report.transactions);
    }

    #[test]
    fn losses_without_tracing_are_not_reported() {
        let accounting = Accounting::new(false);
        accounting.count_produced(3);
        accounting.count_lost(LossReason::SampleRate, 3);
        accounting.count_lost_transactions(LossReason::SampleRate, 1);
        assert_eq!(accounting.stats().lost(LossReason::SampleRate), 3);
        assert!(accounting.take_report().is_none());
    }

    #[test]
    fn stats_add_up() {
        let accounting = Accounting::new(true);
        accounting.count_produced(10);
        accounting.count_accepted(4);
        accounting.count_lost(LossReason::NetworkError, 3);
        let stats = accounting.stats();
        assert_eq!(stats.lost(LossReason::NetworkError), 3);
        assert_eq!(stats.pending(), 3);
        let losses: Vec<_> = stats.losses().collect();
        assert_eq!(losses, [(LossReason::NetworkError, 3)]);

        let one = Stats {
            buffered_bytes: 8,
            ..stats
        };
        let sum: Stats = [one, one].into_iter().sum();
        assert_eq!(
            (sum.produced, sum.accepted, sum.buffered_bytes),
            (20, 8, 16)
        );
        assert_eq!(sum.lost(LossReason::NetworkError), 6);
    }
}
