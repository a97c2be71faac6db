//! Ids: hexadecimal by the OTLP specification, Base64 by protobuf's own JSON mapping.

use sentry_genai_conventions::{SpanId, TraceId};

pub(super) fn trace(text: &str) -> Option<TraceId> {
    TraceId::parse(text).or_else(|| TraceId::from_bytes(base64(text)?.try_into().ok()?))
}

pub(super) fn span(text: &str) -> Option<SpanId> {
    SpanId::parse(text).or_else(|| SpanId::from_bytes(base64(text)?.try_into().ok()?))
}

/// Decodes either alphabet of Base64, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    /// The longest an id can be.
    const DIGITS: usize = 24;

    let digits = text.trim_end_matches('=');
    if digits.is_empty() || digits.len() > DIGITS {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_id() {
        let hex = trace("4c79f60c11214eb38604f4ae0781bfb2").unwrap();
        assert_eq!(trace("THn2DBEhTrOGBPSuB4G/sg=="), Some(hex));
        assert_eq!(span("oLLD1OX2Bxg="), span("a0b2c3d4e5f60718"));
        for text in [
            "",
            "xyz",
            "AAAAAAAAAAA=",
            "0000000000000000",
            "a0b2c3d4e5f6071",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
