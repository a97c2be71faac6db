//! Looking for bytes in long texts, sixty-four at a time.

/// How many bytes are looked at in one step.
const BLOCK: usize = u64::BITS as usize;

/// The places in a text of the bytes that end or interrupt a JSON string: quotation marks, backslashes and control characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Specials<'a> {
    bytes: &'a [u8],
    /// Where the block starts that was looked at last.
    block: usize,
    /// One bit for each of its bytes.
    marks: u64,
}

impl<'a> Specials<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            block: 0,
            marks: marks(bytes, 0),
        }
    }

    /// Returns the first place from `at` on.
    #[inline(always)]
    pub(super) fn from(&mut self, at: usize) -> Option<usize> {
        if at.wrapping_sub(self.block) >= BLOCK {
            self.block = at - at % BLOCK;
            self.marks = marks(self.bytes, self.block);
        }
        let mut rest = self.marks & (u64::MAX << (at % BLOCK));
        while rest == 0 {
            self.block += BLOCK;
            if self.block >= self.bytes.len() {
                return None;
            }
            self.marks = marks(self.bytes, self.block);
            rest = self.marks;
        }
        Some(self.block + rest.trailing_zeros() as usize)
    }
}

fn marks(bytes: &[u8], start: usize) -> u64 {
    let rest = bytes.get(start..).unwrap_or_default();
    match rest.first_chunk() {
        Some(block) => marks_of_block(block),
        None => {
            let mut block = [b' '; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            marks_of_block(&block)
        }
    }
}

/// Every loop here has a fixed length, which the compiler makes a handful of vector instructions of.
fn marks_of_block(block: &[u8; BLOCK]) -> u64 {
    let mut flags = [0; BLOCK];
    for (flag, &byte) in flags.iter_mut().zip(block) {
        *flag = u8::from((byte == b'"') | (byte == b'\\') | (byte < 0x20));
    }
    let (words, _) = flags.as_chunks();
    let mut marks = 0;
    for (index, word) in words.iter().enumerate() {
        // Gathers the lowest bits of eight bytes in the highest byte.
        let gathered = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        marks |= gathered << (8 * index);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_wherever_it_stands() {
        for length in [0, 1, 63, 64, 65, 200] {
            let plain = vec![b'x'; length];
            assert_eq!(Specials::of(&plain).from(0), None);
            for at in 0..length {
                for special in [b'"', b'\\', b'\n', 0, 0x1f] {
                    let mut text = plain.clone();
                    text[at] = special;
                    let mut specials = Specials::of(&text);
                    assert_eq!(specials.from(0), Some(at));
                    assert_eq!(specials.from(at), Some(at));
                    assert_eq!(specials.from(at + 1), None);
                    assert_eq!(specials.from(0), Some(at));
                }
            }
        }
        let text: Vec<u8> = (0..=255).collect();
        let mut specials = Specials::of(&text);
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(place) = specials.from(at) {
            found.push(text[place]);
            at = place + 1;
        }
        let expected: Vec<u8> = (0..0x20).chain(*b"\"\\").collect();
        assert_eq!(found, expected);
    }
}
