//! The shape of a span's attributes: their keys and types, whatever their values are.

use std::borrow::Cow;

use super::{Attributes, Entry, Hash, Key, Name, Slot, Value, encodable::Plain, name::prefix_bit};

/// The keys and types of attributes, in their order.
#[derive(Debug)]
pub(crate) struct Shape(Vec<Field>);

#[derive(Debug)]
struct Field {
    key: Cow<'static, str>,
    hash: Hash,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Vacant,
    Bool,
    Integer,
    Double,
    Text,
    Array,
}

impl Kind {
    #[inline]
    fn of(slot: &Slot) -> Self {
        match slot {
            Slot::Vacant => Self::Vacant,
            Slot::Bool(_) => Self::Bool,
            Slot::Integer(_) => Self::Integer,
            Slot::Double(_) => Self::Double,
            Slot::Text(_) => Self::Text,
            Slot::Array(_) => Self::Array,
        }
    }
}

impl Field {
    #[inline]
    fn matches(&self, entry: &Entry, text: &str) -> bool {
        let key = entry.key.name(text);
        // Usually both are the same literal.
        self.hash == entry.hash
            && self.kind == Kind::of(&entry.value)
            && self.key.len() == key.len()
            && (std::ptr::eq(self.key.as_ptr(), key.as_ptr()) || self.key == key)
    }
}

/// An edit to the key of an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyEdit {
    /// The attribute is removed.
    Remove,
    /// The attribute gets another key.
    Rename(Cow<'static, str>),
}

/// The result of checking a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fails,
    Passes,
    /// It passes, and is a text that needs no escaping.
    PassesPlain,
}

impl Attributes {
    /// Returns a hash of the keys and types, and of the text under `discriminator`.
    pub(crate) fn shape_hash(&self, discriminator: &Name) -> u64 {
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

        let mut mixed = self.entries.len() as u64;
        for entry in &self.entries {
            let field = u64::from(entry.hash.bits()) << 8 | Kind::of(&entry.value) as u64;
            mixed = (mixed.rotate_left(7) ^ field).wrapping_mul(MULTIPLIER);
        }
        if let Some(text) = self.text_by_name(discriminator) {
            mixed = (mixed ^ u64::from(Hash::of(text).bits())).wrapping_mul(MULTIPLIER);
        }
        mixed ^ mixed >> 32
    }

    /// Returns the shape, which can be [compared](Self::has_shape) with that of other attributes.
    pub(crate) fn shape(&self) -> Shape {
        let fields = self.entries.iter().map(|entry| Field {
            key: self.to_owned_key(&entry.key),
            hash: entry.hash,
            kind: Kind::of(&entry.value),
        });
        Shape(fields.collect())
    }

    /// Returns whether the attributes have the keys and types of a shape, in the same order.
    pub(crate) fn has_shape(&self, Shape(fields): &Shape) -> bool {
        fields.len() == self.entries.len()
            && (fields.iter().zip(&self.entries))
                .all(|(field, entry)| field.matches(entry, &self.text))
    }

    /// Returns the edits to keys that turn `self` into `edited`, an edited copy of `self`. Returns `None` if more than
    /// keys has changed.
    pub(crate) fn edits_to(&self, edited: &Self) -> Option<Vec<(usize, KeyEdit)>> {
        if self.entries.len() != edited.entries.len() {
            return None;
        }
        let mut edits = Vec::new();
        let pairs = self.entries.iter().zip(&edited.entries).enumerate();
        for (index, (before, after)) in pairs {
            let value = self.value(&before.value);
            if let Slot::Vacant = after.value {
                if value.is_some() {
                    edits.push((index, KeyEdit::Remove));
                }
                continue;
            }
            if value != edited.value(&after.value) {
                return None;
            }
            if before.key.name(&self.text) != after.key.name(&edited.text) {
                edits.push((index, KeyEdit::Rename(edited.to_owned_key(&after.key))));
            }
        }
        Some(edits)
    }

    /// Iterates over all entries. An entry that was removed is `None`.
    #[inline]
    pub(crate) fn slots(&self) -> impl Iterator<Item = Option<(&str, Value<'_>)>> {
        self.entries.iter().map(|entry| {
            let value = self.value(&entry.value)?;
            Some((entry.key.name(&self.text), value))
        })
    }

    /// Returns the key and the value of entry number `index`, unless it was removed.
    #[inline]
    pub(crate) fn slot(&self, index: usize) -> Option<(&str, Value<'_>)> {
        let entry = self.entries.get(index)?;
        let value = self.value(&entry.value)?;
        Some((entry.key.name(&self.text), value))
    }

    /// Returns the text of entry number `index`, if its value is a text.
    #[inline]
    pub(crate) fn text_at(&self, index: usize) -> Option<&str> {
        match self.slot(index)? {
            (_, Value::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer of entry number `index`, if its value is an integer.
    #[inline]
    pub(crate) fn integer_at(&self, index: usize) -> Option<i64> {
        match self.entries.get(index)?.value {
            Slot::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// Replaces the value of entry number `index`.
    #[inline]
    pub(crate) fn set_integer_at(&mut self, index: usize, number: i64) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.value = Slot::Integer(number);
        }
    }

    /// Replaces the value of entry number `index` with a text.
    pub(crate) fn set_text_at(&mut self, index: usize, text: &str) {
        let written = self.write(text);
        if let (Some(entry), Some(range)) = (self.entries.get_mut(index), written) {
            entry.value = Slot::Text(range);
            entry.plain = Plain::UNKNOWN;
        }
    }

    /// Removes entry number `index`.
    #[inline]
    pub(crate) fn remove_at(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.value = Slot::Vacant;
        }
    }

    /// Records that no key needs escaping.
    #[inline]
    pub(crate) fn mark_keys_plain(&mut self) {
        for entry in &mut self.entries {
            entry.plain.mark_key();
        }
    }

    /// Checks all entries with `check`, up to the first that fails. Returns whether none failed.
    #[inline]
    pub(crate) fn check_values(
        &mut self,
        mut check: impl FnMut(usize, Value<'_>) -> Verdict,
    ) -> bool {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let Some(value) = entry.value.value(&self.text, &self.arrays) else {
                continue;
            };
            match check(index, value) {
                Verdict::Fails => return false,
                Verdict::Passes => {}
                Verdict::PassesPlain => entry.plain.mark_value(),
            }
        }
        true
    }

    /// Changes the key of entry number `index` to one that no other entry has.
    #[expect(
        clippy::ptr_arg,
        reason = "a key that lives as long as the program needs no copy"
    )]
    pub(crate) fn rename_at(&mut self, index: usize, key: &Cow<'static, str>) {
        let new = match key {
            Cow::Borrowed(key) => Key::Static(key),
            Cow::Owned(key) => match self.write(key) {
                Some(range) => Key::Text(range),
                None => return self.remove_at(index),
            },
        };
        if let Some(entry) = self.entries.get_mut(index) {
            let hash = Hash::of(key);
            entry.set_key(new, hash);
            self.hash_bits |= hash.bit();
            self.prefix_bits |= prefix_bit(key);
        }
    }

    fn to_owned_key(&self, key: &Key) -> Cow<'static, str> {
        match key {
            Key::Static(key) => Cow::Borrowed(key),
            Key::Text(range) => Cow::Owned(range.of(&self.text).to_owned()),
        }
    }
}
