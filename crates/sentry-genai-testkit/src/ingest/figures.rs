//! Counts of requests, spans and offences.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use super::envelope::ReceivedEnvelope;

/// Counts of requests, spans and offences since the ingest was started or [cleared](crate::Ingest::clear).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Requests, including those that got no answer.
    pub requests: u64,
    /// Connections.
    pub connections: u64,
    /// Envelopes that were answered with success.
    pub accepted_envelopes: u64,
    /// Spans in accepted envelopes, including those of transactions, each counted as often as it came.
    pub accepted_spans: u64,
    /// Spans in accepted envelopes that had been accepted before.
    pub duplicate_spans: u64,
    /// Items other than client reports that arrived while their category was limited.
    pub breaches: u64,
    /// Envelopes that violated the protocol.
    pub violations: u64,
}

/// How long a limit goes unenforced after it was announced: a client learns of it only from the answer, and other requests may be
/// under way.
const ENFORCEMENT_DELAY: Duration = Duration::from_millis(100);

/// The figures, and the announced limits.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) figures: Figures,
    /// How many of the accepted spans came in containers.
    pub(super) streamed_spans: u64,
    pub(super) client_reports: BTreeMap<(String, String), u64>,
    /// Hashes of the ids of spans and their traces: millions of them have to fit into memory.
    seen: HashSet<u64>,
    /// From when until when each category is limited; the empty category stands for all.
    limits: HashMap<String, (Instant, Instant)>,
}

impl Tally {
    /// Counts an envelope that was received at `arrival`.
    pub(super) fn count(&mut self, arrival: Instant, envelope: &ReceivedEnvelope) {
        self.figures.violations += u64::from(!envelope.is_valid());
        for item in &envelope.items {
            let kind = item.kind().unwrap_or_default();
            if kind != "client_report" && self.is_limited(arrival, category(kind)) {
                self.figures.breaches += 1;
            }
        }
        if envelope.is_accepted() {
            self.figures.accepted_envelopes += 1;
            self.streamed_spans += envelope.streamed_spans().count() as u64;
            for (trace_id, span_id) in envelope.span_ids() {
                self.figures.accepted_spans += 1;
                let first = self.seen.insert(trace_id.rotate_left(32) ^ span_id);
                self.figures.duplicate_spans += u64::from(!first);
            }
        }
    }

    /// Registers the limits in an answer that is being sent.
    pub(super) fn apply_rate_limits(&mut self, status: u16, headers: &[(String, String)]) {
        let now = Instant::now();
        let header = |name: &str| {
            let mut headers = headers.iter();
            headers.find(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if let Some((_, groups)) = header("x-sentry-rate-limits") {
            for group in groups.split(',') {
                let mut parts = group.trim().split(':');
                let seconds = parts.next().and_then(|it| it.trim().parse().ok());
                let (Some(seconds), Some(categories)) = (seconds, parts.next()) else {
                    continue;
                };
                for category in categories.split(';') {
                    self.extend_limit(category, now, seconds);
                }
            }
        } else if let Some((_, seconds)) = header("retry-after") {
            if let Ok(seconds) = seconds.trim().parse() {
                self.extend_limit("", now, seconds);
            }
        } else if status == 429 {
            self.extend_limit("", now, 60.0);
        }
    }

    fn extend_limit(&mut self, category: &str, now: Instant, seconds: f64) {
        let Ok(pause) = Duration::try_from_secs_f64(seconds) else {
            return;
        };
        let (Some(from), Some(until)) =
            (now.checked_add(ENFORCEMENT_DELAY), now.checked_add(pause))
        else {
            return;
        };
        let limit = self
            .limits
            .entry(category.trim().to_owned())
            .or_insert((from, until));
        if limit.1 <= now {
            *limit = (from, until);
        }
        limit.1 = limit.1.max(until);
    }

    fn is_limited(&self, at: Instant, category: &str) -> bool {
        [category, ""].into_iter().any(|category| {
            let limit = self.limits.get(category);
            limit.is_some_and(|(from, until)| (*from..*until).contains(&at))
        })
    }
}

/// Returns the data category of an item type, where the names differ.
fn category(kind: &str) -> &str {
    match kind {
        "event" => "error",
        "log" => "log_item",
        "sessions" => "session",
        "check_in" => "monitor",
        other => other,
    }
}
