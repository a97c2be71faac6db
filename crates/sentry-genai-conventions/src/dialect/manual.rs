//! Spans written by hand, with names that are close to those of the conventions.
//!
//! A name is understood by its words: `gen_ai.usage.promptTokens`, `llm.prompt_tokens` and `tokens_in` are the same count. A
//! canonical attribute that is present takes precedence.

mod amount;

pub(crate) use amount::{amount, is_count, is_number, may_be_count_or_cost};

use super::{
    ARGUMENTS, DEFINITIONS, INPUT, INSTRUCTIONS, NONE, OUTPUT, OperationKind, RESULT, first_chunk,
    span_names,
};
use crate::{Attributes, SourceSpan, Value, provider, recognise, tables, tokens};

const MODEL: &str = "gen_ai.request.model";
const STREAMING: &str = "gen_ai.response.streaming";

/// Namespaces in which any name is about GenAI.
pub(super) static NAMESPACES: &[&str] =
    &["ai.", "gen_ai.", "genai.", "langfuse.observation.", "llm."];

/// Names on any GenAI span. Of several names for the same attribute, the first one counts.
#[rustfmt::skip]
static NAMES: &[(&str, &str)] = &[
    ("agent", "gen_ai.agent.name"),
    ("agent_id", "gen_ai.agent.id"),
    ("agent_name", "gen_ai.agent.name"),
    ("finish_reason", "gen_ai.response.finish_reasons"),
    ("finish_reasons", "gen_ai.response.finish_reasons"),
    ("response_finish_reason", "gen_ai.response.finish_reasons"),
    ("response_stop_reason", "gen_ai.response.finish_reasons"),
    ("stop_reason", "gen_ai.response.finish_reasons"),
    ("function_name", "gen_ai.tool.name"),
    ("tool", "gen_ai.tool.name"),
    ("tool_name", "gen_ai.tool.name"),
    ("call_id", "gen_ai.tool.call.id"),
    ("tool_call_id", "gen_ai.tool.call.id"),
    ("request_model_name", MODEL),
    ("model", MODEL),
    ("model_name", MODEL),
    ("model_id", MODEL),
    ("request_model", MODEL),
    ("response_model", "gen_ai.response.model"),
    ("response_model_name", "gen_ai.response.model"),
    ("provider", "gen_ai.provider.name"),
    ("provider_name", "gen_ai.provider.name"),
    ("request_provider", "gen_ai.provider.name"),
    ("vendor", "gen_ai.provider.name"),
    ("response_id", "gen_ai.response.id"),
    ("max_tokens", "gen_ai.request.max_tokens"),
    ("max_completion_tokens", "gen_ai.request.max_tokens"),
    ("max_output_tokens", "gen_ai.request.max_tokens"),
    ("request_max_tokens", "gen_ai.request.max_tokens"),
    ("request_max_completion_tokens", "gen_ai.request.max_tokens"),
    ("request_max_output_tokens", "gen_ai.request.max_tokens"),
    ("request_temperature", "gen_ai.request.temperature"),
    ("temperature", "gen_ai.request.temperature"),
    ("request_top_p", "gen_ai.request.top_p"),
    ("top_p", "gen_ai.request.top_p"),
    ("stream", STREAMING),
    ("streaming", STREAMING),
    ("is_stream", STREAMING),
    ("is_streaming", STREAMING),
    ("request_is_stream", STREAMING),
    ("request_streaming", STREAMING),
];

/// Names that are understood only in a namespace of GenAI.
#[rustfmt::skip]
static NAMESPACED: &[(&str, &str)] = &[
    ("conversation_id", "gen_ai.conversation.id"),
    ("operation", "gen_ai.operation.name"),
    ("operation_name", "gen_ai.operation.name"),
    ("system", "gen_ai.provider.name"),
    ("error", "error"),
    ("error_class", "error.type"),
    ("error_kind", "error.type"),
    ("error_message", "error.message"),
    ("error_type", "error.type"),
    ("user_id", "user.id"),
    ("tools", DEFINITIONS),
    ("available_tools", DEFINITIONS),
    ("request_tools", DEFINITIONS),
    ("request_tool_definitions", DEFINITIONS),
    ("tool_definitions", DEFINITIONS),
];

/// Names for the input and the output of a model or an agent.
static INPUTS: &[&str] = &[
    "input_messages",
    "request_messages",
    "messages",
    "input",
    "input_text",
    "input_value",
    "input_prompt",
    "request_prompt",
    "request_input",
    "request_content",
    "prompt",
    "prompts",
    "prompt_text",
    "prompt_user",
    "content_prompt",
    "user_prompt",
    "user_message",
    "user_input",
    "user_query",
    "question",
    "query",
];
static OUTPUTS: &[&str] = &[
    "output_messages",
    "response_messages",
    "output",
    "output_text",
    "output_value",
    "response",
    "response_text",
    "response_content",
    "response_message",
    "response_output",
    "completion",
    "completions",
    "completion_text",
    "content_completion",
    "assistant_message",
    "assistant_response",
    "answer",
    "reply",
];
static SYSTEMS: &[&str] = &[
    "system_instructions",
    "system_instruction",
    "system_prompt",
    "system_message",
    "prompt_system",
    "request_system",
    "request_system_prompt",
    "request_system_instructions",
    "request_instructions",
    "agent_instructions",
    "instructions",
    "preamble",
];

/// Names for the input and the output of a tool, with a prefix or without.
static TOOL_PREFIXES: &[&str] = &["tool_call_", "tool_", "function_call_", "function_"];
static TOOL_INPUTS: &[&str] = &[
    "arguments",
    "args",
    "input",
    "inputs",
    "parameters",
    "params",
];
static TOOL_OUTPUTS: &[&str] = &["result", "results", "output", "outputs", "response"];

/// What may be recorded about a tool.
static TOOL_IDENTITY: &[&str] = &[
    "gen_ai.agent.id",
    "gen_ai.agent.name",
    "gen_ai.tool.call.id",
    "gen_ai.tool.name",
];

/// Renames names in the namespaces of GenAI to those of the conventions, as far as that does not depend on what the span is.
pub(crate) fn normalise_namespaced(span: &mut SourceSpan) {
    let is_present = |prefix: &&&str| span.attributes.may_begin_with(prefix);
    let namespaces: Vec<_> = NAMESPACES.iter().filter(is_present).collect();
    let names = match &*namespaces {
        [] => Vec::new(),
        namespaces => find_namespaced(&span.attributes, namespaces),
    };
    // A bare `model` may be beside `llm.input_tokens`.
    let is_named_call = span_names::is_call(span) && !super::mentions_gen_ai(span);
    if namespaces.is_empty() || names.is_empty() && is_named_call {
        if is_named_call {
            adjust_named_call(span);
        }
        return;
    }
    move_numbers_aside(&mut span.attributes);
    // On a span without anything of the conventions, these names may mean something else.
    let has_any = |keys: &[&str]| names.iter().any(|name| keys.contains(&name.canonical));
    let is_call = has_any(&[MODEL, "gen_ai.response.model"])
        && (has_any(&[tokens::INPUT, tokens::OUTPUT])
            || span_names::operation_after_provider(&span.name).is_some()
            || has_any(&["gen_ai.provider.name"]) && recognise::has_failed(span));
    if is_call || is_named_call || super::mentions_gen_ai(span) {
        rename(&mut span.attributes, names);
        first_chunk::read_namespaced(span);
    }
    if is_named_call {
        adjust_named_call(span);
    }
}

/// Renames the attributes of a span that is a call by its own name. That may name the provider, too.
fn adjust_named_call(span: &mut SourceSpan) {
    let kind = match span_names::names_embeddings(&span.name) {
        true => OperationKind::Embeddings,
        false => OperationKind::Call,
    };
    // The name of the model will be elsewhere.
    let provider = span_names::provider_in_name(span);
    adjust(span, kind);
    if let Some(provider) = provider {
        span.attributes.supply("gen_ai.provider.name", provider);
    }
}

/// Returns a key without its namespace, if that is one of GenAI's.
pub(super) fn without_namespace(key: &str) -> Option<&str> {
    let mut namespaces = NAMESPACES.iter();
    namespaces.find_map(|namespace| key.strip_prefix(namespace))
}

/// Moves numbers away from the names of messages: `gen_ai.request.messages = 12` is a count.
fn move_numbers_aside(attributes: &mut Attributes) {
    let is_number = |value| matches!(value, Value::Integer(_) | Value::Double(_) | Value::Bool(_));
    let is_content = |key: &str| {
        let rest = without_namespace(key);
        rest.map(words).is_some_and(|words| {
            let names = [INPUTS, OUTPUTS, SYSTEMS, &["response_tool_calls"]];
            names.iter().any(|names| names.contains(&&*words))
        })
    };
    let numbers: Vec<_> = (attributes.iter())
        .filter(|(key, value)| is_number(*value) && is_content(key))
        .map(|(key, value)| (key.to_owned(), value.to_input()))
        .collect();
    for (key, number) in numbers {
        attributes.remove(&key);
        attributes.push_owned_key(&format!("otel.{key}"), number);
    }
}

/// Returns the names in these namespaces that are understood.
fn find_namespaced(attributes: &Attributes, namespaces: &[&&str]) -> Vec<NamedAttribute> {
    find_names(attributes, |key, value| {
        let rest = namespaces
            .iter()
            .find_map(|namespace| key.strip_prefix(**namespace))?;
        let words = words(rest);
        look_up_pair(NAMES, &words)
            .or_else(|| look_up_pair(NAMESPACED, &words))
            .or_else(|| amount(key, value))
    })
}

/// Renames the other names on a GenAI span to those of the conventions.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let names = find_names(&span.attributes, |key, value| {
        let rest = without_namespace(key);
        let words = words(rest.unwrap_or(key));
        match kind {
            OperationKind::Call | OperationKind::Embeddings | OperationKind::Agent => {
                look_up(INPUTS, &words, INPUT)
                    .or_else(|| look_up(OUTPUTS, &words, OUTPUT))
                    .or_else(|| look_up(SYSTEMS, &words, INSTRUCTIONS))
                    .or_else(|| look_up_pair(NAMES, &words))
                    .or_else(|| amount(key, value))
                    .or_else(|| {
                        let is_total = kind == OperationKind::Embeddings
                            && span_names::is_total_count(key, value);
                        is_total.then_some((1, tokens::TOTAL))
                    })
            }
            OperationKind::Tool => {
                let words = without_tool_prefix(&words);
                look_up(TOOL_INPUTS, words, ARGUMENTS)
                    .or_else(|| look_up(TOOL_OUTPUTS, words, RESULT))
            }
            // An argument of a tool may be named like a model's parameter, such as the `temperature` of a room.
            .or_else(|| {
                look_up_pair(NAMES, &words).filter(|(_, name)| TOOL_IDENTITY.contains(name))
            }),
            OperationKind::Other | OperationKind::Plain => None,
        }
    });
    rename(&mut span.attributes, names);
    if kind == OperationKind::Call {
        first_chunk::read_any(span);
    }
}

/// Returns whether a GenAI span has a number of tokens under such a name.
pub(crate) fn counts_tokens(attributes: &Attributes) -> bool {
    let mut namespaces = NAMESPACES.iter();
    namespaces.any(|prefix| attributes.may_begin_with(prefix))
        && (attributes.iter()).any(|(key, _)| is_count(key) && tables::attribute(key).is_none())
}

/// A name that the conventions do not know, and the canonical one.
struct NamedAttribute {
    /// Its position among the names for the same attribute.
    rank: usize,
    key: String,
    canonical: &'static str,
}

/// Returns the names that `find` understands.
fn find_names(
    attributes: &Attributes,
    mut find: impl FnMut(&str, Value<'_>) -> Option<(usize, &'static str)>,
) -> Vec<NamedAttribute> {
    let names = attributes.iter().filter(|(key, _)| !is_known(key));
    names
        .filter_map(|(key, value)| {
            let (rank, canonical) = find(key, value)?;
            if !fits(canonical, value) {
                return None;
            }
            Some(NamedAttribute {
                rank,
                key: key.to_owned(),
                canonical,
            })
        })
        .collect()
}

/// Returns whether the conventions know this key.
fn is_known(key: &str) -> bool {
    // Sentry's registry includes the names of Vercel's AI SDK, which has a dialect of its own.
    !key.starts_with("ai.") && (tables::attribute(key).is_some() || tables::is_opentelemetry(key))
}

/// Returns whether it depends on the value, and not only on its type, how an attribute is understood.
pub(crate) fn is_understood_by_value(key: &str, value: Value<'_>) -> bool {
    let canonical = || {
        let words = words(without_namespace(key).unwrap_or(key));
        let found = look_up_pair(NAMES, &words).or_else(|| look_up_pair(NAMESPACED, &words));
        found.map(|(_, canonical)| canonical)
    };
    match value {
        _ if is_known(key) => false,
        Value::Str(_) => matches!(canonical(), Some(STREAMING | DEFINITIONS)),
        Value::Integer(_) | Value::Double(_) => first_chunk::may_be_time_to_first_chunk(key),
        Value::Bool(_) | Value::Array(_) => false,
    }
}

/// Returns whether a value fits the meaning of a canonical name: `messages = 12` is the number of messages, and an `Option` may
/// be `None`.
fn fits(canonical: &str, value: Value<'_>) -> bool {
    match canonical {
        INPUT | OUTPUT | INSTRUCTIONS => matches!(value, Value::Str(_) | Value::Array(_)),
        ARGUMENTS | RESULT => true,
        _ if value == Value::Str(NONE) => false,
        MODEL
        | "gen_ai.agent.name"
        | "gen_ai.operation.name"
        | "gen_ai.provider.name"
        | "gen_ai.tool.name" => matches!(value, Value::Str(_)),
        DEFINITIONS => matches!(value, Value::Str(text) if text.starts_with("[{")),
        STREAMING => matches!(value, Value::Bool(_) | Value::Str("true" | "false")),
        _ => true,
    }
}

fn rename(attributes: &mut Attributes, mut names: Vec<NamedAttribute>) {
    names.sort_by_key(|name| name.rank);
    let mut seen: Vec<&str> = Vec::new();
    for NamedAttribute { key, canonical, .. } in names {
        // Avoids searching the store for each of several names for the same attribute.
        if seen.contains(&canonical) {
            continue;
        }
        seen.push(canonical);
        let is_recorded = attributes.contains(canonical)
            || canonical == "gen_ai.provider.name" && provider::has_old_key(attributes);
        if !is_recorded {
            attributes.rename(&key, canonical);
        }
    }
}

fn look_up_pair(names: &[(&str, &'static str)], words: &str) -> Option<(usize, &'static str)> {
    let rank = names.iter().position(|(name, _)| *name == words)?;
    Some((rank, names[rank].1))
}

fn look_up(names: &[&str], words: &str, canonical: &'static str) -> Option<(usize, &'static str)> {
    let rank = names.iter().position(|name| *name == words)?;
    Some((rank, canonical))
}

fn without_tool_prefix(words: &str) -> &str {
    let rest = TOOL_PREFIXES
        .iter()
        .find_map(|prefix| words.strip_prefix(prefix));
    rest.unwrap_or(words)
}

/// Returns the words of a name in lower case, joined with underscores: `usage_prompt_tokens`.
pub(super) fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut is_within_word = false;
    for letter in name.chars() {
        if matches!(letter, '.' | '_' | '-') {
            words.push('_');
            is_within_word = false;
            continue;
        }
        if letter.is_ascii_uppercase() && is_within_word {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
        is_within_word = !letter.is_ascii_uppercase();
    }
    words
}
