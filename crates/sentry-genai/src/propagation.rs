//! Continues traces from incoming requests, and propagates them to outgoing ones.

use std::{env, future::Future, sync::Arc};

use sentry_genai_delivery::{Baggage, IncomingTrace, conversation_in_baggage};

use crate::{
    current,
    scoped::{AmbientContext, Scoped},
};

/// The headers, and the environment variables that carry the same to a child process.
const CARRIERS: [(&str, &str); 2] = [
    ("sentry-trace", "SENTRY_TRACE"),
    ("baggage", "SENTRY_BAGGAGE"),
];

/// Switches off that a program continues the trace that its environment names.
const USE_ENVIRONMENT: &str = "SENTRY_USE_ENVIRONMENT";

/// The trace that an incoming request belongs to.
///
/// A program that another one starts needs none: outside of a request, traces continue the one that its environment names, as
/// described for [`outgoing_env`].
///
/// A span that starts inside the scope and has no parent in this process continues the trace. It also follows the trace's
/// sampling decision, unless the client's `traces_sampler` overrides it. If the client has neither a sample rate nor a sampler,
/// nothing is sampled.
///
/// ```
/// # async fn handle() {}
/// # async fn serve(headers: std::collections::HashMap<String, String>) {
/// use sentry_genai::propagation::IncomingContext;
///
/// IncomingContext::from_headers(&headers).scope(handle()).await;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it has no effect until something runs in its scope"]
pub struct IncomingContext {
    trace: Option<Arc<IncomingTrace>>,
    /// What `traceparent` says. It counts only where the options ask for it.
    traceparent: Option<Arc<IncomingTrace>>,
    conversation: Option<Arc<str>>,
}

impl IncomingContext {
    /// Creates a context in which there is nothing to continue: spans without a parent start traces of their own, even inside the
    /// scope of another context.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the headers `sentry-trace` and `baggage`; names are compared without regard to case, and other headers are ignored.
    /// Without a valid `sentry-trace` there is nothing to continue, and spans start traces of their own, unless
    /// [`Options::with_traceparent`](crate::Options::with_traceparent) is set and there is a valid `traceparent`.
    ///
    /// Takes a `&HeaderMap` of axum, hyper, reqwest or actix, and any other pairs of names and values. A value that is no UTF-8 is
    /// ignored.
    ///
    /// The member `gen_ai.conversation.id` of `baggage` names the conversation of AI spans for which neither they themselves,
    /// their ancestors nor a [`conversation()`](crate::conversation()) scope name one, unless
    /// [`Options::with_conversation_propagation`](crate::Options::with_conversation_propagation) is off.
    pub fn from_headers<N: AsRef<str>, V: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers: Vec<_> = headers.into_iter().collect();
        let headers = headers.iter().filter_map(|(name, value)| {
            Some((name.as_ref(), str::from_utf8(value.as_ref()).ok()?))
        });
        Self::read(&headers.collect::<Vec<_>>())
    }

    fn read(headers: &[(&str, &str)]) -> Self {
        let named = |expected: &'static str| {
            let headers = headers.iter();
            headers.filter(move |(name, _)| name.eq_ignore_ascii_case(expected))
        };
        let (mut baggage, mut traceparent) = (named("baggage"), named("traceparent"));
        Self {
            conversation: baggage
                .find_map(|(_, value)| conversation_in_baggage(value))
                .map(Arc::from),
            traceparent: traceparent
                .find_map(|(_, value)| IncomingTrace::from_traceparent(value))
                .map(Arc::new),
            trace: IncomingTrace::from_headers(headers.iter().copied()).map(Arc::new),
        }
    }

    /// Reads the variables `SENTRY_TRACE` and `SENTRY_BAGGAGE`, unless `SENTRY_USE_ENVIRONMENT` is switched off.
    pub(crate) fn from_env() -> Self {
        let variable = |name| env::var(name).unwrap_or_default();
        let is_off = ["false", "no", "off", "n", "0"]
            .contains(&&*variable(USE_ENVIRONMENT).to_ascii_lowercase());
        if is_off {
            return Self::default();
        }
        Self::from_headers(CARRIERS.map(|(header, name)| (header, variable(name))))
    }

    pub(crate) fn trace(&self) -> Option<&IncomingTrace> {
        self.trace.as_deref()
    }

    pub(crate) fn traceparent(&self) -> Option<&IncomingTrace> {
        self.traceparent.as_deref()
    }

    pub(crate) fn conversation(&self) -> Option<&Arc<str>> {
        self.conversation.as_ref()
    }

    /// Runs a future as part of the trace.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(future, self.context())
    }

    /// Runs a closure as part of the trace.
    pub fn in_scope<R>(self, run: impl FnOnce() -> R) -> R {
        let _entered = self.context().enter();
        run()
    }

    fn context(self) -> AmbientContext {
        AmbientContext {
            request: Some(self),
            ..AmbientContext::default()
        }
    }
}

/// Returns the headers `sentry-trace` and `baggage`, with which another service continues the trace of the current span. Empty
/// outside of a span, and without a bridge. In a trace that is not sampled, they say so. With
/// [`Options::with_traceparent`](crate::Options::with_traceparent), `traceparent` is among them.
///
/// `baggage` also carries the conversation, unless
/// [`Options::with_conversation_propagation`](crate::Options::with_conversation_propagation) is off. Do not send these headers to
/// services that should not learn the conversation's id, such as model providers.
///
/// Calling this freezes the trace's dynamic sampling context.
///
/// ```
/// # struct RequestBuilder;
/// # impl RequestBuilder { fn header(self, _: &str, _: String) -> Self { self } }
/// use sentry_genai::propagation::outgoing_headers;
///
/// fn with_trace(mut request: RequestBuilder) -> RequestBuilder {
///     for (name, value) in outgoing_headers() {
///         request = request.header(name, value);
///     }
///     request
/// }
/// ```
#[must_use]
pub fn outgoing_headers() -> Vec<(&'static str, String)> {
    let Some((local, span_id)) = current::trace() else {
        return Vec::new();
    };
    let trace = local.segment.trace();
    let mut baggage = Baggage::default();
    baggage.add_members(&trace.baggage_header());
    if local.handle.propagates_conversations()
        && let Some(id) = current::conversation()
    {
        baggage.add_conversation(&id);
    }
    let mut headers = vec![("sentry-trace", trace.sentry_trace_header(span_id))];
    if local.handle.propagates_traceparent() {
        headers.push(("traceparent", trace.traceparent_header(span_id)));
    }
    headers.extend(baggage.into_header().map(|value| ("baggage", value)));
    headers
}

/// Returns the environment variables `SENTRY_TRACE` and `SENTRY_BAGGAGE`, with which a program that the current span starts
/// continues its trace. They have the values of [`outgoing_headers`]. Empty outside of a span.
///
/// Programs with this crate, or with Sentry's SDKs for Python or JavaScript, read these variables when Sentry is initialised. In
/// this crate they apply to spans that have no parent and do not belong to an [incoming request](IncomingContext), such as all
/// that a command does, or a server that is spoken to over standard input and output. With `SENTRY_USE_ENVIRONMENT=false` they
/// are ignored.
///
/// ```no_run
/// use std::process::Command;
///
/// use sentry_genai::propagation::outgoing_env;
///
/// #[tracing::instrument(fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "search"))]
/// fn search() -> std::io::Result<std::process::Output> {
///     Command::new("search-tool").envs(outgoing_env()).output()
/// }
/// ```
#[must_use]
pub fn outgoing_env() -> Vec<(&'static str, String)> {
    let variable_of = |header| {
        let mut carriers = CARRIERS.into_iter();
        carriers.find_map(|(name, variable)| (name == header).then_some(variable))
    };
    let headers = outgoing_headers().into_iter();
    let variables = headers.filter_map(|(header, value)| Some((variable_of(header)?, value)));
    variables.collect()
}
