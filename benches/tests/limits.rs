//! Our own costs stay within what was recorded. Times are never asserted; counts repeat.

use std::process::Command;

/// Says on its output what it had to skip: instructions, where valgrind is missing or the profile is not release.
#[test]
fn costs_stay_within_the_recorded_limits() {
    let output = Command::new(env!("CARGO_BIN_EXE_sentry-genai-benches"))
        .arg("--guard")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success(), "{said}{errors}");
}
