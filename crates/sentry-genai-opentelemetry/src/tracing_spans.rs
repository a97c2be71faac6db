//! What `tracing-opentelemetry` makes of a `tracing` span, undone.

use sentry_genai_conventions::{Attributes, SourceEvent, SourceSpan, Value};

/// Nothing that Sentry shows: how long a span was busy and idle, its level, and the thread it happened to start on, which could
/// be taken for a thread of messages.
static NOISE: &[&str] = &["busy_ns", "idle_ns", "level", "thread.id", "thread.name"];

/// Finds the target, which tells the libraries apart that use one tracer, and reads ERROR events as exceptions.
pub(crate) fn read(span: &mut SourceSpan) {
    if !is_made_from_tracing(&span.attributes) {
        return;
    }
    let target = ["target", "code.module.name", "code.namespace"]
        .into_iter()
        .find_map(|key| span.attributes.text(key));
    if let Some(target) = target.map(str::to_owned) {
        span.scope = target.into();
    }
    for key in NOISE.iter().chain(&["target"]) {
        span.attributes.remove(key);
    }
    for event in &mut span.events {
        read_error(event);
    }
}

/// The layer adds these unless it is told not to; no other instrumentation has them.
fn is_made_from_tracing(attributes: &Attributes) -> bool {
    let integer = |key| matches!(attributes.get(key), Some(Value::Integer(_)));
    (integer("busy_ns") && integer("idle_ns"))
        || (attributes.contains("target")
            && (attributes.contains("code.module.name") || attributes.contains("code.namespace")))
}

/// The layer reads an event as an exception only if it has a field `error`.
fn read_error(event: &mut SourceEvent) {
    if event.name == "exception" || event.attributes.text("level") != Some("ERROR") {
        return;
    }
    let message = std::mem::replace(&mut event.name, "exception".into());
    event.attributes.set("exception.message", &*message);
}
