//! What only the relatives of a span can tell: work that is described twice, and totals that repeat their parts.

use std::collections::HashMap;

use crate::{AiKind, SentrySpan, SpanId, plain, tokens};

/// Makes every model call, agent run and tool call of one trace's batch count once.
///
/// An llm call inside an llm call is one call seen twice, by an SDK and by a wrapper around it: the richer description
/// stays and takes over what only the other knew, the other becomes a plain span. A wrapper around several calls is
/// demoted itself. The same holds for an agent inside an agent of its name, a tool inside a tool of its name and an MCP
/// request inside the same request. Plain spans in between do not matter; any other AI span does. An agent keeps token
/// totals only when no llm call below it reported any.
///
/// The spans may come in any order. This takes time in proportion to their number.
pub(crate) fn relate(spans: &mut [SentrySpan]) {
    let family = Family::of(spans);
    count_once(spans, &family);
    drop_repeated_totals(spans, &family);
}

/// Who is whose parent, and an order in which children come before their parents.
struct Family {
    parents: Vec<Option<usize>>,
    leaves_first: Vec<usize>,
}

impl Family {
    fn of(spans: &[SentrySpan]) -> Self {
        let index: HashMap<SpanId, usize> = spans
            .iter()
            .enumerate()
            .map(|(position, span)| (span.span_id, position))
            .collect();
        let parents: Vec<_> = spans
            .iter()
            .enumerate()
            .map(|(position, span)| {
                let parent = index.get(&span.parent_span_id?).copied()?;
                (parent != position).then_some(parent)
            })
            .collect();
        let mut open_children = vec![0_usize; spans.len()];
        for parent in parents.iter().flatten() {
            open_children[*parent] += 1;
        }
        let mut leaves_first: Vec<_> = (0..spans.len())
            .filter(|position| open_children[*position] == 0)
            .collect();
        // Spans whose parents form a ring never come up; they have no relatives then.
        let mut next = 0;
        while let Some(position) = leaves_first.get(next).copied() {
            next += 1;
            if let Some(parent) = parents[position] {
                open_children[parent] -= 1;
                if open_children[parent] == 0 {
                    leaves_first.push(parent);
                }
            }
        }
        Self {
            parents,
            leaves_first,
        }
    }
}

/// What can be described twice, one description inside the other.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// A model call. Embeddings and reranking inside a chat are calls of their own.
    Inference(&'static str),
    Agent(String),
    Tool(String, Option<String>),
    Request(String),
    /// AI work that is never the same as what is around it.
    Other,
}

impl Subject {
    /// Returns what a span is about; `None` for a plain span.
    fn of(span: &SentrySpan) -> Option<Self> {
        let text = |key| span.attributes.text(key).map(str::to_owned);
        match span.ai {
            Some(AiKind::LlmCall) => Some(Self::Inference(match &*span.op {
                "gen_ai.embeddings" => "embeddings",
                "gen_ai.rerank" => "rerank",
                _ => "chat",
            })),
            Some(AiKind::Agent) if span.op == "gen_ai.invoke_agent" => {
                Some(text("gen_ai.agent.name").map_or(Self::Other, Self::Agent))
            }
            Some(AiKind::Tool) => Some(text("gen_ai.tool.name").map_or(Self::Other, |name| {
                Self::Tool(name, text("gen_ai.tool.call.id"))
            })),
            Some(_) => Some(Self::Other),
            None if span.op == "mcp.server" => Some(Self::Request(span.name.clone().into_owned())),
            None if span.op.starts_with("mcp.") => Some(Self::Other),
            None => None,
        }
    }

    fn is_same_as(&self, inner: &Self) -> bool {
        match (self, inner) {
            (Self::Tool(name, id), Self::Tool(inner_name, inner_id)) => {
                name == inner_name && (id.is_none() || inner_id.is_none() || id == inner_id)
            }
            (Self::Other, _) => false,
            (outer, inner) => outer == inner,
        }
    }
}

fn count_once(spans: &mut [SentrySpan], family: &Family) {
    // For every span the AI spans right below it, plain ones in between left out.
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    for &position in &family.leaves_first {
        let mut inner = std::mem::take(&mut below[position]);
        let exposed = match Subject::of(&spans[position]) {
            None => inner,
            Some(subject) => {
                inner.retain(|inner| {
                    Subject::of(&spans[*inner]).is_some_and(|inner| subject.is_same_as(&inner))
                });
                resolve(spans, position, inner)
            }
        };
        if let Some(parent) = family.parents[position] {
            let siblings = &mut below[parent];
            if siblings.is_empty() {
                *siblings = exposed;
            } else {
                siblings.extend(exposed);
            }
        }
    }
}

/// Leaves one description of each piece of work, and returns which.
fn resolve(spans: &mut [SentrySpan], outer: usize, inner: Vec<usize>) -> Vec<usize> {
    match inner[..] {
        [] => vec![outer],
        [call] => {
            let (kept, demoted) = if richness(&spans[call]) > richness(&spans[outer]) {
                (call, outer)
            } else {
                (outer, call)
            };
            take_over(spans, kept, demoted);
            demote(&mut spans[demoted]);
            vec![kept]
        }
        _ => {
            demote(&mut spans[outer]);
            inner
        }
    }
}

/// Of two descriptions that say as much the outer one is nearer to the program.
fn richness(span: &SentrySpan) -> (bool, bool, bool) {
    let attributes = &span.attributes;
    (
        tokens::are_reported(attributes),
        attributes.contains("gen_ai.output.messages"),
        attributes.contains("gen_ai.request.model") || attributes.contains("gen_ai.response.model"),
    )
}

fn take_over(spans: &mut [SentrySpan], kept: usize, demoted: usize) {
    let missing: Vec<_> = spans[demoted]
        .attributes
        .iter()
        .filter(|(key, _)| key.starts_with("gen_ai.") && !spans[kept].attributes.contains(key))
        .map(|(key, value)| (key.to_owned(), crate::attributes::Owned::from(value)))
        .collect();
    for (key, value) in missing {
        value.push(&mut spans[kept].attributes, &key);
    }
}

fn demote(span: &mut SentrySpan) {
    span.ai = None;
    span.op = plain::FUNCTION.into();
    span.attributes.remove("gen_ai.operation.name");
    tokens::remove(&mut span.attributes);
}

fn drop_repeated_totals(spans: &mut [SentrySpan], family: &Family) {
    let mut counted = vec![false; spans.len()];
    for &position in &family.leaves_first {
        let span = &mut spans[position];
        if counted[position] && span.ai == Some(AiKind::Agent) {
            tokens::remove(&mut span.attributes);
        }
        let counts = span.ai == Some(AiKind::LlmCall) && tokens::are_reported(&span.attributes);
        if (counted[position] || counts)
            && let Some(parent) = family.parents[position]
        {
            counted[parent] = true;
        }
    }
}
