//! What the ingest does to a request instead of answering it well.

use std::{collections::VecDeque, time::Duration};

/// How the ingest treats one request. The default treats it well: the envelope is judged and answered.
///
/// ```
/// use std::time::Duration;
///
/// use sentry_genai_testkit::Fault;
///
/// let overloaded = Fault::status(503).with_retry_after("2");
/// let limited = Fault::status(429).with_rate_limits("60:span:organization");
/// let slow = Fault::none().with_delay(Duration::from_millis(200));
/// # let _ = (overloaded, limited, slow);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    pub(super) reading: Reading,
    pub(super) delay: Duration,
    pub(super) answer: Answering,
    pub(super) headers: Vec<(String, String)>,
}

/// How much of a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reading {
    #[default]
    All,
    /// The head, and at most so many bytes of the body.
    Body(usize),
    /// The head alone.
    Head,
}

/// How the connection goes on after that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answering {
    /// With 200 or, to a bad envelope, 400.
    #[default]
    Judged,
    Status(u16),
    /// Good, but byte by byte over this time.
    Trickled(Duration),
    /// Good, but the body ends before its length.
    Truncated,
    /// Silence for this time, then the end of the connection.
    Hang(Duration),
    Close,
    Reset,
}

impl Fault {
    /// Treats the request well.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the request and answers with this status. Only with a 2xx does the envelope count as accepted.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::answering(Answering::Status(status))
    }

    /// Answers with this status and closes before the body is read, as a proxy does to what is too large.
    #[must_use]
    pub fn early_status(status: u16) -> Self {
        Self {
            reading: Reading::Head,
            ..Self::status(status)
        }
    }

    /// Reads the request, says nothing for `silence`, and closes.
    #[must_use]
    pub fn hang(silence: Duration) -> Self {
        Self::answering(Answering::Hang(silence))
    }

    /// Accepts the envelope, but spreads the bytes of the answer over `duration`.
    #[must_use]
    pub fn trickle(duration: Duration) -> Self {
        Self::answering(Answering::Trickled(duration))
    }

    /// Accepts the envelope, and ends the connection before the end of the answer's body.
    #[must_use]
    pub fn truncated_answer() -> Self {
        Self::answering(Answering::Truncated)
    }

    /// Reads the request and closes without an answer.
    #[must_use]
    pub fn close() -> Self {
        Self::answering(Answering::Close)
    }

    /// Resets the connection before the body is read.
    #[must_use]
    pub fn reset() -> Self {
        Self {
            reading: Reading::Head,
            ..Self::answering(Answering::Reset)
        }
    }

    /// Reads at most `bytes` of the body and resets the connection.
    #[must_use]
    pub fn reset_after(bytes: usize) -> Self {
        Self {
            reading: Reading::Body(bytes),
            ..Self::answering(Answering::Reset)
        }
    }

    /// Waits before anything is answered, or ended.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `X-Sentry-Rate-Limits`. Items that still come while their category is limited count as
    /// [breaches](crate::Figures::breaches).
    #[must_use]
    pub fn with_rate_limits(self, value: impl Into<String>) -> Self {
        self.with_header("X-Sentry-Rate-Limits", value)
    }

    /// Adds `Retry-After`: seconds, or an HTTP date.
    #[must_use]
    pub fn with_retry_after(self, value: impl Into<String>) -> Self {
        self.with_header("Retry-After", value)
    }

    fn answering(answer: Answering) -> Self {
        Self {
            answer,
            ..Self::default()
        }
    }
}

/// Which fault comes next.
#[derive(Debug, Default)]
pub(super) struct Faults {
    script: VecDeque<Fault>,
    lasting: Option<Fault>,
    random: Option<RandomFaults>,
}

#[derive(Debug)]
struct RandomFaults {
    faults: Vec<(f64, Fault)>,
    state: u64,
}

impl Faults {
    pub(super) fn script(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.script.extend(faults);
    }

    pub(super) fn lasting(&mut self, fault: Option<Fault>) {
        self.lasting = fault;
    }

    pub(super) fn random(&mut self, seed: u64, faults: Vec<(f64, Fault)>) {
        self.random = Some(RandomFaults {
            faults,
            state: seed,
        });
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The script goes first, then what was set to last, then chance.
    pub(super) fn next(&mut self) -> Fault {
        let fault = self.script.pop_front().or_else(|| self.lasting.clone());
        fault.unwrap_or_else(|| {
            let drawn = self.random.as_mut().and_then(RandomFaults::draw);
            drawn.unwrap_or_default()
        })
    }
}

impl RandomFaults {
    fn draw(&mut self) -> Option<Fault> {
        let mut rest = self.uniform();
        for (probability, fault) in &self.faults {
            if rest < *probability {
                return Some(fault.clone());
            }
            rest -= probability;
        }
        None
    }

    /// `SplitMix64`, so that a seed means the same faults everywhere.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_then_lasting_then_chance() {
        let mut faults = Faults::default();
        assert_eq!(faults.next(), Fault::none());
        faults.random(1, vec![(1.0, Fault::close())]);
        faults.script([Fault::status(500), Fault::reset()]);
        assert_eq!(faults.next(), Fault::status(500));
        assert_eq!(faults.next(), Fault::reset());
        assert_eq!(faults.next(), Fault::close());
        faults.lasting(Some(Fault::status(503)));
        assert_eq!(faults.next(), Fault::status(503));
        assert_eq!(faults.next(), Fault::status(503));
    }

    #[test]
    fn chance_keeps_its_odds_and_repeats_with_the_seed() {
        let draw = |seed| {
            let mut faults = Faults::default();
            faults.random(seed, vec![(0.1, Fault::status(500)), (0.2, Fault::reset())]);
            (0..10_000).map(|_| faults.next()).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        let count = |fault: Fault| drawn.iter().filter(|it| **it == fault).count();
        assert!((800..1200).contains(&count(Fault::status(500))));
        assert!((1800..2200).contains(&count(Fault::reset())));
    }
}
