//! What a resource says about all of its spans.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, SentrySpan, Value};

#[cfg(feature = "serve")]
use crate::Client;
use crate::trace::Origin;

/// Attributes of a resource and what they are called on a span.
///
/// The rest says how the process was started and is the same for years; it would stand on every span.
static COPIED: &[(&str, &str)] = &[
    ("service.name", "service.name"),
    ("service.namespace", "service.namespace"),
    ("service.version", "service.version"),
    ("service.instance.id", "service.instance.id"),
    ("host.name", "server.address"),
    ("process.runtime.name", RUNTIME),
    ("process.runtime.version", "process.runtime.version"),
];

/// Names of the environment, today's and yesterday's.
static ENVIRONMENT: &[&str] = &["deployment.environment.name", "deployment.environment"];

const PLATFORM: &str = "sentry.platform";
const RUNTIME: &str = "process.runtime.name";

/// Sentry's names of the platforms that OpenTelemetry names otherwise in `telemetry.sdk.language`.
static PLATFORMS: &[(&str, &str)] = &[
    ("cpp", "native"),
    ("dotnet", "csharp"),
    ("erlang", "elixir"),
    ("nodejs", "node"),
    ("swift", "cocoa"),
    ("webjs", "javascript"),
];

/// Returns the release and the environment of a trace whose spans have these resources.
///
/// The environment is what the first one says that says anything. A release belongs to one service: where versions differ, there is
/// none for all.
pub(crate) fn origin(resources: &[Arc<Attributes>]) -> Origin {
    let mut versions = resources.iter().map(|it| it.text("service.version"));
    let release = versions.next().flatten();
    let release = release.filter(|release| versions.all(|version| version == Some(release)));
    let mut named = (resources.iter()).flat_map(|it| ENVIRONMENT.iter().map(|key| it.text(key)));
    let environment = named.find_map(|name| name.filter(|name| !name.is_empty()));
    Origin {
        release: release.filter(|it| !it.is_empty()).map(str::to_owned),
        environment: environment.map(str::to_owned),
    }
}

/// Writes what a resource says onto one of its spans, where the span does not say otherwise.
pub(crate) fn describe(span: &mut SentrySpan, resource: &Attributes) {
    let attributes = &mut span.attributes;
    for (from, to) in COPIED {
        if let Some(text) = resource.text(from)
            && !attributes.contains(to)
        {
            attributes.push(to, text);
        }
    }
    let language = resource.text("telemetry.sdk.language");
    let platform = language.map_or("other", |language| {
        let known = PLATFORMS.iter().find(|(name, _)| *name == language);
        known.map_or(language, |(_, platform)| platform)
    });
    // Whoever runs this is no part of the trace.
    for (key, value) in [
        (PLATFORM, platform),
        (RUNTIME, language.unwrap_or("unknown")),
    ] {
        if !attributes.contains(key) {
            attributes.push(key, Value::Str(value));
        }
    }
}

/// Writes the release and the environment of a resource onto one of its spans, where neither the span nor the client has one.
#[cfg(feature = "serve")]
pub(crate) fn sign(span: &mut SentrySpan, resource: &Arc<Attributes>, client: &Client) {
    let Origin {
        release,
        environment,
    } = origin(std::slice::from_ref(resource));
    for (key, own, found) in [
        ("sentry.release", &client.release, release),
        ("sentry.environment", &client.environment, environment),
    ] {
        if let (None, Some(found)) = (own, found)
            && !span.attributes.contains(key)
        {
            span.attributes.push(key, &found);
        }
    }
}
