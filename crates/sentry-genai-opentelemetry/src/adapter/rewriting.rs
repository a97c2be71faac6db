//! An exporter that translates spans and passes them on to another exporter.

use std::{fmt, time::Duration};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{Scalar, SentrySpan, SpanKind, Status, Value};
use sentry_genai_delivery::Options;

use super::{
    super::{
        opentelemetry::{self, Array, KeyValue, trace},
        opentelemetry_sdk::{
            Resource,
            error::OTelSdkResult,
            trace::{SpanData, SpanEvents, SpanExporter},
        },
    },
    convert::{self, source_span},
};
use crate::rewrite::Rewriter;

/// An exporter that translates AI spans and passes all spans on to another exporter. Use it to reach Sentry through OTLP,
/// directly or through Collectors.
///
/// What Sentry would not find in an OTLP span becomes an attribute: op, origin, the segment's id and name, release, environment,
/// and the reason for an error. Messages become JSON texts, since Sentry drops the contents of structured attributes. Events are
/// folded into attributes and removed: Sentry drops them, and old ones hold content. Content that must not leave the process is
/// removed.
///
/// Nothing else of the bridge applies: sampling is OpenTelemetry's, and delivery is up to the other exporter.
///
/// ```
/// # #[cfg(feature = "otel-0-33")] {
/// use sentry_genai_opentelemetry::{RewritingExporter, opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter}};
///
/// # fn provider(otlp: impl SpanExporter + 'static) -> SdkTracerProvider {
/// // `otlp` is an exporter such as that of `opentelemetry-otlp`.
/// let options = sentry_core::ClientOptions::new().release("shop@1.4.2");
/// SdkTracerProvider::builder()
///     .with_batch_exporter(RewritingExporter::new(otlp, &options))
///     .build()
/// # }
/// # }
/// ```
pub struct RewritingExporter<E> {
    next: E,
    rewriter: Rewriter,
}

impl<E: SpanExporter> RewritingExporter<E> {
    /// Creates an exporter in front of `next`, with default options.
    ///
    /// Of the client's options, only release, environment and `send_default_pii` are used; a DSN is not needed. If release or
    /// environment is missing, that of the resource is used: `service.version` and `deployment.environment.name`.
    pub fn new(next: E, client_options: &ClientOptions) -> Self {
        Self::with_options(next, client_options, Options::new())
    }

    /// Creates an exporter with the given options, such as which content may leave the process, its limits, and a hook. A span
    /// for which the hook returns `None`, or on which it panics, is not passed on.
    pub fn with_options(next: E, client_options: &ClientOptions, options: Options) -> Self {
        Self {
            next,
            rewriter: Rewriter::new(client_options, &options),
        }
    }

    fn rewrite(&self, mut batch: Vec<SpanData>) -> Vec<SpanData> {
        batch.sort_by_key(|span| span.span_context.trace_id().to_bytes());
        let mut spans = Vec::with_capacity(batch.len());
        batch.retain_mut(|span| {
            let Some(ids) = convert::ids(&span.span_context) else {
                return false;
            };
            let source = source_span(ids, span, self.rewriter.text_room());
            spans.push((source, convert::parent(span)));
            true
        });
        let rewritten = self.rewriter.rewrite(spans);
        let pairs = batch.into_iter().zip(rewritten);
        let spans = pairs.filter_map(|(original, translated)| {
            let mut span = with_translation(original, translated?);
            if !self.rewriter.captures_all_content() {
                strip_link_attributes(&mut span);
            }
            Some(span)
        });
        spans.collect()
    }
}

impl<E: SpanExporter> SpanExporter for RewritingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let rewritten = self.rewrite(batch);
        if rewritten.is_empty() {
            return Ok(());
        }
        self.next.export(rewritten).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.rewriter
            .set_resource_info(convert::resource_info(resource));
        self.next.set_resource(resource);
    }
}

impl<E: fmt::Debug> fmt::Debug for RewritingExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RewritingExporter")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// Replaces the contents of a span by the translated ones; ids, times and links stay.
fn with_translation(mut data: SpanData, span: SentrySpan) -> SpanData {
    data.status = match (span.status, data.status) {
        (Status::Error, _) => {
            let reason = span.attributes.text("sentry.status.message");
            trace::Status::error(reason.unwrap_or_default().to_owned())
        }
        (_, trace::Status::Error { .. }) => trace::Status::Unset,
        (_, status) => status,
    };
    data.span_kind = match span.kind {
        SpanKind::Server => trace::SpanKind::Server,
        SpanKind::Client => trace::SpanKind::Client,
        SpanKind::Producer => trace::SpanKind::Producer,
        SpanKind::Consumer => trace::SpanKind::Consumer,
        _ => trace::SpanKind::Internal,
    };
    data.attributes = span
        .attributes
        .iter()
        .filter_map(|(key, value)| Some(KeyValue::new(key.to_owned(), otel_value(value)?)))
        .collect();
    data.events = SpanEvents::default();
    data.name = span.name;
    data
}

/// Removes the attributes of links, except those that Sentry defines: all others are free-form and may be content.
fn strip_link_attributes(span: &mut SpanData) {
    for link in &mut span.links.links {
        (link.attributes).retain(|pair| pair.key.as_str().starts_with("sentry."));
    }
}

fn otel_value(value: Value<'_>) -> Option<opentelemetry::Value> {
    Some(match value {
        Value::Bool(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Double(value) => value.into(),
        Value::Str(value) => value.to_owned().into(),
        Value::Array(scalars) => opentelemetry::Value::Array(array(scalars)),
        _ => return None,
    })
}

/// Converts a list. Elements of another type than the first are left out.
fn array(scalars: &[Scalar]) -> Array {
    let mut array = match scalars.first() {
        Some(Scalar::Bool(_)) => Array::Bool(Vec::new()),
        Some(Scalar::Integer(_)) => Array::I64(Vec::new()),
        Some(Scalar::Double(_)) => Array::F64(Vec::new()),
        _ => Array::String(Vec::new()),
    };
    for scalar in scalars {
        match (&mut array, scalar) {
            (Array::Bool(values), Scalar::Bool(value)) => values.push(*value),
            (Array::I64(values), Scalar::Integer(value)) => values.push(*value),
            (Array::F64(values), Scalar::Double(value)) => values.push(*value),
            (Array::String(values), Scalar::Str(value)) => values.push(value.clone().into()),
            _ => {}
        }
    }
    array
}
