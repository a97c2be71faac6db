//! Finds the bytes that end or interrupt a JSON string.

use super::block::{Blocks, ByteRange, LastBlock, SIZE};

/// Iterates over the quotation marks, backslashes and control characters of a text. On the way it notes whether the text needs a
/// closer look for other reasons.
#[derive(Clone, Debug)]
pub(super) struct SpecialBytes<'a> {
    blocks: Blocks<'a>,
    /// The start of the current block.
    start: usize,
    /// One bit for each special byte of the current block that has not been visited.
    pending: u64,
    separators: ByteRange<b';', b'='>,
    unbroken: u64,
}

impl<'a> SpecialBytes<'a> {
    /// Starts at position `start` of a text.
    pub(super) fn from(bytes: &'a [u8], start: usize, last_block: &'a mut LastBlock) -> Self {
        Self {
            blocks: Blocks::of(bytes.get(start..).unwrap_or_default(), last_block),
            start: start.wrapping_sub(SIZE),
            pending: 0,
            separators: ByteRange::new(),
            unbroken: 0,
        }
    }

    /// Returns the position of the next special byte.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.pending == 0 {
            self.load_block()?;
        }
        let at = self.start + self.pending.trailing_zeros() as usize;
        self.pending &= self.pending - 1;
        Some(at)
    }

    /// Skips the next special byte, which is known to exist.
    #[inline(always)]
    pub(super) fn skip_next(&mut self) {
        if self.pending == 0 {
            let _ = self.load_block();
        }
        self.pending &= self.pending.wrapping_sub(1);
    }

    /// Skips all special bytes before `at`.
    #[inline(always)]
    pub(super) fn skip_to(&mut self, at: usize) {
        while at.wrapping_sub(self.start) >= SIZE {
            if self.load_block().is_none() {
                self.pending = 0;
                return;
            }
        }
        self.pending &= u64::MAX << (at - self.start);
    }

    /// Returns to `at`, given the start of the text. What was noted on the way stays noted.
    pub(super) fn go_back(&mut self, text_start: &Self, at: usize) {
        let blocks = at.wrapping_sub(text_start.start) / SIZE - 1;
        self.blocks = text_start.blocks.clone();
        self.blocks.skip_whole(blocks);
        self.start = text_start.start.wrapping_add(blocks * SIZE);
        self.pending = 0;
    }

    /// Returns whether the blocks so far had a semicolon, a `<` or an equals sign.
    pub(super) fn saw_separator(&self) -> bool {
        self.separators.found()
    }

    /// Returns whether the blocks so far may include a long run of base64.
    pub(super) fn saw_base64_run(&self) -> bool {
        self.unbroken >> 63 == 1
    }

    #[inline(always)]
    fn load_block(&mut self) -> Option<()> {
        let block = self.blocks.next()?;
        self.start = self.start.wrapping_add(SIZE);
        self.pending = block.specials();
        self.separators.add(&block);
        self.unbroken |= block.unbroken();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_at_any_position() {
        for length in [0, 1, 63, 64, 65, 200] {
            let plain = vec![b'x'; length];
            assert_eq!(
                SpecialBytes::from(&plain, 0, &mut LastBlock::new()).next(),
                None
            );
            for at in 0..length {
                for special in [b'"', b'\\', b'\n', 0, 0x1f] {
                    let mut text = plain.clone();
                    text[at] = special;
                    for start in [0, at / 2, at] {
                        let mut last_block = LastBlock::new();
                        let mut specials = SpecialBytes::from(&text, start, &mut last_block);
                        assert_eq!(specials.next(), Some(at));
                        assert_eq!(specials.next(), None);
                        let mut last_block = LastBlock::new();
                        let mut specials = SpecialBytes::from(&text, start, &mut last_block);
                        specials.skip_to(at);
                        assert_eq!(specials.next(), Some(at));
                        let mut last_block = LastBlock::new();
                        let text_start = SpecialBytes::from(&text, start, &mut last_block);
                        let mut specials = text_start.clone();
                        specials.skip_to(at + 1);
                        assert_eq!(specials.next(), None);
                        specials.go_back(&text_start, at);
                        specials.skip_to(at);
                        assert_eq!(specials.next(), Some(at));
                    }
                    let mut last_block = LastBlock::new();
                    let mut specials = SpecialBytes::from(&text, at, &mut last_block);
                    specials.skip_next();
                    assert_eq!(specials.next(), None);
                }
            }
        }
        let text: Vec<u8> = (0..=255).collect();
        let mut last_block = LastBlock::new();
        let mut specials = SpecialBytes::from(&text, 0, &mut last_block);
        let found: Vec<u8> = std::iter::from_fn(|| specials.next())
            .map(|place| text[place])
            .collect();
        let expected: Vec<u8> = (0..0x20).chain(*b"\"\\").collect();
        assert_eq!(found, expected);
    }
}
