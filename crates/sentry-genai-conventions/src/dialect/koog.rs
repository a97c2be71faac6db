//! Koog: the conventions, with a placeholder for all content unless a program asks for more.

use super::{Dialect, aliases, has_prefix};
use crate::Value;

pub(super) static KOOG: Dialect = Dialect {
    name: "koog",
    recognises: |span| has_prefix(span, "koog."),
    aliases: &aliases([("system_instructions", "gen_ai.system_instructions")]),
    adjust: |span, _| {
        let hidden = Value::Str("HIDDEN:non-empty");
        span.attributes.retain(|_, value| value != hidden);
    },
    ..Dialect::NONE
};
