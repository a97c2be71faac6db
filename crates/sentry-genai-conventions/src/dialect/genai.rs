//! genai: the newest conventions, almost to the letter.

use super::Dialect;
use crate::SourceSpan;

pub(super) static GENAI: Dialect = Dialect {
    name: "genai",
    speaks,
    ..Dialect::NONE
};

fn speaks(span: &SourceSpan) -> bool {
    span.scope == "genai" || span.scope.starts_with("genai::")
}
