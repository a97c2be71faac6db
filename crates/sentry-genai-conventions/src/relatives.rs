//! What only the relatives of a span can tell: work that is described twice, and totals that repeat their parts.

mod beside;
mod chains;
mod lend;
mod nested;
mod twins;

use std::collections::BTreeMap;

use chains::Chains;

use crate::{
    AiKind, ContentLimits, SentrySpan, SpanKind, Status,
    attributes::Owned,
    content,
    dialect::{INPUT, OUTPUT},
    family::{Family, Index},
    plain,
    span::Ancestors,
    tokens,
};

/// Makes every model call, agent run and tool call of one trace's batch count once.
///
/// An llm call inside an llm call is one call seen twice, by an SDK and by a wrapper around it: the richer description stays and
/// takes over what only the other knew, the other becomes a plain span. A wrapper around several calls is demoted itself; if they
/// have no messages, the last one that did not fail gets the wrapper's. The same holds for an agent inside an agent of its name,
/// a tool inside a tool of its name and an MCP request inside the same request. Plain spans in between do not matter; any other
/// AI span does. Two model calls are one if two instrumentations saw the same response, or side by side counted the same, at the
/// same time. An agent keeps token totals only when no chat below it reported any. A tool that no agent is above belongs to the
/// one that the calls beside it name. Where the door could not read what open ancestors had said, conversation and agent are taken
/// over from them here, and by AI spans the conversation that only those below name, if they agree.
///
/// The spans may come in any order. This takes time in proportion to their number, and little where there is nothing to do.
pub(crate) fn relate(spans: &mut [SentrySpan], limits: &ContentLimits) {
    let inherits = spans
        .iter()
        .any(|span| span.ai.is_some() && span.ancestors != Ancestors::Known);
    // One alone has nothing to be compared with.
    let compares = spans.iter().filter_map(Subject::of).nth(1).is_some();
    let lends = spans.iter().any(lend::is_lender);
    if !inherits && !compares && !lends {
        return;
    }
    let index = Index::of(spans);
    let repeats = compares && may_repeat(spans, &index);
    let has_totals = compares && spans.iter().any(has_totals);
    let has_strays = compares && (spans.iter()).any(|span| beside::is_stray(span, spans, &index));
    let twins = if compares {
        twins::find(spans)
    } else {
        Vec::new()
    };
    if inherits || repeats || has_totals || !twins.is_empty() || lends {
        let family = Family::of(spans, &index);
        if inherits {
            inherit(spans, &family);
        }
        // What stands for the first of more than two descriptions.
        let mut kept = BTreeMap::new();
        for (outer, inner) in twins {
            let one = kept.get(&outer).copied().unwrap_or(outer);
            kept.insert(outer, keep_richer(spans, one, inner, limits));
        }
        if repeats {
            count_once(spans, &family, limits);
        }
        if has_totals {
            drop_repeated_totals(spans, &family);
        }
        if lends {
            lend::lend(spans, &family, limits);
        }
    }
    if has_strays {
        beside::name_agents(spans, &index);
    }
}

/// Returns false if no work is described twice, which is the usual case and found out with less than the whole family.
fn may_repeat(spans: &[SentrySpan], index: &Index) -> bool {
    /// How many plain spans between two others are looked through.
    const PATIENCE: usize = 8;

    let mut subjects = spans.iter().filter(|span| Subject::of(span).is_some());
    subjects.any(|inner| {
        let mut above = inner.parent_span_id;
        for _ in 0..=PATIENCE {
            let Some(position) = above.and_then(|id| index.find(id)) else {
                return false;
            };
            let outer = &spans[position];
            if Subject::of(outer).is_some() {
                return are_same(outer, inner);
            }
            above = outer.parent_span_id;
        }
        true
    })
}

const CONVERSATION: &str = "gen_ai.conversation.id";
const AGENT: &str = "gen_ai.agent.name";

/// Hands conversations and agents down to the spans whose door did not know what their ancestors would say.
fn inherit(spans: &mut [SentrySpan], family: &Family) {
    let below = conversations_below(spans, family);
    // Of every span the nearest one from it upwards that says so itself.
    let mut said = vec![None; spans.len()];
    for key in [CONVERSATION, AGENT] {
        for &position in family.leaves_first.iter().rev() {
            let span = &spans[position];
            said[position] = if span.attributes.text(key).is_some() {
                Some(position)
            } else {
                let above = family.parents[position].and_then(|parent| said[parent]);
                let is_agent = span.ai == Some(AiKind::Agent) && key == AGENT;
                let takes = span.ai.is_some() && !is_agent && span.ancestors != Ancestors::Known;
                let above = match below[position] {
                    Below::One(one) if takes && key == CONVERSATION => above.or(Some(one)),
                    _ => above,
                };
                if takes
                    && let Some(above) = above
                    && let Ok([above, span]) = spans.get_disjoint_mut([above, position])
                    && let Some(text) = above.attributes.text(key)
                {
                    span.attributes.push(key, text);
                }
                above
            };
        }
    }
}

/// What the spans below one span say of their conversation, and one that does.
#[derive(Clone, Copy)]
enum Below {
    Nothing,
    One(usize),
    Several,
}

/// Returns for every span the conversation that those below agree on: some libraries name it on the model calls alone.
fn conversations_below(spans: &[SentrySpan], family: &Family) -> Vec<Below> {
    let conversation = |position: usize| spans[position].attributes.text(CONVERSATION);
    let mut below = vec![Below::Nothing; spans.len()];
    for &position in &family.leaves_first {
        let Some(parent) = family.parents[position] else {
            continue;
        };
        let own = conversation(position).map(|_| Below::One(position));
        below[parent] = match (below[parent], own.unwrap_or(below[position])) {
            (known, Below::Nothing) => known,
            (Below::Nothing, found) => found,
            (Below::One(one), Below::One(other)) if conversation(one) == conversation(other) => {
                Below::One(one)
            }
            _ => Below::Several,
        };
    }
    below
}

/// What can be described twice, one description inside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// A model call. Embeddings and reranking inside a chat are calls of their own.
    Chat,
    Embeddings,
    Rerank,
    Agent,
    Tool,
    Request,
    /// AI work that is never the same as what is around it.
    Other,
}

impl Subject {
    /// Returns what a span is about; `None` for a plain span.
    fn of(span: &SentrySpan) -> Option<Self> {
        match span.ai {
            Some(AiKind::LlmCall) => Some(match &*span.op {
                "gen_ai.embeddings" => Self::Embeddings,
                "gen_ai.rerank" => Self::Rerank,
                _ => Self::Chat,
            }),
            Some(AiKind::Agent) if span.op == "gen_ai.invoke_agent" => Some(Self::Agent),
            Some(AiKind::Tool) => Some(Self::Tool),
            Some(_) => Some(Self::Other),
            None if span.op == "mcp.server" => Some(Self::Request),
            None if span.op.starts_with("mcp.") => Some(Self::Other),
            None => None,
        }
    }
}

/// Returns whether two spans, one inside the other, describe the same work.
fn are_same(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    let subject = Subject::of(outer);
    let texts = |key| {
        let texts = [outer, inner].map(|span| span.attributes.text(key));
        texts[0].zip(texts[1])
    };
    let agrees = |(outer, inner)| outer == inner;
    // FastMCP's servers go on with the same request inside, once more for each server that is mounted into another.
    let serves = subject == Some(Subject::Request) && is_unsent(inner);
    if serves {
        return texts("jsonrpc.request.id").is_none_or(agrees);
    }
    if subject != Subject::of(inner) {
        return false;
    }
    match subject {
        // An instrumentation that does not wrap itself may still start the next call before it ended the last one, as
        // OpenLLMetry's of LangChain does with a batch of prompts.
        Some(Subject::Chat) if outer.origin == inner.origin => {
            texts("gen_ai.response.id").is_none_or(agrees)
        }
        Some(Subject::Chat | Subject::Embeddings | Subject::Rerank) => true,
        Some(Subject::Agent) => match texts(AGENT) {
            Some(names) => agrees(names),
            None => is_unnamed_within(outer, inner),
        },
        Some(Subject::Tool) => {
            let names = texts("gen_ai.tool.name");
            (names.is_some_and(agrees)
                || names.is_none() && [outer, inner].into_iter().all(is_unsent))
                && texts("gen_ai.tool.call.id").is_none_or(agrees)
        }
        Some(Subject::Request) => outer.name == inner.name,
        Some(Subject::Other) | None => false,
    }
}

/// Returns whether an agent without a name is inside one that has one and is of another instrumentation, as those of Haystack's own
/// tracer are inside OpenInference's.
fn is_unnamed_within(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    Subject::of(outer) == Some(Subject::Agent)
        && outer.origin != inner.origin
        && outer.attributes.contains(AGENT)
        && !inner.attributes.contains(AGENT)
}

/// Returns whether a span is the call of a tool by MCP that was neither sent nor received.
fn is_unsent(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::Tool)
        && span.kind == SpanKind::Internal
        && span.attributes.contains("mcp.method.name")
}

fn count_once(spans: &mut [SentrySpan], family: &Family, limits: &ContentLimits) {
    // For every span the AI spans right below it, plain ones in between left out.
    let mut below = Chains::new(spans.len());
    for &position in &family.leaves_first {
        if Subject::of(&spans[position]).is_some() {
            resolve(spans, &mut below, position, limits);
        }
        if let Some(parent) = family.parents[position] {
            below.move_to(position, parent);
        }
    }
}

/// Leaves one description of the work of `outer`, in the place of those below it.
fn resolve(spans: &mut [SentrySpan], below: &mut Chains, outer: usize, limits: &ContentLimits) {
    below.retain(outer, |inner| are_same(&spans[outer], &spans[inner]));
    let (first, second) = below.first_two(outer);
    match (first, second) {
        (None, _) => below.set(outer, outer),
        (Some(call), None) => {
            let kept = keep_richer(spans, outer, call, limits);
            below.set(outer, kept);
        }
        // An agent has as many inside as it likes.
        (Some(_), Some(_))
            if below
                .of(outer)
                .any(|inner| is_unnamed_within(&spans[outer], &spans[inner])) =>
        {
            below.set(outer, outer);
        }
        (Some(_), Some(_)) => {
            hand_down(spans, below, outer, limits);
            demote(&mut spans[outer]);
            below.shorten(outer);
        }
    }
}

/// Makes one of two descriptions of the same work; returns which one stays.
fn keep_richer(
    spans: &mut [SentrySpan],
    outer: usize,
    inner: usize,
    limits: &ContentLimits,
) -> usize {
    let (kept, demoted) = if richness(&spans[inner]) > richness(&spans[outer]) {
        (inner, outer)
    } else {
        (outer, inner)
    };
    let is_unnamed_agent =
        spans[kept].ai == Some(AiKind::Agent) && !spans[kept].attributes.contains(AGENT);
    take_over(spans, kept, demoted);
    if is_unnamed_agent && let Some(name) = spans[kept].attributes.text(AGENT) {
        spans[kept].name = format!("invoke_agent {name}").into();
    }
    if kept == outer {
        fail_with(spans, kept, demoted);
    }
    content::fit(&mut spans[kept].attributes, limits);
    demote(&mut spans[demoted]);
    kept
}

/// What only a wrapper may know of several attempts at a call.
static MESSAGES: &[&str] = &[INPUT, OUTPUT, "gen_ai.system_instructions"];

/// Gives the messages of a wrapper around several calls to the last one that did not fail, if none of them has any.
fn hand_down(spans: &mut [SentrySpan], calls: &Chains, wrapper: usize, limits: &ContentLimits) {
    let says = |call: usize| {
        let mut messages = MESSAGES.iter();
        messages.any(|key| spans[call].attributes.contains(key))
    };
    if Subject::of(&spans[wrapper]) != Some(Subject::Chat)
        || !says(wrapper)
        || calls.of(wrapper).any(says)
    {
        return;
    }
    let last = calls.of(wrapper).max_by_key(|&call| {
        let span = &spans[call];
        (
            span.status == Status::Ok,
            span.end,
            span.start,
            span.span_id,
        )
    });
    if let Some(last) = last
        && let Ok([wrapper, last]) = spans.get_disjoint_mut([wrapper, last])
    {
        for key in MESSAGES {
            if let Some(text) = wrapper.attributes.text(key) {
                last.attributes.push(key, text);
            }
        }
        content::fit(&mut last.attributes, limits);
    }
}

/// Of two descriptions that say as much the outer one is nearer to the program. One without a model is that of a part of the
/// call, as the last event of a stream.
fn richness(span: &SentrySpan) -> (bool, bool, bool) {
    let attributes = &span.attributes;
    (
        attributes.contains("gen_ai.request.model") || attributes.contains("gen_ai.response.model"),
        tokens::are_reported(attributes),
        attributes.contains("gen_ai.output.messages"),
    )
}

fn take_over(spans: &mut [SentrySpan], kept: usize, demoted: usize) {
    let Ok([kept, demoted]) = spans.get_disjoint_mut([kept, demoted]) else {
        return;
    };
    let (kept, demoted) = (&mut kept.attributes, &demoted.attributes);
    let missing: Vec<_> = demoted
        .iter()
        .filter(|(key, _)| key.starts_with("gen_ai.") || *key == "user.id")
        .filter(|(key, _)| !kept.contains(key))
        // A request that an MCP server serves has none.
        .filter(|(key, _)| *key != "gen_ai.operation.name")
        .filter(|(key, _)| !tokens::is_of_use(key))
        .map(|(key, value)| (key.to_owned(), Owned::from(value)))
        .collect();
    for (key, value) in missing {
        value.push(kept, &key);
    }
    tokens::merge(kept, demoted);
}

/// A tool that was called once failed as the tool itself did: what is around it, such as AutoGen's agents, makes an answer of that.
fn fail_with(spans: &mut [SentrySpan], outer: usize, inner: usize) {
    let Ok([outer, inner]) = spans.get_disjoint_mut([outer, inner]) else {
        return;
    };
    if outer.ai != Some(AiKind::Tool) || (outer.status, inner.status) != (Status::Ok, Status::Error)
    {
        return;
    }
    outer.status = Status::Error;
    for key in ["error.type", "sentry.status.message"] {
        if let Some(text) = inner.attributes.text(key)
            && !outer.attributes.contains(key)
        {
            outer.attributes.push(key, text);
        }
    }
}

fn demote(span: &mut SentrySpan) {
    span.ai = None;
    span.op = plain::FUNCTION.into();
    span.attributes.remove("gen_ai.operation.name");
    tokens::remove(&mut span.attributes);
}

fn has_totals(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::Agent) && tokens::occur(&span.attributes)
}

fn drop_repeated_totals(spans: &mut [SentrySpan], family: &Family) {
    let mut counted = vec![false; spans.len()];
    for &position in &family.leaves_first {
        let span = &mut spans[position];
        if counted[position] && span.ai == Some(AiKind::Agent) {
            tokens::remove(&mut span.attributes);
        }
        // What was embedded on the way is not what the agent's totals are made of.
        let counts =
            Subject::of(span) == Some(Subject::Chat) && tokens::are_reported(&span.attributes);
        if (counted[position] || counts)
            && let Some(parent) = family.parents[position]
        {
            counted[parent] = true;
        }
    }
}

#[cfg(test)]
mod tests;
