//! Iterates over the requests of a text.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, vec};

use serde_json::value::RawValue;

use super::{
    EXPECTED_REQUEST, ParseError, Path, Traces, error_message, logs, non_finite, read_traces,
    surrogates,
};
use crate::{ReceivedEvent, Request};

/// The names of the lists that requests of other signals consist of, except logs.
const OTHER_SIGNALS: &[&str] = &[
    "resourceMetrics",
    "resource_metrics",
    "resourceProfiles",
    "resource_profiles",
];

/// The names of the list that a request of traces consists of.
const TRACES: &[&str] = &["resourceSpans", "resource_spans"];

/// The names of the list that a request of logs consists of.
const LOGS: &[&str] = &["resourceLogs", "resource_logs"];

/// How many times text is read that turns out to be no value, and is then read again in smaller parts. After that, a value ends
/// at the latest before the next line that may be a request, so that a text of any kind is read in linear time.
const MAX_REREADS: u8 = 16;

/// An iterator over the requests of a text and the errors in it, created by [`requests`].
#[derive(Debug)]
pub struct Requests<'a> {
    text: Cow<'a, str>,
    /// The start of the unread text.
    offset: usize,
    /// The number of line ends before `counted_up_to`.
    newlines: usize,
    counted_up_to: usize,
    /// How often text had to be read again.
    rereads: u8,
    /// Where the other requests of a list are, and the line on which the list starts.
    list: Option<(vec::IntoIter<Range<usize>>, usize)>,
    /// How many requests of the list have been read.
    list_index: usize,
    /// The errors of spans of the last request that have not been returned yet.
    pending_errors: vec::IntoIter<ParseError>,
}

/// Returns an iterator over the requests of a text, each read as by [`parse`](super::parse).
///
/// A request that cannot be read yields an error, and reading continues: text that no request can be made of is skipped up to the
/// next line that starts like a request. Of a file of JSON lines, only the line that is cut or foreign is therefore lost. If
/// parts of a request cannot be read, such as spans that have no valid id, the errors follow the request with the other spans.
///
/// ```
/// use sentry_genai_gateway::{Request, otlp_json::requests};
///
/// let text = "{\"resourceLogs\":[]}\n{\"resourceSpans\":[]}\n{\"resourceSp";
/// let read: Vec<_> = requests(text).collect();
/// assert!(matches!(read[0], Ok(Request::OtherSignal)));
/// assert!(matches!(read[1], Ok(Request::Traces(_))));
/// assert!(read[2].as_ref().is_err_and(|error| error.to_string().starts_with("line 3, column 12: EOF")));
/// ```
pub fn requests(text: &str) -> Requests<'_> {
    Requests {
        text: non_finite::replace(surrogates::replace(text)),
        offset: 0,
        newlines: 0,
        counted_up_to: 0,
        rereads: 0,
        list: None,
        list_index: 0,
        pending_errors: Vec::new().into_iter(),
    }
}

impl Iterator for Requests<'_> {
    type Item = Result<Request, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.pending_errors.next() {
                return Some(Err(error));
            }
            if let Some(request) = self.next_listed() {
                return Some(request);
            }
            let rest = &self.text[self.offset..];
            let start = self.offset + rest.len() - rest.trim_ascii_start().len();
            let value = match self.next_value(start)? {
                Ok(value) => value,
                Err(error) => return Some(Err(error)),
            };
            let line = self.line_of(start);
            let text = &self.text[value.clone()];
            if !text.starts_with('[') {
                return Some(self.read(value, &Path::Root, line));
            }
            let requests = ranges_of_items(text, value.start);
            if requests.is_empty() {
                return Some(Err(Path::Root.error("an object").on_line(line)));
            }
            self.list = Some((requests.into_iter(), line));
            self.list_index = 0;
        }
    }
}

impl Requests<'_> {
    fn next_listed(&mut self) -> Option<Result<Request, ParseError>> {
        let (list, line) = self.list.as_mut()?;
        let line = *line;
        let Some(request) = list.next() else {
            self.list = None;
            return None;
        };
        let path = Path::Item(&Path::Root, self.list_index);
        self.list_index += 1;
        Some(self.read(request, &path, line))
    }

    fn read(
        &mut self,
        request: Range<usize>,
        path: &Path<'_>,
        line: usize,
    ) -> Result<Request, ParseError> {
        let on_line = |error: ParseError| error.on_line(line);
        let contents = read_request(&self.text[request], path).map_err(on_line)?;
        let Traces { spans, errors } = match contents {
            RequestContents::Traces(traces) => traces,
            RequestContents::Events(events) if events.is_empty() => {
                return Ok(Request::OtherSignal);
            }
            RequestContents::Events(events) => return Ok(Request::Events(events)),
        };
        let errors: Vec<_> = errors.into_iter().map(on_line).collect();
        self.pending_errors = errors.into_iter();
        if spans.is_empty()
            && let Some(error) = self.pending_errors.next()
        {
            return Err(error);
        }
        Ok(Request::Traces(spans))
    }

    /// Finds the value that starts at `start`. On an error, advances to the next line that may be a request.
    fn next_value(&mut self, start: usize) -> Option<Result<Range<usize>, ParseError>> {
        let end = match self.rereads {
            0..MAX_REREADS => self.text.len(),
            _ => self.next_start(start),
        };
        let error = match first_value(&self.text[start..end])? {
            Ok(length) => {
                self.offset = start + length;
                return Some(Ok(start..self.offset));
            }
            Err(error) => error,
        };
        let position = start + line_start(&self.text[start..], error.line()) + error.column();
        self.offset = self.next_start(start);
        if position > self.offset {
            self.rereads = self.rereads.saturating_add(1);
        }
        // A value that runs on into the next line or request was cut. The error is reported where it should have ended.
        let end = match self.text.as_bytes().get(position) {
            Some(b'\n') => position,
            _ if error.column() == 0 => position,
            _ => self.offset,
        };
        let error = if end <= position
            && let Some(Err(cut)) = first_value(self.text[start..end].trim_ascii_end())
        {
            cut
        } else {
            error
        };
        Some(Err(self.syntax(&error, start)))
    }

    /// Returns the start of the next line that may be a request, or the end of the text.
    fn next_start(&self, start: usize) -> usize {
        let newlines = self.text[start..].match_indices('\n');
        newlines
            .map(|(newline, _)| start + newline + 1)
            .find(|line| starts_as_request(&self.text[*line..]))
            .unwrap_or(self.text.len())
    }

    fn syntax(&mut self, error: &serde_json::Error, start: usize) -> ParseError {
        let line = self.line_of(start);
        let before = match error.line() {
            1 => start - line_start_before(&self.text, start),
            _ => 0,
        };
        ParseError::Syntax {
            line: line + error.line() - 1,
            column: before + error.column(),
            message: error_message(error),
        }
    }

    /// Returns the line of the position `start`, which must not be before any position asked for earlier.
    fn line_of(&mut self, start: usize) -> usize {
        self.newlines += self.text[self.counted_up_to..start].matches('\n').count();
        self.counted_up_to = start;
        1 + self.newlines
    }
}

/// Returns the length of the first value of a text.
fn first_value(text: &str) -> Option<Result<usize, serde_json::Error>> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = stream.next()?;
    Some(value.map(|_| stream.byte_offset()))
}

/// Returns where the items of a list are in the text that the list starts in at `start`.
fn ranges_of_items(list: &str, start: usize) -> Vec<Range<usize>> {
    let items: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
    let ranges = items.into_iter().map(|item| {
        let item = item.get();
        let offset = start + (item.as_ptr().addr() - list.as_ptr().addr());
        offset..offset + item.len()
    });
    ranges.collect()
}

/// Returns the offset at which a line starts; lines are counted from 1.
fn line_start(text: &str, line: usize) -> usize {
    let mut newlines = text.match_indices('\n');
    line.checked_sub(2)
        .and_then(|before| newlines.nth(before))
        .map_or(0, |(newline, _)| newline + 1)
}

fn line_start_before(text: &str, position: usize) -> usize {
    text[..position]
        .rfind('\n')
        .map_or(0, |newline| newline + 1)
}

/// Returns whether a line starts like a request, alone or in a list. Lines within a request do not.
fn starts_as_request(line: &str) -> bool {
    // A blank line is none. Skipping it would look at each run of blank lines as often as it has lines.
    let line = line.trim_start_matches([' ', '\t', '\r']);
    let object = line.strip_prefix('[').map_or(line, str::trim_ascii_start);
    let Some(fields) = object.strip_prefix('{') else {
        return false;
    };
    let Some(name) = fields.trim_ascii_start().strip_prefix('"') else {
        return false;
    };
    let mut names = TRACES.iter().chain(LOGS).chain(OTHER_SIGNALS);
    names.any(|known| {
        name.strip_prefix(known)
            .is_some_and(|rest| rest.starts_with('"'))
    })
}

/// The contents of a request.
enum RequestContents {
    Traces(Traces),
    /// The events of a request of logs, if any; empty for other signals.
    Events(Vec<ReceivedEvent>),
}

fn read_request(request: &str, path: &Path<'_>) -> Result<RequestContents, ParseError> {
    let fields: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(request);
    let fields = fields.map_err(|_| path.error("an object"))?;
    let list_of = |names: &[&'static str]| {
        names
            .iter()
            .find_map(|name| Some((*name, *fields.get(*name)?)))
    };
    if let Some((name, list)) = list_of(TRACES) {
        return read_traces(list, &Path::Field(path, name)).map(RequestContents::Traces);
    }
    if let Some((_, list)) = list_of(LOGS) {
        return Ok(RequestContents::Events(logs::read(list)));
    }
    if list_of(OTHER_SIGNALS).is_some() {
        return Ok(RequestContents::Events(Vec::new()));
    }
    // An empty list need not be written.
    if fields.is_empty() {
        return Ok(RequestContents::Traces(Traces::default()));
    }
    // Some tools keep the list alone.
    Err(path.error(EXPECTED_REQUEST))
}
