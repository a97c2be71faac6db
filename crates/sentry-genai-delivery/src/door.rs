//! How doors hand over their spans.

use std::{any::Any, sync::Arc};

use sentry_genai_conventions::{SentrySpan, SourceSpan, TraceId};

use crate::{
    accounting::LossReason,
    delivery::Delivery,
    incoming::IncomingTrace,
    recycle, scope,
    segment::Segment,
    trace::{Trace, should_continue},
    unread::{Ended, Unread},
};

/// What doors need. A program that uses a door has no use for it.
impl Delivery {
    /// Takes the user and the tags from the scope of the current hub and assigns them to the segment. All spans of the
    /// segment are sent with them, unless they have a user of their own, or an attribute that is named like the tag.
    ///
    /// The scope is read at most twice per segment, and not again once a user is known. The user's email, name and IP
    /// address are only sent with [`ClientOptions::send_default_pii`](sentry_core::ClientOptions::send_default_pii).
    pub fn read_scope(&self, segment: &Segment) {
        if segment.may_read_scope() {
            let is_pii_sent = self.shared_without_fork_check().config.send_default_pii;
            segment.scope().read(is_pii_sent, scope::current);
        }
    }

    /// Hands over a span that has ended.
    ///
    /// Like [`send_record`](Self::send_record), for a door that does not keep its spans in [records](Self::record).
    pub fn send(&self, span: SourceSpan, segment: &Arc<Segment>) {
        self.send_record(Box::new(span), Arc::clone(segment));
    }

    /// Hands over a span that has ended, in the [record](Self::record) that it was written to.
    ///
    /// This does not block, apart from a short lock. If the trace is not [recorded](Trace::recorded), the span is
    /// counted as by [`record_unsampled`](Self::record_unsampled).
    pub fn send_record(&self, span: Box<SourceSpan>, segment: Arc<Segment>) {
        if !segment.trace().recorded() {
            self.record_unsampled(1);
            return;
        }
        let bytes = span.footprint();
        self.hand_over(Ended::Read(span), bytes, segment);
    }

    /// Hands over a span that has ended but has not been read yet. A delivery thread reads it, so that the program's
    /// own thread does not have to. Until then the span occupies `bytes` bytes of memory.
    ///
    /// Spans are read in the order in which they are handed over. A span whose [`Unread::read`] panics is counted as
    /// [`LossReason::InternalSdkError`]. A single thread reads all spans, and it may be [behind](Self::is_behind).
    pub fn send_unread(
        &self,
        span: Box<impl Unread + 'static>,
        bytes: usize,
        segment: Arc<Segment>,
    ) {
        if segment.trace().recorded() {
            self.hand_over(Ended::Unread(span), bytes, segment);
        } else {
            self.record_unsampled(1);
        }
    }

    /// Hands over a span that has already been translated, for example by a door that sees a whole trace before it
    /// sends any of it.
    ///
    /// Spans that are sent together still exchange information with each other, as other spans of a trace do.
    pub fn send_translated(&self, span: SentrySpan, segment: &Arc<Segment>) {
        if segment.trace().recorded() {
            let bytes = span.footprint();
            let span = Ended::Translated(Box::new(span));
            self.hand_over(span, bytes, Arc::clone(segment));
        } else {
            self.record_unsampled(1);
        }
    }

    /// Returns the box of a span that has been [read](Unread::read), for another one, if there is one of this type.
    #[must_use]
    pub fn spent_box<T: Any>(&self) -> Option<Box<T>> {
        let spent_boxes = &self.shared_without_fork_check().spent_boxes;
        recycle::spent_box(spent_boxes)?.downcast().ok()
    }

    /// Returns whether the delivery thread is not keeping up. A door should then read its spans itself.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared_without_fork_check().budget.is_behind()
    }

    fn hand_over(&self, span: Ended, bytes: usize, segment: Arc<Segment>) {
        let shared = self.shared_without_fork_check();
        if let Err(queued) = shared.enqueue(span, bytes, segment) {
            // A delivery that has just been started belongs to this process.
            let shared = self.shared();
            let _ = shared.enqueue(queued.span, queued.bytes, queued.segment);
        }
    }

    /// Returns an empty record for a span with about `fields` attributes. Reuses the record of a span that has been
    /// sent, if there is one, so that nothing is allocated.
    ///
    /// The caller must set the ids, the name and the times, whose initial values are arbitrary.
    #[must_use]
    pub fn record(&self, fields: usize) -> Box<SourceSpan> {
        recycle::record(fields, &self.shared_without_fork_check().queue)
    }

    /// Takes back a record that is not needed after all.
    pub fn give_back(&self, record: Box<SourceSpan>) {
        recycle::give_back(record);
    }

    /// Starts a trace for a local root, or continues `incoming`, and makes the sampling decision.
    ///
    /// - A `traces_sampler` decides if there is one. It sees `name`, `op` and the incoming decision. It is not called
    ///   for a trace that was [adopted](IncomingTrace::adopted) with a decision.
    /// - Otherwise an incoming decision holds.
    /// - Otherwise the `traces_sample_rate` decides.
    ///
    /// If neither a sampler nor a rate is configured, nothing is sampled and nothing is counted.
    #[must_use]
    pub fn start_trace(
        &self,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Trace> {
        let shared = self.shared();
        let trace = Trace::start(&shared.config, incoming, name, op);
        shared.count_start(&trace);
        trace
    }

    /// Like [`start_trace`](Self::start_trace), for a door whose spans already have ids, such as OpenTelemetry's.
    ///
    /// The trace keeps `trace_id` even if `incoming` is a different trace or must not be continued. In both cases the
    /// trace starts here.
    #[must_use]
    pub fn start_trace_with_id(
        &self,
        trace_id: TraceId,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Trace> {
        let incoming = incoming.filter(|incoming| incoming.trace_id() == trace_id);
        let shared = self.shared();
        let trace = Trace::start_with_id(&shared.config, trace_id, incoming, name, op);
        shared.count_start(&trace);
        trace
    }

    /// Returns whether an incoming trace is continued. A trace of another organization is not. With
    /// `strict_trace_continuation`, neither is a trace whose organization cannot be compared.
    #[must_use]
    pub fn continues(&self, incoming: &IncomingTrace) -> bool {
        should_continue(&self.shared_without_fork_check().config, incoming)
    }

    /// Returns whether the client has tracing enabled: a sample rate (0 included) or a sampler.
    #[must_use]
    pub fn is_tracing(&self) -> bool {
        !self
            .shared_without_fork_check()
            .config
            .sampling
            .is_disabled()
    }

    /// Returns whether a function of the program decides which traces are sampled. [`start_trace`](Self::start_trace) calls it.
    #[must_use]
    pub fn has_sampler(&self) -> bool {
        self.shared_without_fork_check()
            .config
            .sampling
            .has_function()
    }

    /// Counts spans of traces that are not sampled, as [`LossReason::SampleRate`].
    ///
    /// Does nothing if the client has tracing disabled, since no spans were wanted then.
    pub fn record_unsampled(&self, spans: u64) {
        let shared = self.shared_without_fork_check();
        if !shared.config.sampling.is_disabled() {
            shared.record_lost(LossReason::SampleRate, spans);
        }
    }

    /// Counts spans that the door has lost before it could hand them over.
    pub fn record_lost(&self, reason: LossReason, spans: u64) {
        self.shared_without_fork_check().record_lost(reason, spans);
    }
}
