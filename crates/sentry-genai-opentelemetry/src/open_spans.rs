//! Which spans are open, by their ids.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sentry_genai_conventions::{SpanId, TraceId};

use crate::{node::Node, remembered::Remembered};

/// Spans of one trace go to different shards: a trace may be all that a program works on.
const SHARDS: usize = 16;

/// With this many spans in a shard those that have been open longest are forgotten.
const SHARD_CAPACITY: usize = 4096;

/// How many are forgotten at once: finding them takes a look at all.
const FORGOTTEN_AT_ONCE: usize = SHARD_CAPACITY / 16;

pub(crate) type Key = (TraceId, SpanId);

/// The spans that have started and not ended, and the last ones that have.
#[derive(Debug)]
pub(crate) struct SpanTable<S> {
    shards: [Mutex<Shard<S>>; SHARDS],
    forgotten: AtomicU64,
    orphaned: AtomicU64,
}

#[derive(Debug)]
struct Shard<S> {
    open: HashMap<ById, Entry<S>, BuildHasherDefault<Mixed>>,
    ended: Remembered<S>,
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
    /// Spans below a span of this process that was not known when they started: it had ended too long before (the last 8,192
    /// that ended are remembered, or a third as many where each is a root), OpenTelemetry had not sampled it, or it had
    /// started before the door was there. Each of them is the root of a segment and inherits nothing.
    pub orphaned: u64,
}

impl<S> SpanTable<S> {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new())),
            forgotten: AtomicU64::new(0),
            orphaned: AtomicU64::new(0),
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
        let by_id = ById(key);
        let shard = self.shard(by_id);
        if let Some(entry) = shard.open.get(&by_id) {
            return Some(Arc::clone(&entry.node));
        }
        shard.ended.find(key, by_id.mixed_for_ended()).cloned()
    }

    /// Finds the parent of a span that starts, and counts if there is none.
    pub(crate) fn find_parent(&self, key: Key) -> Option<Arc<Node<S>>> {
        let found = self.find(key);
        if found.is_none() {
            self.orphaned.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Takes a span out that has ended.
    pub(crate) fn end(&self, key: Key) -> Option<Arc<Node<S>>> {
        let by_id = ById(key);
        let mut shard = self.shard(by_id);
        let node = shard.open.remove(&by_id)?.node;
        let remembered = Arc::clone(&node);
        let gone = shard.ended.push(key, by_id.mixed_for_ended(), remembered);
        drop(shard);
        // They may be the last to hold on to a whole trace.
        drop(gone);
        Some(node)
    }

    pub(crate) fn count(&self) -> OpenSpans {
        let open = self.shards.iter().map(|shard| lock(shard).open.len());
        OpenSpans {
            open: open.sum(),
            forgotten: self.forgotten.load(Ordering::Relaxed),
            orphaned: self.orphaned.load(Ordering::Relaxed),
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
            ended: Remembered::new(),
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

    /// Returns the bits that tell no shards apart.
    fn mixed_for_ended(self) -> u64 {
        self.mixed() >> 36
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
