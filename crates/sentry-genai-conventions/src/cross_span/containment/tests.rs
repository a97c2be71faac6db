use proptest::prelude::*;

use super::*;
use crate::growth::assert_linear;

fn call(origin: &'static str, end: u64, description: Description<'static>) -> Call<'static> {
    Call {
        position: 0,
        origin,
        end: Timestamp::from_nanos(end),
        description,
    }
}

const ANY: Description<'static> = Description {
    model: Some("m"),
    input: None,
    has_response: None,
};

/// Three concurrent calls, described by both instrumentations, which end in a different order than they started.
#[test]
fn concurrent_calls_are_paired_with_their_counterparts() {
    let calls = [11, 6, 8].map(|end| call("outer", end, ANY)).into_iter();
    let calls = calls.chain([10, 5, 7].map(|end| call("inner", end, ANY)));
    let calls: Vec<_> = calls.collect();
    assert_eq!(pair_by_comparison(&calls), [(0, 3), (1, 4), (2, 5)]);
}

#[test]
fn many_concurrent_calls_are_paired_in_linear_time() {
    let unpaired_calls = |count: usize| (0..count).map(|_| call("one", 9, ANY));
    let paired_calls = |count: usize| {
        let model = |model| Description { model, ..ANY };
        let outer = (0..count).map(move |_| call("one", 9, model(Some("m"))));
        outer.chain((0..count).map(move |_| call("other", 9, model(None))))
    };
    assert_linear(2_000, |many| {
        let calls: Vec<_> = unpaired_calls(many).collect();
        assert!(pair_by_index(&calls).is_empty());
        let calls: Vec<_> = paired_calls(many).collect();
        assert_eq!(pair_by_index(&calls).len(), many);
    });
}

fn description() -> impl Strategy<Value = Description<'static>> {
    let model = prop_oneof![Just(None), Just(Some("m")), Just(Some("n"))];
    let input = prop_oneof![Just(None), (1..3_i64).prop_map(Some)];
    (model, input, any::<Option<bool>>()).prop_map(|(model, input, has_response)| Description {
        model,
        input,
        has_response,
    })
}

proptest! {
    #[test]
    fn index_and_comparison_find_the_same_pairs(
        calls in prop::collection::vec((prop_oneof![Just("a"), Just("b"), Just("c")], 0..6_u64, description()), 0..40),
    ) {
        let calls: Vec<_> = calls.into_iter().map(|(origin, end, description)| call(origin, end, description)).collect();
        prop_assert_eq!(pair_by_index(&calls), pair_by_comparison(&calls));
    }
}
