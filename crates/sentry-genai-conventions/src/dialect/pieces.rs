//! Joins the pieces in which libraries keep a text that was streamed.

use serde_json::Value;

/// What arrives in pieces.
const KINDS: [&str; 3] = ["text", "thinking", "reasoning"];

/// Joins successive parts of the same kind that consist of nothing but their text, as in `[{"text": "Sun"}, {"text": "ny"}]`.
pub(super) fn join(parts: &mut Vec<Value>) {
    for part in std::mem::take(parts) {
        let piece = KINDS
            .into_iter()
            .find_map(|kind| Some((kind, only_text(&part, kind)?)));
        if let Some((kind, more)) = piece
            && let Some(before) = parts
                .last_mut()
                .filter(|before| only_text(before, kind).is_some())
            && let Some(Value::String(text)) = before.get_mut(kind)
        {
            text.push_str(more);
        } else {
            parts.push(part);
        }
    }
}

/// Returns the text of a part that consists of nothing else.
fn only_text<'p>(part: &'p Value, kind: &str) -> Option<&'p str> {
    let part = part.as_object().filter(|part| part.len() == 1)?;
    part.get(kind)?.as_str()
}
