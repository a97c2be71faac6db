//! Points in time, as envelope headers spell them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The length of what [`format()`] returns.
pub(crate) const LEN: usize = 27;

const END_OF_9999: Duration = Duration::new(253_402_300_799, 999_999_999);

/// Formats as `2026-11-20T00:00:05.000000Z`. A time before 1970 is 1970, one after 9999 is the end of that: a clock
/// may say anything.
pub(crate) fn format(time: SystemTime) -> String {
    let since_epoch = since_epoch(time).min(END_OF_9999);
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let second = seconds % 86_400;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since_epoch.subsec_micros()
    )
}

pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The Gregorian date of a day since 1970, counted in eras of 400 years that begin on the first of March.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let formatted = |seconds, micros| {
            format(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros))
        };
        assert_eq!(formatted(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(formatted(951_782_399, 1), "2000-02-28T23:59:59.000001Z");
        assert_eq!(formatted(951_782_400, 0), "2000-02-29T00:00:00.000000Z");
        assert_eq!(formatted(1_795_132_805, 0), "2026-11-20T00:00:05.000000Z");
        assert_eq!(formatted(4_102_444_799, 999_999).len(), LEN);
    }

    #[test]
    fn clocks_that_are_far_off() {
        let century = Duration::from_secs(100 * 365 * 86_400);
        assert_eq!(format(UNIX_EPOCH - century), "1970-01-01T00:00:00.000000Z");
        let future = format(UNIX_EPOCH + 90 * century);
        assert_eq!(future, "9999-12-31T23:59:59.999999Z");
    }
}
