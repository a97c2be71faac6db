//! The unit of work of a sender.

use std::{sync::Arc, time::Instant};

use sentry_genai_conventions::TraceId;

use crate::{
    buckets::Bucket,
    clock::Clock,
    trace::Trace,
    wire::{Category, Envelope},
};

/// The unit of work of a sender: spans of one trace, encoded or not.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) meta: JobMeta,
    pub(crate) payload: Payload,
}

/// The contents of a job.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Encoded late, by the sender that will send them.
    Spans(Bucket),
    Envelope(Envelope),
}

/// What is known about a job, whatever its contents.
#[derive(Clone, Debug)]
pub(crate) struct JobMeta {
    pub(crate) trace: Arc<Trace>,
    pub(crate) size: Size,
    /// The category in the server's rate limits. `None` if it will become envelopes of different categories.
    pub(super) category: Option<Category>,
    /// The clock of its spans; `None` for that of the system.
    pub(crate) clock: Option<Clock>,
    pub(super) number: SequenceNumber,
    pub(super) attempts: u32,
    pub(super) created_at: Instant,
}

impl Job {
    pub(crate) fn new(bucket: Bucket, category: Option<Category>) -> Self {
        Self {
            meta: JobMeta {
                trace: Arc::clone(bucket.segment().trace()),
                size: Size {
                    spans: bucket.spans.len() as u64,
                    bytes: bucket.bytes,
                },
                category,
                clock: bucket.segment().clock(),
                number: SequenceNumber::default(),
                attempts: 0,
                created_at: Instant::now(),
            },
            payload: Payload::Spans(bucket),
        }
    }
}

impl JobMeta {
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

    /// Returns the metadata of an envelope that was made from this job.
    pub(super) fn of_part(&self, number: SequenceNumber, envelope: &Envelope) -> Self {
        Self {
            size: Size::of(envelope),
            category: Some(envelope.category),
            number,
            ..self.clone()
        }
    }
}

/// The order of a job: its position among all jobs, which flushes refer to, the index of the envelope made from it,
/// and the index of the half of that envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SequenceNumber {
    pub(super) position: u64,
    pub(super) envelope: u32,
    pub(super) half: u8,
}

/// What is accounted for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) spans: u64,
    /// The reserved memory. A report that is appended to an envelope temporarily is not included.
    pub(crate) bytes: usize,
}

impl Size {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        Self {
            spans: envelope.spans as u64,
            bytes: envelope.bytes.capacity() + size_of::<Trace>(),
        }
    }
}
