use proptest::prelude::*;

use super::*;
use crate::growth::assert_linear;

fn call(origin: &'static str, end: u64, said: Said<'static>) -> Call<'static> {
    Call {
        place: 0,
        origin,
        end: Timestamp::from_nanos(end),
        said,
    }
}

const ANY: Said<'static> = Said {
    model: Some("m"),
    input: None,
    is_told: None,
};

/// Three concurrent calls, described by both instrumentations, which end in a different order than they started.
#[test]
fn each_of_several_calls_at_once_has_its_counterpart() {
    let calls = [11, 6, 8].map(|end| call("outer", end, ANY)).into_iter();
    let calls = calls.chain([10, 5, 7].map(|end| call("inner", end, ANY)));
    let calls: Vec<_> = calls.collect();
    assert_eq!(compared(&calls), [(0, 3), (1, 4), (2, 5)]);
}

#[test]
fn many_calls_at_once_are_paired_in_linear_time() {
    let lone = |count: usize| (0..count).map(|_| call("one", 9, ANY));
    let paired = |count: usize| {
        let model = |model| Said { model, ..ANY };
        let outer = (0..count).map(move |_| call("one", 9, model(Some("m"))));
        outer.chain((0..count).map(move |_| call("other", 9, model(None))))
    };
    assert_linear(2_000, |many| {
        let calls: Vec<_> = lone(many).collect();
        assert!(looked_up(&calls).is_empty());
        let calls: Vec<_> = paired(many).collect();
        assert_eq!(looked_up(&calls).len(), many);
    });
}

fn said() -> impl Strategy<Value = Said<'static>> {
    let model = prop_oneof![Just(None), Just(Some("m")), Just(Some("n"))];
    let input = prop_oneof![Just(None), (1..3_i64).prop_map(Some)];
    (model, input, any::<Option<bool>>()).prop_map(|(model, input, is_told)| Said {
        model,
        input,
        is_told,
    })
}

proptest! {
    #[test]
    fn an_index_finds_what_comparing_finds(
        calls in prop::collection::vec((prop_oneof![Just("a"), Just("b"), Just("c")], 0..6_u64, said()), 0..40),
    ) {
        let calls: Vec<_> = calls.into_iter().map(|(origin, end, said)| call(origin, end, said)).collect();
        prop_assert_eq!(looked_up(&calls), compared(&calls));
    }
}
