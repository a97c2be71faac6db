//! What the spans of one segment have in common.

use std::borrow::Cow;

use sentry_genai_conventions::{SentrySpan, SpanId, SpanKind};

use crate::segment::Segment;

use super::{
    places::{Head, Middle},
    presets::{Own, Preset, write_description},
};

/// What the spans of one segment have in common, encoded once.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(super) segment: SpanId,
    pub(super) head: Head,
    pub(super) middle: Middle,
    /// The attributes that name the segment.
    pub(super) segment_attributes: Vec<(Preset, Vec<u8>)>,
    /// All the spans have in common, for the usual span that sets none of it itself.
    common_block: Vec<u8>,
    /// Of the spans so far: there are few.
    descriptions: Vec<Description>,
}

/// What spans of one op, origin and kind have in common, encoded.
#[derive(Debug)]
struct Description {
    op: Cow<'static, str>,
    origin: Cow<'static, str>,
    kind: SpanKind,
    presets: Vec<u8>,
}

/// How many descriptions a frame remembers.
const MAX_DESCRIPTIONS: usize = 16;

impl Frame {
    /// Creates a frame for `segment`, which these attributes name, where `common` goes with every span.
    pub(super) fn new(
        segment: &Segment,
        segment_attributes: Vec<(Preset, Vec<u8>)>,
        common: &[(Preset, Vec<u8>)],
    ) -> Self {
        let mut common_block = Vec::with_capacity(1024);
        for (_, json) in segment_attributes.iter().chain(common) {
            common_block.extend_from_slice(json);
        }
        Self {
            segment: segment.span_id(),
            head: Head::of(segment.trace().trace_id()),
            middle: Middle::new(),
            common_block,
            segment_attributes,
            descriptions: Vec::with_capacity(8),
        }
    }

    /// Returns the presets of a span that sets none of them itself.
    pub(super) fn usual_presets(&mut self, span: &SentrySpan) -> &[u8] {
        let is_this =
            |it: &Description| it.kind == span.kind && it.op == span.op && it.origin == span.origin;
        let known = self.descriptions.iter().position(is_this);
        let index = known.unwrap_or_else(|| {
            if self.descriptions.len() == MAX_DESCRIPTIONS {
                self.descriptions.clear();
            }
            let mut presets = Vec::with_capacity(256 + self.common_block.len());
            write_description(&mut presets, span, Own::default());
            presets.extend_from_slice(&self.common_block);
            self.descriptions.push(Description {
                op: span.op.clone(),
                origin: span.origin.clone(),
                kind: span.kind,
                presets,
            });
            self.descriptions.len() - 1
        });
        &self.descriptions[index].presets
    }
}
