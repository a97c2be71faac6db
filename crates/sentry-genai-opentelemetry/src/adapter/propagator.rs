//! Propagates traces and conversations between processes.

use std::sync::{Arc, LazyLock};

use sentry_genai_delivery::{Baggage, IncomingTrace, conversation_in_baggage};

use super::{
    super::opentelemetry::{
        Context,
        baggage::{BaggageExt as _, KeyValueMetadata},
        propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
        trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
    },
    SentryGenAiProcessor,
    context::{ambient_context, incoming_trace},
    convert,
};
use crate::{
    conversation::{ConversationInContext, IncomingConversation},
    door::Door,
};

/// A propagator that carries traces and conversations between services in the headers `sentry-trace` and `baggage`.
///
/// It injects:
///
/// - the current span and Sentry's sampling decision for its trace,
/// - the dynamic sampling context of the trace, which is frozen from then on,
/// - the conversation.
///
/// It extracts the same. A trace of another organization is not continued. A service that sends `sentry-trace` but no
/// `traceparent` is continued as well.
///
/// Put it last in a composite propagator, after those for `traceparent` and after Sentry's own. It also injects OpenTelemetry's
/// baggage, since a header can be written only once. To extract that, add the SDK's `BaggagePropagator`.
///
/// ```
/// # #[cfg(feature = "otel-0-33")] {
/// use sentry_genai_opentelemetry::{
///     SentryGenAiProcessor, SentryGenAiPropagator,
///     opentelemetry::{global, propagation::TextMapCompositePropagator},
///     opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator},
/// };
///
/// # let client = sentry_core::Client::from(sentry_core::ClientOptions::new());
/// let processor = SentryGenAiProcessor::new(&client);
/// global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
///     Box::new(TraceContextPropagator::new()),
///     Box::new(BaggagePropagator::new()),
///     Box::new(SentryGenAiPropagator::new(&processor)),
/// ]));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SentryGenAiPropagator {
    door: Arc<Door>,
    conversation: ConversationPropagation,
}

/// Whether conversation ids cross process boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConversationPropagation {
    Baggage,
    Off,
}

const SENTRY_TRACE: &str = "sentry-trace";
const BAGGAGE: &str = "baggage";
const CONVERSATION: &str = "gen_ai.conversation.id";

static FIELDS: LazyLock<[String; 2]> =
    LazyLock::new(|| [SENTRY_TRACE.to_owned(), BAGGAGE.to_owned()]);

impl SentryGenAiPropagator {
    /// Creates a propagator for the spans that `processor` sees.
    #[must_use]
    pub fn new(processor: &SentryGenAiProcessor) -> Self {
        Self {
            door: Arc::clone(&processor.door),
            conversation: ConversationPropagation::Baggage,
        }
    }

    /// Sets whether conversation ids are read from and written to `baggage`, as `gen_ai.conversation.id`. The default is true.
    ///
    /// An id longer than 512 bytes, or with control characters, is never propagated.
    #[must_use]
    pub fn with_conversation_propagation(mut self, propagate: bool) -> Self {
        self.conversation = if propagate {
            ConversationPropagation::Baggage
        } else {
            ConversationPropagation::Off
        };
        self
    }

    /// Returns the values of `sentry-trace` and of Sentry's members of `baggage`.
    fn trace_headers(&self, context: &Context) -> Option<(String, String)> {
        let span = context.span();
        let span = span.span_context();
        let (trace_id, span_id) = convert::ids(span)?;
        if let Some(node) = self.door.spans.find((trace_id, span_id)) {
            let trace = node.segment.trace();
            return Some((trace.sentry_trace_header(span_id), trace.baggage_header()));
        }
        // A request that is passed on, or a span that is not known here.
        let incoming = incoming_trace(context).filter(|it| it.trace_id() == trace_id);
        let sampled = match &incoming {
            Some(incoming) => incoming.sampled(),
            // What OpenTelemetry does not sample cannot reach Sentry from here.
            None => (!span.is_sampled() && self.door.delivery().is_some()).then_some(false),
        };
        let flag = match sampled {
            Some(true) => "-1",
            Some(false) => "-0",
            None => "",
        };
        let baggage = incoming.map(|incoming| incoming.baggage_header());
        Some((
            format!("{trace_id}-{span_id}{flag}"),
            baggage.unwrap_or_default(),
        ))
    }

    /// Finds the conversation that an outgoing request made in `context` belongs to.
    fn outgoing_conversation(&self, context: &Context) -> Option<Arc<str>> {
        let span = context.span();
        let ids = convert::ids(span.span_context());
        let node = ids.and_then(|ids| self.door.spans.find(ids));
        let named = node.as_ref().and_then(|node| node.named_conversation());
        named
            .or_else(|| {
                let in_context = context.get::<ConversationInContext>();
                in_context.map(|ConversationInContext(id)| Arc::clone(id))
            })
            .or_else(|| node?.conversation())
            .or_else(|| ambient_context(context).incoming_conversation)
    }
}

impl TextMapPropagator for SentryGenAiPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let mut baggage = Baggage::default();
        if let Some((sentry_trace, members)) = self.trace_headers(context) {
            injector.set(SENTRY_TRACE, sentry_trace);
            baggage.add_members(&members);
        }
        if self.conversation == ConversationPropagation::Baggage
            && let Some(id) = self.outgoing_conversation(context)
        {
            baggage.add_conversation(&id);
        }
        for (key, (value, metadata)) in context.baggage() {
            baggage.add_foreign(key.as_str(), value.as_str(), metadata.as_str());
        }
        if let Some(header) = baggage.into_header() {
            injector.set(BAGGAGE, header);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let values = |name| extractor.get_all(name).unwrap_or_default();
        let baggage = values(BAGGAGE);
        let headers = values(SENTRY_TRACE).into_iter();
        let headers = headers.map(|value| (SENTRY_TRACE, value));
        let headers = headers.chain(baggage.iter().map(|value| (BAGGAGE, *value)));
        let incoming = IncomingTrace::from_headers(headers).filter(|incoming| {
            let delivery = self.door.delivery();
            delivery.is_none_or(|delivery| delivery.continues(incoming))
        });

        let mut context = context.clone();
        if let Some(incoming) = incoming {
            if !context.span().span_context().is_valid() {
                context = context.with_remote_span_context(remote_span(&incoming));
            }
            context = context.with_value(Arc::new(incoming));
        }
        if self.conversation == ConversationPropagation::Baggage {
            let mut headers = baggage.iter();
            if let Some(id) = headers.find_map(|header| conversation_in_baggage(header)) {
                context = context.with_value(IncomingConversation(id.into()));
            }
        } else if context.baggage().get(CONVERSATION).is_some() {
            // The SDK's own propagator has extracted it.
            let others: Vec<_> = context
                .baggage()
                .iter()
                .filter(|(key, _)| key.as_str() != CONVERSATION)
                .map(|(key, (value, metadata))| {
                    KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
                })
                .collect();
            context = context.with_baggage(others);
        }
        context
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// Creates the remote parent. A decision that the caller deferred is left to the samplers of this service.
fn remote_span(incoming: &IncomingTrace) -> SpanContext {
    let flags = match incoming.sampled() {
        Some(false) => TraceFlags::default(),
        Some(true) | None => TraceFlags::SAMPLED,
    };
    SpanContext::new(
        TraceId::from_bytes(incoming.trace_id().to_bytes()),
        SpanId::from_bytes(incoming.parent_span_id().to_bytes()),
        flags,
        true,
        TraceState::default(),
    )
}
