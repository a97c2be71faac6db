//! `translate`: where the result goes, and what it contains.

use std::fs;

use crate::{agent, calls, corpus, envelopes, folder, run, run_on, run_unread, sent};

/// A file with several traces.
const SEVERAL: &str = "otlp/google-adk/agent-multiturn.content.json.gz";

#[test]
fn several_traces_need_a_directory() {
    let file = [corpus(SEVERAL)];
    let ran = run(&["translate"], &file);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stdout, b"");
    assert!(ran.stderr.contains("--out DIR"), "{}", ran.stderr);

    let folder = folder("several_traces");
    let out = folder.to_str().unwrap();
    let ran = run(&["translate", "--pii", "--out", out], &file);
    assert_eq!(ran.text(), "");
    let files = envelopes(&folder);
    assert!(files.len() > 1);
    for (name, envelope) in &files {
        let spans = sent(std::slice::from_ref(envelope));
        assert_eq!(*name, format!("{}.envelope", spans[0].trace_id));
    }
}

#[test]
fn a_long_trace_takes_several_envelopes() {
    let folder = folder("a_long_trace");
    let out = folder.to_str().unwrap();
    assert_eq!(
        run_on(
            calls(2001, 10).as_bytes(),
            &["translate", "--out", out, "-"]
        )
        .text(),
        ""
    );
    let trace = "4c79f60c11214eb38604f4ae0781bfb2";
    let names: Vec<_> = envelopes(&folder)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            format!("{trace}.2.envelope"),
            format!("{trace}.3.envelope"),
            format!("{trace}.envelope")
        ]
    );
    let bytes: Vec<_> = envelopes(&folder)
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(sent(&bytes).len(), 2001);

    // On the standard output they would run together.
    let ran = run_on(calls(2001, 10).as_bytes(), &["translate", "-"]);
    assert_eq!((ran.code, ran.stdout.len()), (2, 0));
}

#[test]
fn a_trace_in_two_files_overwrites_nothing() {
    let folder = folder("two_files");
    let out = folder.to_str().unwrap();
    let ran = run(&["translate", "--out", out], &[agent(), agent()]);
    assert_eq!(ran.text(), "");
    assert_eq!(envelopes(&folder).len(), 2);
}

/// A trace that has become shorter must leave no old envelope behind that would be sent once more.
#[test]
fn a_folder_has_each_span_of_a_trace_once() {
    let folder = folder("each_span_once");
    let out = folder.to_str().unwrap();
    let translate = |count: usize| {
        let calls = calls(count, 10);
        run_on(calls.as_bytes(), &["translate", "--out", out, "-"]).text()
    };
    translate(2001);
    let trace = "4c79f60c11214eb38604f4ae0781bfb2";
    let mut others = vec![
        format!("{trace}.02.envelope"),
        format!("{trace}.3.envelope.bak"),
        format!("{trace}.txt"),
        format!("{}.2.envelope", trace.replace('4', "5")),
        "notes.2.envelope".to_owned(),
    ];
    // On other systems that may be the same file.
    if cfg!(target_os = "linux") {
        others.push(format!("{}.2.envelope", trace.to_uppercase()));
    }
    for name in &others {
        fs::write(folder.join(name), "mine").unwrap();
    }
    fs::create_dir(folder.join(format!("{trace}.4.envelope"))).unwrap();

    translate(1001);
    fs::remove_dir(folder.join(format!("{trace}.4.envelope"))).unwrap();
    for name in &others {
        fs::remove_file(folder.join(name)).unwrap();
    }
    let (names, bytes): (Vec<_>, Vec<_>) = envelopes(&folder).into_iter().unzip();
    assert_eq!(
        names,
        [format!("{trace}.2.envelope"), format!("{trace}.envelope")]
    );
    assert_eq!(sent(&bytes).len(), 1001);
}

#[test]
fn content_is_written_only_with_pii() {
    let key = "\"gen_ai.input.messages\"";
    let with = run(&["translate", "--pii"], &[agent()]);
    assert!(with.text().contains(key));
    let without = run(&["translate"], &[agent()]);
    assert!(!without.text().contains(key));
}

#[test]
fn json_is_one_span_per_line() {
    let spans = run(&["translate", "--format", "json"], &[agent()]).spans();
    assert_eq!(spans.len(), 5);
    for span in spans {
        assert_eq!(span["trace_id"], "69b4fdb1b4f335289228069480ac13be");
        assert!(span["attributes"]["sentry.op"]["value"].is_string());
    }
}

#[test]
fn out_works_only_with_envelopes() {
    let ran = run_on(b"", &["translate", "--format", "json", "--out", "x", "-"]);
    assert_eq!((ran.code, ran.stdout.len()), (2, 0));
    assert!(
        ran.stderr
            .contains("--out works only with --format envelope"),
        "{}",
        ran.stderr
    );
}

#[test]
fn dsn_accepts_a_key_or_a_dsn() {
    let header = |dsn: &str| {
        let ran = run_on(calls(1, 1).as_bytes(), &["translate", "--dsn", dsn, "-"]);
        ran.text().lines().next().unwrap().to_owned()
    };
    assert!(header("abc").contains(r#""public_key":"abc""#));
    let whole = header("https://abc@o7.ingest.sentry.io/42");
    assert!(
        whole.contains(r#""public_key":"abc""#) && whole.contains(r#""org_id":"7""#),
        "{whole}"
    );
    let ran = run_on(b"", &["translate", "--dsn", "https://nothing", "-"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("--dsn") && ran.stderr.contains("or the key alone"),
        "{}",
        ran.stderr
    );
}

/// As from a shell variable that is not set.
#[test]
fn an_empty_release_or_environment_is_ignored() {
    let arguments = ["translate", "--release", "", "--environment", "", "-"];
    let envelope = run_on(calls(1, 1).as_bytes(), &arguments).text();
    let header: serde_json::Value = serde_json::from_str(envelope.lines().next().unwrap()).unwrap();
    assert!(header["trace"].get("release").is_none(), "{header}");
    assert_eq!(header["trace"]["environment"], "production");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    // More output than a pipe holds.
    let arguments = ["translate", "--format", "json", "--pii", "-"];
    let output = run_unread(&arguments, calls(500, 1000).as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}
