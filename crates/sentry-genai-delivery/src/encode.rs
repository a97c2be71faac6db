//! Encodes a span as JSON.

mod frame;
mod presets;
mod templates;
mod value;

use sentry_genai_conventions::{Link, Scalar, SentrySpan, Status, Timestamp, Value};

pub(crate) use self::{
    frame::Frame,
    presets::is_preset,
    value::{write_key, write_value},
};

use self::{
    presets::{Descriptions, Overrides, Preset, write_description, write_missing},
    value::{write_attribute, write_encodable},
};
use crate::{
    config::Config,
    json::{write_bool, write_hex, write_string, write_timestamp},
    machine,
    segment::Segment,
};

/// The SDK name that is sent with every span.
pub const SDK_NAME: &str = "sentry.rust.genai";
/// The SDK version that is sent with [`SDK_NAME`].
pub const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes spans. What all spans of a client have in common is encoded once.
#[derive(Debug)]
pub(crate) struct SpanEncoder {
    common: Vec<(Preset, Vec<u8>)>,
    /// All of `common`, for the usual span that sets none of these attributes itself.
    common_block: Vec<u8>,
    segment_only: Vec<(Preset, Vec<u8>)>,
    /// What segments say of the machine, unless they describe one themselves.
    machine: Vec<u8>,
    descriptions: Descriptions,
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
                text(Preset::TraceLifecycle, config.settings.lifecycle.as_str()),
            ])
            .chain(server.map(|server| text(Preset::ServerAddress, server)))
            .collect::<Vec<_>>();
        let mut segment_only = vec![text(Preset::RuntimeName, "rust")];
        if !config.integrations.is_empty() {
            let names = config.integrations.iter();
            let names: Vec<_> = names.map(|name| Scalar::Str((*name).to_owned())).collect();
            let encoded = Preset::Integrations.encoded(Value::Array(&names));
            segment_only.push((Preset::Integrations, encoded));
        }
        Self {
            common_block: iter_presets(&common)
                .flat_map(|(_, json)| json)
                .copied()
                .collect(),
            common,
            segment_only,
            machine: encode_machine(config),
            descriptions: Descriptions::default(),
        }
    }

    /// Appends `span` as an item of a span container. `last` holds the frame of the previous span, which is usually the
    /// same.
    pub(crate) fn write_framed<'s>(
        &mut self,
        buffer: &mut Vec<u8>,
        span: &SentrySpan,
        segment: &'s Segment,
        last: &mut Option<(&'s Segment, Frame)>,
    ) {
        let is_same = matches!(last, Some((it, _)) if std::ptr::eq(*it, segment));
        if !is_same {
            *last = None;
        }
        let (_, frame) = last.get_or_insert_with(|| (segment, self.frame_of(segment)));
        self.write(buffer, span, frame);
    }

    fn frame_of(&self, segment: &Segment) -> Frame {
        Frame::of(segment, &self.common_block)
    }

    fn write(&mut self, buffer: &mut Vec<u8>, span: &SentrySpan, frame: &mut Frame) {
        let is_segment = span.span_id == frame.segment;
        frame.head.write(buffer, span);
        write_string(buffer, &span.name);
        let times = [span.start, span.end.max(span.start)];
        if span.links.is_empty() && span.status == Status::Ok && !is_segment {
            frame.middle.write(buffer, times);
        } else {
            write_middle(buffer, span, is_segment, times);
        }
        let mut overrides = Overrides::default();
        for attribute in span.attributes.iter_encodable() {
            overrides.record(attribute.key);
            write_encodable(buffer, &attribute);
        }
        self.write_presets(buffer, span, frame, overrides);
        // Every attribute ends with a comma, and there is at least one attribute.
        buffer.pop();
        buffer.extend_from_slice(b"}}");
    }

    /// Writes the presets that the span does not set itself.
    fn write_presets(
        &mut self,
        buffer: &mut Vec<u8>,
        span: &SentrySpan,
        frame: &Frame,
        overrides: Overrides,
    ) {
        if overrides.is_empty() {
            self.descriptions.write(buffer, span);
            buffer.extend_from_slice(&frame.attributes);
        } else {
            write_description(buffer, span, overrides);
            write_missing(buffer, overrides, frame.presets());
            write_missing(buffer, overrides, iter_presets(&self.common));
        }
        frame.write_tags(buffer, span);
        if span.span_id == frame.segment {
            if !overrides.has(Preset::SegmentNameSource) {
                let source = Value::Str(name_source(span));
                write_attribute(buffer, Preset::SegmentNameSource.key(), source);
            }
            write_missing(buffer, overrides, iter_presets(&self.segment_only));
            if !machine::is_described_by(span) {
                buffer.extend_from_slice(&self.machine);
            }
        }
    }
}

fn encode_machine(config: &Config) -> Vec<u8> {
    let mut json = Vec::new();
    for (key, text) in machine::attributes(&config.contexts) {
        let list = [Scalar::Str(text.to_owned())];
        let value = match key {
            "device.archs" => Value::Array(&list),
            _ => Value::Str(text),
        };
        write_attribute(&mut json, key, value);
    }
    json
}

fn iter_presets(presets: &[(Preset, Vec<u8>)]) -> impl Iterator<Item = (Preset, &[u8])> {
    presets.iter().map(|(preset, json)| (*preset, &**json))
}

/// Writes what [`Middle`](templates::Middle) writes, for any span.
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

/// A server span with a route is named after the route.
pub(crate) fn name_source(span: &SentrySpan) -> &'static str {
    let routed = span.op == "http.server" && span.attributes.contains("http.route");
    if routed { "route" } else { "custom" }
}

fn write_links(buffer: &mut Vec<u8>, links: &[Link]) {
    write_links_with(buffer, links, |buffer, link_type| {
        write_attribute(buffer, Link::LINK_TYPE, Value::Str(link_type));
        buffer.pop();
    });
}

/// Writes the member `links`, preceded by a comma. `write_type` writes the type of a link as a member of its attributes.
pub(crate) fn write_links_with(
    buffer: &mut Vec<u8>,
    links: &[Link],
    write_type: impl Fn(&mut Vec<u8>, &str),
) {
    buffer.extend_from_slice(b",\"links\":[");
    for link in links {
        buffer.extend_from_slice(b"{\"trace_id\":\"");
        write_hex(buffer, &link.trace_id.to_bytes());
        buffer.extend_from_slice(b"\",\"span_id\":\"");
        write_hex(buffer, &link.span_id.to_bytes());
        buffer.extend_from_slice(b"\",\"sampled\":");
        write_bool(buffer, link.sampled);
        if let Some(link_type) = &link.link_type {
            buffer.extend_from_slice(b",\"attributes\":{");
            write_type(buffer, link_type);
            buffer.push(b'}');
        }
        buffer.extend_from_slice(b"},");
    }
    buffer.pop();
    buffer.push(b']');
}

#[cfg(test)]
mod tests;
