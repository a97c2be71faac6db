//! The machine that a client runs on, as Sentry's integration for contexts describes it.

use sentry_core::{ClientOptions, protocol::Event};
use sentry_genai_conventions::SentrySpan;
use serde_json::{Map, Value as Json};

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
pub(crate) fn contexts(options: &ClientOptions) -> Map<String, Json> {
    let integrations = &options.integrations;
    let integration = integrations.iter().find(|it| it.name() == "contexts");
    let event = integration.and_then(|it| it.process_event(Event::default(), options));
    match event.map(|event| serde_json::to_value(event.contexts)) {
        Some(Ok(Json::Object(contexts))) => contexts,
        _ => Map::new(),
    }
}

/// Returns the attributes that say the same as `contexts`.
pub(crate) fn attributes(
    contexts: &Map<String, Json>,
) -> impl Iterator<Item = (&'static str, &str)> {
    ATTRIBUTES.iter().filter_map(|(key, context, field)| {
        let text = contexts.get(*context)?.get(*field)?.as_str()?;
        (!text.is_empty()).then_some((*key, text))
    })
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
