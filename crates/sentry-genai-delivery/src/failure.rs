//! How a request to Sentry failed.

use std::{fmt, time::SystemTime};

use crate::rfc3339;

/// The length of a time to the second, without the `Z`.
const SECONDS: usize = "2026-11-20T00:00:05".len();

/// A request to Sentry that failed.
///
/// It is displayed as `HTTP status 403 (2026-11-20T00:00:05Z)`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendFailure {
    /// Why: "HTTP status 403: ..." with the reason that Sentry gave, or the system's error for a connection.
    pub cause: String,
    /// When the request had failed.
    pub at: SystemTime,
}

impl SendFailure {
    /// Creates a failure.
    #[must_use]
    pub fn new(cause: String, at: SystemTime) -> Self {
        Self { cause, at }
    }

    /// Returns when the request had failed, as RFC 3339 spells it.
    #[must_use]
    pub fn timestamp(&self) -> String {
        let time = rfc3339::format(self.at);
        format!("{}Z", String::from_utf8_lossy(&time[..SECONDS]))
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cause, self.timestamp())
    }
}

/// Shows the time as people read it.
impl fmt::Debug for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendFailure({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_failure_is_shown_with_its_time() {
        let at = UNIX_EPOCH + Duration::from_secs(1_795_132_805);
        let failure = SendFailure::new("HTTP status 403".to_owned(), at);
        let shown = "HTTP status 403 (2026-11-20T00:00:05Z)";
        assert_eq!(failure.to_string(), shown);
        assert_eq!(format!("{failure:?}"), format!("SendFailure({shown})"));
    }
}
