//! The cost of a program's spans before anything is done with them.

use std::{fmt::Debug, hint::black_box, time::Duration};

use opentelemetry::{Context, trace::TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer, prelude::*, registry::LookupSpan};

use super::Peer;
use crate::{
    probe::Probe,
    texts::Texts,
    workloads::{Created, Workload, with_opentelemetry, with_tracing::neutral},
};

pub(super) struct Tracing;

impl Tracing {
    pub(super) fn start() -> Self {
        tracing_subscriber::registry().with(FieldVisitor).init();
        Self
    }
}

impl Peer for Tracing {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        neutral::run(workload, texts, probe, &|| ())
    }

    fn flush(&self) {}
}

/// A layer that visits every field and keeps nothing.
pub(super) struct FieldVisitor;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for FieldVisitor {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: layer::Context<'_, S>) {
        attributes.record(&mut Self);
    }

    fn on_record(&self, _: &Id, record: &Record<'_>, _: layer::Context<'_, S>) {
        record.record(&mut Self);
    }

    fn on_close(&self, id: Id, context: layer::Context<'_, S>) {
        black_box(context.span(&id).is_some());
    }
}

impl Visit for FieldVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        black_box((field, value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        black_box((field, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        black_box((field, value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        black_box((field, value));
    }
}

pub(super) struct Opentelemetry(SdkTracer);

impl Opentelemetry {
    pub(super) fn start() -> Self {
        let provider = SdkTracerProvider::builder()
            .with_max_attributes_per_span(with_opentelemetry::MAX_ATTRIBUTES)
            .with_span_processor(NoopProcessor)
            .build();
        Self(provider.tracer("bench"))
    }
}

impl Peer for Opentelemetry {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        with_opentelemetry::run(&self.0, workload, texts, probe, &|| ())
    }

    fn flush(&self) {}
}

/// A processor that does nothing.
#[derive(Debug)]
struct NoopProcessor;

impl SpanProcessor for NoopProcessor {
    fn on_start(&self, span: &mut Span, _: &Context) {
        black_box(span);
    }

    fn on_end(&self, span: SpanData) {
        black_box(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
