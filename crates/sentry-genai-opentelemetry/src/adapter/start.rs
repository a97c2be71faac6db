//! What is read of a span when it starts.

use std::sync::Arc;

use sentry_genai_conventions::{
    self as conventions, Attributes, Inheritable, segment_name_at_start,
};

use super::{
    super::opentelemetry::{Context, KeyValue, Value, trace::SpanKind},
    context::ambient_context,
    convert,
};
use crate::{
    door::SegmentNode,
    identity::{Identity, IdentityReader},
    node::Node,
};

/// Reads the conversation, agent and session that a span names. Texts that `parent` has are not copied.
pub(super) fn identity<'a>(
    attributes: impl Iterator<Item = &'a KeyValue> + Clone,
    parent: Option<&Identity>,
) -> Identity {
    // Most spans name nothing. Numbers count only where `Inheritable` parses them as ids: `thread.id`, for example, is one of the
    // process.
    let is_inheritable = |pair: &KeyValue| {
        Inheritable::of(pair.key.as_str())
            .is_some_and(|it| scalar(&pair.value).is_some_and(|value| it.parse(value).is_some()))
    };
    if !attributes.clone().any(is_inheritable) {
        return Identity::default();
    }
    let mut identity = IdentityReader::new(parent);
    for pair in attributes {
        identity.read(pair.key.as_str(), scalar(&pair.value));
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

/// Returns the name in Sentry of a span that starts with these attributes; `None` if it keeps its own.
pub(super) fn segment_name<'a>(
    name: &str,
    kind: &SpanKind,
    attributes: impl Iterator<Item = &'a KeyValue>,
    identity: &Identity,
) -> Option<String> {
    /// A longer text is content.
    const MAX_TEXT_BYTES: usize = 256;

    let mut texts = Attributes::default();
    if let Some(agent) = &identity.agent {
        texts.push("gen_ai.agent.name", &**agent);
    }
    for pair in attributes {
        if let Some(text) = text(&pair.value)
            && text.len() <= MAX_TEXT_BYTES
        {
            texts.push_conventional(pair.key.as_str(), text);
        }
    }
    segment_name_at_start(name, convert::kind(kind), &texts)
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

/// Returns the node for a span that starts below `parent_node`. In a trace that is not recorded, nothing is read, and the span
/// shares its parent's node.
pub(super) fn child_node<'a>(
    parent_node: SegmentNode,
    attributes: impl Iterator<Item = &'a KeyValue> + Clone,
    context: &Context,
) -> SegmentNode {
    if !parent_node.segment.trace().recorded() {
        return parent_node;
    }
    let identity = identity(attributes, Some(parent_node.at_start()));
    let segment = Arc::clone(&parent_node.segment);
    Node::new(
        segment,
        Some(parent_node),
        identity,
        ambient_context(context),
    )
}
