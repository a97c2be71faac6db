//! The pauses a server asks for.

use std::time::{Duration, Instant};

const DEFAULT_PAUSE: Duration = Duration::from_secs(60);

/// Until when nothing at all, and until when no spans, may be sent.
#[derive(Debug, Default)]
pub(crate) struct RateLimits {
    all: Option<Instant>,
    span: Option<Instant>,
}

impl RateLimits {
    /// Learns from the headers of an answer. `X-Sentry-Rate-Limits` is the more precise one and wins.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        status: u16,
        rate_limits: Option<&str>,
        retry_after: Option<&str>,
    ) {
        if let Some(header) = rate_limits {
            self.read_groups(now, header);
        } else if let Some(header) = retry_after {
            extend(&mut self.all, now, pause(header));
        } else if status == 429 {
            extend(&mut self.all, now, DEFAULT_PAUSE);
        }
    }

    pub(crate) fn allows_spans(&self, now: Instant) -> bool {
        self.allows_anything(now) && self.span.is_none_or(|until| until <= now)
    }

    pub(crate) fn allows_anything(&self, now: Instant) -> bool {
        self.all.is_none_or(|until| until <= now)
    }

    /// `60:span;error:organization:reason, 2700::key`: no category means all of them.
    fn read_groups(&mut self, now: Instant, header: &str) {
        for group in header.split(',') {
            let mut parts = group.trim().split(':');
            let (Some(seconds), Some(categories)) = (parts.next(), parts.next()) else {
                continue;
            };
            if categories.is_empty() {
                extend(&mut self.all, now, pause(seconds));
            } else if categories.split(';').any(|category| category == "span") {
                extend(&mut self.span, now, pause(seconds));
            }
        }
    }
}

/// Reads seconds; anything else (such as an HTTP date) is the default pause.
fn pause(seconds: &str) -> Duration {
    match seconds.trim().parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => Duration::from_secs(seconds.ceil() as u64),
        _ => DEFAULT_PAUSE,
    }
}

/// Of several limits the longest counts.
fn extend(limit: &mut Option<Instant>, now: Instant, pause: Duration) {
    let until = now.checked_add(pause).unwrap_or(now + DEFAULT_PAUSE);
    *limit = (*limit).max(Some(until));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(header: Option<&str>, retry_after: Option<&str>, status: u16) -> (bool, bool) {
        let now = Instant::now();
        let mut limits = RateLimits::default();
        limits.update(now, status, header, retry_after);
        let later = now + Duration::from_secs(30);
        assert!(limits.allows_spans(now + Duration::from_secs(61)));
        (limits.allows_spans(later), limits.allows_anything(later))
    }

    #[test]
    fn only_limits_of_spans_and_of_all_count() {
        assert_eq!(
            after(Some("60:span:organization:quota"), None, 429),
            (false, true)
        );
        assert_eq!(
            after(Some("60:error;span;x:project"), None, 200),
            (false, true)
        );
        assert_eq!(after(Some("60::organization"), None, 200), (false, false));
        assert_eq!(
            after(Some("60:span_indexed:organization"), None, 200),
            (true, true)
        );
        assert_eq!(
            after(Some("60:error:o, 20:span:o, x"), None, 429),
            (true, true)
        );
        assert_eq!(after(Some("nonsense:span:o"), None, 429), (false, true));
    }

    #[test]
    fn retry_after_limits_all() {
        assert_eq!(after(None, Some("59.2"), 429), (false, false));
        assert_eq!(
            after(None, Some("Fri, 20 Nov 2026 10:00:00 GMT"), 503),
            (false, false)
        );
        assert_eq!(after(None, None, 429), (false, false));
        assert_eq!(after(None, None, 500), (true, true));
        assert_eq!(after(Some(""), Some("60"), 200), (true, true));
    }

    #[test]
    fn the_longest_limit_counts_and_none_overflows() {
        let now = Instant::now();
        let mut limits = RateLimits::default();
        limits.update(now, 200, Some("60:span:o,10:span:o,1e300:span:o"), None);
        assert!(!limits.allows_spans(now + Duration::from_secs(59)));
    }
}
