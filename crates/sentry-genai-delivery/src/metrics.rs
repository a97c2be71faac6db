//! Captures model calls as Sentry metrics, through the Sentry client.

use std::sync::{Arc, Weak};

use sentry_core::{
    Client, Scope, TransactionContext,
    metrics::{DistributionMetric, distribution},
    protocol::Unit,
};
use sentry_genai_conventions::{SentrySpan, Status};

use crate::{
    correlation::{protocol_span_id, protocol_trace_id},
    hub::start_stand_in,
    model_calls::{Measure, Meter},
};

const TOKEN_USAGE: &str = "gen_ai.client.token.usage";

/// The conventions put it in braces, but Relay accepts only letters, digits and underscores.
const TOKEN: &str = "token";

const OPERATION_DURATION: &str = "gen_ai.client.operation.duration";

/// The attributes that both metrics take from the span of the call.
const COMMON: [&str; 3] = [
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
];

/// Creates a meter that captures on `client` as long as others keep the client alive.
pub(crate) fn meter(client: &Arc<Client>) -> Meter {
    Arc::new(ClientMeter(Arc::downgrade(client)))
}

/// The client of the program. A strong reference would keep it from sending its last batch when the program drops it.
#[derive(Debug)]
struct ClientMeter(Weak<Client>);

impl Measure for ClientMeter {
    fn record(&self, call: &SentrySpan) {
        if let Some(client) = self.0.upgrade() {
            capture(&client, call);
        }
    }
}

fn capture(client: &Client, call: &SentrySpan) {
    let scope = scope_of(call);
    let attributes = &call.attributes;
    for (key, kind) in [
        ("gen_ai.usage.input_tokens", "input"),
        ("gen_ai.usage.output_tokens", "output"),
    ] {
        if let Some(tokens) = attributes.integer(key) {
            let metric = distribution(TOKEN_USAGE, tokens as f64).unit(TOKEN);
            let metric = metric.attribute("gen_ai.token.type", kind);
            client.capture_metric(describe(metric, call), &scope);
        }
    }
    let nanos = call.end.as_nanos().saturating_sub(call.start.as_nanos());
    let mut metric = distribution(OPERATION_DURATION, nanos as f64 / 1e9).unit(Unit::Second);
    if call.status == Status::Error {
        // The conventions' value for an error without a type.
        let error = attributes.text("error.type").unwrap_or("_OTHER");
        metric = metric.attribute("error.type", error);
    }
    client.capture_metric(describe(metric, call), &scope);
}

fn describe(metric: DistributionMetric, call: &SentrySpan) -> DistributionMetric {
    let attributes = &call.attributes;
    let operation = attributes
        .text("gen_ai.operation.name")
        .or_else(|| call.op.strip_prefix("gen_ai."))
        .unwrap_or_default();
    let copied = COMMON
        .into_iter()
        .filter_map(|key| Some((key, attributes.text(key)?)));
    copied.fold(
        metric.attribute("gen_ai.operation.name", operation),
        |metric, (key, value)| metric.attribute(key, value),
    )
}

/// A scope inside the span. A metric takes its trace id and span id from it.
fn scope_of(span: &SentrySpan) -> Scope {
    let context = TransactionContext::new_with_details(
        "",
        "",
        protocol_trace_id(span.trace_id),
        Some(protocol_span_id(span.span_id)),
        None,
    );
    let mut scope = Scope::default();
    scope.set_span(Some(start_stand_in(context).into()));
    scope
}
