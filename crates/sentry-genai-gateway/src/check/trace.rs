//! Rules about a span and its relatives.

use std::collections::HashMap;

use sentry_genai_conventions::{AiKind, SentrySpan, SpanId, SpanKind};

use super::{Findings, Rule, SpanInfo, rules};

/// The attributes of which a kind of AI span needs at least one.
struct Required {
    kind: AiKind,
    keys: &'static [&'static str],
    rule: &'static Rule,
}

static REQUIRED: &[Required] = &[
    Required {
        kind: AiKind::LlmCall,
        keys: &["gen_ai.request.model", "gen_ai.response.model"],
        rule: &rules::MODEL,
    },
    Required {
        kind: AiKind::Tool,
        keys: &["gen_ai.tool.name"],
        rule: &rules::TOOL_NAME,
    },
    Required {
        kind: AiKind::Agent,
        keys: &["gen_ai.agent.name"],
        rule: &rules::AGENT_NAME,
    },
];

/// Checks the spans of one trace, after what depends on relatives has been resolved.
pub(super) fn check(spans: &[SentrySpan], infos: &[SpanInfo], findings: &mut Findings<'_>) {
    let index: HashMap<SpanId, usize> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| (span.span_id, position))
        .collect();
    let parent = |span: &SentrySpan| index.get(&span.parent_span_id?).copied();
    let has_calls_below = calls_below(spans, &parent);
    for (position, (span, info)) in spans.iter().zip(infos).enumerate() {
        // The parent of a span that serves a request is in another service.
        let is_server = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        if span.parent_span_id.is_some() && parent(span).is_none() && !is_server {
            findings.add(&rules::ORPHAN, info, None);
        }
        let Some(kind) = span.ai else {
            continue;
        };
        for required in REQUIRED.iter().filter(|required| required.kind == kind) {
            if !required
                .keys
                .iter()
                .any(|key| span.attributes.contains(key))
            {
                findings.add(required.rule, info, None);
            }
        }
        // Embeddings and rerankings belong to no conversation.
        let needs_conversation = !matches!(&*span.op, "gen_ai.embeddings" | "gen_ai.rerank");
        if needs_conversation && !span.attributes.contains("gen_ai.conversation.id") {
            findings.add(&rules::CONVERSATION, info, None);
        }
        if span.op == "gen_ai.invoke_agent" && !has_calls_below[position] {
            findings.add(&rules::AGENT_WITHOUT_CALLS, info, None);
        }
    }
}

/// Returns for every span whether there is a model call below it.
fn calls_below(spans: &[SentrySpan], parent: &impl Fn(&SentrySpan) -> Option<usize>) -> Vec<bool> {
    let mut calls = vec![false; spans.len()];
    for span in spans.iter().filter(|span| span.ai == Some(AiKind::LlmCall)) {
        let mut ancestor = parent(span);
        // If an ancestor is marked, so are all above it.
        while let Some(position) = ancestor.filter(|position| !calls[*position]) {
            calls[position] = true;
            ancestor = parent(&spans[position]);
        }
    }
    calls
}
