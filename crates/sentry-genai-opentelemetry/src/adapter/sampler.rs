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
    context::ambient_context,
    convert,
    start::{child_node, identity, operation, segment_name},
};
use crate::{
    door::Door,
    pending_start::{self, Root, StartInfo},
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

    fn set_pending(
        &self,
        context: &Context,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        added: &[KeyValue],
    ) {
        let Some(trace_id) = convert::trace_id(trace_id).filter(|_| self.door.accepts_spans())
        else {
            return pending_start::clear();
        };
        let parent = convert::parent_in(context);
        let info = match self.door.parent_node(trace_id, parent) {
            Some(parent_node) => {
                StartInfo::Child(child_node(parent_node, attributes, added, context))
            }
            None => {
                let identity = identity(attributes, added, None);
                let attributes = attributes.iter().chain(added);
                StartInfo::Root(Box::new(Root {
                    name: name.to_owned(),
                    operation: operation(attributes.clone()).map(str::to_owned),
                    segment_name: segment_name(name, kind, attributes, &identity.identity),
                    identity,
                    ambient_context: ambient_context(context),
                }))
            }
        };
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
                let added = &result.attributes;
                self.set_pending(context, trace_id, name, span_kind, attributes, added);
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
