//! Why a call has failed, without what the provider quotes of the request.

/// The maximum length of a reason, in bytes.
const MAX_BYTES: usize = 200;

/// Marks that open or close a quotation.
const QUOTATION_MARKS: [char; 16] = [
    '\'', '"', '`', '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{201a}',
    '\u{ab}', '\u{bb}', '\u{300a}', '\u{300c}', '\u{300e}', '\u{ff02}', '\u{ff07}',
];

/// What ends a line, by Unicode.
const LINE_ENDS: [char; 7] = [
    '\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}',
];

/// Returns the first line of a reason, up to the first JSON or the first quotation of more than a name.
///
/// `sentry-genai` does this for Sentry, whatever the reason's source. Here it is done for all layers.
pub(crate) fn without_quotations(reason: &str) -> &str {
    let line = reason.trim().split(LINE_ENDS).next().unwrap_or_default();
    let mut end = 0;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        let after = at + letter.len_utf8();
        if after > MAX_BYTES || matches!(letter, '{' | '[') {
            break;
        }
        // An apostrophe, and the mark that ends the quotation of a name, follow a letter or digit.
        let may_quote = QUOTATION_MARKS.contains(&letter) && !before.is_alphanumeric();
        if may_quote && !quotes_name(&line[after..]) {
            break;
        }
        end = after;
        before = letter;
    }
    line[..end].trim_end_matches([' ', '(', ':'])
}

/// Returns whether a quotation is only a name: a model, a parameter, an address. `text` follows the mark that opens it.
fn quotes_name(text: &str) -> bool {
    let is_in_name = |letter: char| letter.is_alphanumeric() || "-_.:/".contains(letter);
    let after = text.trim_start_matches(is_in_name);
    after.starts_with(QUOTATION_MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_ends_before_what_it_quotes() {
        for (reason, expected) in [
            ("Rate limit reached", "Rate limit reached"),
            (
                "The model `gpt-9` does not exist or you don't have access to it.",
                "The model `gpt-9` does not exist or you don't have access to it.",
            ),
            ("Missing: 'messages[0].content'", "Missing"),
            ("Flagged: \"tell me a secret\", sorry", "Flagged"),
            ("Flagged: \u{201e}geheim ist das\u{201c}", "Flagged"),
            ("1 error: {'input': 'tell'}", "1 error"),
            ("First line\nsecond line", "First line"),
            ("First line\rsecond line", "First line"),
            ("First line\u{2028}second line", "First line"),
            ("An open 'quotation", "An open"),
            ("", ""),
        ] {
            assert_eq!(without_quotations(reason), expected, "{reason}");
        }
        assert_eq!(without_quotations(&"\u{e9}".repeat(300)).len(), 200);
    }
}
