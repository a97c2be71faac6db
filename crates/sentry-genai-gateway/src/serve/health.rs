//! The state of the service, for people and for monitoring.

use std::fmt::{Display, Write as _};

use axum::{
    Json, Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use sentry_genai_delivery::{LossReason, SendFailure};
use serde_json::{Map, Value, json};

use super::Service;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
}

async fn health(State(service): State<Service>) -> Json<Value> {
    let figures = service.figures();
    let lost: Map<_, _> = figures
        .delivery
        .losses()
        .map(|(reason, spans)| (reason.as_str().to_owned(), spans.into()))
        .collect();
    let failure = service.last_failure();
    // The status is 200 even when the service is full: restarting it for that would lose what waits.
    Json(json!({
        "received": figures.received,
        "gathered": figures.gathered,
        "buffered_bytes": figures.delivery.buffered_bytes,
        "accepted": figures.delivery.accepted,
        "lost": lost,
        "full": service.is_full(),
        "refused_requests": figures.refused_requests,
        "events_without_span": figures.events_without_span,
        "last_refusal": service.last_refusal(),
        "last_failure": failure.as_ref().map(|failure| &failure.cause),
        "last_failure_at": failure.as_ref().map(SendFailure::timestamp),
    }))
}

async fn metrics(State(service): State<Service>) -> Response {
    let figures = service.figures();
    let mut text = Exposition(String::new());
    text.add(
        "received_spans_total",
        "counter",
        "Spans received.",
        [("", figures.received)],
    );
    text.add(
        "accepted_spans_total",
        "counter",
        "Spans that Sentry accepted.",
        [("", figures.delivery.accepted)],
    );
    let lost = LossReason::all().map(|reason| {
        let label = format!("{{reason=\"{}\"}}", reason.as_str());
        (label, figures.delivery.lost(reason))
    });
    text.add(
        "lost_spans_total",
        "counter",
        "Spans lost, by reason.",
        lost,
    );
    text.add(
        "gathered_spans",
        "gauge",
        "Spans that wait for others of their trace.",
        [("", figures.gathered)],
    );
    text.add(
        "buffered_bytes",
        "gauge",
        "Bytes of spans that wait to be sent.",
        [("", figures.delivery.buffered_bytes)],
    );
    text.add(
        "full",
        "gauge",
        "Whether requests are refused because too much waits.",
        [("", u64::from(service.is_full()))],
    );
    text.add(
        "refused_requests_total",
        "counter",
        "Requests refused, as a whole or in part, other than those that came while too much waited.",
        [("", figures.refused_requests)],
    );
    text.add(
        "events_without_span_total",
        "counter",
        "GenAI events from log records whose spans did not come.",
        [("", figures.events_without_span)],
    );
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text.0).into_response()
}

/// Metrics in Prometheus' text format.
struct Exposition(String);

impl Exposition {
    /// Adds a metric with its values, each with its labels.
    fn add<L: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) {
        let name = format_args!("sentry_genai_{name}");
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }
}
