//! Names of token counts and their costs, understood by their words.

use super::{without_namespace, words};
use crate::{Value, attributes::contains_none, dialect::unquoted, tokens};

/// Recognises a number of tokens, or their cost.
pub(crate) fn amount(key: &str, value: Value<'_>) -> Option<(usize, &'static str)> {
    let canonical = is_number(value).then(|| Amount::of(&words(key))?.canonical())??;
    Some((0, canonical))
}

/// Returns whether a value is a number, which may be a text.
pub(crate) fn is_number(value: Value<'_>) -> bool {
    match value {
        Value::Integer(_) | Value::Double(_) => true,
        Value::Str(text) => unquoted(text).parse::<f64>().is_ok(),
        _ => false,
    }
}

/// Returns whether a text under this name, if it is a number, is a number of tokens or their cost.
pub(crate) fn may_be_count_or_cost(key: &str) -> bool {
    let rest = without_namespace(key);
    amount(rest.unwrap_or(key), Value::Integer(0)).is_some()
}

/// Returns whether a name is for a number of input or output tokens.
pub(crate) fn is_count(key: &str) -> bool {
    // Most names need not be split into words: every count includes letters of `tokens` or `usage`.
    let bytes = key.as_bytes();
    let may_count = |pair: &[u8]| {
        matches!(
            pair,
            [b'o' | b'O', b'k' | b'K'] | [b'a' | b'A', b'g' | b'G']
        )
    };
    if contains_none(bytes, |byte| matches!(byte | 0x20, b'k' | b'g'))
        || !bytes.windows(2).any(may_count)
    {
        return false;
    }
    let amount = Amount::of(&words(key));
    matches!(
        amount.and_then(|amount| amount.canonical()),
        Some(tokens::INPUT | tokens::OUTPUT)
    )
}

/// What the words of a name say about an amount.
#[derive(Default)]
struct Amount {
    is_tokens: bool,
    is_usage: bool,
    is_cost: bool,
    is_input: bool,
    is_output: bool,
    /// For the request or the response as a whole.
    is_request: bool,
    is_response: bool,
    is_cached: bool,
    is_written: bool,
    is_reasoning: bool,
    is_total: bool,
}

impl Amount {
    /// Reads the words; `None` if one of them may change the meaning, such as that of a limit.
    fn of(words: &str) -> Option<Self> {
        let mut amount = Self::default();
        for word in words.split('_') {
            let flag = match word {
                "token" | "tokens" => &mut amount.is_tokens,
                "usage" => &mut amount.is_usage,
                "cost" | "costs" => &mut amount.is_cost,
                "input" | "inputs" | "prompt" | "prompts" | "in" => &mut amount.is_input,
                "output" | "outputs" | "completion" | "completions" | "out" | "reply" => {
                    &mut amount.is_output
                }
                "request" => &mut amount.is_request,
                "response" => &mut amount.is_response,
                "cache" | "cached" => &mut amount.is_cached,
                "create" | "created" | "creation" | "write" | "written" => &mut amount.is_written,
                "reasoning" | "thinking" | "thought" | "thoughts" => &mut amount.is_reasoning,
                "total" | "usd" => &mut amount.is_total,
                "gen" | "ai" | "genai" | "llm" | "client" | "count" | "counts" | "num"
                | "details" | "read" | "hit" | "hits" => continue,
                _ => return None,
            };
            *flag = true;
        }
        Some(amount)
    }

    fn canonical(&self) -> Option<&'static str> {
        // What a request states about its output is a limit.
        if self.is_request && self.is_output {
            return None;
        }
        let count = if self.is_cached && self.is_written {
            tokens::CACHE_CREATION
        } else if self.is_cached {
            tokens::CACHE_READ
        } else if self.is_reasoning {
            tokens::REASONING
        } else {
            match (self.is_input, self.is_output) {
                (true, false) => tokens::INPUT,
                (false, true) => tokens::OUTPUT,
                (false, false) if self.is_total || self.is_cost => tokens::TOTAL,
                (false, false) if self.is_tokens && self.is_request => tokens::INPUT,
                (false, false) if self.is_tokens && self.is_response => tokens::OUTPUT,
                _ => return None,
            }
        };
        if self.is_cost {
            return tokens::cost_of(count);
        }
        (self.is_tokens || self.is_usage).then_some(count)
    }
}
