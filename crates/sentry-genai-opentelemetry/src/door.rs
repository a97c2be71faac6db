//! The door: the entry point for spans of the OpenTelemetry SDK, independent of its version. It tracks open spans, and hands those
//! that have ended to the delivery, with what they inherit.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sentry_core::Client;
use sentry_genai_conventions::{
    SourceSpan, SpanId, TextRoom, TraceId, op_at_start, segment_name_at_start,
};
use sentry_genai_delivery::{
    Delivery, IncomingTrace, Options, Prepared, Segment, SendFailure, Stats, Trace,
    on_delivery_thread,
};

use crate::{
    batch::{self, SegmentQuery},
    ended::{DeferredSpan, Ended, ReadSpan},
    identity::{Identity, IdentityAtStart},
    node::{AmbientContext, Node},
    open_spans::{EndedSpan, Key, OpenSpans, SpanTable},
    recently_ended::Evicted,
};

/// The state that a processor, an exporter and their clones share.
pub(crate) struct Door {
    delivery: OnceLock<Option<Delivery>>,
    prepared: Mutex<Option<Prepared>>,
    ownership: Ownership,
    flush_timeout: Duration,
    room: TextRoom,
    pub(crate) spans: SpanTable<Arc<Segment>>,
    is_shut_down: AtomicBool,
}

/// A span in the table of open spans.
pub(crate) type SegmentNode = Arc<Node<Arc<Segment>>>;

/// Whether the delivery ends when the door is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    Own,
    Shared,
}

/// The parent of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    None,
    Local(SpanId),
    Remote(SpanId),
}

/// What is known of a span when it starts.
pub(crate) enum StartInfo {
    /// The span starts below a known one; this is its node.
    Child(SegmentNode),
    /// The span has no known parent in this process.
    Root(Box<Root>),
}

/// A span that starts without a known parent in this process.
pub(crate) struct Root {
    pub(crate) name: String,
    /// What a sampler is told of the span's op.
    pub(crate) op: String,
    /// The name that the span will get, if that is not `name`: spans below it may be sent before it has ended.
    pub(crate) segment_name: Option<String>,
    /// Whether the span starts with an attribute about GenAI.
    pub(crate) is_gen_ai: bool,
    pub(crate) identity: IdentityAtStart,
    pub(crate) ambient_context: AmbientContext,
}

impl Root {
    /// Reconstructs the start of a span from its end.
    fn reconstruct(source: &SourceSpan) -> Self {
        Self {
            name: source.name.to_string(),
            op: op_at_start(&source.attributes),
            segment_name: segment_name_at_start(&source.name, source.kind, &source.attributes),
            // The delivery reads that of ended spans.
            is_gen_ai: false,
            identity: IdentityAtStart::default(),
            ambient_context: AmbientContext::default(),
        }
    }
}

/// The result of a flush or a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    TimedOut(Duration),
    AlreadyShutDown,
}

/// What the telemetry's resource says about the program.
#[derive(Debug, Default)]
pub(crate) struct ResourceInfo {
    pub(crate) release: Option<String>,
    pub(crate) environment: Option<String>,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl Door {
    /// Creates a door for a client. Its delivery starts with the first span, by which time the resource is known.
    pub(crate) fn new(client: &Client, options: Options) -> Self {
        let client_options = client.options();
        Self {
            room: options.translation(client_options).text_room(),
            delivery: OnceLock::new(),
            prepared: Mutex::new(options.prepare(client_options)),
            ownership: Ownership::Own,
            flush_timeout: client_options.shutdown_timeout.max(DEFAULT_TIMEOUT),
            spans: SpanTable::new(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// Creates a door to a delivery shared with others.
    pub(crate) fn shared(delivery: Delivery) -> Self {
        Self {
            room: delivery.text_room(),
            delivery: OnceLock::from(Some(delivery)),
            prepared: Mutex::new(None),
            ownership: Ownership::Shared,
            flush_timeout: DEFAULT_TIMEOUT,
            spans: SpanTable::new(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// Sets release and environment. This has no effect once the delivery has started.
    pub(crate) fn set_resource_info(&self, info: ResourceInfo) {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        *prepared = prepared.take().map(|mut prepared| {
            if let Some(release) = info.release {
                prepared = prepared.with_default_release(release);
            }
            if let Some(environment) = info.environment {
                prepared = prepared.with_default_environment(environment);
            }
            prepared
        });
    }

    /// Returns the delivery; `None` without a DSN or Spotlight.
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        let delivery = self.delivery.get_or_init(|| {
            let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            prepared.take().map(Prepared::start)
        });
        delivery.as_ref()
    }

    /// Returns the maximum length of a text that is copied, in bytes.
    pub(crate) fn text_room(&self) -> TextRoom {
        self.room
    }

    /// Returns whether a span that starts now may be sent. What hooks trace on the delivery's own threads must not produce spans.
    pub(crate) fn accepts_spans(&self) -> bool {
        !self.is_shut_down() && self.delivery().is_some() && !on_delivery_thread()
    }

    /// Finds the parent of a span, if it belongs to this process and was not forgotten.
    pub(crate) fn parent_node(&self, trace_id: TraceId, parent: Parent) -> Option<SegmentNode> {
        match parent {
            Parent::Local(parent) => self.spans.find_parent((trace_id, parent)),
            Parent::None | Parent::Remote(_) => None,
        }
    }

    /// Registers a span that starts.
    pub(crate) fn start(&self, ids: Key, parent: Parent, info: StartInfo) {
        match info {
            StartInfo::Child(node) => self.start_child(ids, node),
            StartInfo::Root(root) => self.start_root(ids, parent, *root),
        }
    }

    /// Registers a span that starts below another one. In a trace that is not recorded, the span shares its parent's node, since
    /// nothing but its trace has to be known.
    fn start_child(&self, ids: Key, node: SegmentNode) {
        // Read the scope at the start, not at the end: a span may end while its thread is being destroyed, after Sentry's
        // scope is gone.
        if node.segment.may_read_scope()
            && node.segment.trace().recorded()
            && let Some(delivery) = self.delivery()
        {
            delivery.read_scope(&node.segment);
        }
        self.spans.insert(ids, node);
    }

    fn start_root(&self, ids: Key, parent: Parent, root: Root) {
        let Some(delivery) = self.delivery() else {
            return;
        };
        let segment = new_segment(delivery, ids, parent, &root);
        if root.is_gen_ai {
            segment.trace().note_ai_span();
        }
        let node = Node::new(segment, None, root.identity, root.ambient_context);
        self.spans.insert(ids, node);
    }

    /// Hands over a span that has ended. It is read only if its trace is recorded, and if possible not on this thread.
    pub(crate) fn end(&self, ids: Key, span: impl Ended) {
        if on_delivery_thread() {
            return;
        }
        let Some(delivery) = self.delivery() else {
            return;
        };
        let Some(EndedSpan { node, evicted }) = self.spans.end(ids) else {
            return self.read_and_send(delivery, ids, span, None);
        };
        if !node.segment.trace().recorded() {
            return delivery.record_unsampled(1);
        }
        // A request waits for the end of its root, and there is only one root for many spans.
        let is_root = node.segment.local_root() == ids.1;
        let evicted = if is_root { evicted } else { Evicted::default() };
        let bytes = span.footprint();
        if bytes <= self.room.bytes() && (is_root || !delivery.is_behind()) {
            let segment = Arc::clone(&node.segment);
            // Writing to memory that comes from another thread takes longer.
            let spent = if is_root { None } else { delivery.spent_box() };
            let span = DeferredSpan::boxed(spent, ids, self.room, span, node, evicted);
            delivery.send_unread(span, bytes, segment);
        } else {
            self.read_and_send(delivery, ids, span, Some(node));
        }
    }

    /// Reads a span on this thread. This is for a span that is not registered, for one with a long text, which is cut while it is
    /// read and should not wait uncut, and for any span if the delivery is behind: many threads read faster than one.
    fn read_and_send(
        &self,
        delivery: &Delivery,
        ids: Key,
        mut span: impl Ended,
        node: Option<SegmentNode>,
    ) {
        let mut source = delivery.record(0);
        (source.trace_id, source.span_id) = ids;
        let settled = node.as_ref().map_or(0, |node| node.settled_attributes());
        let says_more = span.says_more(settled);
        span.read(&mut source, self.room);
        self.send_read(delivery, source, span.parent(), node, says_more);
    }

    fn send_read(
        &self,
        delivery: &Delivery,
        source: Box<SourceSpan>,
        parent: Parent,
        node: Option<SegmentNode>,
        says_more: bool,
    ) {
        // A span that is not registered was forgotten, or started before this door existed.
        let node = node.unwrap_or_else(|| self.reconstruct_node(delivery, &source, parent));
        let bytes = source.footprint();
        let segment = Arc::clone(&node.segment);
        let span = ReadSpan {
            source,
            node,
            says_more,
        };
        delivery.send_unread(Box::new(span), bytes, segment);
    }

    /// Hands over spans that have all ended and whose starts were not seen.
    ///
    /// A parent that is not among them is expected to come later, and to be the root of the segment.
    pub(crate) fn receive(&self, spans: Vec<(Box<SourceSpan>, Parent)>) {
        if on_delivery_thread() {
            return;
        }
        let Some(delivery) = self.delivery() else {
            return;
        };
        let spans_with_parents = spans.iter().map(|(source, parent)| (&**source, *parent));
        batch::register(
            &self.spans,
            spans_with_parents,
            |source, query| match query {
                SegmentQuery::Root(parent) => {
                    let ids = (source.trace_id, source.span_id);
                    new_segment(delivery, ids, parent, &Root::reconstruct(source))
                }
                SegmentQuery::Child(parent, known) => {
                    expected_segment(delivery, source, parent, known)
                }
            },
        );
        for (source, parent) in spans {
            let ended = self.spans.end((source.trace_id, source.span_id));
            let node = ended.map(|ended| ended.node);
            self.send_read(delivery, source, parent, node, true);
        }
    }

    pub(crate) fn flush(&self) -> Outcome {
        if self.is_shut_down() {
            return Outcome::AlreadyShutDown;
        }
        let timeout = self.flush_timeout;
        match self.delivery() {
            Some(delivery) if !delivery.flush(timeout) => Outcome::TimedOut(timeout),
            _ => Outcome::Done,
        }
    }

    pub(crate) fn shut_down(&self, timeout: Duration) -> Outcome {
        if self.is_shut_down.swap(true, Ordering::AcqRel) {
            return Outcome::AlreadyShutDown;
        }
        self.spans.clear();
        let Some(delivery) = self.delivery() else {
            return Outcome::Done;
        };
        let complete = match self.ownership {
            Ownership::Own => delivery.close(timeout),
            Ownership::Shared => delivery.flush(timeout),
        };
        if complete {
            Outcome::Done
        } else {
            Outcome::TimedOut(timeout)
        }
    }

    /// Returns the figures of the delivery; zeros without one.
    pub(crate) fn stats(&self) -> Stats {
        self.delivery().map_or_else(Stats::default, Delivery::stats)
    }

    pub(crate) fn last_failure(&self) -> Option<SendFailure> {
        self.delivery()?.last_failure()
    }

    pub(crate) fn open_spans(&self) -> OpenSpans {
        self.spans.count()
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Acquire)
    }

    fn reconstruct_node(
        &self,
        delivery: &Delivery,
        source: &SourceSpan,
        parent: Parent,
    ) -> SegmentNode {
        let parent_node = self.parent_node(source.trace_id, parent);
        let segment = match &parent_node {
            Some(parent) => Arc::clone(&parent.segment),
            None => {
                let ids = (source.trace_id, source.span_id);
                new_segment(delivery, ids, parent, &Root::reconstruct(source))
            }
        };
        let identity = Identity::of(&source.attributes, &Identity::default());
        Node::new(segment, parent_node, identity, AmbientContext::default())
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("delivery", &self.delivery.get())
            .field("ownership", &self.ownership)
            .field("spans", &self.open_spans())
            .finish_non_exhaustive()
    }
}

/// Creates a segment whose root is expected to be the parent of `child`.
fn expected_segment(
    delivery: &Delivery,
    child: &SourceSpan,
    parent: SpanId,
    known: Option<&Arc<Segment>>,
) -> Arc<Segment> {
    let trace = match known {
        Some(segment) => Arc::clone(segment.trace()),
        None => {
            let root = Root::reconstruct(child);
            start_trace(delivery, child.trace_id, Parent::None, &root)
        }
    };
    Arc::new(Segment::new(trace, parent, ""))
}

/// Creates a segment for a span that has no known parent in this process.
fn new_segment(
    delivery: &Delivery,
    (trace_id, span_id): Key,
    parent: Parent,
    root: &Root,
) -> Arc<Segment> {
    let trace = start_trace(delivery, trace_id, parent, root);
    let name = root.segment_name.as_deref().unwrap_or(&root.name);
    Arc::new(Segment::new(trace, span_id, name))
}

/// Starts a trace, or continues the incoming one, and applies Sentry's sampling to what OpenTelemetry's sampler let through.
fn start_trace(delivery: &Delivery, trace_id: TraceId, parent: Parent, root: &Root) -> Arc<Trace> {
    let incoming = root.ambient_context.incoming_trace.as_deref();
    let incoming = incoming
        .filter(|incoming| incoming.trace_id() == trace_id)
        .cloned();
    let incoming = match parent {
        Parent::None => None,
        // The parent was not recorded here, so the trace did not start with this span.
        Parent::Local(parent) | Parent::Remote(parent) => {
            Some(incoming.unwrap_or_else(|| IncomingTrace::remote(trace_id, parent)))
        }
    };
    delivery.start_trace_with_id(trace_id, incoming.as_ref(), &root.name, &root.op)
}
