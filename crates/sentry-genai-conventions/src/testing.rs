//! Spans for tests.

use std::borrow::Cow;

use crate::{
    Attributes, ContentLimits, PlanningTranslator, SentrySpan, SourceSpan, SpanId, TextRoom,
    Timestamp, TraceId, TranslateOptions, Translator, Value,
    attributes::{Encodable, needs_no_escape},
};

/// Creates a span without attributes.
pub(crate) fn span(name: impl Into<Cow<'static, str>>) -> SourceSpan {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    SourceSpan::new(trace_id, span_id, name, Timestamp::from_nanos(1))
}

/// Returns the room for texts of `bytes` bytes.
pub(crate) fn text_room(bytes: usize) -> TextRoom {
    // A source has somewhat more room than the limits allow.
    let limit = (bytes * 8).div_ceil(11);
    let options = TranslateOptions {
        capture_inputs: true,
        limits: ContentLimits {
            text_bytes: limit,
            attribute_bytes: limit,
        },
        ..TranslateOptions::default()
    };
    options.text_room()
}

/// Shows attributes with their values, which their `Debug` leaves out.
pub(crate) fn shown(attributes: &Attributes) -> String {
    format!("{:?}", attributes.iter().collect::<Vec<_>>())
}

/// Everything about a span except the order of its attributes.
pub(crate) fn summary(span: &SentrySpan) -> String {
    let describe = |it: Encodable<'_>| {
        assert!(!it.key_is_plain || needs_no_escape(it.key), "{it:?}");
        let is_plain = matches!(it.value, Value::Str(text) if needs_no_escape(text));
        assert!(!it.value_is_plain || is_plain, "{it:?}");
        format!("{} = {:?}", it.key, it.value)
    };
    let mut attributes: Vec<_> = span.attributes.iter_encodable().map(describe).collect();
    attributes.sort();
    format!(
        "{} {} {:?} {} {:?} {:?} {:?}\n{}",
        span.name,
        span.op,
        span.ai,
        span.origin,
        span.kind,
        span.status,
        (
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            span.start,
            span.end
        ),
        attributes.join("\n")
    )
}

/// Translates a span step by step. As one of many spans of its shape, it must have the same result.
pub(crate) fn translated(translator: &Translator, span: SourceSpan) -> SentrySpan {
    /// It has a plan before the last time, even if its texts are parsed first.
    const TIMES: usize = 5;

    let translated = translator.translate(span.clone());
    let expected = summary(&translated);
    let mut planning = PlanningTranslator::new(translator.clone());
    for mut span in std::iter::repeat_n(span, TIMES) {
        assert_eq!(summary(&planning.translate(&mut span)), expected);
    }
    translated
}
