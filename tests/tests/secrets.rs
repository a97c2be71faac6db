//! Keys and content do not get into logs, whoever writes them.

use std::{
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sentry::ClientOptions;
use sentry_genai::{LossReason, Options};
use sentry_genai_testkit::{Fault, Ingest};
use sentry_genai_tests::NO_PROXY;
use tracing::{Event, Subscriber, field::Field, info_span};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

static LOGGED: Mutex<String> = Mutex::new(String::new());

fn log_line(line: &str) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.push_str(line);
    logged.push('\n');
}

/// Collects everything that libraries log through `log`.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // At TRACE the HTTP client dumps the bytes it sends, which only a filter like this can prevent.
        if record.target() != "ureq_proto::util" {
            log_line(&format!("{} {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

/// Collects everything that is emitted through `tracing`.
struct Events;

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = event.metadata().target().to_owned();
        event.record(&mut |field: &Field, value: &dyn std::fmt::Debug| {
            let _ = write!(line, " {field}={value:?}");
        });
        log_line(&line);
    }
}

#[test]
fn neither_keys_nor_content_are_logged() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let ingest = Ingest::start().unwrap();
    let patience = Duration::from_secs(20);
    let guard = Options::new().init(
        ClientOptions::new()
            .dsn(&ingest.dsn().replace("public@", "sikrit-key:sikrit-pass@"))
            .http_proxy(NO_PROXY)
            .shutdown_timeout(patience)
            .send_default_pii(true)
            .traces_sample_rate(1.0),
    );
    tracing_subscriber::registry()
        .with(sentry_genai::layer())
        .with(Events)
        .init();
    ingest.script([Fault::status(503), Fault::status(500), Fault::reset()]);
    for _ in 0..3 {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.input.messages =
                r#"[{"role":"user","parts":[{"type":"text","content":"sikrit-question"}]}]"#,
        )
        .in_scope(|| {});
        assert!(guard.flush(patience));
    }
    let stats = guard.handle().unwrap().stats();
    assert_eq!(stats.lost(LossReason::SendError), 1, "{stats:?}");
    let shown = format!("{guard:?}");
    assert!(!shown.contains("sikrit"), "{shown}");
    let cause = guard.handle().unwrap().last_failure().unwrap().cause;
    assert!(shown.contains(&cause), "{shown}");
    drop(guard);
    assert!(String::from_utf8_lossy(&ingest.bytes()).contains("sikrit-question"));

    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(logged.contains("ureq"), "{logged}");
    assert!(logged.contains("spans were not sent"), "{logged}");
    assert!(logged.contains("HTTP status 500"), "{logged}");
    assert!(!logged.contains("sikrit"), "{logged}");
}
