//! Blocks for x86-64, where every processor has vectors of sixteen bytes.

use safe_arch::{
    add_saturating_i8_m128i, bitor_m128i, bitxor_m128i, cmp_eq_mask_i8_m128i, cmp_lt_mask_i8_m128i,
    load_unaligned_m128i, m128i, min_u8_m128i, move_mask_i8_m128i, set_splat_i8_m128i,
    sub_i8_m128i,
};

use super::{FIRST_OF_BASE64, SAMPLES, SIZE};

/// Sixty-four bytes of a text.
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
        let [first, second, third, last] = self.0.map(special);
        first | second << 16 | (third | last << 16) << 32
    }

    /// Returns a number with the highest bit if there is a sample in which no byte breaks a run of base64, as the space does.
    #[inline(always)]
    pub(in super::super) fn unbroken(&self) -> u64 {
        // Half of a character is less than nothing.
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

/// Returns one bit for each special byte of sixteen.
#[inline(always)]
fn special(bytes: m128i) -> u64 {
    // A quotation mark changes places with the space, so that what is special is less than anything else, but for one. The highest
    // bit is turned over, since the sum that ends at the greatest number is there for signed numbers: with it, the highest bit stays
    // with what is special.
    const TURNED: u8 = 0x80 | (b'"' ^ b' ');

    let turned = bitxor_m128i(bytes, splat(TURNED));
    let first = add_saturating_i8_m128i(turned, splat(0x80 - (b' ' + 1)));
    let backslashes = cmp_eq_mask_i8_m128i(bytes, splat(b'\\'));
    bits(bitor_m128i(first, backslashes))
}

/// Whether there was a byte from `FIRST` to `LAST` in any of many blocks: the least there was, counted from `FIRST` on.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Between<const FIRST: u8, const LAST: u8>(m128i);

impl<const FIRST: u8, const LAST: u8> Between<FIRST, LAST> {
    #[inline(always)]
    pub(in super::super) fn none() -> Self {
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

/// The highest bit of each byte.
#[inline(always)]
fn bits(bytes: m128i) -> u64 {
    u64::from(move_mask_i8_m128i(bytes).cast_unsigned())
}
