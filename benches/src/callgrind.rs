//! Counts instructions with valgrind's callgrind.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Whether instructions can be counted on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Valgrind {
    Present,
    Missing,
}

impl Valgrind {
    pub(crate) fn find() -> Self {
        match Command::new("valgrind").arg("--version").output() {
            Ok(output) if output.status.success() => Self::Present,
            _ => Self::Missing,
        }
    }
}

/// Instructions of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instructions {
    pub(crate) all_threads: u64,
    pub(crate) main_thread: u64,
}

/// Whether callgrind writes a file for each thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    Separate,
    Together,
}

/// A run of callgrind. Its files are removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Callgrind {
    directory: PathBuf,
}

impl Callgrind {
    pub(crate) fn new() -> io::Result<Self> {
        static NEXT_RUN: AtomicU64 = AtomicU64::new(0);
        let run = NEXT_RUN.fetch_add(1, Relaxed);
        let name = format!("sentry-genai-benches-{}-{run}", process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    /// Returns a command that runs `program` under callgrind.
    pub(crate) fn command(&self, program: &Path, threads: Threads) -> Command {
        let mut command = Command::new("valgrind");
        command.args(["-q", "--tool=callgrind"]);
        if threads == Threads::Separate {
            command.arg("--separate-threads=yes");
        }
        command
            .arg(format!("--callgrind-out-file={}", self.file().display()))
            .arg(program);
        command
    }

    /// Returns the file that the run writes to; with separate threads, the prefix of the files' names.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("out")
    }

    /// Adds up the files that the run wrote: one for each thread, with the thread's number at the end of the name.
    pub(crate) fn instructions(&self) -> io::Result<Instructions> {
        let mut instructions = Instructions {
            all_threads: 0,
            main_thread: 0,
        };
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let total = total(&fs::read_to_string(&path)?);
            instructions.all_threads += total;
            if path.extension().is_none() && path.to_string_lossy().ends_with("-01") {
                instructions.main_thread = total;
            }
        }
        if instructions.main_thread == 0 {
            return Err(io::Error::other(
                "callgrind left no count of the main thread",
            ));
        }
        Ok(instructions)
    }
}

impl Drop for Callgrind {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn total(file: &str) -> u64 {
    let counts = file
        .lines()
        .filter_map(|line| line.strip_prefix("totals: "));
    counts
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .sum()
}
