//! Replaces unpaired surrogates: what remains of an emoji where a text was cut.

use std::borrow::Cow;

/// The digits of the escape that replaces an unpaired surrogate.
const REPLACEMENT: &str = "fffd";

/// Replaces escapes of unpaired surrogates, which no Rust string can hold, by escapes of the same length.
///
/// JavaScript cuts strings between the two halves of a character and writes what remains as it is. OpenTelemetry's limits do so
/// in JavaScript.
pub(super) fn replace(text: &str) -> Cow<'_, str> {
    let mut output = String::new();
    let mut copied = 0;
    let mut paired = None;
    for (position, _) in text.match_indices("\\u") {
        let (true, Some(surrogate)) = (is_escape(text, position), surrogate_at(text, position))
        else {
            continue;
        };
        if paired == Some(position) {
            continue;
        }
        let next = position + "\\ud83d".len();
        if surrogate == Surrogate::High && surrogate_at(text, next) == Some(Surrogate::Low) {
            paired = Some(next);
            continue;
        }
        output.push_str(&text[copied..position + "\\u".len()]);
        output.push_str(REPLACEMENT);
        copied = next;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    output.push_str(&text[copied..]);
    Cow::Owned(output)
}

/// Returns whether the backslash at `position` starts an escape, rather than being escaped itself by one before it.
fn is_escape(text: &str, position: usize) -> bool {
    let before = text.as_bytes()[..position].iter().rev();
    before.take_while(|byte| **byte == b'\\').count() % 2 == 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surrogate {
    High,
    Low,
}

/// Returns which half of a character the escape at `position` is, if it is one.
fn surrogate_at(text: &str, position: usize) -> Option<Surrogate> {
    let digits = text.get(position..)?.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Surrogate::High),
        0xdc00..=0xdfff => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpaired_surrogates_are_replaced() {
        for (text, expected) in [
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\uD83D b""#, r#""\ufffd b""#),
            (r#""\udca1\ud83d""#, r#""\ufffd\ufffd""#),
            (
                r#""\ud83d\ud83d\udca1\udca1""#,
                r#""\ufffd\ud83d\udca1\ufffd""#,
            ),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
        ] {
            assert_eq!(replace(text), expected);
            assert!(serde_json::from_str::<String>(expected).is_ok());
        }
        for text in [
            r#""\ud83d\udca1\u00e4""#,
            r#""\\ud83d""#,
            r#""\ud8"#,
            r#""\ud83ä"#,
            r#""\u""#,
            "",
        ] {
            assert!(matches!(replace(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
