//! JSON, piece by piece.

use sentry_genai_conventions::Timestamp;

pub(crate) fn write_string(buffer: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(buffer, text);
}

pub(crate) fn write_integer(buffer: &mut Vec<u8>, number: impl Into<serde_json::Number>) {
    let _ = serde_json::to_writer(buffer, &number.into());
}

pub(crate) fn write_double(buffer: &mut Vec<u8>, number: f64) {
    let _ = serde_json::to_writer(buffer, &number);
}

pub(crate) fn write_bool(buffer: &mut Vec<u8>, value: bool) {
    buffer.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes seconds with six decimals, without a detour through floating point.
pub(crate) fn write_timestamp(buffer: &mut Vec<u8>, time: Timestamp) {
    let micros = time.as_nanos() / 1000;
    write_integer(buffer, micros / 1_000_000);
    buffer.push(b'.');
    let mut fraction = micros % 1_000_000;
    let start = buffer.len();
    buffer.extend_from_slice(b"000000");
    for digit in buffer[start..].iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
}

pub(crate) fn write_hex(buffer: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        buffer.push(DIGITS[usize::from(byte >> 4)]);
        buffer.push(DIGITS[usize::from(byte & 15)]);
    }
}
