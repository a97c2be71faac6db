//! Checks that our own costs stay within recorded limits. Counts are repeatable; times are never asserted.

use std::process::Command;

/// Prints what it has to skip: instructions, if valgrind is missing or the profile is not release.
#[test]
fn costs_stay_within_the_recorded_limits() {
    let output = Command::new(env!("CARGO_BIN_EXE_sentry-genai-benches"))
        .arg("--guard")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    println!("{stdout}");
    assert!(output.status.success(), "{stdout}{stderr}");
}
