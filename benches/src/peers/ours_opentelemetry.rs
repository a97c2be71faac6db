//! OpenTelemetry API → the processor of `sentry-genai-opentelemetry`, over HTTP on loopback.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use sentry::ClientInitGuard;
use sentry_genai_opentelemetry::otel_0_32::{Correlation, SentryGenAiProcessor};

use super::{Peer, Setup, ours};
use crate::{
    probe::Probe,
    texts::Texts,
    workloads::{Created, Workload, with_opentelemetry},
};

pub(super) struct OverApi {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    processor: SentryGenAiProcessor,
    setup: Setup,
    _guard: ClientInitGuard,
}

impl OverApi {
    pub(super) fn start(setup: &Setup) -> Self {
        let client_options = ours::client_options(setup).add_integration(Correlation::new());
        let guard = sentry::init(client_options);
        let mut options = sentry_genai_opentelemetry::Options::new()
            .with_keep_ai_traces(ours::keeps_ai_traces(setup));
        if let Some(bytes) = ours::buffer_bytes(setup) {
            options = options.with_max_buffer_bytes(bytes);
        }
        if let Some(connections) = ours::max_connections(setup) {
            options = options.with_max_connections(connections);
        }
        let processor = SentryGenAiProcessor::with_options(&guard, options);
        let provider = processor
            .provider_builder()
            .with_max_attributes_per_span(with_opentelemetry::MAX_ATTRIBUTES)
            .build();
        Self {
            tracer: provider.tracer("bench"),
            provider,
            processor,
            setup: *setup,
            _guard: guard,
        }
    }

    pub(super) fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }
}

impl Peer for OverApi {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        with_opentelemetry::run(&self.tracer, workload, texts, probe, &|| self.flush())
    }

    fn flush(&self) {
        self.provider.force_flush().expect("the sink answers");
        ours::assert_none_lost(&self.setup, self.processor.stats());
    }
}
