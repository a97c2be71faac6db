//! API keys and access tokens, which are recognised by how they look.

use std::mem;

use super::credentials::REDACTED;

/// How the keys of providers begin, and signed tokens.
static PREFIXES: &[&str] = &[
    "AIza",
    "AKIA",
    "ASIA",
    "eyJ",
    "fw_",
    "gho_",
    "ghp_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "gsk_",
    "hf_",
    "lsv2_",
    "nvapi-",
    "pplx-",
    "r8_",
    "sk-",
    "sk_",
    "sntrys_",
    "tvly-",
    "xai-",
    "xox",
    "ya29.",
];

/// The minimum length of the random part of a key.
const RANDOM_LETTERS: usize = 12;

/// Returns whether a text is a key or the value of a header with one, or includes a key, as the `Debug` output of a
/// configuration does.
#[inline]
pub(super) fn has_api_key(text: &str) -> bool {
    // Most texts are shorter than a key.
    text.len() > RANDOM_LETTERS && is_random(text) && is_or_includes_key(text)
}

fn is_or_includes_key(text: &str) -> bool {
    let is_value_of_header = match text.split_once(' ') {
        Some((scheme, key)) => announces_key(scheme) && is_random(key),
        None => is_known_key(text),
    };
    is_value_of_header || keys(text).next().is_some()
}

/// Returns a text without the keys in it; `None` if there are none.
pub(crate) fn redact_api_keys(text: &str) -> Option<String> {
    if !is_random(text) {
        return None;
    }
    let mut redacted = String::new();
    let mut copied = 0;
    for key in keys(text) {
        let start = key.as_ptr().addr() - text.as_ptr().addr();
        redacted.extend([&text[copied..start], REDACTED]);
        copied = start + key.len();
    }
    (copied > 0).then(|| redacted + &text[copied..])
}

/// Returns the words of a text that are keys.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !is_key_letter(letter));
    let mut before = "";
    words
        .map(|word| word.trim_end_matches('.'))
        // Between a scheme and its key there may be a quotation mark.
        .filter(|word| !word.is_empty())
        .filter(move |word| {
            let is_announced = announces_key(mem::replace(&mut before, word));
            is_known_key(word) || is_announced && is_random(word)
        })
}

fn is_key_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

fn is_known_key(word: &str) -> bool {
    word.len() > RANDOM_LETTERS
        && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
        && is_random(word)
}

/// Returns whether a word is the scheme of an `Authorization` header.
fn announces_key(word: &str) -> bool {
    ["basic", "bearer"]
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Returns whether a text has a part as long as no name has, with digits. Hardly any text has, so it looks at few of the bytes.
fn is_random(text: &str) -> bool {
    let mut rest = text.as_bytes();
    // A part that is long enough covers its last byte or begins behind it.
    while let Some((before, after)) = rest.split_at_checked(RANDOM_LETTERS) {
        let start = before
            .iter()
            .rposition(|byte| !byte.is_ascii_alphanumeric());
        let start = start.map_or(0, |gap| gap + 1);
        if start == RANDOM_LETTERS {
            rest = after;
            continue;
        }
        let letters = |byte: &&u8| byte.is_ascii_alphanumeric();
        let end = RANDOM_LETTERS + after.iter().take_while(letters).count();
        let part = &rest[start..end];
        if part.len() >= RANDOM_LETTERS && part.iter().any(u8::is_ascii_digit) {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_follows_its_scheme_behind_any_separators() {
        for between in [" ", "  ", ": ", " \"", "... "] {
            let text = format!("sent Bearer{between}a1b2c3d4e5f6a7 twice");
            let expected = format!("sent Bearer{between}{REDACTED} twice");
            assert_eq!(redact_api_keys(&text), Some(expected));
        }
        assert_eq!(redact_api_keys("Bearer of a1b2c3d4e5f6a7"), None);
    }

    proptest! {
        #[test]
        fn a_random_part_is_found_wherever_it_is(
            parts in prop::collection::vec("[a-z0-9]{0,14}|[a-z]{10,30}1?|1[a-z]{8,30}", 0..8),
            separators in "[ ._é-]{8}",
        ) {
            let pieces = parts.iter().zip(separators.chars());
            let text: String = pieces.map(|(part, separator)| format!("{part}{separator}")).collect();
            let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
            let expected = words.any(|word| word.len() >= RANDOM_LETTERS && word.contains(|it: char| it.is_ascii_digit()));
            prop_assert_eq!(is_random(&text), expected);
            prop_assert_eq!(is_random(text.trim_end_matches(['é', ' '])), expected);
        }
    }

    #[test]
    fn keys_in_a_text_are_redacted() {
        for (text, expected) in [
            (
                "no such key: sk-proj-4fG7hJ9kL2mN5pQ8.",
                "no such key: REDACTED.",
            ),
            (
                "Illegal header value b'sk-ant-api03-4fG7hJ9kL2mN5pQ8\\n'",
                "Illegal header value b'REDACTED\\n'",
            ),
            (
                "Authorization: Bearer 4fg7hj9kl2mn5pq8, key=AIza4fG7hJ9kL2mN5pQ8",
                "Authorization: Bearer REDACTED, key=REDACTED",
            ),
        ] {
            assert_eq!(redact_api_keys(text).as_deref(), Some(expected));
            assert_eq!(redact_api_keys(expected), None);
        }
        for text in [
            "Incorrect API key provided: sk-proj-********************N5pQ",
            "bearer authentication is required",
            "no module sk-learn-pipeline-2 for hf_inference_endpoint_v2",
            "request 4fg7hj9kl2mn5pq8 failed",
            "",
        ] {
            assert_eq!(redact_api_keys(text), None, "{text}");
        }
    }

    #[test]
    fn keys_of_all_providers_are_found_wherever_they_are() {
        for prefix in PREFIXES {
            let key = format!("{prefix}4fG7hJ9kL2mN5pQ8");
            assert!(
                has_api_key(&key) && has_api_key(&format!("Bearer {key}")),
                "{key}"
            );
            for text in [
                format!("no such key: {key}."),
                format!(r#"{{"headers":{{"authorization":"Bearer {key}"}}}}"#),
                format!("Config {{ key: Some(\"{key}\") }}"),
                format!("[{key}, {key}]"),
                format!("https://h.example/{key}?a=b"),
            ] {
                assert!(has_api_key(&text), "{text}");
                let redacted = redact_api_keys(&text).unwrap();
                assert_eq!(redacted, text.replace(&key, REDACTED));
            }
            // A name with the same beginning.
            assert!(!has_api_key(&format!("{prefix}learn-inference-endpoint")));
        }
    }

    #[test]
    fn a_key_is_recognised_with_and_without_its_scheme() {
        for (text, expected) in [
            ("ghp_4fG7hJ9kL2mN5pQ8", true),
            ("ghp_4fG7hJ9kL2mN,ghp_5fG7hJ9kL2mN", true),
            ("Bearer 4fg7hj9kl2mn5pq8", true),
            ("Basic 4f/g7+4fg7hj9kl2mn5pq8=", true),
            ("sk-4f/4fg7hj9kl2mn5pq8", true),
            ("Bearer authentication", false),
            ("gpt-4o-mini-2024-07-18", false),
            ("run 4fg7hj9kl2mn5pq8", false),
        ] {
            assert_eq!(has_api_key(text), expected, "{text}");
        }
    }
}
