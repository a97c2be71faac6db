//! The attribute keys of a callsite, computed once.

use std::{cell::RefCell, collections::BTreeMap, ptr, rc::Rc, sync::Arc};

use sentry_genai_conventions::AttributeKey;
use tracing::{Metadata, field::Field};

/// What all spans of a callsite have in common.
#[derive(Clone)]
pub(crate) struct Callsite(Rc<Inner>);

struct Inner {
    /// The keys of the fields, in the order of the fields.
    keys: Box<[AttributeKey]>,
    name: Arc<str>,
}

/// How many callsites a thread caches. Programs have some hundred; only one that creates callsites while it runs has more.
const MAX_CALLSITES: usize = 4096;

/// The size of the direct-mapped cache in front of the table; a power of two.
const SLOTS: usize = 64;

thread_local! {
    static CALLSITES: RefCell<CallsiteCache> = const { RefCell::new(CallsiteCache::NONE) };
}

/// The callsites by the address of their metadata, which lives as long as the program.
struct CallsiteCache {
    slots: [Option<(usize, Callsite)>; SLOTS],
    all: BTreeMap<usize, Callsite>,
}

impl CallsiteCache {
    const NONE: Self = Self {
        slots: [const { None }; SLOTS],
        all: BTreeMap::new(),
    };

    #[inline]
    fn cached(&self, address: usize) -> Option<Callsite> {
        match &self.slots[Self::slot(address)] {
            Some((known, callsite)) if *known == address => Some(callsite.clone()),
            _ => None,
        }
    }

    fn get_or_make(&mut self, metadata: &'static Metadata<'static>, address: usize) -> Callsite {
        if self.all.len() == MAX_CALLSITES && !self.all.contains_key(&address) {
            self.all.clear();
        }
        let known = self.all.entry(address);
        let callsite = known.or_insert_with(|| Callsite::make(metadata)).clone();
        self.slots[Self::slot(address)] = Some((address, callsite.clone()));
        callsite
    }

    /// Returns the cache slot of an address. The lowest bits are the same for all addresses.
    #[inline]
    fn slot(address: usize) -> usize {
        (address >> 4 ^ address >> 10) & (SLOTS - 1)
    }
}

impl Callsite {
    /// Returns the callsite of spans or events with this metadata.
    #[inline]
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = ptr::from_ref(metadata).addr();
        let cached = CALLSITES.try_with(|cache| cache.borrow().cached(address));
        match cached {
            Ok(Some(callsite)) => callsite,
            _ => Self::look_up(metadata, address),
        }
    }

    #[cold]
    fn look_up(metadata: &'static Metadata<'static>, address: usize) -> Self {
        let callsite =
            CALLSITES.try_with(|cache| cache.borrow_mut().get_or_make(metadata, address));
        // A thread that is being destroyed has no cache any more.
        callsite.unwrap_or_else(|_| Self::make(metadata))
    }

    fn make(metadata: &'static Metadata<'static>) -> Self {
        let keys = metadata.fields().iter();
        Self(Rc::new(Inner {
            keys: keys.map(|field| AttributeKey::new(field.name())).collect(),
            name: metadata.name().into(),
        }))
    }

    /// Calls `f` with the key of a field. The key of a field of another callsite is computed on the spot.
    #[inline]
    pub(crate) fn with_key<T>(&self, field: &Field, f: impl FnOnce(&AttributeKey) -> T) -> T {
        let name = field.name();
        match self.0.keys.get(field.index()) {
            Some(key) if ptr::eq(key.name(), name) => f(key),
            _ => f(&AttributeKey::new(name)),
        }
    }

    /// Returns the name that the spans have unless their fields give them another one.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, Span, field::FieldSet, metadata::Kind};

    use super::*;

    #[test]
    fn a_field_of_another_callsite_keeps_its_name() {
        let metadata = |span: &Span| span.metadata().unwrap();
        let _all = tracing::subscriber::set_default(tracing_subscriber::registry());
        let one = metadata(&tracing::span!(Level::INFO, "one", a = 1, gen_ai.b = 2));
        let other = metadata(&tracing::span!(Level::INFO, "other", c = 1, d = 2));
        for _ in 0..2 {
            let (callsite, foreign) = (Callsite::of(one), other.fields().field("d").unwrap());
            let own = one.fields().field("gen_ai.b").unwrap();
            assert_eq!(&**callsite.name(), "one");
            assert_eq!(callsite.with_key(&own, |key| key.name()), "gen_ai.b");
            assert!(callsite.with_key(&own, |key| key.flags().has_gen_ai()));
            assert_eq!(callsite.with_key(&foreign, |key| key.name()), "d");
        }
    }

    #[test]
    fn callsites_made_while_the_program_runs_are_bounded() {
        let _all = tracing::subscriber::set_default(tracing_subscriber::registry());
        let span = tracing::span!(Level::INFO, "known");
        let identifier = span.metadata().unwrap().callsite();
        for _ in 0..=MAX_CALLSITES {
            let fields = FieldSet::new(&["a"], identifier.clone());
            let metadata = Metadata::new(
                "made",
                "test",
                Level::INFO,
                None,
                None,
                None,
                fields,
                Kind::SPAN,
            );
            let callsite = Callsite::of(Box::leak(Box::new(metadata)));
            assert_eq!(&**callsite.name(), "made");
        }
        assert_eq!(CALLSITES.with_borrow(|cache| cache.all.len()), 1);
    }
}
