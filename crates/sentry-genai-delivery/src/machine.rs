//! The machine that a client runs on, as Sentry's integration for contexts describes it.

use sentry_core::{
    ClientOptions,
    protocol::{Context, Event, Map},
};
use sentry_genai_conventions::SentrySpan;
use serde_json::Value as Json;

/// Attributes of segments, and the context and field that each is taken from.
static ATTRIBUTES: [(&str, &str, &str); 8] = [
    ("os.name", "os", "name"),
    ("os.version", "os", "version"),
    ("os.kernel_version", "os", "kernel_version"),
    ("os.build", "os", "build"),
    ("process.runtime.version", "rust", "version"),
    ("device.archs", "device", "arch"),
    ("device.family", "device", "family"),
    ("device.model", "device", "model"),
];

/// Returns what the client's integration for contexts adds to events; nothing if there is no such integration.
pub(crate) fn contexts(options: &ClientOptions) -> Map<String, Context> {
    let integrations = &options.integrations;
    let integration = integrations.iter().find(|it| it.name() == "contexts");
    let event = integration.and_then(|it| it.process_event(Event::default(), options));
    event.map(|event| event.contexts).unwrap_or_default()
}

/// Returns the attributes that say the same as `contexts`.
pub(crate) fn attributes(
    contexts: &Map<String, Context>,
) -> impl Iterator<Item = (&'static str, String)> {
    let contexts = serde_json::to_value(contexts).unwrap_or_default();
    ATTRIBUTES.iter().filter_map(
        move |(key, context, field)| match &contexts[*context][*field] {
            Json::String(text) if !text.is_empty() => Some((*key, text.clone())),
            _ => None,
        },
    )
}

/// Returns whether an attribute may be one of [`attributes`].
pub(crate) fn is_attribute(key: &str) -> bool {
    ATTRIBUTES.iter().any(|(known, _, _)| *known == key)
}

/// Returns whether a span describes a machine itself. Descriptions of two machines must not be mixed.
pub(crate) fn is_described_by(span: &SentrySpan) -> bool {
    let mut keys = span.attributes.iter().map(|(key, _)| key);
    keys.any(|key| {
        ["os.", "device.", "process.runtime."]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    })
}
