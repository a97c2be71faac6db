//! The ways to Sentry that are measured. To add one, add a module here, a variant of [`PeerName`] and a line in
//! [`PeerName::run`].

mod floors;
mod ours;
mod ours_opentelemetry;
mod sentry_opentelemetry;
mod sentry_sdk;
mod sentry_tracing;
mod tracing_opentelemetry;

use std::net::SocketAddr;

use sentry::ClientOptions;
use sentry_genai::Compression;
use tracing_subscriber::{Layer, Registry, filter::filter_fn, prelude::*};

use crate::{
    child::{self, Mode},
    probe::Probe,
    texts::Texts,
    workloads::{Created, Workload},
};

/// A way from a program's spans to Sentry, set up in this process.
pub(crate) trait Peer {
    fn run<P: Probe>(&self, workload: Workload, texts: &Texts, probe: &mut P) -> Created;

    /// Waits until everything so far has been sent.
    fn flush(&self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PeerName {
    /// The layer of `sentry-genai`, with default options and content.
    Ours,
    /// The same layer, attached to an existing Sentry client, for which the entered span has to be kept on Sentry's scope.
    OursAttached,
    /// The layer with the default, which keeps content private.
    OursPrivate,
    /// The layer, compressing as it does for a server on another machine.
    OursGzip,
    /// The layer, compressing with zstd, which is opt-in.
    OursZstd,
    /// The layer, sending transactions, as the peers do.
    OursClassic,
    /// The processor of `sentry-genai-opentelemetry`, behind the OpenTelemetry API.
    OursOpentelemetry,
    /// tracing-opentelemetry in front of the processor of `sentry-genai-opentelemetry`.
    TracingOpentelemetryOurs,
    /// sentry-tracing's `SpanLayer`.
    SentryTracing,
    /// The OpenTelemetry API and sentry-opentelemetry's `SentrySpanProcessor`.
    SentryOpentelemetry,
    /// tracing-opentelemetry in front of `SentrySpanProcessor`.
    TracingOpentelemetrySentry,
    /// tracing-opentelemetry, a batch processor and OTLP's encoding.
    TracingOpentelemetryOtlp,
    /// tracing's registry and a layer that looks at every field.
    FloorTracing,
    /// OpenTelemetry's SDK and a processor that does nothing.
    FloorOpentelemetry,
}

impl PeerName {
    pub(crate) const ALL: [Self; 14] = [
        Self::Ours,
        Self::OursAttached,
        Self::OursPrivate,
        Self::OursGzip,
        Self::OursZstd,
        Self::OursClassic,
        Self::OursOpentelemetry,
        Self::TracingOpentelemetryOurs,
        Self::SentryTracing,
        Self::SentryOpentelemetry,
        Self::TracingOpentelemetrySentry,
        Self::TracingOpentelemetryOtlp,
        Self::FloorTracing,
        Self::FloorOpentelemetry,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursAttached => "ours-attached",
            Self::OursPrivate => "ours-private",
            Self::OursGzip => "ours-gzip",
            Self::OursZstd => "ours-zstd",
            Self::OursClassic => "ours-classic",
            Self::OursOpentelemetry => "ours-otel",
            Self::TracingOpentelemetryOurs => "tracing-opentelemetry+ours",
            Self::SentryTracing => "sentry-tracing",
            Self::SentryOpentelemetry => "sentry-opentelemetry",
            Self::TracingOpentelemetrySentry => "tracing-opentelemetry+sentry",
            Self::TracingOpentelemetryOtlp => "tracing-opentelemetry+otlp",
            Self::FloorTracing => "floor-tracing",
            Self::FloorOpentelemetry => "floor-otel",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.name() == name)
    }

    /// Returns the peer that measures the program's own calls with no consumer. For a floor, returns the other floor, if there is
    /// one.
    pub(crate) fn floor(self, workload: Workload) -> Self {
        let compared_with_tracing = match self {
            Self::FloorTracing => false,
            Self::FloorOpentelemetry => Self::FloorTracing.takes_part_in(workload),
            peer => !peer.is_over_opentelemetry(),
        };
        if compared_with_tracing {
            Self::FloorTracing
        } else {
            Self::FloorOpentelemetry
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Ours
                | Self::OursAttached
                | Self::OursPrivate
                | Self::OursGzip
                | Self::OursZstd
                | Self::OursClassic
                | Self::OursOpentelemetry
                | Self::TracingOpentelemetryOurs
        )
    }

    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::FloorTracing | Self::FloorOpentelemetry)
    }

    /// Returns whether the program calls the OpenTelemetry API, and not `tracing`.
    fn is_over_opentelemetry(self) -> bool {
        matches!(
            self,
            Self::OursOpentelemetry | Self::SentryOpentelemetry | Self::FloorOpentelemetry
        )
    }

    /// Returns whether the peer can do what the workload asks for.
    pub(crate) fn takes_part_in(self, workload: Workload) -> bool {
        match workload {
            // It differs from `Ours` only when spans are entered and exited.
            _ if self == Self::OursAttached => {
                matches!(
                    workload,
                    Workload::W1
                        | Workload::W6
                        | Workload::W8
                        | Workload::W8Once
                        | Workload::W8Events
                )
            }
            _ if self == Self::OursPrivate => {
                matches!(
                    workload,
                    Workload::W1
                        | Workload::W5
                        | Workload::W6
                        | Workload::W10
                        | Workload::W11
                        | Workload::W12
                        | Workload::Scaled(_)
                )
            }
            // These differ from `Ours` only in the bytes on the wire.
            _ if matches!(self, Self::OursGzip | Self::OursZstd | Self::OursClassic) => {
                matches!(workload, Workload::W1 | Workload::W5 | Workload::W6)
            }
            // tracing's registry keeps a span open as long as it has children.
            Workload::W9 => self.is_over_opentelemetry(),
            // The API has no filter for a single processor, and no log lines.
            Workload::Unwanted | Workload::W8Events => !self.is_over_opentelemetry(),
            // No other peer can hold spans back until more is known of their trace.
            Workload::Held => self.is_floor() || self.is_ours(),
            Workload::NoDsn => self != Self::TracingOpentelemetryOtlp,
            _ => true,
        }
    }

    /// Returns whether the peer's documentation asks for fields beyond those of the conventions.
    pub(crate) fn has_own_fields(self) -> bool {
        matches!(
            self,
            Self::SentryTracing | Self::TracingOpentelemetrySentry | Self::TracingOpentelemetryOtlp
        )
    }

    /// Sets the peer up in this process, and measures it.
    pub(crate) fn run(self, setup: &Setup) -> child::Report {
        match self {
            Self::Ours => child::measure(setup, || ours::Ours::start(setup)),
            Self::OursAttached => child::measure(setup, || ours::Ours::attach(setup)),
            Self::OursPrivate => child::measure(setup, || ours::Ours::start_private(setup)),
            Self::OursGzip => {
                child::measure(setup, || ours::Ours::compress(setup, Compression::Always))
            }
            Self::OursZstd => {
                child::measure(setup, || ours::Ours::compress(setup, Compression::Zstd))
            }
            Self::OursClassic => child::measure(setup, || ours::Ours::classic(setup)),
            Self::OursOpentelemetry => {
                child::measure(setup, || ours_opentelemetry::OverApi::start(setup))
            }
            Self::TracingOpentelemetryOurs => {
                child::measure(setup, || tracing_opentelemetry::ToOurs::start(setup))
            }
            Self::SentryTracing => {
                child::measure(setup, || sentry_tracing::SentryTracing::start(setup))
            }
            Self::SentryOpentelemetry => {
                child::measure(setup, || sentry_opentelemetry::OverApi::start(setup))
            }
            Self::TracingOpentelemetrySentry => {
                child::measure(setup, || tracing_opentelemetry::ToSentry::start(setup))
            }
            Self::TracingOpentelemetryOtlp => {
                child::measure(setup, || tracing_opentelemetry::ToOtlp::start(setup))
            }
            Self::FloorTracing => child::measure(setup, floors::Tracing::start),
            Self::FloorOpentelemetry => child::measure(setup, floors::Opentelemetry::start),
        }
    }
}

/// Which attributes the program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Only those of the conventions.
    Neutral,
    /// Also those that the peer's documentation asks for.
    Own,
}

impl Fields {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Own => "own",
        }
    }
}

/// What one process measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) workload: Workload,
    pub(crate) mode: Mode,
    pub(crate) fields: Fields,
    /// How often to run the workload.
    pub(crate) repeats: u64,
    /// The address that bytes are sent to, if they cross a socket.
    pub(crate) sink: SocketAddr,
}

impl Setup {
    /// Returns the options of a Sentry client that all peers share.
    fn client_options(&self) -> ClientOptions {
        let options = ClientOptions::new()
            .release("bench@1")
            .traces_sample_rate(self.workload.sample_rate());
        match self.workload {
            Workload::NoDsn => options,
            _ => options.dsn(&format!("http://public@{}/1", self.sink)),
        }
    }

    /// Returns whether the peer runs with a user's settings, instead of those that make costs comparable.
    fn is_verification(&self) -> bool {
        self.mode == Mode::Verify
    }
}

/// Installs `layer` as the program's way to Sentry.
fn install<L>(layer: L, workload: Workload)
where
    L: Layer<Registry> + Send + Sync,
{
    match workload {
        Workload::Unwanted => {
            let wanted = filter_fn(|metadata| {
                let mut fields = metadata.fields().iter();
                fields.any(|field| field.name().starts_with("gen_ai."))
            });
            // Without another layer the program would have no spans at all, and nothing could be measured.
            tracing_subscriber::registry()
                .with(layer.with_filter(wanted))
                .with(floors::FieldVisitor)
                .init();
        }
        _ => tracing_subscriber::registry().with(layer).init(),
    }
}
