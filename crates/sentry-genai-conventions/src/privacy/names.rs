//! What the names of attributes reveal.

/// Returns whether a key ends in a word that can only name content or a secret, as in `user_question`, `userPrompt` or
/// `langfuse.input`. A format or an index may follow that word: `input_json`, `messages.0`.
pub(super) fn names_content(key: &str) -> bool {
    ends_in(key, |before, name| {
        is_one_of(CONTENT_WORDS, name)
            || is_one_of(RESULT_WORDS, name) && has_word(before, RESULT_SOURCES)
            || is_secret(before, name)
    })
}

/// Returns whether a key ends in a word that names content if its value is prose, as in `agent.reasoning`.
pub(super) fn names_thoughts(key: &str) -> bool {
    is_one_of(THOUGHT_WORDS, last_word(key))
}

/// Returns whether a key ends in a word that names a secret, as in `api_key`, `userPassword` or `OPENAI_API_KEY`.
pub(super) fn names_secret(key: &str) -> bool {
    ends_in(key, is_secret)
}

/// Returns whether `is_wanted` holds for the last word of a key, or for the one before a format or an index. It is given what
/// precedes the word, and the word without a number at its end.
fn ends_in(mut key: &str, is_wanted: impl Fn(&str, &str) -> bool) -> bool {
    loop {
        let (rest, word) = split_last_word(key);
        let before = &key[..key.len() - word.len()];
        let name = word.trim_end_matches(|digit: char| digit.is_ascii_digit());
        if is_wanted(before, name) {
            return true;
        }
        let is_format = name.is_empty() || is_one_of(FORMAT_WORDS, name);
        if !is_format || rest.is_empty() {
            return false;
        }
        key = rest;
    }
}

fn is_secret(before: &str, name: &str) -> bool {
    if is_one_of(KEY_WORDS, name) {
        let qualifier = last_word(before.trim_end_matches(SEPARATORS));
        // A `token` alone is one that grants access, but a `key` may be of anything.
        let is_alone = before.is_empty() || before.ends_with('.');
        return is_one_of(KEY_QUALIFIERS, qualifier) || is_alone && is_one_of(&["token"], name);
    }
    is_one_of(SECRET_WORDS, name)
}

/// Returns whether any word of a key is one of `words`.
fn has_word(mut key: &str, words: &[&str]) -> bool {
    while !key.is_empty() {
        let word;
        (key, word) = split_last_word(key);
        if is_one_of(words, word) {
            return true;
        }
    }
    false
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words
        .iter()
        .any(|candidate| word.eq_ignore_ascii_case(candidate))
}

/// Returns whether a key names a part of an input or output, such as `metadata.steps.0.input.parameters.city`, `documents.0.index`
/// or `request.tool_args.city`, rather than a property of it.
pub(super) fn is_within_content(key: &str) -> bool {
    let Some((path, part)) = key.rsplit_once('.') else {
        return false;
    };
    // Of an argument, even the name is content.
    is_argument(key)
        || !CONTENT_METADATA.contains(&part)
            && path
                .split('.')
                .any(|segment| is_one_of(CONTENT_CONTAINERS, last_word(segment)))
}

/// Returns whether a key names an argument of a call, such as `request.tool_args.pin`. Arguments may be numbers.
pub(super) fn is_argument(key: &str) -> bool {
    key.rsplit_once('.').is_some_and(|(path, _)| {
        let mut segments = path.split('.');
        path.contains("tool.parameters")
            || segments.any(|segment| is_one_of(ARGUMENTS, last_word(segment)))
    })
}

/// Returns the last word of a key.
pub(super) fn last_word(key: &str) -> &str {
    split_last_word(key).1
}

/// What separates the words of a key, apart from a capital letter.
const SEPARATORS: [char; 7] = ['.', '_', '-', '[', ']', '/', ':'];

/// Splits the last word off a key in snake case, in camel case or with dots.
fn split_last_word(key: &str) -> (&str, &str) {
    let bytes = key.as_bytes();
    let is_upper = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_uppercase);
    let is_lower = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_lowercase);
    for (index, byte) in bytes.iter().enumerate().rev() {
        if SEPARATORS.contains(&char::from(*byte)) {
            return (&key[..index], &key[index + 1..]);
        }
        // Also splits after an abbreviation, as in `LLMInput`. A word may also follow a separator, as in `API_KEY`.
        let may_split = index > 0 && is_upper(index) && bytes[index - 1].is_ascii_alphanumeric();
        if may_split && (!is_upper(index - 1) || is_lower(index + 1)) {
            return key.split_at(index);
        }
    }
    ("", key)
}

/// Names of things whose parts are all content.
static CONTENT_CONTAINERS: &[&str] = &["documents", "input", "inputs", "output", "outputs"];

/// What is passed to a call.
static ARGUMENTS: &[&str] = &["args", "arguments", "kwargs", "parameter"];

/// Names of parts that describe the whole.
static CONTENT_METADATA: &[&str] = &[
    "encoding",
    "format",
    "id",
    "kind",
    "mime_type",
    "mode",
    "modality",
    "name",
    "role",
    "type",
];

/// Secrets that no program means to record. `#[instrument]` records a function's arguments without being asked.
static SECRET_WORDS: &[&str] = &[
    "apikey",
    "apikeys",
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "secret",
    "secrets",
];

/// Words that may name a secret, or else a cache key or a unit of text, depending on the word before.
static KEY_WORDS: &[&str] = &["key", "keys", "token"];

#[rustfmt::skip]
static KEY_QUALIFIERS: &[&str] = &[
    "access", "anthropic", "api", "auth", "azure", "bearer", "bot", "cohere", "csrf", "encryption", "gemini", "github",
    "gitlab", "hf", "id", "jwt", "master", "mistral", "oauth", "openai", "private", "refresh", "secret", "security", "session",
    "signing", "slack", "ssh", "subscription", "xsrf",
];

#[rustfmt::skip]
static FORMAT_WORDS: &[&str] = &[
    "ctx", "data", "html", "json", "list", "markdown", "md", "preview", "process", "raw", "str", "string", "text", "value",
    "values", "xml", "yaml",
];

/// Words for what something came to. This is content if a tool, a function or an agent did it.
static RESULT_WORDS: &[&str] = &["result", "results"];
static RESULT_SOURCES: &[&str] = &["agent", "crew", "function", "llm", "tool", "tools"];

static CONTENT_WORDS: &[&str] = &[
    "answer",
    "answers",
    "arg",
    "args",
    "argument",
    "arguments",
    "body",
    "completion",
    "completions",
    "content",
    "contents",
    "documents",
    "input",
    "inputs",
    "instruction",
    "instructions",
    "kwargs",
    "message",
    "messages",
    "output",
    "outputs",
    "parameters",
    "params",
    "payload",
    "payloads",
    "preamble",
    "prompt",
    "prompts",
    "q",
    "queries",
    "query",
    "question",
    "questions",
    "replies",
    "reply",
    "response",
    "responses",
    "texts",
    "thought",
    "thoughts",
    "transcript",
    "transcripts",
    "utterance",
];

/// Words for what agents say, think and remember. They may also be modes and names, such as `thinking` in `gen_ai.request.thinking`.
static THOUGHT_WORDS: &[&str] = &[
    "chunk",
    "chunks",
    "conversation",
    "dialog",
    "dialogue",
    "generation",
    "memories",
    "memory",
    "observation",
    "observations",
    "passage",
    "passages",
    "rationale",
    "reasoning",
    "refusal",
    "snippet",
    "snippets",
    "thinking",
    "transcription",
    "utterances",
];

#[cfg(test)]
mod tests;
