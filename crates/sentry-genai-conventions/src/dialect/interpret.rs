//! Interprets spans and values, whatever their dialect.

use std::{borrow::Cow, time::Duration};

use super::{OperationKind, sessions::is_not_a_session};
use crate::{SourceSpan, SourceStatus, Timestamp, Value, operation};

/// What `Debug` writes for an `Option` without a value, and Python's `str` for `None`.
pub(crate) const NONE: &str = "None";

/// Returns an identifier: a text, or an integer in decimal. An `Option` that is `None` is not an identifier.
pub(crate) fn id(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Str(text) if is_not_a_session(text) => None,
        Value::Str(text) => {
            let text = unquoted(text);
            (!text.is_empty() && text != NONE).then_some(text.into())
        }
        Value::Integer(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// Returns whether any key starts with `prefix`.
pub(super) fn has_prefix(span: &SourceSpan, prefix: &str) -> bool {
    let attributes = &span.attributes;
    attributes.may_begin_with(prefix) && attributes.iter().any(|(key, _)| key.starts_with(prefix))
}

/// Returns whether a span is from the crate `library`, judging by the path of the Rust module that made it.
pub(super) fn is_of_crate(span: &SourceSpan, library: &str) -> bool {
    is_in_crate(&span.scope, library)
}

/// Returns whether the path of a Rust module is in the crate `library`.
pub(super) fn is_in_crate(module: &str, library: &str) -> bool {
    module
        .strip_prefix(library)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Returns whether a span names its own operation, and that is one that Sentry counts.
pub(super) fn has_known_operation(span: &SourceSpan) -> bool {
    span.attributes
        .text("gen_ai.operation.name")
        .is_some_and(|name| operation::by_name(unquoted(name)).is_some())
}

/// Returns whether a method is named after a stream: `ConverseStream`, `bedrock.converse_stream`.
pub(super) fn is_stream_method(method: &str) -> bool {
    (method.as_bytes().last_chunk())
        .is_some_and(|end: &[u8; 6]| end.eq_ignore_ascii_case(b"stream"))
}

/// Moves the start of a span that ends where it begins back by the seconds that the work took, as the span reports them.
pub(super) fn restore_start(span: &mut SourceSpan, key: &str) {
    if span.start != span.end {
        return;
    }
    let Some(Value::Double(seconds)) = span.attributes.get(key) else {
        return;
    };
    let nanoseconds = Duration::try_from_secs_f64(seconds).map(|it| it.as_nanos());
    if let Ok(nanoseconds) = nanoseconds
        && let Ok(nanoseconds) = u64::try_from(nanoseconds)
        && let Some(start) = span.end.as_nanos().checked_sub(nanoseconds)
    {
        span.start = Timestamp::from_nanos(start);
    }
}

/// Marks a span as failed, unless it is marked already.
pub(super) fn mark_failed(span: &mut SourceSpan) {
    mark_failed_with(span, None);
}

/// Does this with the reason from an error of OpenAI's API.
pub(super) fn mark_failed_with(span: &mut SourceSpan, error: Option<&serde_json::Value>) {
    if span.status.is_error() {
        return;
    }
    let text = |field: &str| error?.get(field)?.as_str();
    if let Some(code) = text("code").filter(|code| !code.is_empty()) {
        span.attributes.supply("error.type", code);
    }
    span.status = SourceStatus::Error(text("message").map(str::to_owned));
}

/// Recognises a hook of one of LangChain's middlewares by its name, such as `Cache.before_agent`. Instrumentations that go by names
/// take it for an agent.
pub(super) fn is_hook_around_agent(name: &str) -> bool {
    let hook = name.rsplit_once('.').map(|(_, hook)| hook);
    matches!(hook, Some("before_agent" | "after_agent"))
}

/// Strips `Some(...)` and one layer of quotes, which `?value` puts around a string.
pub(crate) fn unquoted(text: &str) -> &str {
    let text = text
        .strip_prefix("Some(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(text);
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
}

/// Returns the kind that a span has under `key`, in lower case: spans by hand spell the kinds of a library as they like.
pub(super) fn kind_of(span: &SourceSpan, key: &str) -> Option<String> {
    let kind = unquoted(span.attributes.text(key)?);
    Some(kind.to_ascii_lowercase())
}

/// Returns whether the span has an attribute that only GenAI spans have.
pub(crate) fn mentions_gen_ai(span: &SourceSpan) -> bool {
    gen_ai_keys(span).next().is_some()
}

/// Returns the keys of the attributes that only GenAI spans have.
pub(crate) fn gen_ai_keys(span: &SourceSpan) -> impl Iterator<Item = &str> {
    const PREFIX: &str = "gen_ai.";
    let may_have_any = span.attributes.may_begin_with(PREFIX);
    let attributes = may_have_any.then(|| span.attributes.iter());
    attributes
        .into_iter()
        .flatten()
        .filter(|(key, value)| key.starts_with(PREFIX) && *value != Value::Str(""))
        .map(|(key, _)| key)
}

/// Recognises an id generated for one run: a UUID, with or without hyphens. Such an id names nothing.
pub(crate) fn is_random_id(text: &str) -> bool {
    let is_id = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    matches!(text.len(), 32 | 36) && text.bytes().all(is_id)
}

/// Names an agent or a tool that has no name after its span, unless the span name only names the operation.
pub(super) fn name_as_span(span: &mut SourceSpan, kind: OperationKind) {
    let key = match kind {
        OperationKind::Agent => "gen_ai.agent.name",
        OperationKind::Tool => "gen_ai.tool.name",
        _ => return,
    };
    if operation::split_span_name(&span.name).is_none() {
        let name = span.name.clone();
        span.attributes.supply(key, &*name);
    }
}
