//! Adding values to the store.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
};

use super::{
    AttributeKey, Attributes, Entry, Hash, Input, Key, Range, Slot, encodable::Plain,
    name::prefix_bit,
};
use crate::{TextRoom, excerpt, messages::write_excerpt, tables::Row};

impl Attributes {
    /// Appends a value under a key that lives for the whole program, such as a tracing field name.
    ///
    /// A floating point number that is not finite is dropped. An integer that does not fit into an `i64` is stored as
    /// decimal text.
    pub fn push<'v>(&mut self, key: &'static str, value: impl Into<Input<'v>>) {
        self.push_input(
            Key::Static(key),
            Hash::of(key),
            prefix_bit(key),
            value.into(),
        );
    }

    /// Appends a value under a key that is copied into the buffer.
    pub fn push_owned_key<'v>(&mut self, key: &str, value: impl Into<Input<'v>>) {
        if let Some(range) = self.write(key) {
            self.push_input(
                Key::Text(range),
                Hash::of(key),
                prefix_bit(key),
                value.into(),
            );
        }
    }

    /// Like [`push`](Self::push), for a key whose properties have been derived in advance.
    #[inline]
    pub fn push_known<'v>(&mut self, key: &AttributeKey, value: impl Into<Input<'v>>) {
        self.push_input(
            Key::Static(key.name),
            key.hash,
            key.prefix_bit,
            value.into(),
        );
    }

    /// Appends as much of a text as there is room for.
    #[inline]
    pub fn push_known_text(&mut self, key: &AttributeKey, text: &str, room: TextRoom) {
        let text = room.kept(text, || key.flags().has_input());
        let start = self.write_up_to(text, room.bytes());
        self.push_written(key, start);
    }

    /// Appends as much of the `Display` output of `value` as there is room for.
    ///
    /// The output is written directly to the buffer. It stops after sixteen times the room, of which an [excerpt] remains.
    pub fn push_known_display(
        &mut self,
        key: &AttributeKey,
        value: impl fmt::Display,
        room: TextRoom,
    ) {
        let start = self.display_up_to(value, room.display_bytes(key), room.bytes());
        self.push_written(key, start);
    }

    /// Appends everything in another store.
    pub fn append(&mut self, other: &Self) {
        let Some(appended) = self.write(&other.text) else {
            return;
        };
        let first_array = self.arrays.len();
        self.arrays.extend_from_slice(&other.arrays);
        self.hash_bits |= other.hash_bits;
        self.prefix_bits |= other.prefix_bits;
        self.entries
            .extend(other.entries.iter().copied().map(|mut entry| {
                if let Key::Text(range) = &mut entry.key {
                    range.shift(appended.start);
                }
                match &mut entry.value {
                    Slot::Text(range) => range.shift(appended.start),
                    Slot::Array(index) => *index += first_array,
                    _ => {}
                }
                entry
            }));
    }

    /// Drops the values that have been replaced at least twice, and their texts.
    ///
    /// The one before the last stays: some libraries record two attributes under the same key.
    pub fn drop_replaced(&mut self) {
        let mut later = HashMap::new();
        let mut kept: Vec<_> = (self.entries.iter().rev())
            .filter(|entry| {
                let values = later.entry(entry.key.name(&self.text)).or_insert(0_u8);
                *values = values.saturating_add(1);
                *values <= 2
            })
            .collect();
        if kept.len() == self.entries.len() {
            return;
        }
        kept.reverse();
        let mut rest = Self::with_capacity(kept.len(), 0);
        for entry in kept {
            let name = entry.key.name(&self.text);
            let key = match entry.key {
                Key::Static(_) => Some(entry.key),
                Key::Text(_) => rest.write(name).map(Key::Text),
            };
            if let (Some(key), Some(value)) = (key, self.value(&entry.value)) {
                rest.push_input(key, entry.hash, prefix_bit(name), value.into());
            }
        }
        *self = rest;
    }

    fn push_input(&mut self, key: Key, hash: Hash, prefix_bit: u64, value: Input<'_>) {
        let value = match value {
            Input::Bool(value) => Slot::Bool(value),
            Input::Integer(value) => Slot::Integer(value),
            Input::Wide(value) => match i64::try_from(value) {
                Ok(value) => Slot::Integer(value),
                Err(_) => match self.write(&value.to_string()) {
                    Some(range) => Slot::Text(range),
                    None => return,
                },
            },
            Input::Double(value) if value.is_finite() => Slot::Double(value),
            Input::Double(_) => return,
            Input::Str(value) => match self.write(&value) {
                Some(range) => Slot::Text(range),
                None => return,
            },
            Input::Array(value) => {
                self.arrays.push(value);
                Slot::Array(self.arrays.len() - 1)
            }
        };
        self.push_slot(key, hash, prefix_bit, value);
    }

    /// Appends the text that was written from `start` on.
    #[inline]
    fn push_written(&mut self, key: &AttributeKey, start: usize) {
        if let Some(range) = self.written_since(start) {
            let name = Key::Static(key.name);
            self.push_slot(name, key.hash, key.prefix_bit, Slot::Text(range));
        }
    }

    #[inline]
    pub(super) fn push_slot(&mut self, key: Key, hash: Hash, prefix_bit: u64, value: Slot) {
        self.hash_bits |= hash.bit();
        self.prefix_bits |= prefix_bit;
        self.entries.push(Entry {
            key,
            hash,
            row: Row::UNKNOWN,
            plain: Plain::UNKNOWN,
            value,
        });
    }

    /// Makes room in the buffer. A large buffer does not double, because what follows a long prompt is mostly short.
    #[inline]
    fn reserve_text(&mut self, bytes: usize) {
        if bytes > self.text.capacity() - self.text.len() {
            self.grow_text(bytes);
        }
    }

    #[cold]
    fn grow_text(&mut self, bytes: usize) {
        const LARGE: usize = 16 * 1024;
        const SPARE: usize = 1024;

        let length = self.text.len() + bytes;
        if length > LARGE {
            self.text.reserve_exact(bytes + SPARE.max(length / 16));
        } else if bytes > SPARE {
            // An input is usually followed by an output.
            self.text.reserve(2 * bytes);
        } else {
            self.text.reserve(bytes);
        }
    }

    /// Appends to the buffer, unless it would exceed four gigabytes.
    pub(super) fn write(&mut self, text: &str) -> Option<Range> {
        let start = self.text.len();
        if start + text.len() > u32::MAX as usize {
            return None;
        }
        self.reserve_text(text.len());
        self.text.push_str(text);
        self.written_since(start)
    }

    /// Writes a text, or an excerpt of at most `max_bytes`. Returns its start.
    #[inline]
    pub(super) fn write_up_to(&mut self, text: &str, max_bytes: usize) -> usize {
        let start = self.text.len();
        self.reserve_text(text.len().min(max_bytes));
        if text.len() <= max_bytes {
            self.text.push_str(text);
        } else {
            write_excerpt(&mut self.text, text, max_bytes);
        }
        start
    }

    /// Writes at most `written_bytes` of the output, of which an excerpt of at most `max_bytes` remains. Returns its start.
    fn display_up_to(
        &mut self,
        value: impl fmt::Display,
        written_bytes: usize,
        max_bytes: usize,
    ) -> usize {
        let start = self.text.len();
        let mut text = Limited {
            text: &mut self.text,
            remaining: written_bytes,
        };
        // After an error, such as a full buffer, the output so far stays.
        let _ = write!(text, "{value}");
        if self.text.len() - start > max_bytes {
            let excerpt = excerpt(&self.text[start..], max_bytes).into_owned();
            self.text.truncate(start);
            self.text.push_str(&excerpt);
            self.text.shrink_to(self.text.len() * 2);
        }
        start
    }

    #[inline]
    pub(super) fn written_since(&self, start: usize) -> Option<Range> {
        let end = u32::try_from(self.text.len()).ok()?;
        // The start does not exceed the end, which fits into a `u32`.
        let start = start as u32;
        Some(Range { start, end })
    }
}

/// A buffer that accepts at most `remaining` more bytes.
struct Limited<'a> {
    text: &'a mut String,
    remaining: usize,
}

impl fmt::Write for Limited<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let accepted = if piece.len() <= self.remaining {
            piece
        } else {
            let boundary = (0..=self.remaining)
                .rev()
                .find(|&at| piece.is_char_boundary(at));
            &piece[..boundary.unwrap_or(0)]
        };
        self.text.push_str(accepted);
        self.remaining -= accepted.len();
        if accepted.len() == piece.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}
