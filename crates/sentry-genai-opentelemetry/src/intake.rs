//! What a door copies of a span, and where to.

use sentry_genai_conventions::Attributes;
use sentry_genai_delivery::Delivery;

use crate::scopes::ScopeNames;

/// How the attributes of spans are taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intake<'a> {
    /// The longest text that is copied, in bytes.
    pub(crate) room: usize,
    /// The names of scopes that are known already.
    pub(crate) scopes: &'a ScopeNames,
    delivery: Option<&'a Delivery>,
}

impl<'a> Intake<'a> {
    /// Creates one for spans that are given to `delivery`, if there is one.
    pub(crate) fn new(room: usize, scopes: &'a ScopeNames, delivery: Option<&'a Delivery>) -> Self {
        Self {
            room,
            scopes,
            delivery,
        }
    }

    /// Returns an empty store with room for so many attributes and so many bytes of text, and for what the translation adds.
    pub(crate) fn store(&self, attributes: usize, text_bytes: usize) -> Attributes {
        let mut store = match self.delivery {
            Some(delivery) => delivery.attributes(0),
            None => Attributes::default(),
        };
        store.reserve(attributes + 4, text_bytes + 128);
        store
    }
}
