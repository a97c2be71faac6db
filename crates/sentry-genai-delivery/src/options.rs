//! What users may set about the spans that leave, whichever door these come through.

use std::{borrow::Cow, env, fmt, sync::Arc};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{ContentLimits, SentrySpan, TranslateOptions, Translator};

use crate::{BeforeSendSpan, Config, Delivery};

/// What a delivery does beyond its defaults.
///
/// ```
/// use sentry_genai_delivery::Options;
///
/// let client = sentry_core::Client::from(sentry_core::ClientOptions::new().traces_sample_rate(1.0));
/// let delivery = Options::new().with_capture_inputs(true).start(client.options());
/// assert!(delivery.is_none(), "there is no DSN");
/// ```
#[derive(Clone, Default)]
#[must_use = "options have no effect until a delivery is started with them"]
pub struct Options {
    capture_inputs: Option<bool>,
    capture_outputs: Option<bool>,
    limits: ContentLimits,
    max_buffer_bytes: Option<usize>,
    before_send_span: Option<BeforeSendSpan>,
}

impl Options {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether prompts, system instructions, tool definitions and tool arguments leave the process.
    ///
    /// The default is what [`ClientOptions::send_default_pii`] says; where that is off, the environment variable
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` can switch it on.
    pub fn with_capture_inputs(mut self, capture: bool) -> Self {
        self.capture_inputs = Some(capture);
        self
    }

    /// Sets whether answers and tool results leave the process; the default is that of
    /// [`with_capture_inputs`](Self::with_capture_inputs).
    pub fn with_capture_outputs(mut self, capture: bool) -> Self {
        self.capture_outputs = Some(capture);
        self
    }

    /// Sets how long a single text and a single attribute may be, in bytes.
    pub fn with_content_limits(mut self, limits: ContentLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how many bytes of spans may wait to be sent, 32 MiB by default. Beyond that the oldest traces are dropped and
    /// counted as [`LossReason::QueueOverflow`](crate::LossReason::QueueOverflow).
    pub fn with_max_buffer_bytes(mut self, bytes: usize) -> Self {
        self.max_buffer_bytes = Some(bytes);
        self
    }

    /// Sets a hook that sees every span last, and may change it or drop it by returning `None`.
    ///
    /// It runs on a delivery thread, after content that may not leave has been removed. A dropped span is counted as
    /// [`LossReason::BeforeSend`](crate::LossReason::BeforeSend). A hook that panics drops the span.
    pub fn with_before_send_span(
        mut self,
        hook: impl Fn(SentrySpan) -> Option<SentrySpan> + Send + Sync + 'static,
    ) -> Self {
        self.before_send_span = Some(Arc::new(hook));
        self
    }

    /// Returns the hook that sees every span last, if there is one.
    #[must_use]
    pub fn before_send_span(&self) -> Option<BeforeSendSpan> {
        self.before_send_span.clone()
    }

    /// Returns how spans are translated, given the options of the Sentry client.
    #[must_use]
    pub fn translation(&self, client_options: &ClientOptions) -> TranslateOptions {
        let default = client_options.send_default_pii || environment_captures_content();
        let mut translation = TranslateOptions::default();
        translation.capture_inputs = self.capture_inputs.unwrap_or(default);
        translation.capture_outputs = self.capture_outputs.unwrap_or(default);
        translation.limits = self.limits;
        translation
    }

    /// Reads what is needed of a client's options (`client.options()`), or returns `None` if they have no DSN.
    #[must_use]
    pub fn prepare(self, client_options: &ClientOptions) -> Option<Prepared> {
        let mut config = Config::from_client_options(client_options)?;
        if let Some(bytes) = self.max_buffer_bytes {
            config = config.with_max_buffer_bytes(bytes);
        }
        Some(Prepared {
            config,
            translator: Translator::new(self.translation(client_options)),
            before_send_span: self.before_send_span,
        })
    }

    /// Starts a delivery for a client with these options, or returns `None` if they have no DSN.
    #[must_use]
    pub fn start(self, client_options: &ClientOptions) -> Option<Delivery> {
        self.prepare(client_options).map(Prepared::start)
    }
}

/// Shows whether there is a hook, not what it is.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("capture_inputs", &self.capture_inputs)
            .field("capture_outputs", &self.capture_outputs)
            .field("limits", &self.limits)
            .field("max_buffer_bytes", &self.max_buffer_bytes)
            .field("before_send_span", &self.before_send_span.is_some())
            .finish()
    }
}

/// A delivery that has not been started: for doors that learn late where the spans come from.
#[must_use = "nothing is delivered until it is started"]
pub struct Prepared {
    config: Config,
    translator: Translator,
    before_send_span: Option<BeforeSendSpan>,
}

impl Prepared {
    /// Sets the release that applies where the client has none.
    pub fn with_default_release(mut self, release: impl Into<Cow<'static, str>>) -> Self {
        self.config = self.config.with_default_release(release);
        self
    }

    /// Sets the environment that applies where the client has none; without either it is `production`.
    pub fn with_default_environment(mut self, environment: impl Into<Cow<'static, str>>) -> Self {
        self.config = self.config.with_default_environment(environment);
        self
    }

    /// Starts the delivery with its two threads.
    #[must_use]
    pub fn start(self) -> Delivery {
        Delivery::start(self.config, self.translator, self.before_send_span)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Reads OpenTelemetry's switch. Its newer values say where content goes; here there are spans only.
fn environment_captures_content() -> bool {
    env::var("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT").is_ok_and(|value| {
        let value = value.trim().to_ascii_lowercase();
        matches!(
            value.as_str(),
            "true" | "1" | "span_only" | "span_and_event"
        )
    })
}
