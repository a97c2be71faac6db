//! Removes content that must not leave the program.

use crate::{
    Attributes, Scalar, SourceSpan, SpanKind, TranslateOptions, Value,
    content::{self, Side},
    dialect::{self, Dialect},
    tables,
    translate::TAG,
};

mod api_keys;
mod client_addresses;
mod credentials;
mod error_messages;
mod heuristic;
mod names;
mod texts;

use api_keys::redact_api_keys;
use credentials::withhold_queries;
pub(crate) use credentials::{names_address, redact_urls};
pub(crate) use error_messages::may_quote as may_quote_error;
pub(crate) use heuristic::{ContentHeuristic, Judgement, TextHeuristic};
use names::{names_content, names_secret};
pub(crate) use texts::{is_prose_or_json, is_token};

/// What may leave the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) inputs: bool,
    pub(crate) outputs: bool,
    pub(crate) client_addresses: bool,
}

impl Capture {
    pub(crate) fn of(options: &TranslateOptions) -> Self {
        Self {
            inputs: options.capture_inputs,
            outputs: options.capture_outputs,
            client_addresses: options.capture_client_addresses,
        }
    }

    fn allows(self, side: Side) -> bool {
        match side {
            Side::Input => self.inputs,
            Side::Output => self.outputs,
            Side::Either => self.allows_all_content(),
        }
    }

    pub(crate) fn allows_all_content(self) -> bool {
        self.inputs && self.outputs
    }
}

/// What a span is, as far as it matters for attributes that no convention defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// GenAI work, or a span that carries data of such work.
    GenAi,
    /// Other work of a GenAI library.
    Library,
    /// Any other span.
    Other,
}

impl Provenance {
    /// Returns the setting of a span that is not about GenAI.
    pub(crate) fn of_plain(span: &SourceSpan, dialect: &Dialect) -> Self {
        if dialect::is_of_library(span, dialect) {
            Self::Library
        } else {
            Self::Other
        }
    }
}

/// Removes everything that must not leave: known content according to its side, and anything else that may be content.
///
/// `#[instrument]` records every argument, and libraries invent attributes. Unknown attributes are therefore removed as follows:
///
/// * On an AI span, all but those that cannot be content: a number or a short token, under a namespaced key that does not name
///   content.
/// * On another span of a GenAI library, or under a key about GenAI: lists, and texts except for short tokens under such a key.
/// * On any other span: texts whose key names content, that are keys or have credentials in a URL, or that are transcripts, and
///   arguments of functions (keys without a namespace) that are prose or JSON.
pub(crate) fn withhold(span: &mut SourceSpan, provenance: Provenance, capture: Capture) {
    error_messages::redact(span);
    if !capture.allows_all_content() {
        error_messages::withhold_quotations(span, capture);
        if formats_arguments(span) {
            span.attributes.remove(FORMATTED_MESSAGE);
        }
    }
    if !capture.inputs
        && let Some(key) = dialect::instructive_description(span)
    {
        span.attributes.remove(key);
    }
    let kind = span.kind;
    (span.attributes).retain(
        |key, value| match withholding(key, kind, provenance, capture) {
            Withholding::Never | Withholding::Redacted => true,
            Withholding::Always => false,
            Withholding::If(heuristic) => !heuristic.is_content(key, value),
        },
    );
    let addresses: Vec<_> = (span.attributes.slots().enumerate())
        .filter(|(_, slot)| {
            slot.is_some_and(|(key, _)| credentials::is_address(key) || names_address(key))
        })
        .map(|(index, _)| index)
        .collect();
    let keeps_queries = keeps_queries(provenance, capture);
    for index in addresses {
        redact_address(&mut span.attributes, index, keeps_queries);
    }
}

/// Returns whether addresses keep their queries. What a tool or an agent asks for may be a question.
pub(crate) fn keeps_queries(provenance: Provenance, capture: Capture) -> bool {
    provenance == Provenance::Other || capture.allows_all_content()
}

/// Removes the credentials, and the query if it may be content, from the address in the attribute at position `index`, or from
/// each address in a list.
pub(crate) fn redact_address(attributes: &mut Attributes, index: usize, keeps_query: bool) {
    let redact = |text: &str| {
        if credentials::is_bare_address(text) {
            return None;
        }
        match credentials::without_query(text) {
            Some(path) if !keeps_query => Some(credentials::redacted(path).unwrap_or(path.into())),
            _ => credentials::redacted(text),
        }
    };
    match attributes.slot(index) {
        Some((_, Value::Str(text))) => {
            if let Some(redacted) = redact(text) {
                attributes.set_text_at(index, &redacted);
            }
        }
        Some((key, Value::Array(items))) => {
            let redact_item = |item: &Scalar| match item {
                Scalar::Str(text) => redact(text).map(Scalar::Str),
                _ => None,
            };
            if items.iter().any(|item| redact_item(item).is_some()) {
                let key = key.to_owned();
                let items = items.iter();
                let items = items.map(|item| redact_item(item).unwrap_or_else(|| item.clone()));
                let items: Vec<_> = items.collect();
                attributes.remove_at(index);
                attributes.push_owned_key(&key, items);
            }
        }
        _ => {}
    }
}

/// Whether an attribute may leave, decided by its key alone. A key that [suggests an address](names_address) also has its value
/// checked for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withholding {
    /// It may leave.
    Never,
    /// It must not leave.
    Always,
    /// It may leave without the keys and passwords in it.
    Redacted,
    /// It may leave unless it [looks like content](ContentHeuristic::is_content).
    If(ContentHeuristic),
}

/// Returns how to decide whether an attribute of a span of this kind may leave.
pub(crate) fn withholding(
    key: &str,
    kind: Option<SpanKind>,
    provenance: Provenance,
    capture: Capture,
) -> Withholding {
    let key = key.strip_prefix(TAG).unwrap_or(key);
    // Not content, but never meant to leave.
    if credentials::is_secret_header(key) {
        return Withholding::Always;
    }
    if !capture.client_addresses && client_addresses::is_client_address(key, kind) {
        return Withholding::Always;
    }
    if credentials::is_address(key) {
        return match keeps_queries(provenance, capture) {
            false if credentials::is_query(key) => Withholding::Always,
            _ => Withholding::Redacted,
        };
    }
    if capture.allows_all_content() {
        return if names_secret(key) && tables::attribute(key).is_none() {
            Withholding::If(ContentHeuristic::Secret)
        } else if may_hold_keys(key) {
            Withholding::If(ContentHeuristic::ApiKey)
        } else {
            Withholding::Never
        };
    }
    match content::side(key) {
        Some(side) if capture.allows(side) => Withholding::Never,
        Some(_) => Withholding::Always,
        None if is_parameter(key) => Withholding::Always,
        None if is_conventional_metadata(key) && !is_of_librarys_database(key, provenance) => {
            match provenance {
                Provenance::GenAi | Provenance::Library if tables::attribute(key).is_none() => {
                    Withholding::If(ContentHeuristic::in_convention(key))
                }
                _ => Withholding::Never,
            }
        }
        None => Withholding::If(match provenance {
            Provenance::GenAi => ContentHeuristic::Anything,
            Provenance::Library => ContentHeuristic::FreeText,
            Provenance::Other if has_gen_ai_namespace(key) => ContentHeuristic::FreeText,
            Provenance::Other => ContentHeuristic::Argument,
        }),
    }
}

/// Logfire's message of a span: its template, filled in with the values of arguments.
pub(crate) const FORMATTED_MESSAGE: &str = "logfire.msg";

/// Returns whether the span's message may say more than its template and its name.
pub(crate) fn formats_arguments(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    attributes.text(FORMATTED_MESSAGE).is_some_and(|message| {
        message != span.name && attributes.text("logfire.msg_template") != Some(message)
    })
}

/// Returns whether a key is about GenAI by its name, on whatever span. Whoever hands attributes on may put them into a namespace
/// of their own, as in `attributes.gen_ai.tool.definitions`.
fn has_gen_ai_namespace(key: &str) -> bool {
    let stripped = ["otel.", "vercel."]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix));
    let is_namespace = |segment| {
        matches!(
            segment,
            "gen_ai" | "langfuse" | "langsmith" | "llm" | "mcp" | "traceloop"
        )
    };
    stripped.unwrap_or(key).starts_with("ai.")
        || (key.rsplit_once('.')).is_some_and(|(path, _)| path.split('.').any(is_namespace))
}

/// Namespaces whose attributes OpenTelemetry or Sentry defines, and that describe the operation rather than its content.
static CONVENTION_PREFIXES: &[&str] = &[
    "aws.",
    "azure.",
    "client.",
    "cloud.",
    "code.",
    "container.",
    "cpu.",
    "db.",
    "deployment.",
    "dns.",
    "enduser.",
    "error.code",
    "error.stack",
    "error.type",
    "exception.type",
    "exception.escaped",
    "faas.",
    "host.",
    "http.",
    "instrumentation.",
    "jsonrpc.protocol.",
    "jsonrpc.request.id",
    "k8s.",
    "messaging.",
    "net.",
    "network.",
    "os.",
    "otel.gen_ai.tool.type",
    "peer.",
    "process.",
    "rpc.",
    "sentry.",
    "server.",
    "service.",
    "session.id",
    "session.previous_id",
    "telemetry.",
    "thread.",
    "url.",
    "user.",
    "user_agent.",
];

/// Returns whether an attribute is what a GenAI library says about a database. Under conventional names and under its own, this
/// may be all that was passed to a vector store: questions, and documents even in `db.query.summary`.
fn is_of_librarys_database(key: &str, provenance: Provenance) -> bool {
    provenance != Provenance::Other && key.starts_with("db.")
}

/// Returns whether a convention defines `key` as something that describes the operation.
fn is_conventional_metadata(key: &str) -> bool {
    // In this namespace Sentry's registry also lists what programs hand to Vercel's AI SDK.
    let is_vercels = key.starts_with("vercel.");
    if !is_vercels && tables::is_current(key) {
        return true;
    }
    let first = key.bytes().next();
    let is_conventional = CONVENTION_PREFIXES
        .iter()
        .any(|prefix| prefix.bytes().next() == first && key.starts_with(prefix));
    is_conventional && (NAMED_LIKE_CONTENT.contains(&key) || !names_content(key))
}

/// Keys that a convention names like content although they describe the operation.
static NAMED_LIKE_CONTENT: &[&str] = &["db.query", "db.query.text"];

/// Returns whether an attribute may show API keys among other things that were not said to a model, such as the `Debug` output of a
/// configuration. Where an error or an address is expected, keys are [redacted](error_messages::redact) instead.
fn may_hold_keys(key: &str) -> bool {
    content::side(key).is_none()
        && !is_conventional_metadata(key)
        && !may_quote_error(key)
        && !names_address(key)
}

/// Returns whether a key holds a field of what was sent over HTTP, such as `http.request.body.messages`, and not its size.
fn is_field_of_body(key: &str) -> bool {
    let bodies = ["http.request.body.", "http.response.body."];
    let field = bodies.iter().find_map(|body| key.strip_prefix(body));
    field.is_some_and(|field| field != "size")
}

/// Returns whether a key holds one parameter value of a query, a message or a function, such as `db.query.parameter.name`, the
/// filter of a vector store, such as `db.milvus.search.filter` and `db.chroma.query.where_document`, or what a function returned.
/// Azure's `trace_function` records parameters and results of any function.
fn is_parameter(key: &str) -> bool {
    let is_among = |markers: &[&str]| markers.iter().any(|marker| key.contains(marker));
    key.starts_with("db.") && is_among(&[".parameter.", ".filter", ".where"])
        || key.starts_with("sentry.message.parameter.")
        || is_field_of_body(key)
        || key.starts_with("code.")
            && is_among(&[".parameter.", ".parameters.", ".function.return."])
}

#[cfg(test)]
mod tests;
