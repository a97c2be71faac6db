//! What is read of a span when it starts.

use std::sync::Arc;

use sentry_genai_conventions::{self as conventions, Heritage};

use super::{
    super::opentelemetry::{Context, KeyValue, Value},
    context::surroundings,
};
use crate::{
    door::SegmentNode,
    identity::{Identity, IdentityReader},
    node::Node,
};

/// Reads the conversation, agent and session that a span names. Texts that `above` has are not copied.
pub(super) fn identity<'a>(
    attributes: impl Iterator<Item = &'a KeyValue> + Clone,
    above: Option<&Identity>,
) -> Identity {
    // Most spans name nothing. Numbers count only where `Heritage` reads them as ids: `thread.id`, for example, is one of the
    // process.
    let says = |pair: &KeyValue| {
        Heritage::of(pair.key.as_str())
            .is_some_and(|it| scalar(&pair.value).is_some_and(|value| it.read(value).is_some()))
    };
    if !attributes.clone().any(says) {
        return Identity::default();
    }
    let mut identity = IdentityReader::new(above);
    for pair in attributes {
        identity.notice(pair.key.as_str(), scalar(&pair.value));
    }
    identity.finish()
}

/// Returns `gen_ai.operation.name`, if the attributes contain it.
pub(super) fn operation<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Option<&'a str> {
    attributes
        .filter(|pair| pair.key.as_str() == "gen_ai.operation.name")
        .last()
        .and_then(|pair| text(&pair.value))
}

/// Returns a value of a type that can name something.
fn scalar(value: &Value) -> Option<conventions::Value<'_>> {
    match value {
        Value::String(text) => Some(conventions::Value::Str(text.as_str())),
        Value::I64(number) => Some(conventions::Value::Integer(*number)),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    }
}

/// Returns the node for a span that starts below `above`. In a trace that is not recorded, nothing is read, and the span shares
/// its parent's node.
pub(super) fn node_below<'a>(
    above: SegmentNode,
    attributes: impl Iterator<Item = &'a KeyValue> + Clone,
    context: &Context,
) -> SegmentNode {
    if !above.segment.trace().recorded() {
        return above;
    }
    let identity = identity(attributes, Some(above.at_start()));
    let segment = Arc::clone(&above.segment);
    Node::new(segment, Some(above), identity, surroundings(context))
}
