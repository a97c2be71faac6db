//! A trace that was started elsewhere.

use std::borrow::Cow;

use sentry_core::protocol::OrganizationId;
use sentry_genai_conventions::{SpanId, TraceId};

use crate::{baggage::MAX_HEADER_BYTES, dsc::Dsc};

/// The trace that a local root continues: a trace of another service, or that of a Sentry span in this process.
#[derive(Clone, Debug)]
pub struct IncomingTrace {
    trace_id: TraceId,
    parent_span_id: SpanId,
    sampled: Option<bool>,
    /// Whether the parent is a Sentry span of this process.
    is_adopted: bool,
    /// The frozen dynamic sampling context. It is empty if the headers had none, and `None` for an adopted span whose headers are
    /// not known.
    dsc: Option<Dsc>,
}

impl IncomingTrace {
    /// Reads `sentry-trace` and `baggage` from headers. Returns `None` without a valid `sentry-trace`.
    ///
    /// Header names are case-insensitive. If there are several valid `sentry-trace` headers, the last one counts.
    /// Several `baggage` headers are read as one, except for those that exceed a total of 8,192 bytes.
    #[must_use]
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut trace = None;
        let mut dsc = Dsc::default();
        let mut room = MAX_HEADER_BYTES;
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("sentry-trace") {
                trace = parse_sentry_trace(value).or(trace);
            } else if name.eq_ignore_ascii_case("baggage")
                && let Some(rest) = room.checked_sub(value.len())
            {
                room = rest;
                read_baggage(value, &mut dsc);
            }
        }
        trace.map(|(trace_id, parent_span_id, sampled)| Self {
            trace_id,
            parent_span_id,
            sampled,
            is_adopted: false,
            dsc: Some(dsc),
        })
    }

    /// Reads the value of a `sentry-trace` header and, if there is one, that of a `baggage` header.
    #[must_use]
    pub fn parse(sentry_trace: &str, baggage: Option<&str>) -> Option<Self> {
        let baggage = baggage.map(|value| ("baggage", value));
        Self::from_headers([("sentry-trace", sentry_trace)].into_iter().chain(baggage))
    }

    /// Reads the value of a `traceparent` header, as W3C specifies it. Its sampling flag is about another system's spans, so the
    /// decision is left to this service.
    #[must_use]
    pub fn from_traceparent(value: &str) -> Option<Self> {
        let mut parts = value.trim().split('-');
        let version = parts.next().filter(|version| version.len() == 2)?;
        let trace_id = TraceId::parse(parts.next()?)?;
        let parent_span_id = SpanId::parse(parts.next()?)?;
        let flags = parts.next().filter(|flags| flags.len() == 2)?;
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Version 0 ends here; later ones may go on.
        let is_valid = is_hex(version)
            && is_hex(flags)
            && version != "ff"
            && (version != "00" || parts.next().is_none());
        is_valid.then(|| Self::remote(trace_id, parent_span_id))
    }

    /// Continues a trace of which only the ids are known, as from a `traceparent` header alone.
    #[must_use]
    pub fn remote(trace_id: TraceId, parent_span_id: SpanId) -> Self {
        Self {
            trace_id,
            parent_span_id,
            sampled: None,
            is_adopted: false,
            dsc: Some(Dsc::default()),
        }
    }

    /// Returns Sentry's members of the incoming `baggage` header. The string is empty if there were none.
    #[must_use]
    pub fn baggage_header(&self) -> String {
        self.dsc().map(Dsc::to_baggage).unwrap_or_default()
    }

    /// Adopts a Sentry span of this process as the parent. Its trace keeps its sampling decision.
    ///
    /// No span of the trace is then marked as a segment, since the Sentry client sends the segment itself.
    #[must_use]
    pub fn adopted(trace_id: TraceId, span_id: SpanId, sampled: Option<bool>) -> Self {
        Self {
            trace_id,
            parent_span_id: span_id,
            sampled,
            is_adopted: true,
            dsc: None,
        }
    }

    /// [Adopts](Self::adopted) a Sentry span of this process that has continued this trace, from the same headers.
    #[must_use]
    pub fn adopted_by(&self, span_id: SpanId, sampled: Option<bool>) -> Self {
        Self {
            trace_id: self.trace_id,
            parent_span_id: span_id,
            sampled,
            is_adopted: true,
            dsc: self.dsc.clone(),
        }
    }

    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the id of the local root's parent span.
    #[must_use]
    pub fn parent_span_id(&self) -> SpanId {
        self.parent_span_id
    }

    /// Returns the sampling decision that came with the trace. Returns `None` if the decision was left to this service.
    #[must_use]
    pub fn sampled(&self) -> Option<bool> {
        self.sampled
    }

    /// Returns whether the parent is a Sentry span of this process.
    pub(crate) fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// Returns the frozen dynamic sampling context, if the headers are known.
    pub(crate) fn dsc(&self) -> Option<&Dsc> {
        self.dsc.as_ref()
    }

    pub(crate) fn org_id(&self) -> Option<OrganizationId> {
        self.dsc()?.get("org_id")?.parse().ok()
    }
}

fn parse_sentry_trace(value: &str) -> Option<(TraceId, SpanId, Option<bool>)> {
    let mut parts = value.trim().splitn(3, '-');
    let trace_id = TraceId::parse(parts.next()?)?;
    let span_id = SpanId::parse(parts.next()?)?;
    let sampled = match parts.next() {
        Some("1") => Some(true),
        Some("0") => Some(false),
        _ => None,
    };
    Some((trace_id, span_id, sampled))
}

fn read_baggage(value: &str, dsc: &mut Dsc) {
    for member in value.split(',') {
        let pair = member.split(';').next().unwrap_or_default();
        let Some((key, value)) = pair.split_once('=') else {
            continue;
        };
        if let Some(key) = key.trim().strip_prefix("sentry-") {
            let value = percent_decode(value.trim());
            if is_well_formed(key, &value) {
                dsc.set(key.to_owned(), value.into_owned());
            }
        }
    }
}

/// Whether a member has the type that Sentry's servers expect. A member of another type would cost the whole envelope.
fn is_well_formed(key: &str, value: &str) -> bool {
    let number = || value.parse::<f64>().ok().filter(|_| is_json_number(value));
    let is_hex = |value: &str| value.bytes().all(|byte| byte.is_ascii_hexdigit());
    match key {
        "sample_rate" => number().is_some_and(|rate| (0.0..=1.0).contains(&rate)),
        "sample_rand" => number().is_some_and(|rand| (0.0..1.0).contains(&rand)),
        "sampled" => matches!(value, "true" | "false"),
        "org_id" => value.parse::<u64>().is_ok(),
        "replay_id" => {
            is_hex(value) && value.len() == 32 || {
                let lengths = value.split('-').map(str::len);
                lengths.eq([8, 4, 4, 4, 12]) && value.split('-').all(is_hex)
            }
        }
        // An object, which a header cannot hold.
        "user" => false,
        _ => true,
    }
}

/// Whether a number that Rust can parse is also valid JSON without a sign.
fn is_json_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let has_leading_zero = bytes.first() == Some(&b'0') && is_digit(1);
    let has_fraction = |point| is_digit(point + 1);
    is_digit(0) && !has_leading_zero && text.find('.').is_none_or(has_fraction)
}

/// Decodes `%XX` sequences. Invalid ones stay as they are.
pub(crate) fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = (byte == b'%').then(|| hex_pair(tail)).flatten();
        bytes.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    match String::from_utf8(bytes) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => Cow::Borrowed(text),
    }
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let high = char::from(*digits.first()?).to_digit(16)?;
    let low = char::from(*digits.get(1)?).to_digit(16)?;
    u8::try_from(high << 4 | low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718";

    #[test]
    fn members_of_the_wrong_type_are_dropped() {
        for (member, is_well_formed) in [
            ("sample_rate=0.25", true),
            ("sample_rate=1", true),
            ("sample_rate=1.5", false),
            ("sample_rate=often", false),
            ("sample_rate=.5", false),
            ("sample_rate=1.", false),
            ("sample_rate=01", false),
            ("sample_rate=%2B1", false),
            ("sample_rate=1e-3", true),
            ("sample_rand=0.999999", true),
            ("sample_rand=1", false),
            ("sampled=true", true),
            ("sampled=yes", false),
            ("org_id=42", true),
            ("org_id=acme", false),
            ("replay_id=4c79f60c11214eb38604f4ae0781bfb2", true),
            ("replay_id=4c79f60c-1121-4eb3-8604-f4ae0781bfb2", true),
            ("replay_id=4-c79f60c11214eb38604f4ae0781bfb2", false),
            ("replay_id=1", false),
            ("replay_id=zz79f60c11214eb38604f4ae0781bfb2", false),
            ("replay_id=zz79f60c-1121-4eb3-8604-f4ae0781bfb2", false),
            ("user=jane", false),
            ("release=a%2C%20b", true),
        ] {
            let baggage = format!("sentry-{member}");
            let incoming = IncomingTrace::parse(TRACE, Some(&baggage)).unwrap();
            let header = incoming.baggage_header();
            assert_eq!(header == baggage, is_well_formed, "{member}: {header:?}");
        }
    }

    #[test]
    fn a_traceparent_is_read_as_w3c_specifies_it() {
        for (suffix, is_valid) in [
            ("-01", true),
            ("-00", true),
            ("", false),
            ("-1", false),
            ("-zz", false),
            ("-0x", false),
            ("-01-x", false),
        ] {
            let incoming = IncomingTrace::from_traceparent(&format!("00-{TRACE}{suffix}"));
            assert_eq!(incoming.is_some(), is_valid, "{suffix}");
            if let Some(incoming) = incoming {
                assert_eq!(incoming.sampled(), None);
                assert_eq!(
                    format!("{}-{}", incoming.trace_id(), incoming.parent_span_id()),
                    TRACE
                );
            }
        }
        assert!(
            IncomingTrace::from_traceparent(&format!("cc-{TRACE}-01-what the future brings"))
                .is_some()
        );
        for version in ["ff", "0", "000", "zz", "0x"] {
            assert!(IncomingTrace::from_traceparent(&format!("{version}-{TRACE}-01")).is_none());
        }
        let nothing = "00-00000000000000000000000000000000-a1b2c3d4e5f60718-01";
        assert!(IncomingTrace::from_traceparent(nothing).is_none());
    }

    #[test]
    fn headers_in_any_case_and_order() {
        let incoming = IncomingTrace::from_headers([
            ("BAGGAGE", "other=1, sentry-release = shop%401.4.2 ;prop"),
            ("x-baggage", "sentry-release=2"),
            (
                "Sentry-Trace",
                " 4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718-1 ",
            ),
            ("sentry-trace", "nonsense"),
            ("baggage", "sentry-org_id=42,sentry-new=a=b"),
        ])
        .unwrap();
        assert_eq!(
            incoming.trace_id().to_string(),
            "4c79f60c11214eb38604f4ae0781bfb2"
        );
        assert_eq!(incoming.parent_span_id().to_string(), "a1b2c3d4e5f60718");
        assert_eq!(incoming.sampled(), Some(true));
        let dsc = incoming.dsc().unwrap();
        assert_eq!(dsc.get("release"), Some("shop@1.4.2"));
        assert_eq!(dsc.get("other"), None);
        assert_eq!(dsc.get("new"), Some("a=b"));
        assert_eq!(incoming.org_id(), Some(OrganizationId::from(42)));
    }

    /// Otherwise it would grow from service to service.
    #[test]
    fn keys_are_passed_on_unchanged() {
        let baggage = "sentry-a!#$%&'*+-.^_`|~9=%21,sentry-%21=x";
        let more = format!("{baggage},sentry-a b=x,sentry-\u{e4}=x,sentry-a\"=x");
        let incoming = IncomingTrace::parse(TRACE, Some(&more)).unwrap();
        assert_eq!(incoming.baggage_header(), baggage);
    }

    /// Each member is compared with all previous ones, and all of them travel on with the trace.
    #[test]
    fn the_size_limit_covers_all_baggage_headers() {
        let headers: Vec<_> = (0..100)
            .map(|number| {
                let members = (0..300).map(|it| format!("sentry-k{number}-{it}=v"));
                members.collect::<Vec<_>>().join(",")
            })
            .collect();
        let baggage = headers.iter().map(|value| ("baggage", &**value));
        let trace = [("sentry-trace", TRACE)].into_iter();
        let incoming = IncomingTrace::from_headers(trace.chain(baggage)).unwrap();
        let header = incoming.baggage_header();
        assert!(header.starts_with("sentry-k0-0=v,") && header.len() <= MAX_HEADER_BYTES);
    }

    #[test]
    fn the_decision_may_be_deferred() {
        let sampled = |flag: &str| {
            let header = format!("{TRACE}{flag}");
            IncomingTrace::parse(&header, None).map(|incoming| incoming.sampled())
        };
        assert_eq!(sampled(""), Some(None));
        assert_eq!(sampled("-0"), Some(Some(false)));
        assert_eq!(sampled("-x"), Some(None));
    }

    #[test]
    fn malformed_headers_are_rejected() {
        for value in ["", "-", "abc-def-1", &TRACE.replace('4', "z")] {
            assert!(
                IncomingTrace::parse(value, Some("sentry-a=b")).is_none(),
                "{value}"
            );
        }
        assert!(IncomingTrace::from_headers([("baggage", "sentry-a=b")]).is_none());
    }

    #[test]
    fn an_invalid_escape_is_left_unchanged() {
        assert_eq!(percent_decode("a%2Fb%2"), "a/b%2");
        assert_eq!(percent_decode("%zz%C3%A4"), "%zzä");
        assert_eq!(percent_decode("%FF"), "%FF");
    }
}
