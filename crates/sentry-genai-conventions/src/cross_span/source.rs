//! Which instrumentation wrote a span, and what is around all that it wrote.

use super::SpanIndex;
use crate::{SentrySpan, SpanId, TraceId};

/// The scope of Langfuse's SDK.
pub(super) const LANGFUSE: &str = "langfuse-sdk";

/// The scope of LangSmith's SDK.
const LANGSMITH: &str = "langsmith";

/// The instrumentation that wrote a span: its origin, and its scope where several instrumentations have one origin, as
/// OpenInference's and OpenLLMetry's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source<'a> {
    origin: &'a str,
    instrumentation: Option<&'a str>,
}

impl<'a> Source<'a> {
    pub(super) fn of(span: &'a SentrySpan) -> Self {
        Self {
            origin: &span.origin,
            instrumentation: is_of_instrumentation(span).then_some(&*span.scope),
        }
    }
}

impl Source<'_> {
    /// Returns whether both are instrumentations of the same library, going by the last word of their scopes.
    pub(super) fn has_same_library(self, other: Self) -> bool {
        let library = |source: Self| source.instrumentation?.rsplit(['.', '-']).next();
        library(self).is_some_and(|own| library(other) == Some(own))
    }

    /// Returns whether both are instrumentations of OpenLLMetry in Python. One that wraps another silences it in most cases.
    pub(super) fn may_silence(self, other: Self) -> bool {
        self.origin == other.origin
            && self.origin.ends_with(".traceloop")
            && !(self.instrumentation).is_some_and(|scope| scope.starts_with('@'))
    }
}

/// Returns whether a span was written by an instrumentation of another library, going by its scope. Other scopes may be modules
/// of a program. Some of OpenTelemetry's instrumentations write as `opentelemetry.util.genai.handler`.
pub(super) fn is_of_instrumentation(span: &SentrySpan) -> bool {
    span.scope.contains("instrumentation") || span.scope.starts_with("opentelemetry.util.")
}

/// Returns whether a span was written by an instrumentation of LangChain in JavaScript, which calls those in the background: spans
/// start and end later than what they describe.
pub(super) fn is_late(span: &SentrySpan) -> bool {
    span.scope.starts_with('@') && span.scope.ends_with("instrumentation-langchain")
}

/// Returns whether a span was written by what wraps the calls of another library: an instrumentation, or the SDK of Langfuse or
/// LangSmith, whose scope is that of the program's own spans, too.
pub(super) fn is_of_wrapper(span: &SentrySpan) -> bool {
    is_of_instrumentation(span) || matches!(&*span.scope, LANGFUSE | LANGSMITH)
}

/// Returns whether spans of what a span describes may be beside it, because it is not current: LangSmith reports LangChain's runs when
/// they have ended, and Langfuse's callback runs in a context of its own if LangChain is asynchronous.
fn may_be_beside(span: &SentrySpan) -> bool {
    is_of_instrumentation(span) || span.scope == LANGSMITH || is_of_langfuse_callback(span)
}

fn is_of_langfuse_callback(span: &SentrySpan) -> bool {
    const LANGCHAIN_METADATA: &[&str] = &[
        "langfuse.observation.metadata.is_langchain_root",
        "langfuse.observation.metadata.langgraph_node",
    ];
    span.scope == LANGFUSE && span.attributes.contains_any(LANGCHAIN_METADATA)
}

/// The part of a trace in which two descriptions of one call are: inside the same span of the program, with only spans of
/// instrumentations, or of LangSmith's and Langfuse's callbacks, in between.
///
/// An instrumentation that does not make its spans current has the SDK's span outside of all its own. The span of the program may
/// still be open, as may those of instrumentations in it.
pub(super) type Surroundings = (TraceId, Option<SpanId>);

pub(super) fn surroundings(
    span: &SentrySpan,
    spans: &[SentrySpan],
    index: &SpanIndex,
) -> Surroundings {
    const MAX_DEPTH: usize = 64;

    let ancestor = |id: SpanId| index.find(id).map(|position| &spans[position]);
    let mut current = span;
    for _ in 0..MAX_DEPTH {
        let Some(parent) = current.parent_span_id else {
            break;
        };
        match ancestor(parent) {
            Some(above) if may_be_beside(above) => current = above,
            None if is_of_wrapper(current) => break,
            _ => return (span.trace_id, Some(parent)),
        }
    }
    (span.trace_id, None)
}
