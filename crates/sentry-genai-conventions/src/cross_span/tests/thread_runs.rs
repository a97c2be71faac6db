//! Runs of agents with threads, as Azure's SDKs describe them.

use super::*;

#[test]
fn starting_a_run_is_not_another_run() {
    let run = |name, id| {
        [
            ("gen_ai.system", "az.ai.agents"),
            ("gen_ai.operation.name", name),
            ("gen_ai.thread.run.id", id),
            ("gen_ai.usage.input_tokens", "42"),
        ]
    };
    let spans = Trace(Vec::new())
        .with(1, 0, "process_thread_run", &run("process_thread_run", "a"))
        .with(2, 1, "start_thread_run", &run("start_thread_run", "a"))
        .with(3, 1, "start_thread_run", &run("start_thread_run", "b"));
    let expected = [
        ("gen_ai.invoke_agent", Some(42)),
        ("function", None),
        ("gen_ai.invoke_agent", Some(42)),
    ];
    assert_eq!(spans.reconciled(), owned(&expected));
}
