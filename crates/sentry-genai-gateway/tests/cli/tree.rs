//! `tree`

use crate::{agent, calls, corpus, run, run_on};

#[test]
fn an_agent_run_as_a_tree() {
    let tree = run(&["tree"], &[agent()]).text();
    let lines: Vec<_> = tree.lines().collect();
    assert_eq!(
        lines[0],
        "trace 69b4fdb1b4f335289228069480ac13be   conversation adk-session-1"
    );
    let [call, tool] = &lines[3..5] else {
        panic!("{tree}");
    };
    assert!(call.starts_with("   ├─ generate_content gemini-2.5-flash  gen_ai.generate_content"));
    assert!(
        call.contains("in 42 (16 cached) out 17 (5 reasoning)"),
        "{call}"
    );
    assert!(
        tool.starts_with("   ├─ execute_tool get_weather "),
        "{tool}"
    );
    assert!(tool.ends_with("  ok"), "{tool}");
}

#[test]
fn the_transcript_has_messages_only_with_pii() {
    let question = "weather in Paris";
    let run = |arguments: &[&str]| run(arguments, &[agent()]).text();
    assert!(!run(&["tree", "--pii"]).contains(question));
    let without = run(&["tree", "--transcript"]);
    assert!(without.contains("capturing content is off"), "{without}");
    let with = run(&["tree", "--transcript", "--pii"]);
    assert!(with.contains(question), "{with}");
}

#[test]
fn several_files_have_headings() {
    let other = corpus("rust/genai-0.7.2-chat.tracing.json");
    let text = run(&["tree"], &[agent(), other]).text();
    let headings: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("==> "))
        .collect();
    assert_eq!(headings.len(), 2, "{text}");
    assert!(text.contains("chat gpt-4o-mini"), "{text}");
    assert!(!text.contains('\x1b'));
}

#[test]
fn format_tree_equals_the_tree_command() {
    let input = calls(3, 3);
    let tree = run_on(input.as_bytes(), &["tree", "-"]).text();
    let format = run_on(input.as_bytes(), &["translate", "--format", "tree", "-"]).text();
    assert_eq!(tree, format);
    assert_eq!(tree.lines().count(), 4);
    let files = [agent(), corpus("rust/genai-0.7.2-chat.tracing.json")];
    assert_eq!(
        run(&["tree"], &files).text(),
        run(&["translate", "--format", "tree"], &files).text()
    );
}
