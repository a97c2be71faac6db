//! Tests which conversation a span belongs to, with one process-wide bridge and subscriber, as programs have them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use sentry::{Hub, SentryFutureExt};
use sentry_genai::{conversation, remove_conversation_id, set_conversation_id};
use sentry_genai_testkit::ReceivedSpan;
use sentry_genai_tests::Bridge;
use tokio::task::yield_now;
use tracing::{Instrument, Span, field::Empty, info_span};

static BRIDGE: LazyLock<Bridge> = LazyLock::new(|| {
    let bridge = Bridge::start();
    tracing::dispatcher::set_global_default(bridge.subscriber()).unwrap();
    bridge
});

/// A model call, identified by its model.
async fn call(model: &'static str) {
    yield_now().await;
    let span = info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = model
    );
    yield_now().instrument(span).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn agent(name: &'static str) -> Span {
    info_span!(
        "agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = name
    )
}

fn sent(model: &str) -> ReceivedSpan {
    BRIDGE.span(&format!("chat {model}"))
}

fn conversation_of(model: &str) -> Option<String> {
    sent(model).conversation_id().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_scope_reaches_everything_started_inside() {
    LazyLock::force(&BRIDGE);
    let run = async {
        call("scope-1").await;
        tokio::spawn(call("scope-2").in_current_span())
            .await
            .unwrap();
        tokio::join!(call("scope-3"), call("scope-4"));
    };
    let run = async { run.instrument(agent("scoped agent")).await };
    let id = "conv scope".to_owned();
    conversation(&id).scope(run).await;
    let outside = agent("made outside");
    conversation(id)
        .scope(call("scope-5").instrument(outside))
        .await;

    for model in ["scope-1", "scope-2", "scope-3", "scope-4"] {
        assert_eq!(
            conversation_of(model).as_deref(),
            Some("conv scope"),
            "{model}"
        );
        assert_eq!(sent(model).agent_name(), Some("scoped agent"));
    }
    assert_eq!(conversation_of("scope-5").as_deref(), Some("conv scope"));
    let outside = BRIDGE.span("invoke_agent made outside");
    assert_eq!(
        outside.conversation_id(),
        Some("conv scope"),
        "made outside, run and ended inside"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_conversations_interleaved_in_one_trace() {
    LazyLock::force(&BRIDGE);
    async {
        let turn = |id: &'static str, models: [&'static str; 2]| {
            let run = async move {
                call(models[0]).await;
                call(models[1]).await;
            };
            conversation(id).scope(async move { run.instrument(agent("interleaved")).await })
        };
        let spawned = tokio::spawn(turn("conv c", ["inter-c1", "inter-c2"]).in_current_span());
        tokio::join!(
            turn("conv a", ["inter-a1", "inter-a2"]),
            turn("conv b", ["inter-b1", "inter-b2"])
        );
        spawned.await.unwrap();
        call("inter-none").await;
    }
    .instrument(info_span!("both"))
    .await;

    for (model, id) in [
        ("inter-a1", "conv a"),
        ("inter-a2", "conv a"),
        ("inter-b1", "conv b"),
        ("inter-b2", "conv b"),
        ("inter-c1", "conv c"),
        ("inter-c2", "conv c"),
    ] {
        assert_eq!(conversation_of(model).as_deref(), Some(id), "{model}");
    }
    assert_eq!(conversation_of("inter-none"), None);
    assert_eq!(sent("inter-a1").trace_id, sent("inter-b2").trace_id);
}

#[tokio::test]
async fn one_conversation_across_two_traces() {
    LazyLock::force(&BRIDGE);
    for model in ["across-1", "across-2"] {
        conversation("conv across").scope(call(model)).await;
    }
    let (first, second) = (sent("across-1"), sent("across-2"));
    assert_ne!(first.trace_id, second.trace_id);
    assert_eq!(first.conversation_id(), Some("conv across"));
    assert_eq!(second.conversation_id(), Some("conv across"));
}

#[tokio::test]
async fn the_span_itself_then_the_nearest_ancestor_then_the_scope() {
    LazyLock::force(&BRIDGE);
    let work = async {
        call("order-scope").await;
        async {
            call("order-ancestor").await;
            let own = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "order-own",
                gen_ai.conversation.id = "conv own",
                session.id = "session",
            );
            drop(own);
        }
        .instrument(info_span!(
            "handler",
            gen_ai.conversation.id = "conv ancestor"
        ))
        .await;
    };
    conversation("conv scope").scope(work).await;

    assert_eq!(conversation_of("order-own").as_deref(), Some("conv own"));
    assert_eq!(
        conversation_of("order-ancestor").as_deref(),
        Some("conv ancestor")
    );
    assert_eq!(
        conversation_of("order-scope").as_deref(),
        Some("conv scope")
    );
    assert_eq!(BRIDGE.span("handler").op(), "function");
}

#[tokio::test]
async fn recorded_late_on_an_ancestor_it_still_applies() {
    LazyLock::force(&BRIDGE);
    let handler = info_span!(
        "late handler",
        gen_ai.conversation.id = Empty,
        gen_ai.agent.name = Empty
    );
    let open = info_span!(
        parent: &handler,
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "late-open",
    );
    handler.record("gen_ai.conversation.id", "conv late");
    handler.record("gen_ai.agent.name", "late agent");
    drop(open);
    drop(handler);
    assert_eq!(conversation_of("late-open").as_deref(), Some("conv late"));
    assert_eq!(sent("late-open").agent_name(), Some("late agent"));
}

#[tokio::test]
async fn what_an_ancestor_says_later_counts_though_a_child_has_asked_before() {
    LazyLock::force(&BRIDGE);
    let root = info_span!("asked root", gen_ai.agent.name = "outer agent");
    let handler = info_span!(parent: &root, "asked handler", gen_ai.conversation.id = Empty);
    let between = info_span!(parent: &handler, "between");
    let chat = |model| {
        info_span!(
            parent: &between,
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = model,
        )
    };
    drop(chat("asked-before"));
    handler.record("gen_ai.conversation.id", "conv first");
    drop(chat("asked-first"));
    handler.record("gen_ai.conversation.id", "conv second");
    drop(chat("asked-second"));
    drop((between, handler, root));
    assert_eq!(conversation_of("asked-before"), None);
    assert_eq!(
        conversation_of("asked-first").as_deref(),
        Some("conv first")
    );
    assert_eq!(
        conversation_of("asked-second").as_deref(),
        Some("conv second")
    );
    assert_eq!(sent("asked-second").agent_name(), Some("outer agent"));
}

#[tokio::test]
async fn set_and_removed_in_a_span() {
    LazyLock::force(&BRIDGE);
    async {
        call("set-before").await;
        set_conversation_id("conv set");
        call("set-after").await;
        async {
            remove_conversation_id();
            call("set-removed").await;
        }
        .instrument(info_span!("inner"))
        .await;
        call("set-again").await;
        set_conversation_id("conv new");
        call("set-new").await;
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "set-instead",
            gen_ai.conversation.id = "conv own"
        )
        .in_scope(|| set_conversation_id("conv instead"));
    }
    .instrument(info_span!("set handler"))
    .await;
    call("set-outside").await;

    assert_eq!(conversation_of("set-before"), None);
    assert_eq!(conversation_of("set-after").as_deref(), Some("conv set"));
    assert_eq!(conversation_of("set-removed"), None);
    assert_eq!(conversation_of("set-again").as_deref(), Some("conv set"));
    assert_eq!(conversation_of("set-new").as_deref(), Some("conv new"));
    let instead = conversation_of("set-instead");
    assert_eq!(instead.as_deref(), Some("conv instead"));
    assert_eq!(conversation_of("set-outside"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn set_without_a_span_belongs_to_the_task_alone() {
    LazyLock::force(&BRIDGE);
    let task = |id: &'static str, model: &'static str| {
        tokio::spawn(async move {
            set_conversation_id("conv before");
            set_conversation_id(id);
            yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            call(model).await;
        })
    };
    let (one, two) = (task("conv task 1", "task-1"), task("conv task 2", "task-2"));
    let bystander = tokio::spawn(call("task-bystander"));
    one.await.unwrap();
    two.await.unwrap();
    bystander.await.unwrap();

    assert_eq!(conversation_of("task-1").as_deref(), Some("conv task 1"));
    assert_eq!(conversation_of("task-2").as_deref(), Some("conv task 2"));
    assert_eq!(conversation_of("task-bystander"), None);
}

#[tokio::test]
async fn set_without_a_span_it_ends_with_the_hub_of_the_request() {
    LazyLock::force(&BRIDGE);
    // As `NewSentryLayer` does, for requests that a server handles in one task.
    let request = async |id: Option<&'static str>, model| {
        let hub = Arc::new(Hub::new_from_top(BRIDGE.hub()));
        let handler = async {
            if let Some(id) = id {
                set_conversation_id(id);
            }
            call(model)
                .bind_hub(Hub::new_from_top(Hub::current()))
                .await;
        };
        handler.bind_hub(hub).await;
    };
    request(Some("conv request 1"), "request-1").await;
    request(None, "request-2").await;
    request(Some("conv request 3"), "request-3").await;
    let first = conversation_of("request-1");
    assert_eq!(first.as_deref(), Some("conv request 1"));
    assert_eq!(conversation_of("request-2"), None);
    let third = conversation_of("request-3");
    assert_eq!(third.as_deref(), Some("conv request 3"));
}

#[test]
fn set_without_a_span_it_reaches_each_of_several_bridges() {
    let bridges = [Bridge::start(), Bridge::start()];
    for bridge in &bridges {
        bridge.block_on(async {
            set_conversation_id("conv of both");
            call("of-several").await;
        });
        let span = bridge.span("chat of-several");
        assert_eq!(span.conversation_id(), Some("conv of both"));
    }
}

#[tokio::test]
async fn set_without_a_span_inside_a_scope_changes_the_scope() {
    LazyLock::force(&BRIDGE);
    let work = async {
        call("rescope-1").await;
        set_conversation_id("conv second");
        call("rescope-2").await;
    };
    conversation("conv first").scope(work).await;
    call("rescope-3").await;
    assert_eq!(conversation_of("rescope-1").as_deref(), Some("conv first"));
    assert_eq!(conversation_of("rescope-2").as_deref(), Some("conv second"));
    assert_eq!(conversation_of("rescope-3"), None);
}

#[tokio::test]
async fn an_empty_id_says_nothing() {
    LazyLock::force(&BRIDGE);
    let work = async {
        set_conversation_id("");
        conversation("").scope(call("empty-inner")).await;
        call("empty-outer").await;
    };
    conversation("conv around").scope(work).await;
    conversation("").scope(call("empty-alone")).await;
    let inner = conversation_of("empty-inner");
    assert_eq!(inner.as_deref(), Some("conv around"));
    let outer = conversation_of("empty-outer");
    assert_eq!(outer.as_deref(), Some("conv around"));
    assert_eq!(conversation_of("empty-alone"), None);
}

#[test]
fn guards_and_threads() {
    LazyLock::force(&BRIDGE);
    let chat = |model: &'static str| {
        drop(info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = model
        ));
    };
    {
        let _outer = conversation("conv outer").enter();
        chat("guard-outer");
        conversation("conv inner").in_scope(|| chat("guard-inner"));
        chat("guard-outer-again");
        let parent = info_span!("parent of a thread");
        std::thread::scope(|threads| {
            threads.spawn(|| chat("guard-thread"));
            threads.spawn(|| parent.in_scope(|| chat("guard-child")));
        });
    }
    chat("guard-left");
    assert_eq!(
        conversation_of("guard-outer").as_deref(),
        Some("conv outer")
    );
    assert_eq!(
        conversation_of("guard-inner").as_deref(),
        Some("conv inner")
    );
    assert_eq!(
        conversation_of("guard-outer-again").as_deref(),
        Some("conv outer")
    );
    assert_eq!(conversation_of("guard-thread"), None);
    assert_eq!(
        conversation_of("guard-child").as_deref(),
        Some("conv outer")
    );
    assert_eq!(conversation_of("guard-left"), None);
}

#[test]
fn sessions_stand_in_where_nothing_names_a_conversation() {
    LazyLock::force(&BRIDGE);
    let agent = info_span!(
        "reply",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "session agent",
        session.id = "session_1",
        langfuse.session.id = "session_of_less_rank",
    );
    drop(info_span!(
        parent: &agent,
        "execute_tool",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = "session_tool",
    ));
    drop(info_span!(parent: &agent, "session plain", session.id = "browser"));
    drop(agent);
    assert_eq!(
        BRIDGE.span("invoke_agent session agent").conversation_id(),
        Some("session_1")
    );
    assert_eq!(
        BRIDGE.span("execute_tool session_tool").conversation_id(),
        Some("session_1")
    );
    assert_eq!(BRIDGE.span("session plain").conversation_id(), None);
}

#[test]
fn a_session_counts_once_its_span_is_about_genai() {
    LazyLock::force(&BRIDGE);
    let reply = info_span!(
        "late reply",
        session.id = "session_3",
        gen_ai.request.model = Empty
    );
    let chat = |model| info_span!(parent: &reply, "chat", gen_ai.operation.name = "chat", gen_ai.request.model = model);
    drop(chat("asked-before-genai"));
    reply.record("gen_ai.request.model", "late");
    drop(chat("asked-after-genai"));
    drop(reply);
    let conversations =
        ["before", "after"].map(|when| conversation_of(&format!("asked-{when}-genai")));
    assert_eq!(conversations, [None, Some("session_3".to_owned())]);
}

#[test]
fn an_agent_names_what_is_below_it_but_not_another_agent() {
    LazyLock::force(&BRIDGE);
    let outer = agent("outer agent");
    let plain = info_span!(parent: &outer, "plain step");
    drop(
        info_span!(parent: &plain, "chat", gen_ai.operation.name = "chat", gen_ai.request.model = "named"),
    );
    let inner = info_span!(parent: &plain, "agent", gen_ai.operation.name = "invoke_agent");
    drop(inner);
    drop((plain, outer));
    assert_eq!(sent("named").agent_name(), Some("outer agent"));
    assert_eq!(BRIDGE.span("invoke_agent").agent_name(), None);
    assert_eq!(BRIDGE.span("plain step").agent_name(), None);
}

#[test]
fn what_is_named_by_hand_holds_below_genai_spans_alone() {
    LazyLock::force(&BRIDGE);
    let build = info_span!("build", agent_name = "runner 3", session_id = "build_1");
    let agent = info_span!(
        parent: &build,
        "answer",
        gen_ai.operation.name = "agent",
        agent_name = "agent by hand",
        session_id = "session_2",
    );
    let named = info_span!(
        parent: &build,
        "answer",
        gen_ai.operation.name = "agent",
        gen_ai.agent.name = "agent by convention",
        agent_name = "agent by hand",
    );
    for (parent, model) in [
        (&build, "beside hand"),
        (&agent, "below hand"),
        (&named, "below both"),
    ] {
        drop(
            info_span!(parent: parent, "chat", gen_ai.operation.name = "chat", gen_ai.model = model),
        );
    }
    drop((agent, named, build));
    assert_eq!(sent("below both").agent_name(), Some("agent by convention"));
    let below = sent("below hand");
    assert_eq!(below.agent_name(), Some("agent by hand"));
    assert_eq!(below.conversation_id(), Some("session_2"));
    let beside = sent("beside hand");
    assert_eq!(
        (beside.agent_name(), beside.conversation_id()),
        (None, None)
    );
}
