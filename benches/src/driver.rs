//! Measures workloads and peers, each figure in fresh processes.

use std::{
    collections::BTreeMap,
    error::Error,
    io,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    arrivals::Arrivals,
    callgrind::{Callgrind, Instructions, Threads, Valgrind},
    child::{Mode, Report, median},
    figures::{Costs, Figures, InstructionCounts},
    peers::{Fields, PeerName},
    probe::{Call, Latency},
    scale::Point,
    sink::Sink,
    workloads::{
        Workload,
        scaled::{Axis, Scaled},
    },
};

/// How many pairs of a peer and its floor are timed.
const TIMED_PAIRS: usize = 5;

/// The maximum number of spans in a run whose arrivals and calls are examined one by one.
const MAX_VERIFIED_SPANS: u64 = 250_000;

/// The maximum number of spans in a run under callgrind; more would take minutes.
const MAX_CALLGRIND_SPANS: u64 = 10_001;

#[derive(Debug)]
pub(crate) struct Driver {
    program: PathBuf,
    sink: Sink,
    valgrind: Valgrind,
}

impl Driver {
    pub(crate) fn new(valgrind: Valgrind) -> io::Result<Self> {
        Self::with_sink(Sink::start(Duration::ZERO)?, valgrind)
    }

    pub(crate) fn with_sink(sink: Sink, valgrind: Valgrind) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            sink,
            valgrind,
        })
    }

    /// Measures everything about one peer in one workload.
    pub(crate) fn figures(
        &self,
        workload: Workload,
        peer: PeerName,
    ) -> Result<Figures, Box<dyn Error>> {
        let repeats = workload.repeats();
        let (made, sent) = self.verify(workload, peer, Fields::Own)?;
        let sent_neutral = match peer.has_own_fields() {
            true => self.verify(workload, peer, Fields::Neutral)?.1,
            false => sent,
        };
        let counted = self.report(workload, peer, Mode::Count, repeats.count)?;
        let per_span = |n: u64| n as f64 / counted.spans as f64;
        let instructions = self.instructions(workload, peer)?;
        let [instructions_per_poll, instructions_per_event] = match workload {
            // One of the polls is in both.
            Workload::W8 => [
                self.instructions_of_one(Workload::W8, 999.0, peer)?,
                self.instructions_of_one(Workload::W8Events, 1000.0, peer)?,
            ],
            _ => [None; 2],
        };
        let instructions_ratio_to_floor = match (workload, instructions) {
            (Workload::NoDsn, Some(instructions)) => {
                let floor = self.instructions(workload, peer.floor(workload))?;
                floor.map(|floor| instructions.all_threads / floor.all_threads)
            }
            _ => None,
        };
        let times = self.times(workload, peer)?;
        let latency_us = self.latencies(workload, peer)?;
        let sends = !peer.is_floor();
        Ok(Figures {
            workload,
            peer,
            created: made.spans,
            arrived: sends.then_some(sent.spans),
            instructions_per_span: instructions.map(|it| it.all_threads),
            caller_instructions_per_span: match workload {
                Workload::W4 => None,
                _ => instructions.map(|it| it.main_thread),
            },
            allocations_per_span: per_span(counted.allocations),
            allocated_bytes_per_span: per_span(counted.allocated_bytes),
            cpu_ratio_to_floor: times.cpu_ratio,
            peak_heap_bytes: counted.peak_heap_bytes,
            wire_bytes_per_span: (sent.spans > 0)
                .then(|| sent.wire_bytes as f64 / sent.spans as f64),
            right_ops: (sent_neutral.ai > 0)
                .then(|| sent_neutral.right_ops as f64 / sent_neutral.ai as f64),
            latency_us,
            created_ai: made.ai_spans,
            sent,
            sent_neutral,
            wall_ratio_to_floor: times.wall_ratio,
            cpu_ns_per_span: times.cpu_ns_per_span,
            parallelism: times.parallelism,
            instructions_ratio_to_floor,
            instructions_per_poll,
            instructions_per_event,
        })
    }

    /// Measures how long each kind of call takes. Of several processes, that with the middle p50 counts: whether a large text finds
    /// memory at hand is decided early in a process, and stays so.
    fn latencies(
        &self,
        workload: Workload,
        peer: PeerName,
    ) -> Result<BTreeMap<String, Latency>, Box<dyn Error>> {
        const PROCESSES: usize = 3;

        let mut by_call: BTreeMap<String, Vec<Latency>> = BTreeMap::new();
        for _ in 0..PROCESSES {
            let repeats = workload.repeats().latency;
            let report = self.report(workload, peer, Mode::Latency, repeats)?;
            for (call, latency) in report.latencies {
                by_call.entry(call).or_default().push(latency);
            }
        }
        let middle = |mut latencies: Vec<Latency>| {
            latencies.sort_by(|a, b| a.p50.total_cmp(&b.p50));
            latencies.swap_remove(latencies.len() / 2)
        };
        let by_call = by_call.into_iter();
        Ok(by_call.map(|(call, all)| (call, middle(all))).collect())
    }

    /// Measures only the costs that are repeatable.
    pub(crate) fn costs(
        &self,
        workload: Workload,
        peer: PeerName,
    ) -> Result<Costs, Box<dyn Error>> {
        let repeats = workload.repeats();
        let counted = self.report(workload, peer, Mode::Count, repeats.count)?;
        Ok(Costs {
            allocations_per_span: counted.allocations as f64 / counted.spans as f64,
            instructions: self.instructions(workload, peer)?,
        })
    }

    /// Measures the time and the arrivals of a workload of one size, without comparing it to a floor.
    pub(crate) fn timed_point(
        &self,
        scaled: Scaled,
        peer: PeerName,
    ) -> Result<Point, Box<dyn Error>> {
        let workload = Workload::Scaled(scaled);
        let repeats = workload.repeats();
        // The best of several runs, since other work on the machine only adds time.
        let mut timed = self.report(workload, peer, Mode::Time, repeats.chunks)?;
        for _ in 1..repeats.chunks.min(TIMED_PAIRS as u64) {
            let again = self.report(workload, peer, Mode::Time, repeats.chunks)?;
            if again.cpu_ns_per_span < timed.cpu_ns_per_span {
                timed = again;
            }
        }
        let arrived = if peer.is_floor() || scaled.spans() > MAX_VERIFIED_SPANS {
            None
        } else {
            Some(self.verify(workload, peer, Fields::Own)?.1.spans)
        };
        Ok(Point {
            axis: scaled.axis.name(),
            size: scaled.size,
            peer: peer.name(),
            created: timed.spans / (repeats.chunks * repeats.chunk),
            arrived,
            cpu_ns_per_span: timed.cpu_ns_per_span,
            parallelism: timed.cpu_ns_per_span / timed.wall_ns_per_span,
            ..Point::default()
        })
    }

    /// Measures everything about a workload of one size.
    pub(crate) fn point(&self, scaled: Scaled, peer: PeerName) -> Result<Point, Box<dyn Error>> {
        let workload = Workload::Scaled(scaled);
        let repeats = workload.repeats();
        let counted = self.report(workload, peer, Mode::Count, repeats.count)?;
        let latencies = if scaled.spans() > MAX_VERIFIED_SPANS {
            BTreeMap::new()
        } else {
            self.latencies(workload, peer)?
        };
        let instructions = if scaled.spans() > MAX_CALLGRIND_SPANS {
            None
        } else {
            self.instructions(workload, peer)?
        };
        let median = |call: Call| latencies.get(call.name()).map(|latency| latency.p50);
        // On the axis of depth, nearly all spans are plain ones; on the others, it is the AI spans that increase.
        let (start, end) = match scaled {
            Scaled {
                axis: Axis::Depth,
                size: 2..,
            } => (Call::NewPlain, Call::EndPlain),
            _ => (Call::NewAi, Call::EndAi),
        };
        Ok(Point {
            instructions_per_span: instructions.map(|it| it.all_threads),
            caller_instructions_per_span: match scaled.axis {
                Axis::Threads => None,
                _ => instructions.map(|it| it.main_thread),
            },
            allocations_per_span: Some(counted.allocations as f64 / counted.spans as f64),
            peak_heap_bytes: Some(counted.peak_heap_bytes),
            start_us: median(start),
            end_us: median(end),
            end_root_us: median(Call::EndRoot),
            ..self.timed_point(scaled, peer)?
        })
    }

    /// Runs a workload once, and returns what it made and what arrived.
    pub(crate) fn arrivals(
        &self,
        workload: Workload,
        peer: PeerName,
    ) -> Result<(Report, Arrivals), Box<dyn Error>> {
        self.verify(workload, peer, Fields::Own)
    }

    fn verify(
        &self,
        workload: Workload,
        peer: PeerName,
        fields: Fields,
    ) -> Result<(Report, Arrivals), Box<dyn Error>> {
        let mut command = Command::new(&self.program);
        self.describe(&mut command, workload, peer, fields, Mode::Verify, 1);
        let (report, requests) = self.sink.record(|| read_report(command));
        Ok((report?, Arrivals::read(&requests)?))
    }

    fn report(
        &self,
        workload: Workload,
        peer: PeerName,
        mode: Mode,
        repeats: u64,
    ) -> Result<Report, Box<dyn Error>> {
        let mut command = Command::new(&self.program);
        self.describe(&mut command, workload, peer, Fields::Own, mode, repeats);
        read_report(command)
    }

    /// Counts a short and a long run. What both need to start cancels out in the difference.
    fn instructions(
        &self,
        workload: Workload,
        peer: PeerName,
    ) -> Result<Option<InstructionCounts>, Box<dyn Error>> {
        if self.valgrind == Valgrind::Missing {
            return Ok(None);
        }
        let (short, long) = workload.repeats().instructions;
        let (few, before) = self.instructions_of(workload, peer, short)?;
        let (many, after) = self.instructions_of(workload, peer, long)?;
        let per_span = |before: u64, after: u64| {
            (after as f64 - before as f64) / (many.spans - few.spans) as f64
        };
        Ok(Some(InstructionCounts {
            all_threads: per_span(before.all_threads, after.all_threads),
            main_thread: per_span(before.main_thread, after.main_thread),
        }))
    }

    fn instructions_of(
        &self,
        workload: Workload,
        peer: PeerName,
        repeats: u64,
    ) -> Result<(Report, Instructions), Box<dyn Error>> {
        let callgrind = Callgrind::new()?;
        let mut command = callgrind.command(&self.program, Threads::Separate);
        self.describe(
            &mut command,
            workload,
            peer,
            Fields::Own,
            Mode::Run,
            repeats,
        );
        Ok((read_report(command)?, callgrind.instructions()?))
    }

    /// Runs the workload under callgrind and keeps the file that tells where its instructions went.
    pub(crate) fn profile(
        &self,
        callgrind: &Callgrind,
        workload: Workload,
        peer: PeerName,
    ) -> Result<Report, Box<dyn Error>> {
        let mut command = callgrind.command(&self.program, Threads::Together);
        let (_, repeats) = workload.repeats().instructions;
        self.describe(
            &mut command,
            workload,
            peer,
            Fields::Own,
            Mode::Run,
            repeats,
        );
        read_report(command)
    }

    /// Counts what one of the `times` repetitions takes that `workload` has, and W8 with a single enter has not.
    fn instructions_of_one(
        &self,
        workload: Workload,
        times: f64,
        peer: PeerName,
    ) -> Result<Option<f64>, Box<dyn Error>> {
        if !peer.takes_part_in(workload) {
            return Ok(None);
        }
        let often = self.instructions(workload, peer)?;
        let once = self.instructions(Workload::W8Once, peer)?;
        let of_one = |often: InstructionCounts, once: InstructionCounts| {
            let spans = 2.0;
            // The other threads do the same in both, with differences larger than what is counted here.
            (often.main_thread - once.main_thread) * spans / times
        };
        Ok(often.zip(once).map(|(often, once)| of_one(often, once)))
    }

    /// Times a peer and its floor alternately, so that other work on the machine affects both.
    fn times(&self, workload: Workload, peer: PeerName) -> Result<Times, Box<dyn Error>> {
        let chunks = workload.repeats().chunks;
        let mut reports = Vec::new();
        for _ in 0..TIMED_PAIRS {
            let its = self.report(workload, peer, Mode::Time, chunks)?;
            let floor = self.report(workload, peer.floor(workload), Mode::Time, chunks)?;
            reports.push((its, floor));
        }
        let median_of = |figure: fn(&Report, &Report) -> f64| {
            median(
                reports
                    .iter()
                    .map(|(its, floor)| figure(its, floor))
                    .collect(),
            )
        };
        Ok(Times {
            cpu_ratio: median_of(|its, floor| its.cpu_ns_per_span / floor.cpu_ns_per_span),
            wall_ratio: median_of(|its, floor| its.wall_ns_per_span / floor.wall_ns_per_span),
            cpu_ns_per_span: median_of(|its, _| its.cpu_ns_per_span),
            parallelism: median_of(|its, _| its.cpu_ns_per_span / its.wall_ns_per_span),
        })
    }

    fn describe(
        &self,
        command: &mut Command,
        workload: Workload,
        peer: PeerName,
        fields: Fields,
        mode: Mode,
        repeats: u64,
    ) {
        command.args(["--child", peer.name(), &workload.name(), mode.name()]);
        command.args([repeats.to_string(), fields.name().to_owned()]);
        command.arg(self.sink.address.to_string());
    }
}

struct Times {
    cpu_ratio: f64,
    wall_ratio: f64,
    cpu_ns_per_span: f64,
    parallelism: f64,
}

/// Runs a measurement until it exits.
fn read_report(mut command: Command) -> Result<Report, Box<dyn Error>> {
    let output = command
        // The environment's settings for Sentry and proxies must not affect a measurement.
        .env_remove("SENTRY_DSN")
        .env_remove("SENTRY_SPOTLIGHT")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .stderr(Stdio::piped())
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{command:?} failed: {errors}").into());
    }
    eprint!("{errors}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
