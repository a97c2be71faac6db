//! Limits how many bytes of requests are read at a time, so that many large requests at once do not exhaust the memory.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{FromRequest as _, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tonic::{Code, Status};

use super::{
    NoRoom, Service,
    http::{Encoding, MAX_REQUEST_BYTES, RETRY_SECONDS, capacity_error},
};

/// How long a request waits for its turn. Exporters give up after ten seconds.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The number of bytes per permit of the semaphore: permits are counted in 32 bits.
const BYTES_PER_PERMIT: usize = 1024;

/// Room for the bodies of requests, from before they are received until they are answered.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<Semaphore>);

impl Admission {
    /// Creates room for `max_bytes`, and in any case for one request of the maximum size.
    pub(super) fn new(max_bytes: usize) -> Self {
        let permits = permits_for(max_bytes.max(MAX_REQUEST_BYTES));
        Self(Arc::new(Semaphore::new(permits as usize)))
    }

    /// Waits until there is room for `bytes`; `None` if there is none in time.
    async fn admit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.0).acquire_many_owned(permits_for(bytes));
        timeout(ADMISSION_TIMEOUT, permits).await.ok()?.ok()
    }
}

fn permits_for(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_PERMIT)).unwrap_or(u32::MAX)
}

const TOO_LARGE: &str = "the request is too large";

/// Receives the whole body of a request once there is room for it, and only then passes the request on.
pub(super) async fn receive(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    // A request without a length may be as large as the maximum.
    let size = request.body().size_hint().exact();
    let size = size.map_or(MAX_REQUEST_BYTES, |bytes| {
        usize::try_from(bytes).unwrap_or(usize::MAX)
    });
    let admitted = if size > MAX_REQUEST_BYTES {
        Err((StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE.into()))
    } else if service.is_full() {
        Err(capacity_error(NoRoom::Now))
    } else {
        let permits = service.0.admission.admit(size).await;
        permits.ok_or_else(|| capacity_error(NoRoom::Now))
    };
    let mut permits = match admitted {
        Ok(permits) => permits,
        Err((status, message)) => {
            let response = error_response(request.headers(), status, &message);
            // A client that is still sending might not read an answer until its request has been received.
            let _ = timeout(BODY_TIMEOUT, discard(request.into_body())).await;
            return response;
        }
    };
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let body = match timeout(BODY_TIMEOUT, Bytes::from_request(whole, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) => {
            return error_response(&parts.headers, rejection.status(), &rejection.body_text());
        }
        Err(_) => {
            let message = "the request did not arrive in time";
            return error_response(&parts.headers, StatusCode::REQUEST_TIMEOUT, message);
        }
    };
    let used = permits_for(body.len()) as usize;
    drop(permits.split(permits.num_permits().saturating_sub(used)));
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// Answers a request that is refused, in the protocol that it uses.
pub(super) fn error_response(headers: &HeaderMap, status: StatusCode, message: &str) -> Response {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|it| it.starts_with(b"application/grpc")) {
        return rpc_status(status, message).into_http();
    }
    let response = match Encoding::of(headers) {
        Some(encoding) => encoding.error_response(status, message),
        None => (status, message.to_owned()).into_response(),
    };
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            ([(RETRY_AFTER, RETRY_SECONDS)], response).into_response()
        }
        _ => response,
    }
}

/// Converts an HTTP status to a gRPC status.
pub(super) fn rpc_status(status: StatusCode, message: &str) -> Status {
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        _ => Code::InvalidArgument,
    };
    Status::new(code, message)
}

async fn discard(mut body: Body) {
    while let Some(Ok(_)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {}
}
