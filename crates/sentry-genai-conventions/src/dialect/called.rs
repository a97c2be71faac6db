//! Interprets the names that people give their spans, if the attributes confirm them.

use super::{
    Dialect,
    by_hand::{NAMESPACES, amount, words},
    is_by_hand, is_of_library, unquoted,
};
use crate::{
    AiKind, Attributes, SourceSpan, SpanKind, Value, operation, provider, recognise, tokens,
};

/// Words in the names of model calls.
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

/// Words that name a model call and nothing else, even if no tokens are counted.
static CALLS_ALONE: &[&str] = &["chat", "completion", "completions", "inference", "llm"];

/// Words that, together with `model`, name a model call.
static CALLS_OF_MODELS: &[&str] = &["call", "invocation", "invoke", "request", "response"];

/// Words in the names of calls that produce no output tokens.
static EMBEDS: &[&str] = &["embed", "embedding", "embeddings", "rerank"];

/// Words for work that consists of calls.
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

/// Methods at the end of what a provider's SDK calls a request.
static METHODS: &[&str] = &["create", "request", "stream", "streaming"];

/// Words for work on a call that has ended. Whatever it counts was counted before.
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

/// Words for work on or for a call of a model or a tool, other than [afterwards](AFTERWARDS).
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

/// The same, for words that come last.
static BESIDES: &[&str] = &["lookup", "parsing", "validation"];

/// Words for what belongs to a call.
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

/// Keys that name an agent on a span that is named after the agent's run.
static AGENT_NAMES: &[&str] = &["agent", "agent.name", "agent_name"];

/// Keys that name a tool on a span that is named after the tool's call.
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

/// Returns whether a span without any attribute in GenAI's namespaces is a model call. Its name must say so, or it must state why
/// the answer ended. It must also name a model, and count input and output tokens or have failed at a provider. Each of these
/// alone may mean anything.
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
    // Only a model's answer has a reason for its end.
    let is_answered = says("finish_reason") || says("stop_reason");
    (embeds || is_answered || has_word(&name, CALLS) || names_model(span, &name))
        && !has_word(&name, AFTERWARDS)
        && (is_answered || !is_beside(&span.name))
        && !is_served
        && (counts(tokens::INPUT) && (embeds || counts(tokens::OUTPUT))
            || embeds
                && (counts(tokens::TOTAL)
                    || attributes.iter().any(|(key, value)| counts_all(key, value)))
            || recognise::has_failed(span) && is_at_provider(span, &name))
        && !attributes.iter().any(|(key, _)| is_of_others(key))
}

/// Returns whether an attribute of embeddings counts all their tokens.
pub(super) fn counts_all(key: &str, value: Value<'_>) -> bool {
    let is_number = match value {
        Value::Integer(_) | Value::Double(_) => true,
        Value::Str(text) => unquoted(text).parse::<f64>().is_ok(),
        _ => false,
    };
    key == "tokens" && is_number
}

/// Returns whether a failed call was made to a provider: to one that the conventions know, or to any if the span is named after a
/// model call.
fn is_at_provider(span: &SourceSpan, name: &str) -> bool {
    let provider = span.attributes.text("provider").map(unquoted);
    match provider {
        Some(provider) if !provider.is_empty() => {
            let is_known = provider::known(&provider.to_ascii_lowercase()).is_some();
            is_known || has_word(name, CALLS_ALONE)
        }
        _ => provider_in(name).is_some(),
    }
}

/// Returns the conventions' name of the provider that a span is named after.
pub(super) fn provider_in(name: &str) -> Option<&'static str> {
    words_of(&words(name)).find_map(provider::known)
}

/// Returns whether a span is named after embeddings.
pub(super) fn embeds(name: &str) -> bool {
    has_word(&words(name), &["embed", "embedding", "embeddings"])
}

/// Returns whether a span is named after its `model` or after a provider: `openai gpt-4o`, `ask_claude`, `call_openai`.
fn names_model(span: &SourceSpan, name: &str) -> bool {
    let model = span.attributes.text("model").unwrap_or_default();
    let model = words(model);
    // `gpt` of `gpt-4o`. Shorter words may mean anything.
    let family = words_of(&model).find(|word| word.len() > 2);
    let is_around = |word| AROUND.contains(&word) && !matches!(word, "invoke" | "request");
    (provider_in(name).is_some() || words_of(name).any(|word| family == Some(word)))
        && !words_of(name).any(is_around)
}

/// Returns the operation of a span that is named after it and a provider, if it names a model: `openai.chat`, `ollama_embeddings`.
fn asked_of_provider(span: &SourceSpan, dialect: &Dialect, name: &str) -> Option<&'static str> {
    let is_served = matches!(span.kind, Some(SpanKind::Server | SpanKind::Consumer));
    let models = ["gen_ai.request.model", "gen_ai.response.model"];
    if is_served || !models.iter().any(|key| span.attributes.contains(key)) {
        return None;
    }
    let operation = behind_provider(name)?;
    is_of_nobody(span, dialect).then_some(operation)
}

/// Returns the operation of a model that follows a provider in a name: `openai.chat.completions`.
pub(super) fn behind_provider(name: &str) -> Option<&'static str> {
    let (provider, rest) = name.split_once(['.', '_', ':', '/', ' '])?;
    // `openai.chat.completions.create` and `openai.chat.stream` are methods.
    let method = rest.rsplit_once(['.', '_', ':', '/', ' ']);
    let rest = match method {
        Some((rest, method)) if METHODS.contains(&method) => rest,
        _ => rest,
    };
    let row = operation::by_name(rest).filter(|row| row.kind == AiKind::LlmCall)?;
    provider::known(&provider.to_ascii_lowercase()).map(|_| row.name)
}

/// Returns whether the name of a span with these attributes may decide what the span is.
pub(crate) fn may_tell_by_name(attributes: &Attributes) -> bool {
    let names = [AGENT_NAMES, TOOL_NAMES].concat();
    names.iter().any(|key| attributes.contains(key))
        || (NAMESPACES.iter()).any(|prefix| attributes.may_begin_with(prefix))
}

/// Returns the operation that a span's name, or the name of its operation, ends with, if the attributes say with what:
/// `shop.agent.run`, `call_tool`.
pub(crate) fn operation_by_name(
    span: &SourceSpan,
    dialect: &Dialect,
    name: &str,
) -> Option<&'static str> {
    let has = |key| span.attributes.contains(key);
    // Only somebody who knows the conventions uses this name.
    let is_called = |operation: &str, keys: &[&str]| {
        let says = |key: &&str| matches!(span.attributes.get(key), Some(Value::Str(_)));
        name == operation && keys.iter().any(says)
    };
    let names_tool = has("gen_ai.tool.name")
        || is_called("execute_tool", TOOL_NAMES)
        || is_call_of_tool(span, name);
    let names_agent = has("gen_ai.agent.name")
        || has("gen_ai.agent.id")
        || is_called("invoke_agent", AGENT_NAMES)
        || is_run_of_agent(span, name);
    if let Some(operation) = asked_of_provider(span, dialect, name) {
        return Some(operation);
    }
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

/// Returns whether a name is that of a tool call, such as `agent.tool_call`, and the span names the tool without a namespace.
fn is_call_of_tool(span: &SourceSpan, name: &str) -> bool {
    span.attributes.may_begin_with("tool")
        && says_any(span, TOOL_NAMES)
        && ends_with(name, "tool", &["call"])
}

/// Returns whether a span is named after an agent's run, such as `run_agent`, and names an agent without any namespace.
fn is_run_of_agent(span: &SourceSpan, name: &str) -> bool {
    span.attributes.may_begin_with("agent")
        && says_any(span, AGENT_NAMES)
        && ends_with(name, "agent", &["invocation", "invoke", "run"])
}

fn says_any(span: &SourceSpan, keys: &[&str]) -> bool {
    let says =
        |key: &&str| matches!(span.attributes.get(key), Some(Value::Str(name)) if !name.is_empty());
    keys.iter().any(says)
}

/// Returns whether a name ends with an object and what is done with it, in either order.
fn ends_with(name: &str, object: &str, done: &[&str]) -> bool {
    let name = words(name);
    let mut words = words_of(&name).rev();
    let (Some(last), Some(before)) = (words.next(), words.next()) else {
        return false;
    };
    last == object && done.contains(&before) || before == object && done.contains(&last)
}

/// Returns whether an operation that no convention knows may be a model call. The span must have been written by hand and name a
/// model, but no tool, and an agent only if the operation [names a call](names_call). Work around calls does not count, because
/// the calls have their own spans.
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
        // `parse_invoice` may be work that a program has a model do. `parse_llm_response` is work of the program itself.
        && !(is_named && is_beside(operation_name))
}

/// Returns whether an operation is named after a model call, such as `llm.response` and `InvokeModel`.
pub(crate) fn names_call(operation: &str) -> bool {
    let operation = words(operation);
    has_word(&operation, CALLS_ALONE)
        || has_word(&operation, &["model"]) && has_word(&operation, CALLS_OF_MODELS)
}

/// Returns whether a span's name is for work on the counts, the question or the answer of a call, so that the span repeats the
/// call's counts: `record_usage`, `llm.build_prompt`, `parse_llm_response`. Work on the call itself does not count, because it
/// may be making the call.
pub(crate) fn repeats_counts(name: &str) -> bool {
    let step = last_step(name);
    let last = words_of(&step).next_back();
    is_beside(name)
        && last.is_some_and(|last| {
            OF_CALLS.contains(&last) || last == "response" && has_word(&step, CALLS_ALONE)
        })
}

/// Returns whether a name is for work on a call instead of the call: `parse_llm_response`, `agent.validate_tool_call`. A single
/// word does not count, because it may belong to the name of a call, as in `chat.completions.parse`.
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

/// Returns the words of the last segment of a name.
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
