//! JSON, piece by piece.

use sentry_genai_conventions::Timestamp;

/// Writes a JSON string.
///
/// Most of what is sent is text, and most of that JSON inside of JSON, so this is where the time goes: eight bytes are looked
/// at in one step, and what needs no escape is copied in one piece.
pub(crate) fn write_string(buffer: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    buffer.reserve(bytes.len() + bytes.len() / 16 + 2);
    buffer.push(b'"');
    let mut copied = 0;
    while let Some(offset) = special(&bytes[copied..]) {
        let at = copied + offset;
        buffer.extend_from_slice(&bytes[copied..at]);
        write_escape(buffer, bytes[at]);
        copied = at + 1;
    }
    buffer.extend_from_slice(&bytes[copied..]);
    buffer.push(b'"');
}

/// Returns where the first byte is that cannot stand in a JSON string as it is.
fn special(bytes: &[u8]) -> Option<usize> {
    const LANES: usize = size_of::<u64>();
    let (words, rest) = bytes.as_chunks::<LANES>();
    for (index, word) in words.iter().enumerate() {
        let marks = special_lanes(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(index * LANES + marks.trailing_zeros() as usize / 8);
        }
    }
    let offset = rest
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
    Some(words.len() * LANES + offset)
}

/// Marks the high bit of each byte that is a control character, a quotation mark or a backslash. Bytes above the first mark may
/// be marked by mistake, through the borrow.
fn special_lanes(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let quote = below(word ^ (EACH * u64::from(b'"')), 1);
    let backslash = below(word ^ (EACH * u64::from(b'\\')), 1);
    (below(word, 0x20) | quote | backslash) & (EACH << 7)
}

fn write_escape(buffer: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            buffer.extend_from_slice(b"\\u00");
            write_hex(buffer, &[byte]);
            return;
        }
    };
    buffer.extend_from_slice(&[b'\\', short]);
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
