//! Templates for the parts of a span that differ in few places.

use sentry_genai_conventions::{SentrySpan, Timestamp, TraceId};

use crate::json::{hex, micro_digits, second_digits, write_timestamp};

/// The start of every span of a trace, up to its name.
#[derive(Debug)]
pub(super) struct Head([u8; HEAD.len()]);

/// The template for a span with a parent, as nearly every span is. The ids replace the zeros.
const HEAD: [u8; 119] = *b"{\"trace_id\":\"00000000000000000000000000000000\",\"span_id\":\"0000000000000000\",\"parent_span_id\":\"0000000000000000\",\"name\":";

/// The positions of the ids.
const TRACE_ID: usize = 13;
const SPAN_ID: usize = TRACE_ID + 32 + 13;
const PARENT_SPAN_ID: usize = SPAN_ID + 16 + 20;

impl Head {
    pub(super) fn of(trace_id: TraceId) -> Self {
        let mut head = HEAD;
        head[TRACE_ID..TRACE_ID + 32].copy_from_slice(hex(&trace_id.to_bytes()).as_flattened());
        Self(head)
    }

    #[inline]
    pub(super) fn write(&mut self, buffer: &mut Vec<u8>, span: &SentrySpan) {
        let Self(head) = self;
        let span_id = hex(&span.span_id.to_bytes());
        head[SPAN_ID..SPAN_ID + 16].copy_from_slice(span_id.as_flattened());
        match span.parent_span_id {
            Some(parent) => {
                let parent = hex(&parent.to_bytes());
                head[PARENT_SPAN_ID..PARENT_SPAN_ID + 16].copy_from_slice(parent.as_flattened());
                buffer.extend_from_slice(head);
            }
            None => {
                buffer.extend_from_slice(&head[..SPAN_ID + 16]);
                buffer.extend_from_slice(b"\",\"name\":");
            }
        }
    }
}

/// The part between the name and the attributes, for most spans: those without an error or links that are not segments.
#[derive(Debug)]
pub(super) struct Middle {
    text: [u8; MIDDLE.len()],
    /// The second that `text` holds for both times.
    second: u64,
}

/// The template. The times replace the zeros.
const MIDDLE: [u8; 118] = *b",\"status\":\"ok\",\"is_segment\":false,\"start_timestamp\":0000000000.000000,\"end_timestamp\":0000000000.000000,\"attributes\":{";

/// The positions of the times.
const START: usize = 52;
const END: usize = START + 17 + 17;

impl Middle {
    pub(super) fn new() -> Self {
        Self {
            text: MIDDLE,
            // None yet; zero would be a valid second.
            second: u64::MAX,
        }
    }

    /// Writes the template. The two times of a span, and those of consecutive spans, are usually in the same second.
    #[inline]
    pub(super) fn write(&mut self, buffer: &mut Vec<u8>, times: [Timestamp; 2]) {
        for (position, time) in [START, END].into_iter().zip(times) {
            let micros = time.as_nanos() / 1000;
            let second = micros / 1_000_000;
            if second != self.second {
                let Some(digits) = second_digits(second) else {
                    return self.write_generic(buffer, times);
                };
                self.second = second;
                for position in [START, END] {
                    self.text[position..position + 10].copy_from_slice(&digits);
                }
                if position == END {
                    // The start is in a different second.
                    return self.write_generic(buffer, times);
                }
            }
            self.text[position + 11..position + 17]
                .copy_from_slice(&micro_digits(micros % 1_000_000));
        }
        buffer.extend_from_slice(&self.text);
    }

    /// Writes it for times in different seconds, or outside of the years 2001 to 2286.
    fn write_generic(&self, buffer: &mut Vec<u8>, [start, end]: [Timestamp; 2]) {
        buffer.extend_from_slice(&MIDDLE[..START]);
        write_timestamp(buffer, start);
        buffer.extend_from_slice(&MIDDLE[START + 17..END]);
        write_timestamp(buffer, end);
        buffer.extend_from_slice(&MIDDLE[END + 17..]);
    }
}
