//! The clock of a trace.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sentry_genai_conventions::Timestamp;

/// A clock that reads the time of day once and measures monotonic time from there, so that no span ends before it starts
/// when the time of day is set back.
///
/// While it runs, the time of day may be corrected, or the machine may sleep, which monotonic time does not notice on
/// most systems. An envelope therefore says [by the clock of its spans](crate::Segment::with_clock) when it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch_nanos: u64,
    started: Instant,
}

impl Clock {
    /// Starts a clock with the time of day.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(SystemTime::now())
    }

    /// Starts a clock with a given time. A time before 1970 counts as 1970.
    #[must_use]
    pub fn start_at(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            epoch_nanos: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
            started: Instant::now(),
        }
    }

    /// Returns the time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        let elapsed = self.started.elapsed();
        let nanos = elapsed.as_secs().saturating_mul(1_000_000_000);
        let nanos = nanos.saturating_add(u64::from(elapsed.subsec_nanos()));
        Timestamp::from_nanos(self.epoch_nanos.saturating_add(nanos))
    }

    /// Returns the time in the system's form.
    pub(crate) fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.now().as_nanos())
    }
}
