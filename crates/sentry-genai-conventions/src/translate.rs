//! The translation, step by step.

use std::{borrow::Cow, collections::HashSet, mem};

use crate::{
    AiKind, Ancestors, Attributes, Inheritable, SentrySpan, SourceSpan, SpanKind, Status, TextRoom,
    Value,
    content::{self, ContentLimits},
    cross_span,
    dialect::{self, Dialect, NONE, OperationKind, unquoted},
    events,
    naming::{self, Naming},
    operation::Operation,
    privacy::{self, Capture, Provenance},
    provider,
    recognise::{Recognised, recognise},
    rename, status, tables, tokens,
};

/// The prefix of tags.
pub(crate) const TAG: &str = "tags.";

/// What the translation keeps, and how much of it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TranslateOptions {
    /// Keep prompts, system instructions, tool definitions and tool arguments. Off by default.
    pub capture_inputs: bool,
    /// Keep answers and tool results. Off by default.
    pub capture_outputs: bool,
    /// Keep the network addresses of those who send requests, such as `client.address`. Off by default.
    pub capture_client_addresses: bool,
    /// The maximum length of content.
    pub limits: ContentLimits,
}

impl TranslateOptions {
    /// Returns how much of a text a source of spans should copy.
    #[must_use]
    pub fn text_room(&self) -> TextRoom {
        TextRoom::new(self)
    }
}

/// Turns source spans into Sentry spans.
///
/// The result depends only on the span and the options. The translator has no state, reads no clock, and performs no
/// I/O.
///
/// ```
/// use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions, Translator};
///
/// let trace_id = TraceId::parse("4c79f60c11214eb38604f4ae0781bfb2").unwrap();
/// let span_id = SpanId::parse("a1b2c3d4e5f60718").unwrap();
/// let mut span = SourceSpan::new(trace_id, span_id, "genai.chat", Timestamp::from_nanos(1));
/// span.attributes.push("gen_ai.operation.name", "chat");
/// span.attributes.push("gen_ai.request.model", "gpt-5-mini");
///
/// let translator = Translator::new(TranslateOptions::default());
/// let span = translator.translate(span);
/// assert_eq!((&*span.op, &*span.name), ("gen_ai.chat", "chat gpt-5-mini"));
/// ```
#[derive(Clone, Debug)]
pub struct Translator {
    pub(crate) options: TranslateOptions,
}

impl Translator {
    /// Creates a translator.
    #[must_use]
    pub fn new(options: TranslateOptions) -> Self {
        Self { options }
    }

    /// Returns the options.
    #[must_use]
    pub fn options(&self) -> &TranslateOptions {
        &self.options
    }

    /// Translates one span.
    #[must_use]
    pub fn translate(&self, mut span: SourceSpan) -> SentrySpan {
        let is_known_by_keys = span.attributes.is_gen_ai();
        rename::parse_texts(&mut span.attributes);
        let (dialect, recognised) = recognise_in_dialect(&mut span);
        let is_gen_ai = recognised.is_some();
        let kind = operation_kind(recognised.as_ref());
        if is_gen_ai {
            make_canonical(&mut span, dialect, kind);
        }
        // Before numbers are converted to text, since the number of a thread is not a session.
        let session = is_gen_ai
            .then(|| dialect::session(&span).map(Cow::into_owned))
            .flatten();
        rename::canonicalise(&mut span.attributes);
        // A span that is not an AI span may still carry attributes of one.
        let has_content = is_gen_ai || dialect::mentions_gen_ai(&span);
        if has_content {
            normalise_values(&mut span, recognised.as_ref());
        }

        let status = status::resolve(&mut span, kind);
        if is_gen_ai {
            inherit(&mut span, recognised.as_ref(), session.as_deref());
        }
        let naming = naming::name(&mut span, recognised.as_ref(), dialect);
        if let Some(kind) = naming.ai {
            remove_forbidden(&mut span, kind);
        }
        span.attributes.remove("otel.name");
        rename::move_unknown_keys(&mut span.attributes);
        let provenance = if has_content {
            Provenance::GenAi
        } else {
            Provenance::of_plain(&span, dialect)
        };
        privacy::withhold(&mut span, provenance, Capture::of(&self.options));
        if has_content {
            content::normalise(&mut span.attributes, &self.options.limits);
        }
        content::truncate_texts(&mut span.attributes, &self.options.limits);
        content::enforce_span_limit(&mut span.attributes, &self.options.limits);

        let mut translated = finish(&mut span, naming, status);
        if is_gen_ai && !(is_known_by_keys && dialect.is_conventional()) {
            // Doors do not read from an open span what only its dialect or its name says, such as an agent that is named
            // after its span.
            translated.ancestors = Ancestors::KnownAtStart;
        }
        translated
    }

    /// Returns the conversation and the agent that a span names in any dialect, before it is translated.
    #[must_use]
    pub fn identify(&self, span: &SourceSpan) -> Identity {
        /// Longer texts are content, or metadata that would be searched for a session.
        const TEXT_BYTES: usize = 16 * 1024;

        let mut reduced =
            SourceSpan::new(span.trace_id, span.span_id, span.name.clone(), span.start);
        reduced.scope = span.scope.clone();
        reduced.kind = span.kind;
        for (key, value) in span.attributes.iter() {
            if !matches!(value, Value::Str(text) if text.len() > TEXT_BYTES) {
                reduced.attributes.push_owned_key(key, value);
            }
        }
        let (dialect, recognised) = recognise_in_dialect(&mut reduced);
        if recognised.is_some() {
            dialect.apply(&mut reduced, operation_kind(recognised.as_ref()));
        }
        let agent = reduced.attributes.text("gen_ai.agent.name");
        // Some libraries name an unnamed agent after its model.
        let model = reduced
            .attributes
            .text("gen_ai.request.model")
            .map(unquoted);
        let subject = recognised
            .as_ref()
            .and_then(|found| found.subject.clone())
            .filter(|subject| model != Some(subject));
        let ai = match recognised.as_ref().map(|found| found.operation) {
            Some(Operation::Ai(row)) => Some(row.kind),
            _ => None,
        };
        Identity {
            conversation_id: (reduced.attributes.get("gen_ai.conversation.id"))
                .and_then(dialect::id)
                .map(Cow::into_owned),
            session_id: dialect::session(&reduced).map(Cow::into_owned),
            agent_name: agent
                .map(unquoted)
                .filter(|name| !dialect::is_random_id(name))
                .map(str::to_owned)
                .or_else(|| subject.filter(|_| ai == Some(AiKind::Agent))),
            ai,
            is_gen_ai: recognised.is_some(),
        }
    }

    /// Resolves what depends on related spans, among those translated spans of one trace that are at hand.
    ///
    /// Spans of the trace that arrive later, or never, do not affect these.
    pub fn reconcile(&self, spans: &mut [SentrySpan]) {
        cross_span::reconcile(spans, &self.options.limits);
    }
}

/// What a span says about the work that it belongs to.
///
/// Doors that see whole traces pass it on to the spans below, as [`Inherited`](crate::Inherited).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The conversation that the span names.
    pub conversation_id: Option<String>,
    /// The session or thread that the span names. It stands in for a conversation.
    pub session_id: Option<String>,
    /// The agent that the span names.
    pub agent_name: Option<String>,
    /// The kind of AI span; `None` for a plain one.
    pub ai: Option<AiKind>,
    /// Whether the span is about GenAI at all. Only then does its session stand in for a conversation.
    pub is_gen_ai: bool,
}

/// Moves what events and the attributes of a dialect hold to the attributes of the conventions.
fn make_canonical(span: &mut SourceSpan, dialect: &Dialect, kind: OperationKind) {
    events::fold(span, kind);
    dialect.apply(span, kind);
    // On a tool's span, `model` is an argument, if anything.
    if kind != OperationKind::Tool
        && !span.attributes.contains("gen_ai.request.model")
        && !dialect::is_translated(span)
    {
        span.attributes.rename("model", "gen_ai.request.model");
    }
    remove_missing_values(span);
    content::merge_answer(&mut span.attributes);
}

/// Normalises values that depend on each other: finish reasons, the mode of the answer, and token counts.
fn normalise_values(span: &mut SourceSpan, recognised: Option<&Recognised>) {
    let kind = operation_kind(recognised);
    match recognised {
        Some(_) => dialect::normalise_values(span, kind),
        None => provider::separate_instructions(&mut span.attributes, kind),
    }
    let attributes = &mut span.attributes;
    content::normalise_finish_reasons(attributes, recognised);
    if is_implicitly_streamed(attributes) {
        attributes.push(STREAMING, true);
    }
    tokens::reconcile(attributes);
    if kind == OperationKind::Embeddings {
        tokens::reconcile_embeddings(attributes);
    }
    if recognised.is_some() && kind == OperationKind::Plain {
        // Whatever the span counts is also counted by the calls around or below it.
        tokens::remove(attributes);
    }
}

/// Makes the names of a span's attributes canonical, and recognises its operation.
fn recognise_in_dialect(span: &mut SourceSpan) -> (&'static Dialect, Option<Recognised>) {
    dialect::separate_shared_keys(span);
    span.attributes.settle();
    remove_missing_values(span);
    apply_reserved_fields(span);
    let dialect = dialect::of(span);
    dialect::normalise_names(span, dialect);
    (dialect, recognise(span, dialect))
}

pub(crate) fn operation_kind(recognised: Option<&Recognised>) -> OperationKind {
    recognised.map_or(OperationKind::Plain, |found| {
        OperationKind::of(found.operation)
    })
}

/// Some libraries name a span after the full URL of a request.
fn without_credentials(name: Cow<'static, str>) -> Cow<'static, str> {
    match privacy::redact_urls(&name) {
        Some(redacted) => redacted.into(),
        None => name,
    }
}

/// Turns a span with final attributes into the span to be sent, and leaves an empty one in its place.
pub(crate) fn finish(span: &mut SourceSpan, naming: Naming, status: Status) -> SentrySpan {
    strip_tag_prefixes(&mut span.attributes);
    let inherited = mem::take(&mut span.inherited);
    span.name = Cow::Borrowed("");
    SentrySpan {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: span.parent_span_id.take(),
        name: without_credentials(naming.name),
        op: naming.op,
        ai: naming.ai,
        origin: naming.origin,
        kind: span.kind.take().unwrap_or(match naming.ai {
            Some(AiKind::LlmCall) => SpanKind::Client,
            _ => SpanKind::Internal,
        }),
        status,
        start: span.start,
        end: span.end.max(span.start),
        attributes: mem::take(&mut span.attributes),
        links: mem::take(&mut span.links),
        ancestors: inherited.ancestors,
        scope: mem::take(&mut span.scope),
    }
}

/// Removes the prefix from the keys of tags. Sentry's own layer for `tracing` turns all fields with this prefix into
/// tags, and their values into texts.
fn strip_tag_prefixes(attributes: &mut Attributes) {
    /// Up to this many attributes, searching them is faster than building a table.
    const FEW: usize = 64;

    if !attributes.may_begin_with(TAG) {
        return;
    }
    let keys: Option<HashSet<_>> =
        (attributes.records() > FEW).then(|| attributes.iter().map(|(key, _)| key).collect());
    let is_taken = |tag| match &keys {
        Some(keys) => keys.contains(tag),
        None => attributes.contains(tag),
    };
    let tags: Vec<_> = (attributes.slots().enumerate())
        .filter_map(|(index, slot)| {
            let (key, value) = slot?;
            let tag = key.strip_prefix(TAG)?;
            if has_other_meaning(tag) || is_taken(tag) {
                return None;
            }
            let text = match value {
                Value::Str(text) => text.to_owned(),
                Value::Bool(value) => value.to_string(),
                Value::Integer(value) => value.to_string(),
                Value::Double(value) => value.to_string(),
                Value::Array(_) => return None,
            };
            Some((index, tag.to_owned(), text))
        })
        .collect();
    for (index, tag, text) in tags {
        attributes.remove_at(index);
        attributes.push_owned_key(&tag, &text);
    }
}

/// Returns whether a tag without its prefix would be mistaken for another attribute with a meaning.
fn has_other_meaning(tag: &str) -> bool {
    let is_not_text = tables::attribute(tag).is_some_and(|known| known.kind != tables::Kind::Text);
    tag.is_empty()
        || is_not_text
        || Inheritable::of(tag).is_some()
        || ["ai.", "gen_ai.", "mcp.", "sentry.", TAG]
            .iter()
            .any(|namespace| tag.starts_with(namespace))
}

/// Removes empty texts, which would block other keys with the same meaning. Also removes the `Debug` output of an empty
/// `Option` where it would be taken for a name.
fn remove_missing_values(span: &mut SourceSpan) {
    let is_name_attribute = |key: &str| key.starts_with("gen_ai.") && content::side(key).is_none();
    let is_missing = |value: Value<'_>| matches!(value, Value::Str("" | NONE));
    let attributes = &mut span.attributes;
    if attributes.iter().any(|(_, value)| is_missing(value)) {
        attributes.retain(|key, value| match value {
            Value::Str("") => false,
            Value::Str(NONE) => !is_name_attribute(key),
            _ => true,
        });
    }
}

/// Reads the fields that `tracing` code uses for properties of OpenTelemetry spans.
pub(crate) fn apply_reserved_fields(span: &mut SourceSpan) {
    if let Some(name) = span.attributes.text("otel.name") {
        span.name = unquoted(name).to_owned().into();
    }
    if let Some(kind) = kind_field(&span.attributes) {
        span.kind = Some(kind);
    }
    for key in ["otel.kind", "sentry.trace", "sentry.baggage"] {
        span.attributes.remove(key);
    }
    status::apply_status_fields(span);
}

/// Returns the kind that a span states in a field.
pub(crate) fn kind_field(attributes: &Attributes) -> Option<SpanKind> {
    SpanKind::parse(unquoted(attributes.text("otel.kind")?))
}

/// Whether a call is streamed.
pub(crate) const STREAMING: &str = "gen_ai.response.streaming";

/// Returns whether a call is evidently streamed, because its first chunk was timed, but does not say so.
pub(crate) fn is_implicitly_streamed(attributes: &Attributes) -> bool {
    attributes.contains("gen_ai.response.time_to_first_chunk") && !attributes.contains(STREAMING)
}

/// Sets the conversation and the agent: the span's own, or else those of its ancestors. The session is used if there is
/// no conversation.
fn inherit(span: &mut SourceSpan, recognised: Option<&Recognised>, own_session: Option<&str>) {
    const CONVERSATION: &str = "gen_ai.conversation.id";
    const AGENT: &str = "gen_ai.agent.name";
    if (span.attributes.text(CONVERSATION)).is_some_and(dialect::is_response_id) {
        span.attributes.remove(CONVERSATION);
    }
    let Some(Operation::Ai(row)) = recognised.map(|found| found.operation) else {
        return;
    };
    if let Some(id) = span.inherited.conversation(own_session) {
        span.attributes.supply(CONVERSATION, id);
    }
    // An unnamed agent must not be given the name of the agent above it.
    if row.kind != AiKind::Agent
        && (span.attributes.text(AGENT)).is_none_or(dialect::is_unnamed_agent)
        && let Some(name) = &span.inherited.agent_name
    {
        span.attributes.set(AGENT, &**name);
    }
}

/// Returns attributes without content that spans of this kind must not have.
///
/// An agent has none that Sentry shows per model call: the response model and finish reasons. Tool definitions stay: Sentry lists
/// an agent's available tools from the agent's own span. A tool has no model, since Sentry would name it after the model that
/// requested it.
pub(crate) fn forbidden_keys(kind: AiKind) -> &'static [&'static str] {
    match kind {
        AiKind::Agent => &["gen_ai.response.model", "gen_ai.response.finish_reasons"],
        AiKind::Tool => &["gen_ai.request.model", "gen_ai.response.model"],
        _ => &[],
    }
}

/// Removes these attributes, and token counts that Sentry would add to those of model calls: all of a tool's, and an agent's if
/// calls below it have reported theirs.
fn remove_forbidden(span: &mut SourceSpan, kind: AiKind) {
    for key in forbidden_keys(kind) {
        span.attributes.remove(key);
    }
    if kind == AiKind::Tool || kind == AiKind::Agent && span.inherited.model_calls_below {
        tokens::remove(&mut span.attributes);
    }
}
