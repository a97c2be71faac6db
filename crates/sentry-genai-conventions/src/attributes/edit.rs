//! What only the translation does with attributes: tables of keys, the registry, texts changed where they stand.

use std::collections::HashSet;

use super::{
    Attributes, Hash, Input, Key, Name, Range, Slot, Value, encodable::Plain, name::head_bit,
};
use crate::tables::{Attribute, Row};

/// A piece of a text that is put together.
pub(crate) enum Piece {
    New(&'static str),
    Made(String),
    /// A place in another text.
    Of(std::ops::Range<usize>),
}

impl Attributes {
    /// Does what [`get`](Self::get) does for a key of a table.
    #[inline]
    pub(crate) fn get_name(&self, name: &Name) -> Option<Value<'_>> {
        self.get_hashed(name.hash, name.text)
    }

    /// Does what [`text`](Self::text) does for a key of a table.
    #[inline]
    pub(crate) fn text_name(&self, name: &Name) -> Option<&str> {
        match self.get_name(name)? {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Does what [`rename`](Self::rename) does for a key of a table.
    #[inline]
    pub(crate) fn rename_name(&mut self, from: &Name, to: &'static str) {
        if self.seen & from.hash.bit() != 0 {
            self.rename_hashed(from.hash, from.text, to);
        }
    }

    /// Appends a value, unless the key holds one already: what a span says itself is better than what is concluded.
    pub(crate) fn supply<'v>(&mut self, key: &'static str, value: impl Into<Input<'v>>) {
        if !self.contains(key) {
            self.push(key, value);
        }
    }

    /// Does so with many texts whose keys begin alike, and searches the store for none of them. Their names are different.
    pub(crate) fn supply_texts(&mut self, prefix: &str, texts: Vec<(String, String)>) {
        let names = self
            .iter()
            .filter_map(|(key, _)| key.strip_prefix(prefix).map(str::to_owned));
        let taken: HashSet<_> = names.collect();
        for (name, text) in texts {
            if !taken.contains(&name) {
                self.push_owned_key(&format!("{prefix}{name}"), text);
            }
        }
    }

    /// Returns false if no key begins with `prefix`, of three bytes at least. Some key may if this returns true.
    #[inline]
    pub(crate) fn may_begin_with(&self, prefix: &str) -> bool {
        self.heads & head_bit(prefix) != 0
    }

    /// Appends a text that is put together from pieces, some of them out of the text under `source`.
    pub(crate) fn push_pieces(
        &mut self,
        key: &'static str,
        source: &Name,
        pieces: impl Iterator<Item = Piece>,
    ) {
        if let Some((_, range)) = self.put_together(source, pieces) {
            let (hash, head) = (Hash::of(key), head_bit(key));
            self.push_slot(Key::Static(key), hash, head, Slot::Text(range));
        }
    }

    /// Puts a text together anew from pieces, some of them its own.
    pub(crate) fn replace_pieces(&mut self, name: &Name, pieces: impl Iterator<Item = Piece>) {
        if let Some((position, range)) = self.put_together(name, pieces) {
            let entry = &mut self.entries[position];
            entry.value = Slot::Text(range);
            entry.plain = Plain::UNKNOWN;
        }
    }

    /// Returns the index of `source` and where the text is that its pieces have become.
    fn put_together(
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
                Piece::New(text) => self.text.push_str(text),
                Piece::Made(text) => self.text.push_str(&text),
                Piece::Of(place) => {
                    let place = place.start + offset..place.end + offset;
                    self.text.extend_from_within(place);
                }
            }
        }
        Some((position, self.written_since(start)?))
    }

    /// Puts a word in front of a key, unless the key that this makes is there already: then its value goes.
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
        // A key that occurs more than once must not stay in part.
        self.remove_hashed(hash, key);
        let Some(range) = range else {
            return;
        };
        let new = range.of(&self.text);
        let (hash, head) = (Hash::of(new), head_bit(new));
        if self.position(hash, new).is_some() {
            return;
        }
        let entry = &mut self.entries[position];
        entry.value = value;
        entry.key = Key::Text(range);
        entry.hash = hash;
        entry.row = Row::UNKNOWN;
        entry.plain = Plain::UNKNOWN;
        self.seen |= hash.bit();
        self.heads |= head;
    }

    /// Takes `front` in the place of all that stands before `start` in a text, without a copy; false if there is no room for it
    /// between two characters.
    pub(crate) fn cut_front(&mut self, name: &Name, start: usize, front: &str) -> bool {
        let Some(position) = self.position(name.hash, name.text) else {
            return false;
        };
        self.entries[position].plain = Plain::UNKNOWN;
        let Slot::Text(range) = &mut self.entries[position].value else {
            return false;
        };
        let end = range.start as usize + start;
        let fits = start >= front.len() && self.text.is_char_boundary(end - front.len());
        if fits {
            let begin = end - front.len();
            self.text.replace_range(begin..end, front);
            range.start = begin as u32;
        }
        fits
    }

    /// Looks up all keys in the registry.
    pub(crate) fn look_up(&mut self) {
        for entry in &mut self.entries {
            if entry.row == Row::UNKNOWN && !matches!(entry.value, Slot::Vacant) {
                entry.row = Row::of(entry.hash, entry.key.name(&self.text));
            }
        }
    }

    /// Returns the key and the text that were recorded as number `index`, if it is one, and what the registry knows of the key.
    pub(crate) fn known_text_at(
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

    /// Does what [`iter`](Self::iter) does, with what the registry knows of a key after [`look_up`](Self::look_up).
    #[inline]
    pub(crate) fn known(
        &self,
    ) -> impl Iterator<Item = (&str, Value<'_>, Option<&'static Attribute>)> {
        self.entries.iter().filter_map(|entry| {
            let value = self.value(&entry.value)?;
            Some((entry.key.name(&self.text), value, entry.row.attribute()))
        })
    }

    /// The hashes of all keys there have been, as a set of 64.
    #[inline]
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }
}
