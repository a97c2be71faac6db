//! Writes JSON piece by piece.

use sentry_genai_conventions::Timestamp;
pub(crate) use sentry_genai_conventions::json_string::{
    is_short_and_plain, write_plain_string, write_string,
};

pub(crate) fn write_integer(buffer: &mut Vec<u8>, number: impl itoa::Integer) {
    buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a number. One that was an `f32` has the digits of that: 0.3 rather than 0.30000001192092896.
pub(crate) fn write_double(buffer: &mut Vec<u8>, number: f64) {
    /// The length from which on digits may be what the conversion from an `f32` has added.
    const LONG: usize = 16;

    let start = buffer.len();
    let _ = serde_json::to_writer(&mut *buffer, &number);
    let single = number as f32;
    if buffer.len() - start >= LONG && f64::from(single) == number {
        buffer.truncate(start);
        let _ = serde_json::to_writer(buffer, &single);
    }
}

pub(crate) fn write_bool(buffer: &mut Vec<u8>, value: bool) {
    buffer.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes seconds with six decimals, without converting to floating point.
pub(crate) fn write_timestamp(buffer: &mut Vec<u8>, time: Timestamp) {
    let micros = time.as_nanos() / 1000;
    write_integer(buffer, micros / 1_000_000);
    buffer.push(b'.');
    buffer.extend_from_slice(&micro_digits(micros % 1_000_000));
}

/// Returns the digits of a second since 1970 if there are ten, as in the years 2001 to 2286.
#[inline]
pub(crate) fn second_digits(second: u64) -> Option<[u8; 10]> {
    let has_ten = (1_000_000_000..10_000_000_000).contains(&second);
    has_ten.then(|| digits(second))
}

/// Returns the decimals for a number of microseconds below a second.
#[inline]
pub(crate) fn micro_digits(micros: u64) -> [u8; 6] {
    digits(micros)
}

/// Returns the last `N` digits of a number. `N` must be even.
#[inline(always)]
fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut text = [0; N];
    for pair in text.as_chunks_mut().0.iter_mut().rev() {
        *pair = DECIMAL[(number % 100) as usize];
        number /= 100;
    }
    text
}

pub(crate) fn write_hex<const N: usize>(buffer: &mut Vec<u8>, bytes: &[u8; N]) {
    buffer.extend_from_slice(hex(bytes).as_flattened());
}

/// Returns the hexadecimal digits of every byte.
#[inline(always)]
pub(crate) fn hex<const N: usize>(bytes: &[u8; N]) -> [[u8; 2]; N] {
    bytes.map(|byte| HEX[usize::from(byte)])
}

/// The two digits of every number below 100.
static DECIMAL: [[u8; 2]; 100] = {
    let mut decimal = [[0; 2]; 100];
    let mut number = 0;
    while number < decimal.len() {
        decimal[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    decimal
};

/// The two hexadecimal digits of every byte.
static HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < hex.len() {
        hex[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    hex
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_single_precision_has_no_digits_that_it_did_not_have() {
        let written = |number| {
            let mut buffer = Vec::new();
            write_double(&mut buffer, number);
            String::from_utf8(buffer).unwrap()
        };
        for single in [0.1_f32, 0.3, 0.7, 0.95, 1.2, -0.2, 1e-7] {
            let text = serde_json::to_string(&single).unwrap();
            assert_eq!(written(f64::from(single)), text);
        }
        assert_eq!(written(0.1 + 0.2), "0.30000000000000004");
        // These fit into an `f32`, which has fewer digits for them.
        for double in [1_000_000.062_5, 1_795_901_056.0] {
            assert_eq!(written(double), format!("{double:?}"));
        }
    }
}
