//! Token totals of agents.

use super::*;

#[test]
fn an_agent_drops_its_totals_if_a_call_at_any_depth_reports_tokens() {
    let spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &[AGENT, (COUNT, "84")])
        .with(2, 1, "step", &[])
        .with(3, 2, "chat m", &[CHAT, (COUNT, "84")])
        .with(4, 9, "chat m", &[CHAT, (COUNT, "1")]);
    let expected = [
        ("gen_ai.invoke_agent", None),
        ("function", None),
        ("gen_ai.chat", Some(84)),
        ("gen_ai.chat", Some(1)),
    ];
    assert_eq!(spans.reconciled(), owned(&expected));
}

/// VoltAgent has one span for all calls of an agent, with the tokens of the last one.
#[test]
fn a_call_that_stands_for_all_of_an_agent_takes_over_the_totals() {
    let totals = |scope: &'static str, calls: u8| {
        let scope = ("scope", scope);
        let agent = [scope, ("entity.type", "agent"), AGENT, (COUNT, "84")];
        let call = [scope, ("span.type", "llm"), CHAT, (COUNT, "42")];
        let mut trace = Trace(Vec::new()).with(1, 0, "invoke_agent a", &agent);
        for id in 0..calls {
            trace = trace.with(2 + id, 1, "chat m", &call);
        }
        trace
            .reconciled()
            .into_iter()
            .map(|(_, count)| count)
            .collect::<Vec<_>>()
    };
    assert_eq!(totals("@voltagent/core", 1), [None, Some(84)]);
    assert_eq!(totals("@voltagent/core", 2), [None, Some(42), Some(42)]);
    assert_eq!(totals("other", 1), [None, Some(42)]);
}

#[test]
fn an_agent_keeps_its_totals_if_only_embeddings_report_tokens() {
    let embeddings = ("gen_ai.operation.name", "embeddings");
    let spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &[AGENT, (COUNT, "84")])
        .with(2, 1, "embeddings e", &[embeddings, (COUNT, "5")])
        .with(3, 1, "chat m", &[CHAT]);
    let expected = [
        ("gen_ai.invoke_agent", Some(84)),
        ("gen_ai.embeddings", Some(5)),
        ("gen_ai.chat", None),
    ];
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn an_agent_keeps_its_totals_if_no_call_reports_tokens() {
    let spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &[AGENT, (COUNT, "84")])
        .with(2, 1, "chat m", &[CHAT]);
    let expected = [("gen_ai.invoke_agent", Some(84)), ("gen_ai.chat", None)];
    assert_eq!(spans.reconciled(), owned(&expected));
}
