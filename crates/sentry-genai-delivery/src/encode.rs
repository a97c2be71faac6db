//! A span as JSON.

use std::borrow::Cow;

use sentry_genai_conventions::{
    Link, Scalar, SentrySpan, SpanId, SpanKind, Status, TraceId, Value,
};

use crate::{
    config::Config,
    json::{
        hex, is_short_and_plain, write_bool, write_double, write_hex, write_integer,
        write_plain_string, write_string, write_timestamp,
    },
    segment::Segment,
};

/// What spans name as the SDK that sent them.
pub const SDK_NAME: &str = "sentry.rust.genai";
/// The version that goes with [`SDK_NAME`].
pub const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes spans. What all spans of a client have in common is encoded once.
#[derive(Debug)]
pub(crate) struct SpanEncoder {
    common: Vec<(Preset, Vec<u8>)>,
    segment_only: Vec<(Preset, Vec<u8>)>,
}

/// The attributes that every span, or every segment span, gets unless it has them itself.
#[derive(Clone, Copy, Debug)]
enum Preset {
    Op,
    Origin,
    Kind,
    SegmentId,
    SegmentName,
    Release,
    Environment,
    SdkName,
    SdkVersion,
    Platform,
    TraceLifecycle,
    ServerAddress,
    SegmentNameSource,
    RuntimeName,
    Integrations,
    ClientSampleRate,
}

/// The keys, in the order of [`Preset`].
const KEYS: [&str; 16] = [
    "sentry.op",
    "sentry.origin",
    "sentry.kind",
    "sentry.segment.id",
    "sentry.segment.name",
    "sentry.release",
    "sentry.environment",
    "sentry.sdk.name",
    "sentry.sdk.version",
    "sentry.platform",
    "sentry.trace_lifecycle",
    "server.address",
    "sentry.segment.name.source",
    "process.runtime.name",
    "sentry.sdk.integrations",
    "sentry.client_sample_rate",
];

/// What the spans of one segment have in common, encoded once.
#[derive(Debug)]
pub(crate) struct Frame {
    segment: SpanId,
    head: Head,
    /// The attributes that name the segment.
    segment_attributes: Vec<(Preset, Vec<u8>)>,
    /// All the spans have in common, for the usual span that sets none of it itself.
    common_block: Vec<u8>,
    /// Op, origin and kind of the spans so far: there are few.
    descriptions: Vec<Description>,
}

/// The attributes that tell what a span is, encoded.
#[derive(Debug)]
struct Description {
    op: Cow<'static, str>,
    origin: Cow<'static, str>,
    kind: SpanKind,
    json: Vec<u8>,
}

/// How many descriptions a frame remembers.
const MAX_DESCRIPTIONS: usize = 16;

impl SpanEncoder {
    pub(crate) fn new(config: &Config) -> Self {
        let text = |preset: Preset, value: &str| (preset, preset.encoded(Value::Str(value)));
        let release = config.release.as_deref();
        let server = config.server_name.as_deref();
        let common = release
            .map(|release| text(Preset::Release, release))
            .into_iter()
            .chain([
                text(Preset::Environment, config.environment()),
                text(Preset::SdkName, SDK_NAME),
                text(Preset::SdkVersion, SDK_VERSION),
                text(Preset::Platform, "rust"),
                text(Preset::TraceLifecycle, config.lifecycle.as_str()),
            ])
            .chain(server.map(|server| text(Preset::ServerAddress, server)));
        let mut segment_only = vec![text(Preset::RuntimeName, "rust")];
        if !config.integrations.is_empty() {
            let names = config.integrations.iter();
            let names: Vec<_> = names.map(|name| Scalar::Str(name.to_string())).collect();
            let encoded = Preset::Integrations.encoded(Value::Array(&names));
            segment_only.push((Preset::Integrations, encoded));
        }
        Self {
            common: common.collect(),
            segment_only,
        }
    }

    /// Encodes what the spans of `segment` have in common.
    ///
    /// The ids of trace and segment are those of `segment`: one span of another trace would cost the whole envelope.
    fn frame(&self, segment: &Segment) -> Frame {
        let name = segment.name();
        let mut attributes = Vec::with_capacity(3);
        let id = segment.span_id().to_string();
        let mut add = |preset: Preset, value| attributes.push((preset, preset.encoded(value)));
        add(Preset::SegmentId, Value::Str(&id));
        if !name.is_empty() {
            add(Preset::SegmentName, Value::Str(&name));
        }
        if segment.trace().stands_for_itself() {
            add(Preset::ClientSampleRate, Value::Double(1.0));
        }
        let encoded = attributes.iter().chain(&self.common);
        let encoded: Vec<_> = encoded.map(|(_, json)| &**json).collect();
        Frame {
            segment: segment.span_id(),
            head: Head::of(segment.trace().trace_id()),
            common_block: encoded.concat(),
            segment_attributes: attributes,
            descriptions: Vec::new(),
        }
    }

    /// Appends `span` as an item of a span container. `last` is the frame of the span before, which is mostly that of this one.
    pub(crate) fn write_framed<'s>(
        &self,
        buffer: &mut Vec<u8>,
        span: &SentrySpan,
        segment: &'s Segment,
        last: &mut Option<(&'s Segment, Frame)>,
    ) {
        let is_same = matches!(last, Some((it, _)) if std::ptr::eq(*it, segment));
        if !is_same {
            *last = None;
        }
        let (_, frame) = last.get_or_insert_with(|| (segment, self.frame(segment)));
        self.write(buffer, span, frame);
    }

    fn write(&self, buffer: &mut Vec<u8>, span: &SentrySpan, frame: &mut Frame) {
        let is_segment = span.span_id == frame.segment;
        frame.head.write(buffer, span);
        write_string(buffer, &span.name);
        buffer.extend_from_slice(match (span.status, is_segment) {
            (Status::Error, false) => b",\"status\":\"error\",\"is_segment\":false".as_slice(),
            (Status::Error, true) => b",\"status\":\"error\",\"is_segment\":true",
            (_, false) => b",\"status\":\"ok\",\"is_segment\":false",
            (_, true) => b",\"status\":\"ok\",\"is_segment\":true",
        });
        buffer.extend_from_slice(b",\"start_timestamp\":");
        write_timestamp(buffer, span.start);
        buffer.extend_from_slice(b",\"end_timestamp\":");
        write_timestamp(buffer, span.end.max(span.start));
        if !span.links.is_empty() {
            write_links(buffer, &span.links);
        }
        buffer.extend_from_slice(b",\"attributes\":{");
        let mut own = Own::default();
        for (key, value) in span.attributes.iter_keyed() {
            own.note(key.name);
            if key.is_plain {
                write_plain_string(buffer, key.name);
            } else {
                write_string(buffer, key.name);
            }
            write_typed(buffer, value);
        }
        self.write_presets(buffer, span, frame, own);
        // Every attribute ends with a comma, and there is at least one.
        buffer.pop();
        buffer.extend_from_slice(b"}}");
    }

    /// Writes the presets that the span does not set itself.
    fn write_presets(&self, buffer: &mut Vec<u8>, span: &SentrySpan, frame: &mut Frame, own: Own) {
        if own.is_empty() {
            buffer.extend_from_slice(frame.description(span));
            buffer.extend_from_slice(&frame.common_block);
        } else {
            write_description(buffer, span, own);
            write_missing(buffer, own, &frame.segment_attributes);
            write_missing(buffer, own, &self.common);
        }
        if span.span_id == frame.segment {
            if !own.has(Preset::SegmentNameSource) {
                let source = Value::Str(name_source(span));
                write_attribute(buffer, Preset::SegmentNameSource.key(), source);
            }
            write_missing(buffer, own, &self.segment_only);
        }
    }
}

impl Frame {
    /// Returns the attributes that tell what a span is, for one that sets none of them itself.
    fn description(&mut self, span: &SentrySpan) -> &[u8] {
        let is_this =
            |it: &Description| it.kind == span.kind && it.op == span.op && it.origin == span.origin;
        let known = self.descriptions.iter().position(is_this);
        let index = known.unwrap_or_else(|| {
            if self.descriptions.len() == MAX_DESCRIPTIONS {
                self.descriptions.clear();
            }
            let mut json = Vec::with_capacity(192);
            write_description(&mut json, span, Own::default());
            self.descriptions.push(Description {
                op: span.op.clone(),
                origin: span.origin.clone(),
                kind: span.kind,
                json,
            });
            self.descriptions.len() - 1
        });
        &self.descriptions[index].json
    }
}

fn write_description(buffer: &mut Vec<u8>, span: &SentrySpan, own: Own) {
    for (preset, text) in [
        (Preset::Op, &*span.op),
        (Preset::Origin, &*span.origin),
        (Preset::Kind, span.kind.as_str()),
    ] {
        if !own.has(preset) && !text.is_empty() {
            write_attribute(buffer, preset.key(), Value::Str(text));
        }
    }
}

/// The start of every span of a trace, up to its name.
#[derive(Debug)]
struct Head([u8; HEAD.len()]);

/// A span with a parent, which nearly every span has. The ids are put in the place of the zeros.
const HEAD: [u8; 119] = *b"{\"trace_id\":\"00000000000000000000000000000000\",\"span_id\":\"0000000000000000\",\"parent_span_id\":\"0000000000000000\",\"name\":";

/// Where the ids stand.
const TRACE_ID: usize = 13;
const SPAN_ID: usize = TRACE_ID + 32 + 13;
const PARENT_SPAN_ID: usize = SPAN_ID + 16 + 20;

impl Head {
    fn of(trace_id: TraceId) -> Self {
        let mut head = HEAD;
        head[TRACE_ID..TRACE_ID + 32].copy_from_slice(hex(&trace_id.to_bytes()).as_flattened());
        Self(head)
    }

    #[inline]
    fn write(&self, buffer: &mut Vec<u8>, span: &SentrySpan) {
        let mut head = self.0;
        let span_id = hex(&span.span_id.to_bytes());
        head[SPAN_ID..SPAN_ID + 16].copy_from_slice(span_id.as_flattened());
        match span.parent_span_id {
            Some(parent) => {
                let parent = hex(&parent.to_bytes());
                head[PARENT_SPAN_ID..PARENT_SPAN_ID + 16].copy_from_slice(parent.as_flattened());
                buffer.extend_from_slice(&head);
            }
            None => {
                buffer.extend_from_slice(&head[..SPAN_ID + 16]);
                buffer.extend_from_slice(b"\",\"name\":");
            }
        }
    }
}

impl Preset {
    fn key(self) -> &'static str {
        KEYS[self as usize]
    }

    fn encoded(self, value: Value<'_>) -> Vec<u8> {
        let mut json = Vec::new();
        write_attribute(&mut json, self.key(), value);
        json
    }
}

/// Which of the presets a span sets itself, as a bit set.
#[derive(Clone, Copy, Default)]
struct Own(u16);

impl Own {
    /// Takes note of an attribute of the span.
    #[inline]
    fn note(&mut self, key: &str) {
        // All keys of the table begin with an s or a p, and few others do.
        if matches!(key.as_bytes().first(), Some(b's' | b'p'))
            && let Some(index) = KEYS.iter().position(|known| *known == key)
        {
            self.0 |= 1 << index;
        }
    }

    fn has(self, preset: Preset) -> bool {
        self.0 & (1 << preset as u16) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn write_missing(buffer: &mut Vec<u8>, own: Own, presets: &[(Preset, Vec<u8>)]) {
    for (preset, json) in presets {
        if !own.has(*preset) {
            buffer.extend_from_slice(json);
        }
    }
}

/// A server span that knows its route is named by it.
pub(crate) fn name_source(span: &SentrySpan) -> &'static str {
    let routed = span.op == "http.server" && span.attributes.contains("http.route");
    if routed { "route" } else { "custom" }
}

fn write_links(buffer: &mut Vec<u8>, links: &[Link]) {
    buffer.extend_from_slice(b",\"links\":[");
    for link in links {
        buffer.extend_from_slice(b"{\"trace_id\":\"");
        write_hex(buffer, &link.trace_id.to_bytes());
        buffer.extend_from_slice(b"\",\"span_id\":\"");
        write_hex(buffer, &link.span_id.to_bytes());
        buffer.extend_from_slice(b"\",\"sampled\":");
        write_bool(buffer, link.sampled);
        buffer.extend_from_slice(b"},");
    }
    buffer.pop();
    buffer.push(b']');
}

/// Writes `"key":{"type":...,"value":...},`.
#[inline]
fn write_attribute(buffer: &mut Vec<u8>, key: &str, value: Value<'_>) {
    write_string(buffer, key);
    write_typed(buffer, value);
}

/// Writes `:{"type":...,"value":...},`.
#[inline]
fn write_typed(buffer: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Str(text) if is_short_and_plain(text) => {
            buffer.extend_from_slice(b":{\"type\":\"string\",\"value\":\"");
            buffer.extend_from_slice(text.as_bytes());
            buffer.extend_from_slice(b"\"},");
            return;
        }
        Value::Str(_) => buffer.extend_from_slice(b":{\"type\":\"string\",\"value\":"),
        Value::Integer(_) => buffer.extend_from_slice(b":{\"type\":\"integer\",\"value\":"),
        Value::Double(_) => buffer.extend_from_slice(b":{\"type\":\"double\",\"value\":"),
        Value::Bool(_) => buffer.extend_from_slice(b":{\"type\":\"boolean\",\"value\":"),
        _ => buffer.extend_from_slice(b":{\"type\":\"array\",\"value\":"),
    }
    write_value(buffer, value);
    buffer.extend_from_slice(b"},");
}

/// Writes a value without its type.
pub(crate) fn write_value(buffer: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Array(scalars) => write_array(buffer, scalars),
        Value::Bool(value) => write_bool(buffer, value),
        Value::Integer(value) => write_integer(buffer, value),
        Value::Double(value) => write_double(buffer, value),
        Value::Str(value) => write_string(buffer, value),
        // A type added later must be added here too; until then the attribute is null, which Sentry removes.
        _ => buffer.extend_from_slice(b"null"),
    }
}

fn write_array(buffer: &mut Vec<u8>, scalars: &[Scalar]) {
    buffer.push(b'[');
    let start = buffer.len();
    for scalar in scalars {
        match scalar {
            Scalar::Bool(value) => write_bool(buffer, *value),
            Scalar::Integer(value) => write_integer(buffer, *value),
            Scalar::Double(value) if value.is_finite() => write_double(buffer, *value),
            Scalar::Str(value) => write_string(buffer, value),
            // JSON has no such number, and a null would cost the whole attribute.
            _ => continue,
        }
        buffer.push(b',');
    }
    if buffer.len() > start {
        buffer.pop();
    }
    buffer.push(b']');
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::{Attributes, SpanId, Status, Timestamp, TraceId};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{ids::new_span_id, testing};

    fn encoder() -> SpanEncoder {
        SpanEncoder::new(&testing::config(&testing::options()))
    }

    /// A span of which nothing is left to the translation.
    fn span(segment: &Segment, span_id: SpanId) -> SentrySpan {
        let mut span = testing::span(segment, span_id);
        span.name = "chat \"gpt\"".into();
        span.op = "gen_ai.chat".into();
        span.origin = "auto.ai.rust.tracing".into();
        span.attributes = Attributes::default();
        span
    }

    fn encode(span: &SentrySpan, segment: &Segment) -> (String, Json) {
        let mut buffer = Vec::new();
        let encoder = encoder();
        encoder.write(&mut buffer, span, &mut encoder.frame(segment));
        let text = String::from_utf8(buffer).unwrap();
        let json = serde_json::from_str(&text).unwrap();
        (text, json)
    }

    fn string(value: &str) -> Json {
        json!({"type": "string", "value": value})
    }

    #[test]
    fn a_child_span() {
        let segment = testing::segment();
        let span_id = new_span_id();
        let mut span = span(&segment, span_id);
        span.status = Status::Error;
        let (trace_id, linked) = (segment.trace().trace_id(), new_span_id());
        span.links.push(Link::new(trace_id, linked, true));
        let (text, json) = encode(&span, &segment);

        assert_eq!(
            json,
            json!({
                "trace_id": trace_id.to_string(),
                "span_id": span_id.to_string(),
                "parent_span_id": segment.span_id().to_string(),
                "name": "chat \"gpt\"",
                "status": "error",
                "is_segment": false,
                "start_timestamp": 1_795_132_800.1,
                "end_timestamp": 1_795_132_801.100_001,
                "links": [{
                    "trace_id": trace_id.to_string(),
                    "span_id": linked.to_string(),
                    "sampled": true,
                }],
                "attributes": {
                    "sentry.op": string("gen_ai.chat"),
                    "sentry.origin": string("auto.ai.rust.tracing"),
                    "sentry.kind": string("internal"),
                    "sentry.segment.id": string(&segment.span_id().to_string()),
                    "sentry.segment.name": string("POST /ask"),
                    "sentry.release": string("shop@1.4.2"),
                    "sentry.environment": string("production"),
                    "sentry.sdk.name": string("sentry.rust.genai"),
                    "sentry.sdk.version": string(env!("CARGO_PKG_VERSION")),
                    "sentry.platform": string("rust"),
                    "sentry.trace_lifecycle": string("stream"),
                    "server.address": string("web-1"),
                },
            })
        );
        assert!(
            text.contains(
                r#""start_timestamp":1795132800.100000,"end_timestamp":1795132801.100001,"#
            ),
            "{text}"
        );
    }

    #[test]
    fn every_type_keeps_its_type() {
        let segment = testing::segment();
        let mut span = span(&segment, new_span_id());
        let attributes = &mut span.attributes;
        attributes.push("bool", true);
        attributes.push("integer", i64::MIN);
        attributes.push("double", 2.0);
        attributes.push("text", "line\n\u{1}\"ä\u{2028}😀");
        attributes.push(
            "array",
            vec![
                Scalar::Double(1.0),
                Scalar::Double(f64::NAN),
                Scalar::Double(2.5),
            ],
        );
        attributes.push("empty", Vec::<Scalar>::new());
        let (text, json) = encode(&span, &segment);

        let attributes = &json["attributes"];
        assert_eq!(
            attributes["bool"],
            json!({"type": "boolean", "value": true})
        );
        assert_eq!(
            attributes["integer"],
            json!({"type": "integer", "value": i64::MIN})
        );
        assert_eq!(
            attributes["double"],
            json!({"type": "double", "value": 2.0})
        );
        assert_eq!(attributes["text"], string("line\n\u{1}\"ä\u{2028}😀"));
        assert_eq!(
            attributes["array"],
            json!({"type": "array", "value": [1.0, 2.5]})
        );
        assert_eq!(attributes["empty"], json!({"type": "array", "value": []}));
        assert!(text.contains(r#"{"type":"double","value":2.0}"#), "{text}");
        assert!(!text.contains('\n'));
    }

    #[test]
    fn the_segment_span_says_more() {
        let segment = testing::segment();
        let mut span = span(&segment, segment.span_id());
        let (_, json) = encode(&span, &segment);
        assert_eq!(json["is_segment"], true);
        assert_eq!(json.get("parent_span_id"), None);
        let attributes = &json["attributes"];
        assert_eq!(attributes["sentry.segment.name.source"], string("custom"));
        assert_eq!(attributes["process.runtime.name"], string("rust"));

        span.op = "http.server".into();
        span.attributes.push("http.route", "/ask");
        let (_, json) = encode(&span, &segment);
        let attributes = &json["attributes"];
        assert_eq!(attributes["sentry.segment.name.source"], string("route"));
    }

    #[test]
    fn what_the_span_says_itself_is_not_overwritten() {
        let segment = testing::segment();
        let mut span = span(&segment, segment.span_id());
        let own = [
            "sentry.op",
            "sentry.release",
            "server.address",
            "sentry.segment.name",
            "sentry.segment.name.source",
            "process.runtime.name",
        ];
        for key in own {
            span.attributes.push(key, "own");
        }
        let (text, json) = encode(&span, &segment);
        for key in own {
            assert_eq!(json["attributes"][key], string("own"), "{key}");
            let written = text.matches(&format!("{key:?}")).count();
            assert_eq!(written, 1, "{key}");
        }
        assert_eq!(
            json["attributes"]["sentry.environment"],
            string("production")
        );
    }

    #[test]
    fn a_span_never_ends_before_it_starts() {
        let segment = testing::segment();
        let mut span = span(&segment, new_span_id());
        span.end = Timestamp::from_nanos(7);
        let (_, json) = encode(&span, &segment);
        assert_eq!(json["end_timestamp"], json["start_timestamp"]);
    }

    #[test]
    fn the_ids_of_the_trace_and_a_late_name_of_the_segment_win() {
        let segment = testing::segment();
        let mut span = span(&segment, new_span_id());
        span.trace_id = TraceId::parse("4c79f60c11214eb38604f4ae0781bfb2").unwrap();
        segment.set_name("POST /late");
        let (_, json) = encode(&span, &segment);
        assert_eq!(json["trace_id"], segment.trace().trace_id().to_string());
        assert_eq!(
            json["attributes"]["sentry.segment.name"],
            string("POST /late")
        );
    }

    #[test]
    fn a_segment_that_another_client_sends_has_no_root_here() {
        let root = new_span_id();
        let incoming =
            crate::IncomingTrace::adopted(crate::new_trace_id(), new_span_id(), Some(true));
        let config = testing::config(&testing::options());
        let trace = crate::Trace::start(&config, Some(&incoming), "a", "b");
        let outer = incoming.parent_span_id();
        let segment = Segment::within(trace, outer, root, "a");
        let (_, json) = encode(&span(&segment, root), &segment);
        assert_eq!(json["is_segment"], false);
        let attributes = json["attributes"].as_object().unwrap();
        assert!(!attributes.contains_key("process.runtime.name"));
    }

    #[test]
    fn integrations_go_with_the_segment() {
        let config = (*testing::config(&testing::options())).clone();
        let encoder = SpanEncoder::new(&config.with_integrations(["rig", "genai"]));
        let segment = testing::segment();
        let mut buffer = Vec::new();
        let span = span(&segment, segment.span_id());
        encoder.write(&mut buffer, &span, &mut encoder.frame(&segment));
        let json: Json = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(
            json["attributes"]["sentry.sdk.integrations"],
            json!({"type": "array", "value": ["rig", "genai"]})
        );
    }
}
