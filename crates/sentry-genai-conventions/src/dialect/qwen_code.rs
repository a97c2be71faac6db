//! Qwen Code: the conventions, except for the reasoning tokens.

use super::{Dialect, aliases};
use crate::tokens;

pub(super) static QWEN_CODE: Dialect = Dialect {
    name: "qwen_code",
    recognises: |span| span.scope == "qwen-code",
    aliases: &aliases([("thoughts_token_count", tokens::REASONING)]),
    noise: &["qwen-code.context.usage"],
    ..Dialect::NONE
};
