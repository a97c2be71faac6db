//! Values keep their types, and fields that stand for properties of a span are understood.

use std::time::Duration;

use sentry_genai::SpanExt;
use sentry_genai_tests::{Bridge, ran_apart};
use tracing::{Level, Span, event, field::Empty, info, info_span};

#[test]
fn every_type_survives() {
    let bridge = Bridge::start();
    let error: &(dyn std::error::Error + 'static) = &std::io::Error::other("disk full");
    bridge.run(|| {
        let _span = info_span!(
            "types",
            app.unsigned = 42_u64,
            app.signed = -1_i64,
            app.wide = 170_141_183_460_469_231_731_i128,
            app.widest = u128::MAX,
            app.float = 0.5,
            app.yes = true,
            app.text = "hello",
            app.debug = ?vec![1, 2],
            app.display = %"shown",
            app.error = error,
            app.nothing = Empty,
        );
    });
    let span = bridge.span("types");
    let typed = |key| {
        (
            span.attr_type(key).unwrap(),
            span.attr(key).unwrap().to_string(),
        )
    };
    assert_eq!(typed("app.unsigned"), ("integer", "42".to_owned()));
    assert_eq!(typed("app.signed"), ("integer", "-1".to_owned()));
    assert_eq!(
        typed("app.wide"),
        ("string", "\"170141183460469231731\"".to_owned())
    );
    let widest = format!("\"{}\"", u128::MAX);
    assert_eq!(typed("app.widest"), ("string", widest));
    assert_eq!(typed("app.float"), ("double", "0.5".to_owned()));
    assert_eq!(typed("app.yes"), ("boolean", "true".to_owned()));
    assert_eq!(typed("app.text"), ("string", "\"hello\"".to_owned()));
    assert_eq!(typed("app.debug"), ("string", "\"[1, 2]\"".to_owned()));
    assert_eq!(typed("app.display"), ("string", "\"shown\"".to_owned()));
    assert_eq!(typed("app.error"), ("string", "\"disk full\"".to_owned()));
    assert_eq!(span.attr("app.nothing"), None);
}

#[test]
fn records_come_late_and_twice() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let span = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
        );
        span.record("gen_ai.request.model", "gpt-5-mini");
        span.record("gen_ai.usage.input_tokens", 1_u64);
        span.record("gen_ai.usage.input_tokens", 42_u64);
        span.record("gen_ai.usage.output_tokens", 17_u64);
    });
    let span = bridge.span("chat gpt-5-mini");
    assert_eq!(span.op(), "gen_ai.chat");
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(span.int("gen_ai.usage.total_tokens"), Some(59));
}

#[test]
fn late_values_keep_their_types() {
    let bridge = Bridge::start();
    let error: &(dyn std::error::Error + 'static) = &std::io::Error::other("disk full");
    bridge.run(|| {
        let span = info_span!(
            "late",
            app.small = Empty,
            app.wide = Empty,
            app.widest = Empty,
            app.yes = Empty,
            app.error = Empty,
        );
        span.record("app.small", 42_u128);
        span.record("app.wide", i128::MIN);
        span.record("app.widest", u128::MAX);
        span.record("app.yes", true);
        span.record("app.error", error);
    });
    let span = bridge.span("late");
    assert_eq!(span.int("app.small"), Some(42));
    assert_eq!(span.str("app.wide"), Some(&*i128::MIN.to_string()));
    assert_eq!(span.str("app.widest"), Some(&*u128::MAX.to_string()));
    assert_eq!(span.attr_type("app.yes"), Some("boolean"));
    assert_eq!(span.str("app.error"), Some("disk full"));
}

/// Together, the answers so far are larger than all that may wait.
#[test]
fn an_answer_recorded_again_for_each_of_its_parts_arrives() {
    let bridge = Bridge::with_content();
    let message = |text: &str| {
        format!(r#"[{{"role":"assistant","parts":[{{"type":"text","content":"{text}"}}]}}]"#)
    };
    bridge.run(|| {
        let span = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.output.messages = Empty
        );
        for words in 1..=1000 {
            span.record(
                "gen_ai.output.messages",
                message(&"word ".repeat(10 * words)),
            );
            span.set_gen_ai_attribute("gen_ai.usage.output_tokens", 10 * words);
        }
    });
    let span = bridge.span("chat");
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(10_000));
    let answer = message(&"word ".repeat(10_000));
    assert_eq!(span.str("gen_ai.output.messages"), Some(&*answer));
    let stats = bridge.guard().handle().unwrap().stats();
    assert_eq!(stats.lost_total(), 0);
}

#[test]
fn undeclared_attributes_can_be_set() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let span = info_span!("chat", gen_ai.operation.name = "chat");
        span.set_gen_ai_attribute("gen_ai.request.model", "gpt-5-mini");
        span.set_gen_ai_attribute("gen_ai.usage.input_tokens", 42_u64);
        span.set_gen_ai_attribute("gen_ai.response.finish_reasons", vec!["stop".to_owned()]);
        span.set_gen_ai_attribute("gen_ai.conversation.id", "conv_1");
    });
    let span = bridge.span("chat gpt-5-mini");
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(
        span.str("gen_ai.response.finish_reasons"),
        Some(r#"["stop"]"#)
    );
    assert_eq!(span.conversation_id(), Some("conv_1"));
}

#[test]
fn properties_set_through_fields() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let outer = info_span!("outer", "otel.name" = "GET /ask", otel.kind = "Server", sentry.name = Empty);
        let _inner = info_span!(parent: &outer, "inner", sentry.op = "cache.get", sentry.name = "user:42", otel.kind = ?"client");
        outer.record("sentry.name", "renamed late");
    });
    let outer = bridge.span("renamed late");
    assert_eq!(outer.str("sentry.kind"), Some("server"));
    let inner = bridge.span("user:42");
    assert_eq!(inner.op(), "cache.get");
    assert_eq!(inner.str("sentry.kind"), Some("client"));
    assert_eq!(inner.str("sentry.segment.name"), Some("renamed late"));
    for span in [outer, inner] {
        assert!(
            span.attributes.keys().all(|key| !key.starts_with("otel.")),
            "{:?}",
            span.attributes
        );
    }
}

/// However the name is set: spans below may be sent before the segment has ended.
#[test]
fn a_segment_that_is_named_late_is_called_so_by_what_is_below() {
    let ways: [fn(&Span); 2] = [
        |root| _ = root.record("otel.name", "GET /ask"),
        |root| root.set_gen_ai_attribute("otel.name", "GET /ask"),
    ];
    for name in ways {
        let bridge = Bridge::start();
        bridge.run(|| {
            let root = info_span!("request", otel.name = Empty);
            name(&root);
            info_span!(parent: &root, "inner").in_scope(|| {});
            assert!(bridge.guard().flush(Duration::from_secs(5)));
        });
        let inner = bridge.span("inner");
        assert_eq!(inner.str("sentry.segment.name"), Some("GET /ask"));
    }
}

#[test]
fn follows_from_becomes_a_link() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let cause = info_span!(parent: None, "cause");
        let effect = info_span!(parent: None, "effect");
        effect.follows_from(&cause);
    });
    let (cause, effect) = (bridge.span("cause"), bridge.span("effect"));
    assert_eq!(effect.links.len(), 1);
    assert_eq!(effect.links[0]["span_id"], cause.span_id);
    assert_eq!(effect.links[0]["trace_id"], cause.trace_id);
    let link_type = &effect.links[0]["attributes"]["sentry.link.type"];
    assert_eq!(link_type["value"], "follows_from");
}

#[test]
fn events_of_the_conventions_give_their_content_to_the_span() {
    if ran_apart(events_of_the_conventions_give_their_content_to_the_span) {
        return;
    }
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Capital of France?"}]}]"#;
    let run = |bridge: &Bridge| {
        bridge.run(|| {
            let _span = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "gpt-5-mini"
            )
            .entered();
            event!(name: "gen_ai.client.inference.operation.details", Level::INFO, gen_ai.input.messages = question);
            event!(name: "gen_ai.choice", Level::INFO, finish_reason = "stop", content = "Paris");
            event!(name: "cache.miss", Level::INFO, content = "not for the span");
        });
        bridge.span("chat gpt-5-mini")
    };

    let span = run(&Bridge::with_content());
    assert_eq!(span.str("gen_ai.input.messages"), Some(question));
    let answer = span.str("gen_ai.output.messages").unwrap();
    assert!(answer.contains("Paris"), "{answer}");
    let attributes = format!("{:?}", span.attributes);
    assert!(!attributes.contains("not for the span"), "{attributes}");

    let span = run(&Bridge::start());
    assert_eq!(span.attr("gen_ai.input.messages"), None);
    assert_eq!(span.attr("gen_ai.output.messages"), None);
}

#[test]
fn an_event_may_have_its_name_in_a_field() {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        let _span = info_span!("chat", gen_ai.request.model = "gpt-5-mini").entered();
        info!(
            event.name = "gen_ai.choice",
            finish_reason = "stop",
            content = "Paris"
        );
        // Nor do they displace those of the conventions.
        for _ in 0..200 {
            info!(event.name = "cache.miss", content = "not for the span");
        }
    });
    let span = bridge.span("chat gpt-5-mini");
    let answer = span.str("gen_ai.output.messages").unwrap();
    assert!(answer.contains("Paris"), "{answer}");
    let attributes = format!("{:?}", span.attributes);
    assert!(!attributes.contains("not for the span"), "{attributes}");
}

#[test]
fn a_span_keeps_its_latest_events() {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        let _span = info_span!("chat", gen_ai.operation.name = "chat").entered();
        for number in 0..1_000 {
            event!(name: "gen_ai.user.message", Level::INFO, content = format!("question {number}."));
        }
    });
    let messages = bridge.span("chat");
    let messages = messages.str("gen_ai.input.messages").unwrap();
    assert!(messages.contains("question 999."), "{messages}");
    assert!(messages.contains("question 872."), "{messages}");
    assert!(!messages.contains("question 871."), "{messages}");
}

/// Swiftide may tell what went in and what came out in an event each.
#[test]
fn an_event_of_swiftide_gives_its_content_to_the_span() {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        let _span = info_span!(target: "swiftide_agents::agent", "tool.get_weather").entered();
        event!(target: "swiftide_agents::agent", Level::INFO, langfuse.input = "Paris");
        event!(target: "swiftide_agents::agent", Level::INFO, langfuse.output = "rainy");
    });
    let span = bridge.span("execute_tool get_weather");
    assert_eq!(span.str("gen_ai.tool.call.arguments"), Some("Paris"));
    assert_eq!(span.str("gen_ai.tool.call.result"), Some("rainy"));
}

/// Nothing below the agent has called a model.
#[test]
fn an_agent_keeps_the_totals_that_are_only_reported() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let agent = info_span!("agent", gen_ai.operation.name = "invoke_agent");
        agent.in_scope(|| {
            let report = info_span!("record_usage");
            report.set_gen_ai_attribute("gen_ai.request.model", "m");
            report.set_gen_ai_attribute("gen_ai.usage.input_tokens", 42);
        });
        agent.set_gen_ai_attribute("gen_ai.usage.input_tokens", 42);
    });
    let agent = bridge.span("invoke_agent");
    assert_eq!(agent.int("gen_ai.usage.input_tokens"), Some(42));
}

#[tracing::instrument(skip_all, ret, err, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "get_weather"))]
fn get_weather(city: &str) -> Result<String, std::fmt::Error> {
    Ok(format!("rainy in {city},\n14 C"))
}

#[tracing::instrument(skip_all, ret(Display), fields(gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "Bot"))]
fn answer(city: &str) -> String {
    get_weather(city).unwrap_or_default()
}

#[test]
fn what_a_function_returns_is_the_result_of_a_tool_or_the_answer_of_an_agent() {
    let bridge = Bridge::with_content();
    bridge.run(|| answer("Paris"));
    let tool = bridge.span("execute_tool get_weather");
    assert_eq!(
        tool.str("gen_ai.tool.call.result"),
        Some("rainy in Paris,\n14 C")
    );
    let agent = bridge.span("invoke_agent Bot");
    let said = agent.output_messages().unwrap();
    assert_eq!(said[0]["role"], "assistant");
    assert_eq!(said[0]["parts"][0]["content"], "rainy in Paris,\n14 C");

    let bridge = Bridge::start();
    bridge.run(|| answer("Paris"));
    for name in ["execute_tool get_weather", "invoke_agent Bot"] {
        let span = format!("{:?}", bridge.span(name));
        assert!(!span.contains("rainy"), "{span}");
    }
}

/// Tools and agents that only their names, their op or their method make such.
mod by_hand {
    #[tracing::instrument(name = "execute_tool", ret, skip_all, fields(tool = "named"))]
    pub(super) fn named() -> String {
        "rainy".to_owned()
    }

    #[tracing::instrument(name = "execute_tool in_name", ret)]
    pub(super) fn in_name() -> String {
        "rainy".to_owned()
    }

    #[tracing::instrument(ret, fields(otel.name = "execute_tool in_field"))]
    pub(super) fn in_field() -> String {
        "rainy".to_owned()
    }

    #[tracing::instrument(ret, fields(sentry.op = "gen_ai.execute_tool", tool.name = "op"))]
    pub(super) fn op() -> String {
        "rainy".to_owned()
    }

    #[tracing::instrument(ret, fields(otel.kind = "client", mcp.method.name = "tools/call", tool.name = "mcp"))]
    pub(super) fn mcp() -> String {
        "rainy".to_owned()
    }

    #[tracing::instrument(ret, fields(agent.name = "Bot"))]
    pub(super) fn run_agent() -> String {
        "rainy".to_owned()
    }

    #[tracing::instrument(ret)]
    pub(super) fn helper(tool: &str) -> String {
        tool.to_owned()
    }
}

#[test]
fn what_tools_and_agents_written_by_hand_return_is_said() {
    let bridge = Bridge::with_content();
    bridge.run(|| {
        by_hand::named();
        by_hand::in_name();
        by_hand::in_field();
        by_hand::op();
        by_hand::mcp();
        by_hand::run_agent();
        by_hand::helper("rainy");
    });
    for name in ["named", "in_name", "in_field", "op", "mcp"] {
        let tool = bridge.span(&format!("execute_tool {name}"));
        assert_eq!(tool.str("gen_ai.tool.call.result"), Some("rainy"), "{name}");
    }
    let agent = bridge.span("invoke_agent Bot");
    let said = agent.output_messages().unwrap();
    assert_eq!(said[0]["parts"][0]["content"], "rainy");
    let plain = bridge.span("helper");
    assert_eq!(plain.str("sentry.op"), Some("function"));
    assert_eq!(plain.str("gen_ai.tool.call.result"), None);

    let bridge = Bridge::start();
    bridge.run(by_hand::mcp);
    let span = format!("{:?}", bridge.span("execute_tool mcp"));
    assert!(!span.contains("rainy"), "{span}");
}

#[test]
fn an_agent_has_the_last_name_given_by_hand_unless_it_has_one_by_convention() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let agent = info_span!(
            "answer",
            gen_ai.operation.name = "invoke_agent",
            agent_name = "first",
            gen_ai.agent.name = Empty,
        );
        let call = |model| {
            drop(info_span!(parent: &agent, "chat", gen_ai.operation.name = "chat", gen_ai.request.model = model));
        };
        agent.record("agent_name", "second");
        call("early");
        agent.record("gen_ai.agent.name", "third");
        agent.record("agent_name", "fourth");
        call("late");
    });
    for (name, agent) in [("chat early", "second"), ("chat late", "third")] {
        assert_eq!(bridge.span(name).agent_name(), Some(agent));
    }
}

#[test]
fn a_session_reaches_the_calls_below_an_agent_that_says_something_else() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let outer = info_span!("run", gen_ai.operation.name = "agent", session_id = "s-1");
        let inner = info_span!(
            parent: &outer,
            "run",
            gen_ai.operation.name = "agent",
            gen_ai.agent.name = "Bot",
        );
        drop(info_span!(parent: &inner, "chat", gen_ai.operation.name = "chat"));
    });
    let call = bridge.span("chat");
    assert_eq!(call.conversation_id(), Some("s-1"));
    assert_eq!(call.agent_name(), Some("Bot"));
}

#[test]
fn an_agent_named_by_hand_is_one_as_soon_as_its_span_is_about_genai() {
    let bridge = Bridge::start();
    bridge.run(|| {
        let agent = info_span!("run", agent_name = "Bot", gen_ai.operation.name = Empty);
        let call = |model| {
            drop(info_span!(parent: &agent, "chat", gen_ai.operation.name = "chat", gen_ai.request.model = model));
        };
        call("early");
        agent.record("gen_ai.operation.name", "invoke_agent");
        call("late");
    });
    assert_eq!(bridge.span("chat early").agent_name(), None);
    assert_eq!(bridge.span("chat late").agent_name(), Some("Bot"));
}
