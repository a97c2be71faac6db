//! The snippets of the guide for OpenTelemetry.

use sentry_genai_opentelemetry::opentelemetry_sdk::trace::{Sampler, TracerProviderBuilder};

mod set_it_up {
    use sentry_genai_opentelemetry::{Correlation, SentryGenAiProcessor, opentelemetry::trace::TracerProvider};
    use tracing_subscriber::{filter::LevelFilter, prelude::*};

    fn main() -> Result<(), Box<dyn std::error::Error>> {
        let options = sentry::ClientOptions::new().traces_sample_rate(1.0);
        let sentry = sentry::init(options.add_integration(Correlation::new()));
        let provider = SentryGenAiProcessor::new(&sentry).provider_builder().build();
        // For spans of `tracing`; HTTP clients have many below INFO.
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("my-service"));
        tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO)).init();

        // ... and when the program ends, before `sentry` goes:
        provider.shutdown()?;
        Ok(())
    }
}

fn have_a_provider(sentry: sentry::ClientInitGuard, builder: TracerProviderBuilder, sampler: Sampler) {
    use sentry_genai_opentelemetry::SentryGenAiProcessor;

    let processor = SentryGenAiProcessor::new(&sentry);
    let provider = builder
        .with_sampler(processor.sampler(sampler)) // worthwhile if prompts are long
        .with_span_processor(processor)
        .build();
}

fn options(sentry: sentry::ClientInitGuard) {
    use sentry_genai_opentelemetry::{Options, SentryGenAiProcessor};

    let options = Options::new()
        .with_capture_inputs(true)
        .with_before_send_span(|span| (span.name != "health check").then_some(span));
    let processor = SentryGenAiProcessor::with_options(&sentry, options);
}

fn exporter(sentry: sentry::ClientInitGuard) {
    use std::time::Duration;
    use sentry_genai_opentelemetry::{SentryGenAiExporter, opentelemetry_sdk::trace::SdkTracerProvider};

    let exporter = SentryGenAiExporter::new(&sentry);
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter.clone()).build();
    // ...
    let complete = provider.force_flush().is_ok() && exporter.flush(Duration::from_secs(5));
}

async fn conversations(request: ()) {
    async fn handle(_request: ()) {}

    use sentry_genai_opentelemetry::{GenAiContextExt, opentelemetry::{Context, trace::FutureExt}};

    let context = Context::current().with_conversation_id("conv_5j66");
    handle(request).with_context(context).await;
}

fn between_services(processor: sentry_genai_opentelemetry::SentryGenAiProcessor) {
    use sentry_genai_opentelemetry::{
        SentryGenAiPropagator,
        opentelemetry::{global, propagation::TextMapCompositePropagator},
        opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator},
    };

    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),              // if you use baggage
        Box::new(SentryGenAiPropagator::new(&processor)), // last
    ]));
}

fn through_a_collector() -> Result<(), Box<dyn std::error::Error>> {
    use opentelemetry_otlp::{SpanExporter, WithExportConfig};
    use sentry_genai_opentelemetry::{RewritingExporter, opentelemetry_sdk::trace::SdkTracerProvider};

    let client_options = sentry::ClientOptions::new(); // what may leave, release and environment
    let traces_url = "http://localhost:4318/v1/traces"; // with the path
    let otlp = SpanExporter::builder().with_http().with_endpoint(traces_url).build()?;
    let exporter = RewritingExporter::new(otlp, &client_options);
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    Ok(())
}

fn endpoint() -> Result<(), Box<dyn std::error::Error>> {
    use sentry_genai_opentelemetry::OtlpEndpoint;

    let dsn: sentry::types::Dsn = "https://key@o42.ingest.sentry.io/7".parse()?;
    let endpoint = OtlpEndpoint::of(&dsn);
    endpoint.url();        // https://o42.ingest.sentry.io/api/7/integration/otlp
    endpoint.traces_url(); // the same with /v1/traces
    endpoint.header();     // ("x-sentry-auth", "sentry sentry_key=...")
    Ok(())
}
