//! Reading the files of a command, one after the other.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    time::SystemTime,
};

use sentry_genai_conventions::Timestamp;
use sentry_genai_gateway::{Input, ReceivedSpan, read_lossy};

use super::{Failure, Inputs, Outcome, print_message, progress::Progress};

/// How many errors of one file are shown; the rest are only counted.
const MAX_SHOWN_ERRORS: usize = 8;

/// A file that could not be read, or a part of one, and why.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) file: String,
    pub(super) error: String,
}

impl Inputs {
    /// Passes the spans of each file to `process`, and returns what could not be read, which has been reported by then.
    ///
    /// `process` has to [end](Progress::end) the progress before it writes anything.
    pub(super) fn for_each_file(
        &self,
        mut process: impl FnMut(&str, Vec<ReceivedSpan>, &Progress<'_>) -> Result<(), Failure>,
    ) -> Result<Vec<Unreadable>, Failure> {
        let mut unreadable = Vec::new();
        for path in &self.files {
            let name = name(path);
            let progress = Progress::of(&name, path);
            let input = read_bytes(path)
                .map_err(|error| error.to_string())
                .and_then(|bytes| read_lossy(bytes, now()).map_err(|error| error.to_string()));
            let (errors, more) = match input {
                Ok(input) => {
                    let errors = input.errors.iter().map(ToString::to_string).collect();
                    print_ignored(&name, &input, &progress);
                    progress.has_read(input.spans.len());
                    process(&name, input.spans, &progress)?;
                    (errors, input.more_errors)
                }
                Err(error) => (vec![error], 0),
            };
            if !errors.is_empty() {
                progress.end();
                print_errors(&name, &errors, more);
            }
            let rest = (more > 0).then(|| format!("and {more} more errors"));
            let errors = errors.into_iter().chain(rest).map(|error| Unreadable {
                file: name.clone(),
                error,
            });
            unreadable.extend(errors);
        }
        Ok(unreadable)
    }

    pub(super) fn are_several(&self) -> bool {
        self.files.len() > 1
    }
}

/// Reports what was left out of a file without an error.
fn print_ignored(name: &str, input: &Input, progress: &Progress<'_>) {
    let ignored = [
        (
            input.other_signals,
            "request with metrics, logs or profiles",
            "requests with metrics, logs or profiles",
        ),
        (
            input.events_without_span,
            "log event whose span is not in the file",
            "log events whose spans are not in the file",
        ),
        (
            input.repeated,
            "span that is repeated later in the file",
            "spans that are repeated later in the file",
        ),
    ];
    for (count, one, many) in ignored.into_iter().filter(|(count, ..)| *count > 0) {
        progress.end();
        let what = if count == 1 { one } else { many };
        print_message(&format_args!("{name}: ignored {count} {what}"));
    }
    if input.spans.is_empty() && input.errors.is_empty() {
        progress.end();
        print_message(&format_args!("{name}: no spans found"));
    }
}

/// Reports the first errors of a file, and how many more there are: those beyond [`MAX_SHOWN_ERRORS`], and `more` that were only
/// counted.
fn print_errors(name: &str, errors: &[String], more: usize) {
    for error in errors.iter().take(MAX_SHOWN_ERRORS) {
        print_message(&format_args!("{name}: {error}"));
    }
    let more = more + errors.len().saturating_sub(MAX_SHOWN_ERRORS);
    if more > 0 {
        print_message(&format_args!("{name}: and {more} more errors"));
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

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
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
