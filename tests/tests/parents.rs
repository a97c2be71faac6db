//! A span's parent in Sentry is its parent in `tracing`.

use std::{thread, time::Duration};

use sentry_genai_tests::Bridge;
use tracing::{Instrument, Span, field::Empty, info_span};

#[test]
fn contextual_explicit_and_root() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let outer = info_span!("outer").entered();
        info_span!("contextual").in_scope(|| {});
        let _explicit = info_span!(parent: &outer, "explicit");
        let _root = info_span!(parent: None, "root");
    });

    let (outer, root) = (bridge.span("outer"), bridge.span("root"));
    for name in ["contextual", "explicit"] {
        let child = bridge.span(name);
        assert_eq!(
            child.parent_span_id.as_ref(),
            Some(&outer.span_id),
            "{name}"
        );
        assert_eq!(child.trace_id, outer.trace_id);
        assert_eq!(child.str("sentry.segment.id"), Some(&*outer.span_id));
        assert!(!child.is_segment);
    }
    assert!(outer.is_segment && root.is_segment);
    assert_eq!(root.parent_span_id, None);
    assert_ne!(root.trace_id, outer.trace_id);
}

#[test]
fn a_span_that_is_never_entered_has_children() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let call = info_span!(
            "genai.chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m"
        );
        let _http = info_span!(parent: &call, "http");
    });
    let (call, http) = (bridge.span("chat m"), bridge.span("http"));
    assert_eq!(http.parent_span_id, Some(call.span_id));
}

#[test]
fn a_child_keeps_its_parent_open_and_in_the_tree() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let parent = info_span!("parent");
        let child = info_span!(parent: &parent, "child");
        drop(parent);
        let grandchild = info_span!(parent: &child, "grandchild");
        drop(child);
        thread::sleep(Duration::from_millis(5));
        drop(grandchild);
    });
    let parent = bridge.span("parent");
    let (child, grandchild) = (bridge.span("child"), bridge.span("grandchild"));
    assert_eq!(child.parent_span_id, Some(parent.span_id));
    assert_eq!(grandchild.parent_span_id, Some(child.span_id));
    assert_eq!(bridge.spans().len(), 3);
}

#[test]
fn threads_and_tasks_stay_in_the_tree() {
    let bridge = Bridge::start();
    bridge.block_on(async {
        async {
            let span = Span::current();
            let subscriber = tracing::dispatcher::get_default(Clone::clone);
            thread::spawn(move || {
                tracing::dispatcher::with_default(&subscriber, || {
                    drop(info_span!(parent: &span, "on a thread"));
                    drop(span);
                });
            })
            .join()
            .unwrap();
            let task = async { info_span!("in a task").in_scope(|| {}) }.in_current_span();
            tokio::spawn(task).await.unwrap();
            tokio::join!(
                async { tokio::task::yield_now().await }.instrument(info_span!("left")),
                async { tokio::task::yield_now().await }.instrument(info_span!("right")),
            );
        }
        .instrument(info_span!("handler"))
        .await;
    });
    let handler = bridge.span("handler");
    for name in ["on a thread", "in a task", "left", "right"] {
        assert_eq!(
            bridge.span(name).parent_span_id.as_ref(),
            Some(&handler.span_id),
            "{name}"
        );
    }
}

#[test]
fn a_leaked_span_does_not_withhold_the_others() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let root = info_span!("root");
        info_span!(parent: &root, "done").in_scope(|| {});
        std::mem::forget(root);
    });
    let done = bridge.span("done");
    assert!(done.parent_span_id.is_some());
    assert_eq!(done.str("sentry.segment.name"), Some("root"));
}

#[test]
fn five_hundred_interleaved_children_all_arrive() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let root = info_span!("root").entered();
        let open: Vec<_> = (0..500).map(|number| info_span!("child", number)).collect();
        drop(root);
        for span in open.into_iter().rev() {
            drop(span);
        }
    });
    let spans = bridge.spans();
    let root = bridge.span("root");
    let children = spans
        .iter()
        .filter(|span| span.parent_span_id.as_ref() == Some(&root.span_id));
    assert_eq!(children.count(), 500);
}

/// An agent runs for longer than spans wait: spans that are sent before it ends already carry the segment's final name.
#[test]
fn what_leaves_before_the_end_of_an_agent_has_its_name() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let agent = info_span!(
            "handle",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "Support Bot"
        );
        agent.in_scope(|| drop(info_span!("done")));
        assert!(bridge.guard().flush(Duration::from_secs(5)));
        drop(agent);
    });
    let (agent, done) = (bridge.span("invoke_agent Support Bot"), bridge.span("done"));
    for span in [&agent, &done] {
        assert_eq!(span.str("sentry.segment.name"), Some(&*agent.name));
    }
}

#[test]
fn what_leaves_before_the_end_of_a_request_has_its_name() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let request = info_span!(
            "request",
            otel.kind = "server",
            http.request.method = "POST",
            http.route = "/ask"
        );
        request.in_scope(|| drop(info_span!("done")));
        assert!(bridge.guard().flush(Duration::from_secs(5)));
        drop(request);
    });
    let (request, done) = (bridge.span("POST /ask"), bridge.span("done"));
    for span in [&request, &done] {
        assert_eq!(span.str("sentry.segment.name"), Some(&*request.name));
    }
}

#[test]
fn an_agent_does_not_repeat_the_tokens_of_a_call_that_has_left_before() {
    for (at_start, late) in [(Some(42), None), (None, Some(42))] {
        let bridge = Bridge::start();
        bridge.run(|| {
            let agent = info_span!(
                "handle",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.agent.name = "Support Bot",
                gen_ai.usage.input_tokens = 42
            );
            agent.in_scope(|| {
                info_span!("step").in_scope(|| {
                    let chat = info_span!(
                        "chat",
                        gen_ai.operation.name = "chat",
                        gen_ai.request.model = "m",
                        gen_ai.usage.input_tokens = at_start
                    );
                    chat.record("gen_ai.usage.input_tokens", late);
                });
            });
            assert!(bridge.guard().flush(Duration::from_secs(5)));
            drop(agent);
        });
        let tokens = |name| bridge.span(name).int("gen_ai.usage.input_tokens");
        assert_eq!(tokens("chat m"), Some(42));
        assert_eq!(tokens("invoke_agent Support Bot"), None, "{late:?}");
    }
}

#[test]
fn an_agent_learns_its_conversation_from_a_call_that_has_left_before() {
    let named = || {
        drop(info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.conversation.id = "c"
        ));
    };
    let in_scope = || {
        sentry_genai::conversation("c")
            .in_scope(|| drop(info_span!("chat", gen_ai.operation.name = "chat")));
    };
    for call in [named, in_scope] {
        let bridge = Bridge::start();
        bridge.run(|| {
            let agent = info_span!("handle", gen_ai.operation.name = "invoke_agent");
            agent.in_scope(call);
            assert!(bridge.guard().flush(Duration::from_secs(5)));
            drop(agent);
        });
        assert_eq!(bridge.span("invoke_agent").conversation_id(), Some("c"));
    }
}

#[test]
fn calls_that_have_left_before_tell_their_conversation_only_if_they_agree_and_the_agent_has_none() {
    type Case<'a> = (&'a [&'a str], fn(&Span), Option<&'a str>);
    let cases: [Case<'_>; 4] = [
        (&["c", "c"], |_| (), Some("c")),
        (&["c", "d", "c"], |_| (), None),
        (
            &["c"],
            |agent| _ = agent.record("gen_ai.conversation.id", "own"),
            Some("own"),
        ),
        (
            &["c"],
            |agent| agent.in_scope(sentry_genai::remove_conversation_id),
            None,
        ),
    ];
    for (calls, then, expected) in cases {
        let bridge = Bridge::start();
        bridge.run(|| {
            let agent = info_span!(
                "handle",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.conversation.id = Empty
            );
            let step = agent.in_scope(|| info_span!("step"));
            step.in_scope(|| {
                for id in calls {
                    drop(info_span!(
                        "chat",
                        gen_ai.operation.name = "chat",
                        gen_ai.conversation.id = *id
                    ));
                }
            });
            drop(step);
            assert!(bridge.guard().flush(Duration::from_secs(5)));
            then(&agent);
        });
        let agent = bridge.span("invoke_agent");
        assert_eq!(agent.conversation_id(), expected, "{calls:?}");
    }
}

#[test]
fn an_agent_in_a_conversation_keeps_it_whatever_its_calls_name() {
    let bridge = Bridge::start();
    let agent = |parent: &Span, name| info_span!(parent: parent, "agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = name);
    bridge.run(|| {
        let handler = info_span!("handler", gen_ai.conversation.id = "above");
        let with_session = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "with session",
            session.id = "s"
        );
        let agents = [
            agent(&handler, "below handler"),
            agent(&with_session, "below session"),
            with_session,
            agent(&Span::none(), "of several"),
        ];
        let call = |agent: &Span, conversation| {
            drop(info_span!(parent: agent, "chat", gen_ai.operation.name = "chat", gen_ai.conversation.id = conversation));
        };
        for agent in &agents {
            call(agent, "below");
        }
        call(&agents[3], "another");
    });
    for (name, expected) in [
        ("below handler", Some("above")),
        ("below session", Some("s")),
        ("with session", Some("s")),
        ("of several", None),
    ] {
        let agent = bridge.span(&format!("invoke_agent {name}"));
        assert_eq!(agent.conversation_id(), expected, "{name}");
    }
}

#[test]
fn an_agent_does_not_learn_its_conversation_from_a_plain_span() {
    let bridge = Bridge::start();
    bridge.run(|| {
        info_span!("handle", gen_ai.operation.name = "invoke_agent").in_scope(|| {
            sentry_genai::conversation("c").in_scope(|| drop(info_span!("query")));
        });
    });
    assert_eq!(bridge.span("invoke_agent").conversation_id(), None);
}

/// The call that ends second asks spans that nobody has asked since, below one that knows.
#[test]
fn what_is_named_late_reaches_every_branch() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let agent = info_span!(
            "handle",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.conversation.id = Empty
        );
        let branches = ["first", "second"].map(|model| {
            let outer = info_span!(parent: &agent, "outer");
            let inner = info_span!(parent: &outer, "inner");
            info_span!(parent: &inner, "chat", gen_ai.operation.name = "chat", gen_ai.request.model = model)
        });
        agent.record("gen_ai.conversation.id", "c");
        drop(branches);
    });
    for model in ["first", "second"] {
        let call = bridge.span(&format!("chat {model}"));
        assert_eq!(call.conversation_id(), Some("c"), "{model}");
    }
}
