//! Decisions that need a span's relatives: work that is described twice, and totals that repeat their parts.

mod beside;
mod chains;
mod lend;
mod nested;
mod spoken;
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

/// Makes every model call, agent run and tool call in one trace's batch count once, and fills in what only relatives know.
///
/// * A model call inside a model call is one call seen twice, by an SDK and by a wrapper around it. The richer description stays
///   and takes over what only the other knew; the other becomes a plain span. The same holds for an agent inside an agent of the
///   same name, a tool inside a tool of the same name, and an MCP request inside the same request. Plain spans in between do not
///   matter; any other AI span does.
/// * A wrapper around several calls becomes a plain span itself. If none of the calls has messages, the last one that did not
///   fail gets the wrapper's.
/// * Two model calls at the same time are one if two instrumentations saw the same response, or if they are side by side and counted
///   the same tokens or both failed. Two tool calls at the same time are one if two instrumentations saw the same id and name.
/// * An agent keeps its token totals only if no chat below it reported any.
/// * A tool without an agent above it belongs to the agent that the calls beside it name.
/// * Model calls without any messages get those of the agent that made them.
/// * The only model call directly inside a step of the same library takes over the messages of the step.
/// * Where the source of the spans could not read what open ancestors had recorded, AI spans take over conversation and agent from
///   their ancestors here, but agents no other agent's name. Without a conversation above, an AI span takes over the one that the
///   spans below it name, if these agree.
///
/// The spans may be in any order. The time taken is proportional to their number, and small if there is nothing to do.
pub(crate) fn relate(spans: &mut [SentrySpan], limits: &ContentLimits) {
    let inherits = spans
        .iter()
        .any(|span| span.ai.is_some() && span.ancestors != Ancestors::Known);
    // A single AI span has nothing to be compared with.
    let compares = spans.iter().filter_map(Subject::of).nth(1).is_some();
    let lends = spans.iter().any(lend::is_lender);
    if !inherits && !compares && !lends {
        return;
    }
    let index = Index::of(spans);
    let repeats = compares && may_repeat(spans, &index);
    let has_totals = compares && spans.iter().any(has_totals);
    let has_strays = compares && (spans.iter()).any(|span| beside::is_stray(span, spans, &index));
    let lacks_messages = compares && spoken::may_lack_messages(spans);
    let twins = if compares {
        twins::find(spans)
    } else {
        Vec::new()
    };
    if inherits || repeats || has_totals || !twins.is_empty() || lends || lacks_messages {
        let family = Family::of(spans, &index);
        if inherits {
            inherit(spans, &family);
        }
        // Maps the first of three or more descriptions to the one that is kept so far.
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
        if lacks_messages {
            spoken::give_to_calls(spans, &family, limits);
        }
    }
    if has_strays {
        beside::name_agents(spans, &index);
    }
}

/// Returns false if no work is described twice. That is the usual case, and finding out needs only the index, not the whole
/// family.
fn may_repeat(spans: &[SentrySpan], index: &Index) -> bool {
    /// The maximum number of plain spans between two others that are looked through.
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

/// Hands conversations and agents down to spans whose source did not know what their ancestors would record.
fn inherit(spans: &mut [SentrySpan], family: &Family) {
    let below = conversations_below(spans, family);
    // For each span, the nearest one that names it: the span itself or an ancestor.
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

/// What the spans below a span say about their conversation. `One` holds the position of a span that names it.
#[derive(Clone, Copy)]
enum Below {
    Nothing,
    One(usize),
    Several,
}

/// Returns, for each span, the conversation that the spans below it agree on. Some libraries name it only on model calls.
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

/// The kinds of work that may be described twice, with one description inside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// A model call. Embeddings and reranking inside a chat are separate calls.
    Chat,
    Embeddings,
    Rerank,
    Agent,
    Tool,
    Request,
    /// AI work that is never the same as the work around it.
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
    // FastMCP's servers handle the same request in another span inside, one for each level of mounted servers.
    let serves = subject == Some(Subject::Request) && is_unsent(inner);
    if serves {
        return texts("jsonrpc.request.id").is_none_or(agrees);
    }
    if subject != Subject::of(inner) {
        return false;
    }
    match subject {
        // Even an instrumentation that does not wrap itself may start the next call before the last one has ended. OpenLLMetry's
        // for LangChain does so with a batch of prompts.
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

/// Returns whether an agent without a name is inside a named one of another instrumentation. Agents of Haystack's own tracer are
/// inside OpenInference's in this way.
fn is_unnamed_within(outer: &SentrySpan, inner: &SentrySpan) -> bool {
    Subject::of(outer) == Some(Subject::Agent)
        && outer.origin != inner.origin
        && outer.attributes.contains(AGENT)
        && !inner.attributes.contains(AGENT)
}

/// Returns whether a span is an MCP tool call that was neither sent nor received.
fn is_unsent(span: &SentrySpan) -> bool {
    span.ai == Some(AiKind::Tool)
        && span.kind == SpanKind::Internal
        && span.attributes.contains("mcp.method.name")
}

fn count_once(spans: &mut [SentrySpan], family: &Family, limits: &ContentLimits) {
    // For each span, the AI spans directly below it, ignoring plain spans in between.
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

/// Leaves a single description of the work of `outer`, in place of those below it.
fn resolve(spans: &mut [SentrySpan], below: &mut Chains, outer: usize, limits: &ContentLimits) {
    below.retain(outer, |inner| are_same(&spans[outer], &spans[inner]));
    let (first, second) = below.first_two(outer);
    match (first, second) {
        (None, _) => below.set(outer, outer),
        (Some(call), None) => {
            let kept = keep_richer(spans, outer, call, limits);
            below.set(outer, kept);
        }
        // An agent may contain any number of unnamed agents.
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

/// Merges two descriptions of the same work. Returns the one that stays.
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

/// What only the wrapper around several attempts at a call may know.
static MESSAGES: &[&str] = &[INPUT, OUTPUT, "gen_ai.system_instructions"];

/// Gives the messages of a wrapper around several calls to the last call that did not fail, if none of the calls has messages.
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

/// Returns how much a span says about its call. If two say the same amount, the outer one is kept because it is nearer to the
/// program. A span without a model describes only part of a call, such as the last event of a stream.
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
        // A request served by an MCP server has none.
        .filter(|(key, _)| *key != "gen_ai.operation.name")
        .filter(|(key, _)| !tokens::is_of_use(key))
        .map(|(key, value)| (key.to_owned(), Owned::from(value)))
        .collect();
    for (key, value) in missing {
        value.push(kept, &key);
    }
    tokens::merge(kept, demoted);
}

/// Marks the outer description of a tool call as failed if the inner one failed. What is in between, such as AutoGen's agents,
/// turns the failure into an answer.
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
        // An agent's totals do not include embeddings made on the way.
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
