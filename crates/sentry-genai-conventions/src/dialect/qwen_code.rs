//! Qwen Code: the conventions, except for the reasoning tokens and the time to the first token.

use super::{Dialect, aliases, first_chunk};
use crate::tokens;

pub(super) static QWEN_CODE: Dialect = Dialect {
    name: "qwen_code",
    recognises: |span| span.scope == "qwen-code",
    aliases: &aliases([("thoughts_token_count", tokens::REASONING)]),
    noise: &["qwen-code.context.usage"],
    adjust: |span, _| first_chunk::read_milliseconds(&mut span.attributes, "ttft_ms"),
    ..Dialect::NONE
};
