//! A trace as this process takes part in it.

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

/// A trace: its ids, its sampling decision and its dynamic sampling context (DSC).
///
/// Made by [`Delivery::start_trace`](crate::Delivery::start_trace), once per local root. The DSC is written down when it
/// is first sent anywhere, in a header or in an envelope, and does not change from then on.
pub struct Trace {
    config: Arc<Config>,
    trace_id: TraceId,
    incoming: Option<IncomingTrace>,
    decision: Decision,
    /// Whether there is an AI span in it, as far as is known.
    has_ai: AtomicBool,
    overflow: Overflow,
    transaction: Mutex<Option<Arc<str>>>,
    said: OnceLock<Said>,
}

/// What of the DSC could change until it was said.
#[derive(Debug)]
struct Said {
    decision: Decision,
    transaction: Option<Arc<str>>,
}

impl Trace {
    /// Starts a trace, or continues `incoming`, and decides whether it is sampled.
    ///
    /// An incoming trace of another organization is not continued, and with `strict_trace_continuation` neither is one
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

    /// Does the same, where a trace that starts here has an id already.
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
            said: OnceLock::new(),
        })
    }

    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the span that a local root is a child of; `None` if the trace starts here.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.incoming.as_ref().map(IncomingTrace::parent_span_id)
    }

    /// Returns whether the spans of this trace are sent, as far as is known now. Without tracing enabled they never are.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.current_decision().is_sampled()
    }

    /// Returns whether the spans of this trace should be handed over: it is sampled, or may yet be
    /// [kept](crate::Config::with_keep_ai_traces), or its model calls are measured.
    #[must_use]
    pub fn recorded(&self) -> bool {
        self.may_be_sent() || self.config.meter.is_some()
    }

    /// Whether it is sampled, or may yet be kept.
    pub(crate) fn may_be_sent(&self) -> bool {
        self.decision.is_sampled() || self.may_be_kept()
    }

    /// Takes note of an AI span in this trace, which may be a reason to keep it.
    ///
    /// A door that knows when the span starts says so then, so that the next service hears of it; otherwise it is noticed
    /// when the span has ended.
    pub fn note_ai_span(&self) {
        self.has_ai.store(true, Ordering::Relaxed);
    }

    /// Gives the trace up for want of memory, unless it would not be sent anyway: what comes later of it is dropped as well.
    pub(crate) fn give_up(&self) {
        if self.may_be_sent() {
            self.overflow.mark(Instant::now());
        }
    }

    /// Whether the trace was given up for want of memory.
    pub(crate) fn is_given_up(&self) -> bool {
        self.overflow.is_marked()
    }

    /// Whether it is still open if the trace is sent.
    pub(crate) fn is_held(&self) -> bool {
        !self.sampled() && self.may_be_kept()
    }

    /// Whether its spans are sent at a rate of 1, whatever the rate of others is.
    pub(crate) fn stands_for_itself(&self) -> bool {
        self.config.keep_ai_traces && self.has_ai.load(Ordering::Relaxed)
    }

    fn may_be_kept(&self) -> bool {
        self.config.keep_ai_traces && self.decision.may_be_revised()
    }

    fn current_decision(&self) -> Decision {
        if self.may_be_kept() && self.has_ai.load(Ordering::Relaxed) {
            self.decision.revised()
        } else {
            self.decision
        }
    }

    /// Returns whether the trace belongs to a Sentry span of this process.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.incoming
            .as_ref()
            .is_some_and(IncomingTrace::is_adopted)
    }

    /// Returns the value of the `sentry-trace` header for a request made by `span_id`.
    #[must_use]
    pub fn sentry_trace_header(&self, span_id: SpanId) -> String {
        let trace_id = self.trace_id;
        match self.current_decision().flag() {
            Some(sampled) => format!("{trace_id}-{span_id}-{}", u8::from(sampled)),
            None => format!("{trace_id}-{span_id}"),
        }
    }

    /// Returns Sentry's members of the `baggage` header, and freezes the DSC.
    ///
    /// A DSC that came in goes out unchanged, unless a `traces_sampler` has decided otherwise. It is empty if the trace was
    /// continued without one: only the head of a trace may make statements about it.
    #[must_use]
    pub fn baggage_header(&self) -> String {
        let said = self.said();
        let mut header = String::new();
        match self.incoming.as_ref().and_then(IncomingTrace::dsc) {
            Some(incoming) if !self.overrules(said) => header = incoming.to_baggage(),
            _ => self.tell(said, false, |key, value| {
                write_to_baggage(&mut header, key, value);
            }),
        }
        header
    }

    /// Names the trace after its first segment, unless the DSC is frozen.
    pub(crate) fn set_transaction(&self, name: &Arc<str>) {
        if self.said.get().is_none() {
            *self.lock_transaction() = Some(Arc::clone(name));
        }
    }

    pub(crate) fn has_transaction(&self) -> bool {
        self.lock_transaction().is_some()
    }

    /// Writes the DSC for an envelope, and freezes it for all others.
    ///
    /// A trace that is kept after its DSC has said that it is not is sampled in its envelopes: there it is.
    pub(crate) fn write_dsc(&self, buffer: &mut Vec<u8>) {
        let said = self.said();
        let was_sampled = match self.incoming_dsc().and_then(|dsc| dsc.get("sampled")) {
            Some(sampled) if !self.overrules(said) => sampled == "true",
            _ => said.decision.flag() == Some(true),
        };
        let is_kept = self.may_be_kept() && !was_sampled;
        buffer.push(b'{');
        self.tell(said, is_kept, |key, value| {
            write_to_json(buffer, key, value);
        });
        // There is a comma behind each, and at least an id.
        buffer.pop();
        buffer.push(b'}');
    }

    /// Freezes the DSC.
    fn said(&self) -> &Said {
        self.said.get_or_init(|| Said {
            decision: self.current_decision(),
            transaction: self.lock_transaction().clone(),
        })
    }

    /// Whether it was decided here in spite of a decision that came in, as a `traces_sampler` may.
    fn overrules(&self, said: &Said) -> bool {
        let was_decided = || self.incoming_dsc().and_then(|dsc| dsc.get("sampled"));
        matches!(said.decision, Decision::Drawn { .. }) && was_decided().is_some()
    }

    /// Tells the members of the DSC, one by one.
    ///
    /// Those that came in stay as they are, and what an envelope must have is added. Where the trace `is_kept`, it was
    /// sampled, whatever was said before, and what was decided here counts for more than what came in.
    fn tell(&self, said: &Said, is_kept: bool, mut member: impl FnMut(&str, &str)) {
        let incoming = self.incoming_dsc();
        let overrules = self.overrules(said);
        let stays = |key: &str| !matches!(key, "sampled" | "sample_rate") || !overrules;
        let came = |key| stays(key) && incoming.is_some_and(|dsc| dsc.get(key).is_some());
        // A trace id that differs from that of the spans would cost the whole envelope.
        let trace_id = hex(&self.trace_id.to_bytes());
        let trace_id = str::from_utf8(trace_id.as_flattened()).unwrap_or_default();
        member("trace_id", trace_id);
        for (key, value) in incoming.into_iter().flat_map(Dsc::members) {
            match key {
                "trace_id" => {}
                "sampled" | "sample_rate" if is_kept => {}
                _ if stays(key) => member(key, value),
                _ => {}
            }
        }
        if !came("public_key") {
            member("public_key", self.config.dsn.public_key());
        }
        let was_decided = came("sampled");
        if let Decision::Drawn { rate, rand, .. } = said.decision
            && !was_decided
        {
            if !is_kept && !came("sample_rate") {
                member("sample_rate", &rate.text());
            }
            if !came("sample_rand") {
                member("sample_rand", &rand.text());
            }
        }
        if is_kept {
            member("sample_rate", "1");
            member("sampled", "true");
        } else if let Some(sampled) = said.decision.flag()
            && !was_decided
        {
            member("sampled", if sampled { "true" } else { "false" });
        }
        if incoming.is_none() {
            self.describe(said, member);
        }
    }

    fn describe(&self, said: &Said, mut member: impl FnMut(&str, &str)) {
        if let Some(release) = &self.config.release {
            member("release", release);
        }
        member("environment", self.config.environment());
        if let Some(name) = &said.transaction
            && self.incoming.is_none()
            && !looks_like_url(name)
        {
            member("transaction", name);
        }
        if let Some(org_id) = self.config.org_id {
            member("org_id", &org_id.to_string());
        }
    }

    /// The DSC that came in, if it says anything.
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

pub(crate) fn should_continue(config: &Config, incoming: &IncomingTrace) -> bool {
    incoming.is_adopted()
        || same_organization(
            incoming.org_id(),
            config.org_id,
            config.strict_trace_continuation,
        )
}

/// As the Sentry SDKs do it: two different organizations never, an unknown one only if that is tolerated.
fn same_organization(
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
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{ids::new_span_id, segment::Segment, testing};

    const INCOMING: &str = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718";

    fn dsc(trace: &Trace) -> Value {
        let mut json = Vec::new();
        trace.write_dsc(&mut json);
        serde_json::from_slice(&json).unwrap()
    }

    fn continued(flag: &str, baggage: Option<&str>) -> Arc<Trace> {
        let incoming = IncomingTrace::parse(&format!("{INCOMING}{flag}"), baggage).unwrap();
        let config = testing::config(&testing::options());
        Trace::start(&config, Some(&incoming), "name", "op")
    }

    #[test]
    fn the_head_of_a_trace_says_everything_once() {
        let segment = testing::segment();
        let trace = segment.trace();
        segment.set_name("POST /ask/{id}");
        let frozen = dsc(trace);
        let rand = frozen["sample_rand"].as_str().unwrap();
        assert_eq!(
            frozen,
            json!({
                "trace_id": trace.trace_id().to_string(),
                "public_key": "0123456789abcdef0123456789abcdef",
                "sample_rate": "1",
                "sample_rand": rand,
                "sampled": "true",
                "release": "shop@1.4.2",
                "environment": "production",
                "transaction": "POST /ask/{id}",
                "org_id": "1",
            })
        );
        assert_eq!(rand.len(), 8);

        segment.set_name("too late");
        assert_eq!(dsc(trace), frozen);
        let header = trace.baggage_header();
        let baggage = IncomingTrace::parse(INCOMING, Some(&header)).unwrap();
        let round_trip = baggage.dsc().unwrap();
        assert_eq!(round_trip.get("transaction"), Some("POST /ask/{id}"));
        assert_eq!(round_trip.get("sample_rand"), Some(rand));
    }

    #[test]
    fn a_url_is_no_transaction_and_only_the_first_segment_names_the_trace() {
        let config = testing::config(&testing::options());
        let trace = Trace::start(&config, None, "x", "y");
        let first = Segment::new(Arc::clone(&trace), new_span_id(), "GET /users/17");
        let second = Segment::new(Arc::clone(&trace), new_span_id(), "other");
        second.set_name("another");
        assert_eq!(&*first.name(), "GET /users/17");
        assert_eq!(dsc(&trace).get("transaction"), None);
    }

    #[test]
    fn an_incoming_dsc_goes_on_unchanged() {
        let baggage = "sentry-trace_id=4c79f60c11214eb38604f4ae0781bfb2,sentry-public_key=other,\
                       sentry-sample_rate=0.5,sentry-transaction=their%20name,sentry-new=1";
        let trace = continued("-1", Some(baggage));
        assert_eq!(trace.baggage_header(), baggage);
        assert_eq!(
            dsc(&trace),
            json!({
                "trace_id": "4c79f60c11214eb38604f4ae0781bfb2",
                "public_key": "other",
                "sample_rate": "0.5",
                "transaction": "their name",
                "new": "1",
                "sampled": "true",
            })
        );
        let header = trace.sentry_trace_header(new_span_id());
        assert!(header.starts_with("4c79f60c11214eb38604f4ae0781bfb2-"));
        assert!(header.ends_with("-1"));
    }

    #[test]
    fn what_a_sampler_decides_is_said_instead_of_what_came_in() {
        let baggage = "sentry-sample_rate=0.1,sentry-sample_rand=0.5,sentry-sampled=false";
        let incoming = IncomingTrace::parse(&format!("{INCOMING}-0"), Some(baggage)).unwrap();
        let options = testing::options().traces_sampler(|_| 1.0);
        let trace = Trace::start(&testing::config(&options), Some(&incoming), "x", "y");
        assert!(trace.sampled());
        let dsc = dsc(&trace);
        assert_eq!(dsc["sample_rate"], "1");
        assert_eq!(dsc["sample_rand"], "0.5");
        assert_eq!(dsc["sampled"], "true");
        let header = trace.baggage_header();
        assert!(
            header.contains("sentry-sampled=true") && header.contains("sentry-sample_rate=1,"),
            "{header}"
        );
    }

    #[test]
    fn without_an_incoming_dsc_the_envelope_still_has_one_but_no_baggage_goes_on() {
        let trace = continued("-1", None);
        assert_eq!(trace.baggage_header(), "");
        assert_eq!(
            dsc(&trace),
            json!({
                "trace_id": "4c79f60c11214eb38604f4ae0781bfb2",
                "public_key": "0123456789abcdef0123456789abcdef",
                "sampled": "true",
                "release": "shop@1.4.2",
                "environment": "production",
                "org_id": "1",
            })
        );
    }

    #[test]
    fn a_trace_of_another_organization_is_not_continued() {
        let ours = continued("-0", Some("sentry-org_id=1"));
        assert_eq!(
            ours.parent_span_id().unwrap().to_string(),
            "a1b2c3d4e5f60718"
        );
        assert!(!ours.sampled());
        let theirs = continued("-0", Some("sentry-org_id=2"));
        assert_eq!(theirs.parent_span_id(), None);
        assert_ne!(theirs.trace_id(), ours.trace_id());
        assert!(theirs.sampled());

        let incoming = IncomingTrace::parse(INCOMING, None).unwrap();
        let strict = testing::config(&testing::options().strict_trace_continuation(true));
        let trace = Trace::start(&strict, Some(&incoming), "x", "y");
        assert_eq!(trace.parent_span_id(), None);
        let adopted = IncomingTrace::adopted(ours.trace_id(), new_span_id(), Some(true));
        let trace = Trace::start(&strict, Some(&adopted), "x", "y");
        assert_eq!(trace.trace_id(), ours.trace_id());
        assert!(trace.is_adopted());
    }

    #[test]
    fn a_deferred_decision_is_made_here_and_told() {
        let trace = continued("", Some("sentry-public_key=k,sentry-sample_rand=0.213370"));
        assert!(trace.sampled());
        let dsc = dsc(&trace);
        assert_eq!(dsc["sampled"], "true");
        assert_eq!(dsc["sample_rate"], "1");
        assert_eq!(dsc["sample_rand"], "0.213370");
    }

    #[test]
    fn a_trace_that_is_kept_tells_the_next_service_if_it_can_still() {
        let options = testing::options().traces_sample_rate(0.0);
        let config = (*testing::config(&options)).clone();
        let config = Arc::new(config.with_keep_ai_traces(true));
        let early = Trace::start(&config, None, "x", "y");
        assert!(early.recorded() && !early.sampled() && early.is_held());
        early.note_ai_span();
        assert!(early.sampled() && !early.is_held() && early.stands_for_itself());
        assert!(early.sentry_trace_header(new_span_id()).ends_with("-1"));
        let head = dsc(&early);
        assert_eq!(
            (&head["sampled"], &head["sample_rate"]),
            (&json!("true"), &json!("1"))
        );

        let late = Trace::start(&config, None, "x", "y");
        let told = late.baggage_header();
        assert!(told.contains("sentry-sampled=false"), "{told}");
        assert!(told.contains("sentry-sample_rate=0,"), "{told}");
        late.note_ai_span();
        assert_eq!(
            late.baggage_header(),
            told,
            "what was said is not taken back"
        );
        let kept = dsc(&late);
        assert_eq!(
            (&kept["sampled"], &kept["sample_rate"]),
            (&json!("true"), &json!("1"))
        );

        let theirs = "sentry-public_key=k,sentry-sampled=false,sentry-sample_rate=0.1,sentry-new=1";
        let incoming = IncomingTrace::parse(&format!("{INCOMING}-0"), Some(theirs)).unwrap();
        let continued = Trace::start(&config, Some(&incoming), "x", "y");
        assert!(continued.is_held());
        continued.note_ai_span();
        assert_eq!(continued.baggage_header(), theirs);
        assert_eq!(
            dsc(&continued),
            json!({
                "trace_id": "4c79f60c11214eb38604f4ae0781bfb2",
                "public_key": "k",
                "new": "1",
                "sample_rate": "1",
                "sampled": "true",
            })
        );
        let off = testing::config(&sentry_core::ClientOptions::new().dsn(testing::DSN));
        let off = Arc::new((*off).clone().with_keep_ai_traces(true));
        let disabled = Trace::start(&off, None, "x", "y");
        disabled.note_ai_span();
        assert!(!disabled.recorded() && !disabled.sampled());
    }

    #[test]
    fn without_tracing_only_the_ids_travel() {
        let config = testing::config(&sentry_core::ClientOptions::new().dsn(testing::DSN));
        let trace = Trace::start(&config, None, "x", "y");
        assert!(!trace.sampled());
        let span_id = new_span_id();
        assert_eq!(
            trace.sentry_trace_header(span_id),
            format!("{}-{span_id}", trace.trace_id())
        );
        assert_eq!(dsc(&trace).get("sampled"), None);
    }
}
