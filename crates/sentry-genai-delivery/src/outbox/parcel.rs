//! The unit of work of a sender.

use std::{sync::Arc, time::Instant};

use sentry_genai_conventions::TraceId;

use crate::{
    buckets::Bucket,
    trace::Trace,
    wire::{Category, Envelope},
};

/// The unit of work of a sender: spans of one trace, encoded or not.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) slip: Slip,
    pub(crate) load: Load,
}

/// The contents of a parcel.
#[derive(Debug)]
pub(crate) enum Load {
    /// Encoded late, by the sender that will send them.
    Spans(Bucket),
    Envelope(Envelope),
}

/// What is known about a parcel, whatever its contents.
#[derive(Clone, Debug)]
pub(crate) struct Slip {
    pub(crate) trace: Arc<Trace>,
    pub(crate) held: Held,
    /// The category in the server's rate limits. `None` if it will become envelopes of different categories.
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

    /// How many transactions are lost with it. Counts one even if its spans make up several.
    pub(crate) fn transactions(&self) -> u64 {
        u64::from(self.category != Some(Category::Span))
    }

    /// Whether it is one half of an envelope that was too large.
    pub(crate) fn is_half(&self) -> bool {
        self.number.half > 0
    }

    /// Returns the slip for an envelope that was made from this parcel.
    pub(super) fn of_part(&self, number: Number, envelope: &Envelope) -> Self {
        Self {
            held: Held::of(envelope),
            category: Some(envelope.category),
            number,
            ..self.clone()
        }
    }
}

/// The order of a parcel: its place among all parcels, which tickets refer to, the index of the envelope made from it,
/// and the index of the half of that envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number {
    pub(super) place: u64,
    pub(super) envelope: u32,
    pub(super) half: u8,
}

/// What is accounted for a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) spans: u64,
    /// The reserved memory. A report that is appended to an envelope temporarily is not included.
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
