//! Makes token counts consistent.

use crate::{Attributes, Value, attributes::Name};

pub(crate) const INPUT: &str = "gen_ai.usage.input_tokens";
pub(crate) const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
pub(crate) const CACHE_CREATION: &str = "gen_ai.usage.cache_creation.input_tokens";
pub(crate) const OUTPUT: &str = "gen_ai.usage.output_tokens";
pub(crate) const REASONING: &str = "gen_ai.usage.reasoning.output_tokens";
pub(crate) const TOTAL: &str = "gen_ai.usage.total_tokens";

/// All counts, for code that moves or removes all of them.
pub(crate) static COUNTS: &[&str] = &[INPUT, CACHE_READ, CACHE_CREATION, OUTPUT, REASONING, TOTAL];

/// The parts of the input.
static CACHED: &[&str] = &[CACHE_READ, CACHE_CREATION];

/// The counts that include others, with those others.
static WHOLES: &[(&str, &[&str])] = &[(INPUT, CACHED), (OUTPUT, &[REASONING])];

/// The counts that others include.
pub(crate) static PARTS: &[&str] = &[CACHE_READ, CACHE_CREATION, REASONING];

/// Makes the input include cache reads and writes, the output include reasoning, and the total their sum.
///
/// Sentry prices the difference, so a part that is larger than its whole would give a negative cost. Some providers,
/// such as Anthropic and Bedrock, report parts that the whole does not include. This is recognised, and the parts are
/// added, if
///
/// - the parts are larger than the whole, or
/// - a reported total adds up only with the parts.
///
/// A count that nobody reported stays absent, and a reported zero stays zero. Costs of zero or less are removed:
/// libraries report them for a model whose price they do not know, and Sentry would not compute one.
pub(crate) fn reconcile(attributes: &mut Attributes) {
    for cost in COST_NAMES {
        if matches!(attributes.get_by_name(cost), Some(Value::Double(cost)) if cost <= 0.0) {
            attributes.remove(cost.text);
        }
    }
    for key in COUNTS {
        if attributes.integer(key).is_some_and(|count| count < 0) {
            attributes.remove(key);
        }
    }
    let includes_cache = attributes
        .text("gen_ai.provider.name")
        .is_some_and(|provider| CACHE_INCLUSIVE_PROVIDERS.contains(&provider));
    add_unaccounted_parts(attributes, includes_cache);
    if includes_cache {
        let cached = sum(attributes, CACHED);
        if attributes
            .integer(INPUT)
            .is_some_and(|input| input < cached)
        {
            attributes.set(INPUT, cached);
        }
    }
    for (whole, parts) in WHOLES {
        add_excluded_parts(attributes, whole, parts);
    }

    let (input, output) = (attributes.integer(INPUT), attributes.integer(OUTPUT));
    if input.is_some() || output.is_some() {
        let total = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
        attributes.set(TOTAL, total);
    }
}

/// Providers whose input always includes cached tokens. If it is smaller than these, that is a mistake.
///
/// These providers run only their own models. Vertex AI also runs Anthropic's, and passes on Anthropic's counts.
static CACHE_INCLUSIVE_PROVIDERS: &[&str] = &["azure.ai.openai", "gcp.gemini", "openai"];

fn sum(attributes: &Attributes, parts: &[&str]) -> i64 {
    parts
        .iter()
        .filter_map(|part| attributes.integer(part))
        .map(|count| count.max(0))
        .fold(0, i64::saturating_add)
}

/// Adds the parts that account for the difference between a reported total and the sum of input and output.
///
/// They must match the difference exactly. Any other total is wrong, or includes something that is in neither.
fn add_unaccounted_parts(attributes: &mut Attributes, includes_cache: bool) {
    let Some(total) = attributes.integer(TOTAL) else {
        return;
    };
    let count = |key| attributes.integer(key).unwrap_or(0);
    let (input, output) = (count(INPUT), count(OUTPUT));
    let unaccounted = total.saturating_sub(input).saturating_sub(output);
    if unaccounted <= 0 {
        return;
    }
    let reasoning = count(REASONING);
    let cached = match sum(attributes, CACHED) {
        // The total counts it twice.
        cached if includes_cache && cached <= input => 0,
        cached => cached,
    };
    let adds_both = unaccounted == reasoning.saturating_add(cached);
    // If both parts have the same size, it is the one that does not fit into its whole.
    let adds_cached = unaccounted == cached
        && (unaccounted != reasoning || cached > input && reasoning <= output);
    let adds_reasoning = unaccounted == reasoning && !adds_cached;
    if cached > 0 && (adds_both || adds_cached) {
        attributes.set(INPUT, input.saturating_add(cached));
    }
    if reasoning > 0 && (adds_both || adds_reasoning) {
        attributes.set(OUTPUT, output.saturating_add(reasoning));
    }
}

/// Adds parts to a total that is too small to include them.
fn add_excluded_parts(attributes: &mut Attributes, total: &'static str, parts: &[&str]) {
    let sum = sum(attributes, parts);
    let whole = attributes.integer(total).unwrap_or(0);
    if sum > whole {
        attributes.set(total, whole.saturating_add(sum));
    }
}

/// The prefix of costs, which are moved and removed together with the counts.
static COST_PREFIX: &str = "gen_ai.cost.";

/// All costs that Sentry knows, in the order of [`COUNTS`].
static COST_NAMES: &[Name] = &[
    Name::new("gen_ai.cost.input_tokens"),
    Name::new("gen_ai.cost.cache_read.input_tokens"),
    Name::new("gen_ai.cost.cache_creation.input_tokens"),
    Name::new("gen_ai.cost.output_tokens"),
    Name::new("gen_ai.cost.reasoning.output_tokens"),
    Name::new("gen_ai.cost.total_tokens"),
];

/// Moves all tokens of embeddings to the input, since embeddings have no output. Some libraries report the input as
/// output, alone or in addition. Some providers, such as Voyage and Jina, report only the total.
pub(crate) fn reconcile_embeddings(attributes: &mut Attributes) {
    let input = match [INPUT, OUTPUT, TOTAL].map(|key| attributes.integer(key)) {
        [None, None, Some(total)] => total,
        [None, Some(output @ 1..), _] => output,
        [Some(input), Some(output @ 1..), _] if input == output => output,
        _ => return,
    };
    attributes.remove(OUTPUT);
    attributes.remove(REASONING);
    attributes.set(INPUT, input);
    attributes.set(TOTAL, input);
}

/// Returns whether the counts of embeddings need [`reconcile_embeddings`], going by their keys.
pub(crate) fn needs_embeddings_reconciliation(attributes: &Attributes) -> bool {
    let has = |key: &str| attributes.contains(key);
    has(OUTPUT) || has(REASONING) || has(TOTAL) && !has(INPUT)
}

/// Returns the key of the cost that belongs to a count.
pub(crate) fn cost_of(count: &str) -> Option<&'static str> {
    let mut costs = COUNTS.iter().zip(COST_NAMES);
    let (_, cost) = costs.find(|(key, _)| **key == count)?;
    Some(cost.text)
}

/// Adds cache reads and writes to the input, for providers that never include them.
pub(crate) fn add_cache(attributes: &mut Attributes) {
    for (synonym, key) in [
        ("gen_ai.usage.cache_read_input_tokens", CACHE_READ),
        ("gen_ai.usage.cache_creation_input_tokens", CACHE_CREATION),
        ("gen_ai.usage.cache_write.input_tokens", CACHE_CREATION),
        ("gen_ai.usage.cache_write_input_tokens", CACHE_CREATION),
    ] {
        attributes.rename(synonym, key);
    }
    let cached = cached(attributes);
    increase(attributes, INPUT, cached);
}

/// Adds what a library counts apart to a count that should include it, if there is one.
pub(crate) fn increase(attributes: &mut Attributes, count: &'static str, by: i64) {
    if by > 0
        && let Some(counted) = attributes.integer(count)
    {
        attributes.set(count, counted.saturating_add(by));
    }
}

/// Returns how many tokens were read from a cache and written to it.
pub(crate) fn cached(attributes: &Attributes) -> i64 {
    sum(attributes, CACHED)
}

/// Merges in the usage that another description of the same work reports.
///
/// Where the two disagree on an input or an output, the one with the larger total is used, since a part that it counts
/// may be missing from the other one.
pub(crate) fn merge(kept: &mut Attributes, other: &Attributes) {
    if !has_usage(other) {
        return;
    }
    let (ours, theirs) = (kept.integer(TOTAL), other.integer(TOTAL));
    let is_larger = theirs > ours;
    if is_larger && let Some(total) = theirs {
        kept.set(TOTAL, total);
    }
    let mut is_changed = is_larger;
    for &(whole, parts) in WHOLES {
        let has_more_parts = || {
            let has_parts = parts.iter().any(|part| kept.contains(part));
            !has_parts || sum(other, parts) > sum(kept, parts)
        };
        let should_copy = match (kept.integer(whole), other.integer(whole)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(ours), Some(theirs)) if ours == theirs => has_more_parts(),
            (Some(_), Some(_)) => is_larger,
        };
        let keys = [whole].into_iter().chain(parts.iter().copied());
        for key in keys.filter(|_| should_copy) {
            let count = other.integer(key);
            if count == kept.integer(key) {
                continue;
            }
            is_changed = true;
            match count {
                Some(count) => kept.set(key, count),
                None => _ = kept.remove(key),
            }
        }
    }
    if is_changed {
        reconcile(kept);
    }
    let has_costs = kept.iter().any(|(key, _)| is_cost(key));
    if is_larger || !has_costs {
        replace_costs(kept, other);
    }
}

/// Replaces all costs by those of another description, if that has any.
fn replace_costs(kept: &mut Attributes, other: &Attributes) {
    let costs: Vec<_> = other
        .iter()
        .filter(|(key, _)| is_cost(key))
        .map(|(key, value)| (key.to_owned(), value.to_input()))
        .collect();
    if !costs.is_empty() {
        kept.retain(|key, _| !is_cost(key));
        for (key, cost) in costs {
            kept.push_owned_key(&key, cost);
        }
    }
}

/// Returns whether `key` holds a cost.
pub(crate) fn is_cost(key: &str) -> bool {
    key.starts_with(COST_PREFIX)
}

/// Removes all counts and all costs.
pub(crate) fn remove(attributes: &mut Attributes) {
    attributes.retain(|key, _| !is_usage(key));
}

/// Returns whether there are any counts or costs.
pub(crate) fn has_usage(attributes: &Attributes) -> bool {
    attributes.iter().any(|(key, _)| is_usage(key))
}

/// Returns whether an attribute holds a usage, in tokens or in money.
pub(crate) fn is_usage(key: &str) -> bool {
    COUNTS.contains(&key) || is_cost(key)
}

/// Returns whether the span reports the input or the output of a call.
pub(crate) fn has_input_or_output(attributes: &Attributes) -> bool {
    attributes.contains(INPUT) || attributes.contains(OUTPUT)
}

#[cfg(test)]
mod tests;
