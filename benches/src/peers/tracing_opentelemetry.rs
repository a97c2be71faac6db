//! tracing → tracing-opentelemetry → a Sentry transaction, OTLP, or the processor of `sentry-genai-opentelemetry`.

use std::net::SocketAddr;

use opentelemetry::trace::TracerProvider;
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
    },
};
use prost::Message;
use sentry::ClientInitGuard;

use super::{Fields, Peer, Setup, ours_opentelemetry, sentry_opentelemetry, sentry_sdk};
use crate::{
    probe::Probe,
    sink,
    texts::Texts,
    workloads::{
        Created, Workload,
        with_tracing::{for_tracing_opentelemetry, neutral},
    },
};

pub(super) struct ToSentry {
    fields: Fields,
    _guard: ClientInitGuard,
}

impl ToSentry {
    pub(super) fn start(setup: &Setup) -> Self {
        let guard = sentry_sdk::init(setup);
        install(&sentry_opentelemetry::provider(), setup.workload);
        Self {
            fields: setup.fields,
            _guard: guard,
        }
    }
}

impl Peer for ToSentry {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        run(self.fields, workload, texts, probe, &|| self.flush())
    }

    fn flush(&self) {
        sentry_sdk::flush();
    }
}

pub(super) struct ToOurs(ours_opentelemetry::OverApi);

impl ToOurs {
    pub(super) fn start(setup: &Setup) -> Self {
        let ours = ours_opentelemetry::OverApi::start(setup);
        install(ours.provider(), setup.workload);
        Self(ours)
    }
}

impl Peer for ToOurs {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        run(Fields::Neutral, workload, texts, probe, &|| self.flush())
    }

    fn flush(&self) {
        self.0.flush();
    }
}

pub(super) struct ToOtlp {
    fields: Fields,
    provider: SdkTracerProvider,
}

impl ToOtlp {
    pub(super) fn start(setup: &Setup) -> Self {
        let mut exporter = EncodingExporter::default();
        let mut batches = BatchConfigBuilder::default();
        if setup.is_verification() {
            exporter.sink = Some(setup.sink);
        } else {
            // The default of 2,048 spans would drop spans in a tight loop, and drops are cheap.
            batches = batches.with_max_queue_size(65_536);
        }
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batches.build())
            .build();
        let sampler = match setup.workload {
            Workload::Unsampled => Sampler::AlwaysOff,
            _ => Sampler::AlwaysOn,
        };
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(processor)
            .build();
        install(&provider, setup.workload);
        Self {
            fields: setup.fields,
            provider,
        }
    }
}

/// How often a flush is attempted.
const MAX_FLUSH_ATTEMPTS: usize = 60;

impl Peer for ToOtlp {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        run(self.fields, workload, texts, probe, &|| self.flush())
    }

    fn flush(&self) {
        // After five seconds the processor stops waiting, but not working, and under callgrind everything takes longer.
        let is_flushed = (0..MAX_FLUSH_ATTEMPTS).any(|_| self.provider.force_flush().is_ok());
        assert!(is_flushed, "the exporter works");
    }
}

fn install(provider: &SdkTracerProvider, workload: Workload) {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    super::install(layer, workload);
}

fn run<P: Probe>(
    fields: Fields,
    workload: Workload,
    texts: &Texts,
    probe: &mut P,
    pause: &dyn Fn(),
) -> Created {
    match fields {
        Fields::Neutral => neutral::run(workload, texts, probe, pause),
        Fields::Own => for_tracing_opentelemetry::run(workload, texts, probe, pause),
    }
}

/// An exporter that encodes as an OTLP exporter does, but sends only for verification.
#[derive(Debug, Default)]
struct EncodingExporter {
    resource: ResourceAttributesWithSchema,
    sink: Option<SocketAddr>,
}

impl SpanExporter for EncodingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.resource),
        };
        let body = request.encode_to_vec();
        match self.sink {
            Some(sink) => sink::post(sink, "/v1/traces", &body)
                .map_err(|error| OTelSdkError::InternalFailure(error.to_string())),
            None => {
                std::hint::black_box(body);
                Ok(())
            }
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
