//! A span as JSON.

mod frame;
mod places;
mod presets;
mod value;

use sentry_genai_conventions::{Link, Scalar, SentrySpan, Status, Timestamp, Value};

pub(crate) use self::{frame::Frame, value::write_value};

use self::{
    presets::{Own, Preset, write_description, write_missing},
    value::{write_attribute, write_encodable},
};
use crate::{
    config::Config,
    json::{hex, write_bool, write_hex, write_string, write_timestamp},
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
        let id = hex(&segment.span_id().to_bytes());
        let id = str::from_utf8(id.as_flattened()).unwrap_or_default();
        let mut add = |preset: Preset, value| attributes.push((preset, preset.encoded(value)));
        add(Preset::SegmentId, Value::Str(id));
        if !name.is_empty() {
            add(Preset::SegmentName, Value::Str(&name));
        }
        if segment.trace().stands_for_itself() {
            add(Preset::ClientSampleRate, Value::Double(1.0));
        }
        Frame::new(segment, attributes, &self.common)
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
        let times = [span.start, span.end.max(span.start)];
        if span.links.is_empty() && span.status == Status::Ok && !is_segment {
            frame.middle.write(buffer, times);
        } else {
            write_middle(buffer, span, is_segment, times);
        }
        let mut own = Own::default();
        for attribute in span.attributes.iter_encodable() {
            own.note(attribute.key);
            write_encodable(buffer, &attribute);
        }
        self.write_presets(buffer, span, frame, own);
        // Every attribute ends with a comma, and there is at least one.
        buffer.pop();
        buffer.extend_from_slice(b"}}");
    }

    /// Writes the presets that the span does not set itself.
    fn write_presets(&self, buffer: &mut Vec<u8>, span: &SentrySpan, frame: &mut Frame, own: Own) {
        if own.is_empty() {
            buffer.extend_from_slice(frame.usual_presets(span));
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

/// Writes the same for any span.
fn write_middle(
    buffer: &mut Vec<u8>,
    span: &SentrySpan,
    is_segment: bool,
    [start, end]: [Timestamp; 2],
) {
    buffer.extend_from_slice(b",\"status\":\"");
    buffer.extend_from_slice(span.status.as_str().as_bytes());
    buffer.extend_from_slice(b"\",\"is_segment\":");
    write_bool(buffer, is_segment);
    buffer.extend_from_slice(b",\"start_timestamp\":");
    write_timestamp(buffer, start);
    buffer.extend_from_slice(b",\"end_timestamp\":");
    write_timestamp(buffer, end);
    if !span.links.is_empty() {
        write_links(buffer, &span.links);
    }
    buffer.extend_from_slice(b",\"attributes\":{");
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

#[cfg(test)]
mod tests;
