//! The attribute store that a span carries from the door to the wire.

mod owned;
mod value;

use std::{
    collections::HashSet,
    fmt::{self, Write as _},
};

pub(crate) use owned::Owned;
pub use value::{Input, Scalar, Value};

use crate::excerpt;

/// Attributes of one span: an append-only list of typed values whose texts share one buffer.
///
/// A door appends what it sees, in order and without looking anything up; a key may occur more than once and the
/// [last one wins](Self::settle). The translation then edits the same store in place, so a value that needs no change
/// is copied once, from the caller's memory into the buffer.
///
/// Look-ups are linear: a span has some ten to thirty attributes.
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
}

impl Attributes {
    /// Creates an empty store with room for so many attributes and so many bytes of text.
    #[must_use]
    pub fn with_capacity(attributes: usize, text_bytes: usize) -> Self {
        Self {
            entries: Vec::with_capacity(attributes),
            text: String::with_capacity(text_bytes),
        }
    }

    /// Appends a value under a key that lives for the whole program, as a tracing field name does.
    ///
    /// A number that is not finite is dropped; an unsigned number above `i64::MAX` is kept as its decimal text.
    pub fn push<'v>(&mut self, key: &'static str, value: impl Into<Input<'v>>) {
        self.add(Key::Static(key), value.into());
    }

    /// Appends a value under a key that is copied into the buffer.
    pub fn push_owned_key<'v>(&mut self, key: &str, value: impl Into<Input<'v>>) {
        let key = Key::Text(self.write(key));
        self.add(key, value.into());
    }

    /// Appends the text that `value` displays as, or an [excerpt](crate::excerpt) of it if it is longer than `room` bytes.
    ///
    /// It is written into the buffer itself, and no further than sixteen times `room`.
    pub fn push_display(&mut self, key: &'static str, value: impl fmt::Display, room: usize) {
        let start = self.text.len();
        let mut text = Limited {
            text: &mut self.text,
            room: room.saturating_mul(16),
        };
        // What reports an error, as a full buffer does, leaves what it wrote so far.
        let _ = write!(text, "{value}");
        if self.text.len() - start > room {
            let excerpt = excerpt(&self.text[start..], room).into_owned();
            self.text.truncate(start);
            self.text.push_str(&excerpt);
            self.text.shrink_to(self.text.len() * 2);
        }
        let value = Slot::Text(Range {
            start,
            end: self.text.len(),
        });
        self.entries.push(Entry {
            key: Key::Static(key),
            value,
        });
    }

    /// Appends everything another store holds.
    pub fn append(&mut self, later: Self) {
        if later.entries.is_empty() {
            return;
        }
        if self.entries.is_empty() {
            *self = later;
            return;
        }
        let offset = self.text.len();
        self.text.push_str(&later.text);
        self.entries
            .extend(later.entries.into_iter().map(|mut entry| {
                if let Key::Text(range) = &mut entry.key {
                    range.shift(offset);
                }
                if let Slot::Text(range) = &mut entry.value {
                    range.shift(offset);
                }
                entry
            }));
    }

    /// Returns the value last recorded under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        let entry = self.position(key)?;
        self.value(&self.entries[entry].value)
    }

    /// Returns the text last recorded under `key`, unless it is empty or another type.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Returns the whole number last recorded under `key`.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// Returns whether `key` holds a value.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Replaces whatever `key` held by one value.
    pub fn set<'v>(&mut self, key: &'static str, value: impl Into<Input<'v>>) {
        self.remove(key);
        self.push(key, value);
    }

    /// Removes every value of `key` and returns whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        let mut found = false;
        for entry in &mut self.entries {
            if !matches!(entry.value, Slot::Vacant) && entry.key.name(&self.text) == key {
                entry.value = Slot::Vacant;
                found = true;
            }
        }
        found
    }

    /// Moves the value of `from` to `to`, unless `to` already holds one, in which case it is dropped.
    pub fn rename(&mut self, from: &str, to: &'static str) {
        let taken = self.contains(to);
        for entry in &mut self.entries {
            if !matches!(entry.value, Slot::Vacant) && entry.key.name(&self.text) == from {
                if taken {
                    entry.value = Slot::Vacant;
                } else {
                    entry.key = Key::Static(to);
                }
            }
        }
    }

    /// Keeps the last value of every key and drops the ones before it.
    pub fn settle(&mut self) {
        /// Up to so many attributes, comparing them all is faster than hashing them.
        const FEW: usize = 48;

        if self.entries.len() > FEW {
            let mut seen = HashSet::with_capacity(self.entries.len());
            for entry in self.entries.iter_mut().rev() {
                if !matches!(entry.value, Slot::Vacant) && !seen.insert(entry.key.name(&self.text))
                {
                    entry.value = Slot::Vacant;
                }
            }
            return;
        }
        for last in (1..self.entries.len()).rev() {
            let (before, rest) = self.entries.split_at_mut(last);
            if matches!(rest[0].value, Slot::Vacant) {
                continue;
            }
            let key = rest[0].key.name(&self.text);
            for entry in before {
                if entry.key.name(&self.text) == key {
                    entry.value = Slot::Vacant;
                }
            }
        }
    }

    /// Keeps the attributes for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, Value<'_>) -> bool) {
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            let drop = match self.value(&entry.value) {
                Some(value) => !keep(entry.key.name(&self.text), value),
                None => false,
            };
            if drop {
                self.entries[index].value = Slot::Vacant;
            }
        }
    }

    /// Iterates over keys and values in the order they were recorded.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.entries.iter().filter_map(|entry| {
            let value = self.value(&entry.value)?;
            Some((entry.key.name(&self.text), value))
        })
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

    /// Returns the bytes this store occupies in memory, for accounting.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let arrays = self.entries.iter().map(|entry| match &entry.value {
            Slot::Array(scalars) => scalars
                .iter()
                .map(|scalar| size_of::<Scalar>() + scalar.text_bytes())
                .sum(),
            _ => 0,
        });
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>() + arrays.sum::<usize>()
    }

    fn add(&mut self, key: Key, value: Input<'_>) {
        let value = match value {
            Input::Bool(value) => Slot::Bool(value),
            Input::Integer(value) => Slot::Integer(value),
            Input::Wide(value) => match i64::try_from(value) {
                Ok(value) => Slot::Integer(value),
                Err(_) => Slot::Text(self.write_display(value)),
            },
            Input::Double(value) if value.is_finite() => Slot::Double(value),
            Input::Double(_) => return,
            Input::Str(value) => Slot::Text(self.write(&value)),
            Input::Array(value) => Slot::Array(value.into_boxed_slice()),
        };
        self.entries.push(Entry { key, value });
    }

    fn write(&mut self, text: &str) -> Range {
        let start = self.text.len();
        self.text.push_str(text);
        Range {
            start,
            end: self.text.len(),
        }
    }

    fn write_display(&mut self, value: impl fmt::Display) -> Range {
        let start = self.text.len();
        let _ = write!(self.text, "{value}");
        Range {
            start,
            end: self.text.len(),
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().rposition(|entry| {
            !matches!(entry.value, Slot::Vacant) && entry.key.name(&self.text) == key
        })
    }

    fn value<'a>(&'a self, slot: &'a Slot) -> Option<Value<'a>> {
        Some(match slot {
            Slot::Vacant => return None,
            Slot::Bool(value) => Value::Bool(*value),
            Slot::Integer(value) => Value::Integer(*value),
            Slot::Double(value) => Value::Double(*value),
            Slot::Text(range) => Value::Str(&self.text[range.start..range.end]),
            Slot::Array(values) => Value::Array(values),
        })
    }
}

/// A buffer that takes so many bytes and no more.
struct Limited<'a> {
    text: &'a mut String,
    room: usize,
}

impl fmt::Write for Limited<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let fits = if piece.len() <= self.room {
            piece
        } else {
            let boundary = (0..=self.room).rev().find(|&at| piece.is_char_boundary(at));
            &piece[..boundary.unwrap_or(0)]
        };
        self.text.push_str(fits);
        self.room -= fits.len();
        if fits.len() == piece.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// Keys and types only: values may be content.
impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.iter().map(|(key, value)| (key, value.kind()));
        f.debug_map().entries(kinds).finish()
    }
}

#[derive(Clone)]
struct Entry {
    key: Key,
    value: Slot,
}

#[derive(Clone, Copy)]
enum Key {
    Static(&'static str),
    Text(Range),
}

impl Key {
    fn name<'a>(&self, text: &'a str) -> &'a str {
        match self {
            Self::Static(name) => name,
            Self::Text(range) => &text[range.start..range.end],
        }
    }
}

#[derive(Clone)]
enum Slot {
    Vacant,
    Bool(bool),
    Integer(i64),
    Double(f64),
    Text(Range),
    Array(Box<[Scalar]>),
}

#[derive(Clone, Copy)]
struct Range {
    start: usize,
    end: usize,
}

impl Range {
    fn shift(&mut self, offset: usize) {
        self.start += offset;
        self.end += offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_record_wins_and_first_ones_go() {
        let mut attributes = Attributes::default();
        attributes.push("a", 1_i64);
        attributes.push("b", "x");
        attributes.push_owned_key("a", "two");
        assert_eq!(attributes.get("a"), Some(Value::Str("two")));
        attributes.settle();
        let kept: Vec<_> = attributes.iter().collect();
        assert_eq!(kept, [("b", Value::Str("x")), ("a", Value::Str("two"))]);
    }

    #[test]
    fn append_keeps_what_both_say() {
        let mut attributes = Attributes::default();
        attributes.push("a", "first");
        let mut later = Attributes::default();
        later.push_owned_key("b", "second");
        later.push("a", "third");
        later.push("c", 3_i64);
        attributes.append(later);
        let expected = [
            ("a", Value::Str("first")),
            ("b", Value::Str("second")),
            ("a", Value::Str("third")),
            ("c", Value::Integer(3)),
        ];
        assert_eq!(attributes.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rename_never_overwrites() {
        let mut attributes = Attributes::default();
        attributes.push("old", "from old");
        attributes.push("new", "from new");
        attributes.rename("old", "new");
        assert_eq!(attributes.get("new"), Some(Value::Str("from new")));
        assert!(!attributes.contains("old"));
    }

    #[test]
    fn numbers_that_the_wire_cannot_carry() {
        let mut attributes = Attributes::default();
        attributes.push("nan", f64::NAN);
        attributes.push("big", u64::MAX);
        attributes.push("fits", i64::MAX as u64);
        assert_eq!(attributes.get("nan"), None);
        assert_eq!(
            attributes.get("big"),
            Some(Value::Str("18446744073709551615"))
        );
        assert_eq!(attributes.get("fits"), Some(Value::Integer(i64::MAX)));
    }

    #[test]
    fn displayed_values_end_somewhere() {
        let mut attributes = Attributes::default();
        attributes.push_display("list", format_args!("{:?}", vec!["é"; 1_000_000]), 8);
        attributes.push_display("fits", 42, 8);
        let expected = "[\"\n… [120 bytes cut] …\né\", \"";
        assert_eq!(attributes.get("list"), Some(Value::Str(expected)));
        assert_eq!(attributes.get("fits"), Some(Value::Str("42")));
    }

    #[test]
    fn debug_shows_no_content() {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.prompt", "a secret");
        assert_eq!(format!("{attributes:?}"), r#"{"gen_ai.prompt": "string"}"#);
    }
}
