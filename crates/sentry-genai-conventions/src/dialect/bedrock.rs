//! Bedrock by way of botocore: the conventions, with the token counts of the API as they are.

use super::{Dialect, What};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static BEDROCK: Dialect = Dialect {
    name: "botocore",
    speaks,
    adjust,
    ..Dialect::NONE
};

fn speaks(span: &SourceSpan) -> bool {
    span.scope.contains("botocore") && span.scope.contains("bedrock")
        || span.attributes.text("gen_ai.system") == Some("aws.bedrock")
            && span.attributes.text("rpc.service") == Some("Bedrock Runtime")
}

fn adjust(span: &mut SourceSpan, _: What) {
    include_cache(&mut span.attributes);
}

/// Bedrock counts what it read from and wrote to the cache beside the input, even where that is the larger number.
pub(super) fn include_cache(attributes: &mut Attributes) {
    tokens::add_cache(attributes);
}
