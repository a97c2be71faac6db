//! OTLP over HTTP, as OpenTelemetry specifies it.

use std::{borrow::Cow, io::Read};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    middleware,
    response::{IntoResponse, Response},
    routing::post,
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use prost::Message;
use serde_json::json;

use super::{
    NoRoom, Service, admission, grpc, health,
    refusals::{self, Reason},
};
use crate::{Request, otlp_json, otlp_protobuf};

/// The maximum size of a request as received.
pub(super) const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// The maximum size of a request after decompression.
const MAX_CONTENT_BYTES: usize = 64 * 1024 * 1024;

/// The number of seconds after which exporters try again while the service is full. They give up after ten.
pub(super) const RETRY_SECONDS: &str = "3";

/// Returns a router that serves exporters and reports the service's health.
///
/// It accepts `/v1/traces`, `/v1/logs` and `/v1/metrics` over HTTP, as protobuf or JSON, plain or compressed, and the same calls
/// over gRPC. The paths may be below another one, and exporters that know no path use `/`. Metrics are accepted but not read.
/// `/health` reports the state of the service as JSON, and `/metrics` as Prometheus reads it.
pub fn router(service: Service) -> Router {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/logs", post(logs))
        .route("/v1/metrics", post(metrics))
        .merge(grpc::routes())
        .fallback(elsewhere)
        .layer(middleware::from_fn_with_state(
            service.clone(),
            admission::receive,
        ))
        .layer(middleware::from_fn_with_state(
            service.clone(),
            refusals::record,
        ))
        .merge(health::routes())
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(service)
}

async fn traces(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    export(service, headers, body, "rejectedSpans").await
}

async fn logs(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    export(service, headers, body, "rejectedLogRecords").await
}

/// Serves exporters whose endpoint is not quite right, such as one from `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` without a path. What a
/// request holds tells the signal.
async fn elsewhere(
    State(service): State<Service>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_end_matches('/');
    let is_near = ["/v1/traces", "/v1/logs", "/v1/metrics"]
        .iter()
        .any(|known| path.ends_with(known));
    if method == Method::POST && (path.is_empty() || is_near) {
        return export(service, headers, body, "rejectedSpans").await;
    }
    let message = "OTLP is received at POST /v1/traces and /v1/logs";
    admission::error_response(&headers, (StatusCode::NOT_FOUND, message.into()))
}

/// Programs that send other signals to the same address need not hear that they are not wanted.
async fn metrics(headers: HeaderMap) -> Response {
    match Encoding::of(&headers) {
        Some(encoding) => encoding.success_response(&ExportResponse::default(), ""),
        None => admission::error_response(&headers, UNKNOWN_MEDIA_TYPE),
    }
}

async fn export(service: Service, headers: HeaderMap, body: Bytes, rejected: &str) -> Response {
    let Some(encoding) = Encoding::of(&headers) else {
        return admission::error_response(&headers, UNKNOWN_MEDIA_TYPE);
    };
    // Decompressing and reading megabytes takes milliseconds, which must not delay the answers to others.
    let read = {
        let headers = headers.clone();
        tokio::task::spawn_blocking(move || {
            let max_bytes = service.0.max_bytes.min(MAX_CONTENT_BYTES);
            ingest(&service, encoding, &content(&headers, body, max_bytes)?)
        })
    };
    match read.await {
        Ok(Ok(accepted)) => encoding.success_response(&accepted, rejected),
        Ok(Err(error)) => admission::error_response(&headers, error),
        Err(_) => admission::error_response(&headers, UNEXPECTED),
    }
}

/// Why a request is refused.
pub(super) type RequestError = (StatusCode, Cow<'static, str>);

/// Reading has panicked.
const UNEXPECTED: RequestError = (
    StatusCode::INTERNAL_SERVER_ERROR,
    Cow::Borrowed("the request could not be read"),
);

const UNKNOWN_MEDIA_TYPE: RequestError = (
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    Cow::Borrowed("expected the content type application/x-protobuf or application/json"),
);

/// The encoding of a request, and of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let given = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = given.split(';').next().unwrap_or_default().trim();
        match &*media_type.to_ascii_lowercase() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn respond(
        self,
        status: StatusCode,
        protobuf: &impl Message,
        json: &serde_json::Value,
    ) -> Response {
        match self {
            Self::Protobuf => {
                let body = protobuf.encode_to_vec();
                (status, [(CONTENT_TYPE, "application/x-protobuf")], body).into_response()
            }
            Self::Json => (status, Json(json)).into_response(),
        }
    }

    fn success_response(self, accepted: &ExportResponse, rejected: &str) -> Response {
        let json = match &accepted.partial_success {
            Some(partial) => json!({"partialSuccess": {
                rejected: partial.rejected.to_string(), "errorMessage": partial.error_message,
            }}),
            None => json!({}),
        };
        let mut response = self.respond(StatusCode::OK, accepted, &json);
        if let Some(reason) = accepted.reason() {
            response.extensions_mut().insert(reason);
        }
        response
    }

    pub(super) fn error_response(self, status: StatusCode, message: Cow<'_, str>) -> Response {
        let message = message.into_owned();
        let json = json!({"message": message});
        self.respond(status, &RpcStatus { code: 0, message }, &json)
    }
}

/// Returns the decompressed body of a request, or the status and reason for refusing it.
fn content(headers: &HeaderMap, body: Bytes, max_bytes: usize) -> Result<Bytes, RequestError> {
    let encoding = headers.get(CONTENT_ENCODING);
    // The names are case-insensitive.
    let encoding = encoding.map(|it| it.as_bytes().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some(b"" | b"identity") => Ok(body),
        Some(b"gzip") => decompress(MultiGzDecoder::new(&*body), body.len(), max_bytes),
        // By HTTP's definition, this is zlib's format.
        Some(b"deflate") => decompress(ZlibDecoder::new(&*body), body.len(), max_bytes),
        Some(_) => Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "expected no content encoding, gzip or deflate".into(),
        )),
    }
}

fn decompress(
    decoder: impl Read,
    compressed: usize,
    max_bytes: usize,
) -> Result<Bytes, RequestError> {
    let mut content = Vec::with_capacity((compressed * 4).min(max_bytes));
    let mut limited = decoder.take(max_bytes as u64 + 1);
    match limited.read_to_end(&mut content) {
        Err(_) => Err((
            StatusCode::BAD_REQUEST,
            "the body is not what its content encoding says".into(),
        )),
        Ok(length) if length > max_bytes => Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            "the decompressed body is too large".into(),
        )),
        Ok(_) => Ok(content.into()),
    }
}

/// Hands over what can be read of a request. Fails if nothing of it can be read, or if there is no room for it.
pub(super) fn ingest(
    service: &Service,
    encoding: Encoding,
    content: &[u8],
) -> Result<ExportResponse, RequestError> {
    // The request may have waited while others were read.
    if service.is_full() {
        return Err(capacity_error(NoRoom::Now));
    }
    let (mut requests, mut first, mut rejected) = (Vec::new(), None, 0);
    let mut partition = |read: Result<Request, String>| match read {
        Ok(request) if is_empty(&request) => {}
        Ok(request) => requests.push(request),
        Err(error) => {
            first.get_or_insert(error);
            rejected += 1;
        }
    };
    match encoding {
        Encoding::Protobuf => otlp_protobuf::requests(content)
            .for_each(|read| partition(read.map_err(|error| error.to_string()))),
        Encoding::Json => otlp_json::requests(&String::from_utf8_lossy(content))
            .for_each(|read| partition(read.map_err(|error| error.to_string()))),
    }
    match first {
        Some(error) if requests.is_empty() => Err((StatusCode::BAD_REQUEST, error.into())),
        first => {
            service.receive(requests).map_err(capacity_error)?;
            Ok(ExportResponse {
                partial_success: first.map(|error_message| PartialSuccess {
                    rejected,
                    error_message,
                }),
            })
        }
    }
}

/// Whether there is nothing in a request that the service needs.
fn is_empty(request: &Request) -> bool {
    match request {
        Request::Traces(spans) => spans.is_empty(),
        Request::Events(events) => events.is_empty(),
        Request::OtherSignal => true,
    }
}

/// Returns the status and message that refuse a request for want of room.
pub(super) fn capacity_error(reason: NoRoom) -> RequestError {
    let status = match reason {
        NoRoom::Now => StatusCode::SERVICE_UNAVAILABLE,
        NoRoom::Ever => StatusCode::PAYLOAD_TOO_LARGE,
    };
    (status, reason.to_string().into())
}

/// `ExportTraceServiceResponse`; the responses of other signals look the same.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

impl ExportResponse {
    /// Returns what is said about items that were rejected, if there were any.
    pub(super) fn reason(&self) -> Option<Reason> {
        let PartialSuccess {
            rejected,
            error_message,
        } = self.partial_success.as_ref()?;
        let reason = format!("{rejected} could not be read, the first because: {error_message}");
        Some(Reason(reason.into()))
    }
}

/// `ExportTracePartialSuccess`: at least this many spans could not be read.
#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}
