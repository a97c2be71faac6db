//! A trace that this process takes part in.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use sentry_core::protocol::OrganizationId;
use sentry_genai_conventions::{SpanId, TraceId};

use crate::{
    config::Config,
    dsc::{Dsc, looks_like_url, write_to_baggage, write_to_json},
    ids::new_trace_id,
    incoming::IncomingTrace,
    json::hex,
    overflow::Overflow,
    sampling::Decision,
};

/// A trace with its id, its sampling decision and its dynamic sampling context (DSC).
///
/// [`Delivery::start_trace`](crate::Delivery::start_trace) creates one for every local root. The DSC is frozen when it
/// is first sent anywhere, in a header or in an envelope.
///
/// ```text
///         ┌──▶ sampled: its spans are sent ◀───────────────┐
/// start ──┼──▶ held: its spans wait ── an AI span, kept ───┘
///         │      └── its segment ends, or no room ──▶ its spans are counted as lost
///         └──▶ unsampled: its spans are not recorded, or only measured
/// ```
///
/// Traces are held only if [AI traces are kept](crate::Options::with_keep_ai_traces).
pub struct Trace {
    config: Arc<Config>,
    trace_id: TraceId,
    incoming: Option<IncomingTrace>,
    decision: Decision,
    /// Whether the trace contains an AI span, as far as is known.
    has_ai: AtomicBool,
    overflow: Overflow,
    transaction: Mutex<Option<Arc<str>>>,
    frozen_dsc: OnceLock<FrozenDsc>,
}

/// The parts of the DSC that can change until it is frozen.
#[derive(Debug)]
struct FrozenDsc {
    decision: Decision,
    transaction: Option<Arc<str>>,
}

/// The members of an incoming DSC, and which of them are passed on.
struct IncomingMembers<'a> {
    dsc: Option<&'a Dsc>,
    overrides_decision: bool,
    replaces_key: bool,
}

impl IncomingMembers<'_> {
    fn passes_on(&self, key: &str) -> bool {
        match key {
            "sampled" | "sample_rate" => !self.overrides_decision,
            "public_key" => !self.replaces_key,
            // An alias of `transaction`. Sentry does not accept both.
            "segment_name" => self.dsc.is_none_or(|dsc| dsc.get("transaction").is_none()),
            _ => true,
        }
    }

    /// Returns whether there is such a member, and it is passed on.
    fn has_passed_on(&self, key: &str) -> bool {
        self.passes_on(key) && self.dsc.is_some_and(|dsc| dsc.get(key).is_some())
    }
}

impl Trace {
    /// Starts a trace, or continues `incoming`, and makes the sampling decision.
    ///
    /// An incoming trace of another organization is not continued. With `strict_trace_continuation`, neither is a trace
    /// whose organization cannot be compared.
    #[must_use]
    pub fn start(
        config: &Arc<Config>,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Self> {
        Self::start_with_id(config, new_trace_id(), incoming, name, op)
    }

    /// Like [`start`](Self::start), for a trace that already has an id if it starts here.
    pub(crate) fn start_with_id(
        config: &Arc<Config>,
        trace_id: TraceId,
        incoming: Option<&IncomingTrace>,
        name: &str,
        op: &str,
    ) -> Arc<Self> {
        let incoming = incoming.filter(|trace| should_continue(config, trace));
        let trace_id = incoming.map_or(trace_id, IncomingTrace::trace_id);
        Arc::new(Self {
            trace_id,
            decision: Decision::make(&config.sampling, incoming, trace_id, name, op),
            incoming: incoming.cloned(),
            config: Arc::clone(config),
            has_ai: AtomicBool::new(false),
            overflow: Overflow::default(),
            transaction: Mutex::new(None),
            frozen_dsc: OnceLock::new(),
        })
    }

    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the parent of the local root. Returns `None` if the trace starts here.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.incoming.as_ref().map(IncomingTrace::parent_span_id)
    }

    /// Returns whether the spans of this trace are sent, as far as is known now. They never are if tracing is disabled.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.current_decision().is_sampled()
    }

    /// Returns whether the spans of this trace should be handed over. This is the case if the trace is sampled, if it
    /// may still be [kept](crate::Options::with_keep_ai_traces), or if its model calls are measured.
    #[must_use]
    pub fn recorded(&self) -> bool {
        self.may_be_sent() || self.config.settings.meter.is_some()
    }

    /// Whether the trace is sampled or may still be kept.
    pub(crate) fn may_be_sent(&self) -> bool {
        self.decision.is_sampled() || self.may_be_kept()
    }

    /// Records that this trace contains an AI span, which may be a reason to keep it.
    ///
    /// A door that recognises the span at its start should call this then, so that the next service learns of the
    /// decision. Otherwise the delivery notices the span when it has ended.
    pub fn note_ai_span(&self) {
        self.has_ai.store(true, Ordering::Relaxed);
    }

    /// Marks the trace as dropped for lack of memory, so that its later spans are dropped too. Does nothing if the trace
    /// would not be sent anyway.
    pub(crate) fn mark_dropped(&self) {
        if self.may_be_sent() {
            self.overflow.mark(Instant::now());
        }
    }

    /// Whether the trace is marked as dropped.
    pub(crate) fn is_dropped(&self) -> bool {
        self.overflow.is_marked()
    }

    /// Returns whether it is still undecided whether the trace is sent.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.sampled() && self.may_be_kept()
    }

    /// Whether its spans are sent with a sample rate of 1, whatever the configured rate is.
    pub(crate) fn has_full_sample_rate(&self) -> bool {
        self.config.settings.keep_ai_traces && self.has_ai.load(Ordering::Relaxed)
    }

    fn may_be_kept(&self) -> bool {
        self.config.settings.keep_ai_traces && self.decision.may_be_revised()
    }

    fn current_decision(&self) -> Decision {
        if self.may_be_kept() && self.has_ai.load(Ordering::Relaxed) {
            self.decision.revised()
        } else {
            self.decision
        }
    }

    /// Returns the value of the `sentry-trace` header for a request made by the span `span_id`.
    #[must_use]
    pub fn sentry_trace_header(&self, span_id: SpanId) -> String {
        let trace_id = self.trace_id;
        match self.current_decision().flag() {
            Some(sampled) => format!("{trace_id}-{span_id}-{}", u8::from(sampled)),
            None => format!("{trace_id}-{span_id}"),
        }
    }

    /// Returns the value of the `traceparent` header for a request made by the span `span_id`.
    #[must_use]
    pub fn traceparent_header(&self, span_id: SpanId) -> String {
        let flags = u8::from(self.sampled());
        format!("00-{}-{span_id}-{flags:02x}", self.trace_id)
    }

    /// Returns Sentry's members of the `baggage` header, and freezes the DSC.
    ///
    /// An incoming DSC is passed on unchanged, unless it contains a decision or a rate and the decision was made here.
    /// If the trace was continued without a DSC, the result is empty, because only the head of a trace may make
    /// statements about it.
    #[must_use]
    pub fn baggage_header(&self) -> String {
        let frozen = self.frozen_dsc();
        let mut header = String::new();
        match self.incoming.as_ref().and_then(IncomingTrace::dsc) {
            Some(incoming) if !self.overrides_incoming(frozen) => header = incoming.to_baggage(),
            _ => self.for_each_member(frozen, false, |key, value| {
                write_to_baggage(&mut header, key, value);
            }),
        }
        header
    }

    /// Names the trace after its first segment, unless the DSC is frozen.
    pub(crate) fn set_transaction(&self, name: &Arc<str>) {
        if self.frozen_dsc.get().is_none() {
            *self.lock_transaction() = Some(Arc::clone(name));
        }
    }

    pub(crate) fn has_transaction(&self) -> bool {
        self.lock_transaction().is_some()
    }

    /// Writes the DSC for an envelope, and freezes it.
    ///
    /// If a trace is kept after its DSC was sent with a negative decision, its envelopes still say that it is sampled.
    pub(crate) fn write_dsc(&self, buffer: &mut Vec<u8>) {
        let frozen = self.frozen_dsc();
        let was_sampled = match self.incoming_dsc().and_then(|dsc| dsc.get("sampled")) {
            Some(sampled) if !self.overrides_incoming(frozen) => sampled == "true",
            _ => frozen.decision.flag() == Some(true),
        };
        let is_kept = self.may_be_kept() && !was_sampled;
        buffer.push(b'{');
        self.for_each_member(frozen, is_kept, |key, value| {
            write_to_json(buffer, key, value);
        });
        // Every member ends with a comma, and there is at least the trace id.
        buffer.pop();
        buffer.push(b'}');
    }

    /// Freezes the DSC.
    fn frozen_dsc(&self) -> &FrozenDsc {
        self.frozen_dsc.get_or_init(|| FrozenDsc {
            decision: self.current_decision(),
            transaction: self.lock_transaction().clone(),
        })
    }

    /// Whether the decision was made here although the incoming DSC has one, or a rate. Then the head had left the
    /// decision to this service, or a `traces_sampler` decided otherwise.
    fn overrides_incoming(&self, frozen: &FrozenDsc) -> bool {
        let has_decision = |dsc: &Dsc| dsc.get("sampled").or(dsc.get("sample_rate")).is_some();
        matches!(frozen.decision, Decision::Drawn { .. })
            && self.incoming_dsc().is_some_and(has_decision)
    }

    /// Passes the members of the DSC to `member`, one by one.
    ///
    /// Incoming members stay as they are; those that an envelope needs are added. If the trace `is_kept`, it counts as
    /// sampled, whatever was said before. If the decision was made here, it replaces the incoming one.
    fn for_each_member(
        &self,
        frozen: &FrozenDsc,
        is_kept: bool,
        mut member: impl FnMut(&str, &str),
    ) {
        let incoming = self.incoming_members(frozen);
        // A trace id that differs from that of the spans would cost the whole envelope.
        let trace_id = hex(&self.trace_id.to_bytes());
        let trace_id = str::from_utf8(trace_id.as_flattened()).unwrap_or_default();
        member("trace_id", trace_id);
        for (key, value) in incoming.dsc.into_iter().flat_map(Dsc::members) {
            match key {
                "trace_id" => {}
                "sampled" | "sample_rate" if is_kept => {}
                _ if incoming.passes_on(key) => member(key, value),
                _ => {}
            }
        }
        if !incoming.has_passed_on("public_key") {
            member("public_key", self.config.dsn.public_key());
        }
        // A decision and a rate that came in are not passed on if the decision was made here.
        if let Decision::Drawn { rate, rand, .. } = frozen.decision {
            if !is_kept {
                member("sample_rate", &rate.text());
            }
            if !incoming.has_passed_on("sample_rand") {
                member("sample_rand", &rand.text());
            }
        }
        if is_kept {
            member("sample_rate", "1");
            member("sampled", "true");
        } else if let Some(sampled) = frozen.decision.flag()
            && !incoming.has_passed_on("sampled")
        {
            member("sampled", if sampled { "true" } else { "false" });
        }
        if incoming.dsc.is_none() {
            self.add_head_members(frozen, member);
        }
    }

    fn incoming_members(&self, frozen: &FrozenDsc) -> IncomingMembers<'_> {
        let dsc = self.incoming_dsc();
        let ours = self.config.dsn.public_key();
        let theirs = dsc.and_then(|dsc| dsc.get("public_key"));
        IncomingMembers {
            dsc,
            overrides_decision: self.overrides_incoming(frozen),
            // Sentry tolerates the key of another project, but a malformed key would cost the whole envelope.
            replaces_key: theirs.is_some_and(|key| !is_project_key(key)) && is_project_key(ours),
        }
    }

    fn add_head_members(&self, frozen: &FrozenDsc, mut member: impl FnMut(&str, &str)) {
        if let Some(release) = &self.config.release {
            member("release", release);
        }
        member("environment", self.config.environment());
        if let Some(name) = &frozen.transaction
            && self.incoming.is_none()
            && !looks_like_url(name)
        {
            member("transaction", name);
        }
        if let Some(org_id) = self.config.org_id {
            member("org_id", &org_id.to_string());
        }
    }

    /// The incoming DSC, if it has any members.
    fn incoming_dsc(&self) -> Option<&Dsc> {
        let dsc = self.incoming.as_ref()?.dsc()?;
        (!dsc.is_empty()).then_some(dsc)
    }

    fn lock_transaction(&self) -> std::sync::MutexGuard<'_, Option<Arc<str>>> {
        self.transaction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("trace_id", &self.trace_id)
            .field("parent_span_id", &self.parent_span_id())
            .field("decision", &self.decision)
            .finish_non_exhaustive()
    }
}

/// Whether Sentry's servers accept `text` as the public key of a project.
fn is_project_key(text: &str) -> bool {
    text.len() == 32 && text.is_ascii()
}

pub(crate) fn should_continue(config: &Config, incoming: &IncomingTrace) -> bool {
    incoming.is_adopted()
        || is_same_organization(
            incoming.org_id(),
            config.org_id,
            config.strict_trace_continuation,
        )
}

/// As in the Sentry SDKs: two different organizations never match, and an unknown one matches only if that is
/// tolerated.
fn is_same_organization(
    theirs: Option<OrganizationId>,
    ours: Option<OrganizationId>,
    strict: bool,
) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => theirs == ours,
        (None, None) => true,
        _ => !strict,
    }
}

#[cfg(test)]
mod tests;
