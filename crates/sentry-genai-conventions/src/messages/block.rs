//! Blocks of 64 bytes of a text, and operations on all bytes of a block at once.
//!
//! Content makes up most of a span, and nearly all of it stays unchanged. Finding that out means examining every byte, so it is
//! done with vector instructions: on x86-64 those that every processor has, elsewhere whatever the compiler generates for loops
//! of fixed length.

use std::slice;

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod portable;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2;

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(super) use portable::{Block, ByteRange};
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(super) use sse2::{Block, ByteRange};

/// The number of bytes examined per step.
pub(super) const SIZE: usize = u64::BITS as usize;

/// The offsets of the samples, 16 bytes each, that reveal long runs. A run of 64 bytes anywhere in a text covers a whole sample
/// in one block or the next.
pub(super) const SAMPLES: [usize; 2] = [16, 48];

const FIRST_OF_BASE64: u8 = b'+';

/// Returns whether a byte is less than every byte of base64. Spaces, quotation marks and bytes of multi-byte characters are.
/// Other bytes break a run, too, but these occur in most texts.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
const fn is_break(byte: u8) -> bool {
    byte.cast_signed() < FIRST_OF_BASE64.cast_signed()
}

/// Memory for the last block of a text, padded with spaces.
#[derive(Debug)]
pub(super) struct LastBlock([u8; SIZE]);

impl LastBlock {
    #[inline]
    pub(super) fn new() -> Self {
        Self([b' '; SIZE])
    }
}

/// Iterates over the blocks of a text.
#[derive(Clone, Debug)]
pub(super) struct Blocks<'a> {
    whole: slice::Iter<'a, [u8; SIZE]>,
    /// Padded in advance: a call inside the loop would evict all vectors from their registers.
    last: Option<&'a [u8; SIZE]>,
}

impl<'a> Blocks<'a> {
    #[inline]
    pub(super) fn of(bytes: &'a [u8], last_block: &'a mut LastBlock) -> Self {
        let (whole, rest) = bytes.as_chunks();
        last_block.0[..rest.len()].copy_from_slice(rest);
        Self {
            whole: whole.iter(),
            last: (!rest.is_empty()).then_some(&last_block.0),
        }
    }

    /// Skips this many whole blocks.
    pub(super) fn skip_whole(&mut self, blocks: usize) {
        if let Some(last) = blocks.checked_sub(1) {
            let _ = self.whole.nth(last);
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    #[inline(always)]
    fn next(&mut self) -> Option<Block> {
        let block = match self.whole.next() {
            Some(block) => block,
            None => self.last.take()?,
        };
        Some(Block::of(block))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    /// Generates bytes at the borders of every range that is distinguished, and any others.
    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![
            2 => proptest::sample::select(b"\"\\ !#*+,\x1f\x00\x7f\x80\xff:;<=>az".to_vec()),
            20 => b'a'..=b'z',
            1 => any::<u8>(),
        ]
    }

    fn specials(block: &[u8; SIZE]) -> u64 {
        let is_special = |byte: u8| byte == b'"' || byte == b'\\' || byte < b' ';
        (0..SIZE)
            .map(|at| u64::from(is_special(block[at])) << at)
            .sum()
    }

    fn is_unbroken(block: &[u8; SIZE]) -> bool {
        SAMPLES
            .iter()
            .any(|&at| !block[at..at + 16].iter().any(|&byte| is_break(byte)))
    }

    #[test]
    fn every_byte_is_classified() {
        for byte in 0..=u8::MAX {
            let block = [byte; SIZE];
            let expected = specials(&block);
            assert_eq!(Block::of(&block).specials(), expected, "{byte}");
            assert_eq!(portable::Block::of(&block).specials(), expected, "{byte}");
            let is_sign = (b';'..=b'=').contains(&byte);
            let mut signs = ByteRange::<b';', b'='>::new();
            signs.add(&Block::of(&block));
            assert_eq!(signs.found(), is_sign, "{byte}");
            let mut signs = portable::ByteRange::<b';', b'='>::new();
            signs.add(&portable::Block::of(&block));
            assert_eq!(signs.found(), is_sign, "{byte}");
        }
    }

    #[test]
    fn blocks_cover_the_whole_text() {
        for length in 0..200 {
            let text: Vec<u8> = (0..length).map(|at| b'a' + at % 26).collect();
            assert_eq!(
                Blocks::of(&text, &mut LastBlock::new()).count(),
                usize::from(length).div_ceil(SIZE)
            );
            for at in 0..usize::from(length) {
                let mut text = text.clone();
                text[at] = b'"';
                let mut last_block = LastBlock::new();
                let blocks = Blocks::of(&text, &mut last_block);
                let marks: Vec<_> = blocks.map(|block| block.specials()).collect();
                assert_eq!(marks[at / SIZE], 1 << (at % SIZE));
                assert_eq!(marks.iter().filter(|marks| **marks != 0).count(), 1);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn portable_and_vector_blocks_agree(
            blocks in collection::vec(collection::vec(byte(), SIZE), 1..3)
        ) {
            let (mut signs, mut portable_signs) = (ByteRange::<b';', b'='>::new(), portable::ByteRange::<b';', b'='>::new());
            for bytes in &blocks {
                let bytes: &[u8; SIZE] = bytes.first_chunk().unwrap();
                let (block, portable) = (Block::of(bytes), portable::Block::of(bytes));
                prop_assert_eq!(block.specials(), specials(bytes));
                prop_assert_eq!(portable.specials(), specials(bytes));
                prop_assert_eq!(block.unbroken() >> 63 == 1, is_unbroken(bytes));
                prop_assert_eq!(portable.unbroken() >> 63 == 1, is_unbroken(bytes));
                signs.add(&block);
                portable_signs.add(&portable);
            }
            let has_sign = blocks.concat().iter().any(|byte| (b';'..=b'=').contains(byte));
            prop_assert_eq!(signs.found(), has_sign);
            prop_assert_eq!(portable_signs.found(), has_sign);
        }
    }
}
