//! Agents that only one of two instrumentations names.

use super::*;

const NAME: (&str, &str) = ("gen_ai.agent.name", "writer");

/// Haystack's own tracer inside OpenInference.
#[test]
fn an_unnamed_agent_inside_a_named_one_of_another_instrumentation_is_the_same() {
    let ops_of = |outer: &[(&'static str, &str)], inner: &[(&'static str, &str)]| {
        let spans = Trace(Vec::new())
            .with(1, 0, "agent", outer)
            .with(2, 1, "step", &[])
            .with(3, 2, "agent", inner)
            .with(4, 3, "chat", &[CHAT]);
        let ops = spans.reconciled().into_iter().map(|(op, _)| op);
        ops.collect::<Vec<_>>()
    };
    let one = ["gen_ai.invoke_agent", "function", "function", "gen_ai.chat"];
    let two = [
        "gen_ai.invoke_agent",
        "function",
        "gen_ai.invoke_agent",
        "gen_ai.chat",
    ];
    assert_eq!(ops_of(&[AGENT, NAME], &[AGENT, SDK]), one);
    // A single instrumentation knows the names of its agents. A name that only the inner description has belongs to another
    // agent.
    assert_eq!(ops_of(&[AGENT, NAME], &[AGENT]), two);
    assert_eq!(ops_of(&[AGENT], &[AGENT, NAME, SDK]), two);
    assert_eq!(ops_of(&[AGENT], &[AGENT, SDK]), two);
}

#[test]
fn several_unnamed_agents_inside_one_agent_are_distinct() {
    let spans = Trace(Vec::new())
        .with(1, 0, "agent", &[AGENT, NAME])
        .with(2, 1, "agent", &[AGENT, SDK])
        .with(3, 1, "agent", &[AGENT, SDK]);
    let agents = [("gen_ai.invoke_agent", None); 3];
    assert_eq!(spans.reconciled(), owned(&agents));
}

#[test]
fn an_agent_around_several_unnamed_ones_is_described_once() {
    let spans = Trace(Vec::new())
        .with(1, 0, "agent", &[AGENT, NAME, SDK])
        .with(2, 1, "agent", &[AGENT, NAME])
        .with(3, 2, "agent", &[AGENT, SDK])
        .with(4, 2, "agent", &[AGENT, SDK]);
    let [agent, plain] = [("gen_ai.invoke_agent", None), ("function", None)];
    assert_eq!(spans.reconciled(), owned(&[agent, plain, agent, agent]));
}
