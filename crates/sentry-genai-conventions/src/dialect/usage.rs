//! Token usage as providers report it: JSON objects with names of their own.

use serde_json::Value;

use super::json::{self, Object};
use crate::{
    Attributes,
    tokens::{self, CACHE_CREATION, CACHE_READ, INPUT, OUTPUT, REASONING, TOTAL},
};

/// The paths under which providers report each count.
#[rustfmt::skip]
static COUNTS: &[(&str, &str)] = &[
    (INPUT, "input_tokens"),
    (INPUT, "prompt_tokens"),
    (INPUT, "inputTokens"),
    (INPUT, "promptTokens"),
    (INPUT, "prompt_token_count"),
    (INPUT, "promptTokenCount"),
    (INPUT, "input"),
    (OUTPUT, "output_tokens"),
    (OUTPUT, "completion_tokens"),
    (OUTPUT, "outputTokens"),
    (OUTPUT, "completionTokens"),
    (OUTPUT, "output"),
    (CACHE_READ, "cache_read_input_tokens"),
    (CACHE_READ, "prompt_tokens_details.cached_tokens"),
    (CACHE_READ, "input_tokens_details.cached_tokens"),
    (CACHE_READ, "input_token_details.cache_read"),
    (CACHE_READ, "cached_content_token_count"),
    (CACHE_READ, "cachedContentTokenCount"),
    (CACHE_READ, "cacheReadInputTokens"),
    (CACHE_READ, "cachedInputTokens"),
    (CACHE_READ, "cached_prompt_tokens"),
    (CACHE_READ, "input_cached_tokens"),
    (CACHE_READ, "input_cache_read"),
    (CACHE_READ, "cache_read"),
    (CACHE_CREATION, "cache_creation_input_tokens"),
    (CACHE_CREATION, "input_tokens_details.cache_write_tokens"),
    (CACHE_CREATION, "input_token_details.cache_creation"),
    (CACHE_CREATION, "cacheWriteInputTokens"),
    (CACHE_CREATION, "cache_creation_tokens"),
    (CACHE_CREATION, "input_cache_creation"),
    (CACHE_CREATION, "cache_creation"),
    (REASONING, "completion_tokens_details.reasoning_tokens"),
    (REASONING, "output_tokens_details.reasoning_tokens"),
    (REASONING, "output_token_details.reasoning"),
    (REASONING, "thoughts_token_count"),
    (REASONING, "thoughtsTokenCount"),
    (REASONING, "reasoning_tokens"),
    (REASONING, "reasoningTokens"),
    (REASONING, "output_reasoning_tokens"),
    (REASONING, "output_reasoning"),
    (REASONING, "reasoning"),
    (TOTAL, "total_tokens"),
    (TOTAL, "totalTokens"),
    (TOTAL, "total_token_count"),
    (TOTAL, "totalTokenCount"),
];

/// The names under which LangSmith and MLflow report costs.
#[rustfmt::skip]
static COSTS: &[(&str, &str)] = &[
    ("input_cost", "gen_ai.cost.input_tokens"),
    ("output_cost", "gen_ai.cost.output_tokens"),
    ("total_cost", "gen_ai.cost.total_tokens"),
];

/// The paths under which LangChain reports the parts of [`CACHE_CREATION`].
static CACHE_WRITE_PATHS: [&str; 2] = [
    "input_token_details.ephemeral_5m_input_tokens",
    "input_token_details.ephemeral_1h_input_tokens",
];

/// Appends the counts and costs in a provider's usage object, except for those that are already there.
pub(super) fn put(attributes: &mut Attributes, usage: &Object) {
    // Sentry keeps reported costs only if there is a total.
    if usage.get("total_cost").is_some_and(Value::is_number) {
        json::put_scalars(attributes, usage, COSTS);
    }
    for (key, path) in COUNTS {
        json::put_scalar(
            attributes,
            key,
            value_at(usage, path).filter(|value| value.is_number()),
        );
    }
    // LangChain splits the tokens written to Anthropic's cache by lifetime and reports no total.
    let written = CACHE_WRITE_PATHS
        .iter()
        .filter_map(|path| value_at(usage, path)?.as_i64());
    let written = written.fold(0, i64::saturating_add);
    if written > attributes.integer(CACHE_CREATION).unwrap_or(0) {
        attributes.set(CACHE_CREATION, written);
    }
    // Gemini counts reasoning separately from the candidates. ADK passes on the counts of other providers. If their total is
    // input plus candidates, the candidates already include it.
    let count = |names: [&str; 2]| names.iter().find_map(|name| usage.get(*name))?.as_i64();
    if let Some(candidates) = count(["candidates_token_count", "candidatesTokenCount"]) {
        let reasoning = count(["thoughts_token_count", "thoughtsTokenCount"]).unwrap_or(0);
        let input = attributes.integer(INPUT).unwrap_or(0);
        let is_reasoning_included = reasoning < candidates
            && attributes.integer(TOTAL) == Some(input.saturating_add(candidates));
        let extra = if is_reasoning_included { 0 } else { reasoning };
        attributes.set(OUTPUT, candidates.saturating_add(extra));
    }
}

/// Does this for a member of a response, if that is a usage object.
pub(super) fn put_value(attributes: &mut Attributes, usage: Option<&Value>) {
    if let Some(Value::Object(usage)) = usage {
        put(attributes, usage);
    }
}

/// Appends the counts in the usage object that an attribute holds, and removes the attribute.
pub(super) fn take(attributes: &mut Attributes, key: &str) {
    if let Some(usage) = json::object(attributes, key) {
        put(attributes, &usage);
        attributes.remove(key);
    }
}

/// Langfuse's names for counts that include others, each with the canonical keys of those.
static INPUT_DETAILS: (&str, &[&str]) = ("input", &[CACHE_READ, CACHE_CREATION]);
static OUTPUT_DETAILS: (&str, &[&str]) = ("output", &[REASONING]);

/// Returns the counts that Langfuse reports beside `whole` although they are parts of it.
fn details<'a>(
    usage: &'a Object,
    (whole, parts): (&str, &[&str]),
) -> impl Iterator<Item = &'a Value> {
    let is_detail = move |name: &str| match name.strip_prefix(whole) {
        // The same count under a provider's name.
        Some("_tokens" | "_token_count") => false,
        Some(rest) => rest.starts_with('_'),
        None => (COUNTS.iter()).any(|(key, path)| *path == name && parts.contains(key)),
    };
    let details = usage.iter().filter(move |(name, _)| is_detail(name));
    details.map(|(_, detail)| detail)
}

/// Appends the counts in Langfuse's usage details, and removes the attribute.
///
/// Langfuse's integrations subtract every detail from the count that it is part of. `total` includes everything. If there is no
/// total, it is the sum of all counts.
pub(super) fn take_details(attributes: &mut Attributes, key: &str) {
    let Some(mut usage) = json::object(attributes, key) else {
        return;
    };
    let count = |name: &str| usage.get(name).and_then(Value::as_i64);
    let with_details = |whole: (&str, &[&str])| {
        let details = details(&usage, whole);
        let details = details.filter_map(|detail| detail.as_i64().filter(|count| *count > 0));
        Some(details.fold(count(whole.0)?, i64::saturating_add))
    };
    let input = with_details(INPUT_DETAILS);
    let output = with_details(OUTPUT_DETAILS);
    let reported = [count("input"), count("output")];
    let reported = reported.into_iter().flatten().fold(0, i64::saturating_add);
    let total = count("total");
    // If the other counts make up the total, nothing was subtracted.
    if total.is_none_or(|total| total > reported) {
        // A detail of a detail may have been subtracted twice, down to zero.
        let max_input = total.map(|total| total.saturating_sub(output.unwrap_or(0)));
        let input = input.map(|input| {
            max_input
                .filter(|max_input| *max_input > 0)
                .map_or(input, |max_input| input.min(max_input))
        });
        for (name, whole) in [("input", input), ("output", output)] {
            if let Some(whole) = whole {
                usage.insert(name.to_owned(), whole.into());
            }
        }
    }
    put(attributes, &usage);
    attributes.remove(key);
}

/// Appends the costs in Langfuse's cost details, and removes the attribute.
///
/// Details are subtracted as in the [usage details](take_details). Sentry keeps reported costs only if there is a total.
pub(super) fn take_cost_details(attributes: &mut Attributes, key: &str) {
    /// The difference, in dollars, up to which sums count as equal.
    const TOLERANCE: f64 = 1e-9;

    let Some(mut costs) = json::object(attributes, key) else {
        return;
    };
    attributes.remove(key);
    let all = costs.iter().filter(|(name, _)| *name != "total");
    let sum: f64 = all.filter_map(|(_, cost)| cost.as_f64()).sum();
    let total = costs.get("total").filter(|total| !total.is_null());
    let is_sum =
        |total: &Value| (total.as_f64()).is_some_and(|total| (total - sum).abs() < TOLERANCE);
    let has_total = total.is_some();
    if total.is_none_or(is_sum) {
        for whole in [INPUT_DETAILS, OUTPUT_DETAILS] {
            let details: f64 = details(&costs, whole).filter_map(Value::as_f64).sum();
            if let Some(cost) = costs.get(whole.0).and_then(Value::as_f64) {
                costs.insert(whole.0.to_owned(), (cost + details).into());
            }
        }
    }
    if !has_total {
        costs.insert("total".to_owned(), sum.into());
    }
    for (count, name) in [(TOTAL, "total")].iter().chain(COUNTS) {
        if let (Some(key), Some(cost)) = (tokens::cost_of(count), costs.get(*name)) {
            json::put_scalar(attributes, key, cost);
        }
    }
}

/// Records the reasoning tokens, for instrumentations that report none: the part of Gemini's total that is neither input nor output.
pub(super) fn derive_reasoning(attributes: &mut Attributes) {
    // Older versions of OpenLLMetry have their own key for the total.
    let total = [TOTAL, "llm.usage.total_tokens"]
        .into_iter()
        .find_map(|key| attributes.integer(key));
    let counts = [INPUT, OUTPUT].map(|key| attributes.integer(key));
    if let (Some(total), [Some(input), Some(output)]) = (total, counts) {
        let reasoning = total.saturating_sub(input).saturating_sub(output);
        if reasoning > 0 {
            attributes.supply(REASONING, reasoning);
        }
    }
}

fn value_at<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((first, rest)) => object.get(first)?.get(rest),
        None => object.get(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Usage details, followed by input, cache read, cache creation, output and reasoning; -1 means none.
    #[rustfmt::skip]
    static DETAILS: &[(&str, [i64; 5])] = &[
        (r#"{"input":26,"output":12,"total":59,"input_cache_read":16,"output_reasoning":5}"#, [42, 16, -1, 17, 5]),
        (r#"{"input":26,"output":12,"input_cached_tokens":16,"output_reasoning_tokens":5}"#, [42, 16, -1, 17, 5]),
        (r#"{"input":20,"output":17,"total":167,"input_cache_read":100,"input_cache_creation":30}"#, [150, 100, 30, 17, -1]),
        (r#"{"input":30,"output":10,"total":59,"input_audio":12,"output_audio":7}"#, [42, -1, -1, 17, -1]),
        // What was written to the cache is there twice.
        (r#"{"input":0,"output":17,"total":167,"input_cache_creation":90,"input_ephemeral_5m_input_tokens":90}"#, [150, -1, 90, 17, -1]),
        // The details are in the total, whether or not that is stated.
        (r#"{"input":1200,"output":17,"cache_read_input_tokens":1000}"#, [2200, 1000, -1, 17, -1]),
        (r#"{"input":200,"output":17,"total":347,"cache_read_input_tokens":100,"cache_creation_input_tokens":30}"#, [330, 100, 30, 17, -1]),
        (r#"{"input":42,"output":12,"reasoning":5}"#, [42, -1, -1, 17, 5]),
        // Nothing was subtracted.
        (r#"{"input":42,"output":17,"total":59,"input_cache_read":16,"output_reasoning":5}"#, [42, 16, -1, 17, 5]),
        (r#"{"input":150,"output":17,"total":167,"cache_read_input_tokens":100}"#, [150, 100, -1, 17, -1]),
        (r#"{"input":42,"output":17,"input_tokens":42}"#, [42, -1, -1, 17, -1]),
        (r#"{"prompt_tokens":42,"completion_tokens":17,"total_tokens":59,"prompt_tokens_details":{"cached_tokens":16}}"#, [42, 16, -1, 17, -1]),
    ];

    #[test]
    fn details_are_added_back_to_their_totals() {
        const KEY: &str = "langfuse.observation.usage_details";
        for (details, expected) in DETAILS {
            let mut attributes = Attributes::default();
            attributes.push(KEY, *details);
            take_details(&mut attributes, KEY);
            let counts = [INPUT, CACHE_READ, CACHE_CREATION, OUTPUT, REASONING]
                .map(|key| attributes.integer(key).unwrap_or(-1));
            assert_eq!(counts, *expected, "{details}");
        }
    }
}
