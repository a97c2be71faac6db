//! Translates spans for other exporters.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::{SentrySpan, SourceSpan, SpanId, TextRoom, Translator};
use sentry_genai_delivery::{BeforeSendSpan, Options, SDK_NAME, SDK_VERSION};

use crate::{
    batch::{self, SegmentQuery},
    door::{Parent, ResourceInfo},
    open_spans::{EndedSpan, SpanTable},
};

/// Translates batches of spans and adds to each what OTLP does not carry.
pub(crate) struct Rewriter {
    translator: Translator,
    captures_all_content: bool,
    before_send_span: Option<BeforeSendSpan>,
    release: Option<Cow<'static, str>>,
    environment: Option<Cow<'static, str>>,
    room: TextRoom,
    spans: SpanTable<Arc<SegmentName>>,
}

/// The segment of a span. Its name is known only when the root has come, which may be too late for some spans.
pub(crate) struct SegmentName {
    span_id: SpanId,
    name: Mutex<Option<String>>,
}

impl Rewriter {
    pub(crate) fn new(client_options: &ClientOptions, options: &Options) -> Self {
        let translation = options.translation(client_options);
        Self {
            captures_all_content: translation.capture_inputs && translation.capture_outputs,
            translator: Translator::new(translation),
            before_send_span: options.before_send_span(),
            release: client_options.release.clone(),
            environment: client_options.environment.clone(),
            room: translation.text_room(),
            spans: SpanTable::new(),
        }
    }

    /// Returns whether all content may leave, including what is not inspected.
    pub(crate) fn captures_all_content(&self) -> bool {
        self.captures_all_content
    }

    /// Returns how much of a text is copied.
    pub(crate) fn text_room(&self) -> TextRoom {
        self.room
    }

    /// Sets the release and environment of the resource, as far as the client's options have none.
    pub(crate) fn set_resource_info(&mut self, info: ResourceInfo) {
        if let Some(release) = info.release {
            self.release.get_or_insert(release.into());
        }
        if let Some(environment) = info.environment {
            self.environment.get_or_insert(environment.into());
        }
    }

    /// Translates a batch in its order; `None` stands for a span that the hook drops.
    ///
    /// The spans of one trace have to be adjacent.
    pub(crate) fn rewrite(&self, batch: Vec<(SourceSpan, Parent)>) -> Vec<Option<SentrySpan>> {
        let spans_with_parents = batch.iter().map(|(source, parent)| (source, *parent));
        batch::register(&self.spans, spans_with_parents, |source, query| {
            let span_id = match query {
                SegmentQuery::Root(_) => source.span_id,
                SegmentQuery::Child(parent, _) => parent,
            };
            let name = Mutex::new(None);
            Arc::new(SegmentName { span_id, name })
        });
        let mut segments: Vec<Option<Arc<SegmentName>>> = Vec::with_capacity(batch.len());
        let mut translated = Vec::with_capacity(batch.len());
        for (mut source, _) in batch {
            let Some(EndedSpan { node, .. }) = self.spans.end((source.trace_id, source.span_id))
            else {
                // The span is in the batch twice.
                segments.push(None);
                continue;
            };
            node.end(&mut source, true);
            let is_root = node.segment.span_id == source.span_id;
            let span = self.translator.translate(source);
            if is_root {
                node.segment.set(&span.name);
            }
            segments.push(Some(Arc::clone(&node.segment)));
            translated.push(span);
        }
        for trace in translated.chunk_by_mut(|one, next| one.trace_id == next.trace_id) {
            self.translator.reconcile(trace);
        }
        let mut spans = translated.into_iter();
        segments
            .into_iter()
            .map(|segment| {
                let segment = segment?;
                let mut span = self.apply_before_send(spans.next()?)?;
                self.add_sentry_attributes(&mut span, &segment);
                Some(span)
            })
            .collect()
    }

    /// Calls the hook. A span on which the hook panics is dropped: the hook may have been about to remove something.
    fn apply_before_send(&self, span: SentrySpan) -> Option<SentrySpan> {
        let Some(hook) = &self.before_send_span else {
            return Some(span);
        };
        let mut span = catch_unwind(AssertUnwindSafe(|| hook(span)))
            .ok()
            .flatten()?;
        span.attributes.settle();
        Some(span)
    }

    /// Adds attributes for what a span of Sentry's own protocol carries outside of its attributes.
    fn add_sentry_attributes(&self, span: &mut SentrySpan, segment: &SegmentName) {
        let origin = span.origin.clone();
        let op = span.op.clone();
        let name = segment.name();
        let sentry_attributes = [
            ("sentry.op", Some(op)),
            ("sentry.origin", Some(origin)),
            (
                "sentry.segment.id",
                Some(segment.span_id.to_string().into()),
            ),
            ("sentry.segment.name", name.map(Cow::Owned)),
            ("sentry.release", self.release.clone()),
            ("sentry.environment", self.environment.clone()),
            ("sentry.sdk.name", Some(SDK_NAME.into())),
            ("sentry.sdk.version", Some(SDK_VERSION.into())),
            ("sentry.platform", Some("rust".into())),
        ];
        for (key, value) in sentry_attributes {
            if let Some(value) = value
                && !value.is_empty()
                && !span.attributes.contains(key)
            {
                span.attributes.push(key, &*value);
            }
        }
    }
}

impl SegmentName {
    fn set(&self, name: &str) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }

    fn name(&self) -> Option<String> {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        name.clone()
    }
}
