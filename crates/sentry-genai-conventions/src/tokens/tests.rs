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
    // Nobody reported an output.
    ("", [50, 100, -1, -1, -1, 150], [150, 100, -1, -1, -1, 150]),
    ("", [-1, -1, -1, 50, 100, 150], [-1, -1, -1, 150, 100, 150]),
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
    ("openai", [100, 100, -1, 17, -1, 217], [100, 100, -1, 17, -1, 117]),
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
            let counts = [0, 1, 2, 3, 4].map(|index| merged.integer(COUNTS[index]).unwrap_or(-1));
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
