//! Blocks for any architecture. Every loop here has a fixed length, which the compiler makes a handful of vector instructions of.

use super::{SAMPLES, SIZE, is_break};

/// Sixty-four bytes of a text.
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
            // Gathers the lowest bits of eight bytes in the highest byte.
            let gathered = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            marks |= gathered << (8 * index);
        }
        marks
    }

    /// Returns a number with the highest bit if there is a sample in which no byte breaks a run of base64, as the space does.
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

/// Whether there was a byte from `FIRST` to `LAST` in any of many blocks.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Between<const FIRST: u8, const LAST: u8>(bool);

impl<const FIRST: u8, const LAST: u8> Between<FIRST, LAST> {
    pub(in super::super) fn none() -> Self {
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
