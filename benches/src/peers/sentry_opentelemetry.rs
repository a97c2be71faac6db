//! OpenTelemetry API → sentry-opentelemetry → a Sentry transaction.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use sentry::{ClientInitGuard, integrations::opentelemetry::SentrySpanProcessor};

use super::{Peer, Setup, sentry_sdk};
use crate::{
    probe::Probe,
    texts::Texts,
    workloads::{Created, Workload, with_opentelemetry},
};

pub(super) struct OverApi {
    tracer: SdkTracer,
    _guard: ClientInitGuard,
}

impl OverApi {
    pub(super) fn start(setup: &Setup) -> Self {
        let guard = sentry_sdk::init(setup);
        Self {
            tracer: provider().tracer("bench"),
            _guard: guard,
        }
    }
}

impl Peer for OverApi {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        with_opentelemetry::run(&self.tracer, workload, texts, probe, &|| self.flush())
    }

    fn flush(&self) {
        sentry_sdk::flush();
    }
}

/// Returns a provider whose spans end up in Sentry.
pub(super) fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_span_processor(SentrySpanProcessor::new())
        .build()
}
