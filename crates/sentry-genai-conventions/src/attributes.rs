//! The attribute store of a span, used from the door to the encoder.

mod conventional;
mod edit;
mod encodable;
mod key;
mod name;
mod record;
mod shape;
#[cfg(test)]
mod tests;
mod value;

use std::{collections::HashSet, fmt};

pub(crate) use edit::Piece;
pub use encodable::{Encodable, needs_no_escape};
use encodable::{Encodables, Plain};
pub(crate) use encodable::{contains_none, is_plain_and_not_binary};
pub(crate) use key::MARKER_KEYS;
pub use key::{AttributeKey, KeyFlags, is_gen_ai};
use name::prefix_bit;
pub(crate) use name::{Hash, Name, length_bit};
pub(crate) use shape::{KeyEdit, Shape, Verdict};
pub use value::{Input, Scalar, Value};

use crate::tables::Row;

/// The attributes of one span: an append-only list of typed values whose texts share one buffer.
///
/// A door appends what it sees, in order and without searching. A key may occur more than once, in which case the [last
/// one wins](Self::settle). The translation then edits the same store in place, so a value that needs no change is
/// copied once, from the caller's memory into the buffer.
///
/// Lookups are linear, since a span has some ten to thirty attributes. Most lookups ask for a missing key, which a set
/// of 64 hash bits answers at once.
///
/// ```
/// use sentry_genai_conventions::{Attributes, Value};
///
/// let mut attributes = Attributes::default();
/// attributes.push("gen_ai.request.model", "gpt-5-mini");
/// attributes.push("gen_ai.usage.input_tokens", 42_u64);
/// assert_eq!(attributes.get("gen_ai.usage.input_tokens"), Some(Value::Integer(42)));
/// ```
#[derive(Clone, Default)]
pub struct Attributes {
    entries: Vec<Entry>,
    text: String,
    arrays: Vec<Vec<Scalar>>,
    /// A bit set of the hashes of all keys that have ever been in the store.
    hash_bits: u64,
    /// A bit set of the first bytes of all keys that have ever been in the store.
    prefix_bits: u64,
}

impl Attributes {
    /// Creates an empty store with room for `attributes` attributes and `text_bytes` bytes of text.
    #[must_use]
    pub fn with_capacity(attributes: usize, text_bytes: usize) -> Self {
        Self {
            entries: Vec::with_capacity(attributes),
            text: String::with_capacity(text_bytes),
            ..Self::default()
        }
    }

    /// Removes everything, but keeps the allocated memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.arrays.clear();
        self.hash_bits = 0;
        self.prefix_bits = 0;
    }

    /// Returns the value last recorded under `key`.
    #[must_use]
    #[inline]
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        self.get_hashed(Hash::of(key), key)
    }

    /// Returns the text last recorded under `key`. Returns `None` if it is empty or has another type.
    #[must_use]
    #[inline]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns the integer last recorded under `key`. Returns `None` if the value has another type.
    #[must_use]
    #[inline]
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// Returns whether `key` holds a value.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: &str) -> bool {
        self.position(Hash::of(key), key).is_some()
    }

    /// Returns the first text that is recorded under any of `keys`.
    #[inline(always)]
    pub(crate) fn first_text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// Returns whether any of `keys` holds a value.
    #[inline(always)]
    pub(crate) fn contains_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.contains(key))
    }

    /// Replaces all values of `key` with one value.
    #[inline]
    pub fn set<'v>(&mut self, key: &'static str, value: impl Into<Input<'v>>) {
        self.remove(key);
        self.push(key, value);
    }

    /// Removes all values of `key`. Returns whether there was one.
    #[inline]
    pub fn remove(&mut self, key: &str) -> bool {
        let hash = Hash::of(key);
        self.hash_bits & hash.bit() != 0 && self.remove_hashed(hash, key)
    }

    /// Moves the value of `from` to `to`. If `to` already holds a value, the value of `from` is dropped.
    #[inline]
    pub fn rename(&mut self, from: &str, to: &'static str) {
        let hash = Hash::of(from);
        if self.hash_bits & hash.bit() != 0 {
            self.rename_hashed(hash, from, to);
        }
    }

    fn remove_hashed(&mut self, hash: Hash, key: &str) -> bool {
        let mut found = false;
        for entry in &mut self.entries {
            if entry.is(hash, key, &self.text) {
                entry.value = Slot::Vacant;
                found = true;
            }
        }
        found
    }

    fn rename_hashed(&mut self, hash: Hash, from: &str, to: &'static str) {
        if self.position(hash, from).is_none() {
            return;
        }
        let new = Hash::of(to);
        let is_taken = self.position(new, to).is_some();
        for entry in &mut self.entries {
            if entry.is(hash, from, &self.text) {
                if is_taken {
                    entry.value = Slot::Vacant;
                } else {
                    entry.set_key(Key::Static(to), new);
                }
            }
        }
        self.hash_bits |= new.bit();
        self.prefix_bits |= prefix_bit(to);
    }

    /// Moves the last value of `from` to `to`, which must not hold one yet, if it differs from the value recorded
    /// before it.
    pub(crate) fn rename_last_of_different(&mut self, from: &str, to: &'static str) {
        let hash = Hash::of(from);
        if self.hash_bits & hash.bit() == 0 {
            return;
        }
        let values = self.entries.iter().enumerate().rev();
        let mut values = values.filter(|(_, entry)| entry.is(hash, from, &self.text));
        let (Some((last, entry)), Some((_, previous))) = (values.next(), values.next()) else {
            return;
        };
        if self.value(&entry.value) != self.value(&previous.value) {
            self.rename_at(last, &to.into());
        }
    }

    /// Keeps the last value of every key, and drops the earlier ones.
    pub fn settle(&mut self) {
        /// Up to this many attributes, comparing them is faster than building a table.
        const FEW: usize = 64;

        if self.entries.len() > FEW {
            let mut later = HashSet::with_capacity(self.entries.len());
            for entry in self.entries.iter_mut().rev() {
                if !matches!(entry.value, Slot::Vacant) && !later.insert(entry.key.name(&self.text))
                {
                    entry.value = Slot::Vacant;
                }
            }
            return;
        }
        let mut hash_bits = 0;
        for last in 0..self.entries.len() {
            let (previous, rest) = self.entries.split_at_mut(last);
            let entry = &rest[0];
            if matches!(entry.value, Slot::Vacant) {
                continue;
            }
            if hash_bits & entry.hash.bit() != 0 {
                let key = entry.key.name(&self.text);
                let duplicates = previous
                    .iter_mut()
                    .filter(|duplicate| duplicate.is(entry.hash, key, &self.text));
                duplicates.for_each(|duplicate| duplicate.value = Slot::Vacant);
            }
            hash_bits |= entry.hash.bit();
        }
    }

    /// Keeps the attributes for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, Value<'_>) -> bool) {
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            let should_drop = match self.value(&entry.value) {
                Some(value) => !keep(entry.key.name(&self.text), value),
                None => false,
            };
            if should_drop {
                self.entries[index].value = Slot::Vacant;
            }
        }
    }

    /// Passes every text with its key to `replace`, those in lists as well, and replaces it by what that returns, if anything.
    ///
    /// Messages and tool arguments are JSON: what replaces a part of them has to leave them valid. A span's
    /// [name](crate::SentrySpan::name) is not among its attributes.
    ///
    /// ```
    /// use sentry_genai_conventions::Attributes;
    ///
    /// let mut attributes = Attributes::default();
    /// attributes.push("gen_ai.tool.call.result", "Call +43 1 234567.");
    /// attributes.replace_texts(|_key, text| {
    ///     let hidden = text.replace("+43 1 234567", "[phone]");
    ///     (hidden != text).then_some(hidden)
    /// });
    /// assert_eq!(attributes.text("gen_ai.tool.call.result"), Some("Call [phone]."));
    /// ```
    pub fn replace_texts(&mut self, mut replace: impl FnMut(&str, &str) -> Option<String>) {
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            let key = entry.key.name(&self.text);
            match entry.value {
                Slot::Text(range) => {
                    let Some(text) = replace(key, range.of(&self.text)) else {
                        continue;
                    };
                    let value = self.write(&text).map_or(Slot::Vacant, Slot::Text);
                    let entry = &mut self.entries[index];
                    entry.value = value;
                    entry.plain = Plain::UNKNOWN;
                }
                Slot::Array(array) => {
                    for scalar in self.arrays.get_mut(array).into_iter().flatten() {
                        if let Scalar::Str(text) = scalar
                            && let Some(new) = replace(key, text)
                        {
                            *text = new;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Iterates over keys and values, in the order in which they were recorded.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        Iter(Encodables {
            attributes: self,
            entries: self.entries.iter(),
        })
    }

    /// Returns how many values have been recorded, including those that were replaced or removed.
    #[must_use]
    #[inline]
    pub fn records(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of attributes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there is no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns the approximate total length of all texts in bytes. It may include texts that were removed.
    #[must_use]
    #[inline]
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Estimates how many bytes the attributes take as Sentry's JSON. Texts that were removed do not count.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        /// The size of an attribute without its text.
        const ATTRIBUTE: usize = 64;
        /// Of so much text it does not matter what was removed.
        const FEW_BYTES: usize = 1024;

        let mut text_bytes = self.text.len();
        if text_bytes > FEW_BYTES {
            let texts = self.entries.iter().map(|entry| match &entry.value {
                Slot::Text(range) => (range.end - range.start) as usize,
                _ => 0,
            });
            text_bytes = texts.sum();
        }
        // In JSON inside of JSON, every quotation mark and backslash takes two bytes.
        self.entries.len() * ATTRIBUTE + text_bytes + text_bytes / 8
    }

    /// Returns how many bytes this store occupies in memory, for accounting.
    #[must_use]
    #[inline]
    pub fn footprint(&self) -> usize {
        let bytes = self.text.capacity() + self.entries.capacity() * size_of::<Entry>();
        if self.arrays.is_empty() {
            return bytes;
        }
        let arrays = self.arrays.iter().flatten();
        let arrays = arrays.map(|scalar| size_of::<Scalar>() + scalar.text_bytes());
        bytes + arrays.sum::<usize>()
    }

    /// Iterates over the values from entry number `start` on whose hash bit is in the set `hashes`. Yields the hash,
    /// the key and the value.
    pub(crate) fn values_among(
        &self,
        hashes: u64,
        start: usize,
    ) -> impl Iterator<Item = (Hash, &str, Value<'_>)> {
        let entries = self.entries.get(start..).unwrap_or_default();
        (entries.iter())
            .filter(move |entry| hashes & entry.hash.bit() != 0)
            .filter_map(|entry| {
                let value = self.value(&entry.value)?;
                Some((entry.hash, entry.key.name(&self.text), value))
            })
    }

    #[inline]
    fn position(&self, hash: Hash, key: &str) -> Option<usize> {
        if self.hash_bits & hash.bit() == 0 {
            return None;
        }
        self.search(hash, key)
    }

    fn search(&self, hash: Hash, key: &str) -> Option<usize> {
        self.entries
            .iter()
            .rposition(|entry| entry.is(hash, key, &self.text))
    }

    #[inline]
    fn get_hashed(&self, hash: Hash, key: &str) -> Option<Value<'_>> {
        let entry = self.position(hash, key)?;
        self.value(&self.entries[entry].value)
    }

    #[inline]
    fn value(&self, slot: &Slot) -> Option<Value<'_>> {
        slot.value(&self.text, &self.arrays)
    }
}

/// Iterates over keys and values.
///
/// Adapters of the standard library would do, but all of them would be compiled again for each of many callers.
struct Iter<'a>(Encodables<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Encodable { key, value, .. } = self.0.next()?;
        Some((key, value))
    }
}

/// Shows only keys and types, because values may be content.
impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.iter().map(|(key, value)| (key, value.kind()));
        f.debug_map().entries(types).finish()
    }
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    hash: Hash,
    /// The registry's row for the key, once it has been looked up.
    row: Row,
    plain: Plain,
    value: Slot,
}

impl Entry {
    #[inline]
    fn is(&self, hash: Hash, key: &str, text: &str) -> bool {
        self.hash == hash && !matches!(self.value, Slot::Vacant) && self.key.name(text) == key
    }

    #[inline]
    fn set_key(&mut self, key: Key, hash: Hash) {
        self.key = key;
        self.hash = hash;
        self.row = Row::UNKNOWN;
        self.plain = Plain::UNKNOWN;
    }
}

#[derive(Clone, Copy)]
enum Key {
    Static(&'static str),
    Text(Range),
}

impl Key {
    #[inline]
    fn name<'a>(&self, text: &'a str) -> &'a str {
        match self {
            Self::Static(name) => name,
            Self::Text(range) => range.of(text),
        }
    }
}

#[derive(Clone, Copy)]
enum Slot {
    Vacant,
    Bool(bool),
    Integer(i64),
    Double(f64),
    Text(Range),
    /// An index into `arrays`.
    Array(usize),
}

impl Slot {
    #[inline]
    fn value<'a>(&self, text: &'a str, arrays: &'a [Vec<Scalar>]) -> Option<Value<'a>> {
        Some(match self {
            Self::Vacant => return None,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::Integer(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Text(range) => Value::Str(range.of(text)),
            Self::Array(index) => Value::Array(arrays.get(*index)?),
        })
    }
}

/// A range of the text buffer.
#[derive(Clone, Copy)]
struct Range {
    start: u32,
    end: u32,
}

impl Range {
    #[inline]
    fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    fn shift(&mut self, offset: u32) {
        self.start += offset;
        self.end += offset;
    }
}
