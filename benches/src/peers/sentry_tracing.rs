//! tracing → sentry-tracing → a Sentry transaction.

use sentry::{ClientInitGuard, integrations::tracing::SpanLayer};

use super::{Fields, Peer, Setup, sentry_sdk};
use crate::{
    probe::Probe,
    texts::Texts,
    workloads::{
        Created, Workload,
        with_tracing::{for_sentry_tracing, neutral},
    },
};

pub(super) struct SentryTracing {
    fields: Fields,
    _guard: ClientInitGuard,
}

impl SentryTracing {
    pub(super) fn start(setup: &Setup) -> Self {
        let guard = sentry_sdk::init(setup);
        super::install(SpanLayer::new(), setup.workload);
        Self {
            fields: setup.fields,
            _guard: guard,
        }
    }
}

impl Peer for SentryTracing {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created {
        match self.fields {
            Fields::Neutral => neutral::run(workload, texts, probe, &|| self.flush()),
            Fields::Own => for_sentry_tracing::run(workload, texts, probe, &|| self.flush()),
        }
    }

    fn flush(&self) {
        sentry_sdk::flush();
    }
}
