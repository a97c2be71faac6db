//! Iterates over the messages of a file, and detects their signals.

use std::{sync::Arc, vec};

use prost::Message;

use super::{
    DecodeError, attributes,
    messages::{LogRecord, Metric, Resource, Scope},
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
        for field in Fields::of(message, start) {
            match field {
                Ok(field) if field.number == RESOURCE => {
                    content.read(field, count);
                    count += 1;
                }
                Ok(field) => has_dictionary |= field.number == DICTIONARY,
                Err(error) => content.errors.push(error),
            }
        }
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
    fn read(&mut self, resource: Field<'_>, number: usize) {
        let (spans, errors) = read_spans(resource, number);
        if spans.is_empty()
            && let Some(events) = read_events(resource)
        {
            self.has_other_signal |= events.is_empty();
            self.events.extend(events);
        } else if spans.is_empty() && has_metrics(resource) {
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

/// Returns the spans of a resource, and the errors of what could not be read.
///
/// They are decoded one by one, so that one that is unreadable does not affect the others, and because a decoded message takes
/// several times as much memory as its text.
fn read_spans(resource_spans: Field<'_>, number: usize) -> (Vec<ReceivedSpan>, Vec<DecodeError>) {
    let (mut spans, mut errors) = (Vec::new(), Vec::new());
    let resource: Resource = resource_spans.find(RESOURCE, &mut errors);
    let resource = Arc::new(attributes(resource.attributes));
    for (scope_number, scope_spans) in resource_spans.children().enumerate() {
        let scope_spans = match scope_spans {
            Ok(scope_spans) => scope_spans,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let scope: Scope = scope_spans.find(SCOPE, &mut errors);
        let scope = text(scope.name);
        for (span_number, span) in scope_spans.children().enumerate() {
            let path = |field: &str| {
                format!(
                    "resource_spans[{number}].scope_spans[{scope_number}].spans[{span_number}].{field}"
                )
            };
            let decoded = span.and_then(|span| span.decode());
            match decoded.and_then(|span| read_span(span, &scope, path)) {
                Ok(span) => spans.push(ReceivedSpan::over_otlp(&resource, span)),
                Err(error) => errors.push(error),
            }
        }
    }
    (spans, errors)
}

/// A length-delimited field of a message.
#[derive(Clone, Copy)]
struct Field<'a> {
    number: usize,
    content: &'a [u8],
    /// The position of the content, in bytes from the start of the file.
    offset: usize,
}

impl<'a> Field<'a> {
    fn fields(self) -> Fields<'a> {
        Fields::of(self.content, self.offset)
    }

    fn children(self) -> impl Iterator<Item = Result<Field<'a>, DecodeError>> {
        let is_child = |field: &Field<'_>| field.number == CHILDREN;
        self.fields()
            .filter(move |field| field.as_ref().map_or(true, is_child))
    }

    /// Returns the message in the last field with this number. A missing one is empty, and so is one that cannot be read.
    fn find<M: Message + Default>(self, number: usize, errors: &mut Vec<DecodeError>) -> M {
        // An error in the fields is reported when the others are read.
        let fields = self.fields().flatten();
        let Some(found) = fields.filter(|field| field.number == number).last() else {
            return M::default();
        };
        let decoded = found.decode();
        decoded
            .map_err(|error| errors.push(error))
            .unwrap_or_default()
    }

    fn decode<M: Message + Default>(self) -> Result<M, DecodeError> {
        let mut rest = self.content;
        M::decode(&mut rest).map_err(|error| {
            let message = error.to_string();
            let message = message
                .strip_prefix("failed to decode Protobuf message: ")
                .unwrap_or(&message);
            DecodeError::Encoding {
                offset: self.offset + self.content.len() - rest.len(),
                message: format!("ExportTraceServiceRequest.resource_spans: {message}"),
            }
        })
    }
}

/// The length-delimited fields of a message, up to the first error.
struct Fields<'a> {
    rest: &'a [u8],
    /// The position of the end of the message, in bytes from the start of the file.
    end: usize,
}

impl<'a> Fields<'a> {
    /// Returns the fields of a message that starts at `offset`.
    fn of(message: &'a [u8], offset: usize) -> Self {
        Self {
            rest: message,
            end: offset + message.len(),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match next_field(&mut self.rest) {
                Ok(None) => {}
                Ok(Some((number, content))) => {
                    let offset = self.end - self.rest.len() - content.len();
                    return Some(Ok(Field {
                        number,
                        content,
                        offset,
                    }));
                }
                Err(problem) => {
                    let offset = self.end - self.rest.len();
                    self.rest = &[];
                    return Some(Err(DecodeError::Encoding {
                        offset,
                        message: format!("ExportTraceServiceRequest.resource_spans: {problem}"),
                    }));
                }
            }
        }
        None
    }
}

/// Skips one field. Returns its number and contents if it is length-delimited.
fn next_field<'a>(rest: &mut &'a [u8]) -> Result<Option<(usize, &'a [u8])>, &'static str> {
    let key = varint(rest)?;
    let (number, length) = match (key >> 3, key & 7) {
        (number, 2) => (Some(number), varint(rest)?),
        (RESOURCE | CHILDREN, _) => return Err("invalid wire type"),
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

/// Returns the GenAI events of the log records, if the data of a resource is of logs.
fn read_events(resource_logs: Field<'_>) -> Option<Vec<ReceivedEvent>> {
    let (mut events, mut has_records) = (Vec::new(), false);
    for scope_logs in resource_logs.children() {
        let scope_logs = scope_logs.ok()?;
        let mut errors = Vec::new();
        let scope: Scope = scope_logs.find(SCOPE, &mut errors);
        let scope = text(scope.name).into();
        for record in scope_logs.children() {
            let record: LogRecord = record.ok()?.decode().ok()?;
            events.extend(read_record(record, &scope));
            has_records = true;
        }
        if !errors.is_empty() {
            return None;
        }
    }
    has_records.then_some(events)
}

/// Returns whether the data of a resource is of metrics.
fn has_metrics(resource_metrics: Field<'_>) -> bool {
    let mut has_metrics = false;
    for scope_metrics in resource_metrics.children() {
        let Ok(scope_metrics) = scope_metrics else {
            return false;
        };
        for metric in scope_metrics.children() {
            if metric.and_then(|metric| metric.decode::<Metric>()).is_err() {
                return false;
            }
            has_metrics = true;
        }
    }
    has_metrics
}
