//! Iterates over the messages of a file, and detects their signals.

use std::{sync::Arc, vec};

use prost::Message;

use super::{
    DecodeError, attributes,
    messages::{LogRecord, ResourceLogs, ResourceMetrics, ResourceSpans, ScopeSpans},
    read_record, read_span, text,
};
use crate::{ReceivedEvent, ReceivedSpan, Request};

/// An iterator over the requests of a file and the errors in it, created by [`requests`].
#[derive(Debug)]
pub struct Requests<'a> {
    bytes: &'a [u8],
    /// The start of the unread bytes.
    offset: usize,
    is_framed: bool,
    /// The remaining contents of the last message, and the errors of its parts that could not be read.
    pending: vec::IntoIter<Result<Request, DecodeError>>,
}

/// Returns an iterator over the requests of a file, each read as by [`decode`](super::decode).
///
/// A request that cannot be read yields an error, and the next one follows. Of a file that is still being written, only the
/// message that is cut is therefore lost. If spans of a request cannot be read, or have no valid id, the errors follow the
/// request with the other spans. If bodies of requests were concatenated without their lengths, which makes them one message,
/// there is one request per signal.
pub fn requests(bytes: &[u8]) -> Requests<'_> {
    Requests {
        bytes,
        offset: 0,
        // No message starts with a zero byte, and no request is as long as the 16 MB that would make its length start with
        // another byte.
        is_framed: bytes.first() == Some(&0),
        pending: Vec::new().into_iter(),
    }
}

impl Iterator for Requests<'_> {
    type Item = Result<Request, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(read) = self.pending.next() {
                return Some(read);
            }
            let (message, start) = match self.next_message()? {
                Ok(message) => message,
                Err(error) => return Some(Err(error)),
            };
            self.pending = Content::of(message, start).into_requests().into_iter();
        }
    }
}

impl<'a> Requests<'a> {
    /// Returns the next message, and its position.
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
                message: "a message is shorter than its length prefix".to_owned(),
            }));
        };
        let start = self.offset + size_of::<u32>();
        self.offset = start + message.len();
        Some(Ok((message, start)))
    }
}

/// The contents of a message.
#[derive(Default)]
struct Content {
    spans: Vec<ReceivedSpan>,
    events: Vec<ReceivedEvent>,
    has_other_signal: bool,
    errors: Vec<DecodeError>,
}

/// The field of every request that holds the data of one resource.
const RESOURCE: usize = 1;

/// The field that only requests of profiles have in addition.
const DICTIONARY: usize = 2;

/// The field of `ScopeSpans` that names the scope.
const SCOPE: usize = 1;

/// The field of the spans in `ScopeSpans`, and of these in `ResourceSpans`.
const CHILDREN: usize = 2;

impl Content {
    /// Reads the message that starts at `start`.
    fn of(message: &[u8], start: usize) -> Self {
        let mut content = Self::default();
        let (mut count, mut has_dictionary) = (0, false);
        let mut errors = Vec::new();
        for (number, offset, part) in fields_of(message, start, &mut errors) {
            if number == RESOURCE {
                content.read(part, offset, count);
                count += 1;
            } else {
                has_dictionary |= number == DICTIONARY;
            }
        }
        content.errors.extend(errors);
        if has_dictionary && content.spans.is_empty() && content.events.is_empty() {
            content.has_other_signal = true;
            content.errors.clear();
        }
        content
    }

    /// Reads the data of one resource; `number` is its index.
    ///
    /// Its signal is the one whose types match its fields, since each signal has fields of another type where the others have
    /// their times. Data that contains a span, which has a time, is therefore of traces.
    fn read(&mut self, bytes: &[u8], offset: usize, number: usize) {
        let (spans, errors) = match decode_message::<ResourceSpans>(bytes, offset) {
            Ok(traces) => read_spans(traces, number),
            Err(error) => {
                let (traces, mut errors) = decode_partially(bytes, offset);
                let (spans, span_errors) = read_spans(traces, number);
                errors.extend(span_errors);
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
        // A message without any contents is a request without spans.
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

/// Returns the spans of a resource, and the errors of those that could not be read.
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

/// Decodes the parts of what cannot be decoded as a whole, so that one unreadable span does not affect the others.
fn decode_partially(bytes: &[u8], offset: usize) -> (ResourceSpans, Vec<DecodeError>) {
    let mut traces = ResourceSpans::default();
    let mut errors = Vec::new();
    for (number, start, part) in fields_of(bytes, offset, &mut errors) {
        match number {
            RESOURCE => traces.resource = decode_or_push_error(part, start, &mut errors),
            CHILDREN => {
                let scope_spans = decode_message(part, start)
                    .unwrap_or_else(|_| decode_scope_spans_partially(part, start, &mut errors));
                traces.scope_spans.push(scope_spans);
            }
            _ => {}
        }
    }
    (traces, errors)
}

fn decode_scope_spans_partially(
    bytes: &[u8],
    offset: usize,
    errors: &mut Vec<DecodeError>,
) -> ScopeSpans {
    let mut scope_spans = ScopeSpans::default();
    for (number, start, part) in fields_of(bytes, offset, errors) {
        match number {
            SCOPE => scope_spans.scope = decode_or_push_error(part, start, errors),
            CHILDREN => (scope_spans.spans).extend(decode_or_push_error(part, start, errors)),
            _ => {}
        }
    }
    scope_spans
}

fn decode_or_push_error<M: Message + Default>(
    bytes: &[u8],
    offset: usize,
    errors: &mut Vec<DecodeError>,
) -> Option<M> {
    let decoded = decode_message(bytes, offset);
    decoded.map_err(|error| errors.push(error)).ok()
}

/// Returns the length-delimited fields of a message that starts at `offset`, each with its number and position, up to the first
/// error.
fn fields_of<'a>(
    message: &'a [u8],
    offset: usize,
    errors: &mut Vec<DecodeError>,
) -> Vec<(usize, usize, &'a [u8])> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        match next_field(&mut rest) {
            Ok(None) => {}
            Ok(Some((number, field))) => {
                let start = message.len() - rest.len() - field.len();
                fields.push((number, offset + start, field));
            }
            Err(problem) => {
                errors.push(DecodeError::Encoding {
                    offset: offset + message.len() - rest.len(),
                    message: format!("ExportTraceServiceRequest.resource_spans: {problem}"),
                });
                break;
            }
        }
    }
    fields
}

/// Skips one field. Returns its number and contents if it is length-delimited.
fn next_field<'a>(rest: &mut &'a [u8]) -> Result<Option<(usize, &'a [u8])>, &'static str> {
    let key = varint(rest)?;
    let (number, length) = match (key >> 3, key & 7) {
        (number, 2) => (Some(number), varint(rest)?),
        (RESOURCE, _) => return Err("invalid wire type"),
        (_, 0) => return varint(rest).map(|_| None),
        (_, 1) => (None, 8),
        (_, 5) => (None, 4),
        _ => return Err("invalid wire type"),
    };
    let (field, after) = rest.split_at_checked(length).ok_or("buffer underflow")?;
    *rest = after;
    Ok(number.map(|number| (number, field)))
}

fn varint(rest: &mut &[u8]) -> Result<usize, &'static str> {
    prost::decode_length_delimiter(rest).map_err(|_| "invalid varint")
}

/// Returns the log records, each with its scope, if the data of a resource is of logs.
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

fn decode_message<M: Message + Default>(bytes: &[u8], offset: usize) -> Result<M, DecodeError> {
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
