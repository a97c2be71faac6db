//! A progress line on the terminal.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

/// The size from which a file has a progress line. Shorter ones are read before anybody could see it.
const MIN_BYTES: u64 = 8 * 1024 * 1024;

/// A line on the terminal that is removed at the end. There is none for a short file, or without a terminal.
pub(super) struct Progress<'a> {
    name: &'a str,
    is_shown: bool,
}

impl<'a> Progress<'a> {
    pub(super) fn of(name: &'a str, path: &Path) -> Self {
        let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let progress = Self {
            name,
            is_shown: bytes >= MIN_BYTES && io::stderr().is_terminal(),
        };
        progress.show(&format!("reading {} MB", bytes / 1_000_000));
        progress
    }

    pub(super) fn has_read(&self, spans: usize) {
        self.show(&format!("translating {spans} spans"));
    }

    /// Removes the line, so that other output can be written.
    pub(super) fn end(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn show(&self, what: &str) {
        if self.is_shown {
            let mut stderr = io::stderr();
            let _ = write!(stderr, "\r\x1b[K{}: {what} ...", self.name);
            let _ = stderr.flush();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
