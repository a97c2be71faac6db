//! Derives op and name of non-AI spans from OpenTelemetry's conventions for HTTP, databases, RPC, messaging and FaaS.

use std::borrow::Cow;

use crate::{
    Attributes, SentrySpan, SourceSpan, SpanKind,
    naming::{is_with_subject, with_subject},
};

/// The op of work inside the program.
pub(crate) const FUNCTION: &str = "function";

/// The op of a plain span, and its conventional name if the attributes provide one.
pub(crate) struct PlainSpan<'a> {
    pub(crate) op: Cow<'static, str>,
    pub(crate) name: Option<Cow<'a, str>>,
}

/// The keys of an HTTP request's method.
pub(crate) static HTTP_METHODS: &[&str] = &["http.request.method", "http.method"];

/// Returns the keys of the target after which a request with this op is named.
pub(crate) fn http_targets(op: &str) -> &'static [&'static str] {
    match op {
        "http.server" => &["http.route"],
        _ => &["url.template"],
    }
}

/// Classifies a span by the first convention that it follows, in the order in which Sentry derives ops.
pub(crate) fn classify(attributes: &Attributes, kind: Option<SpanKind>) -> PlainSpan<'_> {
    if let Some(plain) = http(attributes, kind) {
        return plain;
    }
    if attributes
        .first_text(&["db.system.name", "db.system"])
        .is_some()
    {
        return PlainSpan {
            op: "db".into(),
            name: database_name(attributes),
        };
    }
    if attributes
        .first_text(&["rpc.system.name", "rpc.system", "rpc.service"])
        .is_some()
    {
        return PlainSpan {
            op: "rpc".into(),
            name: rpc_name(attributes),
        };
    }
    if attributes.first_text(&["messaging.system"]).is_some() {
        return PlainSpan {
            op: "message".into(),
            name: messaging_name(attributes),
        };
    }
    if let Some(trigger) = attributes.first_text(&["faas.trigger"]) {
        return PlainSpan {
            op: trigger.to_owned().into(),
            name: attributes
                .first_text(&["faas.invoked_name", "faas.name"])
                .map(Cow::Borrowed),
        };
    }
    PlainSpan {
        op: FUNCTION.into(),
        name: None,
    }
}

/// Returns whether a span is called by its conventional name rather than by the given one.
pub(crate) fn replaces(conventional: &str, given: &str) -> bool {
    conventional != given && !is_more_specific(given, conventional)
}

/// Turns a span that repeats another one into a plain one. A gateway may have recorded a call on the span of the request that it
/// serves.
pub(crate) fn demote(span: &mut SentrySpan) {
    let request = match span.kind {
        SpanKind::Server => http(&span.attributes, Some(span.kind)),
        _ => None,
    };
    let (op, name) = match request {
        Some(PlainSpan { op, name }) => (op, name.filter(|name| name.contains(' '))),
        None => (FUNCTION.into(), None),
    };
    if let Some(name) = name.map(Cow::into_owned) {
        span.name = name.into();
    }
    span.op = op;
    span.ai = None;
}

/// The modules that create a span `request` for every request to a server of axum, tonic, poem, salvo or warp.
static SERVER_MODULES: &[&str] = &[
    "poem::middleware::tracing_mw",
    "salvo_extra::logging",
    "tower_http::trace::make_span",
    "warp::filters::trace",
];

/// Gives the request span of one of [`SERVER_MODULES`] its kind, and its method the conventional key. These modules record
/// only `method`, and no kind.
pub(crate) fn spell_request(span: &mut SourceSpan) {
    const METHOD: &str = "http.request.method";

    let is_request = matches!(span.kind, None | Some(SpanKind::Internal))
        && SERVER_MODULES.contains(&&*span.scope);
    if is_request && span.attributes.contains("method") && !span.attributes.contains(METHOD) {
        span.kind = Some(SpanKind::Server);
        span.attributes.rename("method", METHOD);
    }
}

fn http(attributes: &Attributes, kind: Option<SpanKind>) -> Option<PlainSpan<'_>> {
    let method = attributes.first_text(HTTP_METHODS);
    let route = attributes.first_text(&["http.route"]);
    let is_server = kind == Some(SpanKind::Server) || route.is_some();
    let op = match (method, kind) {
        (None, _) if route.is_none() => return None,
        (_, Some(SpanKind::Client)) => "http.client",
        _ if is_server => "http.server",
        _ => "http",
    };
    let name = method.map(|method| http_name(method, attributes.first_text(http_targets(op))));
    Some(PlainSpan {
        op: op.into(),
        name,
    })
}

/// Returns the name of a request, made of its method and target.
pub(crate) fn http_name<'a>(method: &'a str, target: Option<&str>) -> Cow<'a, str> {
    with_subject(method_name(method), target)
}

/// Returns whether `name` is the name that [`http_name`] returns.
pub(crate) fn is_http_name(name: &str, method: &str, target: Option<&str>) -> bool {
    is_with_subject(name, method_name(method), target)
}

/// Returns whether a span's own name contains all words of the conventional one, and more. Examples are
/// `GET /users/:id` for a server span without a route, and `shop.users.find` for a collection. The own name must be a
/// name, rather than an address, a key or a statement.
pub(crate) fn is_more_specific(given: &str, conventional: &str) -> bool {
    /// A text with more words is a statement.
    const MAX_WORDS: usize = 3;

    let is_separator = |letter: char| !letter.is_alphanumeric();
    let has_word = |word: &str| {
        given
            .split(is_separator)
            .any(|given_word| given_word == word)
    };
    let mut words = conventional
        .split(is_separator)
        .filter(|word| !word.is_empty());
    // Most names do not even contain the first letter.
    let first = conventional.as_bytes().first();
    given.len() > conventional.len()
        && first.is_some_and(|first| memchr::memchr(*first, given.as_bytes()).is_some())
        && words.all(has_word)
        && given.split(' ').count() <= MAX_WORDS
        && given
            .split(is_separator)
            .all(|word| !word.starts_with(|first: char| first.is_numeric()))
        && !given.contains(['?', '=', '@', '\'', '"', '(', ';'])
        && !appends_concrete_target(given, conventional)
        && (given.split(' ')).all(|part| {
            !part.contains(['/', ':', '{']) || is_template(part) || conventional.contains(part)
        })
}

/// Returns whether a name appends a concrete target to an operation for which the convention knows no target, as in
/// `DELETE alice`.
fn appends_concrete_target(given: &str, operation: &str) -> bool {
    let rest = given.strip_prefix(operation);
    let target = rest.and_then(|rest| rest.strip_prefix(' '));
    !operation.contains(' ') && target.is_some_and(|target| !is_template(target))
}

/// Returns whether a path has placeholders for its variable parts. Without them, `/users/alice` and `user:alice` may be
/// about a particular user.
fn is_template(part: &str) -> bool {
    let mut segments = part.split('/').skip(1);
    !part.contains("://")
        && segments.any(|segment| segment.starts_with([':', '{', '<', '[', '*', '$']))
}

/// `HTTP` stands for an unknown method.
fn method_name(method: &str) -> &str {
    if method == "_OTHER" { "HTTP" } else { method }
}

fn database_name(attributes: &Attributes) -> Option<Cow<'_, str>> {
    // A summary names operations and what they are about. OpenLIT adds what was asked: `query docs n_results=1 texts=['...']`.
    let summary = attributes.first_text(&["db.query.summary"]);
    if let Some(summary) = summary.filter(|summary| !summary.contains('=')) {
        return Some(summary.into());
    }
    let operation = attributes.first_text(&["db.operation.name", "db.operation"]);
    let target = attributes.first_text(&[
        "db.collection.name",
        "db.sql.table",
        "db.stored_procedure.name",
        "db.namespace",
        "db.name",
    ]);
    Some(with_subject(operation?, target))
}

fn rpc_name(attributes: &Attributes) -> Option<Cow<'_, str>> {
    let method = attributes.first_text(&["rpc.method"])?;
    match attributes.first_text(&["rpc.service"]) {
        Some(service) if !method.contains('/') => Some([service, "/", method].concat().into()),
        _ => Some(method.into()),
    }
}

fn messaging_name(attributes: &Attributes) -> Option<Cow<'_, str>> {
    let operation = attributes.first_text(&[
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.operation",
    ]);
    let destination = attributes.first_text(&[
        "messaging.destination.template",
        "messaging.destination.name",
        "messaging.destination",
    ]);
    Some(with_subject(operation?, destination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlanningTranslator, TranslateOptions, Translator, testing};

    type Attribute = (&'static str, &'static str);

    /// A span's name, its other properties, and its name in Sentry.
    #[rustfmt::skip]
    static NAMES: &[(&str, &[Attribute], &str)] = &[
        ("GET /users/:id", &[("http.request.method", "GET"), ("url.path", "/users/7")], "GET /users/:id"),
        ("GET /v1/users/{id}", &[("http.method", "GET"), ("http.target", "/v1/users/7?x=y")], "GET /v1/users/{id}"),
        ("GET /users/me", &[("http.request.method", "GET"), ("url.path", "/users/me")], "GET"),
        ("GET /users/7", &[("http.request.method", "GET")], "GET"),
        ("GET /users/alice", &[("http.request.method", "GET")], "GET"),
        ("GET /users/alice", &[("http.method", "GET"), ("http.url", "https://example.com/users/alice")], "GET"),
        ("GET https://example.com/users/alice", &[("http.request.method", "GET")], "GET"),
        ("GET /users/[id]", &[("http.request.method", "GET"), ("url.path", "/users/alice")], "GET /users/[id]"),
        ("Users#show GET", &[("http.request.method", "GET")], "Users#show GET"),
        ("GET alice.example.com", &[("http.request.method", "GET")], "GET"),
        ("GET /files/*path", &[("http.request.method", "GET")], "GET /files/*path"),
        ("GET https://example.com/ask?question=why", &[("http.request.method", "GET")], "GET"),
        ("HTTP request", &[("http.request.method", "GET")], "GET"),
        ("GET", &[("http.request.method", "GET"), ("http.route", "/ask")], "GET /ask"),
        ("SELECT shop.users", &[("db.system", "postgresql"), ("db.operation", "SELECT"), ("db.name", "shop")], "SELECT shop.users"),
        ("shop.users.find", &[("db.system", "mongodb"), ("db.operation", "find"), ("db.name", "shop")], "shop.users.find"),
        ("SELECT * FROM shop", &[("db.system", "postgresql"), ("db.operation", "SELECT"), ("db.name", "shop")], "SELECT shop"),
        ("SET user:alice", &[("db.system", "redis"), ("db.operation", "SET")], "SET"),
        ("SET session-alice", &[("db.system", "redis"), ("db.operation", "SET")], "SET"),
        ("SET {user}:alice", &[("db.system", "redis"), ("db.operation", "SET")], "SET"),
        ("/shop.Users/Find", &[("rpc.system", "grpc"), ("rpc.service", "shop.Users"), ("rpc.method", "Find")], "shop.Users/Find"),
        ("SET user:7", &[("db.system", "redis"), ("db.operation", "SET")], "SET"),
        ("query", &[("db.system", "postgresql"), ("db.operation", "SELECT"), ("db.name", "shop")], "SELECT shop"),
    ];

    #[test]
    fn a_more_specific_name_is_kept() {
        let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        for (given, attributes, name) in NAMES {
            // The second round makes a plan.
            for _ in 0..3 {
                let mut span = testing::span(*given);
                for (key, value) in *attributes {
                    span.attributes.push(key, *value);
                }
                assert_eq!(planning.translate(&mut span).name, *name, "{given}");
            }
        }
    }

    #[test]
    fn request_spans_of_server_modules_become_server_spans() {
        let mut planning = PlanningTranslator::new(Translator::new(TranslateOptions::default()));
        let servers = SERVER_MODULES.iter().flat_map(|module| [module; 3]);
        for (scope, method) in servers.zip(["GET", "POST", "GET"].iter().cycle()) {
            let mut span = testing::span("request");
            span.scope = (*scope).into();
            let fields = [
                ("method", *method),
                ("uri", "/ask"),
                ("version", "HTTP/1.1"),
            ];
            for (key, value) in fields {
                span.attributes.push(key, value);
            }
            let span = planning.translate(&mut span);
            assert_eq!((&*span.op, &*span.name), ("http.server", *method));
            assert_eq!(span.kind, SpanKind::Server);
            assert_eq!(span.attributes.text("http.request.method"), Some(*method));
            assert_eq!(span.attributes.text("uri"), Some("/ask"));
        }
    }
}
