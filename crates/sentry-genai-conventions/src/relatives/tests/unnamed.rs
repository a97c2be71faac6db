//! Agents that only one of two instrumentations names.

use super::*;

const NAME: (&str, &str) = ("gen_ai.agent.name", "writer");

/// Haystack's own tracer inside OpenInference.
#[test]
fn an_agent_without_a_name_is_the_one_that_another_instrumentation_puts_around_it() {
    let trace = |outer: &[(&'static str, &str)], inner: &[(&'static str, &str)]| {
        let spans = Trace(Vec::new())
            .with(1, 0, "agent", outer)
            .with(2, 1, "step", &[])
            .with(3, 2, "agent", inner)
            .with(4, 3, "chat", &[CHAT]);
        let ops = spans.related().into_iter().map(|(op, _)| op);
        ops.collect::<Vec<_>>()
    };
    let one = ["gen_ai.invoke_agent", "function", "function", "gen_ai.chat"];
    let two = [
        "gen_ai.invoke_agent",
        "function",
        "gen_ai.invoke_agent",
        "gen_ai.chat",
    ];
    assert_eq!(trace(&[AGENT, NAME], &[AGENT, SDK]), one);
    // A single instrumentation knows the names of its agents. A name that only the inner description has belongs to another
    // agent.
    assert_eq!(trace(&[AGENT, NAME], &[AGENT]), two);
    assert_eq!(trace(&[AGENT], &[AGENT, NAME, SDK]), two);
}

#[test]
fn an_agent_has_as_many_others_inside_as_it_likes() {
    let spans = Trace(Vec::new())
        .with(1, 0, "agent", &[AGENT, NAME])
        .with(2, 1, "agent", &[AGENT, SDK])
        .with(3, 1, "agent", &[AGENT, SDK]);
    let agents = [("gen_ai.invoke_agent", None); 3];
    assert_eq!(spans.related(), expect(&agents));
}

/// A program's own span around an agent, which has only the agent's name.
#[test]
fn the_one_that_says_more_takes_the_name() {
    let trace = Trace(Vec::new()).with(1, 0, "agent", &[AGENT, NAME]).with(
        2,
        1,
        "agent",
        &[AGENT, SDK, (COUNT, "42")],
    );
    let mut spans = trace.0;
    relate(&mut spans, &ContentLimits::default());
    assert_eq!(spans[0].op, "function");
    assert_eq!(spans[1].name, "invoke_agent writer");
}
