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

#[test]
fn a_run_has_the_counts_that_were_last_reported_once() {
    let state = |name, id, counts: &[(&'static str, &'static str)]| {
        let common = [
            ("gen_ai.system", "az.ai.agents"),
            ("gen_ai.operation.name", name),
            ("gen_ai.thread.run.id", id),
        ];
        [&common, counts].concat()
    };
    let tokens = [
        ("gen_ai.usage.input_tokens", "42"),
        ("gen_ai.usage.output_tokens", "5"),
    ];
    let earlier = [("gen_ai.usage.input_tokens", "7")];
    let own = [("gen_ai.usage.input_tokens", "9")];
    let mut spans = Trace(Vec::new())
        .with(
            1,
            9,
            "start_thread_run",
            &state("start_thread_run", "a", &[]),
        )
        .with(
            2,
            9,
            "get_thread_run",
            &state("get_thread_run", "a", &earlier),
        )
        .with(
            3,
            9,
            "get_thread_run",
            &state("get_thread_run", "a", &tokens),
        )
        .with(
            4,
            9,
            "get_thread_run",
            &state("get_thread_run", "a", &earlier),
        )
        .with(
            5,
            9,
            "get_thread_run",
            &state("get_thread_run", "b", &tokens),
        )
        // A report without counts is none.
        .with(6, 9, "get_thread_run", &state("get_thread_run", "a", &[]))
        .with(
            7,
            9,
            "process_thread_run",
            &state("process_thread_run", "b", &own),
        );
    for (span, end) in spans.0.iter_mut().zip([9, 2, 3, 1, 4, 5, 6]) {
        span.end = Timestamp::from_nanos(end);
    }
    let mut counted = spans.0.clone();
    reconcile(&mut counted, &ContentLimits::default());
    let total = counted[0].attributes.integer("gen_ai.usage.total_tokens");
    assert_eq!(total, Some(47), "the total, too");
    let none = ("function", None);
    let run = ("gen_ai.invoke_agent", Some(42));
    // The last one counts its tokens itself.
    let counted = ("gen_ai.invoke_agent", Some(9));
    let expected = [run, none, none, none, none, none, counted];
    assert_eq!(spans.reconciled(), owned(&expected));
}
