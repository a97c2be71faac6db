//! What a door copies of a span, and where to.

use sentry_genai_conventions::Attributes;
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

    /// Returns an empty store: a recycled one, or else one with room for so many attributes and so many bytes of text.
    pub(crate) fn store(&self, attributes: usize, text_bytes: usize) -> Attributes {
        let recycled = self.delivery.map(|delivery| delivery.attributes(0));
        recycled
            .filter(|recycled| recycled.footprint() > 0)
            .unwrap_or_else(|| {
                // The translation adds what the span inherits, and its own.
                Attributes::with_capacity(attributes + 4, text_bytes + 128)
            })
    }
}
