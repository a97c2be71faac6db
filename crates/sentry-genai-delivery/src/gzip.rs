//! Compressed bodies.

use std::fmt;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Identification, the method, no flags, no time, the fastest level, and a system nobody knows.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];

/// How much of a packed body's memory is kept for the next one.
const KEPT_BYTES: usize = 128 * 1024;

/// Compresses one body after the other in the same memory.
///
/// What it takes to compress is some hundred kilobytes. Memory of that size comes from the system, which clears every page of it: for
/// a body of a few kilobytes that takes several times as long as to compress it.
#[derive(Default)]
pub(crate) struct Gzip {
    deflate: Option<Compress>,
    packed: Vec<u8>,
}

impl Gzip {
    /// Returns a body in the gzip format; `None` if that fails.
    pub(crate) fn pack(&mut self, body: &[u8]) -> Option<&[u8]> {
        // Spans are repetitive: the fastest level takes most of what there is to gain.
        let new = || Compress::new(Compression::fast(), false);
        let deflate = self.deflate.get_or_insert_with(new);
        deflate.reset();
        let packed = &mut self.packed;
        packed.clear();
        packed.shrink_to(KEPT_BYTES);
        packed.extend_from_slice(&HEADER);
        loop {
            packed.reserve(1024 + body.len() / 4);
            let rest = body.get(usize::try_from(deflate.total_in()).ok()?..)?;
            match deflate.compress_vec(rest, packed, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => break,
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) => return None,
            }
        }
        let mut sum = Crc::new();
        sum.update(body);
        packed.extend_from_slice(&sum.sum().to_le_bytes());
        packed.extend_from_slice(&sum.amount().to_le_bytes());
        Some(packed)
    }
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gzip").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn one_after_the_other_comes_out_as_it_went_in() {
        let prose = "the customer asks about a refund for order 7; ".repeat(100_000);
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(300_000)
            .collect();
        let mut gzip = Gzip::default();
        for body in [
            b"".as_slice(),
            b"a",
            prose.as_bytes(),
            &noise,
            b"a",
            &prose.as_bytes()[..70_000],
        ] {
            let packed = gzip.pack(body).unwrap();
            let mut unpacked = Vec::new();
            let mut decoder = GzDecoder::new(packed);
            decoder.read_to_end(&mut unpacked).unwrap();
            assert_eq!(decoder.into_inner(), b"", "nothing may follow");
            assert!(unpacked == body, "{} bytes", body.len());
        }
        assert!(gzip.pack(prose.as_bytes()).unwrap().len() * 50 < prose.len());
    }
}
