//! A Sentry client and the ingest it sends to, for span sources other than the layer for `tracing`.

use std::sync::Arc;

use sentry::{Client, ClientOptions};
use sentry_genai_testkit::{Ingest, ReceivedSpan, assert_spans};

use crate::PATIENCE;

/// A Sentry on loopback, and a client for it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Receiver {
    /// The server that receives everything.
    pub ingest: Ingest,
    /// The client, as `sentry::init` would return it.
    pub client: Arc<Client>,
}

impl Receiver {
    /// Starts a receiver whose client samples everything and lets no content through.
    pub fn start() -> Self {
        Self::with(ClientOptions::new().traces_sample_rate(1.0))
    }

    /// Starts a receiver whose client lets content through.
    pub fn with_content() -> Self {
        Self::with(
            ClientOptions::new()
                .traces_sample_rate(1.0)
                .send_default_pii(true),
        )
    }

    /// Starts a receiver with the given options; the DSN is set here.
    pub fn with(options: ClientOptions) -> Self {
        let ingest = Ingest::start().expect("loopback has a free port");
        let options = options
            .dsn(&ingest.dsn())
            .shutdown_timeout(PATIENCE)
            .transport(sentry::transports::DefaultTransportFactory);
        Self {
            client: Arc::new(Client::from(options)),
            ingest,
        }
    }

    /// Returns the spans that have arrived.
    ///
    /// # Panics
    ///
    /// Panics if the ingest rejected anything.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        let violations = self.ingest.violations();
        assert!(violations.is_empty(), "the ingest objects: {violations:#?}");
        self.ingest.spans()
    }

    /// Returns the only span with this name.
    ///
    /// # Panics
    ///
    /// Panics if there is none, or more than one.
    pub fn span(&self, name: &str) -> ReceivedSpan {
        assert_spans(&self.spans()).one(name).span().clone()
    }
}
