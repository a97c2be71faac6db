//! Mistral's SDK for Python, which records its own calls under the conventions' names.

use super::{Dialect, OperationKind, mark_failed};
use crate::{SourceSpan, SourceStatus};

pub(super) static MISTRAL: Dialect = Dialect {
    name: "mistral",
    recognises: |span| span.scope == "mistralai_sdk_tracer",
    adjust,
    ..Dialect::NONE
};

/// Records that a request streams, which only its address shows, and that it failed.
fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let url = span.attributes.text("http.url");
    if kind == OperationKind::Call && url.is_some_and(|url| url.ends_with("#stream")) {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
    if has_no_response(span) {
        mark_failed(span);
    }
}

/// Returns whether a request got no response with a status of success. Failures are recorded only if the response says in its JSON
/// that it is an error. Before version 2, which brought the operation, streams have no status either.
fn has_no_response(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    span.status == SourceStatus::Unset
        && attributes.contains("http.url")
        && attributes.contains("gen_ai.operation.name")
        && !attributes.contains("http.response.status_code")
}
