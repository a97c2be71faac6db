//! The state of an open span, kept in the span's extensions.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use sentry_genai_conventions::{Attributes, KeyFlags, SourceSpan};
use sentry_genai_delivery::SpanIds;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    inheritance::Node,
    local_trace::{LocalTrace, UpdateTiming},
};

/// The state of a recorded span, or of the local root of a trace that is not recorded.
///
/// It is moved a few times. Up to 128 bytes, the compiler does that without calling `memcpy`.
pub(crate) struct SpanState {
    _open: Option<OpenCount>,
    /// The layer that records the span.
    layer_id: u32,
    /// How much room the attributes have before those that were replaced are dropped, as the logarithm of the bytes.
    room: u8,
    pub(crate) trace: Arc<LocalTrace>,
    /// The span to be sent; `None` if its trace is not recorded. The box goes from the start of the span to the worker without
    /// being copied.
    pub(crate) source: Option<Box<SourceSpan>>,
    pub(crate) node: Node,
}

/// The logarithm of the bytes that attributes may take before those that were replaced are looked for.
const ROOM: u8 = 18;

/// Tells a layer from others in the same subscriber, wherever it is moved to. A copy of a layer is another one.
#[derive(Debug)]
pub(crate) struct LayerId(u32);

impl Default for LayerId {
    fn default() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Clone for LayerId {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Drop for LayerId {
    fn drop(&mut self) {
        let mut gone = gone_layers();
        if no_span_is_open() {
            gone.clear();
        } else {
            gone.push(self.0);
        }
    }
}

/// The layers that were dropped while spans were open. A list, so that spans need not count references to their layer.
fn gone_layers() -> MutexGuard<'static, Vec<u32>> {
    static GONE_LAYERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    GONE_LAYERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many recorded spans are open. At zero, callbacks skip looking up the span's state.
static OPEN_SPANS: AtomicUsize = AtomicUsize::new(0);

/// Counts an open recorded span for as long as it exists.
struct OpenCount;

impl OpenCount {
    fn count() -> Self {
        OPEN_SPANS.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for OpenCount {
    fn drop(&mut self) {
        OPEN_SPANS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns whether no recorded span is open. Any span that this thread knows of has been counted before.
#[inline]
pub(crate) fn no_span_is_open() -> bool {
    OPEN_SPANS.load(Ordering::Relaxed) == 0
}

/// Marks an open span below the local root of a trace that is not recorded. Nothing else has to be known of it, so nothing is
/// allocated.
pub(crate) struct Unrecorded;

impl SpanState {
    /// Creates the state of a span that starts.
    pub(crate) fn new(
        layer_id: &LayerId,
        trace: Arc<LocalTrace>,
        source: Option<Box<SourceSpan>>,
        node: Node,
    ) -> Self {
        Self {
            _open: source.is_some().then(OpenCount::count),
            layer_id: layer_id.0,
            room: ROOM,
            trace,
            source,
            node,
        }
    }

    /// Returns whether a layer may add to the span: the layer that records it, or one that takes the place of that layer, which is
    /// gone. No layer adds to a span that is not recorded.
    #[inline]
    pub(crate) fn belongs_to(&mut self, &LayerId(id): &LayerId) -> bool {
        if self.layer_id != id && gone_layers().contains(&self.layer_id) {
            self.layer_id = id;
        }
        self.layer_id == id && self.source.is_some()
    }

    /// Returns whether what a function has returned may be content of the span.
    pub(crate) fn may_say_what_was_returned(&self) -> bool {
        self.node.is_gen_ai
            || (self.source.as_ref()).is_some_and(|source| source.may_be_agent_or_tool())
    }

    /// Evaluates the attributes that a recorded span starts with, as far as `key_flags`, which its keys indicate, call for it.
    #[inline]
    pub(crate) fn apply_initial_attributes(&mut self, key_flags: KeyFlags) {
        self.node.key_flags = key_flags;
        if (key_flags.has_gen_ai() || key_flags.has_inheritable())
            && let Some(source) = &self.source
        {
            let (node, trace) = (&mut self.node, &self.trace);
            node.apply(
                &source.attributes,
                0,
                key_flags,
                trace,
                UpdateTiming::AtStart,
            );
        }
    }

    /// Reads the user and the tags from Sentry's scope when an AI span starts: the program has usually set them by then. No span
    /// may be locked meanwhile.
    pub(crate) fn read_scope(&self) {
        if self.node.is_gen_ai {
            let delivery = self.trace.handle.delivery();
            delivery.read_scope(&self.trace.segment);
        }
    }

    /// Makes room before attributes are added to an open span, and returns how many it has.
    ///
    /// A program may record a field again for each part of an answer, or for as long as it runs.
    #[inline]
    pub(crate) fn make_room(&mut self) -> usize {
        let Some(source) = &mut self.source else {
            return 0;
        };
        if bytes(&source.attributes) >> self.room > 0 {
            source.attributes.drop_replaced();
            let power = bytes(&source.attributes).max(1).ilog2() as u8 + 2;
            self.room = power.max(ROOM);
        }
        source.attributes.records()
    }

    /// Evaluates the attributes from index `start` on, which were added while the span was open.
    pub(crate) fn apply_late_attributes(&mut self, start: usize, key_flags: KeyFlags) {
        self.node.key_flags.insert(key_flags);
        let may_change =
            key_flags.has_inheritable() || key_flags.has_gen_ai() && !self.node.is_gen_ai;
        if may_change && let Some(source) = &self.source {
            let (node, trace) = (&mut self.node, &self.trace);
            node.apply(
                &source.attributes,
                start,
                key_flags,
                trace,
                UpdateTiming::Late,
            );
        }
        if key_flags.has_span_name() {
            self.name_segment();
        }
    }

    /// If this span is the root of its segment and has been given a name, names the segment after it.
    fn name_segment(&self) {
        if let Some(source) = &self.source
            && source.span_id == self.trace.segment.local_root()
            && let Some(name) = given_name(&source.attributes)
        {
            self.trace.segment.set_name(name);
        }
    }

    pub(crate) fn ids(&self) -> SpanIds {
        match &self.source {
            Some(source) => SpanIds::new(source.trace_id, source.span_id, source.parent_span_id),
            None => SpanIds::new(
                self.trace.trace_id,
                self.trace.segment.local_root(),
                self.trace.segment.trace().parent_span_id(),
            ),
        }
    }
}

/// Returns about how many bytes the attributes take, each with 64 bytes for its key and type.
#[inline]
fn bytes(attributes: &Attributes) -> usize {
    attributes.text_bytes() + 64 * attributes.records()
}

/// Returns the name that the span's fields give it, if any.
pub(crate) fn given_name(attributes: &Attributes) -> Option<&str> {
    ["sentry.name", "otel.name"]
        .into_iter()
        .find_map(|key| attributes.text(key))
}

/// Returns the ids of the innermost span that has any, from `span` outwards, and a reference to the trace, which lives as long as
/// any of its spans. In a trace that is not recorded, the ids are those of the local root.
pub(crate) fn ids_and_trace_of<'a, R: LookupSpan<'a>>(
    span: SpanRef<'a, R>,
) -> Option<(SpanIds, Weak<LocalTrace>)> {
    span.scope().find_map(|span| {
        let extensions = span.extensions();
        let state = extensions.get::<SpanState>()?;
        Some((state.ids(), Arc::downgrade(&state.trace)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_small() {
        assert!(size_of::<SpanState>() <= 128, "{}", size_of::<SpanState>());
    }
}
