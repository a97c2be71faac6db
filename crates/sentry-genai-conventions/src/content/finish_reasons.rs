//! Finish reasons: why the model stopped, as the JSON list of plain words that Sentry reads.

use memchr::memmem;

use crate::{
    AiKind, Attributes,
    dialect::{NONE, OUTPUT, unquoted},
    messages::{self, Messages, canonical},
    operation::Operation,
    recognise::Recognised,
};

pub(crate) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";

/// Settles the finish reasons, and takes them from the messages if the span does not state them. They are not content, so this
/// also works on messages that may not leave.
pub(crate) fn normalise_finish_reasons(
    attributes: &mut Attributes,
    recognised: Option<&Recognised>,
) {
    let is_llm_call = matches!(
        recognised.map(|found| found.operation),
        Some(Operation::Ai(row)) if row.kind == AiKind::LlmCall
    );
    // `Debug` writes `None` for a missing value, Semantic Kernel `N/A`, and an answer that never came has an empty list.
    let reasons = attributes.text(FINISH_REASONS);
    if matches!(reasons, Some(NONE | "[]" | r#"["N/A"]"#)) {
        attributes.remove(FINISH_REASONS);
    }
    if let Some(text) = attributes.text(FINISH_REASONS) {
        if is_single_reason(text) {
            return;
        }
        match to_json_list(text) {
            // The choices have no reasons.
            Some(list) if list == "[]" => attributes.remove(FINISH_REASONS),
            Some(list) => return attributes.set(FINISH_REASONS, &list),
            None => return,
        };
    }
    if is_llm_call {
        extract_finish_reasons(attributes, OUTPUT);
    }
}

/// Takes the finish reasons from the answer under `key`, for a call that does not state them.
pub(crate) fn extract_finish_reasons(attributes: &mut Attributes, key: &str) {
    if let Some(list) = attributes.text(key).and_then(finish_reasons) {
        attributes.supply(FINISH_REASONS, list);
    }
}

/// Returns the finish reasons that an answer states, as a JSON list.
pub(crate) fn finish_reasons(answer: &str) -> Option<String> {
    // Matches `finish_reason`, `stopReason` and the other spellings. It also matches `reasoning` in OpenAI's responses.
    memmem::find(answer.as_bytes(), b"eason")?;
    let list = canonical::finish_reasons(answer).unwrap_or_else(|| {
        let messages = Messages::parse(answer, messages::Side::Output);
        serde_json::json!(messages.finish_reasons()).to_string()
    });
    (list != "[]").then_some(list)
}

/// Recognises a list of one plain reason, such as `["stop"]`, which is the most common value.
pub(crate) fn is_single_reason(text: &str) -> bool {
    let reason = text
        .strip_prefix("[\"")
        .and_then(|rest| rest.strip_suffix("\"]"));
    reason.is_some_and(|reason| {
        !reason.is_empty()
            && reason
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

/// Returns finish reasons as the JSON list that Sentry reads; `None` if they are such a list already.
fn to_json_list(text: &str) -> Option<String> {
    use serde_json::Value;

    let text = if text.starts_with("Some(") {
        unquoted(text)
    } else {
        text
    };
    let parsed = serde_json::from_str::<Vec<String>>(text);
    let mut reasons: Vec<String> = match parsed {
        // Effect's AI puts each item on its own line.
        Ok(reasons)
            if !text.contains('\n')
                && (reasons.iter())
                    .all(|reason| !reason.is_empty() && to_plain_word(reason) == *reason) =>
        {
            return None;
        }
        Ok(reasons) => reasons.iter().map(|reason| to_plain_word(reason)).collect(),
        Err(_) => match messages::read_json(text).or_else(|| messages::read_named(text)) {
            // Python's repr of a list, Rust's `Completed("stop")`, or choices without a reason.
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(|item| item.as_str().map(to_plain_word))
                .collect(),
            Some(Value::String(reason)) => vec![to_plain_word(&reason)],
            _ => parse_plain_list(text),
        },
    };
    // OpenLIT records an empty reason for a stream that did not say why it ended.
    reasons.retain(|reason| !reason.is_empty());
    Some(serde_json::json!(reasons).to_string())
}

/// Reads lists written as plain text: `stop,length` and `[Stop]`.
fn parse_plain_list(text: &str) -> Vec<String> {
    let list = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    let words = list.split(',').map(str::trim);
    if words.clone().all(is_word) {
        words.map(to_plain_word).collect()
    } else {
        vec![to_plain_word(text)]
    }
}

/// Turns enum variants into plain words: `FinishReason.STOP` or Azure's `CompletionsFinishReason.STOPPED` from Python's `str`,
/// `ToolCalls` from Rust's `Debug`.
fn to_plain_word(reason: &str) -> String {
    match reason.split_once("FinishReason.") {
        Some((_, variant)) => variant.to_ascii_lowercase(),
        None if is_enum_variant(reason) => messages::snake_case(reason),
        None => reason.to_owned(),
    }
}

/// Recognises a name in camel case that starts with a capital letter.
fn is_enum_variant(reason: &str) -> bool {
    reason.starts_with(|first: char| first.is_ascii_uppercase())
        && reason.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && reason.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_reasons_are_a_list_of_plain_words() {
        for (input, expected) in [
            ("stop", r#"["stop"]"#),
            ("[\n  \"stop\"\n]", r#"["stop"]"#),
            (r#""stop""#, r#"["stop"]"#),
            ("['stop']", r#"["stop"]"#),
            ("[Stop]", r#"["stop"]"#),
            ("ToolCalls", r#"["tool_calls"]"#),
            ("Some(EndTurn)", r#"["end_turn"]"#),
            (r#"Some("stop")"#, r#"["stop"]"#),
            (r#"Some(Completed("stop"))"#, r#"["stop"]"#),
            (r#"["Stop"]"#, r#"["stop"]"#),
            ("SAFETY", r#"["SAFETY"]"#),
            ("[Some(ToolCalls), None]", r#"["tool_calls"]"#),
            (r#"["stop", null]"#, r#"["stop"]"#),
            (r#"["stop", ""]"#, r#"["stop"]"#),
            ("FinishReason.STOP", r#"["stop"]"#),
            (
                "FinishReason.STOP,FinishReason.LENGTH",
                r#"["stop","length"]"#,
            ),
            (r#"["CompletionsFinishReason.STOPPED"]"#, r#"["stopped"]"#),
            ("Out of words, it seems", r#"["Out of words, it seems"]"#),
        ] {
            assert_eq!(to_json_list(input).as_deref(), Some(expected), "{input}");
            assert_eq!(to_json_list(expected), None, "{input}, once more");
        }
    }

    #[test]
    fn reasons_stated_by_the_span_take_precedence() {
        const ANSWER: &str = r#"[{"role":"assistant","parts":[],"finish_reason":"length"}]"#;

        let mut attributes = Attributes::default();
        attributes.push(FINISH_REASONS, r#"["stop"]"#);
        attributes.push("output.value", ANSWER);
        extract_finish_reasons(&mut attributes, "output.value");
        let reasons = attributes.iter().filter(|(key, _)| *key == FINISH_REASONS);
        assert_eq!(reasons.count(), 1);
        assert_eq!(attributes.text(FINISH_REASONS), Some(r#"["stop"]"#));
    }

    #[test]
    fn missing_values_are_not_reasons() {
        let mut attributes = Attributes::default();
        attributes.push(FINISH_REASONS, format!("{:?}", None::<&str>));
        normalise_finish_reasons(&mut attributes, None);
        assert!(!attributes.contains(FINISH_REASONS));
        for missing in ["[]", "[null]", "[1]", r#"[""]"#, r#"["N/A"]"#] {
            attributes.set(FINISH_REASONS, missing);
            normalise_finish_reasons(&mut attributes, None);
            assert!(!attributes.contains(FINISH_REASONS), "{missing}");
        }
    }
}
