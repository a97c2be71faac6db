//! Evaluates what arrived, from the bytes that were sent.

use std::fmt;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
};
use prost::Message;
use serde_json::{Map, Value, json};

use crate::sink::Request;

/// The size, by the defaults in Relay's source, beyond which Sentry's servers reject an envelope with a transaction.
const MAX_TRANSACTION_BYTES: usize = 1024 * 1024;

/// Spans that arrived, and how many of them are right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) spans: u64,
    /// Spans in transactions larger than Sentry accepts.
    pub(crate) too_large: u64,
    /// Roots of the spans that arrived: more than there were, if spans lost their parents.
    pub(crate) roots: u64,
    pub(crate) ai: u64,
    /// AI spans whose op is `gen_ai.` and the operation.
    pub(crate) right_ops: u64,
    /// AI spans named after the operation and its model, agent or tool.
    pub(crate) right_names: u64,
    /// AI spans with a token count.
    pub(crate) counted: u64,
    /// AI spans whose token count is a number.
    pub(crate) typed: u64,
    /// Spans that client reports count as lost.
    pub(crate) reported_lost: u64,
    /// Bytes of all bodies, as they were on the wire.
    pub(crate) wire_bytes: u64,
}

/// The error for bytes that a server could not read.
#[derive(Debug)]
pub(crate) struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes sent cannot be read: {}", self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Arrivals {
    pub(crate) fn read(requests: &[Request]) -> Result<Self, Unreadable> {
        let mut arrivals = Self::default();
        for request in requests {
            arrivals.wire_bytes += request.wire_bytes as u64;
            if request.path.ends_with("/envelope/") {
                arrivals.envelope(&request.body)?;
            } else {
                arrivals.otlp(&request.body)?;
            }
        }
        Ok(arrivals)
    }

    fn envelope(&mut self, body: &[u8]) -> Result<(), Unreadable> {
        let (_, mut rest) = line(body);
        while !rest.is_empty() {
            let (header, after) = line(rest);
            if header.is_empty() {
                rest = after;
                continue;
            }
            let header: Value =
                serde_json::from_slice(header).map_err(|_| Unreadable("item header"))?;
            let (payload, after) = match header["length"].as_u64() {
                Some(length) => after
                    .split_at_checked(length as usize)
                    .ok_or(Unreadable("item length"))?,
                None => line(after),
            };
            rest = after;
            let item: Value = serde_json::from_slice(payload).map_err(|_| Unreadable("item"))?;
            match header["type"].as_str() {
                Some("span") => self.container(&item),
                Some("transaction") => self.transaction(&item, payload.len()),
                Some("client_report") => self.client_report(&item),
                _ => {}
            }
        }
        Ok(())
    }

    fn container(&mut self, container: &Value) {
        for span in elements(&container["items"]) {
            let attributes = span["attributes"].as_object().into_iter().flatten();
            let attributes: Map<_, _> = attributes
                .map(|(key, attribute)| (key.clone(), attribute["value"].clone()))
                .collect();
            let op = attributes.get("sentry.op").unwrap_or(&Value::Null);
            self.span(&span["parent_span_id"], op, &span["name"], &attributes);
        }
    }

    fn transaction(&mut self, transaction: &Value, bytes: usize) {
        let before = self.spans;
        let none = Map::new();
        let data = |span: &Value| span["data"].as_object().unwrap_or(&none).clone();
        let root = &transaction["contexts"]["trace"];
        let name = &transaction["transaction"];
        self.span(&root["parent_span_id"], &root["op"], name, &data(root));
        for span in elements(&transaction["spans"]) {
            let name = &span["description"];
            self.span(&span["parent_span_id"], &span["op"], name, &data(span));
        }
        if bytes > MAX_TRANSACTION_BYTES {
            self.too_large += self.spans - before;
        }
    }

    fn client_report(&mut self, report: &Value) {
        for loss in elements(&report["discarded_events"]) {
            if loss["category"] == "span" {
                self.reported_lost += loss["quantity"].as_u64().unwrap_or(0);
            }
        }
    }

    fn otlp(&mut self, body: &[u8]) -> Result<(), Unreadable> {
        let request = ExportTraceServiceRequest::decode(body).map_err(|_| Unreadable("OTLP"))?;
        let scopes = (request.resource_spans.iter()).flat_map(|resource| &resource.scope_spans);
        for span in scopes.flat_map(|scope| &scope.spans) {
            let attributes: Map<_, _> = (span.attributes.iter())
                .map(|attribute| (attribute.key.clone(), value(attribute)))
                .collect();
            let parent = match &span.parent_span_id[..] {
                [] => Value::Null,
                _ => json!("some"),
            };
            let op = attributes.get("sentry.op").unwrap_or(&Value::Null);
            self.span(&parent, op, &json!(span.name), &attributes);
        }
        Ok(())
    }

    fn span(&mut self, parent: &Value, op: &Value, name: &Value, attributes: &Map<String, Value>) {
        self.spans += 1;
        self.roots += u64::from(parent.is_null());
        let text = |key| attributes.get(key).and_then(Value::as_str);
        let Some(operation) = text("gen_ai.operation.name") else {
            return;
        };
        let object = match operation {
            "execute_tool" => "gen_ai.tool.name",
            "invoke_agent" => "gen_ai.agent.name",
            _ => "gen_ai.request.model",
        };
        let right_name = format!("{operation} {}", text(object).unwrap_or_default());
        self.ai += 1;
        self.right_ops += u64::from(*op == format!("gen_ai.{operation}").as_str());
        self.right_names += u64::from(*name == right_name.as_str());
        if let Some(tokens) = attributes.get("gen_ai.usage.input_tokens") {
            self.counted += 1;
            self.typed += u64::from(tokens.is_number());
        }
    }
}

fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn value(attribute: &KeyValue) -> Value {
    use any_value::Value::{BoolValue, DoubleValue, IntValue, StringValue};
    match attribute.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(StringValue(value)) => json!(value),
        Some(IntValue(value)) => json!(value),
        Some(DoubleValue(value)) => json!(value),
        Some(BoolValue(value)) => json!(value),
        _ => Value::Null,
    }
}
