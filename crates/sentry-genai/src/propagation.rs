//! Traces that cross processes.

use std::{future::Future, sync::Arc};

use sentry_genai_delivery::IncomingTrace;

use crate::{
    scoped::{Scoped, Surroundings},
    state,
};

/// The trace that an incoming request belongs to.
///
/// A span that is started inside, and has no parent in this process, continues the trace with the decision whether it is sent,
/// as far as the client's sampling options follow it.
///
/// ```
/// # async fn handle() {}
/// # async fn serve(headers: &[(&str, &str)]) {
/// use sentry_genai::propagation::IncomingContext;
///
/// IncomingContext::from_headers(headers.iter().copied()).scope(handle()).await;
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it has no effect until something runs in its scope"]
pub struct IncomingContext(Option<Arc<IncomingTrace>>);

impl IncomingContext {
    /// Reads the headers `sentry-trace` and `baggage`, in any case; others are ignored. Without a valid `sentry-trace`
    /// there is nothing to continue, and spans start traces of their own.
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(IncomingTrace::from_headers(headers).map(Arc::new))
    }

    /// Runs a future as part of the trace.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(future, self.surroundings())
    }

    /// Runs a closure as part of the trace.
    pub fn in_scope<R>(self, run: impl FnOnce() -> R) -> R {
        let _entered = self.surroundings().enter();
        run()
    }

    fn surroundings(self) -> Surroundings {
        Surroundings {
            conversation: None,
            incoming: self.0,
        }
    }
}

/// Returns the headers that let another service continue the current span's trace: `sentry-trace` and `baggage`. Empty
/// outside of a span.
///
/// Asking for them settles what the trace's sampling context says.
#[must_use]
pub fn outgoing_headers() -> Vec<(&'static str, String)> {
    let Some((local, span_id)) = state::current_trace() else {
        return Vec::new();
    };
    let trace = local.segment.trace();
    let baggage = trace.baggage_header();
    let mut headers = vec![("sentry-trace", trace.sentry_trace_header(span_id))];
    if !baggage.is_empty() {
        headers.push(("baggage", baggage));
    }
    headers
}
