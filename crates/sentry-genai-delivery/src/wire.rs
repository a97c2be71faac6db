//! Envelopes of spans in their wire format.
//!
//! An envelope holds spans of one trace in one span v2 container. It consists of a header with the dynamic sampling
//! context, an item header, and the container, each on its own line.

use std::{fmt, ops::Range, time::SystemTime};

use sentry_genai_conventions::SentrySpan;

use crate::{
    config::Config,
    encode::{SDK_NAME, SDK_VERSION, SpanEncoder},
    json::{write_integer, write_string},
    rfc3339,
    segment::Segment,
    trace::Trace,
};

/// The maximum number of spans in an envelope, according to the rules for Sentry SDKs.
pub const MAX_ENVELOPE_SPANS: usize = 1000;

/// The maximum size of an envelope in bytes, before compression.
pub const MAX_ENVELOPE_BYTES: usize = 4 * 1024 * 1024;

/// Envelopes that hold the spans of one trace. The `Debug` output shows their sizes, but not their contents.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Envelopes {
    /// The envelopes, each complete.
    pub envelopes: Vec<Vec<u8>>,
    /// The number of spans that were left out because each of them alone exceeds [`MAX_ENVELOPE_BYTES`].
    pub too_large: usize,
}

impl fmt::Debug for Envelopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<_> = self.envelopes.iter().map(Vec::len).collect();
        f.debug_struct("Envelopes")
            .field("bytes", &sizes)
            .field("too_large", &self.too_large)
            .finish()
    }
}

/// Encodes `spans` into as many envelopes as [`MAX_ENVELOPE_SPANS`] and [`MAX_ENVELOPE_BYTES`] require, and freezes the
/// DSC of `trace`.
///
/// Every span is written with the ids of `trace` and of its segment.
#[must_use]
pub fn encode_envelopes<'a>(
    config: &Config,
    trace: &Trace,
    spans: impl ExactSizeIterator<Item = (&'a SentrySpan, &'a Segment)>,
    sent_at: SystemTime,
) -> Envelopes {
    let encoded = encode_within_limits(&mut SpanEncoder::new(config), trace, spans, Vec::new());
    let envelopes = encoded.envelopes.into_iter().map(|mut envelope| {
        set_sent_at(&mut envelope.bytes, sent_at);
        envelope.bytes
    });
    Envelopes {
        envelopes: envelopes.collect(),
        too_large: encoded.too_large,
    }
}

/// Encodes each of `spans` as it appears in a container: a JSON object without line breaks.
pub fn encode_spans<'a>(
    config: &Config,
    spans: impl IntoIterator<Item = (&'a SentrySpan, &'a Segment)>,
) -> impl Iterator<Item = Vec<u8>> {
    let mut encoder = SpanEncoder::new(config);
    spans.into_iter().map(move |(span, segment)| {
        let mut json = Vec::with_capacity(1024);
        encoder.write_framed(&mut json, span, segment, &mut None);
        json
    })
}

/// An envelope that is complete except for its `sent_at` time.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: usize,
    pub(crate) category: Category,
}

/// The category of an envelope in the server's rate limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    Span,
    Transaction,
}

/// The result of encoding spans.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) envelopes: Vec<Envelope>,
    /// The number of spans that alone exceed the size of an envelope.
    pub(crate) too_large: usize,
}

impl Encoded {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.envelopes.append(&mut other.envelopes);
        self.too_large += other.too_large;
    }
}

/// Encodes spans of one trace into as many envelopes as their number and size require.
///
/// The first one is written to `buffer`, which must be empty. It should have the [estimated size](estimate_size) of all
/// of them, since a buffer that grows is copied.
pub(crate) fn encode_within_limits<'a>(
    encoder: &mut SpanEncoder,
    trace: &Trace,
    spans: impl ExactSizeIterator<Item = (&'a SentrySpan, &'a Segment)>,
    buffer: Vec<u8>,
) -> Encoded {
    let mut encoded = Encoded::default();
    let mut remaining = spans.len();
    let mut open = OpenEnvelope::new(trace, remaining, buffer);
    let mut frame = None;
    for (span, segment) in spans {
        let start = open.begin_span();
        encoder.write_framed(&mut open.buffer, span, segment, &mut frame);
        if open.is_too_large() && open.spans > 0 {
            let mut next = OpenEnvelope::new(trace, remaining, Vec::new());
            next.buffer.extend_from_slice(&open.buffer[start..]);
            open.abandon_span(start);
            encoded.envelopes.push(open.close());
            open = next;
        }
        remaining -= 1;
        if open.is_too_large() {
            open = OpenEnvelope::new(trace, remaining, Vec::new());
            encoded.too_large += 1;
            continue;
        }
        open.spans += 1;
        if open.spans == MAX_ENVELOPE_SPANS && remaining > 0 {
            encoded.envelopes.push(open.close());
            open = OpenEnvelope::new(trace, remaining, Vec::new());
        }
    }
    if open.spans > 0 {
        encoded.envelopes.push(open.close());
    }
    encoded
}

/// Splits an envelope in two, each with half of the spans. Returns `None` if it has only one span.
pub(crate) fn split(envelope: &Envelope) -> Option<[Envelope; 2]> {
    let bytes = &*envelope.bytes;
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let (header, _, container) = (lines.next()?, lines.next()?, lines.next()?);
    let items = container.strip_prefix(CONTAINER)?.strip_suffix(CLOSE)?;
    let first = envelope.spans / 2;
    let cut = end_of_item(items, first)?;
    let half = |items: &[u8], spans: usize| {
        let mut bytes = Vec::with_capacity(header.len() + items.len() + 1024);
        bytes.extend_from_slice(header);
        bytes.push(b'\n');
        bytes.extend_from_slice(ITEM_START);
        write_integer(&mut bytes, spans);
        bytes.extend_from_slice(ITEM_END);
        bytes.extend_from_slice(CONTAINER);
        bytes.extend_from_slice(items);
        bytes.extend_from_slice(CLOSE);
        Envelope {
            bytes,
            spans,
            category: Category::Span,
        }
    };
    Some([
        half(&items[..cut], first),
        half(&items[cut + 1..], envelope.spans - first),
    ])
}

/// Returns the position of the comma after item number `count` in a list of objects. Returns `None` if nothing follows.
fn end_of_item(items: &[u8], count: usize) -> Option<usize> {
    let (mut depth, mut ended) = (0_usize, 0);
    let mut bytes = items.iter().enumerate();
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b'"' => loop {
                match bytes.next()?.1 {
                    b'\\' => bytes.next()?,
                    b'"' => break,
                    _ => continue,
                };
            },
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                ended += usize::from(depth == 0);
            }
            b',' if depth == 0 && ended == count => return Some(place),
            _ => {}
        }
    }
    None
}

/// Returns an envelope without items.
pub(crate) fn empty_envelope() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    write_header(&mut bytes, None, None);
    bytes
}

/// Writes the time at which an envelope is sent into its header.
pub(crate) fn set_sent_at(envelope: &mut [u8], sent_at: SystemTime) {
    let place = SENT_AT.len()..SENT_AT.len() + rfc3339::LEN;
    if let Some(place) = envelope.get_mut(place) {
        place.copy_from_slice(&rfc3339::format(sent_at));
    }
}

/// First in the header and of fixed length, so that it can be set when the envelope is sent.
const SENT_AT: &[u8] = b"{\"sent_at\":\"";

const ITEM_START: &[u8] = b"{\"type\":\"span\",\"item_count\":";

const ITEM_END: &[u8] = b",\"content_type\":\"application/vnd.sentry.items.span.v2+json\"}\n";

const CONTAINER: &[u8] = b"{\"version\":2,\"items\":[";

const CLOSE: &[u8] = b"]}\n";

/// Returns about how many bytes the attributes of spans take.
pub(crate) fn attribute_bytes<'a>(spans: impl IntoIterator<Item = &'a SentrySpan>) -> usize {
    let spans = spans.into_iter();
    spans.map(|span| span.attributes.json_bytes()).sum()
}

/// Estimates the size of an envelope with `spans` spans, whose attributes take `attribute_bytes` bytes.
pub(crate) fn estimate_size(spans: usize, attribute_bytes: usize) -> usize {
    const HEADERS: usize = 1024;
    /// The size of a span without the attributes of its own.
    const SPAN: usize = 768;
    /// The reserve that the escaper needs before it writes a text of some kilobytes.
    const SPARE: usize = 16 * 1024;

    let size = HEADERS + spans.min(MAX_ENVELOPE_SPANS) * SPAN + attribute_bytes + SPARE;
    size.min(MAX_ENVELOPE_BYTES + SPARE)
}

/// An envelope that spans are being appended to.
struct OpenEnvelope {
    buffer: Vec<u8>,
    spans: usize,
    /// The position of `item_count`, which is an estimate until the envelope is closed.
    item_count: Range<usize>,
    estimated_count: usize,
}

impl OpenEnvelope {
    fn new(trace: &Trace, expected_spans: usize, mut buffer: Vec<u8>) -> Self {
        let estimated_count = expected_spans.min(MAX_ENVELOPE_SPANS);
        buffer.reserve(1024);
        write_header(&mut buffer, Some(trace), None);
        buffer.extend_from_slice(ITEM_START);
        let start = buffer.len();
        write_integer(&mut buffer, estimated_count);
        let item_count = start..buffer.len();
        buffer.extend_from_slice(ITEM_END);
        buffer.extend_from_slice(CONTAINER);
        Self {
            buffer,
            spans: 0,
            item_count,
            estimated_count,
        }
    }

    /// Returns where the next span is to be written.
    fn begin_span(&mut self) -> usize {
        if self.spans > 0 {
            self.buffer.push(b',');
        }
        self.buffer.len()
    }

    /// Removes a span that did not fit, and its comma.
    fn abandon_span(&mut self, start: usize) {
        self.buffer.truncate(start - usize::from(self.spans > 0));
    }

    fn is_too_large(&self) -> bool {
        self.buffer.len() + CLOSE.len() > MAX_ENVELOPE_BYTES
    }

    fn close(mut self) -> Envelope {
        self.buffer.extend_from_slice(CLOSE);
        if self.spans != self.estimated_count {
            let count = self.spans.to_string();
            self.buffer.splice(self.item_count, count.into_bytes());
        }
        // A little excess capacity does no harm. Shrinking may reallocate, and the buffer could then not be reused.
        if self.buffer.capacity() / 2 > self.buffer.len() {
            self.buffer.shrink_to_fit();
        }
        Envelope {
            bytes: self.buffer,
            spans: self.spans,
            category: Category::Span,
        }
    }
}

/// Writes the header of an envelope. Transactions need an `event_id`.
pub(crate) fn write_header(buffer: &mut Vec<u8>, trace: Option<&Trace>, event_id: Option<&str>) {
    buffer.extend_from_slice(SENT_AT);
    buffer.extend_from_slice(&[b'0'; rfc3339::LEN]);
    buffer.extend_from_slice(b"\",\"sdk\":{\"name\":\"");
    buffer.extend_from_slice(SDK_NAME.as_bytes());
    buffer.extend_from_slice(b"\",\"version\":\"");
    buffer.extend_from_slice(SDK_VERSION.as_bytes());
    buffer.extend_from_slice(b"\"}");
    if let Some(event_id) = event_id {
        buffer.extend_from_slice(b",\"event_id\":");
        write_string(buffer, event_id);
    }
    if let Some(trace) = trace {
        buffer.extend_from_slice(b",\"trace\":");
        trace.write_dsc(buffer);
    }
    buffer.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests;
