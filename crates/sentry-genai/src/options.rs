//! Options of the bridge, and the functions that start it.

use std::{env, ptr, sync::Arc};

use sentry::{Client, ClientOptions, Hub, TracesSamplingStrategy};
use sentry_genai_conventions::{ContentLimits, SentrySpan};
use sentry_genai_delivery::{self as delivery, Compression, RetryPolicy, TraceLifecycle};

use crate::{
    Correlation, Guard,
    handle::{CorrelationMode, Handle, Propagation},
};

/// Initialises Sentry and the bridge with default options.
///
/// The *bridge* takes the spans that have ended from the [layer](crate::layer()), translates them, and sends them to the project of
/// a Sentry client.
///
/// This calls [`sentry::init`] and replaces it: it takes the same arguments, and the returned guard flushes both spans and events
/// when it is dropped. If there is no DSN, or if the environment variable `SENTRY_DSN` holds one that cannot be parsed, both are
/// disabled and [`layer`](crate::layer()) does nothing, unless [Spotlight](Options::with_spotlight) is switched on.
///
/// If the options have neither a sample rate nor a sampler, the environment variable `SENTRY_TRACES_SAMPLE_RATE` sets the rate.
///
/// Prompts and answers leave the process only with [`ClientOptions::send_default_pii`] or the `with_capture_*` options of
/// [`Options`].
///
/// If a process has several bridges, [`layer`](crate::layer()) uses the one that was attached last and is still running. Its
/// project receives all spans, even where the current hub has another client. To send some spans elsewhere, add a second layer
/// [with that client's handle](crate::GenAiLayer::with_handle) and a filter.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let _sentry = sentry_genai::init(sentry::ClientOptions::new().traces_sample_rate(1.0));
/// tracing_subscriber::registry().with(sentry_genai::layer()).init();
/// ```
///
/// With a DSN in the code, as with [`sentry::init`]:
///
/// ```no_run
/// let options = sentry::ClientOptions::new().traces_sample_rate(1.0);
/// let _sentry = sentry_genai::init(("https://key@o1.ingest.sentry.io/42", options));
/// ```
#[must_use = "spans are flushed when the guard is dropped; dropping it at once stops everything"]
pub fn init(client_options: impl Into<ClientOptions>) -> Guard {
    Options::new().init(client_options)
}

/// Attaches the bridge to an existing Sentry client, with default options.
///
/// The client keeps sending events, logs and metrics. The bridge reads the client's options and sends spans on its own. To link
/// events to the right span, it keeps the entered span on the thread's Sentry scope, where tasks that share a hub see each
/// other's spans, and where children that the program starts below it with Sentry's own API are never sent. None of this is needed
/// with [`init`], or if the client's integrations include [`Correlation`].
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let sentry = sentry::init(sentry::ClientOptions::new().traces_sample_rate(1.0));
/// let _spans = sentry_genai::attach(&sentry);
/// tracing_subscriber::registry().with(sentry_genai::layer()).init();
/// ```
#[must_use = "spans are flushed when the guard is dropped; dropping it at once stops everything"]
pub fn attach(client: &Client) -> Guard {
    Options::new().attach(client)
}

/// Options of the bridge.
///
/// ```
/// let _sentry = sentry_genai::Options::new()
///     .with_capture_inputs(true)
///     .with_before_send_span(|span| (span.name != "health check").then_some(span))
///     .init(sentry::ClientOptions::new().traces_sample_rate(0.2));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options have no effect until `init` or `attach` is called on them"]
pub struct Options {
    delivery: delivery::Options,
    propagation: Propagation,
    #[cfg(feature = "metrics")]
    metrics: bool,
}

impl Options {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether prompts, system instructions, tool definitions and tool arguments leave the process.
    ///
    /// The default is [`ClientOptions::send_default_pii`]. If that is off, the environment variable
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` can switch content on.
    pub fn with_capture_inputs(mut self, capture: bool) -> Self {
        self.delivery = self.delivery.with_capture_inputs(capture);
        self
    }

    /// Sets whether answers and tool results leave the process. The default is that of
    /// [`with_capture_inputs`](Self::with_capture_inputs).
    pub fn with_capture_outputs(mut self, capture: bool) -> Self {
        self.delivery = self.delivery.with_capture_outputs(capture);
        self
    }

    /// Sets whether the network addresses of those who send requests, such as `client.address`, leave the process. The default is
    /// [`ClientOptions::send_default_pii`].
    pub fn with_capture_client_addresses(mut self, capture: bool) -> Self {
        self.delivery = self.delivery.with_capture_client_addresses(capture);
        self
    }

    /// Sets the maximum length of a single text and of a single attribute, in bytes; 100,000 and 256,000 by default.
    ///
    /// ```
    /// let mut limits = sentry_genai::ContentLimits::default();
    /// limits.text_bytes = 20_000;
    /// let options = sentry_genai::Options::new().with_content_limits(limits);
    /// ```
    pub fn with_content_limits(mut self, limits: ContentLimits) -> Self {
        self.delivery = self.delivery.with_content_limits(limits);
        self
    }

    /// Sets how many bytes of spans may wait to be sent, with what their traces need; 32 MiB by default.
    ///
    /// Beyond that, the oldest traces are dropped and counted as [`LossReason::QueueOverflow`](crate::LossReason::QueueOverflow).
    pub fn with_max_buffer_bytes(mut self, bytes: usize) -> Self {
        self.delivery = self.delivery.with_max_buffer_bytes(bytes);
        self
    }

    /// Sets how many requests may be in flight at once, each on a connection and a thread of its own. The default is 32.
    ///
    /// More than one is used only while much waits, more than four only while the server takes long to answer. Sentry takes one
    /// trace per request, so 32 requests at a time are 320 traces per second if an answer takes a tenth of a second.
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.delivery = self.delivery.with_max_connections(connections);
        self
    }

    /// Sets a hook that sees every translated span and may change it, or drop it by returning `None`.
    ///
    /// The hook runs on the bridge's own thread, after content that must not leave the process has been removed. What the hook
    /// itself traces creates no spans. A dropped span is counted as [`LossReason::BeforeSend`](crate::LossReason::BeforeSend), and
    /// a span on which the hook panics as [`LossReason::CallbackError`](crate::LossReason::CallbackError).
    ///
    /// Only what spans of a trace learn from each other is added later: if a model call is described twice, by an SDK and by a
    /// wrapper around it, one of the two spans stops counting as a call, and the other is completed with what it lacks.
    ///
    /// The children of a dropped span are still sent, with a parent that Sentry does not have. To leave spans out and keep the
    /// tree whole, filter the layer (`Layer::with_filter`): the children of a filtered span become children of the next span above.
    ///
    /// ```
    /// use sentry_genai::SentrySpan;
    ///
    /// fn hide_phone_numbers(mut span: SentrySpan) -> Option<SentrySpan> {
    ///     span.attributes.replace_texts(|_key, text| {
    ///         let hidden = text.replace("+43 1 234567", "[phone]");
    ///         (hidden != text).then_some(hidden)
    ///     });
    ///     Some(span)
    /// }
    ///
    /// let options = sentry_genai::Options::new().with_before_send_span(hide_phone_numbers);
    /// ```
    pub fn with_before_send_span(
        mut self,
        hook: impl Fn(SentrySpan) -> Option<SentrySpan> + Send + Sync + 'static,
    ) -> Self {
        self.delivery = self.delivery.with_before_send_span(hook);
        self
    }

    /// Sets whether conversation ids cross process boundaries in the `baggage` header, as `gen_ai.conversation.id`. The default
    /// is true.
    ///
    /// Ids are read from incoming requests and added to outgoing ones. An id longer than 512 bytes, or with control characters,
    /// is propagated in neither direction.
    pub fn with_conversation_propagation(mut self, propagate: bool) -> Self {
        self.propagation.conversations = propagate;
        self
    }

    /// Sets whether traces also cross process boundaries in W3C's header `traceparent`. The default is false.
    ///
    /// If it is set, [`outgoing_headers`](crate::propagation::outgoing_headers) returns this header, too, so that services which
    /// know OpenTelemetry alone, such as model servers, continue the trace. Requests that have it and no `sentry-trace` are
    /// continued; their sampling decision is made here.
    pub fn with_traceparent(mut self, propagate: bool) -> Self {
        self.propagation.traceparent = propagate;
        self
    }

    /// Sets whether traces with AI spans are sent even if they were not sampled, while all others follow the sample rate. The
    /// default is false.
    ///
    /// The spans of a trace that was not sampled are held, in up to half of the [buffer](Self::with_max_buffer_bytes), until the
    /// first AI span starts or the outermost span has ended. Traces that are kept report a sample rate of 1, and services called
    /// after the first AI span started are told to sample, too. Traces without an AI span, and the oldest that are held beyond
    /// the limit, are dropped and counted as [`LossReason::SampleRate`](crate::LossReason::SampleRate).
    ///
    /// Nothing is traced at all unless the client has a sample rate (0 will do) or a sampler.
    pub fn with_keep_ai_traces(mut self, keep: bool) -> Self {
        self.delivery = self.delivery.with_keep_ai_traces(keep);
        self
    }

    /// Sets the form in which spans are sent. Servers that predate span containers, and Spotlight, need
    /// [`TraceLifecycle::Classic`].
    pub fn with_trace_lifecycle(mut self, lifecycle: TraceLifecycle) -> Self {
        self.delivery = self.delivery.with_trace_lifecycle(lifecycle);
        self
    }

    /// Sets whether AI spans also carry their attributes under the names that older servers, and Spotlight, read. The default is
    /// false.
    pub fn with_legacy_attributes(mut self, legacy: bool) -> Self {
        self.delivery = self.delivery.with_legacy_attributes(legacy);
        self
    }

    /// Sets whether a copy of every span of a sampled trace goes to a Spotlight on this machine, in the form that it can show.
    ///
    /// If this is not set, the environment variable `SENTRY_SPOTLIGHT` decides, which can also hold Spotlight's URL. Without a
    /// DSN, spans go to Spotlight alone, and then those of all traces, whatever the sample rate.
    pub fn with_spotlight(mut self, spotlight: bool) -> Self {
        self.delivery = self.delivery.with_spotlight(spotlight);
        self
    }

    /// Sets the URL of a Spotlight, such as `http://localhost:8969/stream`, and switches it on, whatever the environment says.
    pub fn with_spotlight_url(mut self, url: impl Into<String>) -> Self {
        self.delivery = self.delivery.with_spotlight_url(url);
        self
    }

    /// Sets whether every model call is measured, even in traces that are not sampled: how many tokens it used, and how long it
    /// took. The default is false.
    ///
    /// | Metric (a distribution) | Unit | Attributes |
    /// |---|---|---|
    /// | `gen_ai.client.token.usage` | `token` | those below, `gen_ai.token.type`: `input` or `output` |
    /// | `gen_ai.client.operation.duration` | `second` | those below, `error.type` if the call failed |
    ///
    /// Both carry `gen_ai.operation.name`, `gen_ai.provider.name`, `gen_ai.request.model` and `gen_ai.response.model`, as far as
    /// the span has them, and the ids of its trace and of the span. A call that is described twice, by an SDK and by a wrapper
    /// around it, counts once.
    ///
    /// The Sentry client sends the metrics in its own batches and calls its `before_send_metric` hook on the bridge's thread.
    /// Spans that [`with_before_send_span`](Self::with_before_send_span) drops are not measured.
    ///
    /// Spans of traces that are not sampled, or for which no sample rate is set, are still recorded and translated. They cost as
    /// much as any others up to the sending, and are counted as [`LossReason::SampleRate`](crate::LossReason::SampleRate).
    #[cfg(feature = "metrics")]
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn with_metrics(mut self, metrics: bool) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets when envelopes are compressed. By default they are, unless the server is on this machine.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.delivery = self.delivery.with_compression(compression);
        self
    }

    /// Sets how often, and for how long, spans are sent again that no server can have accepted.
    ///
    /// The default is up to six attempts within two minutes. Where connections are refused at once, six attempts take only
    /// seconds. More attempts outlast a longer outage:
    ///
    /// ```
    /// use sentry_genai::{Options, RetryPolicy};
    ///
    /// let options = Options::new().with_retries(RetryPolicy::default().with_max_attempts(20));
    /// ```
    pub fn with_retries(mut self, policy: RetryPolicy) -> Self {
        self.delivery = self.delivery.with_retries(policy);
        self
    }

    /// Initialises Sentry and the bridge with these options; see [`init`].
    #[must_use = "spans are flushed when the guard is dropped; dropping it at once stops everything"]
    pub fn init(self, client_options: impl Into<ClientOptions>) -> Guard {
        let mut client_options = client_options.into().add_integration(Correlation::new());
        if let TracesSamplingStrategy::Disabled = client_options.traces_sampling_strategy
            && let Some(rate) = sample_rate(env::var("SENTRY_TRACES_SAMPLE_RATE").ok())
        {
            client_options = client_options.traces_sample_rate(rate);
        }
        let client = sentry::init(client_options);
        let (handle, metrics_client) = self.start(&client, CorrelationMode::Hooks);
        Guard::new(handle, Some(client), metrics_client)
    }

    /// Attaches the bridge to an existing client with these options; see [`attach`].
    #[must_use = "spans are flushed when the guard is dropped; dropping it at once stops everything"]
    pub fn attach(self, client: &Client) -> Guard {
        let has_correlation = client
            .options()
            .integrations
            .iter()
            .any(|integration| (**integration).as_any().is::<Correlation>());
        let mode = if has_correlation {
            CorrelationMode::Hooks
        } else {
            CorrelationMode::Scope
        };
        let (handle, metrics_client) = self.start(client, mode);
        Guard::new(handle, None, metrics_client)
    }

    /// Starts the delivery. Also returns the client that captures metrics, if they are enabled.
    fn start(
        self,
        client: &Client,
        mode: CorrelationMode,
    ) -> (Option<Handle>, Option<Arc<Client>>) {
        let client_options = client.options();
        let propagation = self.propagation;
        #[cfg(feature = "metrics")]
        let (delivery, metrics_client) = if self.metrics {
            let metrics_client = shared_client(client);
            (
                self.delivery.with_metrics(&metrics_client),
                Some(metrics_client),
            )
        } else {
            (self.delivery, None)
        };
        #[cfg(not(feature = "metrics"))]
        let (delivery, metrics_client) = (self.delivery, None);
        let timeout = client_options.shutdown_timeout;
        let flushed = client_of_hub(client).as_ref().map(Arc::downgrade);
        let handle = delivery.start(client_options).map(|delivery| {
            let flushed = flushed.unwrap_or_default();
            Handle::new(delivery, timeout, mode, propagation, flushed)
        });
        (handle, metrics_client)
    }
}

/// Parses the sample rate that the environment names. Anything but a number from 0 to 1 counts as none.
fn sample_rate(variable: Option<String>) -> Option<f32> {
    let rate = variable?.trim().parse().ok()?;
    (0.0..=1.0).contains(&rate).then_some(rate)
}

/// Returns the client as the current or the main hub holds it, if one of them does.
fn client_of_hub(client: &Client) -> Option<Arc<Client>> {
    [Hub::current().client(), Hub::main().client()]
        .into_iter()
        .flatten()
        .find(|bound| ptr::eq(&**bound, client))
}

/// Returns the client as a hub holds it, or else a clone that shares its transport.
#[cfg(feature = "metrics")]
fn shared_client(client: &Client) -> Arc<Client> {
    client_of_hub(client).unwrap_or_else(|| Arc::new(client.clone()))
}
