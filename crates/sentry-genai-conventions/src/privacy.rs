//! Step 5: content leaves only if it may.

use crate::{
    SourceSpan, Value,
    content::{self, Side},
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

/// Removes what may not leave: known content by its side, and whatever else may be content.
///
/// `#[instrument]` records every argument, and libraries invent attributes. On an AI span an unknown attribute therefore
/// stays only if it cannot be content: a number or a short token under a namespaced key. On any other span the arguments of
/// functions go if their name says that they are content, or if they are prose or JSON.
pub(crate) fn withhold(span: &mut SourceSpan, ai: bool, capture: Capture) {
    if capture.everything() {
        return;
    }
    reasons::withhold_quotations(span, capture);
    span.attributes
        .retain(|key, value| match withholding(key, capture) {
            Withholding::Never => true,
            Withholding::Always => false,
            Withholding::IfContent => may_stay(key, value, ai),
        });
}

/// Whether an attribute may leave, by its key alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withholding {
    /// It may.
    Never,
    /// It may not.
    Always,
    /// It may if it does not [look like content](may_stay).
    IfContent,
}

/// Returns what decides about an attribute.
pub(crate) fn withholding(key: &str, capture: Capture) -> Withholding {
    if capture.everything() {
        return Withholding::Never;
    }
    match content::side(key) {
        Some(side) if capture.allows(side) => Withholding::Never,
        Some(_) => Withholding::Always,
        None if is_known(key) => Withholding::Never,
        None => Withholding::IfContent,
    }
}

/// Returns whether an attribute that no convention defines may leave, on an AI span or on another one.
pub(crate) fn may_stay(key: &str, value: Value<'_>, ai: bool) -> bool {
    if ai {
        !may_be_content(key, value)
    } else {
        !looks_like_argument(key, value)
    }
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

fn may_be_content(key: &str, value: Value<'_>) -> bool {
    if !key.contains('.') || names_content(key) {
        return true;
    }
    match value {
        Value::Str(text) => !is_token(text),
        Value::Array(_) => true,
        _ => false,
    }
}

fn looks_like_argument(key: &str, value: Value<'_>) -> bool {
    match value {
        Value::Str(_) if names_content(key) => true,
        Value::Str(text) => !key.contains('.') && is_prose_or_json(text),
        _ => false,
    }
}

/// One short word: an id, a name, a flag.
fn is_token(text: &str) -> bool {
    text.len() <= 128 && !text.starts_with(['{', '[']) && !text.chars().any(char::is_whitespace)
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
    let words = text
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic));
    words.count() > 2
}

/// Returns whether the last word of a key is one that can only name content, as in `user_question` or `langfuse.input`.
fn names_content(key: &str) -> bool {
    let last = key.rsplit(['.', '_', '-']).next().unwrap_or(key);
    CONTENT_WORDS
        .iter()
        .any(|word| last.eq_ignore_ascii_case(word))
}

static CONTENT_WORDS: &[&str] = &[
    "answer",
    "answers",
    "args",
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
