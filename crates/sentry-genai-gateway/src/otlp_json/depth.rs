//! Empties values that are nested too deeply to be parsed.

/// The number of levels that are kept. `serde_json` parses 127.
const MAX_DEPTH: usize = 120;

/// Returns the first value of a text, in which the contents of lists and objects nested more deeply than `MAX_DEPTH` are replaced by
/// spaces. Returns `None` if the value has no end.
pub(super) fn first_value_with_limited_depth(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut depth = 0_usize;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for letter in text.chars() {
        let starts = !is_quoted && matches!(letter, '{' | '[');
        let ends = !is_quoted && matches!(letter, '}' | ']');
        if ends {
            depth = depth.checked_sub(1)?;
        }
        let is_kept = depth < MAX_DEPTH || letter.is_ascii_whitespace();
        if is_kept {
            value.push(letter);
        } else {
            value.extend(std::iter::repeat_n(' ', letter.len_utf8()));
        }
        if ends && depth == 0 {
            return Some(value);
        }
        depth += usize::from(starts);
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
    }
    None
}
