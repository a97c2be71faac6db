//! What texts look like.

use crate::{attributes::contains_none, dialect::unquoted};

/// Returns whether a text is one short word: an id, a name, a flag. A `?` rules it out, because the query of a URL may hold a
/// whole question, and so do texts inside: JSON, XML, and how Rust and Python show objects.
pub(crate) fn is_token(text: &str) -> bool {
    let text = unquoted(text);
    text.len() <= 128
        && !text.starts_with(['{', '['])
        && (contains_none(text.as_bytes(), may_rule_out_token) || is_one_word(text))
}

/// Returns whether a byte is, or begins, one of those that [`is_one_word`] looks for. In most tokens there is none.
#[inline(always)]
fn may_rule_out_token(byte: u8) -> bool {
    byte <= b'"' || byte == b'(' || byte.wrapping_sub(b'<') <= b'?' - b'<' || byte >= 0x80
}

fn is_one_word(text: &str) -> bool {
    !text.chars().any(char::is_whitespace)
        && !text.contains(['?', '"'])
        && !text
            .as_bytes()
            .windows(2)
            .any(|pair| matches!(pair, b"</" | b"('" | b"='"))
        && (text.is_ascii() || !text.chars().any(is_unspaced))
}

/// Returns whether a text has at least `min_words`, is long, or is JSON.
pub(crate) fn is_prose_or_json(text: &str, min_words: usize) -> bool {
    let text = text.trim_matches('"');
    if text.len() > 256
        || text.starts_with('{')
        || text.starts_with("[{")
        || text.starts_with("[\"")
    {
        return true;
    }
    text.split_whitespace().map(count_words).sum::<usize>() >= min_words
}

/// Returns whether a text holds messages in the format of a provider's API, whatever its key is: as JSON, or as Python or Rust
/// show the objects of a client.
pub(super) fn is_transcript(text: &str) -> bool {
    // For most texts this check suffices.
    if memchr::memchr(b'{', text.as_bytes()).is_none() {
        return false;
    }
    let has_any = |members: [&str; 3]| members.iter().any(|member| text.contains(member));
    has_any(["\"messages\"", "'messages'", "messages: ["])
        || has_any(["\"role\"", "'role'", "role: "])
            && has_any(["\"content\"", "'content'", "content: "])
}

/// Returns the number of words in a piece of text without whitespace. In scripts without spaces between words, two letters count
/// as one.
fn count_words(text: &str) -> usize {
    if text.is_ascii() {
        return usize::from(text.bytes().any(|byte| byte.is_ascii_alphabetic()));
    }
    let unspaced = text.chars().filter(|letter| is_unspaced(*letter)).count();
    let is_word = text.chars().any(char::is_alphabetic);
    unspaced.div_ceil(2).max(usize::from(is_word))
}

/// Returns whether a letter belongs to a script without spaces between words, in which a whole question looks like one word.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        // Thai, Lao, Tibetan and Burmese; Khmer; Tai scripts.
        '\u{0e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1950}'..='\u{19ff}' | '\u{1a20}'..='\u{1aaf}'
        // Kana, Chinese characters and Yi, with their punctuation.
        | '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_the_bytes_of_a_token_misses_nothing_that_rules_one_out() {
        for letter in (0..0x3000).filter_map(char::from_u32) {
            for text in [
                format!("a{letter}b"),
                format!("f{letter}'abcdefghijklmnop"),
                format!("abcdefghijklmnop<{letter}b>"),
            ] {
                let may_be_skipped = contains_none(text.as_bytes(), may_rule_out_token);
                assert!(!may_be_skipped || is_one_word(&text), "{text:?}");
            }
        }
        for (text, expected) in [
            ("gpt-4o", true),
            ("us-east-1/orders:17,c(x)", true),
            ("caf\u{e9}", true),
            ("two words", false),
            ("f('a')", false),
            ("a</b>", false),
            ("who?", false),
            ("\u{4f60}\u{597d}", false),
        ] {
            assert_eq!(is_token(text), expected, "{text}");
        }
    }
}
