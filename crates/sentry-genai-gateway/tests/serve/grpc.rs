//! OTLP over gRPC, as a client speaks it.

use prost::bytes::Buf as _;
use tokio::runtime::Runtime;
use tonic::{
    Code, Status,
    client::Grpc,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::{
        http::uri::PathAndQuery,
        tokio_stream::{self, StreamExt as _},
    },
    transport::{Channel, Endpoint},
};

use crate::*;

/// A codec that sends and receives bytes.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(target, &item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining()).to_vec()))
    }
}

/// Calls `Export` of a signal's service.
fn export(running: &Running, service: &'static str, body: Vec<u8>) -> Result<Vec<u8>, Status> {
    export_compressed(running, CompressionEncoding::Gzip, service, body)
}

fn export_compressed(
    running: &Running,
    compression: CompressionEncoding,
    service: &'static str,
    body: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    runtime().block_on(async {
        let mut client = connect(running).await.send_compressed(compression);
        let path = PathAndQuery::from_static(service);
        let response = client.unary(tonic::Request::new(body), path, Bytes).await?;
        Ok(response.into_inner())
    })
}

async fn connect(running: &Running) -> Grpc<Channel> {
    let endpoint = Endpoint::from_shared(running.url("")).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut client = Grpc::new(channel).send_compressed(CompressionEncoding::Gzip);
    client.ready().await.unwrap();
    client
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

#[test]
fn sentry_receives_what_translate_writes() {
    let file = corpus("otlp-protobuf/google-adk/agent-tool.latest.pb");
    let expected = translated(&file);
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--pii", "--gather", "0.3"]);
    let body = fs::read(&file).unwrap();
    assert_eq!(export(&running, TRACES, body.clone()).unwrap(), [0; 0]);
    let spans = ingest.wait_for_spans(expected.len(), PATIENCE);
    assert_eq!(spans.iter().map(summary).collect::<BTreeSet<_>>(), expected);

    // Python's exporter can be told to compress like this.
    let received = expected.len() * 2;
    let deflate = CompressionEncoding::Deflate;
    assert_eq!(
        export_compressed(&running, deflate, TRACES, body).unwrap(),
        [0; 0]
    );
    running.wait_for(|health| health["received"] == received);
}

#[test]
fn unreadable_requests_are_invalid_arguments() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &[]);
    let refused = export(&running, TRACES, b"\x0a\xffno".to_vec()).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    assert_eq!(
        export(&running, metrics, b"\x0a\x00".to_vec()).unwrap(),
        [0; 0]
    );
    let unknown = export(&running, "/grpc.health.v1.Health/Check", Vec::new()).unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented, "{unknown}");
}

#[test]
fn a_refusal_for_its_size_says_so_and_one_for_now_can_be_repeated() {
    let ingest = Ingest::start().unwrap();
    ingest.always(Fault::none().with_delay(PATIENCE));
    let running = Running::start(&ingest, &["--max-memory", "1"]);
    let text = "word ".repeat(6_000);
    let refusal = (1..=u8::MAX).find_map(|number| {
        let spans = [span(number, 1, None, "work", &json!({"app.note": text}))];
        let body = request("shop", &spans).to_string();
        let headers = [("content-type", "application/json")];
        running.post("/v1/traces", &headers, body.as_bytes());
        export(&running, TRACES, Vec::new()).err()
    });
    assert_eq!(refusal.unwrap().code(), Code::Unavailable);
    assert_eq!(running.health()["refused_requests"], 0);
    let too_much = export(&running, TRACES, noise(17 * 1024 * 1024)).unwrap_err();
    assert_eq!(too_much.code(), Code::ResourceExhausted, "{too_much}");
}

/// Returns bytes that cannot be compressed.
fn noise(count: usize) -> Vec<u8> {
    let numbers = std::iter::successors(Some(1_u32), |it| {
        Some(it.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    numbers
        .map(|number| (number >> 24) as u8)
        .take(count)
        .collect()
}

#[test]
fn clients_that_hang_delay_no_others() {
    let ingest = Ingest::start().unwrap();
    let running = Running::start(&ingest, &["--max-memory", "16"]);
    let runtime = runtime();
    for _ in 0..8 {
        let mut client = runtime.block_on(connect(&running));
        runtime.spawn(async move {
            // A message, and then neither another one nor the end of the request.
            let endless = tokio_stream::once(vec![0; 1024]).chain(tokio_stream::pending());
            let path = PathAndQuery::from_static(TRACES);
            client
                .client_streaming(tonic::Request::new(endless), path, Bytes)
                .await
                .map(|_| ())
        });
    }
    // Let them send what they send.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(300)).await });
    assert_eq!(export(&running, TRACES, Vec::new()).unwrap(), [0; 0]);
}
