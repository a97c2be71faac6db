//! The tracing door of this workspace. Spans go over HTTP on loopback in every measurement.

use std::time::Duration;

use sentry_genai::{Guard, Handle, LossReason, Options, sentry::ClientOptions};
use tracing_subscriber::prelude::*;

use super::{Peer, Setup};
use crate::{
    child::Mode,
    probe::Probe,
    texts::Texts,
    workloads::{Created, Workload, with_tracing::neutral},
};

pub(super) struct Ours(Guard);

impl Ours {
    pub(super) fn start(setup: &Setup) -> Self {
        let options = ClientOptions::new()
            .dsn(&setup.dsn())
            .release("bench@1")
            .traces_sample_rate(setup.workload.sample_rate())
            // The peers send content whatever this says.
            .send_default_pii(true);
        let guard = match setup.mode {
            // What a user has.
            Mode::Verify | Mode::Count => sentry_genai::init(options),
            // Callgrind runs one thread at a time, and a worker that cannot run cannot keep up.
            Mode::Run | Mode::Latency | Mode::Time => Options::new()
                .with_max_buffer_bytes(1024 * 1024 * 1024)
                .init(options),
        };
        tracing_subscriber::registry()
            .with(sentry_genai::layer())
            .init();
        Self(guard)
    }
}

impl Peer for Ours {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        neutral::run(workload, texts, probe)
    }

    fn flush(&self) {
        let flushed = self.0.flush(Duration::from_secs(60));
        assert!(flushed, "the sink answers");
        let stats = self.0.handle().map(Handle::stats).unwrap_or_default();
        let lost = stats.lost_total() - stats.lost(LossReason::SampleRate);
        assert_eq!(
            lost, 0,
            "a span that is lost is cheap, so its cost does not count"
        );
    }
}
