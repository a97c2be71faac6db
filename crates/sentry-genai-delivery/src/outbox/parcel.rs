//! What a lane gets in hand at once.

use std::{sync::Arc, time::Instant};

use sentry_genai_conventions::TraceId;

use crate::{
    buckets::Bucket,
    trace::Trace,
    wire::{Category, Envelope},
};

/// What a lane gets in hand at once, of one trace.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) slip: Slip,
    pub(crate) load: Load,
}

/// What is in a parcel.
#[derive(Debug)]
pub(crate) enum Load {
    /// They are encoded late, by the lane that will send them.
    Spans(Bucket),
    Envelope(Envelope),
}

/// What is known of a parcel, whatever its load has become.
#[derive(Clone, Debug)]
pub(crate) struct Slip {
    pub(crate) trace: Arc<Trace>,
    pub(crate) held: Held,
    /// What it counts as where the server limits rates; `None` if it will be envelopes of several kinds.
    pub(super) category: Option<Category>,
    pub(super) number: Number,
    pub(super) attempts: u32,
    pub(super) since: Instant,
}

impl Parcel {
    pub(crate) fn new(bucket: Bucket, category: Option<Category>) -> Self {
        Self {
            slip: Slip {
                trace: Arc::clone(bucket.segment().trace()),
                held: Held {
                    spans: bucket.spans.len() as u64,
                    bytes: bucket.bytes,
                },
                category,
                number: Number::default(),
                attempts: 0,
                since: Instant::now(),
            },
            load: Load::Spans(bucket),
        }
    }
}

impl Slip {
    pub(crate) fn trace_id(&self) -> TraceId {
        self.trace.trace_id()
    }

    /// How many transactions are lost with it: of spans that are one and more, one.
    pub(crate) fn transactions(&self) -> u64 {
        u64::from(self.category != Some(Category::Span))
    }

    /// Whether it is of a half of an envelope that was too large.
    pub(crate) fn is_half(&self) -> bool {
        self.number.half > 0
    }

    /// The slip of an envelope that comes of what this one is for.
    pub(super) fn of_part(&self, number: Number, envelope: &Envelope) -> Self {
        Self {
            held: Held::of(envelope),
            category: Some(envelope.category),
            number,
            ..self.clone()
        }
    }
}

/// Where a parcel stands among all, which is what a ticket waits for; which of its envelopes it is; and which half of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number {
    pub(super) place: u64,
    pub(super) envelope: u32,
    pub(super) half: u8,
}

/// What is accounted for one parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) spans: u64,
    /// Memory; what is appended to an envelope for a moment does not count.
    pub(crate) bytes: usize,
}

impl Held {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        Self {
            spans: envelope.spans as u64,
            bytes: envelope.bytes.capacity() + size_of::<Trace>(),
        }
    }
}
