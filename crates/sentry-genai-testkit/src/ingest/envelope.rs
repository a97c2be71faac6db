//! A received envelope and its items.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{checks, framing, span_container, strict_json, violations::Violations};
use crate::ReceivedSpan;

/// One request to the envelope endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedEnvelope {
    /// The project id in the request's path.
    pub project: String,
    /// The HTTP headers of the request, names in lower case.
    pub http_headers: BTreeMap<String, String>,
    /// The envelope header; null if it could not be read.
    pub header: Value,
    /// The items that could be read.
    pub items: Vec<ReceivedItem>,
    /// The body after decompression.
    pub bytes: Vec<u8>,
    /// The violations of the protocol, one readable line each. The ingest rejected the envelope unless this is empty.
    pub violations: Vec<String>,
    /// The status of the answer; `None` if a [fault](crate::Fault) left the request unanswered.
    pub status: Option<u16>,
}

impl ReceivedEnvelope {
    /// Reads a request strictly.
    pub(super) fn read(
        project: String,
        http_headers: BTreeMap<String, String>,
        body: Vec<u8>,
    ) -> Self {
        let mut violations = Violations::default();
        let bytes = match checks::decompress(&http_headers, body) {
            Ok(bytes) => bytes,
            Err((error, body)) => {
                violations.add("request", error);
                body
            }
        };
        let (header, items) = framing::split(&bytes, &mut violations);
        checks::check(&http_headers, &header, &items, &mut violations);
        span_container::check(&header, &items, &mut violations);
        Self {
            project,
            http_headers,
            header,
            items,
            bytes,
            violations: violations.into_lines(),
            status: None,
        }
    }

    /// Returns whether the envelope follows the protocol.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.violations.is_empty()
    }

    /// Returns whether the envelope follows the protocol and was answered with success.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.is_valid() && self.status.is_some_and(|it| (200..300).contains(&it))
    }

    /// Returns the trace and span ids of all spans, in containers and in transactions, cut to 64 bits.
    pub(super) fn span_ids(&self) -> impl Iterator<Item = (u64, u64)> {
        let transactions = (self.items.iter())
            .filter(|item| item.kind() == Some("transaction"))
            .filter_map(|item| item.payload.as_ref());
        let inner = transactions.flat_map(|payload| {
            let root = payload.pointer("/contexts/trace");
            let children = payload.get("spans").and_then(Value::as_array);
            root.into_iter().chain(children.into_iter().flatten())
        });
        self.streamed_spans().chain(inner).filter_map(|span| {
            let id = |key: &str| {
                let digits = span.get(key)?.as_str()?.get(..16)?;
                u64::from_str_radix(digits, 16).ok()
            };
            Some((id("trace_id")?, id("span_id")?))
        })
    }

    /// Returns the value of an HTTP header of the request. `name` is in lower case.
    #[must_use]
    pub fn http_header(&self, name: &str) -> Option<&str> {
        self.http_headers.get(name).map(String::as_str)
    }

    /// Returns the dynamic sampling context of the envelope header.
    #[must_use]
    pub fn trace(&self) -> Option<&Value> {
        self.header.get("trace")
    }

    /// Returns the spans of the span containers in this envelope.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        let spans = self.streamed_spans();
        spans.filter_map(ReceivedSpan::from_json).collect()
    }

    /// Returns the entries of the span containers.
    pub(super) fn streamed_spans(&self) -> impl Iterator<Item = &Value> {
        let containers = self.items.iter().filter(|item| item.is_span_container());
        containers.flat_map(ReceivedItem::contained)
    }
}

/// One item of an envelope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedItem {
    /// The item header.
    pub header: Value,
    /// The payload, if the item's type has a JSON payload and it parsed.
    pub payload: Option<Value>,
    /// The payload as received.
    pub bytes: Vec<u8>,
}

impl ReceivedItem {
    pub(super) fn new(header: Value, bytes: Vec<u8>) -> Self {
        let is_json = header
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(framing::is_json);
        let payload = if is_json {
            strict_json::parse(&bytes).ok()
        } else {
            None
        };
        Self {
            header,
            payload,
            bytes,
        }
    }

    /// Returns the item's type, such as `span` or `event`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.header.get("type").and_then(Value::as_str)
    }

    /// Returns whether the item is a container of streamed spans (span protocol v2).
    #[must_use]
    pub fn is_span_container(&self) -> bool {
        self.kind() == Some("span")
            && self.header.get("content_type").and_then(Value::as_str)
                == Some(span_container::CONTENT_TYPE)
    }

    /// Returns the entries of a container of spans, logs or metrics; nothing for other items.
    pub fn contained(&self) -> impl Iterator<Item = &Value> {
        self.payload
            .as_ref()
            .and_then(|payload| payload.get("items"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }
}
