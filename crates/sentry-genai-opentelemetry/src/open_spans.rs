//! The table of open spans, by their ids.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
};

use sentry_genai_conventions::{SpanId, TraceId};
use sentry_genai_delivery::PerProcess;

use crate::{
    node::Node,
    recently_ended::{Evicted, RecentlyEnded},
};

/// The number of shards. Spans of one trace go to different shards, since a program may work on a single trace.
const SHARDS: usize = 16;

/// The capacity of a shard. When it is full, the spans that have been open longest are forgotten.
const SHARD_CAPACITY: usize = 4096;

/// How many spans are forgotten at once. Finding the oldest means scanning all of the shard.
const FORGOTTEN_AT_ONCE: usize = SHARD_CAPACITY / 16;

pub(crate) type Key = (TraceId, SpanId);

/// The spans that have started and not ended, and the latest that have ended.
#[derive(Debug)]
pub(crate) struct SpanTable<S> {
    shards: PerProcess<Shards<S>>,
    forgotten: AtomicU64,
    orphaned: AtomicU64,
}

type Shards<S> = [Mutex<Shard<S>>; SHARDS];

/// A map of spans by their ids.
pub(crate) type SpanMap<V> = HashMap<SpanKey, V, BuildHasherDefault<PrecomputedHasher>>;

#[derive(Debug)]
struct Shard<S> {
    open: SpanMap<Entry<S>>,
    ended: RecentlyEnded<S>,
    started: u64,
}

#[derive(Debug)]
struct Entry<S> {
    node: Arc<Node<S>>,
    /// The number of spans of the shard that started before.
    sequence: u64,
}

/// A span that has just ended.
pub(crate) struct EndedSpan<S> {
    pub(crate) node: Arc<Node<S>>,
    pub(crate) evicted: Evicted<S>,
}

/// Figures about the spans that a processor keeps track of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSpans {
    /// Spans that have started and not ended.
    pub open: usize,
    /// Spans that were forgotten because too many were open. The limit is 65,536, or less if they are spread unevenly over the
    /// shards. Forgotten spans are sent when they end, but what other spans inherit through them is lost.
    pub forgotten: u64,
    /// Spans whose parent is a span of this process that was not known when they started. Each of them becomes the root of a
    /// segment and inherits nothing. The parent is not known if
    ///
    /// - it ended too long before: the latest 8,192 spans to end are remembered, or a third as many if each is a root;
    /// - OpenTelemetry did not sample it;
    /// - it started before the processor was created.
    pub orphaned: u64,
}

impl<S> SpanTable<S> {
    pub(crate) fn new() -> Self {
        Self {
            shards: PerProcess::made_by(process::id(), new_shards()),
            forgotten: AtomicU64::new(0),
            orphaned: AtomicU64::new(0),
        }
    }

    pub(crate) fn insert(&self, key: Key, node: Arc<Node<S>>) {
        let key = SpanKey(key);
        let mut shard = self.shard(key);
        let forgotten = if shard.open.len() >= SHARD_CAPACITY {
            shard.forget_oldest()
        } else {
            Vec::new()
        };
        let sequence = shard.started;
        shard.started += 1;
        let replaced = shard.open.insert(key, Entry { node, sequence });
        drop(shard);
        // Freed without the lock: these may be the last references.
        drop(replaced);
        if !forgotten.is_empty() {
            let forgotten = forgotten.len() as u64;
            self.forgotten.fetch_add(forgotten, Ordering::Relaxed);
        }
    }

    /// Finds a span that is open, or that ended not long ago.
    pub(crate) fn find(&self, key: Key) -> Option<Arc<Node<S>>> {
        let span_key = SpanKey(key);
        let shard = self.shard(span_key);
        if let Some(entry) = shard.open.get(&span_key) {
            return Some(Arc::clone(&entry.node));
        }
        shard.ended.find(key, span_key.ended_hash()).cloned()
    }

    /// Finds the parent of a span that starts, and counts the span as orphaned if there is none.
    pub(crate) fn find_parent(&self, key: Key) -> Option<Arc<Node<S>>> {
        let found = self.find(key);
        if found.is_none() {
            self.orphaned.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Removes a span that has ended.
    pub(crate) fn end(&self, key: Key) -> Option<EndedSpan<S>> {
        let span_key = SpanKey(key);
        let mut shard = self.shard(span_key);
        let node = shard.open.remove(&span_key)?.node;
        let kept_node = Arc::clone(&node);
        let evicted = shard.ended.push(key, span_key.ended_hash(), kept_node);
        Some(EndedSpan { node, evicted })
    }

    pub(crate) fn count(&self) -> OpenSpans {
        let open = (0..SHARDS).map(|index| self.lock(index).open.len());
        OpenSpans {
            open: open.sum(),
            forgotten: self.forgotten.load(Ordering::Relaxed),
            orphaned: self.orphaned.load(Ordering::Relaxed),
        }
    }

    /// Removes everything: nothing more will be looked up.
    pub(crate) fn clear(&self) {
        for index in 0..SHARDS {
            let cleared = std::mem::replace(&mut *self.lock(index), Shard::new());
            drop(cleared);
        }
    }

    fn shard(&self, key: SpanKey) -> MutexGuard<'_, Shard<S>> {
        // Use other bits than those by which a hash map tells its entries apart.
        self.lock((key.hash_code() >> 32) as usize % SHARDS)
    }

    fn lock(&self, index: usize) -> MutexGuard<'_, Shard<S>> {
        match self.shards.latest()[index].try_lock() {
            Ok(shard) => shard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // In a forked process, perhaps no thread would ever unlock it.
            Err(TryLockError::WouldBlock) => {
                let shards = self.shards.of_this_process(|_| new_shards());
                shards[index].lock().unwrap_or_else(PoisonError::into_inner)
            }
        }
    }
}

fn new_shards<S>() -> Shards<S> {
    std::array::from_fn(|_| Mutex::new(Shard::new()))
}

impl<S> Shard<S> {
    fn new() -> Self {
        Self {
            open: HashMap::default(),
            ended: RecentlyEnded::new(),
            started: 0,
        }
    }

    fn forget_oldest(&mut self) -> Vec<Arc<Node<S>>> {
        let mut sequences: Vec<_> = self.open.values().map(|entry| entry.sequence).collect();
        let (_, &mut youngest, _) = sequences.select_nth_unstable(FORGOTTEN_AT_ONCE - 1);
        let oldest = self
            .open
            .extract_if(|_, entry| entry.sequence <= youngest)
            .map(|(_, entry)| entry.node);
        oldest.collect()
    }
}

/// A key that is hashed by the id of the span alone, which is as good as unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanKey(pub(crate) Key);

impl SpanKey {
    /// Mixes the id. The ids in the table come from this process, so nobody else can make them collide.
    fn hash_code(self) -> u64 {
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
        let (_, span_id) = self.0;
        let product = u128::from(u64::from_le_bytes(span_id.to_bytes())) * ODD;
        product as u64 ^ (product >> 64) as u64
    }

    /// Returns bits that do not select the shard.
    fn ended_hash(self) -> u64 {
        self.hash_code() >> 36
    }
}

impl Hash for SpanKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash_code());
    }
}

/// A hasher for keys that are hashed already.
#[derive(Debug, Default)]
pub(crate) struct PrecomputedHasher(u64);

impl Hasher for PrecomputedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash_code: u64) {
        self.0 = hash_code;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::Identity, node::AmbientContext};

    fn key(number: u64) -> Key {
        let trace_id = TraceId::from_bytes([7; 16]).expect("an id");
        let span_id = SpanId::from_bytes(number.to_be_bytes()).expect("an id");
        (trace_id, span_id)
    }

    #[test]
    fn the_spans_that_have_been_open_longest_are_forgotten_and_counted() {
        let table = SpanTable::new();
        let shard_of = |key| SpanKey(key).hash_code() >> 32 & (SHARDS as u64 - 1);
        let keys = (1..).map(key).filter(|key| shard_of(*key) == 0);
        let keys: Vec<_> = keys.take(SHARD_CAPACITY + 1).collect();
        for key in &keys {
            let node = Node::new((), None, Identity::default(), AmbientContext::default());
            table.insert(*key, node);
        }
        let (oldest, others) = keys.split_at(FORGOTTEN_AT_ONCE);
        assert!(oldest.iter().all(|key| table.find(*key).is_none()));
        assert!(others.iter().all(|key| table.find(*key).is_some()));
        let expected = OpenSpans {
            open: others.len(),
            forgotten: FORGOTTEN_AT_ONCE as u64,
            orphaned: 0,
        };
        assert_eq!(table.count(), expected);
    }

    #[test]
    fn a_forked_process_does_not_wait_for_threads_that_it_does_not_have() {
        let table = SpanTable::<()> {
            shards: PerProcess::made_by(process::id() + 1, new_shards()),
            ..SpanTable::new()
        };
        let parents = table.shards.latest();
        let _locked_at_the_fork = parents.each_ref().map(|shard| shard.lock());
        let key = key(7);
        assert!(table.find(key).is_none() && table.end(key).is_none());
        assert_eq!(table.count(), OpenSpans::default());
        table.clear();
    }
}
