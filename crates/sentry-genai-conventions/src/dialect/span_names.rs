//! Interprets the names that people give their spans, if the attributes confirm them.

mod vocabulary;

use vocabulary::{
    AGENT_ACTIONS, AGENT_KEYS, AUXILIARY_LAST_WORDS, AUXILIARY_WORDS, CALL_DATA_WORDS, CALL_WORDS,
    COMPOSITE_WORDS, EMBEDDING_WORDS, GENERAL_COMPANIES, INTERMEDIARY_WORDS, MODEL_CALL_WORDS,
    OTHER_REQUEST_WORDS, POST_CALL_WORDS, PROTOCOL_KEYS, REQUEST_WORDS, SDK_METHODS, TOOL_ACTIONS,
    TOOL_KEYS, UNAMBIGUOUS_CALL_WORDS,
};

use super::{
    Dialect, is_manual, is_of_library,
    manual::{NAMESPACES, amount, is_number, words},
    unquoted,
};
use crate::{
    AiKind, Attributes, SourceSpan, SpanKind, Value, naming::MODELS, operation, plain, provider,
    recognise, tokens,
};

/// Returns whether a span without any attribute in GenAI's namespaces is a model call. Its name must say so, or it must state why
/// the answer ended. It must also name a model, and count input and output tokens or have failed at a provider. Each of these
/// alone may mean anything.
pub(super) fn is_call(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let has_text = |key| matches!(attributes.get(key), Some(Value::Str(text)) if !text.is_empty());
    if !attributes.may_begin_with("model") || !has_text("model") {
        return false;
    }
    let name = words_of_name(span);
    let is_embedding = has_word(&name, EMBEDDING_WORDS);
    // Only a model's answer has a reason for its end.
    let has_finish_reason = has_text("finish_reason") || has_text("stop_reason");
    let is_named_call = is_embedding
        || has_finish_reason
        || has_word(&name, CALL_WORDS)
        || names_call(&span.name)
        || is_named_after_model(span, &name);
    is_named_call
        && !has_word(&name, POST_CALL_WORDS)
        && (has_finish_reason || !is_auxiliary(&span.name) && !is_intermediary(&span.name, &name))
        && !is_remote_side(span)
        && (counts_tokens(attributes, is_embedding)
            || recognise::has_failed(span) && targets_provider(span, &name, has_finish_reason))
        && !is_of_other_convention(attributes)
}

/// Returns whether a span by hand names its model as the conventions do, and counts input and output tokens without a namespace.
/// Agents, tools, requests and work that consists of calls do not count, because they may add up what their calls used.
pub(crate) fn has_bare_counts(span: &SourceSpan, dialect: &Dialect) -> bool {
    let attributes = &span.attributes;
    if !attributes.contains_any(MODELS) || !is_unattributed(span, dialect) {
        return false;
    }
    let name = words_of_name(span);
    let names_agent = attributes.contains_any(&["gen_ai.agent.id", "gen_ai.agent.name"]);
    !attributes.contains("gen_ai.tool.name")
        && (!names_agent || names_call(&span.name))
        && !names_other_request(&span.name)
        && !has_word(&name, POST_CALL_WORDS)
        && !is_intermediary(&span.name, &name)
        && !is_remote_side(span)
        && counts_tokens(attributes, false)
        && !is_of_other_convention(attributes)
}

/// Returns whether a call has the token counts that prove it: of input and output, or for embeddings of input or a total.
fn counts_tokens(attributes: &Attributes, is_embedding: bool) -> bool {
    let has_count = |wanted| {
        let is_wanted = |(key, value)| amount(key, value).is_some_and(|(_, count)| count == wanted);
        attributes.iter().any(is_wanted)
    };
    if !is_embedding {
        return has_count(tokens::INPUT) && has_count(tokens::OUTPUT);
    }
    has_count(tokens::INPUT)
        || has_count(tokens::TOTAL)
        || attributes
            .iter()
            .any(|(key, value)| is_total_count(key, value))
}

/// Returns whether a span's kind says that it receives or queues work.
fn is_remote_side(span: &SourceSpan) -> bool {
    use SpanKind::{Consumer, Producer, Server};
    matches!(span.kind, Some(Consumer | Producer | Server))
}

/// Returns the words of a span's name.
fn words_of_name(span: &SourceSpan) -> String {
    words(&span.name).replace("open_ai", "openai")
}

/// Returns whether a name is for what stands between a program and a provider: `openai.queue.push`, `llm_quota`. In
/// `cache.completion`, only the place of the call is.
fn is_intermediary(name: &str, words: &str) -> bool {
    match has_word(words, CALL_WORDS) {
        true => has_word(&last_segment(name), INTERMEDIARY_WORDS),
        false => has_word(words, INTERMEDIARY_WORDS),
    }
}

/// Returns whether a span describes an HTTP route or a database query.
fn is_of_other_convention(attributes: &Attributes) -> bool {
    (attributes.iter()).any(|(key, _)| key == "http.route" || key.starts_with("db."))
}

/// Returns whether an attribute of embeddings counts all their tokens.
pub(super) fn is_total_count(key: &str, value: Value<'_>) -> bool {
    key == "tokens" && is_number(value)
}

/// Returns whether a failed call was made to a provider: to one that the conventions know, or to any if the span is named after a
/// model call. Without a finish reason, nothing else may be in its name: `openai_config_loader` may fail, too.
fn targets_provider(span: &SourceSpan, name: &str, has_finish_reason: bool) -> bool {
    let is_request = || has_finish_reason || names_only_request(span, name);
    let provider = span.attributes.text("provider").map(unquoted);
    match provider {
        Some(provider) if !provider.is_empty() => {
            let is_known = || provider::known(&provider.to_ascii_lowercase()).is_some();
            has_word(name, UNAMBIGUOUS_CALL_WORDS) || is_known() && is_request()
        }
        _ => split_words(name).any(is_provider) && is_request(),
    }
}

/// Returns whether a name consists of a provider, the span's `model` and words for model calls.
fn names_only_request(span: &SourceSpan, name: &str) -> bool {
    let model = words(span.attributes.text("model").unwrap_or_default());
    split_words(name).all(|word| {
        [CALL_WORDS, EMBEDDING_WORDS, REQUEST_WORDS]
            .iter()
            .any(|words| words.contains(&word))
            || provider::known(word).is_some()
            || split_words(&model).any(|part| part == word)
    })
}

/// Returns whether a word names a provider and nothing else.
fn is_provider(word: &str) -> bool {
    !GENERAL_COMPANIES.contains(&word) && provider::known(word).is_some()
}

/// Returns the conventions' name of the provider that a span is named after.
pub(super) fn provider_in_name(span: &SourceSpan) -> Option<&'static str> {
    let name = words_of_name(span);
    let is_request = names_only_request(span, &name);
    let mut names = split_words(&name).filter(|word| is_request || is_provider(word));
    names.find_map(provider::known)
}

/// Returns whether a span is named after embeddings.
pub(super) fn names_embeddings(name: &str) -> bool {
    has_word(&words(name), &["embed", "embedding", "embeddings"])
}

/// Returns whether a span is named after its `model` or after a provider: `openai gpt-4o`, `ask_claude`, `call_openai`.
fn is_named_after_model(span: &SourceSpan, name: &str) -> bool {
    let model = span.attributes.text("model").unwrap_or_default();
    let model = words(model);
    // `gpt` of `gpt-4o`. Shorter words may mean anything.
    let family = split_words(&model).find(|word| word.len() > 2);
    split_words(name).any(|word| is_provider(word) || family == Some(word)) && !is_composite(name)
}

/// Returns the operation of a span that is named after it, if the span names a model, and the name or an attribute the provider:
/// `openai.chat`, `ollama_embeddings`, `llm_call`.
fn provider_operation(span: &SourceSpan, name: &str) -> Option<&'static str> {
    if is_remote_side(span) || !span.attributes.contains_any(MODELS) {
        return None;
    }
    let is_uncounted_call = || {
        let words = words(name);
        (names_call(name) || has_word(&words, EMBEDDING_WORDS))
            && names_only_request(span, &words)
            && recognise::is_of_provider(span)
    };
    operation_after_provider(name)
        .or_else(|| is_uncounted_call().then(|| recognise::call_kind_from_name(name)))
}

/// Returns the operation of a model that follows a provider in a name: `openai.chat.completions`.
pub(super) fn operation_after_provider(name: &str) -> Option<&'static str> {
    let (provider, rest) = name.split_once(['.', '_', ':', '/', ' '])?;
    // `openai.chat.completions.create` and `openai.chat.stream` are methods.
    let method = rest.rsplit_once(['.', '_', ':', '/', ' ']);
    let rest = match method {
        Some((rest, method)) if SDK_METHODS.contains(&method) => rest,
        _ => rest,
    };
    let row = operation::by_name(rest).filter(|row| row.kind == AiKind::LlmCall)?;
    provider::known(&provider.to_ascii_lowercase()).map(|_| row.name)
}

/// Returns whether the name of a span with these attributes may decide what the span is.
pub(crate) fn may_classify_by_name(attributes: &Attributes) -> bool {
    attributes.contains_any(AGENT_KEYS)
        || attributes.contains_any(TOOL_KEYS)
        || (NAMESPACES.iter()).any(|prefix| attributes.may_begin_with(prefix))
}

/// Returns whether a span that counts no tokens may be a request to a provider's model, as far as its name and its protocol are
/// concerned.
pub(crate) fn may_request_model(span: &SourceSpan) -> bool {
    let method = span.attributes.first_text(plain::HTTP_METHODS);
    let is_for_store = || {
        let mut keys = span.attributes.iter();
        keys.any(|(key, _)| key.starts_with("db.") || key.starts_with("messaging."))
    };
    let name = words(&span.name);
    method.is_none_or(|method| method.eq_ignore_ascii_case("post"))
        && !has_word(&name, OTHER_REQUEST_WORDS)
        && !has_word(&name, INTERMEDIARY_WORDS)
        && !is_for_store()
}

/// Returns whether a client of a provider, by its name, asks for something else than a model's answer: `count_tokens`, `retrieve`.
pub(crate) fn names_other_request(name: &str) -> bool {
    is_composite(name) || is_auxiliary(name)
}

/// Returns whether a name is for work that consists of calls, or that searches.
fn is_composite(name: &str) -> bool {
    let is_composite =
        |word| COMPOSITE_WORDS.contains(&word) && !matches!(word, "invoke" | "request");
    !names_call(name) && split_words(&words(name)).any(is_composite)
}

/// Returns the operation that a span's name, or the name of its operation, ends with, if the attributes say with what:
/// `shop.agent.run`, `call_tool`.
pub(crate) fn operation_by_name(
    span: &SourceSpan,
    dialect: &Dialect,
    name: &str,
) -> Option<&'static str> {
    if !may_classify_by_name(&span.attributes) || !is_unattributed(span, dialect) {
        return None;
    }
    if let Some(operation) = provider_operation(span, name) {
        return Some(operation);
    }
    // Without a namespace, an agent or a tool counts only beside the conventions' own name of the operation, or one close to it.
    let is_named = |keys, operation, object, actions: &[&str]| {
        has_any_text(span, keys)
            && (name == operation
                || ends_with_action(name, &[object], actions) && !is_of_protocol(span, name))
    };
    let names_tool = span.attributes.contains("gen_ai.tool.name")
        || is_named(TOOL_KEYS, "execute_tool", "tool", &["call"]);
    let names_agent = (span.attributes).contains_any(&["gen_ai.agent.name", "gen_ai.agent.id"])
        || is_named(
            AGENT_KEYS,
            "invoke_agent",
            "agent",
            &["invocation", "invoke", "run"],
        );
    let (objects, actions, operation): (&[&str], _, _) = if names_tool {
        (&["function", "tool", "tools"], TOOL_ACTIONS, "execute_tool")
    } else if names_agent {
        (&["agent", "subagent"], AGENT_ACTIONS, "invoke_agent")
    } else {
        return None;
    };
    let is_named_after_it = is_only_word(name, objects) || ends_with_action(name, objects, actions);
    (is_named_after_it && !is_auxiliary(name)).then_some(operation)
}

/// Returns whether a name is a single word, and one of these.
fn is_only_word(name: &str, candidates: &[&str]) -> bool {
    let name = words(name);
    let mut words = split_words(&name);
    matches!((words.next(), words.next()), (Some(only), None) if candidates.contains(&only))
}

/// Returns whether a span is about a request, a message or a query: `POST /agent/run`, `SELECT agent_run`.
fn is_of_protocol(span: &SourceSpan, name: &str) -> bool {
    is_remote_side(span) || name.contains(" /") || span.attributes.contains_any(PROTOCOL_KEYS)
}

fn has_any_text(span: &SourceSpan, keys: &[&str]) -> bool {
    let is_text =
        |key: &&str| matches!(span.attributes.get(key), Some(Value::Str(name)) if !name.is_empty());
    keys.iter().any(is_text)
}

/// Returns whether a name ends with one of the objects and what is done with it, in either order.
fn ends_with_action(name: &str, objects: &[&str], actions: &[&str]) -> bool {
    let name = words(name);
    let mut words = split_words(&name).rev();
    let (Some(last), Some(before)) = (words.next(), words.next()) else {
        return false;
    };
    objects.contains(&last) && actions.contains(&before)
        || objects.contains(&before) && actions.contains(&last)
}

/// Returns whether an operation that no convention knows may be a model call. The span must have been written by hand and name a
/// model, but no tool, and an agent only if the operation [names a call](names_call). Work around calls does not count, because
/// the calls have their own spans.
pub(crate) fn may_be_call(span: &SourceSpan, dialect: &Dialect, operation_name: &str) -> bool {
    let has = |keys: &[&str]| span.attributes.contains_any(keys);
    let is_named = names_call(operation_name);
    let operation = words(operation_name);
    let is_composite = |word| {
        COMPOSITE_WORDS.contains(&word) && !(is_named && matches!(word, "invoke" | "request"))
    };
    is_unattributed(span, dialect)
        && has(MODELS)
        && !has(&["gen_ai.tool.name"])
        && (is_named || !has(&["gen_ai.agent.id", "gen_ai.agent.name"]))
        && !split_words(&operation).any(is_composite)
        && !has_word(&operation, POST_CALL_WORDS)
        // `parse_invoice` may be work that a program has a model do. `parse_llm_response` is work of the program itself.
        && !(is_named && is_auxiliary(operation_name))
}

/// Returns whether an operation is named after a model call, such as `llm.response` and `InvokeModel`.
pub(crate) fn names_call(operation: &str) -> bool {
    let operation = words(operation);
    has_word(&operation, UNAMBIGUOUS_CALL_WORDS)
        || has_word(&operation, &["model"]) && has_word(&operation, MODEL_CALL_WORDS)
}

/// Returns whether a span's name is for work on the counts, the question or the answer of a call, so that the span repeats the
/// call's counts: `record_usage`, `llm.build_prompt`, `parse_llm_response`, `record_usage model_call`. Work on the call itself
/// does not count, because it may be making the call.
pub(crate) fn repeats_counts(name: &str) -> bool {
    let segment = last_segment(name);
    let words: Vec<_> = split_words(&segment).collect();
    let is_call_data = |word: &&str| CALL_DATA_WORDS.contains(word);
    is_auxiliary(name)
        && match &*words {
            [.., "response"] => has_word(&segment, UNAMBIGUOUS_CALL_WORDS),
            [.., last] if is_call_data(last) => true,
            [first, data, ..] => {
                POST_CALL_WORDS.contains(first) && is_call_data(data) && names_call(&segment)
            }
            _ => false,
        }
}

/// Returns whether a name is for work on a call instead of the call: `parse_llm_response`, `agent.validate_tool_call`. A single
/// word does not count, because it may belong to the name of a call, as in `chat.completions.parse`.
fn is_auxiliary(name: &str) -> bool {
    let segment = last_segment(name);
    let mut words = split_words(&segment);
    match (words.next(), words.next_back()) {
        (Some(first), Some(last)) => {
            AUXILIARY_WORDS.contains(&first)
                || POST_CALL_WORDS.contains(&first)
                || AUXILIARY_LAST_WORDS.contains(&last)
        }
        _ => false,
    }
}

/// Returns the words of the last segment of a name.
fn last_segment(name: &str) -> String {
    let segment = name.rsplit(['.', ':', '/']).next();
    words(segment.unwrap_or(name))
}

fn is_unattributed(span: &SourceSpan, dialect: &Dialect) -> bool {
    is_manual(span, dialect) && !is_of_library(span, dialect)
}

fn has_word(name: &str, words: &[&str]) -> bool {
    split_words(name).any(|word| words.contains(&word))
}

fn split_words(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
}
