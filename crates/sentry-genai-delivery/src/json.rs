//! JSON, piece by piece.

use sentry_genai_conventions::Timestamp;

/// Writes a JSON string.
///
/// Most of what is sent is text, and most of that JSON inside of JSON, so this is where the time goes.
pub(crate) fn write_string(buffer: &mut Vec<u8>, text: &str) {
    /// Up to here, a look at each word costs less than the vectorised escaper's preparations.
    const SHORT: usize = 48;

    if text.len() <= SHORT && is_plain(text.as_bytes()) {
        buffer.reserve(text.len() + 2);
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        buffer.push(b'"');
    } else {
        json_escape_simd::escape_into(text, buffer);
    }
}

/// Returns whether every byte can stand in a JSON string as it is.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let mut marks = 0;
    for word in words {
        marks |= special_lanes(u64::from_le_bytes(*word));
    }
    if rest.is_empty() {
        return marks == 0;
    }
    // The last word overlaps the one before, or is filled up.
    let last = match bytes.last_chunk() {
        Some(word) => *word,
        None => {
            let mut word = [b'-'; 8];
            word[..rest.len()].copy_from_slice(rest);
            word
        }
    };
    marks | special_lanes(u64::from_le_bytes(last)) == 0
}

/// Marks the high bit of bytes that are control characters, quotation marks or backslashes, and none if there are none. Bytes
/// above the first mark may be marked by mistake, through the borrow.
fn special_lanes(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let quote = below(word ^ (EACH * u64::from(b'"')), 1);
    let backslash = below(word ^ (EACH * u64::from(b'\\')), 1);
    (below(word, 0x20) | quote | backslash) & (EACH << 7)
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

pub(crate) fn write_hex<const N: usize>(buffer: &mut Vec<u8>, bytes: &[u8; N]) {
    let digits: [[u8; 2]; N] = bytes.map(|byte| HEX[usize::from(byte)]);
    buffer.extend_from_slice(digits.as_flattened());
}

/// The two digits of every byte.
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
    fn strings_are_escaped_as_serde_does() {
        let every: String = (0..=0x17f_u32).filter_map(char::from_u32).collect();
        let mut texts = vec![
            String::new(),
            every.clone(),
            "\u{10ffff}\u{2028}".to_owned(),
        ];
        // Every character at every place of a word.
        for shift in 0..9 {
            texts.push(format!("{}{every}", "x".repeat(shift)));
            for special in ['"', '\\', '\n', '\u{1f}', ' ', 'é'] {
                texts.push(format!(
                    "{}{special}{}",
                    "x".repeat(shift),
                    "y".repeat(9 - shift)
                ));
            }
        }
        for text in texts {
            let mut buffer = Vec::new();
            write_string(&mut buffer, &text);
            assert_eq!(
                String::from_utf8(buffer).unwrap(),
                serde_json::to_string(&text).unwrap()
            );
        }
    }
}
