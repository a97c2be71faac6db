//! Removes what an error's message quotes.

use serde_json::Value as Json;

use super::{Capture, is_token, redact_api_keys, redact_urls, withhold_queries};
use crate::{Attributes, Scalar, SourceSpan, Value, attributes::Name, dialect, messages::cut};

/// Keys of the reason for a failure.
static REASON_KEYS: [Name; 2] = [
    Name::new("sentry.status.message"),
    Name::new("exception.message"),
];

/// Keys of the type of a failure. This is a name, unless a program has put the whole error there.
static TYPE_KEYS: [Name; 3] = [
    Name::new("error.code"),
    Name::new("error.type"),
    Name::new("exception.type"),
];

/// Keys of stack traces, which usually contain the reason as well.
static TRACE_KEYS: [Name; 5] = [
    Name::new("code.stacktrace"),
    Name::new("error.stack"),
    Name::new("error.stack_trace"),
    Name::new("error.stacktrace"),
    Name::new("exception.stacktrace"),
];

/// Returns whether [`withhold_quotations`] may change the text under `key`.
pub(crate) fn may_quote(key: &str) -> bool {
    is_known(key) || names_error(key)
}

/// Returns whether `key` has a meaning of its own here.
fn is_known(key: &str) -> bool {
    REASON_KEYS
        .iter()
        .chain(&TYPE_KEYS)
        .chain(&TRACE_KEYS)
        .any(|name| name.text == key)
}

/// Returns whether an attribute describes an error by its name, such as `exception.details`, under which `tracing-actix-web`
/// records an error's `Debug` output, or `upstream.error`.
fn names_error(key: &str) -> bool {
    ["error.", "exception."]
        .iter()
        .any(|namespace| key.starts_with(namespace))
        || [".error", ".err"].iter().any(|name| key.ends_with(name))
}

/// Returns the positions of the texts that describe an error without a key of their own here.
fn further_reasons(attributes: &Attributes) -> Vec<usize> {
    let slots = attributes.slots().enumerate();
    slots
        .filter(|(_, slot)| match slot {
            Some((key, Value::Str(_))) => names_error(key) && !is_known(key),
            _ => false,
        })
        .map(|(index, _)| index)
        .collect()
}

/// Replaces the text at a position by what `change` makes of it, if anything.
fn change_text(
    attributes: &mut Attributes,
    index: usize,
    change: impl FnOnce(&str) -> Option<String>,
) {
    match attributes.text_at(index).and_then(change) {
        Some(changed) if changed.is_empty() => attributes.remove_at(index),
        Some(changed) => attributes.set_text_at(index, &changed),
        None => {}
    }
}

/// Removes keys, and the credentials in URLs, from a text. Returns `None` if it has none.
fn redacted(text: &str) -> Option<String> {
    let without_users = redact_urls(text);
    let redacted = redact_api_keys(without_users.as_deref().unwrap_or(text));
    redacted.or(without_users)
}

/// Removes keys, and the credentials in URLs, from an error. HTTP clients include the URL of the request, or a header.
pub(crate) fn redact(span: &mut SourceSpan) {
    for name in &TRACE_KEYS {
        join_lines(span, name);
    }
    for name in REASON_KEYS.iter().chain(&TYPE_KEYS).chain(&TRACE_KEYS) {
        if let Some(redacted) = span.attributes.text_by_name(name).and_then(redacted) {
            replace(span, name, redacted);
        }
    }
    for index in further_reasons(&span.attributes) {
        change_text(&mut span.attributes, index, redacted);
    }
}

/// Joins a stack trace that is recorded as a list of lines into one text.
fn join_lines(span: &mut SourceSpan, name: &Name) {
    let Some(Value::Array(lines)) = span.attributes.get_by_name(name) else {
        return;
    };
    let lines: Vec<_> = (lines.iter())
        .filter_map(|line| match line {
            Scalar::Str(line) => Some(&**line),
            _ => None,
        })
        .collect();
    let text = lines.join("\n");
    replace(span, name, text);
}

/// Reduces an error to what went wrong and where. Providers tend to quote the request in addition.
pub(crate) fn withhold_quotations(span: &mut SourceSpan, capture: Capture) {
    let is_tool_result = !capture.outputs && reports_tool_result_as_reason(span);
    for name in &REASON_KEYS {
        let reduced = match span.attributes.text_by_name(name) {
            None => continue,
            Some(_) if is_tool_result => String::new(),
            Some(text) => shorten_reason(text),
        };
        replace(span, name, reduced);
    }
    for index in further_reasons(&span.attributes) {
        change_text(&mut span.attributes, index, |text| {
            Some(shorten_reason(text))
        });
    }
    for name in &TYPE_KEYS {
        if let Some(text) = span.attributes.text_by_name(name)
            && !is_token(text)
        {
            let reduced = shorten_reason(text);
            replace(span, name, reduced);
        }
    }
    for name in &TRACE_KEYS {
        if let Some(text) = span.attributes.text_by_name(name) {
            let reduced = keep_frames(text);
            replace(span, name, reduced);
        }
    }
}

/// Returns whether the reason is the answer of a tool. According to MCP's conventions, `tool_error` means that the
/// answer reports the failure.
fn reports_tool_result_as_reason(span: &SourceSpan) -> bool {
    dialect::fails_with_result(span)
        || span.attributes.text("error.type") == Some("tool_error")
            && span.attributes.contains("mcp.method.name")
}

fn replace(span: &mut SourceSpan, name: &Name, text: String) {
    span.attributes.remove(name.text);
    if !text.is_empty() {
        span.attributes.push(name.text, text);
    }
}

/// What ends a line, by Unicode.
const LINE_ENDS: [char; 7] = [
    '\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}',
];

/// After these words, errors of LangChain, LlamaIndex and OpenAI's agents go on with what a model said.
static INTRODUCTIONS: [&str; 5] = [
    "Could not parse LLM output:",
    "Could not parse output:",
    "Invalid json output:",
    "final answer from input text:",
    "refused to produce output:",
];

/// Returns the first line of a text, up to the first JSON, the first quotation of more than a word, or the words of a
/// model or a user, without the queries of addresses. If the text is a JSON object, does this with its `message`.
fn shorten_reason(text: &str) -> String {
    /// The maximum length of a reason, in bytes.
    const REASON_BYTES: usize = 200;

    let text = text.trim_start();
    if text.starts_with('{')
        && let Ok(Json::Object(error)) = serde_json::from_str(text)
    {
        let message = error.get("message").and_then(Json::as_str);
        return message.map_or_else(String::new, shorten_reason);
    }
    let first_line = text.split(LINE_ENDS).next().unwrap_or_default();
    let before_json = first_line.split(['{', '[']).next().unwrap_or_default();
    let ends = (INTRODUCTIONS.iter())
        .filter_map(|words| before_json.find(words).map(|start| start + words.len()));
    let before_answer = &before_json[..ends.min().unwrap_or(before_json.len())];
    let before_quotation =
        &before_answer[..find_quotation(before_answer).unwrap_or(before_answer.len())];
    // In Python, `ServiceError: (` and `ValueError(` precede the arguments of an exception.
    let mut reason = withhold_queries(before_quotation.trim_end_matches([' ', '(', ':']));
    cut(&mut reason, REASON_BYTES);
    reason
}

/// Opening quotation marks of various languages, with the marks that close them.
static QUOTATION_MARKS: &[(char, &[char])] = &[
    ('\'', &['\'']),
    ('"', &['"']),
    ('`', &['`']),
    ('\u{201c}', &['\u{201d}']),
    ('\u{201e}', &['\u{201c}', '\u{201d}']),
    ('\u{201d}', &['\u{201d}']),
    ('\u{2018}', &['\u{2019}']),
    ('\u{201a}', &['\u{2018}', '\u{2019}']),
    ('\u{ab}', &['\u{bb}']),
    ('\u{bb}', &['\u{ab}']),
    ('\u{2039}', &['\u{203a}']),
    ('\u{203a}', &['\u{2039}']),
    ('\u{300a}', &['\u{300b}']),
    ('\u{300c}', &['\u{300d}']),
    ('\u{300e}', &['\u{300f}']),
    ('\u{ff02}', &['\u{ff02}']),
];

/// How tonic describes a status code. It quotes the description: `code: 'Internal error', message: "..."`.
static GRPC_DESCRIPTIONS: [&str; 17] = [
    "The operation completed successfully",
    "The operation was cancelled",
    "Unknown error",
    "Client specified an invalid argument",
    "Deadline expired before operation could complete",
    "Some requested entity was not found",
    "Some entity that we attempted to create already exists",
    "The caller does not have permission to execute the specified operation",
    "Some resource has been exhausted",
    "The system is not in a state required for the operation's execution",
    "The operation was aborted",
    "Operation was attempted past the valid range",
    "Operation is not implemented or not supported",
    "Internal error",
    "The service is currently unavailable",
    "Unrecoverable data loss or corruption",
    "The request does not have valid authentication credentials",
];

/// Returns the start of the first quotation that is more than a name, as in `Refusal: 'I cannot help with that.'`.
fn find_quotation(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some((start, opening, closing)) = find_opening_mark(&text[at..]) {
        let start = at + start;
        let quoted = &text[start + opening.len_utf8()..];
        at = text.len() - quoted.len();
        // An apostrophe is inside a word or at its end.
        let is_apostrophe = |is_within_word: bool| opening.is_ascii() && is_within_word;
        if is_apostrophe(text[..start].ends_with(char::is_alphanumeric)) {
            continue;
        }
        let end = quoted.match_indices(closing).find(|(end, mark)| {
            !is_apostrophe(quoted[end + mark.len()..].starts_with(char::is_alphanumeric))
        });
        let (quoted, length) = match end {
            Some((end, mark)) => (&quoted[..end], end + mark.len()),
            None => (quoted, quoted.len()),
        };
        if !is_token(quoted.trim()) && !GRPC_DESCRIPTIONS.contains(&quoted) {
            return Some(start);
        }
        at += length;
    }
    None
}

/// Returns the position of the first mark that may open a quotation, and the marks that close it.
fn find_opening_mark(text: &str) -> Option<(usize, char, &'static [char])> {
    text.char_indices().find_map(|(at, letter)| {
        let (opening, closing) = QUOTATION_MARKS
            .iter()
            .find(|(opening, _)| *opening == letter)?;
        Some((at, *opening, *closing))
    })
}

/// Returns the lines that name a place. The others are messages, which may have several lines.
fn keep_frames(trace: &str) -> String {
    let frames: Vec<_> = trace.lines().filter(|line| is_frame(line)).collect();
    frames.join("\n")
}

/// Recognises stack frames of Python, of JavaScript, Java and .NET, and of Rust.
fn is_frame(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with("File \"") && line.contains("\", line ") {
        return true;
    }
    if let Some(location) = line.strip_prefix("at ") {
        let number = location.trim_end_matches(')').rsplit(':').next();
        let number = number.map(|number| number.strip_prefix("line ").unwrap_or(number));
        return location.contains(['(', '/', '\\']) && number.is_some_and(is_number);
    }
    line.split_once(": ")
        .is_some_and(|(number, function)| is_number(number) && function.contains("::"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlanningTranslator, TranslateOptions, Translator, testing};

    #[test]
    fn a_reason_ends_before_its_quotation() {
        for (text, expected) in [
            ("timed out", "timed out"),
            (
                "Model refused to produce output: No hunter2.",
                "Model refused to produce output",
            ),
            (
                "Invalid json output: I know hunter2.",
                "Invalid json output",
            ),
            ("Could not parse output: hunter2", "Could not parse output"),
            (
                "cannot read output: timed out",
                "cannot read output: timed out",
            ),
            (r#"400: {"messages":["hunter2"]}"#, "400"),
            ("invalid request:\nhunter2", "invalid request"),
            ("invalid request\r\u{2028}hunter2", "invalid request"),
            ("no answer from /v1?q=hunter2", "no answer from /v1"),
            (r#"[{"text":"hunter2"}]"#, ""),
            (
                r#"{"message":"Error in agent run: {'hunter2'}","data":{"text":"hunter2"}}"#,
                "Error in agent run",
            ),
            (r#"{"text":"hunter2"}"#, ""),
            (r#"{"message":"{\"message\":\"timed out\"}"}"#, "timed out"),
            ("\n  timed out\nhunter2", "timed out"),
            (
                "filtered. Refusal: 'It isn't hunter2.', body: x",
                "filtered. Refusal",
            ),
            (r#"no number: "hunter 2""#, "no number"),
            (
                "code: 'The system is not in a state required for the operation's execution', message: \"hunter 2\"",
                "code: 'The system is not in a state required for the operation's execution', message",
            ),
            ("cut: 'hunter 2", "cut"),
            (
                "ServiceError: ('hunter 2', RateLimitError('hunter 2'))",
                "ServiceError",
            ),
            ("ValueError('hunter 2')", "ValueError"),
            (
                "no tool 'get_weather' for \"gpt-4o\"",
                "no tool 'get_weather' for \"gpt-4o\"",
            ),
            ("filtered: 'It's hunter 2'", "filtered"),
            (
                "no tool 'a.' or the like in 'b.'",
                "no tool 'a.' or the like in 'b.'",
            ),
            ("can't read the users' file", "can't read the users' file"),
            ("unknown model: `hunter 2`", "unknown model"),
            (
                "no field `text` in `Message`",
                "no field `text` in `Message`",
            ),
            ("invalid: \u{201c}hunter 2\u{201d}", "invalid"),
            ("ungültig: \u{201e}hunter 2\u{201c}", "ungültig"),
            (
                "invalide : \u{ab}\u{a0}gpt-4o\u{a0}\u{bb}, \u{ab} hunter 2 \u{bb}",
                "invalide : \u{ab}\u{a0}gpt-4o\u{a0}\u{bb},",
            ),
            ("無効です：\u{300c}私の秘密\u{300d}", "無効です："),
            ("不允许\u{201c}hunter 2\u{201d}", "不允许"),
            ("ogiltig: \u{201d}hunter 2\u{201d}", "ogiltig"),
            ("invalide : \u{2039}hunter 2\u{203a}", "invalide"),
            (
                "no \u{201c}model\u{201d} \u{201d}m\u{201d}",
                "no \u{201c}model\u{201d} \u{201d}m\u{201d}",
            ),
            ("it\u{2019}s not there", "it\u{2019}s not there"),
        ] {
            assert_eq!(shorten_reason(text), expected, "{text}");
        }
        assert_eq!(shorten_reason(&"a".repeat(300)).len(), 200);
    }

    #[test]
    fn what_is_named_after_an_error_is_shortened_like_its_reason() {
        for name in ["GET /ask", "chat m"] {
            let mut span = testing::span(name);
            for key in [
                "exception.details",
                "error.cause_chain",
                "app.error",
                "a.err",
            ] {
                let text =
                    r#"ApiError { message: "hunter2 and more", key: "sk-hunter2hunter2hunter2" }"#;
                span.attributes.push(key, text);
            }
            span.attributes.push("error.code", "rate_limit");
            let options = TranslateOptions::default();
            let mut planning = PlanningTranslator::new(Translator::new(options));
            // The second one gets a plan, if any does.
            for _ in 0..3 {
                let span = planning.translate(&mut span.clone());
                for key in [
                    "exception.details",
                    "error.cause_chain",
                    "app.error",
                    "a.err",
                ] {
                    assert_eq!(span.attributes.text(key), Some("ApiError"), "{key}");
                }
                assert_eq!(span.attributes.text("error.code"), Some("rate_limit"));
            }
        }
    }

    #[test]
    fn with_content_an_error_loses_only_its_keys() {
        let mut span = testing::span("ask");
        let text = r#"BadHeader("Bearer sk-hunter2hunter2hunter2", "and more")"#;
        span.attributes.push("exception.details", text);
        let options = TranslateOptions {
            capture_inputs: true,
            capture_outputs: true,
            ..TranslateOptions::default()
        };
        let span = Translator::new(options).translate(span);
        let details = span.attributes.text("exception.details").unwrap();
        assert!(
            details.contains("and more") && !details.contains("hunter2"),
            "{details}"
        );
    }

    #[test]
    fn a_stack_trace_is_reduced_to_its_frames() {
        for (trace, expected) in [
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 3, in ask\n    raise Error(text)\nBadRequestError: {\"input\":\"hunter2\"}\nmy secret",
                "  File \"a.py\", line 3, in ask",
            ),
            (
                "Error: hunter2\nat home I wrote\n    at ask (/app/a.js:3:5)\n    at file:///app/b.js:1:2",
                "    at ask (/app/a.js:3:5)\n    at file:///app/b.js:1:2",
            ),
            (
                "System.Exception: hunter2\n   at Acme.Chat.Ask(String text) in /app/Chat.cs:line 12",
                "   at Acme.Chat.Ask(String text) in /app/Chat.cs:line 12",
            ),
            (
                "hunter2\n   0: acme::ask\n             at /app/src/main.rs:3:5",
                "   0: acme::ask\n             at /app/src/main.rs:3:5",
            ),
            (
                "File \"poem\" is mine\nmy \"poem\", line 3\nat home (hunter2)\nat work I wrote hunter:2\n1: hunter2\nI: a::b\n: a::b",
                "",
            ),
            (r#"["the call failed","hunter2"]"#, ""),
        ] {
            assert_eq!(keep_frames(trace), expected, "{trace}");
        }
    }

    #[test]
    fn a_stack_trace_recorded_as_lines_is_reduced_to_its_frames() {
        let mut span = testing::span("ask");
        let lines = ["Error: hunter2", "    at ask (/app/a.js:3:5)"];
        let lines = lines.map(|line| Scalar::Str(line.to_owned())).to_vec();
        span.attributes.push("error.stack", lines);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        let reduced = span.attributes.text("error.stack");
        assert_eq!(reduced, Some("    at ask (/app/a.js:3:5)"));
    }
}
