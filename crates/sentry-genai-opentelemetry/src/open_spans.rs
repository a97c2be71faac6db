//! Which spans are open, by their ids.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sentry_genai_conventions::{SpanId, TraceId};

use crate::node::Node;

/// Spans of one trace go to different shards: a trace may be all that a program works on.
const SHARDS: usize = 16;

/// With this many spans in a shard those that have been open longest are forgotten.
const SHARD_CAPACITY: usize = 4096;

/// How many are forgotten at once: finding them takes a look at all.
const FORGOTTEN_AT_ONCE: usize = SHARD_CAPACITY / 16;

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
    open: HashMap<ById, Entry<S>, BuildHasherDefault<Mixed>>,
    ended: VecDeque<(Key, Arc<Node<S>>)>,
    started: u64,
}

#[derive(Debug)]
struct Entry<S> {
    node: Arc<Node<S>>,
    /// How many spans of the shard have started before.
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
        let key = ById(key);
        let mut shard = self.shard(key);
        let forgotten = if shard.open.len() >= SHARD_CAPACITY {
            shard.forget_oldest()
        } else {
            Vec::new()
        };
        let number = shard.started;
        shard.started += 1;
        let replaced = shard.open.insert(key, Entry { node, number });
        drop(shard);
        // What these are the last to hold on to is let go without the lock.
        drop(replaced);
        if !forgotten.is_empty() {
            let forgotten = forgotten.len() as u64;
            self.forgotten.fetch_add(forgotten, Ordering::Relaxed);
        }
    }

    /// Finds a span that is open, or has ended not long ago.
    pub(crate) fn find(&self, key: Key) -> Option<Arc<Node<S>>> {
        let shard = self.shard(ById(key));
        if let Some(entry) = shard.open.get(&ById(key)) {
            return Some(Arc::clone(&entry.node));
        }
        let ended = shard.ended.iter().rev().find(|(ended, _)| *ended == key)?;
        Some(Arc::clone(&ended.1))
    }

    /// Takes a span out that has ended.
    pub(crate) fn end(&self, key: Key) -> Option<Arc<Node<S>>> {
        let mut shard = self.shard(ById(key));
        let node = shard.open.remove(&ById(key))?.node;
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

    fn shard(&self, key: ById) -> MutexGuard<'_, Shard<S>> {
        // Not the bits by which a table tells its entries apart.
        let index = (key.mixed() >> 32) as usize % SHARDS;
        lock(&self.shards[index])
    }
}

impl<S> Shard<S> {
    fn new() -> Self {
        Self {
            open: HashMap::default(),
            ended: VecDeque::new(),
            started: 0,
        }
    }

    fn forget_oldest(&mut self) -> Vec<Arc<Node<S>>> {
        let mut numbers: Vec<_> = self.open.values().map(|entry| entry.number).collect();
        let (_, &mut youngest, _) = numbers.select_nth_unstable(FORGOTTEN_AT_ONCE - 1);
        let oldest = self
            .open
            .extract_if(|_, entry| entry.number <= youngest)
            .map(|(_, entry)| entry.node);
        oldest.collect()
    }
}

/// A key that is found by the id of the span, which is as good as unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ById(Key);

impl ById {
    /// Mixes the id. Those of the spans in the table come from this process, so nobody can make them collide.
    fn mixed(self) -> u64 {
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
        let (_, span_id) = self.0;
        let product = u128::from(u64::from_le_bytes(span_id.to_bytes())) * ODD;
        product as u64 ^ (product >> 64) as u64
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.mixed());
    }
}

/// A hash that is made already.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, mixed: u64) {
        self.0 = mixed;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn lock<S>(shard: &Mutex<Shard<S>>) -> MutexGuard<'_, Shard<S>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
