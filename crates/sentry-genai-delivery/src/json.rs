//! JSON, piece by piece.

use sentry_genai_conventions::Timestamp;

/// Writes a JSON string.
///
/// Most of what is sent is text, and most of that JSON inside of JSON, so this is where the time goes.
#[inline]
pub(crate) fn write_string(buffer: &mut Vec<u8>, text: &str) {
    if is_short_and_plain(text) {
        write_plain_string(buffer, text);
    } else {
        json_escape_simd::escape_into(text, buffer);
    }
}

/// Writes a JSON string of a text that needs no escaping.
#[inline]
pub(crate) fn write_plain_string(buffer: &mut Vec<u8>, text: &str) {
    buffer.push(b'"');
    buffer.extend_from_slice(text.as_bytes());
    buffer.push(b'"');
}

/// Returns whether every byte of a short text can stand in a JSON string as it is.
///
/// Of a long one this says nothing: there the vectorised escaper is worth its preparations.
#[inline]
pub(crate) fn is_short_and_plain(text: &str) -> bool {
    const SHORT: usize = 128;

    text.len() <= SHORT && is_plain(text.as_bytes())
}

fn is_plain(bytes: &[u8]) -> bool {
    const BLOCK: usize = 16;

    /// A loop of a fixed length, of which the compiler makes a few vector instructions.
    #[inline(always)]
    fn is_plain_block(block: &[u8; BLOCK]) -> bool {
        !block.iter().fold(false, |found, &byte| {
            found | (byte < 0x20) | (byte == b'"') | (byte == b'\\')
        })
    }

    // The last block overlaps the one before.
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().all(is_plain_block) && is_plain_block(last),
        None => is_plain_piece(bytes),
    }
}

/// Does the same for less than a block, by words.
fn is_plain_piece(bytes: &[u8]) -> bool {
    let word = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            return special_lanes(u64::from_le_bytes(*first))
                | special_lanes(u64::from_le_bytes(*last))
                == 0;
        }
        // Filled up with what is plain.
        _ => bytes
            .iter()
            .fold(u64::from_le_bytes(*b"--------"), |word, &byte| {
                word << 8 | u64::from(byte)
            }),
    };
    special_lanes(word) == 0
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

pub(crate) fn write_integer(buffer: &mut Vec<u8>, number: impl itoa::Integer) {
    buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
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
    buffer.extend_from_slice(&micro_digits(micros % 1_000_000));
}

/// Returns the digits of a second since 1970, if there are ten: in the years 2001 to 2286.
#[inline]
pub(crate) fn second_digits(second: u64) -> Option<[u8; 10]> {
    let has_ten = (1_000_000_000..10_000_000_000).contains(&second);
    has_ten.then(|| digits(second))
}

/// Returns the decimals of a number of microseconds below a second.
#[inline]
pub(crate) fn micro_digits(micros: u64) -> [u8; 6] {
    digits(micros)
}

/// Returns the last `N` digits of a number; `N` is even.
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

/// Returns the digits of every byte.
#[inline(always)]
pub(crate) fn hex<const N: usize>(bytes: &[u8; N]) -> [[u8; 2]; N] {
    bytes.map(|byte| HEX[usize::from(byte)])
}

/// The two digits of every number below a hundred.
static DECIMAL: [[u8; 2]; 100] = {
    let mut decimal = [[0; 2]; 100];
    let mut number = 0;
    while number < decimal.len() {
        decimal[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    decimal
};

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
