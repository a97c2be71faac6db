//! From the spans of a batch to Sentry's spans, trace by trace.

use std::{collections::HashMap, sync::Arc};

use sentry_genai_conventions::{Attributes, SentrySpan, SourceSpan, SpanId, TraceId, Translator};

use crate::{ReceivedSpan, inherit_batch, resource, trace::TranslatedTrace};

/// Translates a batch: spans of any number of traces, in any order.
///
/// What only relatives can tell is resolved among the spans of the batch. The traces come in the order of their first spans,
/// and so do the spans of each. This takes time in proportion to the number of spans.
#[must_use]
pub fn translate_batch(
    translator: &Translator,
    received: Vec<ReceivedSpan>,
) -> Vec<TranslatedTrace> {
    let (resources, mut sources): (Vec<_>, Vec<_>) = received
        .into_iter()
        .map(|received| (received.resource, received.span))
        .unzip();
    inherit_batch(translator, &mut sources);

    let mut index = HashMap::new();
    let mut traces: Vec<Members> = Vec::new();
    for (source, resource) in sources.into_iter().zip(resources) {
        let number = *index.entry(source.trace_id).or_insert_with(|| {
            traces.push(Members::of(source.trace_id));
            traces.len() - 1
        });
        traces[number].add(translator, source, resource);
    }
    let traces = traces.into_iter();
    traces
        .map(|members| members.into_trace(translator))
        .collect()
}

/// The spans of one trace.
struct Members {
    trace_id: TraceId,
    spans: Vec<SentrySpan>,
    resources: Vec<Arc<Attributes>>,
}

impl Members {
    fn of(trace_id: TraceId) -> Self {
        Self {
            trace_id,
            spans: Vec::new(),
            resources: Vec::new(),
        }
    }

    fn add(&mut self, translator: &Translator, source: SourceSpan, resource: Arc<Attributes>) {
        let mut span = translator.translate(source);
        resource::describe(&mut span, &resource);
        self.spans.push(span);
        self.resources.push(resource);
    }

    fn into_trace(mut self, translator: &Translator) -> TranslatedTrace {
        translator.relate(&mut self.spans);
        let segments = segments(&self.spans, &self.resources);
        let environment = self
            .resources
            .iter()
            .find_map(|it| resource::environment(it));
        TranslatedTrace::new(
            self.trace_id,
            environment.map(str::to_owned),
            self.spans,
            segments,
        )
    }
}

/// Returns for every span the position of its segment span: the outermost one around it, in the batch, of the same service.
fn segments(spans: &[SentrySpan], resources: &[Arc<Attributes>]) -> Vec<usize> {
    let index: HashMap<SpanId, usize> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| (span.span_id, position))
        .collect();
    let same_service = |a: usize, b: usize| {
        Arc::ptr_eq(&resources[a], &resources[b])
            || resources[a].text("service.name") == resources[b].text("service.name")
    };
    let parent = |position: usize| {
        let parent = *index.get(&spans[position].parent_span_id?)?;
        (parent != position && same_service(parent, position)).then_some(parent)
    };
    /// How far the search has come for one span.
    #[derive(Clone, Copy)]
    enum Found {
        NotYet,
        /// It is on the way that is being searched.
        Underway,
        Root(usize),
    }
    let mut found = vec![Found::NotYet; spans.len()];
    let mut way = Vec::new();
    for start in 0..spans.len() {
        let mut position = start;
        let root = loop {
            match found[position] {
                Found::Root(root) => break root,
                // A ring of parents: one of them has to be the outermost.
                Found::Underway => break position,
                Found::NotYet => {}
            }
            found[position] = Found::Underway;
            way.push(position);
            match parent(position) {
                Some(above) => position = above,
                None => break position,
            }
        };
        for position in way.drain(..) {
            found[position] = Found::Root(root);
        }
    }
    let roots = found.into_iter().enumerate();
    roots
        .map(|(position, found)| match found {
            Found::Root(root) => root,
            Found::NotYet | Found::Underway => position,
        })
        .collect()
}
