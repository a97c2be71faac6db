//! Blocks for x86-64, where every processor has 16-byte vectors.

use safe_arch::{
    add_saturating_i8_m128i, bitor_m128i, bitxor_m128i, cmp_eq_mask_i8_m128i, cmp_lt_mask_i8_m128i,
    load_unaligned_m128i, m128i, min_u8_m128i, move_mask_i8_m128i, set_splat_i8_m128i,
    sub_i8_m128i,
};

use super::{FIRST_OF_BASE64, SAMPLES, SIZE};

/// 64 bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Block([m128i; 4]);

impl Block {
    #[inline(always)]
    pub(in super::super) fn of(bytes: &[u8; SIZE]) -> Self {
        let (chunks, _) = bytes.as_chunks();
        Self([
            load_unaligned_m128i(&chunks[0]),
            load_unaligned_m128i(&chunks[1]),
            load_unaligned_m128i(&chunks[2]),
            load_unaligned_m128i(&chunks[3]),
        ])
    }

    /// Returns one bit for each byte that ends or interrupts a JSON string: quotation marks, backslashes and control characters.
    #[inline(always)]
    pub(in super::super) fn specials(&self) -> u64 {
        let [first, second, third, last] = self.0.map(special_bits);
        first | second << 16 | (third | last << 16) << 32
    }

    /// Returns a number whose highest bit is set if in some sample no byte breaks a run of base64, as a space would.
    #[inline(always)]
    pub(in super::super) fn unbroken(&self) -> u64 {
        // As a signed number, a byte of a multi-byte character is negative.
        let breaks = |at: usize| {
            bits(cmp_lt_mask_i8_m128i(
                self.0[at / 16],
                splat(FIRST_OF_BASE64),
            ))
        };
        SAMPLES
            .map(|at| breaks(at).wrapping_sub(1))
            .into_iter()
            .fold(0, |all, one| all | one)
    }
}

/// Returns one bit for each special byte out of 16.
#[inline(always)]
fn special_bits(bytes: m128i) -> u64 {
    // Swapping the quotation mark with the space makes every special byte, except the backslash, less than any other byte.
    // Flipping the highest bit makes signed numbers sort like unsigned ones, which the saturating addition needs. After it, the
    // highest bit is set for special bytes only.
    const FLIPPED: u8 = 0x80 | (b'"' ^ b' ');

    let flipped = bitxor_m128i(bytes, splat(FLIPPED));
    let first = add_saturating_i8_m128i(flipped, splat(0x80 - (b' ' + 1)));
    let backslashes = cmp_eq_mask_i8_m128i(bytes, splat(b'\\'));
    bits(bitor_m128i(first, backslashes))
}

/// Whether any of the added blocks had a byte from `FIRST` to `LAST`. Holds the minimum of each lane, relative to `FIRST`.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct ByteRange<const FIRST: u8, const LAST: u8>(m128i);

impl<const FIRST: u8, const LAST: u8> ByteRange<FIRST, LAST> {
    #[inline(always)]
    pub(in super::super) fn new() -> Self {
        Self(splat(u8::MAX))
    }

    #[inline(always)]
    pub(in super::super) fn add(&mut self, block: &Block) {
        for bytes in block.0 {
            self.0 = min_u8_m128i(self.0, sub_i8_m128i(bytes, splat(FIRST)));
        }
    }

    #[inline(always)]
    pub(in super::super) fn found(&self) -> bool {
        let within = min_u8_m128i(self.0, splat(LAST - FIRST));
        bits(cmp_eq_mask_i8_m128i(within, self.0)) != 0
    }
}

#[inline(always)]
fn splat(byte: u8) -> m128i {
    set_splat_i8_m128i(byte.cast_signed())
}

/// Returns the highest bit of each byte.
#[inline(always)]
fn bits(bytes: m128i) -> u64 {
    u64::from(move_mask_i8_m128i(bytes).cast_unsigned())
}
