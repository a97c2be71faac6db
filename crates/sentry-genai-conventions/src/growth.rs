//! How the time that something takes grows, for tests.

use std::time::{Duration, Instant};

/// Asserts that ten times as much takes by far no hundred times as long, as the square would. What else the machine does may spoil a
/// try, but not each.
pub(crate) fn assert_linear(few: usize, mut work: impl FnMut(usize)) {
    let mut time = |count| -> Duration {
        let begin = Instant::now();
        work(count);
        begin.elapsed()
    };
    let mut is_linear = || {
        // One of the three is not disturbed.
        let least = time(few).min(time(few)).min(time(few));
        time(10 * few) < least * 40
    };
    assert!(
        (0..5).any(|_| is_linear()),
        "it grows faster than what it works on"
    );
}

#[test]
#[should_panic(expected = "it grows faster")]
fn a_square_is_noticed() {
    assert_linear(400, |count| {
        let sum = |number: usize| (0..count).map(std::hint::black_box).sum::<usize>() + number;
        std::hint::black_box((0..count).map(sum).max());
    });
}
