//! Calls that another service describes, too: a gateway or a server that runs models.

use super::attempts::is_attempt;
use crate::{AiKind, SentrySpan};

const SERVICE: &str = "service.name";
const PROVIDER: &str = "gen_ai.provider.name";
const MODEL: &str = "gen_ai.response.model";

pub(super) fn are_of_same_service(one: &SentrySpan, other: &SentrySpan) -> bool {
    one.attributes.text(SERVICE) == other.attributes.text(SERVICE)
}

/// Returns the provider and the model that answered a call, if the inner description is of another service. A client asks a gateway
/// for an alias, and takes it for the provider whose protocol it speaks. Prices depend on the model that answered.
pub(super) fn answered_by(outer: &SentrySpan, inner: &SentrySpan) -> Vec<(&'static str, String)> {
    if inner.ai != Some(AiKind::LlmCall) || is_attempt(inner) || are_of_same_service(outer, inner) {
        return Vec::new();
    }
    let text = |key| inner.attributes.text(key).map(str::to_owned);
    let model = text(MODEL).or_else(|| text("gen_ai.request.model"));
    let answered_by = [(PROVIDER, text(PROVIDER)), (MODEL, model)];
    let known = answered_by.into_iter();
    known.filter_map(|(key, text)| Some((key, text?))).collect()
}
