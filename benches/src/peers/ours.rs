//! The layer of `sentry-genai`. Spans go over HTTP on loopback in every measurement.

use std::time::Duration;

use sentry::{ClientInitGuard, ClientOptions};
use sentry_genai::{Compression, Guard, Handle, LossReason, Options, Stats, TraceLifecycle};

use super::{Peer, Setup};
use crate::{
    child::Mode,
    probe::Probe,
    texts::Texts,
    workloads::{Created, Workload, with_tracing::neutral},
};

pub(super) struct Ours {
    guard: Guard,
    setup: Setup,
    _client: Option<ClientInitGuard>,
}

impl Ours {
    pub(super) fn start(setup: &Setup) -> Self {
        let guard = options(setup).init(client_options(setup));
        Self::with_layer(setup, guard, None)
    }

    pub(super) fn start_private(setup: &Setup) -> Self {
        let client_options = client_options(setup).send_default_pii(false);
        let guard = options(setup).init(client_options);
        Self::with_layer(setup, guard, None)
    }

    pub(super) fn compress(setup: &Setup, compression: Compression) -> Self {
        let options = options(setup).with_compression(compression);
        let guard = options.init(client_options(setup));
        Self::with_layer(setup, guard, None)
    }

    pub(super) fn classic(setup: &Setup) -> Self {
        let options = options(setup).with_trace_lifecycle(TraceLifecycle::Classic);
        let guard = options.init(client_options(setup));
        Self::with_layer(setup, guard, None)
    }

    pub(super) fn attach(setup: &Setup) -> Self {
        let client = sentry::init(client_options(setup));
        let guard = options(setup).attach(&client);
        Self::with_layer(setup, guard, Some(client))
    }

    fn with_layer(setup: &Setup, guard: Guard, client: Option<ClientInitGuard>) -> Self {
        super::install(sentry_genai::layer(), setup.workload);
        Self {
            guard,
            setup: *setup,
            _client: client,
        }
    }
}

fn options(setup: &Setup) -> Options {
    let mut options = Options::new().with_keep_ai_traces(keeps_ai_traces(setup));
    if let Some(bytes) = buffer_bytes(setup) {
        options = options.with_max_buffer_bytes(bytes);
    }
    if let Some(connections) = max_connections(setup) {
        options = options.with_max_connections(connections);
    }
    options
}

impl Peer for Ours {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        neutral::run(workload, texts, probe, &|| self.flush())
    }

    fn flush(&self) {
        let flushed = self.guard.flush(Duration::from_secs(60));
        assert!(flushed, "the sink answers");
        let stats = self.guard.handle().map(Handle::stats).unwrap_or_default();
        assert_none_lost(&self.setup, stats);
    }
}

pub(super) fn client_options(setup: &Setup) -> ClientOptions {
    setup
        .client_options()
        // The other peers send content whatever this says.
        .send_default_pii(true)
        // The processor's flush waits as long as this, and under callgrind everything takes long.
        .shutdown_timeout(Duration::from_secs(60))
}

pub(super) fn keeps_ai_traces(setup: &Setup) -> bool {
    setup.workload == Workload::Held
}

/// Returns the size of the buffer, if it differs from a user's.
pub(super) fn buffer_bytes(setup: &Setup) -> Option<usize> {
    match setup.mode {
        Mode::Verify | Mode::Count => None,
        // Callgrind runs one thread at a time, so the worker cannot keep up.
        Mode::Run | Mode::Latency | Mode::Time => Some(1024 * 1024 * 1024),
    }
}

/// Returns the number of connections, if it differs from a user's.
pub(super) fn max_connections(setup: &Setup) -> Option<usize> {
    // As many as there are while a server answers at once. Under callgrind every answer takes long, which would justify more.
    (setup.mode == Mode::Run).then_some(4)
}

/// Asserts that no span was lost: a lost span is cheap, so its cost must not be reported. With a user's buffer, the loss itself
/// is reported.
pub(super) fn assert_none_lost(setup: &Setup, stats: Stats) {
    if buffer_bytes(setup).is_none() {
        return;
    }
    let lost = stats.lost_total() - stats.lost(LossReason::SampleRate);
    assert_eq!(lost, 0, "spans were lost: {stats:?}");
}
