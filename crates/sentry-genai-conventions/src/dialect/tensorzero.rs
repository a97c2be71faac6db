//! TensorZero: the spans of a request, of which the innermost is the model call. The outermost has the episode: the requests that
//! belong together.

use super::{Dialect, Override, aliases, is_of_crate};

/// The name of the outermost span.
pub(super) const REQUEST: &str = "function_inference";

pub(super) static TENSORZERO: Dialect = Dialect {
    name: "tensorzero",
    recognises: |span| {
        span.name == REQUEST && (span.scope == "tensorzero" || is_of_crate(span, "tensorzero_core"))
    },
    aliases: &aliases([("episode_id", "gen_ai.conversation.id")]),
    noise: &["openinference.span.kind"],
    operation: |_| Override::Plain,
    ..Dialect::NONE
};
