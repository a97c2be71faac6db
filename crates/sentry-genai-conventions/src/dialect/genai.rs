//! genai: the newest conventions, almost to the letter.

use super::{Dialect, is_of_crate};
use crate::SourceSpan;

pub(super) static GENAI: Dialect = Dialect {
    name: "genai",
    recognises,
    ..Dialect::NONE
};

fn recognises(span: &SourceSpan) -> bool {
    is_of_crate(span, "genai")
}
