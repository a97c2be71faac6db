//! TanStack AI.

use super::*;
use crate::tokens;

const QUESTION: &str = r#"[{"role":"user","content":"Hi"}]"#;

#[test]
fn the_loop_is_an_agent_run() {
    let around = [
        ("gen_ai.system", "openai"),
        ("gen_ai.request.model", "m"),
        ("langfuse.observation.input", QUESTION),
        ("langfuse.trace.input", QUESTION),
    ];
    let span = translated("my-app", "chat m", &around);
    assert_eq!(&*span.op, "gen_ai.invoke_agent");
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(question));
    assert!(!span.attributes.contains("langfuse.trace.input"));

    let span = translated(
        "my-app",
        "chat m #0",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("tanstack.ai.iteration", "0"),
            (INPUT, QUESTION),
            ("langfuse.observation.input", QUESTION),
        ],
    );
    assert_eq!(&*span.name, "chat m");
    assert_eq!(span.attributes.text(INPUT), Some(question));
    assert!(!span.attributes.contains("langfuse.observation.input"));
}

#[test]
fn tool_messages_become_arguments_and_result() {
    let span = translated(
        "my-app",
        "tool",
        &[
            ("gen_ai.tool.name", "w"),
            ("tanstack.ai.tool.outcome", "success"),
            (
                INPUT,
                r#"[{"role":"tool","content":"{\"city\":\"Paris\"}"}]"#,
            ),
            (OUTPUT, r#"[{"role":"tool","content":"21 degrees"}]"#),
        ],
    );
    assert_eq!(&*span.name, "execute_tool w");
    let text = |key| span.attributes.text(key);
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
    assert_eq!(text(RESULT), Some("21 degrees"));
    assert_eq!(text(INPUT).or(text(OUTPUT)), None);
}

#[test]
fn the_cache_of_anthropic_is_part_of_the_input() {
    let read = |provider| {
        let mut source = source(
            "my-app",
            "chat m #0",
            &[
                ("gen_ai.system", provider),
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "m"),
            ],
        );
        for (key, count) in [
            ("tanstack.ai.iteration", 0),
            (tokens::INPUT, 188),
            (tokens::OUTPUT, 91),
            (tokens::TOTAL, 279),
            (tokens::CACHE_READ, 1),
            (tokens::CACHE_CREATION, 2),
        ] {
            source.attributes.push(key, count);
        }
        let span = with_content(source);
        [tokens::INPUT, tokens::TOTAL].map(|key| span.attributes.integer(key))
    };
    assert_eq!(read("anthropic"), [Some(191), Some(282)]);
    assert_eq!(read("openai"), [Some(188), Some(279)]);
}
