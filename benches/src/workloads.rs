//! The measured workloads. Each exists twice: in `tracing` macros, and in calls of the OpenTelemetry API.

pub(crate) mod scaled;
mod wide;
pub(crate) mod with_opentelemetry;
pub(crate) mod with_tracing;

use std::{
    borrow::Cow,
    ops::AddAssign,
    time::{Duration, Instant},
};

use scaled::Scaled;

use crate::texts::Form;

/// A program that creates spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Workload {
    /// An agent run: a server span, an agent, ten chats and ten tool calls, each with HTTP and database calls below.
    W1,
    /// One trace of 5,000 chats.
    W2,
    /// Twenty streams that outlive their root.
    W3,
    /// Eight threads of ten W1 each.
    W4,
    /// Twenty chats with a prompt of 2 MB each.
    W5,
    /// W1 without AI: 51 database and HTTP calls below a server span.
    W6,
    /// Ten chats with an explicit parent, which are never entered.
    W7,
    /// One chat that is entered and exited 1,000 times, as a streamed answer is.
    W8,
    /// Ten chats that start after their root has ended. Only OpenTelemetry allows that.
    W9,
    /// Ten chats of an agent with twenty tools and a long history of calls and answers, as the conventions write them.
    W10,
    /// W10, with history and tools in the form of OpenAI's chat completions.
    W11,
    /// W10, with history and tools in the form of OpenAI's Responses API.
    W12,
    /// W1, not sampled.
    Unsampled,
    /// W6 next to another layer. The program wants only AI spans sent, and filters the layer accordingly.
    Unwanted,
    /// W6 where the program wants only traces with AI spans sent, so that spans are held until their trace has ended without any.
    Held,
    /// W1 without a DSN.
    NoDsn,
    /// W8 with a single enter, to separate the cost of polls from the rest; not on the command line.
    W8Once,
    /// W8 with a single enter, and 1,000 log lines inside; not on the command line.
    W8Events,
    /// A workload that grows; for `--scale` and `--plot`.
    Scaled(Scaled),
    /// Traces of a root and a chat, so many per second, for five seconds; for `--distant`.
    Steady(u64),
}

impl Workload {
    pub(crate) const ALL: [Self; 16] = [
        Self::W1,
        Self::W2,
        Self::W3,
        Self::W4,
        Self::W5,
        Self::W6,
        Self::W7,
        Self::W8,
        Self::W9,
        Self::W10,
        Self::W11,
        Self::W12,
        Self::Unsampled,
        Self::Unwanted,
        Self::Held,
        Self::NoDsn,
    ];

    pub(crate) fn name(self) -> Cow<'static, str> {
        let name = match self {
            Self::W1 => "w1",
            Self::W2 => "w2",
            Self::W3 => "w3",
            Self::W4 => "w4",
            Self::W5 => "w5",
            Self::W6 => "w6",
            Self::W7 => "w7",
            Self::W8 => "w8",
            Self::W9 => "w9",
            Self::W10 => "w10",
            Self::W11 => "w11",
            Self::W12 => "w12",
            Self::Unsampled => "unsampled",
            Self::Unwanted => "unwanted",
            Self::Held => "held",
            Self::NoDsn => "no-dsn",
            Self::W8Once => "w8-once",
            Self::W8Events => "w8-events",
            Self::Scaled(Scaled { axis, size }) => return format!("{}-{size}", axis.name()).into(),
            Self::Steady(rate) => return format!("steady-{rate}").into(),
        };
        name.into()
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain([Self::W8Once, Self::W8Events]);
        all.find(|workload| workload.name() == name)
            .or_else(|| Scaled::named(name).map(Self::Scaled))
            .or_else(|| Some(Self::Steady(name.strip_prefix("steady-")?.parse().ok()?)))
    }

    pub(crate) fn sample_rate(self) -> f32 {
        match self {
            Self::Unsampled | Self::Held => 0.0,
            _ => 1.0,
        }
    }

    /// Returns how the history of an agent is written, in workloads of that.
    pub(crate) fn form(self) -> Option<Form> {
        match self {
            Self::W10 => Some(Form::Conventions),
            Self::W11 => Some(Form::ChatCompletions),
            Self::W12 => Some(Form::Responses),
            _ => None,
        }
    }

    /// Returns whether spans are expected to arrive at all.
    pub(crate) fn sends(self) -> bool {
        !matches!(
            self,
            Self::Unsampled | Self::Unwanted | Self::Held | Self::NoDsn
        )
    }

    /// Returns how often one run repeats the workload.
    pub(crate) fn repeats(self) -> Repeats {
        let repeats = |flush_every, warm_up, count, instructions, chunk, chunks, latency| Repeats {
            flush_every,
            warm_up,
            count,
            instructions,
            chunk,
            chunks,
            latency,
        };
        match self {
            Self::W1 | Self::W6 | Self::Unsampled | Self::Unwanted | Self::Held | Self::NoDsn => {
                repeats(10, 20, 100, (10, 30), 20, 25, 300)
            }
            Self::W3 | Self::W7 | Self::W9 => repeats(10, 20, 100, (10, 30), 20, 25, 200),
            Self::W10 | Self::W11 | Self::W12 => repeats(5, 10, 20, (5, 10), 5, 10, 40),
            Self::W2 => repeats(1, 2, 2, (1, 2), 1, 2, 10),
            Self::W4 => repeats(1, 2, 3, (1, 2), 1, 4, 8),
            Self::W5 => repeats(1, 2, 2, (1, 2), 1, 2, 6),
            Self::W8 | Self::W8Once | Self::W8Events => repeats(10, 10, 20, (10, 20), 10, 10, 50),
            Self::Scaled(scaled) => scaled.repeats(),
            Self::Steady(_) => repeats(1, 0, 1, (1, 2), 1, 1, 1),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeats {
    /// How many runs a peer may fall behind before a flush, so that the compared costs are those of spans that arrive.
    pub(crate) flush_every: u64,
    pub(crate) warm_up: u64,
    pub(crate) count: u64,
    /// Two lengths of a run; what both have in common cancels out in their difference.
    pub(crate) instructions: (u64, u64),
    /// The number of runs between two readings of the clock.
    pub(crate) chunk: u64,
    pub(crate) chunks: u64,
    pub(crate) latency: u64,
}

/// How many spans a workload created.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Created {
    pub(crate) spans: u64,
    pub(crate) ai: u64,
}

impl Created {
    const fn new(spans: u64, ai: u64) -> Self {
        Self { spans, ai }
    }
}

impl AddAssign for Created {
    fn add_assign(&mut self, other: Self) {
        self.spans += other.spans;
        self.ai += other.ai;
    }
}

/// Makes traces with `trace`, so many per second, for five seconds.
fn steadily(per_second: u64, mut trace: impl FnMut() -> Created) -> Created {
    const SECONDS: u64 = 5;

    let start = Instant::now();
    let mut created = Created::default();
    for index in 0..SECONDS * per_second {
        let due = Duration::from_secs_f64(index as f64 / per_second as f64);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        created += trace();
    }
    created
}

/// Runs threads, each of which runs `once` ten times.
fn on_threads<P: crate::probe::Probe>(
    threads: u64,
    probe: &mut P,
    once: impl Fn(&mut P) -> Created + Sync,
) -> Created {
    let mut created = Created::default();
    std::thread::scope(|scope| {
        let run = || {
            let mut probe = P::default();
            let mut created = Created::default();
            for _ in 0..10 {
                created += once(&mut probe);
            }
            (probe, created)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            let (watched, made) = thread.join().expect("a workload does not panic");
            probe.merge(watched);
            created += made;
        }
    });
    created
}

#[cfg(test)]
mod tests {
    use super::{scaled::Axis, *};

    #[test]
    fn a_workload_is_found_by_its_name() {
        let sizes = Axis::ALL.into_iter().flat_map(|axis| {
            let sizes = axis.sizes().iter();
            sizes.map(move |&size| Workload::Scaled(Scaled { axis, size }))
        });
        let others = [Workload::Steady(10)];
        for workload in Workload::ALL.into_iter().chain(sizes).chain(others) {
            assert_eq!(Workload::named(&workload.name()), Some(workload));
        }
        assert_eq!(Workload::named("spans-many"), None);
    }
}
