//! Finds the bytes that end or interrupt a JSON string.

use super::block::{Between, Blocks, LastBlock, SIZE};

/// Iterates over the quotation marks, backslashes and control characters of a text. On the way it notes whether the text needs a
/// closer look for other reasons.
#[derive(Clone, Debug)]
pub(super) struct Specials<'a> {
    blocks: Blocks<'a>,
    /// The start of the current block.
    start: usize,
    /// One bit for each special byte of the current block that has not been visited.
    marks: u64,
    signs: Between<b';', b'='>,
    unbroken: u64,
}

impl<'a> Specials<'a> {
    /// Starts at position `start` of a text.
    pub(super) fn from(bytes: &'a [u8], start: usize, room: &'a mut LastBlock) -> Self {
        Self {
            blocks: Blocks::of(bytes.get(start..).unwrap_or_default(), room),
            start: start.wrapping_sub(SIZE),
            marks: 0,
            signs: Between::none(),
            unbroken: 0,
        }
    }

    /// Returns the position of the next special byte.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.look_further()?;
        }
        let at = self.start + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }

    /// Skips the next special byte, which is known to exist.
    #[inline(always)]
    pub(super) fn pass(&mut self) {
        if self.marks == 0 {
            let _ = self.look_further();
        }
        self.marks &= self.marks.wrapping_sub(1);
    }

    /// Skips all special bytes before `at`.
    #[inline(always)]
    pub(super) fn pass_to(&mut self, at: usize) {
        while at.wrapping_sub(self.start) >= SIZE {
            if self.look_further().is_none() {
                self.marks = 0;
                return;
            }
        }
        self.marks &= u64::MAX << (at - self.start);
    }

    /// Returns whether the blocks so far had a semicolon, a `<` or an equals sign.
    pub(super) fn saw_sign(&self) -> bool {
        self.signs.found()
    }

    /// Returns whether the blocks so far may include a long run of base64.
    pub(super) fn saw_run(&self) -> bool {
        self.unbroken >> 63 == 1
    }

    #[inline(always)]
    fn look_further(&mut self) -> Option<()> {
        let block = self.blocks.next()?;
        self.start = self.start.wrapping_add(SIZE);
        self.marks = block.specials();
        self.signs.add(&block);
        self.unbroken |= block.unbroken();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_wherever_it_stands() {
        for length in [0, 1, 63, 64, 65, 200] {
            let plain = vec![b'x'; length];
            assert_eq!(
                Specials::from(&plain, 0, &mut LastBlock::room()).next(),
                None
            );
            for at in 0..length {
                for special in [b'"', b'\\', b'\n', 0, 0x1f] {
                    let mut text = plain.clone();
                    text[at] = special;
                    for start in [0, at / 2, at] {
                        let mut room = LastBlock::room();
                        let mut specials = Specials::from(&text, start, &mut room);
                        assert_eq!(specials.next(), Some(at));
                        assert_eq!(specials.next(), None);
                        let mut room = LastBlock::room();
                        let mut specials = Specials::from(&text, start, &mut room);
                        specials.pass_to(at);
                        assert_eq!(specials.next(), Some(at));
                        let mut room = LastBlock::room();
                        let mut specials = Specials::from(&text, start, &mut room);
                        specials.pass_to(at + 1);
                        assert_eq!(specials.next(), None);
                    }
                    let mut room = LastBlock::room();
                    let mut specials = Specials::from(&text, at, &mut room);
                    specials.pass();
                    assert_eq!(specials.next(), None);
                }
            }
        }
        let text: Vec<u8> = (0..=255).collect();
        let mut room = LastBlock::room();
        let mut specials = Specials::from(&text, 0, &mut room);
        let found: Vec<u8> = std::iter::from_fn(|| specials.next())
            .map(|place| text[place])
            .collect();
        let expected: Vec<u8> = (0..0x20).chain(*b"\"\\").collect();
        assert_eq!(found, expected);
    }
}
