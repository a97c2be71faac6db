//! The latest spans that have ended, for children that start later.

use std::{collections::VecDeque, sync::Arc};

use crate::{node::Node, open_spans::Key};

/// The number of hash chains, each of which links the entries with the same hash; on average there is one entry per chain.
const CHAINS: usize = 512;

/// The capacity, in units of about 200 bytes: a span and its entry.
const CAPACITY: usize = 512;

/// The weight of a span without a known parent. Its segment, and mostly its trace, are its own and are kept with it.
const ROOT_WEIGHT: usize = 3;

/// Spans that are remembered no longer. Freeing them takes a while, so it should not happen under a lock.
pub(crate) type Evicted<S> = [Option<Arc<Node<S>>>; ROOT_WEIGHT];

/// Spans in the order in which they ended. Each is found by its id without scanning the others.
#[derive(Debug)]
pub(crate) struct RecentlyEnded<S> {
    entries: VecDeque<Entry<S>>,
    /// The number of the first entry.
    first: u64,
    /// For each hash, the number of the last entry that has it. Numbers of entries that are gone stay in place and find nothing.
    chains: Box<[u64]>,
    weight: usize,
}

#[derive(Debug)]
struct Entry<S> {
    key: Key,
    node: Arc<Node<S>>,
    /// The number of the previous entry with the same hash.
    previous: u64,
}

impl<S> RecentlyEnded<S> {
    /// Creates an empty table, which allocates nothing until a span has ended.
    pub(crate) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            // Entries are numbered from 1; zero means none.
            first: 1,
            chains: Box::default(),
            weight: 0,
        }
    }

    /// Adds a span and returns those that make room for it.
    pub(crate) fn push(&mut self, key: Key, hash: u64, node: Arc<Node<S>>) -> Evicted<S> {
        if self.chains.is_empty() {
            self.chains = vec![0; CHAINS].into();
        }
        self.weight += weight(&node);
        let evicted = std::array::from_fn(|_| self.pop_excess());
        let number = self.first + self.entries.len() as u64;
        let previous = std::mem::replace(&mut self.chains[chain(hash)], number);
        self.entries.push_back(Entry {
            key,
            node,
            previous,
        });
        evicted
    }

    pub(crate) fn find(&self, key: Key, hash: u64) -> Option<&Arc<Node<S>>> {
        let mut number = *self.chains.get(chain(hash))?;
        loop {
            let position = number.checked_sub(self.first)?;
            let entry = self.entries.get(position as usize)?;
            if entry.key == key {
                return Some(&entry.node);
            }
            number = entry.previous;
        }
    }

    /// Removes the span that ended first, if the table is over capacity.
    fn pop_excess(&mut self) -> Option<Arc<Node<S>>> {
        if self.weight <= CAPACITY {
            return None;
        }
        let Entry { node, .. } = self.entries.pop_front()?;
        self.first += 1;
        self.weight -= weight(&node);
        Some(node)
    }
}

fn chain(hash: u64) -> usize {
    hash as usize % CHAINS
}

fn weight<S>(node: &Node<S>) -> usize {
    if node.has_parent() { 1 } else { ROOT_WEIGHT }
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::{SpanId, TraceId};

    use super::*;
    use crate::{identity::Identity, node::AmbientContext};

    fn key(number: u64) -> Key {
        let span_id = SpanId::from_bytes(number.to_be_bytes()).unwrap();
        (TraceId::from_bytes([7; 16]).unwrap(), span_id)
    }

    fn node(number: u64, parent: Option<&Arc<Node<u64>>>) -> Arc<Node<u64>> {
        let identity = Identity::default();
        Node::new(number, parent.cloned(), identity, AmbientContext::default())
    }

    /// A hash with many collisions, so that chains are long and lead to entries that are gone.
    fn hash(number: u64) -> u64 {
        number % 7
    }

    #[test]
    fn only_the_latest_spans_are_found() {
        let root = node(0, None);
        let mut ended = RecentlyEnded::new();
        assert!(ended.find(key(1), hash(1)).is_none());
        let last = 3 * CAPACITY as u64;
        for number in 1..=last {
            let evicted = ended.push(key(number), hash(number), node(number, Some(&root)));
            let evicted: Vec<_> = evicted.iter().flatten().map(|node| node.segment).collect();
            let expected = number.checked_sub(CAPACITY as u64).filter(|it| *it > 0);
            assert_eq!(evicted, Vec::from_iter(expected));
        }
        for number in 1..=last {
            let found = ended.find(key(number), hash(number));
            let is_kept = number > last - CAPACITY as u64;
            assert_eq!(found.map(|node| node.segment), is_kept.then_some(number));
        }
    }

    #[test]
    fn roots_weigh_more_than_children() {
        let mut ended = RecentlyEnded::new();
        for number in 1..=CAPACITY as u64 {
            ended.push(key(number), 0, node(number, None));
        }
        assert_eq!(ended.entries.len(), CAPACITY / ROOT_WEIGHT);
    }

    /// `CAPACITY` relies on this.
    #[test]
    fn a_unit_of_weight_is_about_two_hundred_bytes() {
        use sentry_genai_delivery::{Segment, Trace};

        const COUNTERS: usize = 2 * size_of::<usize>();
        const UNIT: usize = 220;

        let slot = size_of::<Entry<Arc<Segment>>>() + size_of::<u64>();
        let child = slot + COUNTERS + size_of::<Node<Arc<Segment>>>();
        assert!(child <= UNIT, "{child}");
        let name = COUNTERS + 32;
        let trace = COUNTERS + size_of::<Trace>();
        let root = child + COUNTERS + size_of::<Segment>() + trace + name;
        assert!(root <= ROOT_WEIGHT * UNIT, "{root}");
    }
}
