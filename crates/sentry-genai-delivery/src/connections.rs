//! The connections to the server, which are kept for further requests.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use ureq::Agent;

/// How long an unused connection may still be used. Servers must not be first to close it, as a request that is on its way
/// at that moment is lost. Some do so after five seconds, which is also how often the spans below an open one are sent.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(4);

/// The connections to the server.
#[derive(Default)]
pub(crate) struct Connections(Mutex<Option<Kept>>);

struct Kept {
    /// Holds the connections.
    agent: Agent,
    last_use: Moment,
}

/// A point in time, by two clocks. On most systems the monotonic one stands still while the machine sleeps.
#[derive(Clone, Copy)]
struct Moment {
    monotonic: Instant,
    time_of_day: SystemTime,
}

impl Connections {
    /// Returns the agent for a request. Calls `new` if there is none, or if the machine has slept since the last request: the
    /// server has closed the connections meanwhile, but the machine may not have been told.
    pub(crate) fn agent(&self, new: impl FnOnce() -> Agent) -> Agent {
        let now = Moment {
            monotonic: Instant::now(),
            time_of_day: SystemTime::now(),
        };
        self.agent_at(now, new)
    }

    fn agent_at(&self, now: Moment, new: impl FnOnce() -> Agent) -> Agent {
        let mut kept = self.lock();
        drop(kept.take_if(|kept| now.time_asleep_since(kept.last_use) > MAX_IDLE));
        let kept = kept.get_or_insert_with(|| Kept {
            agent: new(),
            last_use: now,
        });
        kept.last_use = now;
        kept.agent.clone()
    }

    /// Closes those that are not in use.
    pub(crate) fn close_unused(&self) {
        let unused = self.lock().take();
        drop(unused);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moment {
    /// Returns how much more time has passed by the time of day. A clock that was put forward looks the same.
    fn time_asleep_since(self, earlier: Self) -> Duration {
        let passed = self.time_of_day.duration_since(earlier.time_of_day);
        let awake = self.monotonic.saturating_duration_since(earlier.monotonic);
        passed.unwrap_or_default().saturating_sub(awake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_a_sleep_are_not_used() {
        let connections = Connections::default();
        let (start, midnight) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut made = 0;
        let mut request = |monotonic, time_of_day| {
            let now = Moment {
                monotonic: start + Duration::from_secs(monotonic),
                time_of_day: midnight + Duration::from_secs(time_of_day),
            };
            connections.agent_at(now, || {
                made += 1;
                Agent::new_with_defaults()
            });
            made
        };
        assert_eq!(request(0, 1000), 1);
        assert_eq!(request(60, 1060), 1);
        assert_eq!(request(61, 9000), 2, "it slept");
        assert_eq!(request(62, 9001), 2);
        assert_eq!(request(63, 0), 2, "the clock was put back");
        assert_eq!(request(64, 1), 2);
    }
}
