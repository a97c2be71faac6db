//! What the names that people give their spans say, where attributes bear it out.

use super::{
    Dialect,
    by_hand::{amount, words},
    is_by_hand, is_of_library,
};
use crate::{SourceSpan, SpanKind, Value, recognise, tokens};

/// What a span is called that asks a model.
static CALLS: &[&str] = &[
    "chat",
    "complete",
    "completion",
    "completions",
    "converse",
    "generate",
    "generation",
    "infer",
    "inference",
    "llm",
];

/// What is called so is nothing else, though nothing is counted.
static CALLS_ALONE: &[&str] = &["chat", "completion", "completions", "inference", "llm"];

/// What is done with a model to call it.
static CALLS_OF_MODELS: &[&str] = &["call", "invocation", "invoke", "request", "response"];

/// What is called so answers with no tokens.
static EMBEDS: &[&str] = &["embed", "embedding", "embeddings", "rerank"];

/// What is made of calls.
static AROUND: &[&str] = &[
    "agent",
    "batch",
    "chain",
    "crew",
    "evaluation",
    "fetch",
    "flow",
    "graph",
    "guardrail",
    "invoke",
    "loop",
    "node",
    "orchestrate",
    "pipeline",
    "plan",
    "rag",
    "request",
    "retrieval",
    "retrieve",
    "retriever",
    "run",
    "search",
    "session",
    "step",
    "task",
    "team",
    "tokens",
    "tool",
    "turn",
    "workflow",
];

/// What is done with a call when it is over: whatever counts then, counts again.
static AFTERWARDS: &[&str] = &[
    "bill",
    "billing",
    "budget",
    "calculate",
    "cost",
    "costs",
    "count",
    "estimate",
    "insert",
    "log",
    "meter",
    "metrics",
    "persist",
    "price",
    "pricing",
    "record",
    "report",
    "save",
    "store",
    "track",
    "update",
    "usage",
];

/// What is done with a call, of a model or a tool, or for one, beside what is done [afterwards](AFTERWARDS).
static BESIDE: &[&str] = &[
    "approve",
    "audit",
    "authorize",
    "build",
    "cache",
    "check",
    "emit",
    "enqueue",
    "format",
    "load",
    "parse",
    "prepare",
    "render",
    "schedule",
    "serialize",
    "tokenize",
    "truncate",
    "upsert",
    "validate",
    "verify",
];

/// The same behind what it is done with.
static BESIDES: &[&str] = &["lookup", "parsing", "validation"];

/// What a call has and is none.
static OF_CALLS: &[&str] = &[
    "context", "cost", "costs", "prompt", "prompts", "token", "tokens", "usage",
];

static RUNS: &[&str] = &[
    "call",
    "continue",
    "execute",
    "execution",
    "invocation",
    "invoke",
    "loop",
    "run",
    "turn",
];

/// What names a tool on a span that is called after its call.
static TOOL_NAMES: &[&str] = &["tool", "tool.name", "tool_name"];

static USES: &[&str] = &[
    "call",
    "execute",
    "execution",
    "invocation",
    "invoke",
    "run",
    "use",
];

/// Returns whether a span that nothing of GenAI's namespaces is in is the call of a model: it is called so or says why the answer ended,
/// names a model, and counts tokens both ways, or has failed at a provider. Each of that alone may be anything.
pub(super) fn is_call(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let says = |key| matches!(attributes.get(key), Some(Value::Str(text)) if !text.is_empty());
    if !attributes.may_begin_with("model") || !says("model") {
        return false;
    }
    let counts = |wanted| {
        let counted = |(key, value)| amount(key, value).is_some_and(|(_, count)| count == wanted);
        attributes.iter().any(counted)
    };
    let is_served = matches!(span.kind, Some(SpanKind::Server | SpanKind::Consumer));
    let is_of_others = |key: &str| key == "http.route" || key.starts_with("db.");
    let name = words(&span.name);
    let embeds = has_word(&name, EMBEDS);
    // Nothing but an answer of a model ends for a reason.
    let is_answered = says("finish_reason") || says("stop_reason");
    (embeds || is_answered || has_word(&name, CALLS))
        && !has_word(&name, AFTERWARDS)
        && (is_answered || !is_beside(&span.name))
        && !is_served
        && (counts(tokens::INPUT) && (embeds || counts(tokens::OUTPUT))
            || embeds && counts(tokens::TOTAL)
            || says("provider") && has_word(&name, CALLS_ALONE) && recognise::failed(span))
        && !attributes.iter().any(|(key, _)| is_of_others(key))
}

/// Names what a span does whose attributes say with what, by how its own name ends, or that of its operation: `shop.agent.run`,
/// `call_tool`.
pub(crate) fn operation_by_name(
    span: &SourceSpan,
    dialect: &Dialect,
    name: &str,
) -> Option<&'static str> {
    let has = |key| span.attributes.contains(key);
    // Nobody but who knows the conventions calls a span so.
    let is_called = |operation: &str, keys: &[&str]| {
        let says = |key: &&str| matches!(span.attributes.get(key), Some(Value::Str(_)));
        name == operation && keys.iter().any(says)
    };
    let names_tool = has("gen_ai.tool.name")
        || is_called("execute_tool", TOOL_NAMES)
        || is_call_of_tool(span, name);
    let names_agent = has("gen_ai.agent.name")
        || has("gen_ai.agent.id")
        || is_called("invoke_agent", &["agent", "agent.name", "agent_name"]);
    if !names_tool && !names_agent || !is_of_nobody(span, dialect) || is_beside(name) {
        return None;
    }
    let name = words(name);
    let mut words = words_of(&name).rev();
    let (last, before) = (words.next()?, words.next());
    let does = |who: &[&str], what: &[&str]| match before {
        None => who.contains(&last),
        Some(before) => {
            who.contains(&last) && what.contains(&before)
                || who.contains(&before) && what.contains(&last)
        }
    };
    if names_tool {
        return does(&["function", "tool", "tools"], USES).then_some("execute_tool");
    }
    does(&["agent", "subagent"], RUNS).then_some("invoke_agent")
}

/// Returns whether this is what the call of a tool is called, as `agent.tool_call` is, and the span names one without any namespace.
fn is_call_of_tool(span: &SourceSpan, name: &str) -> bool {
    let says =
        |key: &&str| matches!(span.attributes.get(key), Some(Value::Str(name)) if !name.is_empty());
    if !span.attributes.may_begin_with("tool") || !TOOL_NAMES.iter().any(says) {
        return false;
    }
    let name = words(name);
    let mut words = words_of(&name).rev();
    matches!(
        (words.next(), words.next()),
        (Some("call"), Some("tool")) | (Some("tool"), Some("call"))
    )
}

/// Returns whether an operation that no convention knows may be a call of a model: the span was made by hand and says which model, but
/// no tool, and no agent unless the operation [names a call](names_call); and it is none that is done around calls, which have spans of
/// their own.
pub(crate) fn may_be_call(span: &SourceSpan, dialect: &Dialect, operation_name: &str) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| span.attributes.contains(key));
    let is_named = names_call(operation_name);
    let operation = words(operation_name);
    let is_around =
        |word| AROUND.contains(&word) && !(is_named && matches!(word, "invoke" | "request"));
    is_of_nobody(span, dialect)
        && has(&["gen_ai.request.model", "gen_ai.response.model"])
        && !has(&["gen_ai.tool.name"])
        && (is_named || !has(&["gen_ai.agent.id", "gen_ai.agent.name"]))
        && !words_of(&operation).any(is_around)
        && !has_word(&operation, AFTERWARDS)
        // `parse_invoice` is what a program has a model do, and `parse_llm_response` what it does itself.
        && !(is_named && is_beside(operation_name))
}

/// Returns whether an operation is called after a call of a model, as `llm.response` and `InvokeModel` are.
pub(crate) fn names_call(operation: &str) -> bool {
    let operation = words(operation);
    has_word(&operation, CALLS_ALONE)
        || has_word(&operation, &["model"]) && has_word(&operation, CALLS_OF_MODELS)
}

/// Returns whether a span is called after what is done with the counts, the question or the answer of a call, and so repeats what the
/// call counts: `record_usage`, `llm.build_prompt`, `parse_llm_response`. What is done with a call itself may be to make it.
pub(crate) fn repeats_counts(name: &str) -> bool {
    let step = last_step(name);
    let last = words_of(&step).next_back();
    is_beside(name)
        && last.is_some_and(|last| {
            OF_CALLS.contains(&last) || last == "response" && has_word(&step, CALLS_ALONE)
        })
}

/// Returns whether a name says what is done with something, and not that it is done: `parse_llm_response`, `agent.validate_tool_call`.
/// A word alone may be part of the name of a call, as in `chat.completions.parse`.
fn is_beside(name: &str) -> bool {
    let step = last_step(name);
    let mut words = words_of(&step);
    match (words.next(), words.next_back()) {
        (Some(first), Some(last)) => {
            BESIDE.contains(&first) || AFTERWARDS.contains(&first) || BESIDES.contains(&last)
        }
        _ => false,
    }
}

/// Returns the words of what stands last in a path of names.
fn last_step(name: &str) -> String {
    let step = name.rsplit(['.', ':', '/']).next();
    words(step.unwrap_or(name))
}

fn is_of_nobody(span: &SourceSpan, dialect: &Dialect) -> bool {
    is_by_hand(span, dialect) && !is_of_library(span, dialect)
}

fn has_word(name: &str, words: &[&str]) -> bool {
    words_of(name).any(|word| words.contains(&word))
}

fn words_of(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
}
