//! OTLP/protobuf trace export requests, as exporters send them and the Collector's file exporter writes them.

use std::{borrow::Cow, fmt, sync::Arc, vec};

use prost::Message as _;
use sentry_genai_conventions::{
    Attributes, Link, Scalar, SourceEvent, SourceSpan, SourceStatus, SpanId, SpanKind, Timestamp,
    TraceId,
};
use serde_json::{Map, Value};

use crate::{ReceivedSpan, any_value::AnyValue};

mod messages;

use messages::{AnyValueKind, ExportTraceServiceRequest, KeyValue};

/// Why bytes are no OTLP/protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are no protobuf message of the right type.
    #[non_exhaustive]
    Encoding {
        /// About where, in bytes from the start.
        offset: usize,
        /// In which fields, from the inside out, and what is wrong.
        message: String,
    },
    /// A span lacks a valid id.
    #[non_exhaustive]
    Id {
        /// The path of the id, such as `resource_spans[0].scope_spans[2].spans[17].trace_id`.
        path: String,
        /// How many bytes it should have.
        bytes: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { offset, message } => write!(f, "byte {offset}: {message}"),
            Self::Id { path, bytes } => {
                write!(f, "{path}: expected {bytes} bytes, not all zero")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads all spans of an `ExportTraceServiceRequest`, or of several, each after its length in four bytes, most significant
/// first.
///
/// Attribute values that are maps, or lists of anything but scalars of one type, become JSON texts. A number that is not
/// finite is no value, and what is no UTF-8 in a text is replaced.
///
/// # Errors
///
/// If the bytes are no such message, or if a span has no valid trace id or span id.
pub fn decode(bytes: &[u8]) -> Result<Vec<ReceivedSpan>, DecodeError> {
    let mut spans = Vec::new();
    for request in requests(bytes) {
        spans.append(&mut request?);
    }
    Ok(spans)
}

/// The requests of a file, or what is wrong with them; made by [`requests`].
#[derive(Debug)]
pub struct Requests<'a> {
    bytes: &'a [u8],
    /// Where what has not been read starts.
    offset: usize,
    is_framed: bool,
    /// Why spans of the last request could not be read.
    unread: vec::IntoIter<DecodeError>,
}

/// Returns the spans of each request, as [`decode`] reads them.
///
/// One that cannot be read is an error, and the next one follows. So nothing is lost of a file that is still being written but
/// the message that is cut. Of a request in which a span has no valid id, the errors follow the other spans.
pub fn requests(bytes: &[u8]) -> Requests<'_> {
    Requests {
        bytes,
        offset: 0,
        // No message starts with a zero, and no request has the 16 MB that its length would need to start with anything else.
        is_framed: bytes.first() == Some(&0),
        unread: Vec::new().into_iter(),
    }
}

impl Iterator for Requests<'_> {
    type Item = Result<Vec<ReceivedSpan>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.unread.next() {
            return Some(Err(error));
        }
        let rest = self.bytes.get(self.offset..)?;
        if !self.is_framed {
            self.offset = usize::MAX;
            return Some(self.decode(rest, 0));
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
        Some(self.decode(message, start))
    }
}

impl Requests<'_> {
    fn decode(&mut self, bytes: &[u8], offset: usize) -> Result<Vec<ReceivedSpan>, DecodeError> {
        let (spans, errors) = decode_request(bytes, offset)?;
        self.unread = errors.into_iter();
        if spans.is_empty()
            && let Some(error) = self.unread.next()
        {
            return Err(error);
        }
        Ok(spans)
    }
}

/// Returns the spans of a request, and why others of it could not be read.
fn decode_request(
    bytes: &[u8],
    offset: usize,
) -> Result<(Vec<ReceivedSpan>, Vec<DecodeError>), DecodeError> {
    let mut spans = Vec::new();
    let mut errors = Vec::new();
    let mut rest = bytes;
    let request = ExportTraceServiceRequest::decode(&mut rest).map_err(|error| {
        let message = error.to_string();
        let message = message
            .strip_prefix("failed to decode Protobuf message: ")
            .unwrap_or(&message);
        DecodeError::Encoding {
            offset: offset + bytes.len() - rest.len(),
            message: message.to_owned(),
        }
    })?;
    for (number, resource_spans) in request.resource_spans.into_iter().enumerate() {
        let resource = resource_spans.resource.unwrap_or_default();
        let resource = Arc::new(attributes(resource.attributes));
        for (scope_number, scope_spans) in resource_spans.scope_spans.into_iter().enumerate() {
            let scope = text(scope_spans.scope.unwrap_or_default().name);
            for (span_number, span) in scope_spans.spans.into_iter().enumerate() {
                match read_span(span, &scope) {
                    Ok(span) => spans.push(ReceivedSpan::over_otlp(&resource, span)),
                    Err((field, bytes)) => errors.push(DecodeError::Id {
                        path: format!(
                            "resource_spans[{number}].scope_spans[{scope_number}].spans[{span_number}].{field}"
                        ),
                        bytes,
                    }),
                }
            }
        }
    }
    Ok((spans, errors))
}

/// Reads a span, or says which id is wrong and how many bytes it should have.
fn read_span(span: messages::Span, scope: &str) -> Result<SourceSpan, (&'static str, usize)> {
    let trace_id = trace_id(&span.trace_id).ok_or(("trace_id", 16))?;
    let id = span_id(&span.span_id).ok_or(("span_id", 8))?;
    let start = Timestamp::from_nanos(span.start_time_unix_nano);
    let mut source = SourceSpan::new(trace_id, id, text(span.name), start);
    source.end = Timestamp::from_nanos(span.end_time_unix_nano).max(start);
    source.parent_span_id = span_id(&span.parent_span_id);
    source.scope = Cow::Owned(scope.to_owned());
    source.kind = kind(span.kind);
    source.status = match span.status {
        Some(status) if status.code == 1 => SourceStatus::Ok,
        Some(status) if status.code == 2 => {
            SourceStatus::Error((!status.message.is_empty()).then(|| text(status.message)))
        }
        _ => SourceStatus::Unset,
    };
    source.attributes = attributes(span.attributes);
    source.events = span.events.into_iter().map(read_event).collect();
    // A link without valid ids leads nowhere and is left out.
    source.links = span.links.iter().filter_map(read_link).collect();
    Ok(source)
}

fn read_event(event: messages::Event) -> SourceEvent {
    let mut source = SourceEvent::new(text(event.name));
    let is_timed = event.time_unix_nano != 0;
    source.time = is_timed.then(|| Timestamp::from_nanos(event.time_unix_nano));
    source.attributes = attributes(event.attributes);
    source
}

fn read_link(link: &messages::Link) -> Option<Link> {
    let sampled = link.flags & 1 == 1;
    Some(Link::new(
        trace_id(&link.trace_id)?,
        span_id(&link.span_id)?,
        sampled,
    ))
}

/// What is no UTF-8, such as half a letter where a text was cut, is replaced.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::from_bytes(bytes.try_into().ok()?)
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::from_bytes(bytes.try_into().ok()?)
}

fn kind(number: i32) -> Option<SpanKind> {
    match number {
        1 => Some(SpanKind::Internal),
        2 => Some(SpanKind::Server),
        3 => Some(SpanKind::Client),
        4 => Some(SpanKind::Producer),
        5 => Some(SpanKind::Consumer),
        _ => None,
    }
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    let mut attributes = Attributes::default();
    for KeyValue { key, value } in list {
        any_value(value).push(&mut attributes, &text(key));
    }
    attributes
}

fn any_value(value: Option<messages::AnyValue>) -> AnyValue {
    match value.and_then(|value| value.value) {
        None => AnyValue::Nothing,
        Some(AnyValueKind::String(bytes)) => AnyValue::Scalar(Scalar::Str(text(bytes))),
        Some(AnyValueKind::Bool(value)) => AnyValue::Scalar(Scalar::Bool(value)),
        Some(AnyValueKind::Int(number)) => AnyValue::Scalar(Scalar::Integer(number)),
        Some(AnyValueKind::Double(number)) => AnyValue::double(number),
        Some(AnyValueKind::Array(list)) => {
            let values = list.values.into_iter().map(|value| any_value(Some(value)));
            AnyValue::array(values.collect())
        }
        Some(AnyValueKind::Map(list)) => {
            let entries = list
                .values
                .into_iter()
                .map(|entry| (text(entry.key), any_value(entry.value).into_json()));
            AnyValue::Json(Value::Object(entries.collect::<Map<_, _>>()))
        }
        Some(AnyValueKind::Bytes(bytes)) => AnyValue::bytes(bytes),
    }
}

#[cfg(test)]
mod tests;
