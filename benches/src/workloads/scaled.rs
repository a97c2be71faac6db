//! Workloads that grow along one axis, to show what the cost of a span depends on.

use super::Repeats;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Axis {
    /// An agent run with as many model and tool calls as the size requires.
    SpansPerTrace,
    /// Traces of a root and a chat, all open at the same time.
    ConcurrentTraces,
    /// Chats with additional attributes.
    Attributes,
    /// Chats with a longer prompt.
    ContentBytes,
    /// Spans, each inside the previous one, and a chat in the innermost.
    Depth,
    /// Threads, each of which runs W1 ten times.
    Threads,
}

impl Axis {
    pub(crate) const ALL: [Self; 6] = [
        Self::SpansPerTrace,
        Self::ConcurrentTraces,
        Self::Attributes,
        Self::ContentBytes,
        Self::Depth,
        Self::Threads,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SpansPerTrace => "spans",
            Self::ConcurrentTraces => "traces",
            Self::Attributes => "attributes",
            Self::ContentBytes => "content",
            Self::Depth => "depth",
            Self::Threads => "threads",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|axis| axis.name() == name)
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::SpansPerTrace => "Spans per trace",
            Self::ConcurrentTraces => "Concurrent traces",
            Self::Attributes => "Attributes",
            Self::ContentBytes => "Bytes of content",
            Self::Depth => "Depth",
            Self::Threads => "Threads",
        }
    }

    pub(crate) fn sizes(self) -> &'static [u64] {
        match self {
            Self::SpansPerTrace => &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
            Self::ConcurrentTraces => &[1, 10, 100, 1_000, 10_000, 100_000],
            Self::Attributes => &[0, 10, 50, 100, 500],
            Self::ContentBytes => &[1_000, 10_000, 100_000, 1_000_000, 2_000_000],
            Self::Depth => &[1, 10, 100, 1_000, 10_000],
            Self::Threads => &[1, 2, 4, 8],
        }
    }
}

/// A workload of a given size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scaled {
    pub(crate) axis: Axis,
    pub(crate) size: u64,
}

impl Scaled {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (axis, size) = name.split_once('-')?;
        Some(Self {
            axis: Axis::named(axis)?,
            size: size.parse().ok()?,
        })
    }

    /// Returns the approximate number of spans that one run creates.
    pub(crate) fn spans(self) -> u64 {
        match self.axis {
            Axis::SpansPerTrace => self.size,
            Axis::ConcurrentTraces => 2 * self.size,
            Axis::Attributes | Axis::ContentBytes => CHATS,
            Axis::Depth => self.size + 1,
            Axis::Threads => 520 * self.size,
        }
    }

    /// Returns how many steps of five spans an agent run of this size has.
    pub(super) fn steps(self) -> u64 {
        (self.size.saturating_sub(2) + 2) / 5
    }

    /// Returns the repeats. Short workloads are repeated, so that about as many spans are created at every size.
    pub(super) fn repeats(self) -> Repeats {
        let weight = match self.axis {
            Axis::ContentBytes => 1 + self.size / 2_000,
            _ => 1,
        };
        let runs = |spans: u64| (spans / (self.spans() * weight)).max(1);
        let huge = self.spans() > 10_000;
        Repeats {
            flush_every: runs(PAUSE_AFTER),
            warm_up: if huge { 0 } else { runs(2_000) },
            count: runs(2_000),
            instructions: (runs(2_000), 2 * runs(2_000)),
            chunk: runs(5_000),
            chunks: if huge { 1 } else { 5 },
            latency: runs(5_000),
        }
    }
}

/// The number of chats, unless that is what grows.
pub(super) const CHATS: u64 = 20;

/// After this many spans a workload lets the peer catch up, since no program creates spans and does nothing else.
pub(super) const PAUSE_AFTER: u64 = 1_000;

/// Counts spans up to the next pause.
pub(super) struct Pacer<'a> {
    spans: u64,
    pause: &'a dyn Fn(),
}

impl<'a> Pacer<'a> {
    pub(super) fn new(pause: &'a dyn Fn()) -> Self {
        Self { spans: 0, pause }
    }

    pub(super) fn add_spans(&mut self, spans: u64) {
        self.spans += spans;
        if self.spans >= PAUSE_AFTER {
            self.spans = 0;
            (self.pause)();
        }
    }
}
