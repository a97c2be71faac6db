//! Reads OTLP/protobuf trace export requests, as exporters send them and the Collector's file exporter writes them.

use std::{borrow::Cow, fmt, sync::Arc};

use sentry_genai_conventions::{
    Attributes, Link, Scalar, SourceEvent, SourceSpan, SpanId, Timestamp, TraceId,
};
use serde_json::{Map, Value};

use crate::{ReceivedEvent, ReceivedSpan, any_value::AnyValue, codes, received::Contents};

mod messages;
mod requests;

use messages::{AnyValueKind, KeyValue};
pub use requests::{Requests, requests};

/// Why bytes are not OTLP/protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not a protobuf message of the right type.
    #[non_exhaustive]
    Encoding {
        /// The approximate position, in bytes from the start.
        offset: usize,
        /// The fields that contain the error, innermost first, and what is wrong.
        message: String,
    },
    /// A span lacks a valid id.
    #[non_exhaustive]
    Id {
        /// The path of the id, such as `resource_spans[0].scope_spans[2].spans[17].trace_id`.
        path: String,
        /// The number of bytes that the id should have.
        bytes: usize,
    },
    /// A span lacks a time.
    #[non_exhaustive]
    Time {
        /// The path of its start, such as `resource_spans[0].scope_spans[2].spans[17].start_time_unix_nano`.
        path: String,
    },
}

impl DecodeError {
    /// Creates the error for a file that contains only requests of other signals.
    pub(crate) fn no_traces() -> Self {
        Self::Encoding {
            offset: 0,
            message: "expected resource_spans, not only metrics, logs or profiles".to_owned(),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { offset, message } => write!(f, "byte {offset}: {message}"),
            Self::Id { path, bytes } => {
                write!(f, "{path}: expected {bytes} bytes, not all zero")
            }
            Self::Time { path } => write!(f, "{path}: expected nanoseconds since 1970"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads all spans of one `ExportTraceServiceRequest`, or of several, each preceded by its length in four bytes, most significant
/// byte first.
///
/// - Attribute values that are maps, or lists of anything but scalars of one type, become JSON texts.
/// - A number that is not finite counts as no value.
/// - Invalid UTF-8 in a text is replaced.
/// - A missing start or end of a span is taken from the times of its events, or else from the other of the two.
///
/// Records of an `ExportLogsServiceRequest` that are GenAI events become events of their spans. Everything else in requests of
/// other signals is skipped, if there are requests of traces as well.
///
/// # Errors
///
/// Returns an error if the bytes are not such messages, if they contain only requests of other signals, or if a span has no valid
/// trace id or span id, or no time.
pub fn decode(bytes: &[u8]) -> Result<Vec<ReceivedSpan>, DecodeError> {
    let contents: Contents = requests(bytes).collect::<Result<_, _>>()?;
    if !contents.has_traces {
        return Err(DecodeError::no_traces());
    }
    Ok(contents.into_spans())
}

/// Reads the span at `path`.
fn read_span(
    span: messages::Span,
    scope: &str,
    path: impl Fn(&str) -> String,
) -> Result<SourceSpan, DecodeError> {
    let id_error = |field, bytes| DecodeError::Id {
        path: path(field),
        bytes,
    };
    let trace_id = trace_id(&span.trace_id).ok_or_else(|| id_error("trace_id", 16))?;
    let id = span_id(&span.span_id).ok_or_else(|| id_error("span_id", 8))?;
    let start = Timestamp::from_nanos(span.start_time_unix_nano);
    let mut source = SourceSpan::new(trace_id, id, text(span.name), start);
    source.end = Timestamp::from_nanos(span.end_time_unix_nano);
    source.parent_span_id = span_id(&span.parent_span_id);
    source.scope = Cow::Owned(scope.to_owned());
    source.kind = codes::kind(span.kind.into());
    let status = span.status.unwrap_or_default();
    source.status = codes::status(status.code.into(), text(status.message));
    source.attributes = attributes(span.attributes);
    source.events = span.events.into_iter().map(read_event).collect();
    // A link without valid ids leads nowhere and is left out.
    source.links = span.links.into_iter().filter_map(read_link).collect();
    source.record_dropped(
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    );
    ReceivedSpan::complete_times(&mut source).ok_or_else(|| DecodeError::Time {
        path: path("start_time_unix_nano"),
    })?;
    Ok(source)
}

fn read_event(event: messages::Event) -> SourceEvent {
    let mut source = SourceEvent::new(text(event.name));
    source.time = time(event.time_unix_nano);
    source.attributes = attributes(event.attributes);
    source
}

/// Reads a log record, if it is a GenAI event.
fn read_record(record: messages::LogRecord, scope: &Arc<str>) -> Option<ReceivedEvent> {
    let within = trace_id(&record.trace_id).zip(span_id(&record.span_id));
    let name = Some(text(record.event_name));
    let (attributes, body) = (attributes(record.attributes), any_value(record.body));
    let mut received = ReceivedEvent::of_record(within, scope, name, attributes, body)?;
    received.event.time = time(record.time_unix_nano).or(time(record.observed_time_unix_nano));
    Some(received)
}

/// Reads a time; a missing time is encoded as zero.
fn time(nanos: u64) -> Option<Timestamp> {
    (nanos != 0).then(|| Timestamp::from_nanos(nanos))
}

fn read_link(link: messages::Link) -> Option<Link> {
    let sampled = link.flags & 1 == 1;
    let converted = Link::new(trace_id(&link.trace_id)?, span_id(&link.span_id)?, sampled);
    Some(match attributes(link.attributes).text(Link::LINK_TYPE) {
        Some(link_type) => converted.with_type(link_type.to_owned()),
        None => converted,
    })
}

/// Converts a text, replacing invalid UTF-8 such as half a character where a text was cut.
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
