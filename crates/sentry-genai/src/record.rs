//! From the fields of a span to its attributes.

use std::fmt;

use sentry_genai_conventions::Attributes;
use tracing_core::field::{Field, FieldSet, Visit};
use tracing_subscriber::registry::{ExtensionsMut, LookupSpan, SpanRef};

use crate::{handle::Handle, state::SpanState};

/// Collects the fields of a span or an event as they are visited.
pub(crate) struct Recorder {
    pub(crate) attributes: Attributes,
    /// The longest text that is copied, in bytes.
    room: usize,
}

impl Recorder {
    /// Creates a recorder for something with these fields that `handle` sends.
    pub(crate) fn new(handle: &Handle, fields: &FieldSet) -> Self {
        Self {
            attributes: handle.delivery().attributes(fields.len() + 1),
            room: handle.text_room(),
        }
    }
}

impl Visit for Recorder {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.attributes.push(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.attributes.push(field.name(), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.attributes.push(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        push_u128(&mut self.attributes, field, value, self.room);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes.push(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.attributes.push_text(field.name(), value, self.room);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.attributes.push_display(field.name(), value, self.room);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.attributes
            .push_display(field.name(), format_args!("{value:?}"), self.room);
    }
}

/// Adds fields to an open span.
///
/// The span stays locked from one field to the next, but not while a value shows itself: its `Debug` may log, and that looks at
/// the span.
pub(crate) struct LateRecorder<'a, 'r, R: LookupSpan<'r>> {
    span: &'a SpanRef<'r, R>,
    locked: Option<ExtensionsMut<'a>>,
    /// How many values the span had before.
    start: usize,
    /// The longest text that is copied, in bytes.
    room: usize,
}

impl<'a, 'r, R: LookupSpan<'r>> LateRecorder<'a, 'r, R> {
    /// Starts to add to `span`; `None` if it will not be sent.
    pub(crate) fn new(span: &'a SpanRef<'r, R>) -> Option<Self> {
        let mut locked = span.extensions_mut();
        let state = locked.get_mut::<SpanState>()?;
        if !state.trace.is_recorded {
            return None;
        }
        Some(Self {
            start: state.source.attributes.records(),
            room: state.trace.handle.text_room(),
            locked: Some(locked),
            span,
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut Attributes)) {
        let locked = self
            .locked
            .get_or_insert_with(|| self.span.extensions_mut());
        if let Some(state) = locked.get_mut::<SpanState>() {
            change(&mut state.source.attributes);
        }
    }

    fn display(&mut self, field: &Field, value: impl fmt::Display) {
        self.locked = None;
        let mut shown = Attributes::default();
        shown.push_display(field.name(), value, self.room);
        self.change(|attributes| attributes.append(shown));
    }

    /// Lets the span take note of what was added.
    pub(crate) fn finish(self, finish: impl FnOnce(&mut SpanState)) {
        let mut locked = self.locked.unwrap_or_else(|| self.span.extensions_mut());
        if let Some(state) = locked.get_mut::<SpanState>() {
            state.notice(self.start, true);
            finish(state);
        }
    }
}

impl<'r, R: LookupSpan<'r>> Visit for LateRecorder<'_, 'r, R> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.change(|attributes| attributes.push(field.name(), value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.change(|attributes| attributes.push(field.name(), value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.change(|attributes| attributes.push(field.name(), value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.change(|attributes| attributes.push(field.name(), value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let room = self.room;
        self.change(|attributes| push_u128(attributes, field, value, room));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.change(|attributes| attributes.push(field.name(), value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let room = self.room;
        self.change(|attributes| attributes.push_text(field.name(), value, room));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.display(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.display(field, format_args!("{value:?}"));
    }
}

fn push_u128(attributes: &mut Attributes, field: &Field, value: u128, room: usize) {
    match i128::try_from(value) {
        Ok(value) => attributes.push(field.name(), value),
        Err(_) => attributes.push_display(field.name(), value, room),
    }
}
