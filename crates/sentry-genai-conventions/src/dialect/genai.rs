//! genai: the newest conventions, almost to the letter.

use super::{Dialect, no_operation, nothing};
use crate::SourceSpan;

pub(super) static GENAI: Dialect = Dialect {
    name: "genai",
    speaks,
    aliases: &[],
    noise: &[],
    operation: no_operation,
    adjust: nothing,
};

fn speaks(span: &SourceSpan) -> bool {
    span.scope == "genai" || span.scope.starts_with("genai::")
}
