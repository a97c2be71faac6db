//! Requests that are refused, as a whole or in part, and not because too much waits. Many exporters show no more of such an answer
//! than its status.

use std::{
    borrow::Cow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use tonic::{Code, Status};

use super::Service;

/// How many characters of a path, and of a reason, are kept.
const MAX_CHARS: usize = 200;

/// How many requests were refused, and which was the latest.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: AtomicU64,
    last: Mutex<Option<String>>,
}

/// What an answer says in its body about what was refused.
#[derive(Clone)]
pub(super) struct Reason(pub(super) Cow<'static, str>);

impl Refusals {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn last(&self) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn add(&self, refusal: String) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a request of an exporter if any of it is refused.
pub(super) async fn record(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if let Some(refusal) = describe(&response) {
        let path = shorten(uri.path());
        let refusal = shorten(&refusal);
        service.0.refusals.add(format!("POST {path}: {refusal}"));
    }
    response
}

/// Returns the status of a refusal and its reason. Answers that say that there is no room are not meant.
fn describe(response: &Response) -> Option<String> {
    // The status of a gRPC call that is refused is in the headers, as no message precedes it.
    if let Some(status) = Status::from_header_map(response.headers()) {
        return match status.code() {
            Code::Ok | Code::Unavailable => None,
            code => Some(format!("{code:?}: {}", status.message())),
        };
    }
    let Reason(reason) = response.extensions().get()?;
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => None,
        status => Some(format!("{}: {reason}", status.as_u16())),
    }
}

/// Returns the beginning of a text, on one line.
fn shorten(text: &str) -> String {
    let is_printable = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(MAX_CHARS).map(is_printable).collect()
}
