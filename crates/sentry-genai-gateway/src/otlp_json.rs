//! Reads OTLP/JSON trace export requests, as OpenTelemetry's exporters, the Collector's file exporter and their imitators write
//! them.

use std::{borrow::Cow, fmt, sync::Arc};

use sentry_genai_conventions::{
    Attributes, Link, SourceEvent, SourceSpan, SourceStatus, SpanKind, Timestamp,
};
use serde_json::{Map, Value, value::RawValue};

use crate::{ReceivedSpan, codes, received::Contents};

mod base64;
mod depth;
mod id;
mod lenient;
mod logs;
mod non_finite;
mod raw;
mod requests;
mod surrogates;
mod values;

use lenient::{List, Object};
use raw::{Attribute, OfResource, OfScope, Record};

pub use requests::{Requests, requests};

/// Why a text is not OTLP/JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is not JSON, or continues after the end of a value.
    #[non_exhaustive]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
        /// What was expected.
        message: String,
    },
    /// The JSON is not an export request.
    #[non_exhaustive]
    Shape {
        /// The line on which the request starts, counted from 1.
        line: usize,
        /// The path of the wrong value, such as `resourceSpans[0].scopeSpans[2].spans[17].traceId`.
        path: String,
        /// What the value should have been.
        expected: &'static str,
    },
}

impl ParseError {
    /// Sets the line on which the request starts.
    fn on_line(mut self, number: usize) -> Self {
        if let Self::Shape { line, .. } = &mut self {
            *line = number;
        }
        self
    }

    /// Creates the error for a file that does not even start like JSON.
    pub(crate) fn not_json() -> Self {
        Self::at_start("expected OTLP traces as JSON or protobuf, or tracing-capture-v1")
    }

    fn at_start(message: &str) -> Self {
        Self::Syntax {
            line: 1,
            column: 1,
            message: message.to_owned(),
        }
    }

    /// Creates the error for a text without a request of traces.
    pub(crate) fn no_traces(contents: &Contents) -> Self {
        if contents.events.is_empty() && contents.other_signals == 0 {
            return Self::at_start("expected an export request");
        }
        Path::Root.error("an object with resourceSpans, not only metrics, logs or profiles")
    }
}

/// What a request of traces is expected to be.
const EXPECTED_REQUEST: &str = "an object with resourceSpans";

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax {
                line,
                column,
                message,
            } => write!(f, "line {line}, column {column}: {message}"),
            Self::Shape {
                line: 1,
                path,
                expected,
            } => write!(f, "{path}: expected {expected}"),
            Self::Shape {
                line,
                path,
                expected,
            } => write!(f, "line {line}, {path}: expected {expected}"),
        }
    }
}

impl std::error::Error for ParseError {}

/// Reads all spans of one or several export requests. Several requests are in a list, or in sequence as in files of JSON lines.
///
/// Imitators deviate from OTLP/JSON, so these variants are read as well:
///
/// - 64-bit integers may be strings or numbers; other numbers and Booleans may be strings.
/// - Enums may be given by number or name.
/// - Ids may be hexadecimal or Base64.
/// - Field names may be in camel case or snake case.
/// - A null, or a number that is not finite, counts as no value.
/// - Attribute values that are objects, or lists of anything but scalars of one type, become JSON texts.
/// - Of a value nested more deeply than 120 levels of JSON, only these levels are read.
/// - A missing start or end of a span is taken from the times of its events, or else from the other of the two.
///
/// Log records that are GenAI events become events of their spans. Everything else in requests of other signals (metrics, logs,
/// profiles) is skipped, if there are requests of traces as well. `{}` is a request without spans.
///
/// To continue after an error, use [`requests()`].
///
/// # Errors
///
/// Returns an error if the text is not JSON, if it is not an export request, if it contains only requests of other signals, or if
/// a span has no valid trace id or span id, or no time.
pub fn parse(text: &str) -> Result<Vec<ReceivedSpan>, ParseError> {
    let contents: Contents = requests(text).collect::<Result<_, _>>()?;
    if !contents.has_traces {
        return Err(ParseError::no_traces(&contents));
    }
    Ok(contents.into_spans())
}

/// Returns the message of an error without the position, which is reported separately.
fn error_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    }
}

fn is_too_deep(error: &serde_json::Error) -> bool {
    error_message(error) == "recursion limit exceeded"
}

/// The spans of a request, and the errors of what could not be read.
#[derive(Default)]
struct Traces {
    spans: Vec<ReceivedSpan>,
    errors: Vec<ParseError>,
}

/// Reads the list that a request of traces consists of.
fn read_traces(list: &RawValue, path: &Path<'_>) -> Result<Traces, ParseError> {
    let mut traces = Traces::default();
    let list = raw::list::<Object<OfResource<'_>>>(list, path)?;
    for (index, resource_spans) in list.into_iter().enumerate() {
        let read = read_resource_spans(resource_spans, &Path::Item(path, index), &mut traces);
        traces.errors.extend(read.err());
    }
    Ok(traces)
}

fn read_resource_spans(
    resource_spans: Object<OfResource<'_>>,
    path: &Path<'_>,
    traces: &mut Traces,
) -> Result<(), ParseError> {
    let resource_spans = resource_spans.fields(path)?;
    let mut resource = Attributes::default();
    if let Some(text) = resource_spans.resource {
        let path = Path::Field(path, "resource");
        let read = read_resource(text, &path, &mut resource, &mut traces.errors);
        traces.errors.extend(read.err());
    }
    let resource = Arc::new(resource);
    let path = Path::Field(path, "scopeSpans");
    let scopes = resource_spans.scope_spans.items(&path)?;
    for (index, scope) in scopes.into_iter().enumerate() {
        let read = read_scope(scope, &Path::Item(&path, index), &resource, traces);
        traces.errors.extend(read.err());
    }
    Ok(())
}

/// Reads what can be read of a resource: its spans come from there all the same.
fn read_resource(
    resource: &RawValue,
    path: &Path<'_>,
    attributes: &mut Attributes,
    errors: &mut Vec<ParseError>,
) -> Result<(), ParseError> {
    let resource: Object<Record> = raw::parse(resource, path)?;
    let list = resource.fields(path)?.attributes;
    let path = Path::Field(path, "attributes");
    for (index, item) in list.items(&path)?.into_iter().enumerate() {
        let read = read_attribute(item, &Path::Item(&path, index), attributes);
        errors.extend(read.err());
    }
    Ok(())
}

fn read_scope(
    scope: Object<OfScope<'_>>,
    path: &Path<'_>,
    resource: &Arc<Attributes>,
    traces: &mut Traces,
) -> Result<(), ParseError> {
    let scope = scope.fields(path)?;
    let name = scope.name();
    let path = Path::Field(path, "spans");
    for (index, span) in scope.spans.items(&path)?.into_iter().enumerate() {
        let path = Path::Item(&path, index);
        match raw::parse(span, &path).and_then(|span| read_span(span, &path)) {
            Ok(mut span) => {
                span.scope = Cow::Owned(name.clone());
                let span = ReceivedSpan::over_otlp(resource, span);
                traces.spans.push(span);
            }
            Err(error) => traces.errors.push(error),
        }
    }
    Ok(())
}

fn read_span(span: Object<Record>, path: &Path<'_>) -> Result<SourceSpan, ParseError> {
    let Record {
        attributes: list,
        events,
        mut fields,
    } = span.fields(path)?;
    let trace_id = take_text(&mut fields, &["traceId", "trace_id"]);
    let trace_id = trace_id.and_then(|id| id::trace(&id)).ok_or_else(|| {
        Path::Field(path, "traceId")
            .error("16 bytes, not all zero, as hexadecimal digits or Base64")
    })?;
    let span_id = take_text(&mut fields, &["spanId", "span_id"]);
    let span_id = span_id.and_then(|id| id::span(&id)).ok_or_else(|| {
        Path::Field(path, "spanId").error("8 bytes, not all zero, as hexadecimal digits or Base64")
    })?;
    let name = take_text(&mut fields, &["name"]).unwrap_or_default();
    let start = take_time(&mut fields, &["startTimeUnixNano", "start_time_unix_nano"]);
    let mut span = SourceSpan::new(trace_id, span_id, name, start.unwrap_or_default());
    let end = take_time(&mut fields, &["endTimeUnixNano", "end_time_unix_nano"]);
    span.end = end.unwrap_or_default();
    let parent = take_text(&mut fields, &["parentSpanId", "parent_span_id"]);
    span.parent_span_id = parent.and_then(|id| id::span(&id));
    span.kind = fields.get("kind").and_then(kind);
    span.status = fields.get("status").map(status).unwrap_or_default();
    span.attributes = attributes(list, path)?;
    let events_path = Path::Field(path, "events");
    for (index, event) in events.items(&events_path)?.into_iter().enumerate() {
        let event = read_event(event, &Path::Item(&events_path, index))?;
        span.events.push(event);
    }
    ReceivedSpan::complete_times(&mut span)
        .ok_or_else(|| Path::Field(path, "startTimeUnixNano").error("nanoseconds since 1970"))?;
    let links = Path::Field(path, "links");
    for link in items(fields.remove("links"), &links)? {
        span.links.extend(read_link(&link));
    }
    let dropped = [
        ["droppedAttributesCount", "dropped_attributes_count"],
        ["droppedEventsCount", "dropped_events_count"],
        ["droppedLinksCount", "dropped_links_count"],
    ];
    let [attributes, events, links] = dropped.map(|names| {
        let count = take(&mut fields, &names).as_ref().and_then(integer);
        count.and_then(|it| it.try_into().ok()).unwrap_or_default()
    });
    span.record_dropped(attributes, events, links);
    Ok(span)
}

fn read_event(event: Object<Record>, path: &Path<'_>) -> Result<SourceEvent, ParseError> {
    let Record {
        attributes: list,
        mut fields,
        ..
    } = event.fields(path)?;
    let name = take_text(&mut fields, &["name"]).unwrap_or_default();
    let mut event = SourceEvent::new(name);
    event.time = take_time(&mut fields, &["timeUnixNano", "time_unix_nano"]);
    event.attributes = attributes(list, path)?;
    Ok(event)
}

/// Reads a link. A link without valid ids leads nowhere and is left out.
fn read_link(link: &Value) -> Option<Link> {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| link.get(name)?.as_str());
    let trace_id = id::trace(text(["traceId", "trace_id"])?)?;
    let span_id = id::span(text(["spanId", "span_id"])?)?;
    let flags = link.get("flags").and_then(integer).unwrap_or(0);
    let converted = Link::new(trace_id, span_id, flags & 1 == 1);
    Some(match link_type(link) {
        Some(link_type) => converted.with_type(link_type.to_owned()),
        None => converted,
    })
}

fn link_type(link: &Value) -> Option<&str> {
    let pairs = link.get("attributes")?.as_array()?;
    let pair = pairs.iter().find(|pair| pair["key"] == Link::LINK_TYPE)?;
    let value = pair.get("value")?;
    let names = ["stringValue", "string_value"];
    names.into_iter().find_map(|name| value.get(name)?.as_str())
}

fn kind(value: &Value) -> Option<SpanKind> {
    match value {
        Value::String(name) => SpanKind::parse(name.strip_prefix("SPAN_KIND_").unwrap_or(name)),
        value => codes::kind(integer(value)?),
    }
}

fn status(value: &Value) -> SourceStatus {
    let code = match value.get("code") {
        Some(Value::String(name)) => match name.strip_prefix("STATUS_CODE_").unwrap_or(name) {
            "OK" | "Ok" | "1" => 1,
            "ERROR" | "Error" | "2" => 2,
            _ => 0,
        },
        Some(code) => integer(code).unwrap_or(0),
        None => 0,
    };
    let message = value.get("message").and_then(Value::as_str);
    codes::status(code, message.unwrap_or_default().to_owned())
}

/// Reads a time. Zero counts as a missing time.
fn time(value: &Value) -> Option<Timestamp> {
    let nanos = match value {
        Value::String(text) => text.parse().ok()?,
        Value::Number(number) => number.as_u64().or_else(|| {
            // Written by a language that has only floating-point numbers.
            let number = number.as_f64()?;
            (number >= 0.0 && number < u64::MAX as f64).then_some(number as u64)
        })?,
        _ => return None,
    };
    (nanos != 0).then(|| Timestamp::from_nanos(nanos))
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    }
}

/// Reads a number. Infinities and NaN are strings even where other numbers are not, since JSON has no notation for them.
fn double(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        value => value.as_bool(),
    }
}

fn attributes(list: List<Object<Attribute>>, path: &Path<'_>) -> Result<Attributes, ParseError> {
    let path = Path::Field(path, "attributes");
    let mut attributes = Attributes::default();
    for (index, item) in list.items(&path)?.into_iter().enumerate() {
        read_attribute(item, &Path::Item(&path, index), &mut attributes)?;
    }
    Ok(attributes)
}

fn read_attribute(
    item: Object<Attribute>,
    path: &Path<'_>,
    attributes: &mut Attributes,
) -> Result<(), ParseError> {
    let Attribute { key, value } = item.fields(path)?;
    let Value::String(key) = key else {
        return Err(Path::Field(path, "key").error("a text"));
    };
    value.push(attributes, &key);
    Ok(())
}

fn take(fields: &mut Map<String, Value>, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| fields.remove(*name))
}

fn take_text(fields: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    match take(fields, names)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn take_time(fields: &mut Map<String, Value>, names: &[&str]) -> Option<Timestamp> {
    time(&take(fields, names)?)
}

/// Returns the elements of a list; a missing list is empty.
fn items(value: Option<Value>, path: &Path<'_>) -> Result<Vec<Value>, ParseError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(path.error("a list")),
    }
}

/// The path to a value in the request; formatted only for errors.
enum Path<'a> {
    Root,
    Field(&'a Self, &'static str),
    Item(&'a Self, usize),
}

impl Path<'_> {
    fn error(&self, expected: &'static str) -> ParseError {
        ParseError::Shape {
            line: 1,
            path: self.to_string(),
            expected,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("request"),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests;
