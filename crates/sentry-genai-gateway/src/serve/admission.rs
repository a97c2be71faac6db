//! Limits how many bytes of requests are read at a time, so that many large requests at once do not exhaust the memory.

use std::{borrow::Cow, future::poll_fn, mem, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{Request, State},
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
    http::{Encoding, MAX_REQUEST_BYTES, RETRY_SECONDS, RequestError, capacity_error},
    refusals::Reason,
};

/// How long a request waits for its turn. Exporters give up after ten seconds.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The number of bytes per permit of the semaphore: permits are counted in 32 bits.
const BYTES_PER_PERMIT: usize = 1024;

/// The room for a request that does not announce its length, until it needs more.
const FIRST_ROOM: usize = 256 * 1024;

/// Room for the bodies of requests, from before they are received until they are answered.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<Semaphore>);

impl Admission {
    /// Creates room for `max_bytes`, and in any case for one request of the maximum size.
    pub(super) fn new(max_bytes: usize) -> Self {
        let permits = permits_for(max_bytes.max(MAX_REQUEST_BYTES));
        Self(Arc::new(Semaphore::new(permits as usize)))
    }

    /// Waits until there is room for `bytes`. Fails if there is none in time.
    async fn admit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, RequestError> {
        let permits = Arc::clone(&self.0).acquire_many_owned(permits_for(bytes));
        match timeout(ADMISSION_TIMEOUT, permits).await {
            Ok(Ok(permits)) => Ok(permits),
            _ => Err(capacity_error(NoRoom::Now)),
        }
    }
}

fn permits_for(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_PERMIT)).unwrap_or(u32::MAX)
}

const TOO_LARGE: RequestError = (
    StatusCode::PAYLOAD_TOO_LARGE,
    Cow::Borrowed("the request is too large"),
);
const TOO_SLOW: RequestError = (
    StatusCode::REQUEST_TIMEOUT,
    Cow::Borrowed("the request did not arrive in time"),
);

const BROKEN_OFF: RequestError = (
    StatusCode::BAD_REQUEST,
    Cow::Borrowed("the request was broken off"),
);

/// Receives the whole body of a request once there is room for it, and only then passes the request on.
pub(super) async fn receive(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = Incoming::new(body);
    let received = timeout(
        BODY_TIMEOUT,
        receive_body(&service, &parts.headers, &mut body),
    )
    .await;
    // The permits are held until the request has been answered.
    let _permits = match received {
        Ok(Ok(permits)) => permits,
        // Hardly anyone waits for the answer, and nothing was refused.
        Ok(Err(error)) if error == BROKEN_OFF => return error.into_response(),
        Ok(Err(error)) => {
            // A client that is still sending might not read an answer until its request has been received.
            let _ = timeout(BODY_TIMEOUT, body.discard()).await;
            return error_response(&parts.headers, error);
        }
        Err(_) => return error_response(&parts.headers, TOO_SLOW),
    };
    let body = Body::from(body.received);
    next.run(Request::from_parts(parts, body)).await
}

/// Room for a body.
struct Room<'s> {
    admission: &'s Admission,
    permits: OwnedSemaphorePermit,
    size: usize,
    /// The size that the body must not exceed: the announced one if there is any.
    max_size: usize,
}

/// Waits until there is room for a body.
async fn admit<'s>(
    service: &'s Service,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Room<'s>, RequestError> {
    let announced = match body.body.size_hint().exact() {
        Some(size) => Some(usize::try_from(size).unwrap_or(usize::MAX)),
        None if is_rpc(headers) => Some(body.receive_rpc_size().await?),
        None => None,
    };
    if announced.is_some_and(|size| size > MAX_REQUEST_BYTES) {
        return Err(TOO_LARGE);
    }
    if service.is_full() {
        return Err(capacity_error(NoRoom::Now));
    }
    let admission = &service.0.admission;
    let size = announced.unwrap_or(FIRST_ROOM);
    Ok(Room {
        permits: admission.admit(size).await?,
        admission,
        size,
        max_size: announced.unwrap_or(MAX_REQUEST_BYTES),
    })
}

/// Receives a body once there is room for it. Returns the permits for it.
async fn receive_body(
    service: &Service,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<OwnedSemaphorePermit, RequestError> {
    let mut room = admit(service, headers, body).await?;
    loop {
        let rest = room.size.saturating_sub(body.received.len());
        body.received.reserve_exact(rest);
        while body.received.len() <= room.size {
            if !body.receive_frame().await? {
                let used = permits_for(body.received.len()) as usize;
                let unused = room.permits.num_permits().saturating_sub(used);
                drop(room.permits.split(unused));
                return Ok(room.permits);
            }
        }
        room.grow().await?;
    }
}

impl Room<'_> {
    /// Doubles the size, as far as the body may have more. If requests wait for the room of each other, some are refused, and
    /// exporters send them again.
    async fn grow(&mut self) -> Result<(), RequestError> {
        let size = (2 * self.size).min(self.max_size);
        if size == self.size {
            return Err(TOO_LARGE);
        }
        let more = self.admission.admit(size - self.size).await?;
        self.permits.merge(more);
        self.size = size;
        Ok(())
    }
}

/// The body of a request, and what has been received of it.
struct Incoming {
    body: Body,
    received: Vec<u8>,
}

impl Incoming {
    fn new(body: Body) -> Self {
        Self {
            body,
            received: Vec::new(),
        }
    }

    /// Receives the start of a gRPC request, which tells the length of its only message, and returns the size of the body.
    async fn receive_rpc_size(&mut self) -> Result<usize, RequestError> {
        loop {
            if let Some(prefix @ [_compressed, length @ ..]) = self.received.first_chunk::<5>() {
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                return Ok(length.saturating_add(prefix.len()));
            }
            if !self.receive_frame().await? {
                return Ok(self.received.len());
            }
        }
    }

    /// Receives the next piece of the body. Returns whether there was any.
    async fn receive_frame(&mut self) -> Result<bool, RequestError> {
        match next_frame(&mut self.body).await {
            Some(Ok(data)) => {
                self.received.extend_from_slice(&data);
                Ok(true)
            }
            Some(Err(_)) => Err(BROKEN_OFF),
            None => Ok(false),
        }
    }

    async fn discard(mut self) {
        // Nothing is admitted for it any more.
        drop(mem::take(&mut self.received));
        while let Some(Ok(_)) = next_frame(&mut self.body).await {}
    }
}

/// Returns the data of the next frame; trailers have none.
async fn next_frame(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

fn is_rpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    content_type.is_some_and(|it| it.starts_with(b"application/grpc"))
}

/// Answers a request that is refused, in the protocol that it uses.
pub(super) fn error_response(headers: &HeaderMap, error: RequestError) -> Response {
    if is_rpc(headers) {
        return rpc_status(error).into_http();
    }
    let (status, message) = error;
    let reason = Reason(message.clone());
    let mut response = match Encoding::of(headers) {
        Some(encoding) => encoding.error_response(status, message),
        None => (status, message).into_response(),
    };
    response.extensions_mut().insert(reason);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            ([(RETRY_AFTER, RETRY_SECONDS)], response).into_response()
        }
        _ => response,
    }
}

/// Converts an HTTP status to a gRPC status.
pub(super) fn rpc_status((status, message): RequestError) -> Status {
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        _ => Code::InvalidArgument,
    };
    Status::new(code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_the_room_of_others_but_not_for_long() {
        let admission = Admission::new(0);
        let half = admission.admit(MAX_REQUEST_BYTES / 2).await.unwrap();
        let mut room = Room {
            permits: admission.admit(MAX_REQUEST_BYTES / 4).await.unwrap(),
            admission: &admission,
            size: MAX_REQUEST_BYTES / 4,
            max_size: MAX_REQUEST_BYTES,
        };
        room.grow().await.unwrap();
        let (status, _) = admission.admit(1).await.unwrap_err();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let (later, ()) = tokio::join!(admission.admit(MAX_REQUEST_BYTES / 2), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(half);
        });
        assert!(later.is_ok());
    }

    /// They give up after ten seconds.
    #[test]
    fn exporters_make_several_attempts_while_the_service_is_full() {
        let answer = error_response(&HeaderMap::new(), capacity_error(NoRoom::Now));
        let pause = answer.headers()[RETRY_AFTER].to_str().unwrap();
        assert!(3 * pause.parse::<u64>().unwrap() < 10, "{pause}");
    }

    /// OTLP's exporters do not repeat a request whose arguments were invalid.
    #[test]
    fn a_slow_request_may_be_repeated() {
        assert_eq!(rpc_status(TOO_SLOW).code(), Code::DeadlineExceeded);
    }
}
