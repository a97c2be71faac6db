//! Runs an example behind `| head`.

use std::process::{Command, Stdio};

#[test]
fn a_closed_pipe_does_not_panic() {
    let mut example = Command::new(env!("CARGO_BIN_EXE_redaction"))
        .env_remove("SENTRY_DSN")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before anything is written.
    drop(example.stdout.take());
    let output = example.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}
