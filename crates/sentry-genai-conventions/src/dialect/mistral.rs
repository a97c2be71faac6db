//! Mistral's SDK for Python, which records its own calls under the conventions' names.

use super::{Dialect, OperationKind};
use crate::SourceSpan;

pub(super) static MISTRAL: Dialect = Dialect {
    name: "mistral",
    recognises: |span| span.scope == "mistralai_sdk_tracer",
    adjust,
    ..Dialect::NONE
};

/// Records that a request streams, which only its address shows.
fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if kind == OperationKind::Call
        && (span.attributes.text("http.url")).is_some_and(|url| url.ends_with("#stream"))
    {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
}
