//! Maps and sets by id, which hash with a multiplication.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
};

use sentry_genai_conventions::SpanId;

pub(crate) type IdMap<K, V> = HashMap<K, V, Keyed>;

/// Hashes ids.
///
/// Ids are random, so nearly any hash would do; but a remote party may choose them, and must not be able to choose many of one hash.
/// So there is a key that nobody knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    key: u64,
    factor: u64,
}

impl Default for Keyed {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            key: random.hash_one(0),
            factor: random.hash_one(1) | 1,
        }
    }
}

impl Keyed {
    /// Returns whether no id is there twice.
    pub(crate) fn are_distinct(self, ids: impl ExactSizeIterator<Item = SpanId>) -> bool {
        // No id is zero, which hence marks a free place. A place that is taken sends to the next one.
        let mut places = vec![0_u64; (2 * ids.len()).next_power_of_two()];
        let last = places.len() - 1;
        for id in ids {
            let id = u64::from_ne_bytes(id.to_bytes());
            let mut place = self.build_hasher().with(id) as usize & last;
            while places[place] != 0 {
                if places[place] == id {
                    return false;
                }
                place = (place + 1) & last;
            }
            places[place] = id;
        }
        true
    }
}

impl BuildHasher for Keyed {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            hash: self.key,
            factor: self.factor,
        }
    }
}

#[derive(Debug)]
pub(crate) struct IdHasher {
    hash: u64,
    factor: u64,
}

impl IdHasher {
    fn add(&mut self, word: u64) {
        self.hash = self.with(word);
    }

    fn with(&self, word: u64) -> u64 {
        let product = u128::from(self.hash ^ word) * u128::from(self.factor);
        product as u64 ^ (product >> 64) as u64
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.add(u64::from_ne_bytes(*word));
        }
        for byte in rest {
            self.add(u64::from(*byte));
        }
    }

    /// The length of an id says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{new_span_id, new_trace_id};

    #[test]
    fn hashes_depend_on_every_byte_and_on_the_key() {
        let (one, other) = (Keyed::default(), Keyed::default());
        let (span, trace) = (new_span_id(), new_trace_id());
        assert_eq!(one.hash_one(span), one.hash_one(span));
        assert_ne!(one.hash_one(span), other.hash_one(span));
        let mut hashes = HashSet::from([one.hash_one(trace)]);
        for bit in 0..128 {
            let mut bytes = trace.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = sentry_genai_conventions::TraceId::from_bytes(bytes);
            assert!(hashes.insert(one.hash_one(changed.unwrap())), "{bit}");
        }
    }

    #[test]
    fn an_id_that_is_there_twice_is_found() {
        let hash = Keyed::default();
        let mut ids: Vec<_> = (0..1000).map(|_| new_span_id()).collect();
        for spans in [0, 1, 2, 1000] {
            assert!(hash.are_distinct(ids[..spans].iter().copied()));
        }
        ids[999] = ids[1];
        assert!(!hash.are_distinct(ids.into_iter()));
    }
}
