//! Step 5: content leaves only if it may.

use crate::{
    SourceSpan, Value,
    content::{self, Side},
    dialect::{self, Dialect},
    reasons, tables,
};

/// Which content may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) inputs: bool,
    pub(crate) outputs: bool,
}

impl Capture {
    fn allows(self, side: Side) -> bool {
        match side {
            Side::Input => self.inputs,
            Side::Output => self.outputs,
            Side::Either => self.inputs && self.outputs,
        }
    }

    pub(crate) fn everything(self) -> bool {
        self.inputs && self.outputs
    }
}

/// What a span is, as far as that says how to read attributes that no convention defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// GenAI work, or a span that carries what belongs to it.
    GenAi,
    /// Something else that a GenAI library does.
    Library,
    /// Any other span.
    Other,
}

impl Setting {
    /// Returns what a span is that is not about GenAI.
    pub(crate) fn of_plain(span: &SourceSpan, dialect: &Dialect) -> Self {
        if dialect::is_of_library(span, dialect) {
            Self::Library
        } else {
            Self::Other
        }
    }
}

/// Removes what may not leave: known content by its side, and whatever else may be content.
///
/// `#[instrument]` records every argument, and libraries invent attributes. On an AI span an unknown attribute therefore
/// stays only if it cannot be content: a number or a short token under a namespaced key. On any other span the arguments of
/// functions go if their name says that they are content, or if they are prose or JSON; if a GenAI library made it, texts go
/// that are no tokens.
pub(crate) fn withhold(span: &mut SourceSpan, setting: Setting, capture: Capture) {
    if capture.everything() {
        return;
    }
    reasons::withhold_quotations(span, capture);
    if formats_arguments(span) {
        span.attributes.remove(FORMATTED);
    }
    span.attributes
        .retain(|key, value| match withholding(key, setting, capture) {
            Withholding::Never => true,
            Withholding::Always => false,
            Withholding::If(doubt) => !doubt.is_content(key, value),
        });
}

/// Whether an attribute may leave, by its key alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withholding {
    /// It may.
    Never,
    /// It may not.
    Always,
    /// It may if it does not [look like content](Doubt::is_content).
    If(Doubt),
}

/// What an attribute that no convention defines has to look like to be taken for content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Anything but a number or a short token under a namespace.
    Anything,
    /// A list, or a text that is no short token.
    FreeText,
    /// A function's argument that is prose or JSON.
    Argument,
}

/// Returns what decides about an attribute.
pub(crate) fn withholding(key: &str, setting: Setting, capture: Capture) -> Withholding {
    if capture.everything() {
        return Withholding::Never;
    }
    match content::side(key) {
        Some(side) if capture.allows(side) => Withholding::Never,
        Some(_) => Withholding::Always,
        None if is_known(key) => Withholding::Never,
        None => Withholding::If(match setting {
            Setting::GenAi => Doubt::Anything,
            Setting::Library => Doubt::FreeText,
            Setting::Other if is_of_mcp(key) => Doubt::FreeText,
            Setting::Other => Doubt::Argument,
        }),
    }
}

/// Logfire's message of a span: its template with the values of arguments in it.
pub(crate) const FORMATTED: &str = "logfire.msg";

/// Returns whether the span's message may say more than its template and its name do.
pub(crate) fn formats_arguments(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    attributes.text(FORMATTED).is_some_and(|message| {
        message != span.name && attributes.text("logfire.msg_template") != Some(message)
    })
}

fn is_of_mcp(key: &str) -> bool {
    key.strip_prefix("otel.").unwrap_or(key).starts_with("mcp.")
}

/// Namespaces whose attributes are defined by OpenTelemetry or Sentry and describe the operation, not its content.
static CONVENTIONS: &[&str] = &[
    "aws.",
    "azure.",
    "client.",
    "cloud.",
    "code.",
    "container.",
    "cpu.",
    "db.",
    "deployment.",
    "dns.",
    "enduser.",
    "error.code",
    "error.stack",
    "error.type",
    "exception.type",
    "exception.escaped",
    "faas.",
    "host.",
    "http.",
    "instrumentation.",
    "jsonrpc.",
    "k8s.",
    "messaging.",
    "net.",
    "network.",
    "openai.",
    "os.",
    "otel.gen_ai.tool.type",
    "peer.",
    "process.",
    "rpc.",
    "sentry.",
    "server.",
    "service.",
    "session.",
    "telemetry.",
    "thread.",
    "url.",
    "user.",
    "user_agent.",
];

/// Returns whether a convention defines `key`, as something that describes the operation.
fn is_known(key: &str) -> bool {
    // Sentry's registry lists the prompts of older and other SDKs there, as current attributes.
    let foreign = key.starts_with("ai.") || key.starts_with("vercel.");
    if !foreign && tables::is_current(key) {
        return true;
    }
    let first = key.bytes().next();
    let by_convention = CONVENTIONS
        .iter()
        .any(|prefix| prefix.bytes().next() == first && key.starts_with(prefix));
    let named_so_by_convention = key.starts_with("db.") || key.starts_with("url.");
    by_convention && (named_so_by_convention || !names_content(key))
}

impl Doubt {
    /// Returns whether an attribute looks like content.
    pub(crate) fn is_content(self, key: &str, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Anything, _) if !key.contains('.') => true,
            (Self::Anything | Self::FreeText, Value::Str(text)) => {
                names_content(key) || !is_token(text)
            }
            (Self::Anything | Self::FreeText, Value::Array(_)) => true,
            (Self::Anything, _) => names_content(key),
            (Self::Argument, Value::Str(text)) => {
                names_content(key)
                    || if key.contains('.') {
                        is_transcript(text)
                    } else {
                        is_prose_or_json(text)
                    }
            }
            (Self::FreeText | Self::Argument, _) => false,
        }
    }
}

/// One short word: an id, a name, a flag.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() <= 128
        && !text.starts_with(['{', '['])
        && !text.chars().any(char::is_whitespace)
        && (text.is_ascii() || !text.chars().any(is_unspaced))
}

fn is_prose_or_json(text: &str) -> bool {
    let text = text.trim_matches('"');
    if text.len() > 256
        || text.starts_with('{')
        || text.starts_with("[{")
        || text.starts_with("[\"")
    {
        return true;
    }
    text.split_whitespace().map(words).sum::<usize>() > 2
}

/// Returns whether a text holds messages as providers take and give them, whatever it is called.
fn is_transcript(text: &str) -> bool {
    let has = |member| text.contains(member);
    text.trim_start().starts_with(['{', '['])
        && (has("\"messages\"") || has("\"role\"") && has("\"content\""))
}

/// Returns how many words there are between two spaces, at two letters each where words are not spaced.
fn words(text: &str) -> usize {
    if text.is_ascii() {
        return usize::from(text.bytes().any(|byte| byte.is_ascii_alphabetic()));
    }
    let unspaced = text.chars().filter(|letter| is_unspaced(*letter)).count();
    let is_word = text.chars().any(char::is_alphabetic);
    unspaced.div_ceil(2).max(usize::from(is_word))
}

/// Returns whether a letter is of a script that has no spaces between words: a whole question is one word in it.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        // Thai, Lao, Tibetan and Burmese; Khmer; Tai scripts.
        '\u{0e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1950}'..='\u{19ff}' | '\u{1a20}'..='\u{1aaf}'
        // Kana, Chinese characters and Yi, with their punctuation.
        | '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// Returns whether the last word of a key is one that can only name content, as in `user_question`, `userPrompt` or
/// `langfuse.input`. What comes after it may say in which form that is: `input_json`, `messages.0`.
fn names_content(key: &str) -> bool {
    let is_one_of =
        |words: &[&str], word: &str| words.iter().any(|it| word.eq_ignore_ascii_case(it));
    let (mut rest, mut word) = split_last_word(key);
    loop {
        let name = word.trim_end_matches(|digit: char| digit.is_ascii_digit());
        if is_one_of(CONTENT_WORDS, name) {
            return true;
        }
        let is_form = name.is_empty() || is_one_of(FORM_WORDS, name);
        if !is_form || rest.is_empty() {
            return false;
        }
        (rest, word) = split_last_word(rest);
    }
}

/// Splits the last word off a key, in snake case, camel case or with dots.
fn split_last_word(key: &str) -> (&str, &str) {
    let bytes = key.as_bytes();
    let is_upper = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_uppercase);
    let is_lower = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_lowercase);
    for (index, byte) in bytes.iter().enumerate().rev() {
        if matches!(byte, b'.' | b'_' | b'-' | b'[' | b']' | b'/' | b':') {
            return (&key[..index], &key[index + 1..]);
        }
        // Also after an abbreviation, as in `LLMInput`.
        if index > 0 && is_upper(index) && (!is_upper(index - 1) || is_lower(index + 1)) {
            return key.split_at(index);
        }
    }
    ("", key)
}

static FORM_WORDS: &[&str] = &[
    "ctx", "data", "json", "list", "raw", "str", "string", "text", "value", "values",
];

static CONTENT_WORDS: &[&str] = &[
    "answer",
    "answers",
    "args",
    "argument",
    "arguments",
    "completion",
    "completions",
    "content",
    "contents",
    "input",
    "inputs",
    "instruction",
    "instructions",
    "kwargs",
    "message",
    "messages",
    "output",
    "outputs",
    "preamble",
    "prompt",
    "prompts",
    "query",
    "question",
    "questions",
    "reply",
    "transcript",
];

#[cfg(test)]
mod tests;
