//! Spans before and after the translation.

mod ids;

use std::{borrow::Cow, sync::Arc};

pub use self::ids::{SpanId, TraceId};
use crate::{
    Attributes,
    dialect::{self, OperationKind},
    operation::{self, AiOperation, Operation},
    recognise,
};

/// A span as a door saw it, whatever library created it.
///
/// A door fills one of these for each span, and hands it over when the span has ended. Nothing in it has been
/// interpreted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceSpan {
    /// The trace that this span belongs to.
    pub trace_id: TraceId,
    /// The span's own id.
    pub span_id: SpanId,
    /// The parent, in this process or in another one.
    pub parent_span_id: Option<SpanId>,
    /// The name given by the instrumentation. The attributes `otel.name` and `sentry.name` override it.
    pub name: Cow<'static, str>,
    /// The instrumentation scope: an OpenTelemetry scope name, or the target of a `tracing` span.
    pub scope: Cow<'static, str>,
    /// The OpenTelemetry span kind, if the door knows it. An `otel.kind` attribute overrides it.
    pub kind: Option<SpanKind>,
    /// When the span started.
    pub start: Timestamp,
    /// When the span ended.
    pub end: Timestamp,
    /// The status set by the instrumentation.
    pub status: SourceStatus,
    /// All attributes, in the order in which they were recorded.
    pub attributes: Attributes,
    /// Events inside the span that the translation turns into attributes.
    pub events: Vec<SourceEvent>,
    /// Links to other spans.
    pub links: Vec<Link>,
    /// What the span inherits from its ancestors and its surroundings.
    pub inherited: Inherited,
}

impl SourceSpan {
    /// Creates a span with only its identity, name and start. Its end is the same as its start.
    #[must_use]
    pub fn new(
        trace_id: TraceId,
        span_id: SpanId,
        name: impl Into<Cow<'static, str>>,
        start: Timestamp,
    ) -> Self {
        Self {
            trace_id,
            span_id,
            parent_span_id: None,
            name: name.into(),
            scope: Cow::Borrowed(""),
            kind: None,
            start,
            end: start,
            status: SourceStatus::Unset,
            attributes: Attributes::default(),
            events: Vec::new(),
            links: Vec::new(),
            inherited: Inherited::default(),
        }
    }

    /// Takes the span, and leaves an empty one with the same ids and start in its place, to be filled again.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self::new(self.trace_id, self.span_id, "", self.start);
        std::mem::replace(self, empty)
    }

    /// Returns whether this span is a model call that reports its token usage. An agent around it must not count these
    /// tokens again.
    ///
    /// A span with an operation name counts if that is the name of a call. Any other span must name a model, or have
    /// the name of a call, and must not merely repeat the counts of another call. Embeddings and reranking do not
    /// count, since an agent's totals are those of its chats.
    #[must_use]
    pub fn is_counted_model_call(&self) -> bool {
        let attributes = &self.attributes;
        let is_call = match attributes.text("gen_ai.operation.name") {
            Some("chat" | "generate_content" | "responses" | "text_completion") => Some(true),
            Some("invoke_workflow") => Some(false),
            None => None,
            Some(name) => operation::by_name(dialect::unquoted(name)).map(is_chat_operation),
        };
        let is_counted = || attributes.contains_any(USAGE_KEYS);
        is_call != Some(false)
            && (is_counted() || dialect::counts_tokens(attributes))
            && (is_call == Some(true) || self.may_be_call())
    }

    /// Returns whether this may be the span of an agent or a tool though no key [says so](crate::is_gen_ai): by its MCP method,
    /// its op, or its name. Only of agents and tools it matters what a function has returned.
    #[must_use]
    pub fn may_be_agent_or_tool(&self) -> bool {
        let attributes = &self.attributes;
        let has_op = || {
            let op = attributes.text("sentry.op");
            op.is_some_and(|op| dialect::unquoted(op).starts_with("gen_ai."))
        };
        attributes.contains("mcp.method.name")
            || has_op()
            || dialect::may_classify_by_name(attributes)
            || recognise::has_conclusive_name(self)
    }

    fn may_be_call(&self) -> bool {
        let names_model = self.attributes.iter().any(|(key, _)| key.contains("model"));
        let operation_in_name = || operation::split_span_name(&self.name);
        (names_model || operation_in_name().is_some_and(|(row, _)| is_chat_operation(row)))
            && !recognise::repeats_counts(self)
    }

    /// Records how much an OpenTelemetry SDK has dropped because of its limits, as OpenTelemetry's specification names it
    /// outside of OTLP.
    pub fn record_dropped(&mut self, attributes: u32, events: u32, links: u32) {
        for (key, count) in [
            ("otel.dropped_attributes_count", attributes),
            ("otel.dropped_events_count", events),
            ("otel.dropped_links_count", links),
        ] {
            if count > 0 {
                self.attributes.push(key, i64::from(count));
            }
        }
    }

    pub(crate) fn has_exception(&self) -> bool {
        self.events.iter().any(|event| event.name == "exception")
    }

    /// Returns how many bytes this span occupies in memory, for accounting.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let mut bytes = size_of::<Self>() + self.attributes.footprint() + self.name.len();
        if let SourceStatus::Error(Some(reason)) = &self.status {
            bytes += reason.len();
        }
        // Most spans have neither.
        for event in &self.events {
            bytes += size_of::<SourceEvent>() + event.attributes.footprint();
        }
        bytes + self.links.len() * size_of::<Link>()
    }
}

/// Returns whether the totals of an agent include the tokens of this operation.
fn is_chat_operation(row: &'static AiOperation) -> bool {
    OperationKind::of(Operation::Ai(row)) == OperationKind::Call
}

/// Returns whether an attribute contains the token usage of a model call.
pub(crate) fn is_usage_key(key: &str) -> bool {
    USAGE_KEYS.contains(&key) || dialect::is_count(key)
}

pub(crate) static USAGE_KEYS: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.completion_tokens",
];

/// What a span inherits from its ancestors and its surroundings. The door resolves it when the span ends.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Inherited {
    /// The conversation, if the span does not name one itself.
    pub conversation_id: Option<Arc<str>>,
    /// The agent, if the span does not name one itself.
    pub agent_name: Option<Arc<str>>,
    /// The session of an ancestor GenAI span. It serves as the conversation if nothing names one.
    pub session_id: Option<Arc<str>>,
    /// Whether a model call below this span has reported its tokens.
    pub model_calls_below: bool,
    /// How much the door knew about the span's ancestors.
    pub ancestors: Ancestors,
}

/// How much a door knew about a span's ancestors when the span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ancestors {
    /// Everything that they had recorded by then.
    #[default]
    Known,
    /// What they had recorded at their start. What they recorded later is taken from those in the same batch.
    KnownAtStart,
}

/// The status that an instrumentation gave a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceStatus {
    /// No status was set.
    #[default]
    Unset,
    /// Explicitly successful.
    Ok,
    /// Explicitly failed, with a description if there is one.
    Error(Option<String>),
}

impl SourceStatus {
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

/// An event inside a span: an exception, or a per-message event of older GenAI conventions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceEvent {
    /// The event's name, such as `exception` or `gen_ai.user.message`.
    pub name: Cow<'static, str>,
    /// The event's attributes. An exception has `exception.type` and `exception.message`.
    pub attributes: Attributes,
    /// When the event happened, if the door knows.
    pub time: Option<Timestamp>,
}

impl SourceEvent {
    /// Creates an event without attributes.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            attributes: Attributes::default(),
            time: None,
        }
    }

    /// Returns the name that the GenAI conventions give the event, such as `gen_ai.choice`. Returns `None` if there is
    /// none.
    ///
    /// If the event's own name is not a conventional one, the attribute `event.name` is used. `tracing-opentelemetry`
    /// names events after their message, and log records may have no name.
    #[must_use]
    pub fn gen_ai_name(&self) -> Option<&str> {
        let is_conventional = |name: &&str| name.starts_with("gen_ai.");
        let attribute = || self.attributes.text("event.name").filter(is_conventional);
        Some(&*self.name).filter(is_conventional).or_else(attribute)
    }
}

/// A span as Sentry understands it: the output of the translation, ready to be encoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SentrySpan {
    /// The trace that this span belongs to.
    pub trace_id: TraceId,
    /// The span's own id.
    pub span_id: SpanId,
    /// The parent span.
    pub parent_span_id: Option<SpanId>,
    /// The name, such as `chat gpt-5-mini`.
    pub name: Cow<'static, str>,
    /// The operation, such as `gen_ai.chat`. It becomes the attribute `sentry.op`.
    pub op: Cow<'static, str>,
    /// The kind of AI span; `None` for a span that Sentry must not count as one.
    pub ai: Option<AiKind>,
    /// The instrumentation that created the span. It becomes the attribute `sentry.origin`.
    pub origin: Cow<'static, str>,
    /// The OpenTelemetry span kind. It becomes the attribute `sentry.kind`.
    pub kind: SpanKind,
    /// Whether the operation succeeded. The reason for an error is in `error.type` and `sentry.status.message`.
    pub status: Status,
    /// When the span started.
    pub start: Timestamp,
    /// When the span ended. This is never before its start.
    pub end: Timestamp,
    /// All other attributes, with canonical keys and types.
    pub attributes: Attributes,
    /// Links to other spans.
    pub links: Vec<Link>,
    pub(crate) ancestors: Ancestors,
    /// The scope of the source span. The instrumentations of one library have one origin, but a scope each.
    pub(crate) scope: Cow<'static, str>,
}

impl SentrySpan {
    /// Returns how many bytes this span occupies in memory, for accounting.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>()
            + self.name.len()
            + self.op.len()
            + self.scope.len()
            + self.attributes.footprint()
            + self.links.len() * size_of::<Link>()
    }
}

/// How Sentry classifies an AI span (its `gen_ai.operation.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AiKind {
    /// A call to a model: chat, text completion, embeddings, rerank and so on.
    LlmCall,
    /// The run or the creation of an agent.
    Agent,
    /// The execution of a tool.
    Tool,
    /// One agent handing over to another.
    Handoff,
    /// An operation on an agent's memory.
    Memory,
}

/// Whether the operation that a span describes succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It succeeded, or nothing says otherwise.
    Ok,
    /// It failed.
    Error,
}

impl Status {
    /// Returns the value used in the wire format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// The role of a span in a call, as in OpenTelemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// Work inside the program.
    #[default]
    Internal,
    /// The handling of an incoming request.
    Server,
    /// An outgoing request.
    Client,
    /// The sending of a message.
    Producer,
    /// The handling of a message.
    Consumer,
}

impl SpanKind {
    /// Returns the value of the attribute `sentry.kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Parses the value of `otel.kind`, case-insensitively.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Internal,
            Self::Server,
            Self::Client,
            Self::Producer,
            Self::Consumer,
        ];
        all.into_iter()
            .find(|kind| text.eq_ignore_ascii_case(kind.as_str()))
    }
}

/// A reference to another span.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The trace of the other span.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// Whether the other span was sampled.
    pub sampled: bool,
    /// How the spans are related: [`LINK_TYPE`](Self::LINK_TYPE) of the link.
    pub link_type: Option<Cow<'static, str>>,
}

impl Link {
    /// The attribute of a link that Sentry reads. All others are free-form and may be content.
    pub const LINK_TYPE: &'static str = "sentry.link.type";

    /// The longest type of a link that is sent, in bytes. Sentry's own are shorter than this.
    const MAX_TYPE_BYTES: usize = 64;

    /// Creates a link without a type.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, sampled: bool) -> Self {
        Self {
            trace_id,
            span_id,
            sampled,
            link_type: None,
        }
    }

    /// Sets how the spans are related, such as `previous_trace`, `next_trace`, `child_of` or `follows_from`. A type that
    /// is empty or longer than 64 bytes is ignored.
    #[must_use]
    pub fn with_type(mut self, link_type: impl Into<Cow<'static, str>>) -> Self {
        let link_type = Some(link_type.into());
        self.link_type = link_type.filter(|it| (1..=Self::MAX_TYPE_BYTES).contains(&it.len()));
        self
    }
}

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Creates a timestamp from nanoseconds since the Unix epoch.
    #[must_use]
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the Unix epoch.
    #[must_use]
    pub fn as_nanos(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn only_chats_count_as_model_calls_with_tokens() {
        for (operation, counts) in [
            ("chat", true),
            ("embeddings", false),
            ("rerank", false),
            ("ToolCall", false),
        ] {
            let mut span = testing::span("work");
            span.attributes.push("gen_ai.operation.name", operation);
            span.attributes.push("gen_ai.usage.input_tokens", 42_i64);
            assert_eq!(span.is_counted_model_call(), counts, "{operation}");
        }
    }

    #[test]
    fn spans_that_repeat_counts_are_not_counted_model_calls() {
        let counts = |name: &'static str, attributes: &[(&'static str, &str)]| {
            let mut span = testing::span(name);
            span.attributes.push("gen_ai.usage.input_tokens", 42_i64);
            for (key, value) in attributes {
                span.attributes.push(key, *value);
            }
            span.is_counted_model_call()
        };
        let model = ("gen_ai.request.model", "m");
        let summarise = ("gen_ai.operation.name", "summarise");
        assert!(!counts("record_usage", &[]));
        assert!(!counts("record_usage", &[model]));
        assert!(counts(
            "record_usage",
            &[model, ("gen_ai.response.id", "r")]
        ));
        assert!(counts("ask", &[model]));
        assert!(counts("chat", &[]) && !counts("ask", &[]));
        assert!(!counts("ask", &[summarise]));
        assert!(counts("ask", &[summarise, model]));
    }
}
