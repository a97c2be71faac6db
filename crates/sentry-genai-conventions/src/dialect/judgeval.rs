//! Judgeval: the whole request and answer of a provider's SDK, and counts that do not overlap.

use super::{
    DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, aliases, has_known_operation,
    json, kind_of, name_as_span, usage,
};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static JUDGEVAL: Dialect = Dialect {
    name: "judgeval",
    recognises: |span| span.attributes.contains(KIND),
    #[rustfmt::skip]
    aliases: &aliases([
        ("judgment.customer_user_id", "user.id"),
        ("judgment.llm.model", "gen_ai.request.model"),
        ("judgment.llm.provider", "gen_ai.provider.name"),
        ("judgment.session_id", "session.id"),
        ("judgment.usage.cache_creation_input_tokens", tokens::CACHE_CREATION),
        ("judgment.usage.cache_read_input_tokens", tokens::CACHE_READ),
        ("judgment.usage.output_tokens", tokens::OUTPUT),
        ("judgment.usage.total_cost_usd", "gen_ai.cost.total_tokens"),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

const KIND: &str = "judgment.span_kind";
const PROMPT: &str = "gen_ai.prompt";
const COMPLETION: &str = "gen_ai.completion";
const UNCACHED_INPUT: &str = "judgment.usage.non_cached_input_tokens";

/// The name of a call of a provider's SDK, behind the name of the provider.
const CALL: &str = "_API_CALL";
const GOOGLE: &str = "GOOGLE";

/// What an answer says about itself.
static ANSWER: &[(&str, &str)] = &[
    ("id", "gen_ai.response.id"),
    ("model", "gen_ai.response.model"),
];

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    match kind_of(span, KIND).as_deref() {
        Some("llm") => Override::To("chat"),
        Some("tool") => Override::To("execute_tool"),
        Some("agent") => Override::To("invoke_agent"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_as_span(span, kind);
    kind.rename_content(&mut span.attributes, "judgment.input", "judgment.output");
    if kind != OperationKind::Call {
        return;
    }
    let provider = span.name.strip_suffix(CALL).map(str::to_owned);
    let attributes = &mut span.attributes;
    read_usage(attributes, provider.as_deref() == Some(GOOGLE));
    if let Some(provider) = provider {
        attributes.supply("gen_ai.provider.name", provider.to_ascii_lowercase());
    }
    if let Some(mut request) = json::object(attributes, PROMPT) {
        json::put_parameters(attributes, &request);
        if let Some(tools) = request.remove("tools") {
            json::put(attributes, DEFINITIONS, tools);
        }
    }
    if let Some(answer) = json::object(attributes, COMPLETION) {
        json::put_scalars(attributes, &answer, ANSWER);
    }
    attributes.rename(PROMPT, INPUT);
    attributes.rename(COMPLETION, OUTPUT);
}

/// Adds up the input. Google's includes the cache already.
fn read_usage(attributes: &mut Attributes, is_google: bool) {
    const METADATA: &str = "judgment.usage.metadata";

    if let Some(uncached) = attributes.integer(UNCACHED_INPUT) {
        let cached = [
            "judgment.usage.cache_creation_input_tokens",
            "judgment.usage.cache_read_input_tokens",
        ];
        let cached = cached.map(|key| attributes.integer(key).unwrap_or(0).max(0));
        let input = match is_google {
            true => uncached,
            false => cached.into_iter().fold(uncached, i64::saturating_add),
        };
        attributes.supply(tokens::INPUT, input);
        attributes.remove(UNCACHED_INPUT);
    }
    // It has the reasoning, and is otherwise less regular.
    usage::take(attributes, METADATA);
}
