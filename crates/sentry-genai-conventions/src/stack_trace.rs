//! Splits off the stack trace that some instrumentations append to an error's description.

/// The start of a Python traceback.
const TRACEBACK: &str = "Traceback (most recent call last)";

/// The start of the frames of a JavaScript stack.
const FRAMES: &str = "\n    at ";

/// Splits a stack trace off a description. Returns the text before it, and the error type that the trace names.
///
/// A JavaScript stack begins with the error as text, so if a message is followed by its stack, it appears twice.
pub(crate) fn split(description: &str) -> Option<(&str, Option<&str>)> {
    if let Some((reason, _)) = description.split_once(TRACEBACK) {
        return Some((reason.trim_end(), None));
    }
    let (before_frames, _) = description.split_once(FRAMES)?;
    let without_repetition = before_frames.match_indices('\n').find_map(|(end, _)| {
        let (kind, message) = before_frames[end + 1..].split_once(": ")?;
        let is_repetition = before_frames[..end].trim_end() == message.trim_end();
        (is_type(kind) && is_repetition).then_some((message.trim_end(), Some(kind)))
    });
    Some(without_repetition.unwrap_or((before_frames.trim_end(), None)))
}

fn is_type(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_split_off() {
        let javascript = "429 Too many\n\nSee: it\n\n\nRateLimitError: 429 Too many\n\nSee: it\n\n    at make (/a/error.js:63:20)\n    at async run";
        let cases = [
            ("all is well", None),
            (
                "ValueError('no')Traceback (most recent call last):\n  File",
                Some(("ValueError('no')", None)),
            ),
            (
                javascript,
                Some(("429 Too many\n\nSee: it", Some("RateLimitError"))),
            ),
            (
                "[1]\n\nGraphInterrupt: [1]\n    at interrupt",
                Some(("[1]", Some("GraphInterrupt"))),
            ),
            (
                "TypeError: no\n    at f (x.js:1:1)",
                Some(("TypeError: no", None)),
            ),
            ("one\ntwo: three\n    at f", Some(("one\ntwo: three", None))),
        ];
        for (description, expected) in cases {
            assert_eq!(split(description), expected, "{description}");
        }
    }
}
