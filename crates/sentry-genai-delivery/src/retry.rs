//! Retries what failed because there was no connection or no healthy server.

use std::time::{Duration, Instant};

/// How often, and for how long, an envelope is sent again.
///
/// Only an envelope that no server can have accepted is sent again:
///
/// - after a failure to connect,
/// - after a connection that closed while an envelope of less than 64 KiB was being sent, and
/// - after the statuses 502, 503 and 504.
///
/// While the server is unreachable, nothing else is tried. Spans wait in the buffer, and the oldest traces are dropped
/// when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) max_age: Duration,
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// Returns 6 attempts within 2 minutes, with pauses from 250 ms to 15 s. If connections are refused at once, this
    /// takes four to eight seconds; 20 attempts would take the whole two minutes.
    fn default() -> Self {
        Self {
            max_attempts: 6,
            max_age: Duration::from_secs(120),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(15),
        }
    }
}

impl RetryPolicy {
    /// Sets how often an envelope is sent at most. 1 means that it is never sent again.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets how long an envelope may wait for a failing server.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets the pause after the first failure, which doubles with every further failure, and the longest pause.
    #[must_use]
    pub fn with_pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }
}

/// The recent health of the server.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    resume_at: Option<Instant>,
    /// Whether the pause outlasts answers to requests that were under way when it began: the server asked for it, or no
    /// connection could be made, which says nothing about those that there are.
    is_firm: bool,
}

impl Backoff {
    /// Ends the pause, unless it is firm: what is answered meanwhile was sent before.
    pub(crate) fn succeed(&mut self, now: Instant) {
        if !self.is_firm || self.paused_until(now).is_none() {
            *self = Self::default();
        }
    }

    /// Starts a pause. It doubles with every failure in a row, unless the server asked for one. Of requests that fail together,
    /// only the first counts, or the longest pause that the server asked for.
    pub(crate) fn fail(&mut self, now: Instant, policy: &RetryPolicy, requested: Option<Duration>) {
        // `Retry-After: 0`, or a date in the past. All attempts would be used up within milliseconds.
        let requested = requested.filter(|pause| !pause.is_zero());
        let is_first = self.paused_until(now).is_none();
        if requested.is_none() && !is_first {
            return;
        }
        let doubled = 2_u32.saturating_pow(self.failures);
        self.failures += u32::from(is_first);
        let earlier = self.resume_at.filter(|_| self.is_firm);
        self.is_firm = requested.is_some();
        let pause = policy.first_pause.saturating_mul(doubled);
        let pause = match requested {
            Some(requested) => requested.min(policy.longest_pause.max(Duration::from_secs(60))),
            // Jitter: clients that failed together must not come back together.
            None => pause
                .min(policy.longest_pause)
                .mul_f64(0.5 + fastrand::f64() / 2.0),
        };
        // Nobody needs a longer pause, and not every point in time can be represented.
        let resume_at = now.checked_add(pause.min(Duration::from_secs(24 * 60 * 60)));
        self.resume_at = resume_at.max(earlier);
    }

    /// Starts a pause because no connection could be made. Connections that exist may still work. Without the pause, the
    /// attempts of an envelope that needs another one would be used up within milliseconds.
    pub(crate) fn fail_to_connect(&mut self, now: Instant, policy: &RetryPolicy) {
        self.fail(now, policy, None);
        self.is_firm = true;
    }

    /// Returns until when nothing is sent.
    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.resume_at.filter(|until| *until > now)
    }

    /// Whether the last request failed. Then only one request at a time tests whether the server is back.
    pub(crate) fn is_probing(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_cap_with_jitter() {
        let policy = RetryPolicy::default();
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        for cap in [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000] {
            backoff.fail(now, &policy, None);
            let until = backoff.paused_until(now).unwrap();
            let (pause, cap) = (until - now, Duration::from_millis(cap));
            assert!(pause >= cap / 2 && pause <= cap, "{pause:?} of {cap:?}");
            now = until;
        }
        assert!(backoff.is_probing());
        backoff.fail(now, &policy, None);
        backoff.succeed(now);
        assert!(backoff.paused_until(now).is_none() && !backoff.is_probing());
    }

    #[test]
    fn pauses_are_as_long_as_they_were_set() {
        let [first, longest] = [100, 150].map(Duration::from_millis);
        let policy = RetryPolicy::default().with_pauses(first, longest);
        let (mut now, mut backoff) = (Instant::now(), Backoff::default());
        for cap in [first, longest, longest] {
            backoff.fail(now, &policy, None);
            let until = backoff.paused_until(now).unwrap();
            assert!(until - now >= cap / 2 && until - now <= cap);
            now = until;
        }
    }

    /// The server knows better than the policy, which has just been applied to another request.
    #[test]
    fn a_requested_pause_replaces_one_that_was_not_requested() {
        let (policy, now) = (RetryPolicy::default(), Instant::now());
        let requested = Duration::from_millis(1);
        let mut backoff = Backoff::default();
        backoff.fail(now, &policy, None);
        backoff.fail(now, &policy, Some(requested));
        assert_eq!(backoff.paused_until(now), Some(now + requested));
    }

    #[test]
    fn an_answer_to_an_earlier_request_does_not_end_a_requested_pause() {
        let now = Instant::now();
        let requested = Duration::from_secs(1);
        let mut backoff = Backoff::default();
        backoff.fail(now, &RetryPolicy::default(), Some(requested));
        backoff.succeed(now);
        assert_eq!(backoff.paused_until(now), Some(now + requested));
        backoff.succeed(now + requested);
        assert!(!backoff.is_probing());
    }

    #[test]
    fn an_answer_on_an_existing_connection_does_not_end_the_pause_of_those_who_cannot_connect() {
        let (policy, now) = (RetryPolicy::default(), Instant::now());
        let mut backoff = Backoff::default();
        backoff.fail_to_connect(now, &policy);
        backoff.succeed(now);
        let until = backoff.paused_until(now).expect("a pause");
        assert!(until <= now + policy.first_pause);
        backoff.succeed(until);
        assert!(!backoff.is_probing());
    }

    #[test]
    fn a_requested_pause_of_zero_is_none() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        backoff.fail(now, &RetryPolicy::default(), Some(Duration::ZERO));
        assert!(backoff.paused_until(now).is_some());
        backoff.succeed(now);
        assert!(backoff.paused_until(now).is_none(), "nobody asked for it");
    }

    /// As in Sentry's SDK for Java, which counts the longest of several limits.
    #[test]
    fn a_shorter_request_does_not_end_a_longer_requested_pause() {
        let (policy, now) = (RetryPolicy::default(), Instant::now());
        let mut backoff = Backoff::default();
        for (seconds, expected) in [(7, 7), (1, 7), (20, 20)] {
            backoff.fail(now, &policy, Some(Duration::from_secs(seconds)));
            let until = now + Duration::from_secs(expected);
            assert_eq!(backoff.paused_until(now), Some(until));
        }
    }

    #[test]
    fn requests_that_fail_together_count_as_one_failure() {
        let policy = RetryPolicy::default();
        let now = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..32 {
            backoff.fail(now, &policy, None);
        }
        let until = backoff.paused_until(now).unwrap();
        assert!(until - now <= policy.first_pause);
        let requested = Duration::from_secs(1);
        for _ in 0..32 {
            backoff.fail(until, &policy, Some(requested));
        }
        let later = until + requested;
        backoff.fail(later, &policy, None);
        let pause = backoff.paused_until(later).unwrap() - later;
        assert!(pause <= policy.first_pause * 4, "{pause:?}");
    }

    #[test]
    fn no_pause_is_too_long() {
        let policy = RetryPolicy::default();
        let now = Instant::now();
        let mut backoff = Backoff::default();
        backoff.fail(now, &policy, Some(Duration::from_secs(7)));
        assert_eq!(
            backoff.paused_until(now),
            Some(now + Duration::from_secs(7))
        );
        backoff.fail(now, &policy, Some(Duration::MAX));
        assert_eq!(
            backoff.paused_until(now),
            Some(now + Duration::from_secs(60))
        );
        let mut now = now;
        for _ in 0..100 {
            now = backoff.paused_until(now).unwrap();
            backoff.fail(now, &policy, None);
        }
        assert!(backoff.paused_until(now).is_some());
        let policy = policy.with_pauses(Duration::MAX, Duration::MAX);
        let mut backoff = Backoff::default();
        backoff.fail(now, &policy, None);
        assert!(backoff.paused_until(now).is_some());
    }
}
