//! Blocks for any architecture. All loops have a fixed length, so that the compiler turns each into a few vector instructions.

use super::{SAMPLES, SIZE, is_break};

/// 64 bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Block([u8; SIZE]);

impl Block {
    #[inline(always)]
    pub(in super::super) fn of(bytes: &[u8; SIZE]) -> Self {
        Self(*bytes)
    }

    /// Returns one bit for each byte that ends or interrupts a JSON string: quotation marks, backslashes and control characters.
    pub(in super::super) fn specials(&self) -> u64 {
        let mut flags = [0; SIZE];
        for (flag, &byte) in flags.iter_mut().zip(&self.0) {
            *flag = u8::from((byte == b'"') | (byte == b'\\') | (byte < b' '));
        }
        let (words, _) = flags.as_chunks();
        let mut marks = 0;
        for (index, word) in words.iter().enumerate() {
            // Gathers the lowest bit of each of the eight bytes in the highest byte.
            let gathered = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            marks |= gathered << (8 * index);
        }
        marks
    }

    /// Returns a number whose highest bit is set if in some sample no byte breaks a run of base64, as a space would.
    pub(in super::super) fn unbroken(&self) -> u64 {
        let (chunks, _) = self.0.as_chunks::<16>();
        let is_broken = |at: usize| {
            let bytes = chunks[at / 16].iter();
            bytes.fold(false, |found, &byte| found | is_break(byte))
        };
        let is_unbroken = SAMPLES.iter().any(|&at| !is_broken(at));
        u64::from(is_unbroken) << 63
    }
}

/// Whether any of the added blocks had a byte from `FIRST` to `LAST`.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct ByteRange<const FIRST: u8, const LAST: u8>(bool);

impl<const FIRST: u8, const LAST: u8> ByteRange<FIRST, LAST> {
    pub(in super::super) fn new() -> Self {
        Self(false)
    }

    pub(in super::super) fn add(&mut self, block: &Block) {
        self.0 |= block.0.iter().fold(false, |found, &byte| {
            found | (byte.wrapping_sub(FIRST) <= LAST - FIRST)
        });
    }

    pub(in super::super) fn found(&self) -> bool {
        self.0
    }
}
