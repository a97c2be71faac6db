//! Parses timestamps in texts, and computes the time between two timestamps.

use crate::Timestamp;

/// Returns the seconds from `start` to `end`. Returns zero if `end` comes first.
pub(crate) fn seconds_between(start: Timestamp, end: Timestamp) -> f64 {
    end.as_nanos().saturating_sub(start.as_nanos()) as f64 / 1e9
}

/// Parses `2026-11-20T17:57:17.095819Z`, with any offset and any number of decimals. Returns `None` for anything else.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    if !(1970..=2500).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (clock, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(position) => (&time[..position], offset_seconds(&time[position..])?),
        None => (time, 0),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let nanos = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(9)
        .try_fold(0_u64, |nanos, digit| {
            Some(nanos * 10 + u64::from(digit.to_digit(10)?))
        })?;
    let seconds = u64::try_from(seconds - offset).ok()?;
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(Timestamp::from_nanos(nanos))
}

fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return (text.len() == 1).then_some(0),
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes))
        .then_some(sign * (hours * 3600 + minutes * 60))
}

/// Counts days in the Gregorian calendar. For this purpose, years start in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_with_and_without_offset_are_parsed() {
        let nanos = |text| parse_rfc3339(text).map(Timestamp::as_nanos);
        assert_eq!(nanos("1970-01-01T00:00:01Z"), Some(1_000_000_000));
        assert_eq!(
            nanos("2026-11-20T17:57:17.095819Z"),
            Some(1_795_197_437_095_819_000)
        );
        assert_eq!(
            nanos("2026-11-20T18:57:17.095819+01:00"),
            nanos("2026-11-20T17:57:17.095819Z")
        );
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-11-20",
            "2026-11-20T17:57:17.x",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }
}
