//! Determines the op, the name and the origin.

use std::borrow::Cow;

use crate::{
    AiKind, Attributes, SourceSpan, SpanKind,
    dialect::{self, Dialect, unquoted},
    operation::{self, AiOperation, Operation},
    plain, privacy,
    recognise::Recognised,
    translate,
};

/// What a span is called in Sentry.
pub(crate) struct Naming {
    pub(crate) name: Cow<'static, str>,
    pub(crate) op: Cow<'static, str>,
    pub(crate) origin: Cow<'static, str>,
    pub(crate) ai: Option<AiKind>,
}

/// Names a span, and makes `gen_ai.operation.name` agree with the op, since Sentry reads both.
///
/// `sentry.op` and `sentry.name`, as set by the program, take precedence over everything else. The exception is a GenAI op, which
/// names the operation when it is recognised, but only if nothing else does.
pub(crate) fn name(
    span: &mut SourceSpan,
    recognised: Option<&Recognised>,
    dialect: &Dialect,
) -> Naming {
    let subject = recognised.and_then(|found| found.subject.as_deref());
    let mut naming = match recognised.map(|found| found.operation) {
        Some(Operation::Ai(row)) => name_ai(span, row, subject, dialect),
        Some(Operation::Mcp(op)) => name_mcp(span, op, dialect),
        Some(Operation::Plain) => name_demoted(span, subject, dialect),
        None => name_plain(span),
    };
    if let Some(op) = take(&mut span.attributes, "sentry.op")
        && !op.starts_with("gen_ai.")
        && !(naming.ai.is_some() && op.starts_with(FORMER_OPS))
    {
        naming.op = op.into();
    }
    if let Some(name) = take(&mut span.attributes, "sentry.name") {
        naming.name = name.into();
    }
    if let Some(origin) = take(&mut span.attributes, "sentry.origin") {
        naming.origin = origin.into();
    }
    naming
}

/// The prefix of the ops that Sentry's SDKs gave AI spans before there were those of [`operation`].
const FORMER_OPS: &str = "ai.";

fn name_ai(
    span: &mut SourceSpan,
    row: &'static AiOperation,
    subject: Option<&str>,
    dialect: &Dialect,
) -> Naming {
    let attributes = &mut span.attributes;
    attributes.set("gen_ai.operation.name", row.name);
    // Some libraries put it only in the span's name.
    if let Some(subject) = subject
        && let Some(key) = subject_keys(row.kind).first()
    {
        // The subject may already be known under another key: some libraries name an unnamed agent after its model, a call after
        // the model that answered, or an evaluation after what it measures.
        let known_as: &[&str] = match row.kind {
            AiKind::Agent => &["gen_ai.request.model"],
            AiKind::LlmCall => &["gen_ai.response.model", EVALUATION],
            _ => &[],
        };
        let is_known = (known_as.iter()).any(|key| attributes.text(key) == Some(subject));
        if !is_known {
            attributes.supply(key, subject);
        }
    }
    let subject = attributes.first_text(subject_keys(row.kind)).or_else(|| {
        let measured = || attributes.text(EVALUATION);
        (row.name == "evaluate").then(measured).flatten()
    });
    let name = match row.kind {
        AiKind::Handoff => handoff_name(span),
        _ => with_subject(row.name, subject),
    };
    Naming {
        name,
        op: row.op.into(),
        origin: origin("ai", dialect),
        ai: Some(row.kind),
    }
}

/// What an evaluation measures.
const EVALUATION: &str = "gen_ai.evaluation.name";

/// The keys of the model that was asked and the one that answered.
pub(crate) static MODELS: &[&str] = &["gen_ai.request.model", "gen_ai.response.model"];

/// Returns the keys of what a span of this kind is about: a model, an agent or a tool. What a span's own name says belongs under
/// the first of them.
pub(crate) fn subject_keys(kind: AiKind) -> &'static [&'static str] {
    match kind {
        AiKind::LlmCall => MODELS,
        AiKind::Agent => &[
            "gen_ai.agent.name",
            "gen_ai.pipeline.name",
            "gen_ai.function_id",
        ],
        AiKind::Tool => &["gen_ai.tool.name"],
        AiKind::Handoff | AiKind::Memory => &[],
    }
}

/// Returns the name of an operation on a subject.
pub(crate) fn with_subject<'a>(operation: &'a str, subject: Option<&str>) -> Cow<'a, str> {
    match subject {
        Some(subject) => [operation, " ", subject].concat().into(),
        None => operation.into(),
    }
}

/// Returns whether `name` is what [`with_subject`] returns.
pub(crate) fn is_with_subject(name: &str, operation: &str, subject: Option<&str>) -> bool {
    match (name.strip_prefix(operation), subject) {
        (Some(rest), Some(subject)) => rest.strip_prefix(' ') == Some(subject),
        (Some(rest), None) => rest.is_empty(),
        (None, _) => false,
    }
}

/// Returns the name that a span called `given` will get if it starts with these attributes, such as
/// `invoke_agent Support Bot` or `POST /ask`, without credentials. Returns `None` if it keeps its own name, or if the name is not
/// known yet.
///
/// Doors use it to name a segment, whose first spans may be sent before its root has ended and been translated.
///
/// ```
/// # use sentry_genai_conventions::{Attributes, segment_name_at_start};
/// let mut attributes = Attributes::default();
/// attributes.push("gen_ai.operation.name", "invoke_agent");
/// attributes.push("gen_ai.agent.name", "Support Bot");
/// let name = segment_name_at_start("handle", None, &attributes);
/// assert_eq!(name.as_deref(), Some("invoke_agent Support Bot"));
/// ```
#[must_use]
pub fn segment_name_at_start(
    given: &str,
    kind: Option<SpanKind>,
    attributes: &Attributes,
) -> Option<String> {
    let name = replacing_name(given, kind, attributes);
    privacy::redact_urls(name.as_deref().unwrap_or(given)).or(name)
}

/// Returns the op of a span that starts with these attributes, as far as they say it: `sentry.op`, or else `gen_ai.` and the
/// operation. Otherwise it is empty.
///
/// Doors pass it to samplers, which decide before a span has ended and been translated.
///
/// ```
/// # use sentry_genai_conventions::{Attributes, op_at_start};
/// let mut attributes = Attributes::default();
/// attributes.push("gen_ai.operation.name", "invoke_agent");
/// assert_eq!(op_at_start(&attributes), "gen_ai.invoke_agent");
/// ```
#[must_use]
pub fn op_at_start(attributes: &Attributes) -> String {
    let from_operation = || {
        let operation = attributes.text("gen_ai.operation.name");
        operation.map(|operation| format!("gen_ai.{operation}"))
    };
    let op = attributes.text("sentry.op").map(str::to_owned);
    op.or_else(from_operation).unwrap_or_default()
}

fn replacing_name(given: &str, kind: Option<SpanKind>, attributes: &Attributes) -> Option<String> {
    if attributes.contains("sentry.name") {
        return None;
    }
    if let Some(operation) = attributes.text("gen_ai.operation.name") {
        let row = operation::by_name(unquoted(operation))?;
        let subject = attributes.first_text(subject_keys(row.kind));
        let name = with_subject(row.name, subject.map(unquoted));
        return (row.kind != AiKind::Handoff).then(|| name.into_owned());
    }
    if attributes.contains("otel.name") {
        return None;
    }
    let kind = translate::kind_field(attributes).or(kind);
    let name = plain::classify(attributes, kind).name?;
    plain::replaces(&name, given).then(|| name.into_owned())
}

/// Returns `handoff from A to B`, or the part of it that is known.
fn handoff_name(span: &SourceSpan) -> Cow<'static, str> {
    let attributes = &span.attributes;
    let from = attributes.first_text(&[
        "gen_ai.handoff.from_agent",
        "otel.gen_ai.handoff.from_agent",
        "from_agent",
        "gen_ai.agent.name",
    ]);
    let to = attributes.first_text(&[
        "gen_ai.handoff.to_agent",
        "otel.gen_ai.handoff.to_agent",
        "to_agent",
    ]);
    match (from, to) {
        (Some(from), Some(to)) => format!("handoff from {from} to {to}").into(),
        (Some(from), None) => format!("handoff from {from}").into(),
        (None, Some(to)) => format!("handoff to {to}").into(),
        (None, None) if span.name.starts_with("handoff ") => span.name.clone(),
        (None, None) => "handoff".into(),
    }
}

/// An MCP span is named after its method and the subject of the method. It is not an AI operation of this process.
fn name_mcp(span: &mut SourceSpan, op: &'static str, dialect: &Dialect) -> Naming {
    span.attributes.remove("gen_ai.operation.name");
    let method = span.attributes.text("mcp.method.name").unwrap_or("mcp");
    let subject = span.attributes.first_text(MCP_SUBJECTS);
    let name = with_subject(method, subject.filter(|_| op == "mcp.server"));
    Naming {
        name: name.into_owned().into(),
        op: op.into(),
        origin: origin("mcp", dialect),
        ai: None,
    }
}

/// The keys of what an MCP request is about.
static MCP_SUBJECTS: &[&str] = &["gen_ai.tool.name", "gen_ai.prompt.name"];

/// Sentry takes any unknown operation for a model call, so the operation is removed, but used in the name.
fn name_demoted(span: &mut SourceSpan, subject_in_name: Option<&str>, dialect: &Dialect) -> Naming {
    // The subject of a request may be in the span's name only.
    if let Some(subject) = subject_in_name
        && span.attributes.text("mcp.method.name") == Some("prompts/get")
    {
        span.attributes.supply("gen_ai.prompt.name", subject);
    }
    let operation = take(&mut span.attributes, "gen_ai.operation.name");
    let method = span.attributes.text("mcp.method.name");
    let (operation, subject_keys) = match (operation.as_deref(), method) {
        (_, Some(method)) => (Some(method), MCP_SUBJECTS),
        (operation, None) => (
            operation.filter(|operation| CONVENTIONAL_OPERATIONS.contains(operation)),
            SUBJECTS,
        ),
    };
    let subject = span.attributes.first_text(subject_keys);
    let name = match (operation, subject) {
        (Some(operation), None) if method.is_none() && names_subject(&span.name, operation) => {
            span.name.clone()
        }
        (Some(operation), subject) => with_subject(operation, subject).into_owned().into(),
        (None, _) => span.name.clone(),
    };
    // The operation of a library may be an ordinary request.
    let op = match method {
        Some(_) => plain::FUNCTION.into(),
        None => plain::classify(&span.attributes, span.kind).op,
    };
    Naming {
        name,
        op,
        origin: origin("ai", dialect),
        ai: None,
    }
}

/// Returns whether the name of a span consists of its operation and one more word, which may be no id or text.
fn names_subject(name: &str, operation: &str) -> bool {
    let subject = name.strip_prefix(operation);
    subject
        .and_then(|rest| rest.strip_prefix(' '))
        .is_some_and(|word| !word.contains(char::is_whitespace) && !dialect::is_random_id(word))
}

/// Operations of the conventions that have a conventional name, but no place in Sentry's AI views.
static CONVENTIONAL_OPERATIONS: &[&str] = &["invoke_workflow", "plan", "retrieval"];

/// The keys of what they are about.
static SUBJECTS: &[&str] = &[
    "gen_ai.workflow.name",
    "gen_ai.pipeline.name",
    "gen_ai.data_source.id",
    "gen_ai.agent.name",
];

/// Names a span that is not about GenAI.
pub(crate) fn name_plain(span: &SourceSpan) -> Naming {
    let plain = plain::classify(&span.attributes, span.kind);
    let origin = plain_origin(&plain.op);
    // A span that has been translated before also counts as named.
    let is_named =
        span.attributes.contains("otel.name") || span.attributes.contains("sentry.origin");
    let name = match plain.name {
        Some(name) if !is_named && plain::replaces(&name, &span.name) => name.into_owned().into(),
        _ => span.name.clone(),
    };
    Naming {
        name,
        op: plain.op,
        origin,
        ai: None,
    }
}

/// Returns the origin of a span that is not an AI span.
pub(crate) fn plain_origin(op: &str) -> Cow<'static, str> {
    let (kind, _) = op.split_once('.').unwrap_or((op, ""));
    match kind {
        plain::FUNCTION => "auto.function.rust".into(),
        "db" => "auto.db.rust".into(),
        "http" => "auto.http.rust".into(),
        kind => format!("auto.{kind}.rust").into(),
    }
}

pub(crate) fn origin(category: &'static str, dialect: &Dialect) -> Cow<'static, str> {
    match (category, dialect.name) {
        ("ai", "") => "auto.ai.rust".into(),
        (category, "") => format!("auto.{category}.rust").into(),
        (category, library) => format!("auto.{category}.rust.{library}").into(),
    }
}

fn take(attributes: &mut Attributes, key: &str) -> Option<String> {
    let text = attributes.text(key).map(str::to_owned);
    attributes.remove(key);
    text
}
