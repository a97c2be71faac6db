//! `sentry-genai serve`

mod connections;

use std::{
    collections::HashSet,
    env, io,
    net::SocketAddr,
    num::NonZero,
    pin::pin,
    time::{Duration, Instant},
};

use clap::Args;
use sentry_core::types::Dsn;
use sentry_genai_delivery::{Options, RetryPolicy, SendFailure};
use sentry_genai_gateway::{
    Client,
    serve::{Patience, Projects, Service, router},
};
use tokio::{net::TcpListener, runtime, sync::watch, task::JoinSet, time};

use super::{Failure, Outcome, Privacy, Release, non_empty, print_message};

/// How many requests are read at the same time: one may be large once it is decompressed.
const MAX_READERS: usize = 4;

/// How often to look for traces that are due.
const SEND_INTERVAL: Duration = Duration::from_millis(250);

/// The shortest time between two reports that Sentry cannot be reached, or refuses.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// How long spans outlast a Sentry that cannot be reached: as long as a Collector keeps what it cannot pass on.
const OUTAGE: Duration = Duration::from_secs(5 * 60);

/// More attempts than fit into that time.
const MAX_ATTEMPTS: u32 = 100;

/// How long to wait, at the end, for requests that are under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for Sentry at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// Receives spans from OpenTelemetry exporters, over HTTP and gRPC, and sends them to Sentry
///
/// Point an exporter at it with OTEL_EXPORTER_OTLP_ENDPOINT. Every address speaks both protocols. GET /health reports what has become
/// of the spans so far. On SIGINT, SIGTERM and SIGHUP it sends what is waiting, for up to ten seconds, and ends.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The DSN of the project that the spans are sent to; by default the variable SENTRY_DSN
    #[arg(long, value_name = "DSN")]
    dsn: Option<String>,
    /// The project of one service, by its `service.name`, such as shop=https://KEY@HOST/PROJECT; can be repeated
    #[arg(long, value_name = "SERVICE=DSN", value_parser = parse_route)]
    route: Vec<(String, Dsn)>,
    /// Where to listen; can be repeated
    #[arg(
        long,
        value_name = "ADDRESS",
        default_values = ["127.0.0.1:4317", "127.0.0.1:4318"],
        value_parser = parse_address,
    )]
    listen: Vec<SocketAddr>,
    #[command(flatten)]
    privacy: Privacy,
    #[command(flatten)]
    release: Release,
    /// How many seconds to wait, after the latest span of a trace, for more of that trace
    #[arg(long, value_name = "SECONDS", default_value_t = 6.0)]
    gather: f64,
    /// How many MiB of spans may wait; from three quarters of that, exporters are told to try again later
    #[arg(long, value_name = "MIB", default_value = "64", value_parser = parse_number)]
    max_memory: NonZero<usize>,
    /// How many requests to Sentry may be under way at once; each carries one trace
    #[arg(long, value_name = "NUMBER", default_value = "32", value_parser = parse_number)]
    connections: NonZero<usize>,
}

impl Serve {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let service = self.start()?;
        let runtime = runtime::Builder::new_current_thread()
            .max_blocking_threads(MAX_READERS)
            .enable_all()
            .build()?;
        let served = runtime.block_on(serve(&service, &self.listen));
        // Requests that are still being read by then were not answered, so exporters send them again.
        runtime.shutdown_timeout(DRAIN_TIMEOUT);
        served?;
        let is_complete = service.close(FLUSH_TIMEOUT);
        let failure = service.last_failure();
        let lost = service.figures().delivery.lost_total();
        if is_complete {
            if lost > 0 {
                print_losses(failure.as_ref(), lost);
            }
            return Ok(Outcome::Fine);
        }
        let reason = failure.map_or_else(|| "out of time".to_owned(), |it| it.to_string());
        print_message(&format_args!(
            "not all spans were sent: {reason}; spans lost so far: {lost}"
        ));
        Ok(Outcome::Unreadable)
    }

    fn start(&self) -> Result<Service, Failure> {
        let dsn = non_empty(&self.dsn).or_else(|| non_empty(&env::var("SENTRY_DSN").ok()));
        let Some(dsn) = dsn else {
            let message = "no DSN: set --dsn or the environment variable SENTRY_DSN to that of the project to send to";
            return Err(Failure::Usage(message.to_owned()));
        };
        let dsn = parse_dsn(&dsn)
            .map_err(|error| Failure::Usage(format!("--dsn or SENTRY_DSN: {error}")))?;
        let client = |dsn| self.release.of(Client::new(dsn));
        let mut projects = Projects::new(client(dsn.clone()));
        let mut services = HashSet::new();
        for (service, dsn) in &self.route {
            if !services.insert(service) {
                return Err(Failure::Usage(format!("--route: {service} is given twice")));
            }
            projects = projects.with_service(service, client(dsn.clone()));
        }
        let service = Service::start(projects, self.options(), self.patience()?)
            .ok_or_else(|| Failure::Usage("--dsn: cannot send to this DSN".to_owned()))?;
        // Spans that go to the wrong project are accepted all the same.
        print_message(&format_args!("sending to {}", dsn.envelope_api_url()));
        for (service, dsn) in &self.route {
            let url = dsn.envelope_api_url();
            print_message(&format_args!("sending {service} to {url}"));
        }
        Ok(service)
    }

    fn options(&self) -> Options {
        let retries = RetryPolicy::default().with_max_attempts(MAX_ATTEMPTS);
        Options::new()
            .with_capture_inputs(self.privacy.pii)
            .with_capture_outputs(self.privacy.pii)
            .with_capture_client_addresses(self.privacy.pii)
            .with_max_connections(self.connections.get())
            .with_retries(retries.with_max_age(OUTAGE))
    }

    fn patience(&self) -> Result<Patience, Failure> {
        let mut patience = Patience::default();
        patience.quiet = Duration::try_from_secs_f64(self.gather)
            .map_err(|error| Failure::Usage(format!("--gather: {error}")))?;
        patience.longest = patience.longest.max(patience.quiet);
        patience.max_bytes = self.max_memory.get().saturating_mul(1024 * 1024);
        Ok(patience)
    }
}

/// Reads `SERVICE=DSN`.
fn parse_route(text: &str) -> Result<(String, Dsn), String> {
    let Some((service, dsn)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err("expected SERVICE=DSN".to_owned());
    };
    Ok((service.to_owned(), parse_dsn(dsn)?))
}

fn parse_dsn(text: &str) -> Result<Dsn, String> {
    text.parse()
        .map_err(|error| format!("{error}: expected https://KEY@HOST/PROJECT"))
}

/// Reads an address without looking up names.
fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as 0.0.0.0:4318 or [::]:4318")
}

fn parse_number(text: &str) -> Result<NonZero<usize>, &'static str> {
    text.parse()
        .map_err(|_| "expected a whole number of at least 1")
}

/// Serves until the process is asked to end.
async fn serve(service: &Service, addresses: &[SocketAddr]) -> Result<(), Failure> {
    let (shutdown_sender, _) = watch::channel(());
    let mut servers = JoinSet::new();
    for address in addresses {
        let listen_error =
            |error: io::Error| Failure::Usage(format!("cannot listen on {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        print_message(&format_args!(
            "listening on {}",
            listener.local_addr().map_err(listen_error)?
        ));
        let shutdown = shutdown_sender.subscribe();
        servers.spawn(connections::serve(
            listener,
            router(service.clone()),
            shutdown,
        ));
    }
    let mut ticks = time::interval(SEND_INTERVAL);
    let mut problems = DeliveryProblems::default();
    let mut refusals = Refusals::default();
    let mut shutdown = pin!(shutdown_signal());
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = ticks.tick() => {
                let due = service.clone();
                // Translating may take a while, and must not hold up the server.
                let _ = tokio::task::spawn_blocking(move || due.send_due()).await;
                problems.report(service);
                refusals.report(service);
            }
        }
    }
    shutdown_sender.send_replace(());
    // Requests that are under way are accepted; those that hang are not waited for longer than this.
    let all = async { while servers.join_next().await.is_some() {} };
    let _ = time::timeout(DRAIN_TIMEOUT, all).await;
    refusals.report_new(service);
    Ok(())
}

/// What has been reported of requests that were refused.
#[derive(Default)]
struct Refusals {
    count: u64,
    last: Option<Instant>,
}

impl Refusals {
    /// Reports what is new since the last report, at most once per [`REPORT_INTERVAL`].
    fn report(&mut self, service: &Service) {
        if self
            .last
            .is_none_or(|last| last.elapsed() >= REPORT_INTERVAL)
        {
            self.report_new(service);
        }
    }

    /// Reports what is new since the last report.
    fn report_new(&mut self, service: &Service) {
        let count = service.figures().refused_requests;
        if count == self.count {
            return;
        }
        let refusal = service.last_refusal().unwrap_or_default();
        print_message(&format_args!(
            "refused {refusal}; requests refused so far: {count}"
        ));
        *self = Self {
            count,
            last: Some(Instant::now()),
        };
    }
}

/// What has been reported of problems with Sentry.
#[derive(Default)]
struct DeliveryProblems {
    cause: Option<String>,
    lost: u64,
    last: Option<Instant>,
}

impl DeliveryProblems {
    /// Reports what is new since the last report, at most once per [`REPORT_INTERVAL`].
    fn report(&mut self, service: &Service) {
        let is_too_soon = (self.last).is_some_and(|last| last.elapsed() < REPORT_INTERVAL);
        let failure = service.last_failure();
        let lost = service.figures().delivery.lost_total();
        let cause = failure.as_ref().map(|failure| failure.cause.clone());
        if is_too_soon || (cause == self.cause && lost == self.lost) {
            return;
        }
        print_losses(failure.as_ref(), lost);
        *self = Self {
            cause,
            lost,
            last: Some(Instant::now()),
        };
    }
}

fn print_losses(failure: Option<&SendFailure>, lost: u64) {
    let failure = failure.map_or_else(|| "no request has failed".to_owned(), ToString::to_string);
    print_message(&format_args!("{failure}; spans lost so far: {lost}"));
}

/// Waits until the process is asked to end.
async fn shutdown_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let hung_up = async {
            let Some(Ok(mut hung_up)) = ends_on_hangup().then(|| signal(SignalKind::hangup()))
            else {
                return std::future::pending().await;
            };
            hung_up.recv().await
        };
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
                _ = hung_up => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

/// Returns whether SIGHUP would end the process. It does not after `nohup`, and must not begin to.
#[cfg(unix)]
fn ends_on_hangup() -> bool {
    const SIGHUP: u64 = 1;

    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return false;
    };
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & SIGHUP == 0)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        serve: Serve,
    }

    fn patience(arguments: &[&str]) -> (Duration, Duration, usize) {
        let arguments = [&["serve"], arguments].concat();
        let patience = Arguments::parse_from(arguments).serve.patience().unwrap();
        (patience.quiet, patience.longest, patience.max_bytes)
    }

    #[test]
    fn a_trace_waits_at_least_as_long_as_for_one_span() {
        let seconds = Duration::from_secs;
        assert_eq!(patience(&[]), (seconds(6), seconds(30), 64 << 20));
        let short = patience(&["--gather", "1", "--max-memory", "16"]);
        assert_eq!(short, (seconds(1), seconds(30), 16 << 20));
        let long = patience(&["--gather", "45"]);
        assert_eq!(long, (seconds(45), seconds(45), 64 << 20));
    }
}
