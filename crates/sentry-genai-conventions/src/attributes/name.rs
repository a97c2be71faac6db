//! Attribute names and their hashes.

/// The hash of a key, computed at compile time if the key is a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(u32);

impl Hash {
    /// Mixes the length, the start, the middle and the end, which is where keys of one namespace differ.
    #[inline]
    pub(crate) const fn of(key: &str) -> Self {
        let bytes = key.as_bytes();
        let length = bytes.len();
        let mut mixed = if length >= 8 {
            let near_end = length.saturating_sub(16);
            load(bytes, 0)
                ^ load(bytes, length / 2 - 4).rotate_left(15)
                ^ load(bytes, near_end).rotate_left(31)
                ^ load(bytes, length - 8).rotate_left(47)
        } else {
            let mut short = 0;
            let mut index = 0;
            while index < length {
                short = short << 8 | bytes[index] as u64;
                index += 1;
            }
            short
        };
        mixed ^= (length as u64) << 56;
        mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
        Self((mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The hash's bit in a set of 64.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }

    /// The hash's slot in a table of `slots` slots, which must be a power of two.
    #[inline]
    pub(crate) const fn slot(self, slots: usize) -> usize {
        (self.0 >> 6) as usize & (slots - 1)
    }
}

#[inline]
const fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes.split_at(at).1.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => 0,
    }
}

/// The bit, in a set of 64, for the first three bytes of a key. Keys with the same prefix have the same bit.
#[inline]
pub(super) const fn prefix_bit(key: &str) -> u64 {
    let bytes = key.as_bytes();
    if bytes.len() < 3 {
        return 1;
    }
    let start = bytes[0] as u32 | (bytes[1] as u32) << 8 | (bytes[2] as u32) << 16;
    1 << (start.wrapping_mul(0x9e37_79b1) >> 26)
}

/// The bit of a key in a set of lengths: 0 to 62, and 63 for all longer ones.
#[inline]
pub(crate) const fn length_bit(key: &str) -> u64 {
    let length = key.len();
    1 << if length < 63 { length } else { 63 }
}

/// A key with its precomputed hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    pub(crate) hash: Hash,
}

impl Name {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: Hash::of(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn hashes_of_the_conventions_do_not_collide() {
        let mut hashes = HashMap::new();
        for name in crate::tables::names() {
            let known = hashes.insert(Hash::of(name).0, name);
            assert!(known.is_none_or(|known| known == name), "{known:?} {name}");
        }
    }
}
