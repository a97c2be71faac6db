//! The pauses that a server asks for.

use std::time::{Duration, Instant, SystemTime};

use crate::{answer::Answer, wire::Category};

const DEFAULT_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause that is accepted.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Until when nothing at all, or nothing of a category, may be sent.
#[derive(Debug, Default)]
pub(crate) struct RateLimits {
    all: Option<Instant>,
    span: Option<Instant>,
    transaction: Option<Instant>,
}

impl RateLimits {
    /// Updates the limits from the headers of an answer. `X-Sentry-Rate-Limits` is more precise and takes precedence.
    pub(crate) fn update(&mut self, now: Instant, answer: &Answer) {
        if answer.status < 300 {
            self.remove_expired(now);
        }
        if answer.rate_limits.is_some() {
            self.update_limits(now, answer);
        } else if let Some(header) = &answer.retry_after {
            extend(&mut self.all, now, pause(header, answer.date.as_deref()));
        } else if answer.status == 429 {
            extend(&mut self.all, now, DEFAULT_PAUSE);
        }
    }

    /// Updates the limits from `X-Sentry-Rate-Limits` alone.
    pub(crate) fn update_limits(&mut self, now: Instant, answer: &Answer) {
        if let Some(header) = &answer.rate_limits {
            self.parse_header(now, header);
        }
    }

    /// Whether an item of this category may be sent. Without a category, only the limit for everything counts.
    pub(crate) fn allows(&self, category: Option<Category>, now: Instant) -> bool {
        let limit = match category {
            Some(Category::Span) => self.span,
            Some(Category::Transaction) => self.transaction,
            None => None,
        };
        self.allows_anything(now) && limit.is_none_or(|until| until <= now)
    }

    /// Whether there is no limit, not even an expired one, which may come back. A successful answer clears those.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.all.or(self.span).or(self.transaction).is_none()
    }

    fn remove_expired(&mut self, now: Instant) {
        for limit in [&mut self.all, &mut self.span, &mut self.transaction] {
            *limit = limit.filter(|until| *until > now);
        }
    }

    pub(crate) fn allows_anything(&self, now: Instant) -> bool {
        self.all.is_none_or(|until| until <= now)
    }

    /// Parses `60:span;error:organization:reason, 2700::key`. No category means all of them.
    fn parse_header(&mut self, now: Instant, header: &str) {
        for group in header.split(',') {
            let mut parts = group.split(':');
            let (Some(seconds), Some(categories)) = (parts.next(), parts.next()) else {
                continue;
            };
            if categories.is_empty() {
                extend(&mut self.all, now, pause(seconds, None));
                continue;
            }
            for category in categories.split(';') {
                match category.trim() {
                    "span" => extend(&mut self.span, now, pause(seconds, None)),
                    "transaction" => extend(&mut self.transaction, now, pause(seconds, None)),
                    _ => {}
                }
            }
        }
    }
}

/// Parses a number of seconds or an HTTP date. Anything else results in the default pause.
///
/// A date is compared with the answer's own `date`, because the clock of this machine may be wrong.
pub(crate) fn pause(header: &str, date: Option<&str>) -> Duration {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return match Duration::try_from_secs_f64(seconds.ceil()) {
            Ok(pause) => pause.min(MAX_PAUSE),
            Err(_) if seconds > 0.0 => MAX_PAUSE,
            Err(_) => DEFAULT_PAUSE,
        };
    }
    match httpdate::parse_http_date(header) {
        Ok(until) => {
            let now = date.and_then(|date| httpdate::parse_http_date(date).ok());
            let pause = until.duration_since(now.unwrap_or_else(SystemTime::now));
            pause.unwrap_or_default().min(MAX_PAUSE)
        }
        Err(_) => DEFAULT_PAUSE,
    }
}

/// The longest of several limits counts.
fn extend(limit: &mut Option<Instant>, now: Instant, pause: Duration) {
    *limit = (*limit).max(Some(now + pause));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(header: Option<&str>, retry_after: Option<&str>, status: u16) -> (bool, bool) {
        let now = Instant::now();
        let mut limits = RateLimits::default();
        let answer = Answer {
            status,
            rate_limits: header.map(str::to_owned),
            retry_after: retry_after.map(str::to_owned),
            ..Answer::default()
        };
        limits.update(now, &answer);
        let later = now + Duration::from_secs(30);
        assert!(limits.allows(Some(Category::Span), now + Duration::from_secs(61)));
        (
            limits.allows(Some(Category::Span), later),
            limits.allows_anything(later),
        )
    }

    #[test]
    fn only_limits_for_spans_and_for_everything_apply() {
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

    fn answer(status: u16, limits: &str) -> Answer {
        Answer {
            status,
            rate_limits: Some(limits.to_owned()),
            ..Answer::default()
        }
    }

    #[test]
    fn a_limit_for_transactions_leaves_spans_alone() {
        let now = Instant::now();
        let mut limits = RateLimits::default();
        limits.update(now, &answer(429, "60:transaction:organization"));
        assert!(!limits.allows(Some(Category::Transaction), now) && !limits.is_unlimited());
        assert!(limits.allows(Some(Category::Span), now));
    }

    #[test]
    fn only_a_successful_answer_clears_a_limit_that_has_expired() {
        let now = Instant::now();
        let mut limits = RateLimits::default();
        assert!(limits.is_unlimited());
        limits.update(now, &answer(429, "60:span:organization"));
        limits.update(now, &answer(200, ""));
        let later = now + Duration::from_secs(61);
        limits.update(later, &answer(503, ""));
        assert!(!limits.is_unlimited());
        limits.update(later, &answer(200, ""));
        assert!(limits.is_unlimited());
    }

    #[test]
    fn retry_after_limits_everything() {
        assert_eq!(after(None, Some("59.2"), 429), (false, false));
        let date = |seconds| {
            let date = SystemTime::now() + Duration::from_secs(seconds);
            httpdate::fmt_http_date(date)
        };
        assert_eq!(after(None, Some(&date(55)), 429), (false, false));
        assert_eq!(after(None, Some(&date(5)), 429), (true, true));
        let past = "Fri, 20 Nov 2015 10:00:00 GMT";
        assert_eq!(after(None, Some(past), 429), (true, true));
        assert_eq!(after(None, Some("soon"), 429), (false, false));
        assert_eq!(after(None, None, 429), (false, false));
        assert_eq!(after(None, None, 500), (true, true));
        assert_eq!(after(Some(""), Some("60"), 200), (true, true));
    }

    #[test]
    fn a_wrong_local_clock_does_not_change_the_pause() {
        let until = "Fri, 20 Nov 2015 10:00:40 GMT";
        let date = Some("Fri, 20 Nov 2015 10:00:00 GMT");
        assert_eq!(pause(until, date), Duration::from_secs(40));
        assert_eq!(pause(until, Some("yesterday")), Duration::ZERO);
        let until = "Fri, 20 Nov 2099 10:00:40 GMT";
        let date = Some("Fri, 20 Nov 2099 10:00:00 GMT");
        assert_eq!(pause(until, date), Duration::from_secs(40));
        assert_eq!(pause("7", date), Duration::from_secs(7));
    }

    #[test]
    fn the_longest_limit_applies_and_none_overflows() {
        assert_eq!(pause("1e300", None), MAX_PAUSE);
        assert_eq!(pause("inf", None), MAX_PAUSE);
        assert_eq!(pause("100000", None), MAX_PAUSE);
        let date = Some("Fri, 20 Nov 2015 10:00:00 GMT");
        assert_eq!(pause("Sun, 22 Nov 2015 10:00:00 GMT", date), MAX_PAUSE);
        for nonsense in ["-1", "nan", "", "1 minute"] {
            assert_eq!(pause(nonsense, None), DEFAULT_PAUSE, "{nonsense}");
        }
        let now = Instant::now();
        let mut limits = RateLimits::default();
        let header = "60:span:o,10:span:o,1e300:span:o";
        limits.update(now, &answer(200, header));
        assert!(!limits.allows(Some(Category::Span), now + Duration::from_secs(59)));
        assert!(limits.allows(Some(Category::Span), now + MAX_PAUSE));
    }
}
