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
    context::surroundings,
    convert,
    start::{identity, node_below, operation},
};
use crate::{
    announced::{self, Root, Seen},
    door::Door,
};

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

    fn see(
        &self,
        context: &Context,
        trace_id: TraceId,
        name: &str,
        attributes: &[KeyValue],
        added: &[KeyValue],
    ) {
        let Some(trace_id) = convert::trace_id(trace_id).filter(|_| self.door.is_open()) else {
            return announced::withdraw();
        };
        let parent = convert::parent_in(context);
        let attributes = attributes.iter().chain(added);
        let seen = match self.door.parent_node(trace_id, parent) {
            Some(above) => Seen::Below(node_below(above, attributes, context)),
            None => Seen::Root(Box::new(Root {
                name: name.to_owned(),
                operation: operation(attributes.clone()).map(str::to_owned),
                identity: identity(attributes, None),
                surroundings: surroundings(context),
            })),
        };
        announced::announce(&self.door, trace_id, parent, seen);
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
                self.see(context, trace_id, name, attributes, &result.attributes);
            }
            _ => announced::withdraw(),
        }
        result
    }
}

/// The sampler of a provider that was given none.
#[derive(Clone, Debug)]
pub(super) struct SamplerOfEnvironment(Box<dyn ShouldSample>);

impl SamplerOfEnvironment {
    /// Reads `OTEL_TRACES_SAMPLER`, as the SDK does.
    pub(super) fn new() -> Self {
        Self(Config::default().sampler)
    }
}

impl ShouldSample for SamplerOfEnvironment {
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
