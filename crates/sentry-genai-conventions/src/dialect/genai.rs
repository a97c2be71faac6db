//! genai: the newest conventions, almost to the letter.

use super::{Dialect, is_of_crate};

pub(super) static GENAI: Dialect = Dialect {
    name: "genai",
    recognises: |span| is_of_crate(span, "genai"),
    ..Dialect::NONE
};
