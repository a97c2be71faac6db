//! Turns the fields of spans and events into attributes.

use std::fmt;

use sentry_genai_conventions::{AttributeKey, Attributes, KeyFlags, TextRoom};
use tracing::field::{Field, Visit};
use tracing_subscriber::registry::{ExtensionsMut, LookupSpan, SpanRef};

use crate::{
    callsite::Callsite,
    handle::Handle,
    state::{LayerId, SpanState},
};

/// Collects the fields of a span or an event as they are visited.
pub(crate) struct Recorder<'a> {
    attributes: &'a mut Attributes,
    callsite: &'a Callsite,
    room: TextRoom,
    /// What the keys of the fields that have a value indicate.
    pub(crate) key_flags: KeyFlags,
}

impl<'a> Recorder<'a> {
    /// Creates a recorder for a span or an event that belongs to `callsite` and is sent by `handle`.
    #[inline]
    pub(crate) fn new(
        handle: &Handle,
        callsite: &'a Callsite,
        attributes: &'a mut Attributes,
    ) -> Self {
        Self {
            attributes,
            callsite,
            room: handle.text_room(),
            key_flags: KeyFlags::default(),
        }
    }

    #[inline]
    fn push(&mut self, field: &Field, push: impl FnOnce(&mut Attributes, &AttributeKey)) {
        self.callsite.with_key(field, |key| {
            self.key_flags.insert(key.flags());
            push(self.attributes, key);
        });
    }
}

impl Visit for Recorder<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let room = self.room;
        self.push(field, |attributes, key| {
            push_u128(attributes, key, value, room);
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let room = self.room;
        self.push(field, |attributes, key| {
            attributes.push_known_text(key, value, room);
        });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let room = self.room;
        self.push(field, |attributes, key| {
            attributes.push_known_display(key, value, room);
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let room = self.room;
        self.push(field, |attributes, key| {
            attributes.push_known_display(key, format_args!("{value:?}"), room);
        });
    }
}

/// Adds fields to an open span.
///
/// The span's extensions stay locked from one field to the next, but not while a value is formatted: its `Debug` implementation
/// may log, and the layer then looks at the span.
pub(crate) struct LateRecorder<'a, 'r, R: LookupSpan<'r>> {
    span: &'a SpanRef<'r, R>,
    extensions: Option<ExtensionsMut<'a>>,
    callsite: Callsite,
    /// How many attributes the span had before.
    start: usize,
    room: TextRoom,
    key_flags: KeyFlags,
}

impl<'a, 'r, R: LookupSpan<'r>> LateRecorder<'a, 'r, R> {
    /// Creates a recorder for `span`; `None` if the span is not recorded, or if another layer recorded it.
    pub(crate) fn new(span: &'a SpanRef<'r, R>, layer_id: &LayerId) -> Option<Self> {
        let mut extensions = span.extensions_mut();
        let state = extensions.get_mut::<SpanState>()?;
        if !state.belongs_to(layer_id) {
            return None;
        }
        Some(Self {
            start: state.make_room(),
            room: state.trace.handle.text_room(),
            callsite: Callsite::of(span.metadata()),
            key_flags: KeyFlags::default(),
            extensions: Some(extensions),
            span,
        })
    }

    fn change(&mut self, field: &Field, change: impl FnOnce(&mut Attributes, &AttributeKey)) {
        let span = self.span;
        let extensions = self.extensions.get_or_insert_with(|| span.extensions_mut());
        self.callsite.with_key(field, |key| {
            self.key_flags.insert(key.flags());
            if let Some(state) = extensions.get_mut::<SpanState>()
                && let Some(source) = &mut state.source
            {
                change(&mut source.attributes, key);
            }
        });
    }

    fn display(&mut self, field: &Field, value: impl fmt::Display) {
        let mut extensions = (self.extensions.take()).unwrap_or_else(|| self.span.extensions_mut());
        let state = extensions.get_mut::<SpanState>();
        let Some(handle) = state.map(|state| state.trace.handle.clone()) else {
            return;
        };
        drop(extensions);
        let mut scratch = handle.delivery().record(1);
        let room = self.room;
        self.callsite.with_key(field, |key| {
            scratch.attributes.push_known_display(key, value, room);
        });
        self.change(field, |attributes, _| {
            attributes.append(&scratch.attributes);
        });
        handle.delivery().give_back(scratch);
    }

    /// Updates the span's state with what the added fields say.
    pub(crate) fn finish(self) {
        let mut extensions = self
            .extensions
            .unwrap_or_else(|| self.span.extensions_mut());
        if let Some(state) = extensions.get_mut::<SpanState>() {
            state.apply_late_attributes(self.start, self.key_flags);
        }
    }
}

impl<'r, R: LookupSpan<'r>> Visit for LateRecorder<'_, 'r, R> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.change(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.change(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.change(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.change(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let room = self.room;
        self.change(field, |attributes, key| {
            push_u128(attributes, key, value, room);
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.change(field, |attributes, key| attributes.push_known(key, value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let room = self.room;
        self.change(field, |attributes, key| {
            attributes.push_known_text(key, value, room);
        });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.display(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.display(field, format_args!("{value:?}"));
    }
}

fn push_u128(attributes: &mut Attributes, key: &AttributeKey, value: u128, room: TextRoom) {
    match i128::try_from(value) {
        Ok(value) => attributes.push_known(key, value),
        Err(_) => attributes.push_known_display(key, value, room),
    }
}
