//! OTLP over gRPC.

use std::{future::Future, pin::Pin};

use axum::{
    Router,
    body::Bytes,
    extract::{Request as HttpRequest, State},
    response::{IntoResponse, Response},
    routing::post,
};
use prost::{Message as _, bytes::Buf as _};
use tonic::{
    Status,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, UnaryService},
};

use super::{
    Service,
    admission::rpc_status,
    http::{Encoding, ExportResponse, MAX_REQUEST_BYTES, ingest},
};

/// Returns the routes of the calls that exporters make.
pub(super) fn routes() -> Router<Service> {
    let path = |signal: &str, service: &str| {
        format!("/opentelemetry.proto.collector.{signal}.v1.{service}/Export")
    };
    Router::new()
        .route(&path("trace", "TraceService"), post(export))
        .route(&path("logs", "LogsService"), post(export))
        .route(&path("metrics", "MetricsService"), post(ignore_export))
}

async fn export(State(service): State<Service>, request: HttpRequest) -> Response {
    unary(Export(Some(service)), request).await
}

async fn ignore_export(request: HttpRequest) -> Response {
    unary(Export(None), request).await
}

async fn unary(export: Export, request: HttpRequest) -> Response {
    let mut grpc = Grpc::new(RawCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Deflate)
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    grpc.unary(export, request).await.into_response()
}

/// The call `Export`; without a service, its request is not read.
struct Export(Option<Service>);

impl UnaryService<Bytes> for Export {
    type Response = ExportResponse;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<ExportResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let Some(service) = service else {
                return Ok(tonic::Response::new(ExportResponse::default()));
            };
            let content = request.into_inner();
            let read =
                tokio::task::spawn_blocking(move || ingest(&service, Encoding::Protobuf, &content));
            match read.await {
                Ok(Ok(accepted)) => {
                    let reason = accepted.reason();
                    let mut response = tonic::Response::new(accepted);
                    if let Some(reason) = reason {
                        response.extensions_mut().insert(reason);
                    }
                    Ok(response)
                }
                Ok(Err(error)) => Err(rpc_status(error)),
                Err(_) => Err(Status::internal("the request could not be read")),
            }
        })
    }
}

/// A codec that leaves messages as bytes: more can be read of them than only those messages that are valid as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = ExportResponse;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

impl Encoder for RawCodec {
    type Item = ExportResponse;
    type Error = Status;

    fn encode(&mut self, item: ExportResponse, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(target)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
