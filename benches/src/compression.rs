//! Measures how small and how fast libraries compress the bodies in a folder.

use std::{error::Error, fs, hint::black_box, path::Path, time::Instant};

use flate2::{Compress, Compression, Crc, FlushCompress};
use libdeflater::CompressionLvl;

use crate::table::{count, write_head, write_row};

/// Each library at its fastest level, with memory that is reused.
const LIBRARIES: [Library; 3] = [
    ("libdeflater, gzip", libdeflate),
    ("flate2 with miniz_oxide, gzip", miniz),
    ("zstd", zstd),
];

/// The bodies up to each of these sizes, in bytes, form a row.
const SIZE_LIMITS: [usize; 3] = [4 * 1024, 16 * 1024, usize::MAX];

const ROUNDS: u32 = 50;

/// The name of a library, and a function that creates its packer.
type Library = (&'static str, fn() -> Compressor);

/// Compresses a body, and returns the number of bytes that result.
type Compressor = Box<dyn FnMut(&[u8]) -> Option<usize>>;

/// Compresses every file of a folder, and returns a table by their size.
pub(crate) fn measure(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut bodies = Vec::new();
    for entry in fs::read_dir(folder)? {
        bodies.push(fs::read(entry?.path())?);
    }
    let mut out = String::new();
    let columns = [
        "bodies",
        "of bytes",
        "bytes left, %",
        "microseconds a body",
        "MB/s",
    ];
    write_head(&mut out, "library", columns.map(str::to_owned).to_vec());
    let mut lower = 0;
    for upper in SIZE_LIMITS {
        let band: Vec<&Vec<u8>> = bodies
            .iter()
            .filter(|body| (lower..upper).contains(&body.len()))
            .collect();
        lower = upper;
        let bytes: usize = band.iter().map(|body| body.len()).sum();
        if bytes == 0 {
            continue;
        }
        for (name, compressor) in LIBRARIES {
            let mut compressor = compressor();
            let mut compress_all = || {
                band.iter()
                    .try_fold(0, |sum, body| Some(sum + compressor(body)?))
            };
            let compressed = compress_all().ok_or_else(|| format!("{name} failed"))?;
            let start = Instant::now();
            for _ in 0..ROUNDS {
                black_box(compress_all());
            }
            let seconds = start.elapsed().as_secs_f64() / f64::from(ROUNDS);
            let cells = [
                count(band.len() as f64),
                count(bytes as f64 / band.len() as f64),
                format!("{:.1}", 100.0 * compressed as f64 / bytes as f64),
                format!("{:.1}", seconds * 1e6 / band.len() as f64),
                count(bytes as f64 / seconds / 1e6),
            ];
            write_row(&mut out, name, cells.into_iter());
        }
    }
    Ok(out)
}

fn libdeflate() -> Compressor {
    let level = CompressionLvl::new(1).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut room = Vec::new();
    Box::new(move |body| {
        let bound = compressor.gzip_compress_bound(body.len());
        room.resize(bound.max(room.len()), 0);
        compressor.gzip_compress(body, &mut room).ok()
    })
}

fn miniz() -> Compressor {
    /// The size of gzip's header and trailer.
    const FRAME: usize = 18;

    let mut deflate = Compress::new(Compression::fast(), false);
    let mut room = Vec::new();
    Box::new(move |body| {
        deflate.reset();
        room.clear();
        room.reserve(1024 + body.len() * 2);
        let finish = FlushCompress::Finish;
        deflate.compress_vec(body, &mut room, finish).ok()?;
        let mut sum = Crc::new();
        sum.update(body);
        black_box(sum.sum());
        Some(room.len() + FRAME)
    })
}

fn zstd() -> Compressor {
    let mut compressor = zstd::bulk::Compressor::new(1).ok();
    let mut room = Vec::new();
    Box::new(move |body| {
        let bound = zstd::zstd_safe::compress_bound(body.len());
        room.resize(bound.max(room.len()), 0);
        let room = room.as_mut_slice();
        compressor.as_mut()?.compress_to_buffer(body, room).ok()
    })
}
