//! What only the relatives of a span can tell: calls that are described twice, and totals that repeat their parts.

use std::collections::{HashMap, HashSet};

use crate::{AiKind, SentrySpan, SpanId, plain, span::Ancestors, tokens};

/// Makes every model call of one trace's batch count once.
///
/// An llm call inside an llm call is one call seen twice, by an SDK and by a wrapper around it: the richer description
/// stays and takes over what only the other knew, the other becomes a plain span. A wrapper around several calls is
/// demoted itself. An agent keeps token totals only when no llm call below it reported any. Where the door could not read
/// what open ancestors had said, conversation and agent are taken over from them here.
pub(crate) fn relate(spans: &mut [SentrySpan]) {
    let index: HashMap<SpanId, usize> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| (span.span_id, position))
        .collect();
    let parent = |spans: &[SentrySpan], position: usize| {
        let id = spans[position].parent_span_id?;
        index.get(&id).copied()
    };
    inherit(spans, parent);
    count_nested_calls_once(spans, parent);
    drop_repeated_totals(spans, parent);
}

fn inherit(spans: &mut [SentrySpan], parent: impl Fn(&[SentrySpan], usize) -> Option<usize>) {
    for key in ["gen_ai.conversation.id", "gen_ai.agent.name"] {
        for position in 0..spans.len() {
            let span = &spans[position];
            let agent = span.ai == Some(AiKind::Agent) && key == "gen_ai.agent.name";
            if span.ancestors == Ancestors::Known
                || span.ai.is_none()
                || agent
                || span.attributes.contains(key)
            {
                continue;
            }
            // A batch could hold a circle.
            let mut steps = spans.len();
            let mut ancestor = parent(spans, position);
            while let Some(current) = ancestor
                && steps > 0
                && !spans[current].attributes.contains(key)
            {
                ancestor = parent(spans, current);
                steps -= 1;
            }
            let inherited = ancestor.and_then(|found| spans[found].attributes.text(key));
            if let Some(inherited) = inherited.map(str::to_owned) {
                spans[position].attributes.push(key, inherited);
            }
        }
    }
}

fn count_nested_calls_once(
    spans: &mut [SentrySpan],
    parent: impl Fn(&[SentrySpan], usize) -> Option<usize>,
) {
    let mut inner: HashMap<usize, Vec<usize>> = HashMap::new();
    for position in 0..spans.len() {
        if is_inference(&spans[position])
            && let Some(outer) = parent(spans, position)
            && is_inference(&spans[outer])
        {
            inner.entry(outer).or_default().push(position);
        }
    }
    let mut wrappers: Vec<_> = inner.into_iter().collect();
    wrappers.sort_unstable();
    for (outer, calls) in wrappers {
        match calls[..] {
            [call] if is_inference(&spans[outer]) && is_inference(&spans[call]) => {
                let (kept, demoted) = if richness(&spans[call]) > richness(&spans[outer]) {
                    (call, outer)
                } else {
                    (outer, call)
                };
                take_over(spans, kept, demoted);
                demote(&mut spans[demoted]);
            }
            [_] => {}
            _ => demote(&mut spans[outer]),
        }
    }
}

/// Embeddings and reranking inside a chat are calls of their own.
fn is_inference(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::LlmCall) && !matches!(&*span.op, "gen_ai.embeddings" | "gen_ai.rerank")
}

fn richness(span: &SentrySpan) -> (bool, bool, usize) {
    let content = span.attributes.contains("gen_ai.output.messages");
    (
        tokens::are_reported(&span.attributes),
        content,
        span.attributes.len(),
    )
}

fn take_over(spans: &mut [SentrySpan], kept: usize, demoted: usize) {
    let missing: Vec<_> = spans[demoted]
        .attributes
        .iter()
        .filter(|(key, _)| key.starts_with("gen_ai.") && !spans[kept].attributes.contains(key))
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let mut merged = spans[kept].attributes.clone();
    for (key, value) in missing {
        merged.push_owned_key(&key, value);
    }
    spans[kept].attributes = merged;
}

fn demote(span: &mut SentrySpan) {
    span.ai = None;
    span.op = plain::FUNCTION.into();
    span.attributes.remove("gen_ai.operation.name");
    tokens::remove(&mut span.attributes);
}

fn drop_repeated_totals(
    spans: &mut [SentrySpan],
    parent: impl Fn(&[SentrySpan], usize) -> Option<usize>,
) {
    let mut counted_below = HashSet::new();
    for position in 0..spans.len() {
        if spans[position].ai != Some(AiKind::LlmCall)
            || !tokens::are_reported(&spans[position].attributes)
        {
            continue;
        }
        let mut ancestor = parent(spans, position);
        while let Some(current) = ancestor
            && counted_below.insert(current)
        {
            ancestor = parent(spans, current);
        }
    }
    for position in counted_below {
        if spans[position].ai == Some(AiKind::Agent) {
            tokens::remove(&mut spans[position].attributes);
        }
    }
}
