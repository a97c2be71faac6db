//! Trying again: what failed for want of a connection or of a healthy server.

use std::time::{Duration, Instant};

/// How often and how long an envelope is sent again.
///
/// Only what no server can have accepted is sent again: after a failure to connect, and after the statuses 502, 503 and
/// 504. While the server is unreachable, nothing else is tried; spans wait in the buffer, whose oldest traces go when it
/// is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) max_age: Duration,
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// 6 attempts within 2 minutes, with pauses from 250 ms to 15 s. Where a connection is refused at once that takes four to eight
    /// seconds; 20 attempts take the two minutes.
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
    /// Sets how often an envelope is sent at most; 1 means never again.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets how long an envelope may wait for a server that fails.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets the pause after the first failure, which doubles with every further one, and the longest pause.
    #[must_use]
    pub fn with_pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest.max(first);
        self
    }
}

/// How the server has been lately.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    resume_at: Option<Instant>,
}

impl Backoff {
    pub(crate) fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Makes a pause that doubles with every failure in a row, or the one the server asked for.
    pub(crate) fn fail(&mut self, now: Instant, policy: &RetryPolicy, asked: Option<Duration>) {
        let doubled = 2_u32.saturating_pow(self.failures.min(20));
        self.failures += 1;
        let pause = policy.first_pause.saturating_mul(doubled);
        let pause = match asked {
            Some(asked) => asked.min(policy.longest_pause.max(Duration::from_secs(60))),
            // Clients that failed together must not come back together.
            None => pause
                .min(policy.longest_pause)
                .mul_f64(0.5 + fastrand::f64() / 2.0),
        };
        // Nobody means to wait for longer, and not every moment can be named.
        self.resume_at = now.checked_add(pause.min(Duration::from_secs(24 * 60 * 60)));
    }

    /// Until when nothing is sent.
    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.resume_at.filter(|until| *until > now)
    }

    /// Whether the last request failed, so that one request at a time has to find out.
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
        let now = Instant::now();
        let mut backoff = Backoff::default();
        for cap in [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000] {
            backoff.fail(now, &policy, None);
            let pause = backoff.paused_until(now).unwrap() - now;
            let cap = Duration::from_millis(cap);
            assert!(pause >= cap / 2 && pause <= cap, "{pause:?} of {cap:?}");
        }
        assert!(backoff.is_probing());
        backoff.succeed();
        assert!(backoff.paused_until(now).is_none() && !backoff.is_probing());
    }

    #[test]
    fn the_server_may_ask_for_a_pause_but_not_for_any() {
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
        for _ in 0..100 {
            backoff.fail(now, &policy, None);
        }
        assert!(backoff.paused_until(now).is_some());
    }
}
