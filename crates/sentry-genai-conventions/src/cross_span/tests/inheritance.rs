//! What spans take over from those above and below them.

use super::*;

/// A door reads from an open span what its keys tell, and these do not tell that this is an agent.
#[test]
fn the_calls_of_an_agent_that_only_its_name_tells_know_it() {
    let agent = [("agent", "Bot"), ("session_id", "s-1")];
    let mut spans = Trace(Vec::new())
        .with(2, 1, "chat m", &[CHAT])
        .with(1, 0, "run_agent", &agent)
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    let text = |key| spans[0].attributes.text(key);
    assert_eq!(
        (text(crate::cross_span::AGENT), text(CONVERSATION)),
        (Some("Bot"), Some("s-1"))
    );
}

/// There is nothing else to compare it with.
#[test]
fn the_only_call_of_a_request_takes_over_its_conversation() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "POST /ask", &[(CONVERSATION, "s-1")])
        .with(2, 1, "chat m", &[CHAT])
        .0;
    spans[1].ancestors = Ancestors::KnownAtStart;
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[1].attributes.text(CONVERSATION), Some("s-1"));
}

/// Whoever knows the ancestors has been told their conversation, and that of a call is not that of the request.
#[test]
fn an_agent_whose_ancestors_are_known_does_not_take_over_the_conversation_of_its_calls() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent", &[AGENT])
        .with(2, 1, "chat m", &[CHAT, (CONVERSATION, "s-1")])
        .with(3, 0, "chat m", &[CHAT])
        .0;
    // Otherwise nothing is handed down.
    spans[2].ancestors = Ancestors::KnownAtStart;
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[0].attributes.text(CONVERSATION), None);
}

/// The spans inside a request need not belong to one conversation.
#[test]
fn a_call_does_not_take_over_the_conversation_of_the_call_beside_it() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "POST /ask", &[])
        .with(2, 1, "chat m", &[CHAT, (CONVERSATION, "s-1")])
        .with(3, 1, "chat m", &[CHAT])
        .0;
    for span in &mut spans {
        span.ancestors = Ancestors::KnownAtStart;
    }
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[2].attributes.text(CONVERSATION), None);
}

/// An agent's name is not its caller's, nor that of the calls beside it.
#[test]
fn an_agent_takes_over_the_conversation_of_its_calls_but_not_their_agent() {
    let named = [CHAT, ("gen_ai.agent.name", "Bot"), (CONVERSATION, "s-1")];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent", &[AGENT])
        .with(2, 1, "chat m", &named)
        .with(3, 1, "chat m", &[CHAT])
        .0;
    for span in &mut spans {
        span.ancestors = Ancestors::KnownAtStart;
    }
    reconcile(&mut spans, &ContentLimits::default());
    let texts = |span: &SentrySpan| {
        [CONVERSATION, crate::cross_span::AGENT]
            .map(|key| span.attributes.text(key).map(str::to_owned))
    };
    let conversation = || Some("s-1".to_owned());
    assert_eq!(texts(&spans[0]), [conversation(), None]);
    assert_eq!(texts(&spans[2]), [conversation(), None]);
}

#[test]
fn an_agent_takes_over_a_conversation_on_which_its_calls_agree() {
    for (second, expected) in [("s-1", Some("s-1")), ("s-2", None)] {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "invoke_agent", &[AGENT])
            .with(2, 1, "chat m", &[CHAT, (CONVERSATION, "s-1")])
            .with(3, 1, "chat m", &[CHAT, (CONVERSATION, second)])
            .0;
        for span in &mut spans {
            span.ancestors = Ancestors::KnownAtStart;
        }
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!(spans[0].attributes.text(CONVERSATION), expected);
    }
}
