//! Applies a resource's attributes to its spans.

use std::sync::Arc;

use sentry_genai_conventions::{Attributes, SentrySpan, Value};

#[cfg(feature = "serve")]
use crate::Client;
use crate::trace::ReleaseInfo;

/// Attributes of a resource, and their names on a span.
///
/// All others describe how the process was started and hardly ever change; they would only be repeated on every span.
static COPIED: &[(&str, &str)] = &[
    ("service.name", "service.name"),
    ("service.namespace", "service.namespace"),
    ("service.version", "service.version"),
    ("service.instance.id", "service.instance.id"),
    ("host.name", "server.address"),
    ("process.runtime.name", RUNTIME),
    ("process.runtime.version", "process.runtime.version"),
];

/// The names of the environment, current and deprecated.
static ENVIRONMENT: &[&str] = &["deployment.environment.name", "deployment.environment"];

const PLATFORM: &str = "sentry.platform";
const RUNTIME: &str = "process.runtime.name";

/// Sentry's names of platforms that `telemetry.sdk.language` calls otherwise.
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
/// The environment is the first one that any resource names. A release belongs to one service: if the versions differ, the trace
/// has none.
pub(crate) fn release_info(resources: &[Arc<Attributes>]) -> ReleaseInfo {
    let mut versions = resources.iter().map(|it| it.text("service.version"));
    let release = versions.next().flatten();
    let release = release.filter(|release| versions.all(|version| version == Some(release)));
    let environment =
        (resources.iter()).find_map(|it| ENVIRONMENT.iter().find_map(|key| it.text(key)));
    ReleaseInfo {
        release: release.map(str::to_owned),
        environment: environment.map(str::to_owned),
    }
}

/// Sets the attributes of a resource on one of its spans, unless the span has them.
pub(crate) fn add_attributes(span: &mut SentrySpan, resource: &Attributes) {
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
    // The platform and runtime of this process are not those of the trace.
    for (key, value) in [
        (PLATFORM, platform),
        (RUNTIME, language.unwrap_or("unknown")),
    ] {
        if !attributes.contains(key) {
            attributes.push(key, Value::Str(value));
        }
    }
}

/// Sets the release and the environment of a resource on one of its spans, unless the span or the client has one.
#[cfg(feature = "serve")]
pub(crate) fn add_release_and_environment(
    span: &mut SentrySpan,
    resource: &Arc<Attributes>,
    client: &Client,
) {
    let ReleaseInfo {
        release,
        environment,
    } = release_info(std::slice::from_ref(resource));
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
