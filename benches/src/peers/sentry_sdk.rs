//! The Sentry SDK, as the other peers use it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use sentry::{ClientInitGuard, Envelope, Hub, Transport};

use super::Setup;

/// Initialises the SDK. For verification it sends with its own transport; for measuring, see [`SerializingTransport`].
pub(super) fn init(setup: &Setup) -> ClientInitGuard {
    let options = setup.client_options();
    if setup.is_verification() {
        sentry::init(options)
    } else {
        sentry::init(options.transport(Arc::new(SerializingTransport::start())))
    }
}

pub(super) fn flush() {
    if let Some(client) = Hub::current().client() {
        client.flush(Some(Duration::from_secs(60)));
    }
}

/// A transport that serializes envelopes on its own thread, as the SDK's transports do, and then discards them.
///
/// It favours the peers: there is no HTTP, and no limit at which envelopes are dropped, since dropping is cheap. The SDK's own
/// transports drop beyond 30 envelopes.
struct SerializingTransport(Mutex<Sender<Task>>);

#[expect(clippy::large_enum_variant, reason = "as in the SDK's own queue")]
enum Task {
    Serialize(Envelope),
    Flush(Sender<()>),
}

impl SerializingTransport {
    fn start() -> Self {
        let (sender, tasks) = channel();
        thread::spawn(move || {
            for task in tasks {
                match task {
                    Task::Serialize(envelope) => {
                        let mut body = Vec::new();
                        let written = envelope.to_writer(&mut body);
                        std::hint::black_box((written.is_ok(), body));
                    }
                    // The waiting thread may have given up.
                    Task::Flush(done) => drop(done.send(())),
                }
            }
        });
        Self(Mutex::new(sender))
    }

    fn submit(&self, task: Task) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(task).expect("the thread runs");
    }
}

impl Transport for SerializingTransport {
    fn send_envelope(&self, envelope: Envelope) {
        self.submit(Task::Serialize(envelope));
    }

    fn flush(&self, timeout: Duration) -> bool {
        let (done, wait) = channel();
        self.submit(Task::Flush(done));
        wait.recv_timeout(timeout).is_ok()
    }
}
