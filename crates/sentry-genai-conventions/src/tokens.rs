//! Step 4: makes token counts consistent.

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
    if cached > 0
        && let Some(input) = attributes.integer(INPUT)
    {
        attributes.set(INPUT, input.saturating_add(cached));
    }
}

/// Returns how many tokens were read from a cache and written to it.
pub(crate) fn cached(attributes: &Attributes) -> i64 {
    let count = |key| attributes.integer(key).unwrap_or(0).max(0);
    count(CACHE_READ).saturating_add(count(CACHE_CREATION))
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
mod tests {
    use super::*;

    fn reconciled(counts: &[(&'static str, i64)]) -> Vec<(String, i64)> {
        let mut attributes = Attributes::default();
        for (key, count) in counts {
            attributes.push(key, *count);
        }
        reconcile(&mut attributes);
        let counts = COUNTS
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), attributes.integer(key)?)));
        counts
            .map(|(key, count)| (key.replace("gen_ai.usage.", ""), count))
            .collect()
    }

    fn owned(counts: &[(&str, i64)]) -> Vec<(String, i64)> {
        counts
            .iter()
            .map(|(key, count)| ((*key).to_owned(), *count))
            .collect()
    }

    #[test]
    fn parts_that_exceed_the_whole_are_added() {
        let counts = [
            (INPUT, 20),
            (CACHE_READ, 100),
            (CACHE_CREATION, 30),
            (OUTPUT, 17),
        ];
        let expected = [
            ("input_tokens", 150),
            ("cache_read.input_tokens", 100),
            ("cache_creation.input_tokens", 30),
            ("output_tokens", 17),
            ("total_tokens", 167),
        ];
        assert_eq!(reconciled(&counts), owned(&expected));
    }

    #[test]
    fn included_parts_and_zeros_are_kept() {
        let counts = [
            (INPUT, 42),
            (CACHE_READ, 0),
            (OUTPUT, 17),
            (REASONING, 5),
            (TOTAL, 1),
        ];
        let expected = [
            ("input_tokens", 42),
            ("cache_read.input_tokens", 0),
            ("output_tokens", 17),
            ("reasoning.output_tokens", 5),
            ("total_tokens", 59),
        ];
        assert_eq!(reconciled(&counts), owned(&expected));
    }

    /// The provider, its counts in the order of [`COUNTS`] with the total last, and the result. -1 means absent.
    #[rustfmt::skip]
    static TOTALS: &[(&str, [i64; 6], [i64; 6])] = &[
        // The total shows that a part, or both, are not included.
        ("x_ai", [42, -1, -1, 300, 200, 542], [42, -1, -1, 500, 200, 542]),
        ("openai", [42, -1, -1, 300, 200, 542], [42, -1, -1, 500, 200, 542]),
        ("aws.bedrock", [200, 100, 30, 17, -1, 347], [330, 100, 30, 17, -1, 347]),
        ("", [200, 100, -1, 300, 50, 650], [300, 100, -1, 350, 50, 650]),
        // The same, if the cache alone exceeds the input.
        ("", [20, 100, 30, 17, -1, 167], [150, 100, 30, 17, -1, 167]),
        ("", [20, 100, 30, 17, -1, 37], [150, 100, 30, 17, -1, 167]),
        // If both parts have the same size, the one that does not fit into its whole is not included; otherwise either.
        ("", [20, 100, -1, 100, 100, 220], [120, 100, -1, 100, 100, 220]),
        ("", [-1, 100, -1, 100, 100, 200], [100, 100, -1, 100, 100, 200]),
        ("", [200, 50, -1, 300, 50, 550], [200, 50, -1, 350, 50, 550]),
        // The total is wrong, or counts something else.
        ("", [200, 100, 30, 17, 5, 218], [200, 100, 30, 17, 5, 217]),
        ("", [200, 100, 30, 17, 5, 317], [200, 100, 30, 17, 5, 217]),
        ("", [200, 100, 30, 17, 5, 1], [200, 100, 30, 17, 5, 217]),
        ("", [200, 0, 0, 17, 0, 300], [200, 0, 0, 17, 0, 217]),
        ("", [200, 100, -1, 17, 5, i64::MAX], [200, 100, -1, 17, 5, 217]),
        // The total counts the cache twice, since the input is known to include it.
        ("openai", [200, 100, -1, 17, -1, 317], [200, 100, -1, 17, -1, 217]),
        ("gcp.gemini", [200, 100, -1, 17, 5, 322], [200, 100, -1, 17, 5, 217]),
        ("openai", [20, 100, 30, 17, -1, 167], [150, 100, 30, 17, -1, 167]),
        // Without a total, the provider determines what a part that does not fit means.
        ("openai", [10, 16, -1, 17, -1, -1], [16, 16, -1, 17, -1, 33]),
        ("gcp.vertex_ai", [20, 100, 30, 17, -1, -1], [150, 100, 30, 17, -1, 167]),
        ("gcp.gen_ai", [120, 100, 30, 17, -1, -1], [250, 100, 30, 17, -1, 267]),
    ];

    #[test]
    fn a_reported_total_shows_which_parts_are_not_included() {
        for (provider, counts, expected) in TOTALS {
            let mut attributes = Attributes::default();
            attributes.push("gen_ai.provider.name", *provider);
            for (key, count) in COUNTS.iter().zip(counts).filter(|(_, count)| **count >= 0) {
                attributes.push(key, *count);
            }
            // Reconciling twice gives the same result.
            for _ in 0..2 {
                reconcile(&mut attributes);
                let reconciled_counts =
                    [0, 1, 2, 3, 4, 5].map(|index| attributes.integer(COUNTS[index]).unwrap_or(-1));
                assert_eq!(reconciled_counts, *expected, "{provider} {counts:?}");
            }
        }
    }

    #[test]
    fn for_cache_inclusive_providers_nothing_is_added() {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.provider.name", "openai");
        attributes.push(INPUT, 10_i64);
        attributes.push(CACHE_READ, 16_i64);
        reconcile(&mut attributes);
        assert_eq!(attributes.integer(INPUT), Some(16));
    }

    /// The counts of two descriptions in the order of [`COUNTS`], and the result in either order. -1 means absent.
    #[rustfmt::skip]
    static DESCRIBED_TWICE: &[([i64; 5], [i64; 5], [i64; 5])] = &[
        // One of them does not include what the other includes.
        ([20, -1, -1, 17, -1], [150, 100, 30, 17, -1], [150, 100, 30, 17, -1]),
        ([42, -1, -1, 12, -1], [42, -1, -1, 112, 100], [42, -1, -1, 112, 100]),
        // Only one of them has the parts.
        ([42, -1, -1, 17, -1], [42, 16, -1, 17, 5], [42, 16, -1, 17, 5]),
        ([42, 0, -1, 17, -1], [42, 16, 8, 17, 0], [42, 16, 8, 17, 0]),
        // Each has one half.
        ([42, 16, -1, -1, -1], [-1, -1, -1, 17, 5], [42, 16, -1, 17, 5]),
        // The smaller one has parts that the larger one lacks.
        ([150, -1, -1, 17, -1], [20, 10, -1, 17, 5], [150, -1, -1, 17, 5]),
    ];

    #[test]
    fn merging_two_descriptions_keeps_counts_consistent() {
        let description = |counts: &[i64; 5]| {
            let mut attributes = Attributes::default();
            for (key, count) in COUNTS.iter().zip(counts).filter(|(_, count)| **count >= 0) {
                attributes.push(key, *count);
            }
            reconcile(&mut attributes);
            attributes
        };
        for (one, other, both) in DESCRIBED_TWICE {
            for (one, other) in [(one, other), (other, one)] {
                let mut merged = description(one);
                merge(&mut merged, &description(other));
                let counts =
                    [0, 1, 2, 3, 4].map(|index| merged.integer(COUNTS[index]).unwrap_or(-1));
                assert_eq!(counts, *both, "{one:?} {other:?}");
                assert_eq!(merged.integer(TOTAL), Some(both[0].max(0) + both[3].max(0)));
            }
        }
    }

    /// A total in only one description shows what the other one does not include.
    #[test]
    fn a_total_from_one_description_applies_to_the_counts_of_the_other() {
        let description = |counts: &[(&'static str, i64)]| {
            let mut attributes = Attributes::default();
            for (key, count) in counts {
                attributes.push(key, *count);
            }
            reconcile(&mut attributes);
            attributes
        };
        for (total, output, sum) in [(442, 400, 442), (1000, 300, 342)] {
            let one = description(&[(TOTAL, total)]);
            let other = description(&[(INPUT, 42), (OUTPUT, 300), (REASONING, 100)]);
            for (one, other) in [(&one, &other), (&other, &one)] {
                let mut merged = one.clone();
                merge(&mut merged, other);
                assert_eq!(merged.integer(OUTPUT), Some(output));
                assert_eq!(merged.integer(TOTAL), Some(sum));
            }
        }
    }

    #[test]
    fn costs_are_kept_with_their_counts() {
        const COST: &str = "gen_ai.cost.total_tokens";
        let description = |input: i64, cost: Option<f64>| {
            let mut attributes = Attributes::default();
            attributes.push(INPUT, input);
            if let Some(cost) = cost {
                attributes.push(COST, cost);
            }
            reconcile(&mut attributes);
            attributes
        };
        for (ours, theirs, cost) in [
            ((20, Some(0.25)), (150, Some(0.5)), 0.5),
            ((150, Some(0.5)), (20, Some(0.25)), 0.5),
            ((20, Some(0.25)), (150, None), 0.25),
            ((150, None), (20, Some(0.25)), 0.25),
        ] {
            let mut merged = description(ours.0, ours.1);
            merge(&mut merged, &description(theirs.0, theirs.1));
            assert_eq!(merged.get(COST), Some(Value::Double(cost)));
            assert_eq!(merged.integer(INPUT), Some(150));
        }
    }

    #[test]
    fn costs_of_zero_are_removed() {
        let mut attributes = Attributes::default();
        attributes.push("gen_ai.cost.input_tokens", 0.25);
        attributes.push("gen_ai.cost.output_tokens", 0.0);
        attributes.push("gen_ai.cost.total_tokens", 0.0);
        attributes.push("gen_ai.cost.reasoning.output_tokens", -1.0);
        reconcile(&mut attributes);
        let kept: Vec<_> = attributes.iter().map(|(key, _)| key).collect();
        assert_eq!(kept, ["gen_ai.cost.input_tokens"]);
    }

    #[test]
    fn absent_counts_stay_absent() {
        assert_eq!(reconciled(&[]), []);
        assert_eq!(
            reconciled(&[(INPUT, 6), (OUTPUT, -1)]),
            owned(&[("input_tokens", 6), ("total_tokens", 6)])
        );
    }
}
