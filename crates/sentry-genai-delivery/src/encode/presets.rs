//! The attributes that every span gets.

use std::{borrow::Cow, ptr};

use sentry_genai_conventions::{SentrySpan, SpanKind, Value};

use super::value::write_attribute;
use crate::machine;

/// The attributes that every span, or every segment span, gets unless it sets them itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Preset {
    Op,
    Origin,
    Kind,
    SegmentId,
    SegmentName,
    Release,
    Environment,
    SdkName,
    SdkVersion,
    Platform,
    TraceLifecycle,
    ServerAddress,
    SegmentNameSource,
    RuntimeName,
    Integrations,
    ClientSampleRate,
    User,
}

/// The keys, in the order of [`Preset`].
const KEYS: [&str; 17] = [
    "sentry.op",
    "sentry.origin",
    "sentry.kind",
    "sentry.segment.id",
    "sentry.segment.name",
    "sentry.release",
    "sentry.environment",
    "sentry.sdk.name",
    "sentry.sdk.version",
    "sentry.platform",
    "sentry.trace_lifecycle",
    "server.address",
    "sentry.segment.name.source",
    "process.runtime.name",
    "sentry.sdk.integrations",
    "sentry.client_sample_rate",
    "user.id",
];

/// Returns whether spans get the attribute without setting it.
pub(crate) fn is_preset(key: &str) -> bool {
    KEYS.contains(&key) || machine::is_attribute(key)
}

impl Preset {
    pub(super) fn key(self) -> &'static str {
        KEYS[self as usize]
    }

    pub(super) fn encoded(self, value: Value<'_>) -> Vec<u8> {
        // Enough for most, so that it does not grow.
        let mut json = Vec::with_capacity(128);
        write_attribute(&mut json, self.key(), value);
        json
    }
}

/// The set of presets that a span sets itself, as a bit set.
#[derive(Clone, Copy, Default)]
pub(super) struct Overrides(u32);

impl Overrides {
    /// Records an attribute of the span.
    #[inline]
    pub(super) fn record(&mut self, key: &str) {
        // A cheap filter: most keys in the table begin with an s or a p, and few others do.
        match key.as_bytes().first() {
            Some(b's' | b'p') => {
                if let Some(index) = KEYS.iter().position(|known| *known == key) {
                    self.0 |= 1 << index;
                }
            }
            // The attributes of two users must not be mixed.
            Some(b'u') if key.starts_with("user.") => self.0 |= 1 << Preset::User as u32,
            _ => {}
        }
    }

    pub(super) fn has(self, preset: Preset) -> bool {
        self.0 & (1 << preset as u32) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

pub(super) fn write_missing<'p>(
    buffer: &mut Vec<u8>,
    overrides: Overrides,
    presets: impl IntoIterator<Item = (Preset, &'p [u8])>,
) {
    for (preset, json) in presets {
        if !overrides.has(preset) {
            buffer.extend_from_slice(json);
        }
    }
}

pub(super) fn write_description(buffer: &mut Vec<u8>, span: &SentrySpan, overrides: Overrides) {
    for (preset, text) in [
        (Preset::Op, &*span.op),
        (Preset::Origin, &*span.origin),
        (Preset::Kind, span.kind.as_str()),
    ] {
        if !overrides.has(preset) && !text.is_empty() {
            write_attribute(buffer, preset.key(), Value::Str(text));
        }
    }
}

/// A cache of encoded descriptions. A program has few of them.
#[derive(Debug, Default)]
pub(super) struct Descriptions(Vec<Description>);

/// What spans of the same op, origin and kind have in common.
#[derive(Debug)]
struct Description {
    op: Cow<'static, str>,
    origin: Cow<'static, str>,
    kind: SpanKind,
    presets: Vec<u8>,
}

/// How many descriptions are cached, and the maximum size of each.
const MAX_DESCRIPTIONS: usize = 32;
const MAX_DESCRIPTION_BYTES: usize = 512;

impl Descriptions {
    /// Does what [`write_description`] does, for a span that sets none of these attributes itself.
    #[inline]
    pub(super) fn write(&mut self, buffer: &mut Vec<u8>, span: &SentrySpan) {
        let is_this = |it: &&Description| {
            it.kind == span.kind && is_same(&it.op, &span.op) && is_same(&it.origin, &span.origin)
        };
        match self.0.iter().find(is_this) {
            Some(known) => buffer.extend_from_slice(&known.presets),
            None => self.write_new(buffer, span),
        }
    }

    #[cold]
    fn write_new(&mut self, buffer: &mut Vec<u8>, span: &SentrySpan) {
        let start = buffer.len();
        write_description(buffer, span, Overrides::default());
        let presets = &buffer[start..];
        if presets.len() > MAX_DESCRIPTION_BYTES {
            return;
        }
        if self.0.len() == MAX_DESCRIPTIONS {
            self.0.clear();
        }
        self.0.push(Description {
            op: span.op.clone(),
            origin: span.origin.clone(),
            kind: span.kind,
            presets: presets.to_vec(),
        });
    }
}

/// Compares two texts that are usually the same literal.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (ptr::eq(one.as_ptr(), other.as_ptr()) || one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::new_span_id, testing};

    #[test]
    fn cached_descriptions_are_bounded() {
        let mut span = testing::span(&testing::segment(), new_span_id());
        let mut descriptions = Descriptions::default();
        for op in 0..=MAX_DESCRIPTIONS {
            assert_eq!(descriptions.0.len(), op);
            span.op = format!("op.{op}").into();
            descriptions.write(&mut Vec::new(), &span);
        }
        assert_eq!(descriptions.0.len(), 1);
    }
}
