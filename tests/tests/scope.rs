//! The user and the tags that the program has set on Sentry's scope, on spans.

use sentry::{ClientOptions, Hub, User};
use sentry_genai::{Options, TraceLifecycle};
use sentry_genai_tests::Bridge;
use tracing::info_span;

fn ada() -> User {
    User {
        id: Some("u-17".to_owned()),
        email: Some("ada@example.com".to_owned()),
        username: Some("ada".to_owned()),
        ..User::default()
    }
}

/// A request that is authenticated before an agent is called.
fn handle_request() {
    let _request = info_span!("POST /ask").entered();
    info_span!("authenticate", tenant = "initech").in_scope(|| {});
    Hub::current().configure_scope(|scope| {
        scope.set_user(Some(ada()));
        scope.set_tag("tenant", "acme");
    });
    let agent = info_span!(
        "agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "Bot"
    );
    agent.in_scope(|| {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m"
        )
        .in_scope(|| {});
        info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "t",
            user.id = "another",
        )
        .in_scope(|| {});
    });
}

#[test]
fn all_spans_of_a_request_have_its_user() {
    let bridge = Bridge::with_content();
    bridge.run(handle_request);
    for name in ["POST /ask", "authenticate", "invoke_agent Bot", "chat m"] {
        let span = bridge.span(name);
        assert_eq!(span.str("user.id"), Some("u-17"), "{name}");
        assert_eq!(span.str("user.email"), Some("ada@example.com"), "{name}");
        assert_eq!(span.str("user.name"), Some("ada"), "{name}");
    }
    let tool = bridge.span("execute_tool t");
    assert_eq!(tool.str("user.id"), Some("another"));
    assert_eq!(tool.str("user.email"), None, "that is somebody else's");
}

#[test]
fn so_they_have_its_tags() {
    let bridge = Bridge::start();
    bridge.run(handle_request);
    for name in ["POST /ask", "invoke_agent Bot", "chat m", "execute_tool t"] {
        assert_eq!(bridge.span(name).str("tenant"), Some("acme"), "{name}");
    }
    let own = bridge.span("authenticate");
    assert_eq!(own.str("tenant"), Some("initech"));
}

/// None of its spans follows GenAI's conventions.
#[test]
fn spans_of_another_dialect_have_a_user() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let request = info_span!("POST /ask").entered();
        Hub::current().configure_scope(|scope| scope.set_user(Some(ada())));
        let agent = info_span!("Bot", openinference.span.kind = "AGENT", session.id = "s-1");
        agent.in_scope(|| {
            info_span!("ask", openinference.span.kind = "LLM", llm.model_name = "m")
                .in_scope(|| {});
        });
        drop(request);
    });
    for name in ["POST /ask", "invoke_agent Bot", "chat m"] {
        assert_eq!(bridge.span(name).str("user.id"), Some("u-17"), "{name}");
    }
    let chat = bridge.span("chat m");
    assert_eq!(chat.agent_name(), Some("Bot"));
    assert_eq!(chat.conversation_id(), Some("s-1"));
}

#[test]
fn without_personal_data_there_is_the_id_alone() {
    let bridge = Bridge::start();
    bridge.run(handle_request);
    let span = bridge.span("chat m");
    assert_eq!(span.str("user.id"), Some("u-17"));
    assert_eq!(span.str("user.email"), None);
    assert_eq!(span.str("user.name"), None);
}

#[test]
fn one_request_does_not_have_the_user_of_another() {
    let bridge = Bridge::start();
    bridge.run(|| {
        Hub::run(Hub::new_from_top(Hub::current()).into(), handle_request);
        info_span!("other", gen_ai.operation.name = "chat").in_scope(|| {});
    });
    assert_eq!(bridge.span("chat m").str("user.id"), Some("u-17"));
    let spans = bridge.spans();
    let other = spans.iter().find(|span| span.name == "chat").unwrap();
    assert_eq!(other.str("user.id"), None);
}

#[test]
fn transactions_have_user_and_tags_too() {
    let options = Options::new().with_trace_lifecycle(TraceLifecycle::Transaction);
    let client_options = ClientOptions::new().traces_sample_rate(1.0);
    let bridge = Bridge::with(options, client_options.send_default_pii(true));
    bridge.run(handle_request);
    bridge.guard().flush(std::time::Duration::from_secs(10));
    let transactions = bridge.ingest.transactions();
    assert_eq!(transactions[0]["tags"]["tenant"], "acme");
    let user = &transactions[0]["user"];
    assert_eq!(user["id"], "u-17");
    assert_eq!(user["username"], "ada");
    assert_eq!(user["email"], "ada@example.com");
}
