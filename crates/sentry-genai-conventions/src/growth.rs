//! Checks how the work of a function grows, for tests.

use std::time::Duration;

#[cfg(not(windows))]
use cpu_time::ThreadTime as Clock;
/// Windows counts the time of a thread in steps of 16 milliseconds.
#[cfg(windows)]
use std::time::Instant as Clock;

/// Asserts that ten times as much work takes far less than a hundred times as much of the processor, which quadratic
/// work would take. What other threads do does not count, but they may disturb some attempts by way of the caches.
pub(crate) fn assert_linear(few: usize, mut work: impl FnMut(usize)) {
    let mut time = |count| -> Duration {
        let begin = Clock::now();
        work(count);
        begin.elapsed()
    };
    let mut is_linear = || {
        // At least one of the three is undisturbed.
        let shortest = time(few).min(time(few)).min(time(few));
        time(10 * few) < shortest * 40
    };
    assert!(
        (0..5).any(|_| is_linear()),
        "it grows faster than what it works on"
    );
}

#[test]
#[should_panic(expected = "it grows faster")]
fn quadratic_growth_is_detected() {
    assert_linear(400, |count| {
        let sum = |number: usize| (0..count).map(std::hint::black_box).sum::<usize>() + number;
        std::hint::black_box((0..count).map(sum).max());
    });
}
