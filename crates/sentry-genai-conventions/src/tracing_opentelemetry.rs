//! Reverts what `tracing-opentelemetry` does to a `tracing` span.

use crate::{Attributes, LoggedError, SourceEvent, SourceSpan, Value, attributes::Name};

static BUSY: Name = Name::new("busy_ns");
static IDLE: Name = Name::new("idle_ns");
static TARGET: Name = Name::new("target");
static MODULE: Name = Name::new("code.module.name");
static NAMESPACE: Name = Name::new("code.namespace");

impl SourceSpan {
    /// Reverts what `tracing-opentelemetry` does to a `tracing` span. Any other span stays as it is.
    ///
    /// Restores the target as the scope, which distinguishes libraries that share a tracer, and turns ERROR events into
    /// exceptions. Doors that receive OpenTelemetry spans call this.
    ///
    /// ```
    /// use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp, TraceId};
    ///
    /// let trace_id = TraceId::parse("4c79f60c11214eb38604f4ae0781bfb2").unwrap();
    /// let span_id = SpanId::parse("a1b2c3d4e5f60718").unwrap();
    /// let mut span = SourceSpan::new(trace_id, span_id, "chat", Timestamp::from_nanos(1));
    /// span.scope = "my-tracer".into();
    /// span.attributes.push("target", "rig::completions");
    /// span.attributes.push("busy_ns", 1_630_610);
    /// span.attributes.push("idle_ns", 44_219_534);
    ///
    /// span.undo_tracing_opentelemetry();
    /// assert_eq!(span.scope, "rig::completions");
    /// assert!(span.attributes.is_empty());
    /// ```
    pub fn undo_tracing_opentelemetry(&mut self) {
        if !is_from_tracing_opentelemetry(&self.attributes) {
            return;
        }
        let target = [&TARGET, &MODULE, &NAMESPACE]
            .into_iter()
            .find_map(|name| self.attributes.text_by_name(name));
        if let Some(target) = target.map(str::to_owned) {
            self.scope = target.into();
        }
        self.attributes.retain(|key, _| !is_internal(key));
        for event in &mut self.events {
            convert_error_event(event);
        }
    }
}

/// The layer adds these attributes unless it is configured not to. No other instrumentation has them.
fn is_from_tracing_opentelemetry(attributes: &Attributes) -> bool {
    let is_integer = |name| matches!(attributes.get_by_name(name), Some(Value::Integer(_)));
    let has = |name| attributes.get_by_name(name).is_some();
    (is_integer(&BUSY) && is_integer(&IDLE)) || (has(&TARGET) && (has(&MODULE) || has(&NAMESPACE)))
}

/// Attributes that Sentry does not show: how long a span was busy and idle, its level, and the thread on which it
/// started, which could be mistaken for a thread of messages. The target is the name of the scope by now.
fn is_internal(key: &str) -> bool {
    matches!(
        key,
        "busy_ns" | "idle_ns" | "level" | "target" | "thread.id" | "thread.name"
    )
}

/// The layer itself only treats an event as an exception if it has an `error` and no message. If it has both, the message is the name.
fn convert_error_event(event: &mut SourceEvent) {
    if event.name == "exception" || event.attributes.text("level") != Some("ERROR") {
        return;
    }
    let message = std::mem::replace(&mut event.name, "exception".into());
    let mut error = LoggedError::default();
    error.field("message", message.into_owned());
    for (key, value) in event.attributes.iter() {
        if let Value::Str(text) = value {
            error.field(key, text.to_owned());
        }
    }
    let read = error.into_event();
    for key in ["exception.message", "exception.type"] {
        if let Some(text) = read.attributes.text(key) {
            event.attributes.set(key, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_event_becomes_an_exception_with_its_reason() {
        let mut event = SourceEvent::new("the call failed");
        event.attributes.push("level", "ERROR");
        event.attributes.push("error", "timed out");
        convert_error_event(&mut event);
        assert_eq!(event.name, "exception");
        let message = event.attributes.text("exception.message");
        assert_eq!(message, Some("the call failed: timed out"));
    }
}
