//! The attributes that every span gets.

use sentry_genai_conventions::{SentrySpan, Value};

use super::value::write_attribute;

/// The attributes that every span, or every segment span, gets unless it has them itself.
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
}

/// The keys, in the order of [`Preset`].
pub(super) const KEYS: [&str; 16] = [
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
];

impl Preset {
    pub(super) fn key(self) -> &'static str {
        KEYS[self as usize]
    }

    pub(super) fn encoded(self, value: Value<'_>) -> Vec<u8> {
        // What most take, so that it does not grow.
        let mut json = Vec::with_capacity(128);
        write_attribute(&mut json, self.key(), value);
        json
    }
}

/// Which of the presets a span sets itself, as a bit set.
#[derive(Clone, Copy, Default)]
pub(super) struct Own(u16);

impl Own {
    /// Takes note of an attribute of the span.
    #[inline]
    pub(super) fn note(&mut self, key: &str) {
        // All keys of the table begin with an s or a p, and few others do.
        if matches!(key.as_bytes().first(), Some(b's' | b'p'))
            && let Some(index) = KEYS.iter().position(|known| *known == key)
        {
            self.0 |= 1 << index;
        }
    }

    pub(super) fn has(self, preset: Preset) -> bool {
        self.0 & (1 << preset as u16) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

pub(super) fn write_missing(buffer: &mut Vec<u8>, own: Own, presets: &[(Preset, Vec<u8>)]) {
    for (preset, json) in presets {
        if !own.has(*preset) {
            buffer.extend_from_slice(json);
        }
    }
}

pub(super) fn write_description(buffer: &mut Vec<u8>, span: &SentrySpan, own: Own) {
    for (preset, text) in [
        (Preset::Op, &*span.op),
        (Preset::Origin, &*span.origin),
        (Preset::Kind, span.kind.as_str()),
    ] {
        if !own.has(preset) && !text.is_empty() {
            write_attribute(buffer, preset.key(), Value::Str(text));
        }
    }
}
