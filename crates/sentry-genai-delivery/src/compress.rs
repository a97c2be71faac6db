//! Compressed bodies.

use std::fmt;

use flate2::{Compress, Crc, FlushCompress, Status};

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Encoding {
    /// What the header `Content-Encoding` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }
}

/// How much of a packed body's memory is kept for the next one.
const KEPT_BYTES: usize = 128 * 1024;

/// Compresses one body after the other in the same memory.
///
/// What it takes to compress is some hundred kilobytes. Memory of that size comes from the system, which clears every page of it: for
/// a body of a few kilobytes that takes several times as long as to compress it.
#[derive(Default)]
pub(crate) struct Compressor {
    deflate: Option<Compress>,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::bulk::Compressor<'static>>,
    packed: Vec<u8>,
}

impl Compressor {
    /// Returns a body compressed; `None` if that fails.
    pub(crate) fn pack(&mut self, body: &[u8], encoding: Encoding) -> Option<&[u8]> {
        self.packed.clear();
        self.packed.shrink_to(KEPT_BYTES);
        match encoding {
            Encoding::Gzip => self.gzip(body)?,
            #[cfg(feature = "zstd")]
            Encoding::Zstd => self.zstd(body)?,
        }
        Some(&self.packed)
    }

    fn gzip(&mut self, body: &[u8]) -> Option<()> {
        /// Identification, the method, no flags, no time, the fastest level, and a system nobody knows.
        const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];

        // Spans are repetitive: the fastest level takes most of what there is to gain.
        let new = || Compress::new(flate2::Compression::fast(), false);
        let deflate = self.deflate.get_or_insert_with(new);
        deflate.reset();
        let packed = &mut self.packed;
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
        Some(())
    }

    #[cfg(feature = "zstd")]
    fn zstd(&mut self, body: &[u8]) -> Option<()> {
        /// The fastest that makes bodies smaller than gzip does.
        const LEVEL: i32 = 1;

        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Compressor::new(LEVEL).ok()?),
        };
        self.packed
            .reserve(zstd::zstd_safe::compress_bound(body.len()));
        zstd.compress_to_buffer(body, &mut self.packed).ok()?;
        Some(())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    /// Packs bodies of all kinds, one after the other.
    fn check(encoding: Encoding, unpack: impl Fn(&[u8]) -> Vec<u8>) {
        let prose = "the customer asks about a refund for order 7; ".repeat(100_000);
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(300_000)
            .collect();
        let mut compressor = Compressor::default();
        for body in [
            b"".as_slice(),
            b"a",
            prose.as_bytes(),
            &noise,
            b"a",
            &prose.as_bytes()[..70_000],
        ] {
            let packed = compressor.pack(body, encoding).unwrap();
            assert!(unpack(packed) == body, "{} bytes", body.len());
        }
        let packed = compressor.pack(prose.as_bytes(), encoding).unwrap();
        assert!(packed.len() * 50 < prose.len());
    }

    #[test]
    fn gzip_comes_out_as_it_went_in() {
        check(Encoding::Gzip, |packed| {
            let mut unpacked = Vec::new();
            let mut decoder = GzDecoder::new(packed);
            decoder.read_to_end(&mut unpacked).unwrap();
            assert_eq!(decoder.into_inner(), b"", "nothing may follow");
            unpacked
        });
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_comes_out_as_it_went_in() {
        check(Encoding::Zstd, |packed| zstd::decode_all(packed).unwrap());
    }
}
