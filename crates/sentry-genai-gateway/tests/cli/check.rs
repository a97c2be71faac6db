//! `check`

use serde_json::Value;

use crate::{agent, corpus, run, run_on, run_unread};

const ORPHAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
    "traceId":"4c79f60c11214eb38604f4ae0781bfb2","spanId":"0000000000000001","parentSpanId":"0000000000000009",
    "name":"chat","startTimeUnixNano":"5","attributes":[
        {"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
        {"key":"gen_ai.usage.input_tokens","value":{"intValue":"-1"}}]}]}]}]}"#;

#[test]
fn the_exit_code_tells_notes_warnings_and_errors_apart() {
    // It has notes, but nothing worse.
    assert_eq!(run(&["check"], &[agent()]).code, 0);
    assert_eq!(run(&["check", "--strict"], &[agent()]).code, 1);
    assert_eq!(run_on(ORPHAN.as_bytes(), &["check", "-"]).code, 1);
    assert_eq!(run_on(b"{", &["check", "-"]).code, 2);
    // Files that can be read are checked all the same.
    let ran = run(&["check", "no such file"], &[agent()]);
    assert_eq!(ran.code, 2);
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(text.contains("5 spans (4 AI) in 1 trace"), "{text}");
}

#[test]
fn a_closed_pipe_does_not_change_the_exit_code() {
    for flags in [&["check", "-"][..], &["check", "--json", "-"]] {
        let output = run_unread(flags, ORPHAN.as_bytes());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stderr, b"");
    }
}

#[test]
fn findings_as_text() {
    let ran = run_on(ORPHAN.as_bytes(), &["check", "-"]);
    let text = String::from_utf8(ran.stdout).unwrap();
    for expected in [
        "warning model-missing (1 time)\n",
        "warning parent-missing (1 time)\n",
        "warning conversation-missing (1 time)\n",
        "       1  gen_ai.usage.input_tokens\n",
        "span 0000000000000001 of trace 4c79f60c11214eb38604f4ae0781bfb2 in standard input\n",
        "  fix: Set gen_ai.request.model",
        "1 span (1 AI) in 1 trace: 4 findings from 4 rules\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains('\x1b'));
    assert_eq!(ran.stderr, "");
}

#[test]
fn findings_as_json() {
    let ran = run(&["check", "--json", "nowhere"], &[agent()]);
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["spans"], 5);
    assert_eq!(report["unreadable"][0]["file"], "nowhere");
    let findings = report["findings"].as_array().unwrap();
    let demoted = findings
        .iter()
        .find(|finding| finding["rule"] == "operation-demoted")
        .unwrap();
    assert_eq!(demoted["severity"], "note");
    assert_eq!(demoted["count"], 1);
    assert_eq!(demoted["details"]["invoke_workflow"], 1);
    assert_eq!(
        demoted["examples"][0]["name"],
        "invoke_workflow weather_agent"
    );
}

#[test]
fn deprecated_names_and_missing_conversations_are_found_in_the_corpus() {
    let file = corpus("otlp/traceloop-0.44-openai/chat.nocontent.json.gz");
    let ran = run(&["check", "--json"], &[file]);
    assert_eq!(ran.code, 1);
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let rules: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert!(rules.contains(&"attribute-deprecated"), "{rules:?}");
    assert!(rules.contains(&"conversation-missing"), "{rules:?}");
}
