//! Reading the files of a command, one after the other.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    time::SystemTime,
};

use sentry_genai_conventions::Timestamp;
use sentry_genai_gateway::{ReceivedSpan, read};

use super::{Failure, Inputs, Outcome, complain, progress::Progress};

/// A file that could not be read, and why.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) file: String,
    pub(super) error: String,
}

impl Inputs {
    /// Hands the spans of each file over, with a progress that has to [end](Progress::end) before anything is written, and returns the files that could not be read. Those have been complained about.
    pub(super) fn each(
        &self,
        mut process: impl FnMut(&str, Vec<ReceivedSpan>, &Progress<'_>) -> Result<(), Failure>,
    ) -> Result<Vec<Unreadable>, Failure> {
        let mut unreadable = Vec::new();
        for path in &self.files {
            let name = name(path);
            let progress = Progress::of(&name, path);
            let spans = bytes(path)
                .map_err(|error| error.to_string())
                .and_then(|bytes| read(bytes, now()).map_err(|error| error.to_string()));
            match spans {
                Ok(input) => {
                    if input.spans.is_empty() {
                        progress.end();
                        complain(&format_args!("{name}: there are no spans in it"));
                    }
                    progress.has_read(input.spans.len());
                    process(&name, input.spans, &progress)?;
                }
                Err(error) => {
                    progress.end();
                    complain(&format_args!("{name}: {error}"));
                    unreadable.push(Unreadable {
                        file: name.clone(),
                        error,
                    });
                }
            }
        }
        Ok(unreadable)
    }

    pub(super) fn are_several(&self) -> bool {
        self.files.len() > 1
    }
}

impl Outcome {
    pub(super) fn of(unreadable: &[Unreadable]) -> Self {
        if unreadable.is_empty() {
            Self::Fine
        } else {
            Self::Unreadable
        }
    }
}

fn name(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !is_stdin(path) {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}
