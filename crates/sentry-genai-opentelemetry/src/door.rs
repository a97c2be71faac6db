//! The door: spans of the OpenTelemetry SDK in, source spans with what they inherit out. It knows no version of the SDK.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sentry_core::Client;
use sentry_genai_conventions::{SourceSpan, SpanId, Timestamp, TraceId, name_at_start};
use sentry_genai_delivery::{
    Delivery, IncomingTrace, Options, Prepared, Segment, Trace, on_delivery_thread,
};

use crate::{
    batch::{self, Place},
    ended::{Ended, Received, Remainder},
    identity::Identity,
    intake::Intake,
    node::{Node, Surroundings},
    open_spans::{Key, OpenSpans, SpanTable},
    scopes::ScopeNames,
};

/// What SDKs and exporters hold on to.
pub(crate) struct Door {
    delivery: OnceLock<Option<Delivery>>,
    prepared: Mutex<Option<Prepared>>,
    ownership: Ownership,
    flush_timeout: Duration,
    text_room: usize,
    scopes: Arc<ScopeNames>,
    pub(crate) spans: SpanTable<Arc<Segment>>,
    is_shut_down: AtomicBool,
}

/// A span in the table of a door.
pub(crate) type SegmentNode = Arc<Node<Arc<Segment>>>;

/// Whether shutting down ends the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    Own,
    Shared,
}

/// Where a span comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    None,
    Local(SpanId),
    Remote(SpanId),
}

/// A span that starts without a parent here that is known.
pub(crate) struct Start<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent: Parent,
    pub(crate) name: &'a str,
    /// `gen_ai.operation.name`, if the span says it.
    pub(crate) operation: Option<&'a str>,
    pub(crate) identity: Identity,
    pub(crate) surroundings: Surroundings,
}

/// Whether something was done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    TimedOut(Duration),
    AlreadyShutDown,
}

/// What is known of the program from the resource of its telemetry.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    pub(crate) release: Option<String>,
    pub(crate) environment: Option<String>,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl Door {
    /// Creates a door for a client. Its delivery starts when the resource or the first span is known.
    pub(crate) fn new(client: &Client, options: Options) -> Self {
        let client_options = client.options();
        Self {
            text_room: options.content_limits().text_room(),
            delivery: OnceLock::new(),
            prepared: Mutex::new(options.prepare(client_options)),
            ownership: Ownership::Own,
            flush_timeout: client_options.shutdown_timeout.max(DEFAULT_TIMEOUT),
            scopes: Arc::default(),
            spans: SpanTable::new(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// Creates a door to a delivery that others use, too.
    pub(crate) fn shared(delivery: Delivery) -> Self {
        Self {
            text_room: delivery.content_limits().text_room(),
            delivery: OnceLock::from(Some(delivery)),
            prepared: Mutex::new(None),
            ownership: Ownership::Shared,
            flush_timeout: DEFAULT_TIMEOUT,
            scopes: Arc::default(),
            spans: SpanTable::new(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    /// Learns where the spans come from. Too late once the delivery has started.
    pub(crate) fn set_origin(&self, origin: Origin) {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        *prepared = prepared.take().map(|mut prepared| {
            if let Some(release) = origin.release {
                prepared = prepared.with_default_release(release);
            }
            if let Some(environment) = origin.environment {
                prepared = prepared.with_default_environment(environment);
            }
            prepared
        });
    }

    /// Returns what spans are given to; `None` without a DSN.
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        let delivery = self.delivery.get_or_init(|| {
            let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            prepared.take().map(Prepared::start)
        });
        delivery.as_ref()
    }

    /// Returns how to take over spans.
    pub(crate) fn intake(&self) -> Intake<'_> {
        Intake {
            room: self.text_room,
            scopes: &self.scopes,
        }
    }

    /// Returns whether a span that starts now may be sent. What hooks do on our own threads must not come back as spans.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_shut_down() && self.delivery().is_some() && !on_delivery_thread()
    }

    /// Finds the parent of a span, if that is one of this process and not forgotten.
    pub(crate) fn parent_node(&self, trace_id: TraceId, parent: Parent) -> Option<SegmentNode> {
        match parent {
            Parent::Local(parent) => self.spans.find_parent((trace_id, parent)),
            Parent::None | Parent::Remote(_) => None,
        }
    }

    /// Notes a span that starts below another one. One in a trace that is not sent is noted as that other one: nothing has to be
    /// known of it but its trace.
    pub(crate) fn start_below(&self, key: Key, node: SegmentNode) {
        // Not at an end, which may come as the thread goes away, and Sentry's scope before it.
        if node.segment.lacks_user()
            && node.segment.trace().recorded()
            && let Some(delivery) = self.delivery()
        {
            delivery.note_user(&node.segment);
        }
        self.spans.insert(key, node);
    }

    /// Notes a span that starts without a parent here that is known.
    pub(crate) fn start_root(&self, span: Start<'_>) {
        let Some(delivery) = self.delivery() else {
            return;
        };
        let segment = new_segment(delivery, &span);
        let node = Node::new(segment, None, span.identity, span.surroundings);
        self.spans.insert((span.trace_id, span.span_id), node);
    }

    /// Hands over a span that has ended, to be read only if its trace is sent, and not here.
    pub(crate) fn end(&self, mut span: impl Ended) {
        if on_delivery_thread() {
            return;
        }
        let Some(delivery) = self.delivery() else {
            return;
        };
        let node = self.spans.end(span.ids());
        if let Some(node) = &node
            && !node.segment.trace().recorded()
        {
            delivery.record_unsampled(1);
            return;
        }
        let bytes = span.footprint();
        if let Some(node) = &node
            && bytes <= self.text_room
            && !delivery.is_behind()
        {
            return self.hand_over(delivery, span, bytes, node);
        }
        // A long text is cut where it is read, and should not wait for that; and many threads read more than one.
        let (trace_id, span_id) = span.ids();
        let mut source = SourceSpan::new(trace_id, span_id, "", Timestamp::default());
        source.attributes = delivery.attributes(0);
        span.read(&mut source, self.intake());
        let parent = span.parent();
        // If not noted, it was forgotten, or started before this door was there.
        let node = node.unwrap_or_else(|| self.late_node(delivery, &source, parent));
        let bytes = source.footprint();
        self.hand_over(delivery, Received { source, parent }, bytes, &node);
    }

    fn hand_over(&self, delivery: &Delivery, span: impl Ended, bytes: usize, node: &SegmentNode) {
        let remainder = Remainder {
            span,
            node: Arc::clone(node),
            room: self.text_room,
            scopes: Arc::clone(&self.scopes),
        };
        delivery.send_unread(Box::new(remainder), bytes, &node.segment);
    }

    /// Hands over spans that have all ended, and of whose start nothing was seen.
    ///
    /// A parent that is not among them is expected to come later and to be the root of the segment.
    pub(crate) fn receive(&self, spans: Vec<Received>) {
        let Some(delivery) = self.delivery() else {
            return;
        };
        let placed = spans.iter().map(|span| (&span.source, span.parent));
        batch::place(&self.spans, placed, |source, place| match place {
            Place::Root(parent) => new_segment(delivery, &unseen_start(source, parent)),
            Place::Below(parent, known) => expected_segment(delivery, source, parent, known),
        });
        for span in spans {
            self.end(span);
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

    pub(crate) fn open_spans(&self) -> OpenSpans {
        self.spans.count()
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Acquire)
    }

    fn late_node(&self, delivery: &Delivery, source: &SourceSpan, parent: Parent) -> SegmentNode {
        let above = self.parent_node(source.trace_id, parent);
        let segment = match &above {
            Some(parent) => Arc::clone(&parent.segment),
            None => new_segment(delivery, &unseen_start(source, parent)),
        };
        let identity = Identity::of(&source.attributes, &Identity::default());
        Node::new(segment, above, identity, Surroundings::default())
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

/// Opens a segment for the parent of a span, which is expected to be its root.
fn expected_segment(
    delivery: &Delivery,
    child: &SourceSpan,
    parent: SpanId,
    known: Option<&Arc<Segment>>,
) -> Arc<Segment> {
    let trace = match known {
        Some(segment) => Arc::clone(segment.trace()),
        None => start_trace(
            delivery,
            child.trace_id,
            Parent::None,
            None,
            &child.name,
            child.attributes.text("gen_ai.operation.name"),
        ),
    };
    Arc::new(Segment::new(trace, parent, ""))
}

/// Reconstructs the start of a span from its end.
fn unseen_start(source: &SourceSpan, parent: Parent) -> Start<'_> {
    Start {
        trace_id: source.trace_id,
        span_id: source.span_id,
        parent,
        name: &source.name,
        operation: source.attributes.text("gen_ai.operation.name"),
        identity: Identity::default(),
        surroundings: Surroundings::default(),
    }
}

/// Opens a segment for a span that has no parent here that is known.
fn new_segment(delivery: &Delivery, span: &Start<'_>) -> Arc<Segment> {
    let trace = start_trace(
        delivery,
        span.trace_id,
        span.parent,
        span.surroundings.incoming_trace.as_deref(),
        span.name,
        span.operation,
    );
    // Its spans may leave before it has ended, and have to say what it will be called.
    let agent = span.identity.agent.as_deref();
    let name = span.operation.and_then(|operation| {
        name_at_start(operation, |key| {
            agent.filter(|_| key == "gen_ai.agent.name")
        })
    });
    Arc::new(Segment::new(
        trace,
        span.span_id,
        name.as_deref().unwrap_or(span.name),
    ))
}

/// Starts a trace, or takes part in the one that came in, and asks Sentry's sampling for what OpenTelemetry's let through.
pub(crate) fn start_trace(
    delivery: &Delivery,
    trace_id: TraceId,
    parent: Parent,
    incoming: Option<&IncomingTrace>,
    name: &str,
    operation: Option<&str>,
) -> Arc<Trace> {
    let op = operation.map_or_else(String::new, |operation| format!("gen_ai.{operation}"));
    let incoming = incoming
        .filter(|incoming| incoming.trace_id() == trace_id)
        .cloned();
    let incoming = match parent {
        Parent::None => None,
        // The parent was not recorded: the trace did not start with this span.
        Parent::Local(parent) | Parent::Remote(parent) => Some(match incoming {
            Some(incoming) => incoming.with_parent_span_id(parent),
            None => IncomingTrace::remote(trace_id, parent),
        }),
    };
    delivery.start_trace_with_id(trace_id, incoming.as_ref(), name, &op)
}
