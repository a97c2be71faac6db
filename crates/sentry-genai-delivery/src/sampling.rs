//! The sampling decision, made at the local root.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use sentry_core::{TracesSamplingStrategy, TransactionContext};
use sentry_genai_conventions::TraceId;

use crate::{correlation::protocol_trace_id, incoming::IncomingTrace, thread};

/// How the client samples traces.
#[derive(Clone, Debug)]
pub(crate) struct Sampling {
    strategy: TracesSamplingStrategy,
    /// The rate, if it is fixed.
    rate: Rate,
}

impl Sampling {
    pub(crate) fn new(strategy: &TracesSamplingStrategy) -> Self {
        let rate = match strategy {
            TracesSamplingStrategy::FixedRate(rate) => *rate,
            _ => 0.0,
        };
        Self {
            strategy: strategy.clone(),
            rate: Rate::new(rate),
        }
    }

    /// Whether a function of the program decides.
    pub(crate) fn has_function(&self) -> bool {
        matches!(self.strategy, TracesSamplingStrategy::Function(_))
    }

    /// Whether tracing is disabled.
    pub(crate) fn is_disabled(&self) -> bool {
        matches!(self.strategy, TracesSamplingStrategy::Disabled)
    }
}

/// The decision about a trace, and what it is based on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    /// Tracing is disabled in this client. An upstream decision is passed on.
    Disabled { upstream: Option<bool> },
    /// The upstream decision was adopted. Only the head of the trace knows its rate.
    Inherited { sampled: bool },
    /// Decided here: `sampled` if, and only if, `rand` is below `rate`.
    Drawn {
        sampled: bool,
        rate: Rate,
        rand: SampleRand,
    },
}

impl Decision {
    /// Makes the decision. A sampler function decides if there is one. Otherwise an upstream decision holds, and
    /// without one the fixed rate decides.
    ///
    /// If the function panics, an upstream decision holds, and without one the decision is left to the next service.
    ///
    /// The function is not called for the trace of a Sentry span in this process that already has a decision, since it
    /// was called for it before.
    pub(crate) fn make(
        sampling: &Sampling,
        incoming: Option<&IncomingTrace>,
        trace_id: TraceId,
        name: &str,
        op: &str,
    ) -> Self {
        let upstream = incoming.and_then(IncomingTrace::sampled);
        let adopted = incoming.is_some_and(IncomingTrace::is_adopted);
        let rate = match (&sampling.strategy, upstream) {
            (TracesSamplingStrategy::FixedRate(_), Some(sampled)) => {
                return Self::Inherited { sampled };
            }
            (TracesSamplingStrategy::Function(_), Some(sampled)) if adopted => {
                return Self::Inherited { sampled };
            }
            (TracesSamplingStrategy::FixedRate(_), None) => sampling.rate,
            (TracesSamplingStrategy::Function(sampler), _) => {
                let mut context =
                    TransactionContext::new_with_trace_id(name, op, protocol_trace_id(trace_id));
                context.set_sampled(upstream);
                // The sampler may, for example, query a feature flag. Spans of that request must not start traces that
                // need a decision.
                let sample = || thread::as_delivery_thread(|| sampler(&context));
                match (catch_unwind(AssertUnwindSafe(sample)), upstream) {
                    (Ok(rate), _) => Rate::new(rate),
                    // As if there were no sampler.
                    (Err(_), Some(sampled)) => return Self::Inherited { sampled },
                    (Err(_), None) => return Self::Disabled { upstream },
                }
            }
            (_, upstream) => return Self::Disabled { upstream },
        };
        let rand = SampleRand::of(incoming, trace_id);
        Self::Drawn {
            sampled: rand.is_below(rate),
            rate,
            rand,
        }
    }

    pub(crate) fn is_sampled(self) -> bool {
        match self {
            Self::Disabled { .. } => false,
            Self::Inherited { sampled } | Self::Drawn { sampled, .. } => sampled,
        }
    }

    /// Whether an unsampled trace may still be kept. It may not if tracing is disabled.
    pub(crate) fn may_be_revised(self) -> bool {
        !self.is_sampled() && !matches!(self, Self::Disabled { .. })
    }

    /// The decision about a trace that is kept for its AI spans, as if the rate had been 1.
    pub(crate) fn revised(self) -> Self {
        match self {
            Self::Drawn { rand, .. } => Self::Drawn {
                sampled: true,
                rate: Rate::ONE,
                rand,
            },
            Self::Inherited { .. } => Self::Inherited { sampled: true },
            Self::Disabled { .. } => self,
        }
    }

    /// The decision to propagate. `None` leaves it to the next service.
    pub(crate) fn flag(self) -> Option<bool> {
        match self {
            Self::Disabled { upstream } => upstream,
            Self::Inherited { sampled } | Self::Drawn { sampled, .. } => Some(sampled),
        }
    }
}

/// A sample rate between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    rate: f32,
    /// The rate as an integer: the least number of millionths that is not below it.
    bound: u32,
}

impl Rate {
    const ZERO: Self = Self {
        rate: 0.0,
        bound: 0,
    };

    const ONE: Self = Self {
        rate: 1.0,
        bound: MILLION,
    };

    /// Clamps the rate. NaN becomes 0.
    pub(crate) fn new(rate: f32) -> Self {
        if rate >= 1.0 {
            return Self::ONE;
        }
        if rate.is_nan() || rate <= 0.0 {
            return Self::ZERO;
        }
        // Compare the decimal numbers that are sent, not the binary ones: 0.1_f32 is slightly more than "0.1".
        let decimal: f64 = rate.to_string().parse().unwrap_or(0.0);
        let is_below = |rand: &u32| f64::from(*rand) / f64::from(MILLION) < decimal;
        // Close to the bound, because the product is rounded.
        let approximate = (decimal * f64::from(MILLION)) as u32;
        let bound = (approximate.saturating_sub(1)..MILLION).find(|rand| !is_below(rand));
        Self {
            rate,
            bound: bound.unwrap_or(MILLION),
        }
    }

    /// Returns the rate as it is sent.
    pub(crate) fn text(self) -> Cow<'static, str> {
        // The usual rate is a special case, because formatting a fraction searches for its shortest representation.
        if self == Self::ONE {
            return Cow::Borrowed("1");
        }
        Cow::Owned(self.rate.to_string())
    }
}

/// The random number of a trace, in millionths. It is sent with six decimals, and the comparison must hold for those.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SampleRand(u32);

const MILLION: u32 = 1_000_000;

/// Converts a number with six decimals to an integer. 0.000249 times a million is slightly less than 249.
fn in_millionths(number: f64) -> f64 {
    let product = number * f64::from(MILLION);
    let nearest = product.round();
    if (product - nearest).abs() < 1e-3 {
        nearest
    } else {
        product
    }
}

impl SampleRand {
    /// Takes the number from the head of the trace, or draws one that could have led to the head's decision.
    ///
    /// If nothing is known of the head's number, it is derived from the trace id, so that all services of the trace get
    /// the same one.
    fn of(incoming: Option<&IncomingTrace>, trace_id: TraceId) -> Self {
        let Some((incoming, dsc)) = incoming.and_then(|trace| Some((trace, trace.dsc()?))) else {
            return Self::follows_from(trace_id);
        };
        let number = |key| dsc.get(key)?.parse::<f64>().ok();
        if let Some(rand) = number("sample_rand") {
            return Self((in_millionths(rand).floor() as u32).min(MILLION - 1));
        }
        let bound = number("sample_rate").map(|rate| in_millionths(rate).ceil() as u32);
        match (incoming.sampled(), bound) {
            (Some(true), Some(bound)) if bound > 0 => Self(fastrand::u32(..bound)),
            (Some(false), Some(bound)) if bound < MILLION => Self(fastrand::u32(bound..MILLION)),
            _ => Self::follows_from(trace_id),
        }
    }

    /// Mixes all bits (SplitMix64). OpenTelemetry's ratio samplers look at some of the bits, so the ids that they let
    /// through would otherwise not be spread evenly.
    fn follows_from(trace_id: TraceId) -> Self {
        let id = u128::from_be_bytes(trace_id.to_bytes());
        let mut bits = (id >> 64) as u64 ^ (id as u64).rotate_left(32);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        Self(((u128::from(bits) * u128::from(MILLION)) >> 64) as u32)
    }

    fn is_below(self, rate: Rate) -> bool {
        self.0 < rate.bound
    }

    /// Returns the number as it is sent.
    pub(crate) fn text(self) -> String {
        format!("0.{:06}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ids::{new_span_id, new_trace_id};

    const TRACE: &str = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718";

    fn decide(strategy: &TracesSamplingStrategy, incoming: Option<&IncomingTrace>) -> Decision {
        let sampling = Sampling::new(strategy);
        Decision::make(&sampling, incoming, new_trace_id(), "name", "op")
    }

    fn incoming(flag: &str, baggage: &str) -> IncomingTrace {
        IncomingTrace::parse(&format!("{TRACE}{flag}"), Some(baggage)).unwrap()
    }

    #[test]
    fn sampled_means_that_the_rand_sent_is_below_the_rate_sent() {
        for rate in [0.0, 1e-7, 0.1, 0.25, 0.999_999, 1.0] {
            let mut sampled = 0;
            for _ in 0..1000 {
                let decision = decide(&TracesSamplingStrategy::FixedRate(rate), None);
                let Decision::Drawn { rate, rand, .. } = decision else {
                    panic!("{decision:?}");
                };
                let parse = |text: &str| text.parse::<f64>().unwrap();
                let below = parse(&rand.text()) < parse(&rate.text());
                assert_eq!(decision.is_sampled(), below);
                sampled += u32::from(below);
            }
            if rate == 0.25 {
                assert!((150..350).contains(&sampled), "{sampled}");
            }
        }
    }

    #[test]
    fn decimal_numbers_are_compared() {
        for millionths in (0..=MILLION).step_by(37) {
            let decimal = f64::from(millionths) / f64::from(MILLION);
            let rate = Rate::new(decimal as f32);
            let is_below = |rand: u32| SampleRand(rand).is_below(rate);
            let sent: f64 = rate.text().parse().unwrap();
            for rand in millionths.saturating_sub(2)..=(millionths + 2).min(MILLION - 1) {
                let expected = f64::from(rand) / f64::from(MILLION) < sent;
                assert_eq!(is_below(rand), expected, "{rand} {sent}");
            }
        }
        assert!(!SampleRand(100_000).is_below(Rate::new(0.1)));
        assert!(SampleRand(99_999).is_below(Rate::new(0.1)));
        assert!(SampleRand(0).is_below(Rate::new(1e-9)));
    }

    #[test]
    fn rates_out_of_range() {
        assert_eq!(Rate::new(f32::NAN), Rate::ZERO);
        assert_eq!(Rate::new(-1.0), Rate::ZERO);
        assert_eq!(Rate::new(f32::INFINITY), Rate::ONE);
        assert_eq!(Rate::new(1.0).text(), "1");
        assert_eq!(Rate::new(0.0).text(), "0");
    }

    #[test]
    fn an_upstream_decision_overrides_the_rate() {
        let strategy = TracesSamplingStrategy::FixedRate(0.0);
        assert!(decide(&strategy, Some(&incoming("-1", ""))).is_sampled());
        let strategy = TracesSamplingStrategy::FixedRate(1.0);
        assert!(!decide(&strategy, Some(&incoming("-0", ""))).is_sampled());
        assert!(decide(&strategy, Some(&incoming("", ""))).is_sampled());
    }

    #[test]
    fn a_sampler_sees_and_overrides_the_upstream_decision() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let strategy = TracesSamplingStrategy::Function(Arc::new(move |context| {
            let entry = (
                context.name().to_owned(),
                context.operation().to_owned(),
                context.sampled(),
            );
            log.lock().unwrap().push(entry);
            f32::from(context.sampled() != Some(true))
        }));
        assert!(!decide(&strategy, Some(&incoming("-1", ""))).is_sampled());
        assert!(decide(&strategy, None).is_sampled());
        let adopted = IncomingTrace::adopted(new_trace_id(), new_span_id(), Some(true));
        let continued = incoming("-1", "").adopted_by(new_span_id(), Some(true));
        for adopted in [adopted, continued] {
            assert!(decide(&strategy, Some(&adopted)).is_sampled());
        }
        let entry = |sampled| ("name".to_owned(), "op".to_owned(), sampled);
        assert_eq!(*seen.lock().unwrap(), [entry(Some(true)), entry(None)]);
    }

    #[test]
    fn a_sampler_that_panics_counts_as_none() {
        let strategy = TracesSamplingStrategy::Function(Arc::new(|_| panic!("expected")));
        let decision = decide(&strategy, None);
        assert_eq!((decision.is_sampled(), decision.flag()), (false, None));
        assert!(decide(&strategy, Some(&incoming("-1", ""))).is_sampled());
        let decision = decide(&strategy, Some(&incoming("-0", "")));
        assert_eq!(decision.flag(), Some(false));
    }

    #[test]
    fn samplers_run_as_a_delivery_thread() {
        let strategy = TracesSamplingStrategy::Function(Arc::new(|_| {
            f32::from(u8::from(thread::on_delivery_thread()))
        }));
        assert!(decide(&strategy, None).is_sampled());
        assert!(!thread::on_delivery_thread());
    }

    #[test]
    fn disabled_samples_nothing_and_passes_the_decision_on() {
        let decision = decide(&TracesSamplingStrategy::Disabled, Some(&incoming("-1", "")));
        assert!(!decision.is_sampled());
        assert_eq!(decision.flag(), Some(true));
        assert_eq!(decide(&TracesSamplingStrategy::Disabled, None).flag(), None);
    }

    #[test]
    fn without_an_incoming_rand_it_follows_from_the_trace_id_uniformly() {
        let remote = IncomingTrace::remote;
        let mut below_a_tenth = 0;
        for number in 1_u64..=10_000 {
            // An id that OpenTelemetry's ratio sampler lets through at a rate of one in ten.
            let mut bytes = [7; 16];
            bytes[8..].copy_from_slice(&(number * 100_000_000_000_000).to_be_bytes());
            let trace_id = TraceId::from_bytes(bytes).unwrap();
            let incoming = remote(trace_id, new_span_id());
            let rand = SampleRand::of(Some(&incoming), trace_id);
            assert_eq!(rand, SampleRand::of(None, trace_id));
            below_a_tenth += u32::from(rand.is_below(Rate::new(0.1)));
        }
        assert!((900..1100).contains(&below_a_tenth), "{below_a_tenth}");
    }

    #[test]
    fn the_rand_of_the_head_is_used() {
        for (sent, read) in [
            ("0.213370", "0.213370"),
            // A million times this is slightly less than 249.
            ("0.000249", "0.000249"),
            ("0.0002495", "0.000249"),
            ("0.9999999999", "0.999999"),
        ] {
            let trace = incoming("", &format!("sentry-sample_rand={sent}"));
            let rand = SampleRand::of(Some(&trace), trace.trace_id());
            assert_eq!(rand.text(), read);
        }
        for _ in 0..100 {
            let trace = incoming("-1", "sentry-sample_rate=0.01");
            assert!(SampleRand::of(Some(&trace), trace.trace_id()).is_below(Rate::new(0.01)));
            let trace = incoming("-0", "sentry-sample_rate=0.99");
            assert!(!SampleRand::of(Some(&trace), trace.trace_id()).is_below(Rate::new(0.99)));
        }
    }

    #[test]
    fn a_head_whose_rate_contradicts_its_decision_has_no_rand() {
        for (flag, baggage) in [
            ("-1", "sentry-sample_rate=0"),
            ("-0", "sentry-sample_rate=1"),
        ] {
            let trace = incoming(flag, baggage);
            let trace_id = trace.trace_id();
            let rand = SampleRand::of(Some(&trace), trace_id);
            assert_eq!(rand, SampleRand::of(None, trace_id));
        }
    }
}
