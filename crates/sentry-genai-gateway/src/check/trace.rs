//! Rules about a span and its relatives.

use std::collections::HashMap;

use sentry_genai_conventions::{AiKind, SentrySpan, SpanId, SpanKind};

use super::{Findings, Origin, Rule, rules};

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
pub(super) fn check(spans: &[SentrySpan], origins: &[Origin], findings: &mut Findings<'_>) {
    let index: HashMap<SpanId, usize> = spans
        .iter()
        .enumerate()
        .map(|(position, span)| (span.span_id, position))
        .collect();
    let parent = |span: &SentrySpan| index.get(&span.parent_span_id?).copied();
    let calls = calls_below(spans, &parent);
    for (position, (span, origin)) in spans.iter().zip(origins).enumerate() {
        // The parent of a span that serves a request is in another service.
        let is_entry = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        if span.parent_span_id.is_some() && parent(span).is_none() && !is_entry {
            findings.add(&rules::ORPHAN, origin, None);
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
                findings.add(required.rule, origin, None);
            }
        }
        // Embeddings and rerankings belong to no conversation.
        let is_spoken = !matches!(&*span.op, "gen_ai.embeddings" | "gen_ai.rerank");
        if is_spoken && !span.attributes.contains("gen_ai.conversation.id") {
            findings.add(&rules::CONVERSATION, origin, None);
        }
        if span.op == "gen_ai.invoke_agent" && !calls[position] {
            findings.add(&rules::AGENT_WITHOUT_CALLS, origin, None);
        }
    }
}

/// Returns for every span whether there is a model call below it.
fn calls_below(spans: &[SentrySpan], parent: &impl Fn(&SentrySpan) -> Option<usize>) -> Vec<bool> {
    let mut calls = vec![false; spans.len()];
    for span in spans.iter().filter(|span| span.ai == Some(AiKind::LlmCall)) {
        let mut above = parent(span);
        // If an ancestor is marked, so are all above it.
        while let Some(position) = above.filter(|position| !calls[*position]) {
            calls[position] = true;
            above = parent(&spans[position]);
        }
    }
    calls
}
