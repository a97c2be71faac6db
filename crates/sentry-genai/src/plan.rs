//! The attribute keys of a callsite, computed once.

use std::{cell::RefCell, collections::BTreeMap, ptr, rc::Rc, sync::Arc};

use sentry_genai_conventions::AttributeKey;
use tracing_core::{Metadata, field::Field};

/// What all spans of a callsite have in common.
#[derive(Clone)]
pub(crate) struct Plan(Rc<Callsite>);

struct Callsite {
    /// The keys of the fields, in the order of the fields.
    keys: Box<[AttributeKey]>,
    name: Arc<str>,
}

/// How many callsites a thread caches. Programs have some hundred; only one that creates callsites while it runs has more.
const MAX_PLANS: usize = 4096;

/// The size of the direct-mapped cache in front of the table; a power of two.
const AT_HAND: usize = 64;

thread_local! {
    static PLANS: RefCell<Plans> = const { RefCell::new(Plans::NONE) };
}

/// Plans by the address of their callsite's metadata. The metadata lives as long as the program.
struct Plans {
    at_hand: [Option<(usize, Plan)>; AT_HAND],
    all: BTreeMap<usize, Plan>,
}

impl Plans {
    const NONE: Self = Self {
        at_hand: [const { None }; AT_HAND],
        all: BTreeMap::new(),
    };

    #[inline]
    fn at_hand(&self, address: usize) -> Option<Plan> {
        match &self.at_hand[Self::place(address)] {
            Some((known, plan)) if *known == address => Some(plan.clone()),
            _ => None,
        }
    }

    fn get_or_make(&mut self, metadata: &'static Metadata<'static>, address: usize) -> Plan {
        if self.all.len() == MAX_PLANS && !self.all.contains_key(&address) {
            self.all.clear();
        }
        let known = self.all.entry(address);
        let plan = known.or_insert_with(|| Plan::make(metadata)).clone();
        self.at_hand[Self::place(address)] = Some((address, plan.clone()));
        plan
    }

    /// Returns the cache slot of an address. The lowest bits are the same for all addresses.
    #[inline]
    fn place(address: usize) -> usize {
        (address >> 4 ^ address >> 10) & (AT_HAND - 1)
    }
}

impl Plan {
    /// Returns the plan for spans or events with this metadata.
    #[inline]
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = ptr::from_ref(metadata).addr();
        let at_hand = PLANS.try_with(|plans| plans.borrow().at_hand(address));
        match at_hand {
            Ok(Some(plan)) => plan,
            _ => Self::look_up(metadata, address),
        }
    }

    #[cold]
    fn look_up(metadata: &'static Metadata<'static>, address: usize) -> Self {
        let plan = PLANS.try_with(|plans| plans.borrow_mut().get_or_make(metadata, address));
        // A thread that is being destroyed has no cache any more.
        plan.unwrap_or_else(|_| Self::make(metadata))
    }

    fn make(metadata: &'static Metadata<'static>) -> Self {
        let keys = metadata.fields().iter();
        Self(Rc::new(Callsite {
            keys: keys.map(|field| AttributeKey::new(field.name())).collect(),
            name: metadata.name().into(),
        }))
    }

    /// Calls `use_it` with the key of a field. The key of a field of another callsite is computed on the spot.
    #[inline]
    pub(crate) fn with_key<T>(&self, field: &Field, use_it: impl FnOnce(&AttributeKey) -> T) -> T {
        let name = field.name();
        match self.0.keys.get(field.index()) {
            Some(key) if ptr::eq(key.name(), name) => use_it(key),
            _ => use_it(&AttributeKey::new(name)),
        }
    }

    /// Returns the name that the spans have unless their fields give them another one.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, Span};

    use super::*;

    #[test]
    fn a_field_of_another_callsite_keeps_its_name() {
        let metadata = |span: &Span| span.metadata().unwrap();
        let _all = tracing::subscriber::set_default(tracing_subscriber::registry());
        let one = metadata(&tracing::span!(Level::INFO, "one", a = 1, gen_ai.b = 2));
        let other = metadata(&tracing::span!(Level::INFO, "other", c = 1, d = 2));
        for _ in 0..2 {
            let (plan, foreign) = (Plan::of(one), other.fields().field("d").unwrap());
            let own = one.fields().field("gen_ai.b").unwrap();
            assert_eq!(&**plan.name(), "one");
            assert_eq!(plan.with_key(&own, |key| key.name()), "gen_ai.b");
            assert!(plan.with_key(&own, |key| key.signs().are_gen_ai()));
            assert_eq!(plan.with_key(&foreign, |key| key.name()), "d");
        }
    }
}
