//! Decides whether a span is an AI span, and which operation it describes.

use crate::{
    AiKind, Attributes, SourceSpan, SpanKind, Value,
    content::FINISH_REASONS,
    dialect::{self, Dialect, OUTPUT, Override, unquoted},
    naming::MODELS,
    operation::{self, Operation},
    privacy,
    span::USAGE_KEYS,
    status,
};

/// The result of recognising a span.
#[derive(Debug)]
pub(crate) struct Recognised {
    pub(crate) operation: Operation,
    /// What follows the operation in the span's own name: a model, an agent or a tool.
    pub(crate) subject: Option<String>,
}

/// Recognises the operation of a span. Returns `None` for a span that has nothing to do with GenAI.
///
/// The signals are, in order of precedence:
///
/// 1. an MCP method,
/// 2. the dialect's own rules,
/// 3. an explicit operation or kind,
/// 4. an op set by the program,
/// 5. the span's name,
/// 6. attributes that imply an operation.
pub(crate) fn recognise(span: &SourceSpan, dialect: &Dialect) -> Option<Recognised> {
    let named = operation::split_span_name(&span.name);
    let subject = |row: &operation::AiOperation| {
        named
            .filter(|_| !dialect::is_translated(span))
            .filter(|(in_name, rest)| in_name.name == row.name && !rest.is_empty())
            .filter(|(_, rest)| !dialect::is_random_id(rest))
            .filter(|(_, rest)| row.kind != AiKind::LlmCall || may_be_model(rest))
            .map(|(_, rest)| rest.to_owned())
    };
    let ai = |row| Recognised {
        operation: Operation::Ai(row),
        subject: subject(row),
    };

    let text = |key| span.attributes.text(key).map(unquoted);
    if let Some(method) = text("mcp.method.name") {
        return Some(recognise_mcp(span, method));
    }
    let plain = Recognised {
        operation: Operation::Plain,
        subject: None,
    };
    match (dialect.operation)(span) {
        Override::To(name) => return Some(operation::by_name(name).map_or(plain, ai)),
        Override::Plain => return Some(plain),
        Override::None => {}
    }
    // The conventions of Alibaba, and of whoever follows them, have a kind as well.
    let kind = text("gen_ai.span.kind").map(operation::by_name);
    if let Some(explicit) = text("gen_ai.operation.name") {
        let row = find_operation(span, dialect, explicit).or(kind.flatten());
        return Some(row.map_or(plain, ai));
    }
    if let Some(row) = kind {
        return Some(row.map_or(plain, ai));
    }
    if let Some(op) = text("sentry.op") {
        // Whoever set another op had a reason not to call it an AI operation.
        return find_operation(span, dialect, op.strip_prefix("gen_ai.")?).map(ai);
    }
    if let Some((row, rest)) = named
        && (is_conclusive_name(row.name, rest) || is_confirmed(span, row))
    {
        return Some(ai(row));
    }
    let by_name = dialect::operation_by_name(span, dialect, &span.name);
    let name = by_name.or_else(|| operation_from_attributes(span, dialect))?;
    if has_token_counts(span, dialect) && repeats_counts(span) {
        return Some(plain);
    }
    Some(ai(operation::by_name(name)?))
}

/// Recognises the operation of a span that names an MCP method.
fn recognise_mcp(span: &SourceSpan, method: &str) -> Recognised {
    // Sentry's SDKs say it with the op alone, and Shinzo's instrumentation by the client's address, which only a server knows.
    let is_server = (span.attributes.text("sentry.op").map(unquoted)) == Some("mcp.server")
        || matches!(span.kind, None | Some(SpanKind::Internal))
            && span.attributes.contains("client.address");
    let kind = is_server.then_some(SpanKind::Server).or(span.kind);
    // Some name the subject only in the span name, as in `MCP send tools/call get_weather`.
    let subject = span.name.split_once(method).and_then(|(_, rest)| {
        let rest = rest.strip_prefix(' ')?.trim();
        (!rest.is_empty() && !dialect::is_translated(span)).then(|| rest.to_owned())
    });
    Recognised {
        operation: operation::mcp(method, kind),
        subject,
    }
}

/// Returns the operation that a program means by a name.
fn find_operation(
    span: &SourceSpan,
    dialect: &Dialect,
    name: &str,
) -> Option<&'static operation::AiOperation> {
    operation::by_name(name).or_else(|| operation::by_name(infer_operation(span, dialect, name)?))
}

/// Returns the operation that a program means by a name which no convention knows.
fn infer_operation(span: &SourceSpan, dialect: &Dialect, operation: &str) -> Option<&'static str> {
    // An operation such as `summarise` is a task for the model. A call that failed has no token counts.
    let is_failed_call =
        || dialect::names_call(operation) && names_provider(span) && has_failed(span);
    if dialect::may_be_call(span, dialect, operation)
        && (has_token_counts(span, dialect) || is_failed_call())
    {
        return Some(call_kind_from_name(operation));
    }
    dialect::operation_by_name(span, dialect, operation)
}

/// Returns whether the rest of a call's name may be a model. In `chat completion`, `chat unknown` and `chat with a guest` it is
/// not.
fn may_be_model(text: &str) -> bool {
    privacy::is_token(text)
        && operation::by_name(text).is_none()
        && !dialect::is_placeholder_model(text)
}

/// Returns whether the name of a span, as its door or a field gives it, proves the operation without any GenAI attribute.
pub(crate) fn has_conclusive_name(span: &SourceSpan) -> bool {
    let given = span.attributes.text("otel.name").map(unquoted);
    let named = operation::split_span_name(given.unwrap_or(&span.name));
    named.is_some_and(|(row, rest)| is_conclusive_name(row.name, rest))
}

/// Returns whether a span name proves the operation without any GenAI attribute. `chat` does not, being an everyday
/// word.
fn is_conclusive_name(operation: &str, subject: &str) -> bool {
    matches!(operation, "invoke_agent" | "create_agent" | "execute_tool") && !subject.is_empty()
}

/// Returns whether an attribute confirms the operation in a span's name.
///
/// The conversation and the agent that a span belongs to confirm no model call: a function `chat` that serves a request may name
/// them for the calls below.
fn is_confirmed(span: &SourceSpan, row: &operation::AiOperation) -> bool {
    let may_be_agent = matches!(row.kind, AiKind::Agent | AiKind::Handoff);
    let is_context = |key: &str| {
        key == "gen_ai.conversation.id" || key.starts_with("gen_ai.agent.") && !may_be_agent
    };
    dialect::gen_ai_keys(span).any(|key| !is_context(key))
}

/// Returns the operation that the attributes imply if nothing states it.
fn operation_from_attributes(span: &SourceSpan, dialect: &Dialect) -> Option<&'static str> {
    if !span.attributes.may_begin_with("gen_ai.") {
        return None;
    }
    let has_any = |keys: &[&str]| span.attributes.contains_any(keys);
    if has_any(&[
        "gen_ai.tool.call.id",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    ]) && has_any(&["gen_ai.tool.name"])
    {
        return Some("execute_tool");
    }
    if has_any(&[
        "gen_ai.embeddings.input",
        "gen_ai.embeddings.dimension.count",
    ]) {
        return Some("embeddings");
    }
    // Embeddings may report only a total.
    let is_embeddings = || {
        has_any(&["gen_ai.usage.total_tokens"]) && call_kind_from_name(&span.name) == "embeddings"
    };
    let has_counts = has_token_counts(span, dialect) || is_embeddings();
    // A `model` without a namespace counts only if tokens are counted, and not on agents and tools, which repeat the
    // counts of calls.
    let has_bare_model = has_counts
        && has_any(&["model"])
        && !has_any(&["gen_ai.agent.id", "gen_ai.agent.name", "gen_ai.tool.name"]);
    let has_model = has_bare_model || has_any(MODELS);
    let has_messages = has_answer(&span.attributes) || has_any(&["gen_ai.input.messages"]);
    // A call that failed has no token counts, and a client of a provider does little but call models.
    let is_client =
        || span.kind == Some(SpanKind::Client) && !dialect::names_other_request(&span.name);
    let is_uncounted_call = (has_failed(span) || is_client())
        && dialect::may_request_model(span)
        && is_of_provider(span);
    (has_model && (has_counts || has_messages || is_uncounted_call))
        .then(|| call_kind_from_name(&span.name))
}

/// Returns whether everything that a span counts has already been counted by the call it is about.
pub(crate) fn repeats_counts(span: &SourceSpan) -> bool {
    !has_answer(&span.attributes) && dialect::repeats_counts(&span.name)
}

/// Returns whether a span knows something that only an answer has.
pub(crate) fn has_answer(attributes: &Attributes) -> bool {
    attributes.contains_any(&[OUTPUT, "gen_ai.response.id", FINISH_REASONS])
}

fn has_token_counts(span: &SourceSpan, dialect: &Dialect) -> bool {
    span.attributes.contains_any(USAGE_KEYS) || dialect::has_bare_counts(span, dialect)
}

/// Returns whether a span names a provider, but no agent or tool, which may be around its requests.
pub(crate) fn is_of_provider(span: &SourceSpan) -> bool {
    let others = ["gen_ai.agent.id", "gen_ai.agent.name", "gen_ai.tool.name"];
    names_provider(span) && !span.attributes.contains_any(&others)
}

fn names_provider(span: &SourceSpan) -> bool {
    // A `provider` without a namespace counts too.
    let names = ["gen_ai.provider.name", "gen_ai.system", "provider"];
    span.attributes.contains_any(&names)
}

/// Returns whether a span says that its operation has failed.
pub(crate) fn has_failed(span: &SourceSpan) -> bool {
    // A type may be the number of a status.
    let is_failure = |value| matches!(value, Value::Integer(1..)) || status::reports_failure(value);
    let reports_failure = |key| span.attributes.get(key).is_some_and(is_failure);
    span.status.is_error()
        || ["error", "error.type"].into_iter().any(reports_failure)
        || span.has_exception()
}

/// Returns which kind of model call a span name refers to.
pub(crate) fn call_kind_from_name(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    if name.contains("embed") {
        "embeddings"
    } else if name.contains("rerank") {
        "rerank"
    } else {
        "chat"
    }
}
