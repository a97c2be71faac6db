//! Empties values that are nested too deeply to be parsed.

/// The number of levels that are kept. `serde_json` parses 127.
const MAX_DEPTH: usize = 120;

/// Returns a JSON text in which the contents of lists and objects nested more deeply than `MAX_DEPTH` are replaced by spaces.
pub(super) fn with_limited_depth(text: &str) -> String {
    let mut depth = 0_usize;
    let mut is_quoted = false;
    let mut is_escaped = false;
    let limited = text.chars().map(|letter| {
        let starts = !is_quoted && matches!(letter, '{' | '[');
        let ends = !is_quoted && matches!(letter, '}' | ']');
        depth = depth.saturating_sub(ends.into());
        let is_kept = depth < MAX_DEPTH;
        depth += usize::from(starts);
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        if is_kept { letter } else { ' ' }
    });
    limited.collect()
}
