//! Decides whether the operation succeeded, and if not, why.

use std::mem;

use crate::{
    Attributes, SourceSpan, SourceStatus, SpanKind, Status, Value,
    dialect::{NONE, OperationKind, unquoted},
    messages::cut,
    privacy, stack_trace,
};

/// The maximum length of a reason, in bytes.
const MESSAGE_BYTES: usize = 1024;

pub(crate) const ERROR_TYPE: &str = "error.type";

/// OpenTelemetry's value for an error of unknown type.
pub(crate) const UNKNOWN_ERROR: &str = "_OTHER";

/// Keys of the status with which an HTTP request ended. The last one is agentgateway's.
pub(crate) const HTTP_STATUSES: [&str; 3] = [
    "http.response.status_code",
    "http.status_code",
    "http.status",
];

/// Keys of the code with which a gRPC call ended.
pub(crate) const GRPC_STATUSES: [&str; 2] = ["rpc.grpc.status_code", "rpc.response.status_code"];

/// Whether a tool failed, as recorded by rig and others.
pub(crate) const OUTCOME: &str = "gen_ai.tool.call.outcome";

/// Whether a tool failed, as recorded by Strands.
const TOOL_STATUS: &str = "gen_ai.tool.status";

/// Suffixes of keys whose boolean says whether a tool failed, with the value that means failure.
static TOOL_FAILURE_FLAGS: &[(&str, bool)] = &[
    ("tool.call.is_error", true),
    ("tool.call.success", false),
    ("tool.is_error", true),
    ("tool.success", false),
];

/// Keys that mean the same, but only on the span of the tool itself.
static BARE_FAILURE_FLAGS: &[(&str, bool)] = &[("is_error", true), ("success", false)];

/// Whether an MCP tool failed. Sentry's registry renames this key to `error.type`, which cannot be a boolean.
pub(crate) const IS_TOOL_ERROR: &str = "mcp.tool.result.is_error";
const STATUS_MESSAGE: &str = "sentry.status.message";

/// Exceptions that are control flow, not failures. LangGraph uses them to stop a node and ask a person, or to continue elsewhere.
/// Python uses one to end a generator that nobody reads any more, such as a stream that was left early.
static CONTROL_FLOW: &[&str] = &[
    "GeneratorExit",
    "GraphBubbleUp",
    "GraphInterrupt",
    "NodeInterrupt",
    "ParentCommand",
];

/// The reason for an error, in the conventions of old and in programs.
const ERROR_MESSAGE: &str = "error.message";

/// What OpenTelemetry's newest instrumentations for Python report for a stream that was left early: an error without a type.
const ABANDONED: &str = "abandoned stream";

/// Decides the status, and records the reason for an error in `error.type` and `sentry.status.message`.
///
/// In order of precedence:
///
/// 1. A tool's outcome that says it failed is an error. An explicit OK then only means that the call came to an end.
/// 2. An explicit OK or error decides.
/// 3. An `error.type`, an exception or ERROR event inside the span, a field `error` or `error.message`, or a response status that
///    is an error by OpenTelemetry's conventions for HTTP and gRPC, is an error.
///
/// Control flow and abandoned streams are never errors.
pub(crate) fn resolve(span: &mut SourceSpan, operation_kind: OperationKind) -> Status {
    let explicit = explicit_status(span);
    let outcome = tool_outcome(&mut span.attributes, operation_kind);
    let exception = last_exception(span);
    let error_message = error_field(&mut span.attributes);
    let response = response_error(span, is_client(span.kind, operation_kind));
    let mut full_error = normalise_error_type(&mut span.attributes);

    let failed = match explicit {
        _ if outcome.is_some() => true,
        Some((Status::Ok, _)) => false,
        Some((Status::Error, _)) => true,
        None => {
            exception.is_some()
                || error_message.is_some()
                || response.is_some()
                || span.attributes.contains(ERROR_TYPE)
        }
    };
    if !failed {
        return Status::Ok;
    }

    let mut exception = exception.unwrap_or_default();
    let description = explicit.and_then(|(_, message)| message);
    let description = description.and_then(|text| exception.strip_trace(text));
    let reason = description.as_deref();
    if reason == Some(ABANDONED) || is_control_flow(&span.attributes, &exception, reason) {
        span.attributes.remove(ERROR_TYPE);
        return Status::Ok;
    }
    let recorded = recorded_exception(&span.attributes);
    // Since the operation has failed, a status says more than nothing, even one that does not prove a server's failure.
    let response = || response_error(span, true);
    let kind = outcome.or(exception.kind).or(recorded.kind);
    if let Some(kind) = kind.or_else(response)
        && !span.attributes.contains(ERROR_TYPE)
    {
        span.attributes.push(ERROR_TYPE, &kind);
        full_error = normalise_error_type(&mut span.attributes);
    }
    span.attributes.supply(ERROR_TYPE, UNKNOWN_ERROR);
    let mut reasons = [
        description,
        exception.message,
        error_message,
        recorded.message,
        full_error,
    ]
    .into_iter()
    .flatten()
    .map(|reason| unquoted(&reason).to_owned());
    let reason = reasons.find(|reason| reason != NONE);
    if let Some(mut message) = reason.filter(|message| !message.is_empty()) {
        cut(&mut message, MESSAGE_BYTES);
        span.attributes.supply(STATUS_MESSAGE, message);
    }
    Status::Error
}

/// Returns whether an instrumentation reports a failure by OpenTelemetry's own means. A stream that was left early does not
/// count.
pub(crate) fn is_reported_as_failed(span: &SourceSpan) -> bool {
    match &span.status {
        SourceStatus::Error(message) => message.as_deref() != Some(ABANDONED),
        _ => span.attributes.contains(ERROR_TYPE),
    }
}

/// Sets the status from the fields that represent it in `tracing`, before anything asks whether the span failed.
pub(crate) fn apply_status_fields(span: &mut SourceSpan) {
    const CODE: &str = "otel.status_code";
    static DESCRIPTIONS: [&str; 2] = ["otel.status_description", "otel.status_message"];

    let attributes = &mut span.attributes;
    if !attributes.may_begin_with("otel.status") {
        return;
    }
    let code = attributes
        .text(CODE)
        .map(|code| unquoted(code).to_ascii_lowercase());
    let description = attributes.first_text(&DESCRIPTIONS);
    let description = description.map(str::to_owned);
    attributes.remove(CODE);
    for key in DESCRIPTIONS {
        attributes.remove(key);
    }
    span.status = match (code.as_deref(), mem::take(&mut span.status)) {
        (Some("ok"), _) => SourceStatus::Ok,
        (Some("error"), SourceStatus::Error(message)) => {
            SourceStatus::Error(description.or(message))
        }
        (Some("error"), _) => SourceStatus::Error(description),
        (_, SourceStatus::Error(message)) => SourceStatus::Error(message.or(description)),
        // As in `tracing-opentelemetry`, a description alone makes an error.
        (None, SourceStatus::Unset)
            if description
                .as_deref()
                .is_some_and(|text| !is_missing_value(text)) =>
        {
            SourceStatus::Error(description)
        }
        (_, SourceStatus::Unset) => {
            if let Some(description) = description {
                attributes.supply(STATUS_MESSAGE, description);
            }
            SourceStatus::Unset
        }
        (_, SourceStatus::Ok) => SourceStatus::Ok,
    };
}

/// Returns the status that an instrumentation set, with its message.
fn explicit_status(span: &SourceSpan) -> Option<(Status, Option<String>)> {
    let description = span.attributes.text(ERROR_MESSAGE).map(str::to_owned);
    match &span.status {
        SourceStatus::Ok => Some((Status::Ok, None)),
        SourceStatus::Error(message) => Some((Status::Error, message.clone().or(description))),
        SourceStatus::Unset => None,
    }
}

/// Reads how a tool call ended, from the attributes that record it. Returns the error type if it failed.
fn tool_outcome(attributes: &mut Attributes, operation_kind: OperationKind) -> Option<String> {
    let failed = [OUTCOME, TOOL_STATUS]
        .into_iter()
        .any(|key| attributes.text(key).is_some_and(is_failed_outcome));
    let kind = attributes
        .text("gen_ai.tool.error.type")
        .filter(|kind| !is_missing_value(kind))
        .map(|kind| unquoted(kind).to_owned());
    let is_mcp_error = attributes.get(IS_TOOL_ERROR) == Some(Value::Bool(true));
    // On a span around a tool, a field of this name may be about something else.
    let is_tool = operation_kind == OperationKind::Tool || attributes.contains("mcp.method.name");
    let failed = failed
        || is_tool
            && (attributes.iter()).any(|(key, value)| {
                let flag = tool_failure_flag(key).or_else(|| match operation_kind {
                    OperationKind::Tool => bare_failure_flag(key),
                    _ => None,
                });
                flag.is_some_and(|failed| parse_bool(value) == Some(failed))
            });
    for key in [
        OUTCOME,
        "gen_ai.tool.error.type",
        TOOL_STATUS,
        IS_TOOL_ERROR,
    ] {
        attributes.remove(key);
    }
    let kind = kind.filter(|_| !is_mcp_error);
    (failed || is_mcp_error).then(|| kind.unwrap_or_else(|| "tool_error".to_owned()))
}

/// Returns whether the outcome of a tool call says that it failed. `Debug` writes it in quotes or capitalised.
pub(crate) fn is_failed_outcome(outcome: &str) -> bool {
    let outcome = unquoted(outcome);
    ["error", "failure", "failed"]
        .iter()
        .any(|failed| outcome.eq_ignore_ascii_case(failed))
}

#[derive(Default)]
struct Exception {
    kind: Option<String>,
    message: Option<String>,
}

impl Exception {
    fn of(text: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            kind: text("exception.type").filter(|kind| !is_missing_value(kind)),
            message: text("exception.message"),
        }
    }

    /// Removes the stack trace from a description. Takes the type from the trace if nothing else names one.
    fn strip_trace(&mut self, description: String) -> Option<String> {
        let Some((reason, kind)) = stack_trace::split(&description) else {
            return Some(description);
        };
        let reason = reason.to_owned();
        if self.kind.is_none() {
            self.kind = kind.map(str::to_owned);
        }
        let has_trace = |message: &String| stack_trace::split(message).is_some();
        self.message = self.message.take().filter(|message| !has_trace(message));
        self.message.clone().or(Some(reason))
    }
}

/// Returns whether the work ended with an exception that is not a failure. Some name its type only at the start of the reason.
fn is_control_flow(attributes: &Attributes, exception: &Exception, reason: Option<&str>) -> bool {
    let kind = attributes
        .text(ERROR_TYPE)
        .or(exception.kind.as_deref())
        .or_else(|| reason?.split([':', '(']).next());
    let name = kind.and_then(|kind| kind.rsplit('.').next());
    name.is_some_and(|name| CONTROL_FLOW.contains(&name))
}

fn last_exception(span: &SourceSpan) -> Option<Exception> {
    let mut events = span.events.iter().rev();
    let event = events.find(|event| event.name == "exception")?;
    Some(Exception::of(|key| {
        event.attributes.text(key).map(str::to_owned)
    }))
}

/// Reads the exception that `tracing-opentelemetry` copies to the span in which it occurred. It proves no failure by itself,
/// because the exception may have been handled.
fn recorded_exception(attributes: &Attributes) -> Exception {
    Exception::of(|key| attributes.text(key).map(|text| unquoted(text).to_owned()))
}

/// Returns the value that means failure of a tool, if `key` holds a boolean about that.
pub(crate) fn tool_failure_flag(key: &str) -> Option<bool> {
    let (_, failed) = TOOL_FAILURE_FLAGS.iter().find(|(end, _)| {
        (key.strip_suffix(end)).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })?;
    Some(*failed)
}

/// Returns the value that means failure of a tool, if `key` holds a boolean about that on the span of the tool itself.
pub(crate) fn bare_failure_flag(key: &str) -> Option<bool> {
    let (_, failed) = BARE_FAILURE_FLAGS.iter().find(|(name, _)| *name == key)?;
    Some(*failed)
}

/// Removes the fields `error`, if it reports an error, and `error.message`, which hand-written spans declare. Returns the message
/// if there was an error.
fn error_field(attributes: &mut Attributes) -> Option<String> {
    let value = attributes.get("error");
    let flag = value.and_then(parse_bool);
    let has_failed = value.map(reports_failure);
    let text = (attributes.text("error"))
        .filter(|_| has_failed == Some(true) && flag.is_none())
        .or_else(|| attributes.text(ERROR_MESSAGE))
        .filter(|text| !is_missing_value(text))
        .map(|text| unquoted(text).to_owned());
    if has_failed == Some(true) {
        attributes.remove("error");
    }
    attributes.remove(ERROR_MESSAGE);
    match flag {
        Some(false) => None,
        Some(true) => Some(text.unwrap_or_default()),
        None => text,
    }
}

/// Returns whether the value of a field named after an error reports one.
pub(crate) fn reports_failure(value: Value<'_>) -> bool {
    match value {
        Value::Str(text) => !is_missing_value(text) && parse_bool(value) != Some(false),
        value => parse_bool(value) == Some(true),
    }
}

/// Reads a boolean, which may have been turned into text on the way.
fn parse_bool(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(value),
        Value::Str(text) => match unquoted(text) {
            "true" | "True" => Some(true),
            "false" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the first HTTP status that is an error by OpenTelemetry's conventions: 400 for a client, 500 otherwise.
pub(crate) fn first_http_failure(kind: Option<SpanKind>, operation_kind: OperationKind) -> i64 {
    first_failure(is_client(kind, operation_kind))
}

fn first_failure(is_client: bool) -> i64 {
    if is_client { 400 } else { 500 }
}

/// Returns whether a span is the client's side of a request. A model call is, even if a gateway records it on the span of the
/// request that it serves.
fn is_client(kind: Option<SpanKind>, operation_kind: OperationKind) -> bool {
    kind == Some(SpanKind::Client)
        || matches!(
            operation_kind,
            OperationKind::Call | OperationKind::Embeddings
        )
}

/// Returns the status of a response that is an error by OpenTelemetry's conventions.
fn response_error(span: &SourceSpan, is_client: bool) -> Option<String> {
    http_error_status(span, is_client).or_else(|| grpc_error_code(span, is_client))
}

/// Returns the HTTP status if it is an error.
fn http_error_status(span: &SourceSpan, is_client: bool) -> Option<String> {
    let status = HTTP_STATUSES
        .into_iter()
        .find_map(|key| span.attributes.integer(key))?;
    (status >= first_failure(is_client)).then(|| status.to_string())
}

/// The names of gRPC's codes, by number.
static GRPC_CODES: &[&str] = &[
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The codes that are errors on a server's span, by OpenTelemetry's conventions: the client is not to blame.
static GRPC_SERVER_ERRORS: &[&str] = &[
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
];

/// Returns the name of a gRPC code, given its number in decimal or the name itself.
pub(crate) fn grpc_code(code: &str) -> Option<&'static str> {
    match code.parse::<usize>() {
        Ok(number) => GRPC_CODES.get(number).copied(),
        Err(_) => GRPC_CODES.iter().find(|name| **name == code).copied(),
    }
}

/// Returns the gRPC code of a call that failed, by OpenTelemetry's conventions: any but OK on a client's span.
fn grpc_error_code(span: &SourceSpan, is_client: bool) -> Option<String> {
    if !span.attributes.may_begin_with("rpc.") {
        return None;
    }
    let code = GRPC_STATUSES
        .into_iter()
        .find_map(|key| match span.attributes.get(key)? {
            Value::Integer(code) => grpc_code(&code.to_string()),
            Value::Str(code) => grpc_code(code),
            _ => None,
        })?;
    let has_failed = if is_client {
        code != "OK"
    } else {
        GRPC_SERVER_ERRORS.contains(&code)
    };
    has_failed.then(|| code.to_owned())
}

/// Returns whether a text is how Rust, Python, JavaScript or Micrometer for Java writes a missing value. Spring's HTTP servers
/// have an `error.type` of `none` unless they fail.
fn is_missing_value(text: &str) -> bool {
    matches!(unquoted(text), "" | "None" | "none" | "null" | "undefined")
}

/// Reduces `error.type` to a type: unwraps Python's reprs of classes, drops the fields of an error, and removes a type that is
/// empty. Returns the whole error if fields were dropped.
fn normalise_error_type(attributes: &mut Attributes) -> Option<String> {
    let Some(Value::Str(kind)) = attributes.get(ERROR_TYPE) else {
        return None;
    };
    if is_missing_value(kind) {
        attributes.remove(ERROR_TYPE);
        return None;
    }
    let class = class_name(kind);
    let variant = name_before_fields(class);
    let full_error = variant.map(|_| class.to_owned());
    let short = variant.unwrap_or(class);
    if short.len() != kind.len() {
        let short = short.to_owned();
        attributes.set(ERROR_TYPE, &short);
    }
    full_error
}

/// Returns the name in front of the fields of an error that was formatted with `{:?}`, or in front of a Python exception's
/// arguments.
///
/// A short token with parentheses, such as `Status(429)`, is itself a type.
fn name_before_fields(kind: &str) -> Option<&str> {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.".contains(&byte);
    let end = kind.bytes().position(|byte| !is_name_byte(byte))?;
    let (name, rest) = kind.split_at(end);
    let has_fields = rest.starts_with(" { ") || rest.starts_with('(') && rest.ends_with(')');
    (end > 0 && has_fields && !privacy::is_token(kind)).then_some(name)
}

fn class_name(kind: &str) -> &str {
    kind.strip_prefix("<class '")
        .and_then(|rest| rest.strip_suffix("'>"))
        .unwrap_or_else(|| unquoted(kind))
}

#[cfg(test)]
mod tests;
