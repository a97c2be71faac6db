//! A translated trace, and its encoding for Sentry.

#[cfg(feature = "serve")]
use std::collections::BTreeMap;
use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc, time::SystemTime};

use sentry_core::{ClientOptions, types::Dsn};
use sentry_genai_conventions::{Attributes, SentrySpan, TraceId};
use sentry_genai_delivery::{
    Config, IncomingTrace, Segment, Trace,
    wire::{self, Envelopes},
};

#[cfg(feature = "serve")]
use crate::resource;

/// The client in whose name spans are sent. Its `Debug` output does not show the key.
#[derive(Clone)]
#[non_exhaustive]
pub struct Client {
    /// The DSN. Envelopes contain only its public key and organization.
    pub dsn: Dsn,
    /// The release of all spans, such as `shop@1.4.2`. By default, the version of the service, if it is the same for all spans of
    /// the trace.
    pub release: Option<String>,
    /// The environment of all spans. By default, the first that a resource of the trace names, or else `production`.
    pub environment: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.dsn.host())
            .field("project_id", &self.dsn.project_id().value())
            .field("release", &self.release)
            .field("environment", &self.environment)
            .finish()
    }
}

impl Client {
    /// Creates a client with neither release nor environment.
    #[must_use]
    pub fn new(dsn: Dsn) -> Self {
        Self {
            dsn,
            release: None,
            environment: None,
        }
    }

    pub(crate) fn config(&self, release_info: &ReleaseInfo) -> Option<Arc<Config>> {
        let text = |own: &Option<String>, other: &Option<String>| {
            own.as_ref().or(other.as_ref()).cloned().map(Cow::Owned)
        };
        let mut options = ClientOptions::new().traces_sample_rate(1.0);
        options.dsn = Some(self.dsn.clone());
        options.release = text(&self.release, &release_info.release);
        options.environment = text(&self.environment, &release_info.environment);
        Config::from_client_options(&options).map(Arc::new)
    }
}

/// What the resources of a trace say about its release and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ReleaseInfo {
    pub(crate) release: Option<String>,
    pub(crate) environment: Option<String>,
}

/// The translated spans of one trace in one batch.
#[derive(Debug)]
pub struct TranslatedTrace {
    pub(crate) trace_id: TraceId,
    pub(crate) release_info: ReleaseInfo,
    pub(crate) spans: Vec<SentrySpan>,
    /// The resource of each span.
    pub(crate) resources: Vec<Arc<Attributes>>,
    /// The index of each span's segment span.
    pub(crate) segments: Vec<usize>,
}

impl TranslatedTrace {
    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the spans.
    #[must_use]
    pub fn spans(&self) -> &[SentrySpan] {
        &self.spans
    }

    /// Encodes the trace as envelopes, as many as Sentry's limits require.
    #[must_use]
    pub fn envelopes(&self, client: &Client, sent_at: SystemTime) -> Envelopes {
        let Some((config, segments)) = self.own_segments(client) else {
            return Envelopes::default();
        };
        let spans = self.spans.iter().zip(segments.iter().map(|it| &**it));
        wire::encode_envelopes(&config, segments[0].trace(), spans, sent_at)
    }

    /// Encodes each span as the JSON object that Sentry receives.
    #[must_use]
    pub fn json(&self, client: &Client) -> Vec<Vec<u8>> {
        let Some((config, segments)) = self.own_segments(client) else {
            return Vec::new();
        };
        let spans = self.spans.iter().zip(segments.iter().map(|it| &**it));
        wire::encode_spans(&config, spans).collect()
    }

    fn own_segments(&self, client: &Client) -> Option<(Arc<Config>, Vec<Arc<Segment>>)> {
        let config = client.config(&self.release_info)?;
        let segments = self.segments(&config, |_, _, segment| Arc::new(segment))?;
        Some((config, segments))
    }

    /// Starts the trace as its client would, and returns the segment of each span. Calls `segment_of` for each segment span,
    /// with its resource and the segment that would be created for it. Returns `None` if the trace has no spans.
    fn segments(
        &self,
        config: &Arc<Config>,
        mut segment_of: impl FnMut(&SentrySpan, &Attributes, Segment) -> Arc<Segment>,
    ) -> Option<Vec<Arc<Segment>>> {
        let root = self.spans.get(*self.segments.first()?)?;
        // Sampling was decided where the spans were made, and these were sampled.
        let header = format!("{}-{}-1", self.trace_id, root.span_id);
        let incoming = IncomingTrace::parse(&header, None)?;
        let trace = Trace::start(config, Some(&incoming), &root.name, &root.op);
        let mut known: HashMap<usize, Arc<Segment>> = HashMap::new();
        let segments = self.segments.iter().map(|position| {
            let segment = known.entry(*position).or_insert_with(|| {
                let root = &self.spans[*position];
                let new = Segment::new(Arc::clone(&trace), root.span_id, &*root.name);
                segment_of(root, &self.resources[*position], new)
            });
            Arc::clone(segment)
        });
        Some(segments.collect())
    }
}

#[cfg(feature = "serve")]
impl TranslatedTrace {
    /// Divides the trace by the value of `key` for the resources of its segment spans. Segments are not divided.
    pub(crate) fn split(self, key: impl Fn(&Attributes) -> usize) -> Vec<(usize, Self)> {
        let keys = self.segments.iter().map(|root| key(&self.resources[*root]));
        let keys: Vec<_> = keys.collect();
        let Some(first) = keys.first().copied() else {
            return Vec::new();
        };
        if keys.iter().all(|key| *key == first) {
            return vec![(first, self)];
        }
        let mut parts: BTreeMap<usize, Self> = BTreeMap::new();
        // The index of each span in its part.
        let mut positions = Vec::with_capacity(keys.len());
        let spans = self.spans.into_iter().zip(self.resources);
        for (key, (span, resource)) in keys.iter().zip(spans) {
            let part = parts.entry(*key).or_insert_with(|| Self {
                trace_id: self.trace_id,
                release_info: ReleaseInfo::default(),
                spans: Vec::new(),
                resources: Vec::new(),
                segments: Vec::new(),
            });
            positions.push(part.spans.len());
            part.spans.push(span);
            part.resources.push(resource);
        }
        for (key, root) in keys.iter().zip(self.segments) {
            if let Some(part) = parts.get_mut(key) {
                part.segments.push(positions[root]);
            }
        }
        for part in parts.values_mut() {
            part.release_info = resource::release_info(&part.resources);
        }
        parts.into_iter().collect()
    }

    /// Takes the trace apart into its spans, each with its resource and its segment. Calls `segment_of` for each segment span,
    /// with its resource and the segment that would be created for it.
    pub(crate) fn into_segments(
        self,
        config: &Arc<Config>,
        segment_of: impl FnMut(&SentrySpan, &Attributes, Segment) -> Arc<Segment>,
    ) -> Vec<(SentrySpan, Arc<Attributes>, Arc<Segment>)> {
        let Some(segments) = self.segments(config, segment_of) else {
            return Vec::new();
        };
        let spans = self.spans.into_iter().zip(self.resources);
        spans
            .zip(segments)
            .map(|((span, resource), segment)| (span, resource, segment))
            .collect()
    }
}
