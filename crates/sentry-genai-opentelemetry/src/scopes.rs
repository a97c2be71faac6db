//! Caches the names of instrumentation scopes, which are few and recur.

use std::{borrow::Cow, sync::OnceLock};

/// How many names are cached. Only programs that generate names have more.
const CAPACITY: usize = 16;

/// The maximum length of a cached name, in bytes.
const MAX_BYTES: usize = 128;

/// The names that the spans of this program have.
pub(crate) static SCOPES: ScopeNames = ScopeNames::new();

/// Names that have been seen, so that most spans need no copy of their own.
///
/// A cached name lives for the rest of the program, as the tracers that carry it do. Names beyond the limits are copied.
#[derive(Debug)]
pub(crate) struct ScopeNames([OnceLock<&'static str>; CAPACITY]);

impl ScopeNames {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; CAPACITY])
    }

    /// Returns a name, cached or copied.
    pub(crate) fn get(&self, name: &str) -> Cow<'static, str> {
        if name.len() <= MAX_BYTES {
            for slot in &self.0 {
                let known = slot.get_or_init(|| String::from(name).leak());
                if *known == name {
                    return Cow::Borrowed(known);
                }
            }
        }
        Cow::Owned(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_interned_and_others_are_copied() {
        let names = ScopeNames::new();
        for _ in 0..2 {
            for number in 0..=CAPACITY {
                let name = format!("scope {number}");
                let found = names.get(&name);
                assert_eq!(found, name);
                let is_interned = matches!(found, Cow::Borrowed(_));
                assert_eq!(is_interned, number < CAPACITY, "{name}");
            }
        }
        let long = "x".repeat(MAX_BYTES + 1);
        assert_eq!(ScopeNames::new().get(&long), Cow::<str>::Owned(long));
    }
}
