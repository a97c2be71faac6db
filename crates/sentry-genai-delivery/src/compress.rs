//! Compresses request bodies.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use libdeflater::CompressionLvl;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Encoding {
    /// The name in the `Content-Encoding` header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }
}

/// How much memory for compressed bodies a sender keeps for the next one.
const KEPT_BYTES: usize = 256 * 1024;

/// How many compressors are kept. Senders mostly wait for answers, so few compress at the same time.
const KEPT_COMPRESSORS: usize = 4;

/// Compresses bodies, each time in the same memory.
///
/// A compressor needs some hundred kilobytes. Memory of that size comes from the system, which clears every page of it.
/// For a body of a few kilobytes, that would take several times as long as compressing it.
#[derive(Default)]
pub(crate) struct Compressors {
    free: Mutex<Vec<Compressor>>,
}

impl Compressors {
    /// Returns the compressed body. Its memory is `output`, which is kept as long as the longest output so far. Returns
    /// `None` if compression fails.
    pub(crate) fn pack<'a>(
        &self,
        body: &[u8],
        encoding: Encoding,
        output: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        output.truncate(KEPT_BYTES);
        output.shrink_to(KEPT_BYTES);
        let mut compressor = self.lock().pop().unwrap_or_default();
        let packed = match encoding {
            Encoding::Gzip => compressor.gzip(body, output),
            #[cfg(feature = "zstd")]
            Encoding::Zstd => compressor.zstd(body, output),
        };
        let mut free = self.lock();
        if free.len() < KEPT_COMPRESSORS {
            free.push(compressor);
        }
        drop(free);
        output.get(..packed?)
    }

    /// Frees all compressors that are not in use.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Compressor>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Compressor {
    gzip: Option<libdeflater::Compressor>,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    fn gzip(&mut self, body: &[u8], output: &mut Vec<u8>) -> Option<usize> {
        /// The fastest level that compresses at all. Spans are repetitive, so it achieves most of what is possible.
        const LEVEL: i32 = 1;

        let level = CompressionLvl::new(LEVEL).ok()?;
        let new = || libdeflater::Compressor::new(level);
        let gzip = self.gzip.get_or_insert_with(new);
        let bound = gzip.gzip_compress_bound(body.len());
        gzip.gzip_compress(body, grow_to(output, bound)).ok()
    }

    #[cfg(feature = "zstd")]
    fn zstd(&mut self, body: &[u8], output: &mut Vec<u8>) -> Option<usize> {
        /// The fastest level that makes bodies smaller than gzip does.
        const LEVEL: i32 = 1;

        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Compressor::new(LEVEL).ok()?),
        };
        let bound = zstd::zstd_safe::compress_bound(body.len());
        zstd.compress_to_buffer(body, grow_to(output, bound)).ok()
    }
}

/// Grows `output` to at least `bytes` bytes. Old contents stay, since clearing them takes time.
fn grow_to(output: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    if output.len() < bytes {
        output.resize(bytes, 0);
    }
    output
}

impl fmt::Debug for Compressors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressors").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    /// Compresses bodies of all kinds, one after the other.
    fn check(encoding: Encoding, unpack: impl Fn(&[u8]) -> Vec<u8>) {
        let prose = "the customer asks about a refund for order 7; ".repeat(100_000);
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(300_000)
            .collect();
        let compressors = Compressors::default();
        let mut output = Vec::new();
        for body in [
            b"".as_slice(),
            b"a",
            prose.as_bytes(),
            &noise,
            b"a",
            &prose.as_bytes()[..70_000],
        ] {
            let packed = compressors.pack(body, encoding, &mut output).unwrap();
            assert!(unpack(packed) == body, "{} bytes", body.len());
        }
        let packed = compressors.pack(prose.as_bytes(), encoding, &mut output);
        let packed = packed.unwrap();
        assert!(packed.len() * 50 < prose.len());
    }

    #[test]
    fn gzip_round_trips() {
        check(Encoding::Gzip, |packed| {
            let mut unpacked = Vec::new();
            let mut decoder = GzDecoder::new(packed);
            decoder.read_to_end(&mut unpacked).unwrap();
            assert_eq!(decoder.into_inner(), b"", "nothing may follow");
            unpacked
        });
    }

    #[test]
    fn the_memory_of_a_large_body_is_not_kept() {
        let compressors = Compressors::default();
        let mut output = Vec::new();
        for body in [&[0; 4 * KEPT_BYTES][..], b"a"] {
            compressors.pack(body, Encoding::Gzip, &mut output);
        }
        assert!(output.capacity() <= KEPT_BYTES, "{}", output.capacity());
        assert_eq!(compressors.lock().len(), 1, "it is used again");
        compressors.clear();
        assert!(compressors.lock().is_empty());
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_round_trips() {
        check(Encoding::Zstd, |packed| zstd::decode_all(packed).unwrap());
    }
}
