//! Step 5: content leaves only if it may.

use crate::{
    Attributes, Scalar, SourceSpan, Value,
    content::{self, Side},
    dialect::{self, Dialect},
    reasons, tables,
};

mod credentials;
mod names;

pub(crate) use credentials::{names_address, redacted_within};
use names::{is_within_content, names_content};

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
/// functions go if their name says that they are content, or if they are prose or JSON; if a GenAI library made it, or the key
/// is about GenAI, texts go that are no tokens.
pub(crate) fn withhold(span: &mut SourceSpan, setting: Setting, capture: Capture) {
    reasons::redact(span);
    if !capture.everything() {
        reasons::withhold_quotations(span, capture);
        if formats_arguments(span) {
            span.attributes.remove(FORMATTED);
        }
    }
    span.attributes
        .retain(|key, value| match withholding(key, setting, capture) {
            Withholding::Never | Withholding::Redacted => true,
            Withholding::Always => false,
            Withholding::If(doubt) => !doubt.is_content(key, value),
        });
    let addresses: Vec<_> = (span.attributes.slots().enumerate())
        .filter(|(_, slot)| {
            slot.is_some_and(|(key, _)| credentials::is_address(key) || names_address(key))
        })
        .map(|(index, _)| index)
        .collect();
    for index in addresses {
        redact(&mut span.attributes, index);
    }
}

/// Takes the credentials out of the address that was recorded as number `index`, or out of each of a list.
pub(crate) fn redact(attributes: &mut Attributes, index: usize) {
    match attributes.slot(index) {
        Some((_, Value::Str(text))) => {
            if let Some(redacted) = credentials::redacted(text) {
                attributes.set_text_at(index, &redacted);
            }
        }
        Some((key, Value::Array(items))) => {
            let redacted = |item: &Scalar| match item {
                Scalar::Str(text) => credentials::redacted(text).map(Scalar::Str),
                _ => None,
            };
            if items.iter().any(|item| redacted(item).is_some()) {
                let key = key.to_owned();
                let items = items.iter();
                let items = items.map(|item| redacted(item).unwrap_or_else(|| item.clone()));
                let items: Vec<_> = items.collect();
                attributes.remove_at(index);
                attributes.push_owned_key(&key, items);
            }
        }
        _ => {}
    }
}

/// Whether an attribute may leave, by its key alone. What is [called after an address](names_address) is looked at
/// as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withholding {
    /// It may.
    Never,
    /// It may not.
    Always,
    /// It may without the keys and passwords in it.
    Redacted,
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
    // No content, and never meant to leave.
    if credentials::is_secret_header(key) {
        return Withholding::Always;
    }
    if credentials::is_address(key) {
        return Withholding::Redacted;
    }
    if capture.everything() {
        return Withholding::Never;
    }
    match content::side(key) {
        Some(side) if capture.allows(side) => Withholding::Never,
        Some(_) => Withholding::Always,
        None if is_parameter(key) => Withholding::Always,
        None if is_known(key) => Withholding::Never,
        None => Withholding::If(match setting {
            Setting::GenAi => Doubt::Anything,
            Setting::Library => Doubt::FreeText,
            Setting::Other if is_of_genai(key) => Doubt::FreeText,
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

/// Returns whether a key says by itself that it is about GenAI, on whatever span.
fn is_of_genai(key: &str) -> bool {
    let own = ["otel.", "vercel."]
        .iter()
        .find_map(|it| key.strip_prefix(it));
    matches!(
        own.unwrap_or(key).split_once('.'),
        Some((
            "ai" | "gen_ai" | "langfuse" | "langsmith" | "llm" | "mcp" | "traceloop",
            _
        ))
    )
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
    "jsonrpc.protocol.",
    "jsonrpc.request.id",
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
    "session.id",
    "session.previous_id",
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
    by_convention && (NAMED_SO.contains(&key) || !names_content(key))
}

/// What conventions name like content, and is the operation.
static NAMED_SO: &[&str] = &["db.query", "db.query.text"];

/// Returns whether a key holds one value that a query was made with: `db.query.parameter.name`.
fn is_parameter(key: &str) -> bool {
    key.starts_with("db.") && key.contains(".parameter.")
}

impl Doubt {
    /// Returns whether an attribute looks like content.
    pub(crate) fn is_content(self, key: &str, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Anything, _) if !key.contains('.') => true,
            (Self::Anything | Self::FreeText, Value::Str(text)) => {
                names_content(key)
                    || !is_token(text)
                    || credentials::names_user(text)
                    || is_within_content(key)
            }
            (Self::Anything | Self::FreeText, Value::Array(_)) => true,
            (Self::Anything, _) => names_content(key),
            (Self::Argument, Value::Str(text)) => is_argument(key, text),
            (Self::Argument, Value::Array(items)) => items
                .iter()
                .any(|item| matches!(item, Scalar::Str(text) if is_argument(key, text))),
            (Self::FreeText | Self::Argument, _) => false,
        }
    }
}

fn is_argument(key: &str, text: &str) -> bool {
    names_content(key)
        || credentials::are_in_url(text)
        || if key.contains('.') {
            is_transcript(text)
        } else {
            is_prose_or_json(text, 3)
        }
}

/// One short word: an id, a name, a flag. The query of a URL may have a whole question in it.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() <= 128
        && !text.starts_with(['{', '['])
        && !text.contains('?')
        && !text.chars().any(char::is_whitespace)
        && (text.is_ascii() || !text.chars().any(is_unspaced))
}

/// Returns whether a text has so many words, or is JSON.
pub(crate) fn is_prose_or_json(text: &str, least: usize) -> bool {
    let text = text.trim_matches('"');
    if text.len() > 256
        || text.starts_with('{')
        || text.starts_with("[{")
        || text.starts_with("[\"")
    {
        return true;
    }
    text.split_whitespace().map(words).sum::<usize>() >= least
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

#[cfg(test)]
mod tests;
