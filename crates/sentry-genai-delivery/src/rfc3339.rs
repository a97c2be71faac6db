//! Formats timestamps as envelope headers spell them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The length of the result of [`format()`].
pub(crate) const LEN: usize = 27;

const END_OF_9999: Duration = Duration::new(253_402_300_799, 999_999_999);

/// Formats as `2026-11-20T00:00:05.000000Z`. Times before 1970 or after 9999 are clamped, since a clock may be wrong.
pub(crate) fn format(time: SystemTime) -> [u8; LEN] {
    let since_epoch = since_epoch(time).min(END_OF_9999);
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let second = seconds % 86_400;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    write(&mut text[..4], year);
    write(&mut text[5..7], month);
    write(&mut text[8..10], day);
    write(&mut text[11..13], second / 3600);
    write(&mut text[14..16], second / 60 % 60);
    write(&mut text[17..19], second % 60);
    write(&mut text[20..26], since_epoch.subsec_micros().into());
    text
}

/// Writes a number right-aligned, with as many digits as there is room for.
fn write(place: &mut [u8], number: u64) {
    let mut rest = number;
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The Gregorian date of a day since 1970, counted in eras of 400 years that begin on 1 March.
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
    fn times_are_written_in_utc_with_microseconds() {
        let formatted = |seconds, micros| {
            let time = Duration::from_secs(seconds) + Duration::from_micros(micros);
            String::from_utf8(format(UNIX_EPOCH + time).to_vec()).unwrap()
        };
        assert_eq!(formatted(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(formatted(951_782_399, 1), "2000-02-28T23:59:59.000001Z");
        assert_eq!(formatted(951_782_400, 0), "2000-02-29T00:00:00.000000Z");
        assert_eq!(formatted(1_795_132_805, 0), "2026-11-20T00:00:05.000000Z");
        assert_eq!(formatted(4_102_444_799, 999_999).len(), LEN);
    }

    #[test]
    fn times_out_of_range_become_the_first_or_the_last() {
        let century = Duration::from_secs(100 * 365 * 86_400);
        assert_eq!(
            &format(UNIX_EPOCH - century),
            b"1970-01-01T00:00:00.000000Z"
        );
        let future = format(UNIX_EPOCH + 90 * century);
        assert_eq!(&future, b"9999-12-31T23:59:59.999999Z");
    }
}
