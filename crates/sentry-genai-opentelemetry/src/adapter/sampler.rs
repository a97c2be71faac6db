//! The sampler that reads starting spans for the processor.

use std::sync::Arc;

use super::{
    super::{
        opentelemetry::{
            Context, KeyValue,
            trace::{Link, SpanKind, TraceId},
        },
        opentelemetry_sdk::trace::{Config, SamplingDecision, SamplingResult, ShouldSample},
    },
    convert,
    start::StartingSpan,
};
use crate::{door::Door, pending_start};

/// A sampler that delegates to another one, and reads the spans that start for a
/// [`SentryGenAiProcessor`](super::SentryGenAiProcessor).
///
/// Created by [`SentryGenAiProcessor::sampler`](super::SentryGenAiProcessor::sampler).
#[derive(Clone, Debug)]
pub struct SentryGenAiSampler<S> {
    next: S,
    door: Arc<Door>,
}

impl<S> SentryGenAiSampler<S> {
    pub(super) fn new(next: S, door: Arc<Door>) -> Self {
        Self { next, door }
    }

    fn set_pending(&self, context: &Context, trace_id: TraceId, span: &StartingSpan<'_>) {
        let Some(trace_id) = convert::trace_id(trace_id).filter(|_| self.door.accepts_spans())
        else {
            return pending_start::clear();
        };
        let parent = convert::parent_in(context);
        let info = span.read(self.door.parent_node(trace_id, parent), context);
        pending_start::set(&self.door, trace_id, parent, info);
    }
}

impl<S: ShouldSample + Clone + 'static> ShouldSample for SentryGenAiSampler<S> {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let next = &self.next;
        let result =
            next.should_sample(parent_context, trace_id, name, span_kind, attributes, links);
        if self.door.delivery().is_none() {
            return result;
        }
        match (&result.decision, parent_context) {
            (SamplingDecision::RecordAndSample, Some(context)) => {
                let span = StartingSpan {
                    name,
                    kind: span_kind,
                    attributes,
                    added: &result.attributes,
                };
                self.set_pending(context, trace_id, &span);
            }
            _ => pending_start::clear(),
        }
        result
    }
}

/// The sampler of a provider that was given none.
#[derive(Clone, Debug)]
pub(super) struct EnvironmentSampler(Box<dyn ShouldSample>);

impl EnvironmentSampler {
    /// Reads `OTEL_TRACES_SAMPLER`, as the SDK does.
    pub(super) fn new() -> Self {
        Self(Config::default().sampler)
    }
}

impl ShouldSample for EnvironmentSampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let sampler = &self.0;
        sampler.should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
