//! Cuts texts at character boundaries, and JSON inside its strings.

use serde_json::Value;

/// The lowest limit that leaves room for the marker.
pub(super) const MIN_LIMIT: usize = 64;

const MARKER_START: &str = "… [";
const MARKER_END: &str = " bytes cut]";

/// Shortens `text` to at most `limit` bytes, including the marker. Returns whether it was too long.
pub(crate) fn cut(text: &mut String, limit: usize) -> bool {
    if text.len() <= limit {
        return false;
    }
    let (content, cut_before) = split_marker(text);
    let total = content + cut_before;
    let room = limit.saturating_sub(marker(total).len());
    let keep = floor_char_boundary(text, room.min(content));
    text.truncate(keep);
    let marker = marker(total - keep);
    if keep + marker.len() <= limit {
        text.push_str(&marker);
    }
    true
}

/// Shortens every string inside `value` except the names of fields. Returns whether any was too long.
pub(super) fn shorten(value: &mut Value, limit: usize) -> bool {
    match value {
        Value::String(text) => cut(text, limit),
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| shorten(item, limit) | any),
        Value::Object(fields) => fields
            .values_mut()
            .fold(false, |any, field| shorten(field, limit) | any),
        _ => false,
    }
}

/// Replaces values nested deeper than `levels` with their JSON as a string, so that parsers with a depth limit can read the
/// whole.
pub(super) fn flatten(value: &mut Value, levels: usize) {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => {
            *value = Value::String(value.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| flatten(item, levels - 1)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| flatten(field, levels - 1)),
        _ => {}
    }
}

pub(super) fn marker(bytes: usize) -> String {
    format!("{MARKER_START}{bytes}{MARKER_END}")
}

/// Returns how many bytes of `text` are content, and how many bytes an earlier cut removed.
fn split_marker(text: &str) -> (usize, usize) {
    let parsed = text.strip_suffix(MARKER_END).and_then(|rest| {
        let (content, bytes) = rest.rsplit_once(MARKER_START)?;
        let bytes = bytes.parse::<u32>().ok()?;
        Some((content.len(), usize::try_from(bytes).ok()?))
    });
    parsed.unwrap_or((text.len(), 0))
}

/// Returns the last boundary between characters up to `index`.
pub(crate) fn floor_char_boundary(text: &str, mut index: usize) -> usize {
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cuts_between_characters_and_counts_bytes() {
        let mut text = "é".repeat(100);
        assert!(cut(&mut text, 65));
        assert_eq!(text, format!("{}… [154 bytes cut]", "é".repeat(23)));
        assert!(!cut(&mut text, 65));
    }

    #[test]
    fn a_second_cut_counts_from_the_original() {
        let mut text = "a".repeat(1000);
        cut(&mut text, 500);
        cut(&mut text, 100);
        assert_eq!(text, format!("{}… [920 bytes cut]", "a".repeat(80)));
    }

    #[test]
    fn deep_nesting_becomes_text() {
        let mut value = json!([[[[1, {"a": 2}]]], {"b": {"c": 3}}]);
        flatten(&mut value, 2);
        let expected = json!([["[[1,{\"a\":2}]]"], {"b": "{\"c\":3}"}]);
        assert_eq!(value, expected);
    }
}
