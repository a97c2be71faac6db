//! Faults: how the ingest misbehaves instead of answering normally.

use std::{collections::VecDeque, time::Duration};

/// How the ingest treats one request. By default it treats it normally: the envelope is checked and answered.
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
    pub(super) reading: ReadMode,
    pub(super) delay: Duration,
    pub(super) answer: ResponseMode,
    pub(super) headers: Vec<(String, String)>,
}

/// How much of a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ReadMode {
    #[default]
    All,
    /// The head, and at most this many bytes of the body.
    Body(usize),
    /// The head alone.
    Head,
}

/// What happens after the request was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseMode {
    /// Status 200, or 400 if the envelope violates the protocol.
    #[default]
    Normal,
    Status(u16),
    /// A normal answer, spread byte by byte over this time.
    Trickle(Duration),
    /// A normal answer, whose body ends before its announced length.
    Truncated,
    /// Silence for this time, then the connection is closed.
    Hang(Duration),
    Close,
    Reset,
}

impl Fault {
    /// Creates a fault that treats the request normally.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Creates a fault that reads the request and answers with this status. The envelope counts as accepted only if the status is
    /// 2xx.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::with_response(ResponseMode::Status(status))
    }

    /// Creates a fault that answers with this status and closes the connection before reading the body, as proxies do when a body
    /// is too large.
    #[must_use]
    pub fn early_status(status: u16) -> Self {
        Self {
            reading: ReadMode::Head,
            ..Self::status(status)
        }
    }

    /// Creates a fault that reads the request, stays silent for `silence`, and closes the connection.
    #[must_use]
    pub fn hang(silence: Duration) -> Self {
        Self::with_response(ResponseMode::Hang(silence))
    }

    /// Creates a fault that accepts the envelope, but spreads the bytes of the answer over `duration`.
    #[must_use]
    pub fn trickle(duration: Duration) -> Self {
        Self::with_response(ResponseMode::Trickle(duration))
    }

    /// Creates a fault that accepts the envelope, and closes the connection before the end of the answer's body.
    #[must_use]
    pub fn truncated_answer() -> Self {
        Self::with_response(ResponseMode::Truncated)
    }

    /// Creates a fault that reads the request and closes the connection without an answer.
    #[must_use]
    pub fn close() -> Self {
        Self::with_response(ResponseMode::Close)
    }

    /// Creates a fault that resets the connection before reading the body.
    #[must_use]
    pub fn reset() -> Self {
        Self {
            reading: ReadMode::Head,
            ..Self::with_response(ResponseMode::Reset)
        }
    }

    /// Creates a fault that reads at most `bytes` of the body and resets the connection.
    #[must_use]
    pub fn reset_after(bytes: usize) -> Self {
        Self {
            reading: ReadMode::Body(bytes),
            ..Self::with_response(ResponseMode::Reset)
        }
    }

    /// Sets a delay before the answer, or before the connection ends.
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

    /// Adds the header `X-Sentry-Rate-Limits` to the answer. Items of a category that still arrive while it is limited count as
    /// [breaches](crate::Figures::breaches).
    #[must_use]
    pub fn with_rate_limits(self, value: impl Into<String>) -> Self {
        self.with_header("X-Sentry-Rate-Limits", value)
    }

    /// Adds the header `Retry-After` to the answer: seconds, or an HTTP date.
    #[must_use]
    pub fn with_retry_after(self, value: impl Into<String>) -> Self {
        self.with_header("Retry-After", value)
    }

    fn with_response(answer: ResponseMode) -> Self {
        Self {
            answer,
            ..Self::default()
        }
    }
}

/// The faults to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    script: VecDeque<Fault>,
    permanent: Option<Fault>,
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

    pub(super) fn permanent(&mut self, fault: Option<Fault>) {
        self.permanent = fault;
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

    /// Returns the next fault: from the script first, then the lasting one, then a random one.
    pub(super) fn next(&mut self) -> Fault {
        let fault = self.script.pop_front().or_else(|| self.permanent.clone());
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

    /// Draws a number with `SplitMix64`, so that a seed gives the same faults everywhere.
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
    fn scripted_faults_come_before_permanent_and_random_ones() {
        let mut faults = Faults::default();
        assert_eq!(faults.next(), Fault::none());
        faults.random(1, vec![(1.0, Fault::close())]);
        faults.script([Fault::status(500), Fault::reset()]);
        assert_eq!(faults.next(), Fault::status(500));
        assert_eq!(faults.next(), Fault::reset());
        assert_eq!(faults.next(), Fault::close());
        faults.permanent(Some(Fault::status(503)));
        assert_eq!(faults.next(), Fault::status(503));
        assert_eq!(faults.next(), Fault::status(503));
    }

    #[test]
    fn random_faults_follow_their_probabilities_and_the_seed() {
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
