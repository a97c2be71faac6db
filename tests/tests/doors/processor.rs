//! Sends through the SDK of OpenTelemetry.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sentry_genai_opentelemetry::{
    Options, SentryGenAiProcessor,
    opentelemetry::{
        Context, InstrumentationScope, KeyValue, StringValue, Value,
        trace::{
            Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
            TraceId, TraceState, Tracer as _, TracerProvider as _,
        },
    },
    opentelemetry_sdk::trace::{IdGenerator, SdkTracerProvider},
};
use sentry_genai_testkit::ReceivedSpan;
use sentry_genai_tests::Receiver;
use serde_json::Value as Json;

use super::told::{Pair, Step, Told, steps};

/// An id generator that gives the next span the ids it had in the capture.
#[derive(Clone, Debug, Default)]
struct Ids(Arc<Mutex<Option<(TraceId, SpanId)>>>);

impl Ids {
    fn next(&self) -> (TraceId, SpanId) {
        self.0.lock().unwrap().unwrap()
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        self.next().0
    }

    fn new_span_id(&self) -> SpanId {
        self.next().1
    }
}

/// More than any capture has.
const LIMIT: u32 = 10_000;

pub(crate) fn send(told: &[Told]) -> Vec<ReceivedSpan> {
    let receiver = Receiver::with_content();
    // A developer's Spotlight may be running, and would get a copy of every program.
    let options = Options::new().with_spotlight(false);
    let processor = SentryGenAiProcessor::with_options(&receiver.client, options);
    let ids = Ids::default();
    let provider = processor
        .provider_builder()
        .with_id_generator(ids.clone())
        .with_max_attributes_per_span(LIMIT)
        .with_max_attributes_per_event(LIMIT)
        .with_max_events_per_span(LIMIT)
        .build();
    let mut contexts = HashMap::<&str, Context>::new();
    for step in steps(told) {
        match step {
            Step::Start(number) => {
                let span = &told[number];
                let remote = span
                    .parent
                    .as_deref()
                    .map(|it| context_of(&span.trace_id, it, true));
                let remote = remote.map(|it| Context::new().with_remote_span_context(it));
                let parent = span.parent.as_deref().and_then(|it| contexts.get(it));
                let parent = parent.cloned().or(remote).unwrap_or_default();
                let own = context_of(&span.trace_id, &span.span_id, false);
                *ids.0.lock().unwrap() = Some((own.trace_id(), own.span_id()));
                let started = start(&provider, span, &parent);
                contexts.insert(&span.span_id, started);
            }
            Step::End(number) => {
                let span = &told[number.0];
                end(&contexts[&*span.span_id], span);
            }
        }
    }
    provider.shutdown().unwrap();
    receiver.spans()
}

fn start(provider: &SdkTracerProvider, span: &Told, parent: &Context) -> Context {
    let scope = InstrumentationScope::builder(span.scope.clone()).build();
    let tracer = provider.tracer_with_scope(scope);
    let builder = tracer
        .span_builder(span.name.clone())
        .with_start_time(time(span.start))
        .with_attributes(key_values(&span.attributes))
        .with_kind(match span.kind {
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Internal,
        });
    let mut started = tracer.build_with_context(builder, parent);
    for (trace, span) in &span.links {
        started.add_link(context_of(trace, span, false), Vec::new());
    }
    parent.with_span(started)
}

fn end(context: &Context, told: &Told) {
    let span = context.span();
    for event in &told.events {
        let attributes = key_values(&event.attributes);
        span.add_event_with_timestamp(event.name.clone(), time(event.at), attributes);
    }
    span.set_status(match told.status.0 {
        1 => Status::Ok,
        2 => Status::error(told.status.1.clone()),
        _ => Status::Unset,
    });
    span.end_with_timestamp(time(told.end));
}

fn context_of(trace: &str, span: &str, is_remote: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from_hex(trace).unwrap(),
        SpanId::from_hex(span).unwrap(),
        TraceFlags::SAMPLED,
        is_remote,
        TraceState::default(),
    )
}

fn time(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn key_values(pairs: &[Pair]) -> Vec<KeyValue> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, it)| KeyValue::new(key.clone(), value(it)))
        .collect()
}

fn value(value: &Json) -> Value {
    let text = |value: &Json| StringValue::from(value["stringValue"].as_str().unwrap().to_owned());
    if value["stringValue"].is_string() {
        Value::String(text(value))
    } else if let Some(flag) = value["boolValue"].as_bool() {
        flag.into()
    } else if let Some(number) = value["intValue"].as_str() {
        number.parse::<i64>().unwrap().into()
    } else if let Some(number) = value["doubleValue"].as_f64() {
        number.into()
    } else {
        let items = value["arrayValue"]["values"].as_array().unwrap().iter();
        Value::Array(items.map(text).collect::<Vec<_>>().into())
    }
}
