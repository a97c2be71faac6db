//! By default no content leaves: the bytes that crossed the socket are searched for planted secrets.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use sentry::{ClientOptions, Hub, integrations::tracing::LogLayer};
use sentry_genai::{Options, SpanExt};
use sentry_genai_tests::{Bridge, ran_apart};
use serde_json::json;
use tracing::{Level, Metadata, event, field::Empty, info_span, instrument};
use tracing_subscriber::{filter::filter_fn, prelude::*};

const SECRET: &str = "hunter2";
const BASE64: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Puts content into every place where a program, knowingly or not, may put it.
fn plant(bridge: &Bridge) {
    bridge.run(|| handle(&format!("my password is {SECRET} and my cat is called Mia")));
}

#[instrument(fields(http.request.method = "POST", http.route = "/ask", otel.kind = "server"))]
fn handle(question: &str) {
    let prompt = json!([
        {"role": "system", "content": format!("Guard {SECRET}.")},
        {"role": "user", "content": [
            {"type": "text", "text": question},
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{BASE64}")}},
        ]},
    ]);
    let answer = json!([{"role": "assistant", "parts": [
        {"type": "reasoning", "content": format!("They told me {SECRET}.")},
        {"type": "tool_call", "id": "call_1", "name": "save", "arguments": {"password": SECRET}},
    ], "finish_reason": "tool_call"}]);
    let agent = info_span!(
        "agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "Keeper",
        gen_ai.system_instructions = %format!("Guard {SECRET}."),
        gen_ai.prompt = question,
        gen_ai.completion = Empty,
    );
    agent.record("gen_ai.completion", format!("Saved {SECRET}."));
    let _entered = agent.enter();
    let chat = info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "gpt-5-mini",
        gen_ai.input.messages = %prompt,
        gen_ai.output.messages = Empty,
        gen_ai.tool.definitions = %json!([{"name": "save", "description": format!("Saves {SECRET}")}]),
        gen_ai.response.text = SECRET,
        prompt_preview = SECRET,
        notes = SECRET,
        langfuse.observation.input = SECRET,
        app.raw = %format!("it is {SECRET}"),
        app.list = ?[SECRET],
    );
    chat.record("gen_ai.output.messages", answer.to_string());
    chat.set_gen_ai_attribute("llm.prompts", SECRET);
    chat.set_gen_ai_attribute("gen_ai.prompt.0.content", SECRET);
    chat.set_gen_ai_attribute("gen_ai.prompt.variable.password", SECRET);
    drop(chat);
    save(SECRET, SECRET.to_owned(), 4_242_424_242);
    search(SECRET);
}

#[instrument(ret, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "save", gen_ai.tool.call.id = "call_1"))]
fn save(note: &str, password: String, pin: u64) -> String {
    format!("saved {password} and {pin}")
}

#[instrument(fields(gen_ai.operation.name = "search_memory", gen_ai.memory.query.text = text))]
fn search(text: &str) {}

fn sent(bridge: &Bridge) -> String {
    assert_eq!(bridge.spans().len(), 5);
    String::from_utf8(bridge.ingest.bytes()).unwrap()
}

#[test]
fn by_default_nothing_that_was_said_is_sent() {
    if ran_apart(by_default_nothing_that_was_said_is_sent) {
        return;
    }
    let bridge = Bridge::start();
    plant(&bridge);
    let bytes = sent(&bridge);
    for words in [SECRET, "4242424242", "Mia", &BASE64[..20]] {
        assert!(!bytes.contains(words), "{words} in {bytes}");
    }
    let chat = bridge.span("chat gpt-5-mini");
    assert_eq!(
        chat.str("gen_ai.response.finish_reasons"),
        Some(r#"["tool_call"]"#)
    );
    let tool = bridge.span("execute_tool save");
    assert_eq!(tool.str("gen_ai.tool.call.id"), Some("call_1"));
}

#[test]
fn send_default_pii_lets_content_through_but_no_blobs() {
    let bridge = Bridge::with_content();
    plant(&bridge);
    let bytes = sent(&bridge);
    assert!(!bytes.contains(&BASE64[..20]), "{bytes}");
    let chat = bridge.span("chat gpt-5-mini");
    let input = chat.input_messages().unwrap();
    let parts = input[0]["parts"].as_array().unwrap();
    assert_eq!(
        parts[0]["content"],
        format!("my password is {SECRET} and my cat is called Mia")
    );
    assert_eq!(parts[1]["content"], "[Blob substitute]");
    assert_eq!(parts[1]["mime_type"], "image/png");
    assert_eq!(
        chat.json("gen_ai.system_instructions").unwrap()[0]["content"],
        format!("Guard {SECRET}.")
    );
    let tool = bridge.span("execute_tool save");
    assert_eq!(tool.str("note"), Some(SECRET));
    assert_eq!(tool.attr("password"), None, "never meant to leave");
}

#[test]
fn inputs_and_outputs_apart() {
    if ran_apart(inputs_and_outputs_apart) {
        return;
    }
    let options = || ClientOptions::new().traces_sample_rate(1.0);
    let bridge = Bridge::with(Options::new().with_capture_inputs(true), options());
    plant(&bridge);
    bridge.spans();
    let chat = bridge.span("chat gpt-5-mini");
    assert!(chat.input_messages().is_some() && chat.output_messages().is_none());
    assert_eq!(chat.attr("notes"), None, "of unknown side");

    let bridge = Bridge::with(Options::new().with_capture_outputs(true), options());
    plant(&bridge);
    bridge.spans();
    let chat = bridge.span("chat gpt-5-mini");
    assert!(chat.input_messages().is_none() && chat.output_messages().is_some());
    assert_eq!(chat.attr("gen_ai.tool.definitions"), None);
}

#[test]
fn capture_options_win_over_send_default_pii() {
    let pii = ClientOptions::new()
        .traces_sample_rate(1.0)
        .send_default_pii(true);
    let options = Options::new()
        .with_capture_inputs(false)
        .with_capture_outputs(false);
    let bridge = Bridge::with(options, pii);
    plant(&bridge);
    assert!(!sent(&bridge).contains(SECRET));
}

#[test]
fn the_hook_sees_a_span_last_and_may_edit_or_drop_it() {
    let options = Options::new().with_before_send_span(|mut span| {
        if &*span.op == "gen_ai.execute_tool" {
            return None;
        }
        if span.attributes.remove("gen_ai.agent.name") {
            span.attributes.set("gen_ai.agent.name", "someone");
        }
        span.attributes.set("app.seen", true);
        Some(span)
    });
    let bridge = Bridge::with(options, ClientOptions::new().traces_sample_rate(1.0));
    plant(&bridge);
    let spans = bridge.spans();
    assert_eq!(spans.len(), 4);
    assert!(
        spans
            .iter()
            .all(|span| span.attr("app.seen") == Some(&json!(true)))
    );
    assert_eq!(bridge.span("chat gpt-5-mini").agent_name(), Some("someone"));
    let stats = bridge.guard().handle().unwrap().stats();
    assert_eq!(stats.lost(sentry_genai::LossReason::BeforeSend), 1);
}

#[test]
fn a_hook_that_panics_loses_its_span_and_nothing_else() {
    let options = Options::new().with_before_send_span(|span| {
        assert!(&*span.op != "gen_ai.execute_tool", "a defect in the hook");
        Some(span)
    });
    let bridge = Bridge::with(options, ClientOptions::new().traces_sample_rate(1.0));
    plant(&bridge);
    assert_eq!(bridge.spans().len(), 4);
}

#[instrument(ret, fields(gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "read_note"))]
fn read_note() -> String {
    SECRET.to_owned()
}

/// Sentry's layer for logs knows nothing of content.
#[test]
fn events_can_be_kept_out_of_logs() {
    fn is_content(metadata: &Metadata<'_>) -> bool {
        metadata.fields().field("return").is_some() || metadata.name().starts_with("gen_ai.")
    }

    let logs = |filter: fn(&Metadata<'_>) -> bool| {
        let options = ClientOptions::new();
        let bridge = Bridge::with(Options::new(), options);
        let logs = LogLayer::new().with_filter(filter_fn(filter));
        Hub::run(bridge.hub(), || {
            tracing::subscriber::with_default(tracing_subscriber::registry().with(logs), || {
                read_note();
                event!(name: "gen_ai.user.message", Level::INFO, content = SECRET);
                tracing::info!("saved");
            });
        });
        bridge.spans();
        bridge.ingest.logs()
    };
    assert_eq!(logs(|_| true).len(), 3);
    let rest = logs(|metadata| !is_content(metadata));
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0]["body"], "saved");
}
