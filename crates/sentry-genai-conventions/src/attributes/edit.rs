//! Operations for the translation: lookups by precomputed key, the registry, and texts edited in place.

use std::collections::HashSet;

use super::{
    Attributes, Hash, Input, Key, Name, Range, Slot, Value, encodable::Plain, name::prefix_bit,
};
use crate::tables::{Attribute, Row};

/// A piece of a text that is being assembled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Literal(&'static str),
    Owned(String),
    /// A range of the source text.
    Source(std::ops::Range<usize>),
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::Owned(text) => text.len(),
            Self::Source(range) => range.len(),
        }
    }
}

impl Attributes {
    /// Like [`get`](Self::get), with a precomputed hash.
    #[inline]
    pub(crate) fn get_by_name(&self, name: &Name) -> Option<Value<'_>> {
        self.get_hashed(name.hash, name.text)
    }

    /// Like [`text`](Self::text), with a precomputed hash.
    #[inline]
    pub(crate) fn text_by_name(&self, name: &Name) -> Option<&str> {
        match self.get_by_name(name)? {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Like [`rename`](Self::rename), with a precomputed hash.
    #[inline]
    pub(crate) fn rename_by_name(&mut self, from: &Name, to: &'static str) {
        if self.hash_bits & from.hash.bit() != 0 {
            self.rename_hashed(from.hash, from.text, to);
        }
    }

    /// Appends a value, unless the key already holds one: what a span says itself takes precedence over what is
    /// inferred.
    pub(crate) fn supply<'v>(&mut self, key: &'static str, value: impl Into<Input<'v>>) {
        if !self.contains(key) {
            self.push(key, value);
        }
    }

    /// Like [`supply`](Self::supply), for many texts whose keys have the same prefix. The names must be distinct. Does
    /// not search the store for each of them.
    pub(crate) fn supply_texts(&mut self, prefix: &str, texts: Vec<(String, String)>) {
        let names = self
            .iter()
            .filter_map(|(key, _)| key.strip_prefix(prefix).map(str::to_owned));
        let existing: HashSet<_> = names.collect();
        for (name, text) in texts {
            if !existing.contains(&name) {
                self.push_owned_key(&format!("{prefix}{name}"), text);
            }
        }
    }

    /// Removes all attributes whose key begins with `prefix`, which must have at least three bytes.
    pub(crate) fn remove_prefix(&mut self, prefix: &str) {
        if self.may_begin_with(prefix) {
            self.retain(|key, _| !key.starts_with(prefix));
        }
    }

    /// Returns false if no key begins with `prefix`, which must have at least three bytes. If this returns true, some
    /// key may.
    #[inline]
    pub(crate) fn may_begin_with(&self, prefix: &str) -> bool {
        self.prefix_bits & prefix_bit(prefix) != 0
    }

    /// Appends a text that is assembled from pieces, some of them ranges of the text under `source`.
    pub(crate) fn push_pieces(
        &mut self,
        key: &'static str,
        source: &Name,
        pieces: impl Iterator<Item = Piece>,
    ) {
        if let Some((_, range)) = self.assemble(source, pieces) {
            let (hash, prefix_bit) = (Hash::of(key), prefix_bit(key));
            self.push_slot(Key::Static(key), hash, prefix_bit, Slot::Text(range));
        }
    }

    /// Replaces a text with one that is assembled from pieces, some of them ranges of the old one.
    pub(crate) fn replace_pieces(&mut self, name: &Name, pieces: Vec<Piece>) {
        self.text.reserve(pieces.iter().map(Piece::len).sum());
        if let Some((position, range)) = self.assemble(name, pieces.into_iter()) {
            let entry = &mut self.entries[position];
            entry.value = Slot::Text(range);
            entry.plain = Plain::UNKNOWN;
        }
    }

    /// Assembles the pieces. Returns the index of `source` and the range of the new text.
    fn assemble(
        &mut self,
        source: &Name,
        pieces: impl Iterator<Item = Piece>,
    ) -> Option<(usize, Range)> {
        let position = self.position(source.hash, source.text)?;
        let Slot::Text(range) = self.entries[position].value else {
            return None;
        };
        let offset = range.start as usize;
        let start = self.text.len();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => self.text.push_str(text),
                Piece::Owned(text) => self.text.push_str(&text),
                Piece::Source(range) => {
                    let range = range.start + offset..range.end + offset;
                    self.text.extend_from_within(range);
                }
            }
        }
        Some((position, self.written_since(start)?))
    }

    /// Adds a prefix to a key. If the resulting key exists already, the value is dropped.
    pub(crate) fn prefix_key(&mut self, key: &str, prefix: &str) {
        let hash = Hash::of(key);
        let Some(position) = self.position(hash, key) else {
            return;
        };
        let start = self.text.len();
        self.text.push_str(prefix);
        self.text.push_str(key);
        let range = self.written_since(start);
        let value = self.entries[position].value;
        // Remove all values if the key occurs more than once.
        self.remove_hashed(hash, key);
        let Some(range) = range else {
            return;
        };
        let new = range.of(&self.text);
        let (hash, prefix_bit) = (Hash::of(new), prefix_bit(new));
        if self.position(hash, new).is_some() {
            return;
        }
        let entry = &mut self.entries[position];
        entry.value = value;
        entry.set_key(Key::Text(range), hash);
        self.hash_bits |= hash.bit();
        self.prefix_bits |= prefix_bit;
    }

    /// Replaces everything before `start` in a text with `replacement`, without copying the rest. Returns false if
    /// `replacement` does not fit in the removed part, or would not begin at a character boundary.
    pub(crate) fn replace_front(&mut self, name: &Name, start: usize, replacement: &str) -> bool {
        let Some(position) = self.position(name.hash, name.text) else {
            return false;
        };
        self.entries[position].plain = Plain::UNKNOWN;
        let Slot::Text(range) = &mut self.entries[position].value else {
            return false;
        };
        let old_start = range.start as usize + start;
        let can_replace =
            start >= replacement.len() && self.text.is_char_boundary(old_start - replacement.len());
        if can_replace {
            let new_start = old_start - replacement.len();
            self.text.replace_range(new_start..old_start, replacement);
            range.start = new_start as u32;
        }
        can_replace
    }

    /// Looks up all keys in the registry.
    pub(crate) fn look_up(&mut self) {
        for entry in &mut self.entries {
            if entry.row == Row::UNKNOWN && !matches!(entry.value, Slot::Vacant) {
                entry.row = Row::of(entry.hash, entry.key.name(&self.text));
            }
        }
    }

    /// Returns the key and the text of entry number `index`, with the registry's row for the key. Returns `None` if the
    /// value is not a text.
    pub(crate) fn text_with_row_at(
        &mut self,
        index: usize,
    ) -> Option<(&str, &str, Option<&'static Attribute>)> {
        let entry = self.entries.get_mut(index)?;
        let Slot::Text(range) = entry.value else {
            return None;
        };
        let key = entry.key.name(&self.text);
        if entry.row == Row::UNKNOWN {
            entry.row = Row::of(entry.hash, key);
        }
        Some((key, range.of(&self.text), entry.row.attribute()))
    }

    /// Like [`iter`](Self::iter), with the registry's rows for the keys. Requires [`look_up`](Self::look_up).
    #[inline]
    pub(crate) fn iter_with_rows(
        &self,
    ) -> impl Iterator<Item = (&str, Value<'_>, Option<&'static Attribute>)> {
        self.entries.iter().filter_map(|entry| {
            let value = self.value(&entry.value)?;
            Some((entry.key.name(&self.text), value, entry.row.attribute()))
        })
    }

    /// A set of the hash bits of all keys that have ever been in the store.
    #[inline]
    pub(crate) fn hash_bits(&self) -> u64 {
        self.hash_bits
    }
}
