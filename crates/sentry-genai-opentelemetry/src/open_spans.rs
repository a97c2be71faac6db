//! Which spans are open, by their ids.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sentry_genai_conventions::{SpanId, TraceId};

use crate::node::Node;

/// Spans of one trace go to different shards: a trace may be all that a program works on.
const SHARDS: usize = 16;

/// Beyond this many spans in a shard the one that has been open longest is forgotten.
const SHARD_CAPACITY: usize = 4096;

/// How many spans a shard remembers after their end, for children that start later.
const SHARD_MEMORY: usize = 64;

pub(crate) type Key = (TraceId, SpanId);

/// The spans that have started and not ended, and the last ones that have.
#[derive(Debug)]
pub(crate) struct SpanTable<S> {
    shards: [Mutex<Shard<S>>; SHARDS],
    forgotten: AtomicU64,
}

#[derive(Debug)]
struct Shard<S> {
    open: HashMap<Key, Entry<S>, BuildHasherDefault<IdHasher>>,
    /// In the order of their start. A span that has ended leaves its key behind for a while.
    order: VecDeque<(Key, u64)>,
    ended: VecDeque<(Key, Arc<Node<S>>)>,
    started: u64,
}

#[derive(Debug)]
struct Entry<S> {
    node: Arc<Node<S>>,
    number: u64,
}

/// How many spans a door keeps track of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSpans {
    /// Spans that have started and not ended.
    pub open: usize,
    /// Spans that were forgotten because too many were open: 65,536, less where they are spread unevenly. They are sent
    /// when they end, but what is inherited through them is lost.
    pub forgotten: u64,
}

impl<S> SpanTable<S> {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new())),
            forgotten: AtomicU64::new(0),
        }
    }

    pub(crate) fn insert(&self, key: Key, node: Arc<Node<S>>) {
        let mut shard = self.shard(key);
        let forgotten = if shard.open.len() >= SHARD_CAPACITY {
            shard.forget_oldest()
        } else {
            None
        };
        shard.insert(key, node);
        drop(shard);
        if forgotten.is_some() {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Finds a span that is open, or has ended not long ago.
    pub(crate) fn find(&self, key: Key) -> Option<Arc<Node<S>>> {
        let shard = self.shard(key);
        if let Some(entry) = shard.open.get(&key) {
            return Some(Arc::clone(&entry.node));
        }
        let ended = shard.ended.iter().rev().find(|(ended, _)| *ended == key)?;
        Some(Arc::clone(&ended.1))
    }

    /// Takes a span out that has ended.
    pub(crate) fn end(&self, key: Key) -> Option<Arc<Node<S>>> {
        let mut shard = self.shard(key);
        let node = shard.open.remove(&key)?.node;
        let oldest = if shard.ended.len() == SHARD_MEMORY {
            shard.ended.pop_front()
        } else {
            None
        };
        shard.ended.push_back((key, Arc::clone(&node)));
        drop(shard);
        // It may be the last to hold on to a whole trace.
        drop(oldest);
        Some(node)
    }

    pub(crate) fn count(&self) -> OpenSpans {
        let open = self.shards.iter().map(|shard| lock(shard).open.len());
        OpenSpans {
            open: open.sum(),
            forgotten: self.forgotten.load(Ordering::Relaxed),
        }
    }

    /// Forgets everything: nothing more will be asked for.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let cleared = std::mem::replace(&mut *lock(shard), Shard::new());
            drop(cleared);
        }
    }

    fn shard(&self, (_, span_id): Key) -> MutexGuard<'_, Shard<S>> {
        let bytes = span_id.to_bytes();
        let index = bytes.iter().fold(0, |mixed: u8, byte| mixed ^ byte);
        lock(&self.shards[usize::from(index) % SHARDS])
    }
}

impl<S> Shard<S> {
    fn new() -> Self {
        Self {
            open: HashMap::default(),
            order: VecDeque::new(),
            ended: VecDeque::new(),
            started: 0,
        }
    }

    fn insert(&mut self, key: Key, node: Arc<Node<S>>) {
        if self.order.len() > 2 * self.open.len() + SHARD_MEMORY {
            let open = &self.open;
            self.order
                .retain(|(key, number)| open.get(key).is_some_and(|it| it.number == *number));
        }
        self.started += 1;
        let number = self.started;
        self.order.push_back((key, number));
        self.open.insert(key, Entry { node, number });
    }

    fn forget_oldest(&mut self) -> Option<Arc<Node<S>>> {
        while let Some((key, number)) = self.order.pop_front() {
            if self.open.get(&key).is_some_and(|it| it.number == number) {
                return self.open.remove(&key).map(|entry| entry.node);
            }
        }
        None
    }
}

/// Mixes ids. Those of the spans in the table come from this process, so nobody can make them collide.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            self.mix(word);
        }
        for byte in words.remainder() {
            self.mix((*byte).into());
        }
    }

    /// The length of an id says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

impl IdHasher {
    fn mix(&mut self, word: u64) {
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ word) * ODD;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

fn lock<S>(shard: &Mutex<Shard<S>>) -> MutexGuard<'_, Shard<S>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
