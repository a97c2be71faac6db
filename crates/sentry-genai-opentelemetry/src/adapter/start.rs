//! What is read of a span when it starts.

use std::sync::Arc;

use sentry_genai_conventions::{
    self as conventions, Attributes, Inheritable, is_gen_ai, op_at_start, segment_name_at_start,
};

use super::{
    super::opentelemetry::{Context, KeyValue, Value, trace::SpanKind},
    context::ambient_context,
    convert,
};
use crate::{
    door::{Root, SegmentNode, StartInfo},
    identity::{Identity, IdentityAtStart, IdentityReader},
    node::Node,
};

/// A span that starts.
pub(super) struct StartingSpan<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a SpanKind,
    pub(super) attributes: &'a [KeyValue],
    /// The attributes that samplers have added. In which order, if there are several samplers, is not known.
    pub(super) added: &'a [KeyValue],
}

impl StartingSpan<'_> {
    /// Reads the span, which starts in `context`, below `parent_node` if its parent is known.
    pub(super) fn read(&self, parent_node: Option<SegmentNode>, context: &Context) -> StartInfo {
        match parent_node {
            Some(parent_node) => StartInfo::Child(self.child_node(parent_node, context)),
            None => StartInfo::Root(Box::new(self.root(context))),
        }
    }

    /// Creates the node below `parent_node`. In a trace that is not recorded, nothing is read, and the span shares its parent's
    /// node.
    fn child_node(&self, parent_node: SegmentNode, context: &Context) -> SegmentNode {
        let trace = parent_node.segment.trace();
        if !trace.recorded() {
            return parent_node;
        }
        if trace.is_held() && self.is_gen_ai() {
            trace.note_ai_span();
        }
        let identity = identity(self.attributes, self.added, Some(parent_node.at_start()));
        let segment = Arc::clone(&parent_node.segment);
        let ambient_context = ambient_context(context);
        Node::new(segment, Some(parent_node), identity, ambient_context)
    }

    fn root(&self, context: &Context) -> Root {
        let identity = identity(self.attributes, self.added, None);
        let texts = self.texts(&identity.identity);
        Root {
            name: self.name.to_owned(),
            op: op_at_start(&texts),
            segment_name: segment_name_at_start(self.name, convert::kind(self.kind), &texts),
            is_gen_ai: self.is_gen_ai(),
            identity,
            ambient_context: ambient_context(context),
        }
    }

    fn is_gen_ai(&self) -> bool {
        is_any_gen_ai(self.attributes, self.added)
    }

    /// Returns the texts that may say what the span is called and what it does.
    fn texts(&self, identity: &Identity) -> Attributes {
        /// A longer text is content.
        const MAX_TEXT_BYTES: usize = 256;

        let mut texts = Attributes::default();
        if let Some(agent) = &identity.agent {
            texts.push("gen_ai.agent.name", &**agent);
        }
        for pair in self.attributes.iter().chain(self.added) {
            if let Value::String(text) = &pair.value
                && text.as_str().len() <= MAX_TEXT_BYTES
            {
                texts.push_conventional(pair.key.as_str(), text.as_str());
            }
        }
        texts
    }
}

/// Reads the conversation, agent and session that a span names. Texts that `parent` has are not copied.
fn identity(
    attributes: &[KeyValue],
    added: &[KeyValue],
    parent: Option<&Identity>,
) -> IdentityAtStart {
    // Most spans name nothing.
    let is_inheritable = |pair: &KeyValue| Inheritable::of(pair.key.as_str()).is_some();
    if !attributes.iter().any(is_inheritable) && !added.iter().any(is_inheritable) {
        return IdentityAtStart::nothing(attributes.len());
    }
    let mut reader = IdentityReader::new(parent);
    for pairs in [attributes, added] {
        for pair in pairs {
            if let Some(inheritable) = Inheritable::of(pair.key.as_str())
                && let Some(value) = scalar(&pair.value)
                && let Some(text) = inheritable.parse(value)
            {
                reader.store(inheritable, &text);
            }
        }
    }
    reader.finish(attributes.len(), || is_any_gen_ai(attributes, added))
}

fn is_any_gen_ai(attributes: &[KeyValue], added: &[KeyValue]) -> bool {
    let mut pairs = attributes.iter().chain(added);
    pairs.any(|pair| is_gen_ai(pair.key.as_str()))
}

/// Returns a value of a type that can name something.
fn scalar(value: &Value) -> Option<conventions::Value<'_>> {
    match value {
        Value::String(text) => Some(conventions::Value::Str(text.as_str())),
        Value::I64(number) => Some(conventions::Value::Integer(*number)),
        _ => None,
    }
}
