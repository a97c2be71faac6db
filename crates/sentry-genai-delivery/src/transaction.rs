//! Encodes spans as classic transactions, for servers that do not support span containers.

use std::ops::Range;

use sentry_genai_conventions::{
    Attributes, Link, SentrySpan, SpanId, SpanKind, Status, Timestamp, shorten_content,
};

use crate::{
    buffers::BufferPool,
    config::Config,
    encode::{SDK_NAME, SDK_VERSION, name_source, write_key, write_links_with, write_value},
    ids::{new_span_id, new_trace_id},
    json::{write_hex, write_string, write_timestamp},
    legacy,
    segment::Segment,
    wire::{self, Category, Encoded, Envelope},
};

/// The maximum size of `spans`. Beyond 819,200 bytes Sentry drops spans from the end.
const MAX_SPANS_BYTES: usize = 800_000;

/// The maximum number of child spans, as in the Sentry SDKs.
const MAX_CHILDREN: usize = 999;

/// The maximum size of the root's data. Sentry truncates contexts to 8192 bytes.
const MAX_ROOT_BYTES: usize = 6_000;

/// About what a child takes beside its name and its data.
const CHILD_BYTES: usize = 400;

/// Encodes the spans of one segment as one transaction, or as several of the same trace if they do not fit into one.
///
/// The root of the first transaction is the segment span. If the segment span is not among the spans, or would be
/// truncated because it is an AI span or carries much data, a synthetic root above it is used. All other transactions
/// have a synthetic root.
pub(crate) fn encode(
    config: &Config,
    segment: &Segment,
    spans: &[&SentrySpan],
    buffers: &BufferPool,
) -> Encoded {
    let mut encoded = Encoded::default();
    let (mut root, mut children) = (None, Vec::new());
    let mut data = buffers.take(wire::attribute_bytes(spans.iter().copied()));
    let with_data = spans
        .iter()
        .map(|span| (*span, write_fitting_data(&mut data, config, span)));
    let with_data: Vec<_> = with_data.collect();
    for (span, range) in with_data {
        let json = &data[range];
        if span.span_id == segment.span_id() && span.ai.is_none() && json.len() <= MAX_ROOT_BYTES {
            root = Some((span, json));
        } else if json.len() > MAX_SPANS_BYTES {
            encoded.too_large += 1;
        } else {
            children.push((span, json));
        }
    }
    let mut rest = &children[..];
    while !rest.is_empty() || root.is_some() {
        let mut bytes = 0;
        let fitting = rest.iter().take(MAX_CHILDREN).take_while(|(span, json)| {
            bytes += CHILD_BYTES + span.name.len() * 2 + json.len();
            bytes <= MAX_SPANS_BYTES
        });
        let (chunk, later) = rest.split_at(fitting.count().max(1).min(rest.len()));
        rest = later;
        let root = match root.take() {
            Some((span, data)) => Root::of(span, data),
            None => Root::synthetic(segment, chunk),
        };
        let data_bytes: usize = chunk.iter().map(|(_, data)| data.len()).sum();
        let buffer = buffers.take(4096 + chunk.len() * CHILD_BYTES + data_bytes);
        let envelope = write(buffer, config, segment, &root, chunk);
        encoded.envelopes.push(envelope);
    }
    buffers.give_back(data);
    encoded
}

/// Writes the user and the tags in the form that transactions use.
fn write_scope(buffer: &mut Vec<u8>, segment: &Segment) {
    let user = segment.scope().user().iter().map(|(key, text)| {
        let field = match *key {
            "user.name" => "username",
            key => key.trim_start_matches("user."),
        };
        (field.to_owned(), text.clone())
    });
    write_texts(buffer, "user", user);
    write_texts(buffer, "tags", segment.scope().tags());
}

/// Writes an object of texts as a member. Writes nothing if there are none.
fn write_texts(
    buffer: &mut Vec<u8>,
    member: &str,
    texts: impl IntoIterator<Item = (String, String)>,
) {
    let texts = texts.into_iter().map(|(key, text)| (key, text.into()));
    let object: serde_json::Map<_, _> = texts.collect();
    if !object.is_empty() {
        buffer.push(b',');
        write_string(buffer, member);
        buffer.push(b':');
        buffer.extend_from_slice(serde_json::Value::from(object).to_string().as_bytes());
    }
}

/// What a transaction says about its root.
struct Root<'a> {
    span_id: SpanId,
    parent_span_id: Option<SpanId>,
    op: &'a str,
    origin: &'a str,
    status: Status,
    start: Timestamp,
    end: Timestamp,
    source: &'static str,
    data: &'a [u8],
    links: &'a [Link],
    /// 1 if the root is a span that was handed over.
    spans: usize,
}

impl<'a> Root<'a> {
    fn of(span: &'a SentrySpan, data: &'a [u8]) -> Self {
        Self {
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            op: &span.op,
            origin: &span.origin,
            status: span.status,
            start: span.start,
            end: span.end.max(span.start),
            source: name_source(span),
            data,
            links: &span.links,
            spans: 1,
        }
    }

    /// A synthetic root for spans without one. It stands above the segment span if that is among them, and otherwise
    /// below it.
    fn synthetic(segment: &Segment, spans: &[(&SentrySpan, &[u8])]) -> Self {
        let segment_span = spans.iter().find(|(it, _)| it.span_id == segment.span_id());
        let start = spans.iter().map(|(span, _)| span.start).min();
        let end = spans.iter().map(|(span, _)| span.end).max();
        let start = start.unwrap_or_else(|| Timestamp::from_nanos(0));
        Self {
            span_id: new_span_id(),
            parent_span_id: match segment_span {
                Some((span, _)) => span.parent_span_id,
                None => Some(segment.span_id()),
            },
            op: "function",
            origin: "auto.ai.rust",
            status: segment_span.map_or(Status::Ok, |(span, _)| span.status),
            start,
            end: end.unwrap_or(start).max(start),
            source: "custom",
            data: b"{}",
            links: &[],
            spans: 0,
        }
    }
}

/// Writes a transaction into an empty buffer.
fn write(
    mut bytes: Vec<u8>,
    config: &Config,
    segment: &Segment,
    root: &Root<'_>,
    children: &[(&SentrySpan, &[u8])],
) -> Envelope {
    let event_id = new_trace_id().to_string();
    let trace_id = segment.trace().trace_id().to_bytes();
    wire::write_header(&mut bytes, Some(segment.trace()), Some(&event_id));
    bytes.extend_from_slice(b"{\"type\":\"transaction\"}\n{\"event_id\":");
    let buffer = &mut bytes;
    write_string(buffer, &event_id);
    write_event(buffer, config, segment, root);
    write_contexts(buffer, config, &trace_id, root);
    buffer.extend_from_slice(b",\"spans\":[");
    for (index, (span, data)) in children.iter().enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        let is_top_level = span.span_id == segment.span_id() || span.parent_span_id.is_none();
        let parent = if is_top_level {
            Some(root.span_id)
        } else {
            span.parent_span_id
        };
        buffer.push(b'{');
        write_ids(buffer, &trace_id, span.span_id, parent);
        write_child(buffer, span, data);
        buffer.push(b'}');
    }
    buffer.extend_from_slice(b"]}\n");
    Envelope {
        spans: children.len() + root.spans,
        bytes,
        category: Category::Transaction,
    }
}

/// Writes the members that every event has, and the name and the times of the transaction.
fn write_event(buffer: &mut Vec<u8>, config: &Config, segment: &Segment, root: &Root<'_>) {
    buffer.extend_from_slice(b",\"type\":\"transaction\",\"platform\":\"native\",\"transaction\":");
    write_string(buffer, &segment.name());
    buffer.extend_from_slice(b",\"transaction_info\":{\"source\":");
    write_string(buffer, root.source);
    buffer.extend_from_slice(b"},\"start_timestamp\":");
    write_timestamp(buffer, root.start);
    buffer.extend_from_slice(b",\"timestamp\":");
    write_timestamp(buffer, root.end);
    if let Some(release) = &config.release {
        write_text(buffer, br#","release":"#, release);
    }
    write_text(buffer, br#","environment":"#, config.environment());
    if let Some(server) = &config.server_name {
        write_text(buffer, br#","server_name":"#, server);
    }
    write_scope(buffer, segment);
    buffer.extend_from_slice(b",\"sdk\":{\"name\":");
    write_string(buffer, SDK_NAME);
    write_text(buffer, br#","version":"#, SDK_VERSION);
    buffer.push(b'}');
}

/// Writes the contexts: that of the trace describes the root.
fn write_contexts(buffer: &mut Vec<u8>, config: &Config, trace_id: &[u8; 16], root: &Root<'_>) {
    buffer.extend_from_slice(b",\"contexts\":{\"runtime\":{\"name\":\"rust\"},");
    write_machine_contexts(buffer, config);
    buffer.extend_from_slice(b"\"trace\":{");
    write_ids(buffer, trace_id, root.span_id, root.parent_span_id);
    write_text(buffer, br#","op":"#, root.op);
    write_text(buffer, br#","origin":"#, root.origin);
    write_text(buffer, br#","status":"#, status(root.status));
    buffer.extend_from_slice(b",\"data\":");
    buffer.extend_from_slice(root.data);
    write_links(buffer, root.links);
    buffer.extend_from_slice(b"}}");
}

/// Writes what the client's events say of the machine, each context followed by a comma.
fn write_machine_contexts(buffer: &mut Vec<u8>, config: &Config) {
    for (key, context) in &config.contexts {
        if !matches!(&**key, "trace" | "runtime") {
            write_string(buffer, key);
            buffer.push(b':');
            buffer.extend_from_slice(context.to_string().as_bytes());
            buffer.push(b',');
        }
    }
}

/// Writes the members of a child span except for its ids.
fn write_child(buffer: &mut Vec<u8>, span: &SentrySpan, data: &[u8]) {
    write_text(buffer, br#","op":"#, &span.op);
    write_text(buffer, br#","description":"#, &span.name);
    write_text(buffer, br#","origin":"#, &span.origin);
    write_text(buffer, br#","status":"#, status(span.status));
    buffer.extend_from_slice(b",\"start_timestamp\":");
    write_timestamp(buffer, span.start);
    buffer.extend_from_slice(b",\"timestamp\":");
    write_timestamp(buffer, span.end.max(span.start));
    buffer.extend_from_slice(b",\"data\":");
    buffer.extend_from_slice(data);
    write_links(buffer, &span.links);
}

/// Writes a text as a further member, of which `name` is what precedes the text.
#[inline]
fn write_text(buffer: &mut Vec<u8>, name: &[u8], text: &str) {
    buffer.extend_from_slice(name);
    write_string(buffer, text);
}

fn write_ids(buffer: &mut Vec<u8>, trace_id: &[u8; 16], span_id: SpanId, parent: Option<SpanId>) {
    buffer.extend_from_slice(b"\"trace_id\":\"");
    write_hex(buffer, trace_id);
    buffer.extend_from_slice(b"\",\"span_id\":\"");
    write_hex(buffer, &span_id.to_bytes());
    if let Some(parent) = parent {
        buffer.extend_from_slice(b"\",\"parent_span_id\":\"");
        write_hex(buffer, &parent.to_bytes());
    }
    buffer.push(b'"');
}

/// Writes the links, if there are any. In a transaction their attributes have no types.
fn write_links(buffer: &mut Vec<u8>, links: &[Link]) {
    if links.is_empty() {
        return;
    }
    write_links_with(buffer, links, |buffer, link_type| {
        write_string(buffer, Link::LINK_TYPE);
        buffer.push(b':');
        write_string(buffer, link_type);
    });
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Error => "internal_error",
        _ => "ok",
    }
}

/// Writes the data of a span, with less content if it would not fit into a transaction.
fn write_fitting_data(buffer: &mut Vec<u8>, config: &Config, span: &SentrySpan) -> Range<usize> {
    let data = write_data(buffer, span.kind, &span.attributes);
    if data.len() <= MAX_SPANS_BYTES {
        return data;
    }
    buffer.truncate(data.start);
    write_shortened_data(buffer, config, span)
}

#[cold]
fn write_shortened_data(buffer: &mut Vec<u8>, config: &Config, span: &SentrySpan) -> Range<usize> {
    /// Spans that are too large with texts of this length are so because of something else.
    const MIN_TEXT_BYTES: usize = 50_000;

    let settings = &config.settings;
    let mut attributes = span.attributes.clone();
    let has_copies = settings.legacy_attributes && span.ai.is_some();
    if has_copies {
        legacy::remove(&mut attributes);
    }
    let mut max_bytes = MAX_SPANS_BYTES;
    loop {
        // How long a text becomes in JSON depends on what has to be escaped.
        max_bytes = max_bytes / 4 * 3;
        shorten_content(&mut attributes, &settings.content_limits, max_bytes);
        let data = if has_copies {
            let mut attributes = attributes.clone();
            legacy::add(&mut attributes, &settings.content_limits);
            write_data(buffer, span.kind, &attributes)
        } else {
            write_data(buffer, span.kind, &attributes)
        };
        if data.len() <= MAX_SPANS_BYTES || max_bytes < MIN_TEXT_BYTES {
            return data;
        }
        buffer.truncate(data.start);
    }
}

/// Writes the attributes as a plain object, and returns where it is.
fn write_data(buffer: &mut Vec<u8>, kind: SpanKind, attributes: &Attributes) -> Range<usize> {
    let start = buffer.len();
    buffer.push(b'{');
    if !attributes.contains("sentry.kind") {
        buffer.extend_from_slice(b"\"sentry.kind\":\"");
        buffer.extend_from_slice(kind.as_str().as_bytes());
        buffer.extend_from_slice(b"\",");
    }
    for attribute in attributes.iter_encodable() {
        write_key(buffer, &attribute);
        buffer.push(b':');
        write_value(buffer, attribute.value);
        buffer.push(b',');
    }
    // The kind is always there, so there is a comma.
    buffer.pop();
    buffer.push(b'}');
    start..buffer.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// There is no room for the rest of the span, such as its name, but a transaction without spans would be followed by another.
    #[test]
    fn a_span_whose_data_fills_a_transaction_is_sent() {
        let segment = testing::segment();
        let mut span = testing::span(&segment, new_span_id());
        let data_bytes =
            |span: &SentrySpan| write_data(&mut Vec::new(), span.kind, &span.attributes).len();
        let room = MAX_SPANS_BYTES - data_bytes(&span) - r#","text":"""#.len();
        span.attributes.push("text", "x".repeat(room));
        assert_eq!(data_bytes(&span), MAX_SPANS_BYTES);
        let config = testing::config(&testing::options());
        let buffers = BufferPool::new(0);
        let encoded = encode(&config, &segment, &[&span], &buffers);
        assert_eq!((encoded.envelopes.len(), encoded.too_large), (1, 0));
    }
}
