//! The messages of a file, one after the other, and of which signal they are.

use std::{sync::Arc, vec};

use prost::Message;

use super::{
    DecodeError, attributes,
    messages::{LogRecord, ResourceLogs, ResourceMetrics, ResourceSpans, ScopeSpans},
    read_record, read_span, text,
};
use crate::{ReceivedEvent, ReceivedSpan, Request};

/// The requests of a file, or what is wrong with them; made by [`requests`].
#[derive(Debug)]
pub struct Requests<'a> {
    bytes: &'a [u8],
    /// Where what has not been read starts.
    offset: usize,
    is_framed: bool,
    /// What else the last message held, and why parts of it could not be read.
    rest: vec::IntoIter<Result<Request, DecodeError>>,
}

/// Returns the requests of a file, each as [`decode`](super::decode) reads it.
///
/// One that cannot be read is an error, and the next one follows. So nothing is lost of a file that is still being written but
/// the message that is cut. Of a request in which a span cannot be read, or has no valid id, the errors follow the other spans. Where
/// bodies of requests stand one behind the other without their lengths, which makes one message of them, there is a request for each
/// signal.
pub fn requests(bytes: &[u8]) -> Requests<'_> {
    Requests {
        bytes,
        offset: 0,
        // No message starts with a zero, and no request has the 16 MB that its length would need to start with anything else.
        is_framed: bytes.first() == Some(&0),
        rest: Vec::new().into_iter(),
    }
}

impl Iterator for Requests<'_> {
    type Item = Result<Request, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(read) = self.rest.next() {
                return Some(read);
            }
            let (message, start) = match self.next_message()? {
                Ok(message) => message,
                Err(error) => return Some(Err(error)),
            };
            self.rest = Content::of(message, start).into_requests().into_iter();
        }
    }
}

impl<'a> Requests<'a> {
    /// Returns the next message, and where it starts.
    fn next_message(&mut self) -> Option<Result<(&'a [u8], usize), DecodeError>> {
        let rest = self.bytes.get(self.offset..)?;
        if !self.is_framed {
            self.offset = usize::MAX;
            return Some(Ok((rest, 0)));
        }
        if rest.is_empty() {
            return None;
        }
        let message = rest.split_first_chunk().and_then(|(length, after)| {
            let length = u32::from_be_bytes(*length) as usize;
            after.get(..length)
        });
        let Some(message) = message else {
            let offset = std::mem::replace(&mut self.offset, usize::MAX);
            return Some(Err(DecodeError::Encoding {
                offset,
                message: "a message ends before its length".to_owned(),
            }));
        };
        let start = self.offset + size_of::<u32>();
        self.offset = start + message.len();
        Some(Ok((message, start)))
    }
}

/// What there is in a message.
#[derive(Default)]
struct Content {
    spans: Vec<ReceivedSpan>,
    events: Vec<ReceivedEvent>,
    has_other_signal: bool,
    errors: Vec<DecodeError>,
}

/// The field of every request that has what came from one resource.
const RESOURCE: usize = 1;

/// The field that a request of profiles has beside it, and no other.
const DICTIONARY: usize = 2;

impl Content {
    /// Reads the message that starts at `start`.
    fn of(message: &[u8], start: usize) -> Self {
        let mut content = Self::default();
        let (mut count, mut has_dictionary) = (0, false);
        for field in Fields(message, message.len()) {
            match field {
                Ok((RESOURCE, offset, part)) => {
                    content.read(part, start + offset, count);
                    count += 1;
                }
                Ok((number, ..)) => has_dictionary |= number == DICTIONARY,
                Err((offset, problem)) => content.errors.push(DecodeError::Encoding {
                    offset: start + offset,
                    message: format!("ExportTraceServiceRequest.resource_spans: {problem}"),
                }),
            }
        }
        if has_dictionary && content.spans.is_empty() && content.events.is_empty() {
            content.has_other_signal = true;
            content.errors.clear();
        }
        content
    }

    /// Reads what came from the resource of that number.
    ///
    /// It is of the signal whose types its fields have: each has some of another type where others have their times. So what has a span,
    /// which has a time, is of traces.
    fn read(&mut self, bytes: &[u8], offset: usize, number: usize) {
        let (spans, errors) = match decoded::<ResourceSpans>(bytes, offset) {
            Ok(traces) => read_spans(traces, number),
            Err(error) => {
                let (traces, mut errors) = salvaged(bytes, offset);
                let (spans, unread) = read_spans(traces, number);
                errors.extend(unread);
                if errors.is_empty() {
                    errors.push(error);
                }
                (spans, errors)
            }
        };
        if spans.is_empty()
            && let Some(records) = records(bytes)
        {
            let before = self.events.len();
            let records = records.into_iter();
            let events = records.filter_map(|(scope, record)| read_record(record, &scope));
            self.events.extend(events);
            self.has_other_signal |= self.events.len() == before;
        } else if spans.is_empty() && has_metrics(bytes) {
            self.has_other_signal = true;
        } else {
            self.spans.extend(spans);
            self.errors.extend(errors);
        }
    }

    fn into_requests(self) -> Vec<Result<Request, DecodeError>> {
        let mut requests = Vec::new();
        let has_events = !self.events.is_empty();
        let is_other = self.has_other_signal && !has_events;
        // A request without spans is one.
        if !self.spans.is_empty() || !(has_events || is_other || !self.errors.is_empty()) {
            requests.push(Ok(Request::Traces(self.spans)));
        }
        if has_events {
            requests.push(Ok(Request::Events(self.events)));
        }
        if is_other {
            requests.push(Ok(Request::OtherSignal));
        }
        requests.extend(self.errors.into_iter().map(Err));
        requests
    }
}

/// Returns the spans of a resource, and why others of it could not be read.
fn read_spans(traces: ResourceSpans, number: usize) -> (Vec<ReceivedSpan>, Vec<DecodeError>) {
    let (mut spans, mut errors) = (Vec::new(), Vec::new());
    let resource = traces.resource.unwrap_or_default();
    let resource = Arc::new(attributes(resource.attributes));
    for (scope_number, scope_spans) in traces.scope_spans.into_iter().enumerate() {
        let scope = text(scope_spans.scope.unwrap_or_default().name);
        for (span_number, span) in scope_spans.spans.into_iter().enumerate() {
            let path = |field: &str| {
                format!(
                    "resource_spans[{number}].scope_spans[{scope_number}].spans[{span_number}].{field}"
                )
            };
            match read_span(span, &scope, path) {
                Ok(span) => spans.push(ReceivedSpan::over_otlp(&resource, span)),
                Err(error) => errors.push(error),
            }
        }
    }
    (spans, errors)
}

/// Decodes part by part what cannot be decoded as a whole, so that a span that cannot be read costs no other.
fn salvaged(bytes: &[u8], offset: usize) -> (ResourceSpans, Vec<DecodeError>) {
    /// The fields of spans and of what has them.
    const PARTS: usize = 2;

    let mut traces = ResourceSpans::default();
    let mut errors = Vec::new();
    for (number, start, part) in parts(bytes, offset, &mut errors) {
        match number {
            RESOURCE => traces.resource = kept(decoded(part, start), &mut errors),
            PARTS => {
                let scope_spans = decoded(part, start).unwrap_or_else(|_| {
                    let mut scope_spans = ScopeSpans::default();
                    for (number, start, part) in parts(part, start, &mut errors) {
                        match number {
                            RESOURCE => scope_spans.scope = kept(decoded(part, start), &mut errors),
                            PARTS => {
                                let span = kept(decoded(part, start), &mut errors);
                                scope_spans.spans.extend(span);
                            }
                            _ => {}
                        }
                    }
                    scope_spans
                });
                traces.scope_spans.push(scope_spans);
            }
            _ => {}
        }
    }
    (traces, errors)
}

fn kept<M>(decoded: Result<M, DecodeError>, errors: &mut Vec<DecodeError>) -> Option<M> {
    decoded.map_err(|error| errors.push(error)).ok()
}

/// Returns the fields with a length of a message that starts at `offset`, each with its number and where it starts, up to what is wrong.
fn parts<'a>(
    message: &'a [u8],
    offset: usize,
    errors: &mut Vec<DecodeError>,
) -> Vec<(usize, usize, &'a [u8])> {
    let mut parts = Vec::new();
    for field in Fields(message, message.len()) {
        match field {
            Ok((number, start, part)) => parts.push((number, offset + start, part)),
            Err((start, problem)) => errors.push(DecodeError::Encoding {
                offset: offset + start,
                message: format!("ExportTraceServiceRequest.resource_spans: {problem}"),
            }),
        }
    }
    parts
}

/// Returns the records, each with its scope, if it is logs that came from a resource.
fn records(bytes: &[u8]) -> Option<Vec<(Arc<str>, LogRecord)>> {
    let scopes = ResourceLogs::decode(bytes).ok()?.scope_logs.into_iter();
    let records: Vec<_> = scopes
        .flat_map(|logs| {
            let scope: Arc<str> = text(logs.scope.unwrap_or_default().name).into();
            let records = logs.log_records.into_iter();
            records.map(move |record| (Arc::clone(&scope), record))
        })
        .collect();
    (!records.is_empty()).then_some(records)
}

fn has_metrics(bytes: &[u8]) -> bool {
    ResourceMetrics::decode(bytes).is_ok_and(|metrics| {
        let mut scopes = metrics.scope_metrics.iter();
        scopes.any(|scope| !scope.metrics.is_empty())
    })
}

fn decoded<M: Message + Default>(bytes: &[u8], offset: usize) -> Result<M, DecodeError> {
    let mut rest = bytes;
    M::decode(&mut rest).map_err(|error| {
        let message = error.to_string();
        let message = message
            .strip_prefix("failed to decode Protobuf message: ")
            .unwrap_or(&message);
        DecodeError::Encoding {
            offset: offset + bytes.len() - rest.len(),
            message: format!("ExportTraceServiceRequest.resource_spans: {message}"),
        }
    })
}

/// What is left of a message, and how long it was: its fields that have a length, each with its number and where it starts. The first error
/// is the last of them.
struct Fields<'a>(&'a [u8], usize);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(usize, usize, &'a [u8]), (usize, &'static str)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.0.is_empty() {
                return None;
            }
            match self.step() {
                Ok(None) => {}
                Ok(Some((number, field))) => {
                    let start = self.1 - self.0.len() - field.len();
                    return Some(Ok((number, start, field)));
                }
                Err(problem) => {
                    let offset = self.1 - self.0.len();
                    self.0 = &[];
                    return Some(Err((offset, problem)));
                }
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// Goes over one field, and returns its number and its content if it has a length.
    fn step(&mut self) -> Result<Option<(usize, &'a [u8])>, &'static str> {
        let key = self.varint()?;
        let (number, length) = match (key >> 3, key & 7) {
            (number, 2) => (Some(number), self.varint()?),
            (RESOURCE, _) => return Err("invalid wire type"),
            (_, 0) => return self.varint().map(|_| None),
            (_, 1) => (None, 8),
            (_, 5) => (None, 4),
            _ => return Err("invalid wire type"),
        };
        let (field, rest) = self.0.split_at_checked(length).ok_or("buffer underflow")?;
        self.0 = rest;
        Ok(number.map(|number| (number, field)))
    }

    fn varint(&mut self) -> Result<usize, &'static str> {
        prost::decode_length_delimiter(&mut self.0).map_err(|_| "invalid varint")
    }
}
