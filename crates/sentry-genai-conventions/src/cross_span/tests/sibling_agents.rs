//! Tools beside the calls of the agent that they belong to.

use super::*;

const NAME: &str = "gen_ai.agent.name";

/// Returns the agents that the spans name, whether they are related in this order or in reverse.
fn agents(trace: Trace) -> Vec<String> {
    let mut spans = trace.0;
    let mut backwards: Vec<_> = spans.iter().rev().cloned().collect();
    reconcile(&mut spans, &ContentLimits::default());
    reconcile(&mut backwards, &ContentLimits::default());
    backwards.reverse();
    let names = |spans: &[SentrySpan]| {
        let names = spans.iter().map(|span| span.attributes.text(NAME));
        names
            .map(|name| name.unwrap_or("-").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&spans), names(&backwards));
    names(&spans)
}

/// rig, called by a server that has no span for the agent.
#[test]
fn a_tool_belongs_to_the_agent_of_its_sibling_calls() {
    let bot = (NAME, "Bot");
    let trace = |other| {
        Trace(Vec::new())
            .with(1, 0, "POST /ask", &[("http.request.method", "POST")])
            .with(2, 1, "chat", &[CHAT, bot])
            .with(3, 1, "execute_tool", &[TOOL])
            .with(4, 1, "chat", &[CHAT, other])
    };
    assert_eq!(agents(trace(bot)), ["-", "Bot", "Bot", "Bot"]);
    // It is not known which of the two agents called it.
    assert_eq!(agents(trace((NAME, "B"))), ["-", "Bot", "-", "B"]);
    // A server that is still handling the request is in no batch.
    let mut open = trace(bot);
    open.0.remove(0);
    assert_eq!(agents(open), ["Bot", "Bot", "Bot"]);
}

/// An agent of rig's that is a tool of another one. The agent above has already been passed on to the tools below.
#[test]
fn tools_of_an_agent_called_as_a_tool_belong_to_it() {
    let (bot, expert) = ((NAME, "Bot"), (NAME, "Expert"));
    let trace = Trace(Vec::new())
        .with(1, 0, "invoke_agent", &[AGENT, bot])
        .with(2, 1, "chat", &[CHAT, bot])
        .with(3, 1, "execute_tool", &[TOOL, bot])
        .with(4, 3, "ask", &[])
        .with(5, 4, "chat", &[CHAT, expert])
        .with(6, 4, "execute_tool", &[TOOL, bot]);
    let expected = ["Bot", "Bot", "Bot", "-", "Expert", "Expert"];
    assert_eq!(agents(trace), expected);
}

#[test]
fn the_enclosing_agent_or_the_tools_own_agent_takes_precedence() {
    let (bot, expert) = ((NAME, "Bot"), (NAME, "Expert"));
    let trace = Trace(Vec::new())
        .with(1, 0, "invoke_agent", &[AGENT, bot])
        .with(2, 1, "chat", &[CHAT, expert])
        .with(3, 1, "execute_tool", &[TOOL, bot])
        .with(4, 3, "chat", &[CHAT, expert])
        .with(5, 3, "execute_tool", &[TOOL, (NAME, "Own")]);
    let expected = ["Bot", "Expert", "Bot", "Expert", "Own"];
    assert_eq!(agents(trace), expected);
}
