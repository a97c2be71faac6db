//! What a door copies of a span, and where to.

use sentry_genai_conventions::{Attributes, ContentLimits};
use sentry_genai_delivery::Delivery;

/// How the attributes of spans are taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intake<'a> {
    /// The longest text that is copied, in bytes.
    pub(crate) room: usize,
    delivery: Option<&'a Delivery>,
}

impl<'a> Intake<'a> {
    /// Creates one for spans that are given to `delivery`, if there is one.
    pub(crate) fn new(room: usize, delivery: Option<&'a Delivery>) -> Self {
        Self { room, delivery }
    }

    /// Returns an empty store for a span with so many attributes.
    pub(crate) fn store(&self, attributes: usize) -> Attributes {
        match self.delivery {
            // Keys are copied as well, so there is more text to an attribute than usual.
            Some(delivery) => delivery.attributes(attributes + attributes / 2),
            None => Attributes::default(),
        }
    }
}

/// Returns the longest text to copy where content may be as long as `limits` say. It is more than fits, since what is cut later
/// is cut with more care.
pub(crate) fn text_room(limits: ContentLimits) -> usize {
    let most = limits.attribute_bytes.max(limits.text_bytes);
    most.saturating_mul(3) / 2
}
