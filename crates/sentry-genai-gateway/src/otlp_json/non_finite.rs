//! Replaces numbers that JSON has no notation for.

use std::borrow::Cow;

/// What some encoders write for a number that is not finite, and its replacement, of the same length if possible.
static WORDS: &[(&str, &str)] = &[
    ("-Infinity", "null     "),
    ("Infinity", "null    "),
    ("NaN", "null"),
];

/// Replaces numbers that are not finite, as Python's `json` writes them, by `null`, since neither is a value.
pub(super) fn replace(text: Cow<'_, str>) -> Cow<'_, str> {
    // Most texts have none.
    if !text.contains("NaN") && !text.contains("Infinity") {
        return text;
    }
    let mut output = String::new();
    let mut copied = 0;
    let mut position = 0;
    let mut is_quoted = false;
    while let Some(byte) = text.as_bytes().get(position) {
        position += match byte {
            b'"' => {
                is_quoted = !is_quoted;
                1
            }
            b'\\' if is_quoted => 2,
            // No JSON string continues on the next line, but one may have been cut.
            b'\n' => {
                is_quoted = false;
                1
            }
            b'-' | b'I' | b'N' if !is_quoted => {
                let rest = &text[position..];
                match WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
                    Some((word, null)) => {
                        output.push_str(&text[copied..position]);
                        output.push_str(null);
                        copied = position + word.len();
                        word.len()
                    }
                    None => 1,
                }
            }
            _ => 1,
        };
    }
    if copied == 0 {
        return text;
    }
    output.push_str(&text[copied..]);
    Cow::Owned(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_finite_numbers_become_null() {
        for (text, expected) in [
            ("[NaN,1]", "[null,1]"),
            ("[-Infinity, Infinity]", "[null     , null    ]"),
            (r#"{"a\"NaN":NaN}"#, r#"{"a\"NaN":null}"#),
            ("{\"cut\n[NaN]", "{\"cut\n[null]"),
        ] {
            assert_eq!(replace(text.into()), expected);
        }
        for text in [r#"["NaN","ä Infinity","\\"]"#, "[-1]", "\"\\", ""] {
            assert!(matches!(replace(text.into()), Cow::Borrowed(_)), "{text}");
        }
    }
}
