//! Who runs a model.

use crate::Attributes;

const HOST: &str = "llm.provider";
const MAKER: &str = "llm.system";
const NAME: &str = "gen_ai.provider.name";

/// Prefers whoever runs a model (`llm.provider`) to its maker (`llm.system`). For Google it is the maker that names the product,
/// unless it is another company, whose models Google runs on Vertex AI.
pub(super) fn prefer_host(attributes: &mut Attributes) {
    let is = |key, name: &str| {
        (attributes.text(key)).is_some_and(|text| text.eq_ignore_ascii_case(name))
    };
    if is(HOST, "google") {
        if is(MAKER, "anthropic") {
            attributes.supply(NAME, "gcp.vertex_ai");
        }
    } else if is(HOST, "azure") && is(MAKER, "anthropic") {
        attributes.supply(NAME, "azure.ai.inference");
    } else if attributes.text(HOST).is_some() {
        attributes.rename(HOST, NAME);
    }
}
