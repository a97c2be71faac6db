//! What the fields of a callsite mean, worked out once.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ptr,
    rc::Rc,
    sync::Arc,
};

use sentry_genai_conventions::AttributeKey;
use tracing_core::{Metadata, field::Field};

/// What is the same for all spans of a callsite.
#[derive(Clone)]
pub(crate) struct Plan(Rc<Callsite>);

struct Callsite {
    /// The keys of the fields, in their order.
    keys: Box<[AttributeKey]>,
    name: Arc<str>,
}

/// How many callsites a thread remembers. A program has some hundred; only one that makes them while it runs has more.
const MAX_PLANS: usize = 4096;

thread_local! {
    /// By the address of the callsite's metadata, which lives as long as the program.
    static PLANS: RefCell<HashMap<usize, Plan, BuildHasherDefault<AddressHasher>>> =
        RefCell::default();
}

impl Plan {
    /// Returns the plan for what has this metadata.
    #[inline]
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = ptr::from_ref(metadata).addr();
        let known = PLANS.try_with(|plans| plans.borrow().get(&address).cloned());
        match known {
            Ok(Some(plan)) => plan,
            _ => Self::make(metadata, address),
        }
    }

    #[cold]
    fn make(metadata: &'static Metadata<'static>, address: usize) -> Self {
        let keys = metadata.fields().iter();
        let plan = Self(Rc::new(Callsite {
            keys: keys.map(|field| AttributeKey::new(field.name())).collect(),
            name: metadata.name().into(),
        }));
        // A thread that is going away remembers nothing.
        let _ = PLANS.try_with(|plans| {
            let mut plans = plans.borrow_mut();
            if plans.len() == MAX_PLANS {
                plans.clear();
            }
            plans.insert(address, plan.clone());
        });
        plan
    }

    /// Lets the key of a field be used. That of another callsite is worked out.
    #[inline]
    pub(crate) fn with_key<T>(&self, field: &Field, use_it: impl FnOnce(&AttributeKey) -> T) -> T {
        let name = field.name();
        match self.0.keys.get(field.index()) {
            Some(key) if ptr::eq(key.name(), name) => use_it(key),
            _ => use_it(&AttributeKey::new(name)),
        }
    }

    /// Returns the name that the spans have before their fields give them another one.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }
}

/// Spreads addresses, whose lowest bits are the same.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        self.0 = (self.0 ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The table looks at the highest and at the lowest bits.
        self.0 ^ self.0 >> 32
    }
}
