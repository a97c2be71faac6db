//! Reads ids: hexadecimal as in the OTLP specification, or Base64 as in protobuf's own JSON mapping.

use sentry_genai_conventions::{SpanId, TraceId};

pub(super) fn trace(text: &str) -> Option<TraceId> {
    TraceId::parse(text).or_else(|| TraceId::from_bytes(base64(text)?.try_into().ok()?))
}

pub(super) fn span(text: &str) -> Option<SpanId> {
    SpanId::parse(text).or_else(|| SpanId::from_bytes(base64(text)?.try_into().ok()?))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    /// The maximum length of an id.
    const DIGITS: usize = 24;

    (text.len() <= DIGITS).then(|| super::base64::decode(text))?
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
