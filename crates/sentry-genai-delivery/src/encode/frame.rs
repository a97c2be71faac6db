//! What the spans of one segment have in common.

use std::ops::Range;

use sentry_genai_conventions::{SentrySpan, SpanId, Value};

use crate::{json::hex, segment::Segment};

use super::{
    presets::Preset,
    templates::{Head, Middle},
    value::write_attribute,
};

/// What the spans of one segment have in common, encoded once.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(super) segment: SpanId,
    pub(super) head: Head,
    pub(super) middle: Middle,
    /// The attributes that identify the segment and its user, and then those that all spans of a client have in common.
    pub(super) attributes: Vec<u8>,
    /// The position of each of the former.
    ranges: [(Preset, Range<usize>); 4],
    /// Each tag of the scope, and the attribute that it becomes.
    tags: Vec<(String, Vec<u8>)>,
}

impl Frame {
    /// Takes the ids of trace and segment from `segment`. A single span of another trace would cost the whole envelope.
    /// `common` are the attributes that all spans of the client have.
    pub(super) fn of(segment: &Segment, common: &[u8]) -> Self {
        let name = segment.name();
        let mut attributes = Vec::with_capacity(256 + name.len() + common.len());
        let mut add = |preset: Preset, value: Option<Value<'_>>| {
            let start = attributes.len();
            if let Some(value) = value {
                write_attribute(&mut attributes, preset.key(), value);
            }
            (preset, start..attributes.len())
        };
        let id = hex(&segment.span_id().to_bytes());
        let id = str::from_utf8(id.as_flattened()).unwrap_or_default();
        let rate = segment.trace().has_full_sample_rate();
        let ranges = [
            add(Preset::SegmentId, Some(Value::Str(id))),
            add(
                Preset::SegmentName,
                (!name.is_empty()).then_some(Value::Str(&name)),
            ),
            add(Preset::ClientSampleRate, rate.then_some(Value::Double(1.0))),
            {
                let start = attributes.len();
                for (key, text) in segment.scope().user() {
                    write_attribute(&mut attributes, key, Value::Str(text));
                }
                (Preset::User, start..attributes.len())
            },
        ];
        attributes.extend_from_slice(common);
        let tags = segment.scope().tags().into_iter().map(|(key, text)| {
            let mut json = Vec::new();
            write_attribute(&mut json, &key, Value::Str(&text));
            (key, json)
        });
        Self {
            segment: segment.span_id(),
            head: Head::of(segment.trace().trace_id()),
            middle: Middle::new(),
            attributes,
            ranges,
            tags: tags.collect(),
        }
    }

    /// Writes the tags, unless the span has an attribute of that name.
    pub(super) fn write_tags(&self, buffer: &mut Vec<u8>, span: &SentrySpan) {
        for (key, json) in &self.tags {
            if !span.attributes.contains(key) {
                buffer.extend_from_slice(json);
            }
        }
    }

    /// Returns the attributes that identify the segment and its user, one by one.
    pub(super) fn presets(&self) -> impl Iterator<Item = (Preset, &[u8])> {
        let ranges = self.ranges.iter();
        ranges.map(|(preset, range)| (*preset, &self.attributes[range.clone()]))
    }
}
