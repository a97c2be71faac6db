mod agent_messages;
mod callbacks;
mod distinct;
mod enclosing_step;
mod evaluations;
mod failures;
mod inheritance;
mod names;
mod other_service;
mod overlapping;
mod raw_request;
mod sibling_agents;
mod sibling_answer;
mod step_history;
mod thread_runs;
mod totals;
mod unnamed_agents;
mod wrappers;

use proptest::prelude::*;

use super::*;
use crate::{
    SourceSpan, SpanId, SpanKind, Status, Timestamp, TraceId, TranslateOptions, Translator,
    testing::shown,
};

struct Trace(Vec<SentrySpan>);

impl Trace {
    fn with(
        mut self,
        id: u8,
        parent: u8,
        name: &'static str,
        attributes: &[(&'static str, &str)],
    ) -> Self {
        let trace_id = TraceId::from_bytes([9; 16]).unwrap();
        let span_id = |id: u8| SpanId::from_bytes([id; 8]);
        let mut span = SourceSpan::new(trace_id, span_id(id).unwrap(), name, Timestamp::default());
        span.parent_span_id = span_id(parent);
        for (key, value) in attributes {
            match value.parse::<i64>() {
                _ if *key == "scope" => span.scope = (*value).to_owned().into(),
                Ok(number) => span.attributes.push(key, number),
                Err(_) => span.attributes.push(key, *value),
            }
        }
        if attributes.contains(&("kind", "server")) {
            span.kind = Some(SpanKind::Server);
        }
        if attributes.contains(&("kind", "client")) {
            span.kind = Some(SpanKind::Client);
        }
        let options = TranslateOptions {
            capture_inputs: true,
            capture_outputs: true,
            ..TranslateOptions::default()
        };
        self.0.push(Translator::new(options).translate(span));
        self
    }

    /// Relates the spans in this order and in reverse. Returns ops and input tokens by id.
    fn reconciled(self) -> Vec<(String, Option<i64>)> {
        let mut backwards: Vec<_> = self.0.iter().rev().cloned().collect();
        let mut spans = self.0;
        reconcile(&mut spans, &ContentLimits::default());
        reconcile(&mut backwards, &ContentLimits::default());
        backwards.reverse();
        let outline = |spans: &[SentrySpan]| {
            let tokens = |span: &SentrySpan| span.attributes.integer("gen_ai.usage.input_tokens");
            let outlines = spans.iter().map(|span| (span.op.to_string(), tokens(span)));
            outlines.collect::<Vec<_>>()
        };
        assert_eq!(outline(&spans), outline(&backwards));
        outline(&spans)
    }
}

const CHAT: (&str, &str) = ("gen_ai.operation.name", "chat");
const AGENT: (&str, &str) = ("gen_ai.operation.name", "invoke_agent");
const TOOL: (&str, &str) = ("gen_ai.operation.name", "execute_tool");
const COUNT: &str = "gen_ai.usage.input_tokens";

fn owned(spans: &[(&str, Option<i64>)]) -> Vec<(String, Option<i64>)> {
    let owned = spans.iter().map(|(op, tokens)| ((*op).to_owned(), *tokens));
    owned.collect()
}

/// The scope of Anthropic's SDK, which makes the span one of a different instrumentation than the other calls here.
const SDK: (&str, &str) = ("scope", "com.anthropic.sdk.python");
const RESPONSE: (&str, &str) = ("gen_ai.response.id", "msg_1");

#[test]
fn a_call_described_three_times_counts_once() {
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
        .with(2, 1, "POST", &[("http.request.method", "POST")])
        .with(3, 2, "chat m", &[CHAT])
        .with(4, 3, "chat m", &[CHAT, (COUNT, "42")]);
    let expected = [
        ("gen_ai.chat", Some(42)),
        ("http", None),
        ("function", None),
        ("function", None),
    ];
    assert_eq!(spans.reconciled(), owned(&expected));
}

#[test]
fn counts_of_two_descriptions_are_not_added() {
    let read = "gen_ai.usage.cache_read.input_tokens";
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "20")])
        .with(2, 1, "chat m", &[CHAT, (COUNT, "150"), (read, "100")]);
    let expected = [("gen_ai.chat", Some(150)), ("function", None)];
    assert_eq!(spans.reconciled(), owned(&expected));
}

/// For example the user of ADK 2.0, which only the inner description names.
#[test]
fn a_user_named_by_either_description_is_kept() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
        .with(2, 1, "chat m", &[CHAT, ("user.id", "alice")])
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(&*spans[0].op, "gen_ai.chat");
    assert_eq!(spans[0].attributes.text("user.id"), Some("alice"));
}

#[test]
fn a_call_that_takes_over_the_name_of_its_agent_keeps_its_own() {
    let mut spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42")])
        .with(2, 1, "chat m", &[CHAT, ("gen_ai.agent.name", "a")])
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[0].attributes.text(super::AGENT), Some("a"));
    assert_eq!(spans[0].name, "chat m");
}

/// Codex reports the counts of a call in a separate span for the last event.
#[test]
fn a_call_takes_the_counts_of_a_span_that_describes_part_of_it() {
    let scope = ("scope", "codex_exec");
    let reconciled = Trace(Vec::new())
        .with(
            1,
            0,
            "try_run_sampling_request",
            &[scope, ("model", "gpt-5")],
        )
        .with(2, 1, "receiving_stream", &[scope])
        .with(3, 2, "handle_responses", &[scope, (COUNT, "42")])
        .reconciled();
    let expected = [
        ("gen_ai.chat", Some(42)),
        ("function", None),
        ("function", None),
    ];
    assert_eq!(reconciled, owned(&expected));
}

#[test]
fn plain_spans_between_descriptions_are_ignored() {
    let mut spans = Trace(Vec::new()).with(1, 0, "chat m", &[CHAT, (COUNT, "42")]);
    for id in 2..40 {
        spans = spans.with(id, id - 1, "step", &[]);
    }
    let spans = spans.with(40, 39, "chat m", &[CHAT, (COUNT, "42")]);
    let reconciled = spans.reconciled();
    assert_eq!(reconciled[0], ("gen_ai.chat".to_owned(), Some(42)));
    assert_eq!(reconciled[39], ("function".to_owned(), None));
}

/// goose's span around the stream of an answer, which has the messages. Which of the two stays must not depend on what may leave.
#[test]
fn the_outer_description_stays_and_takes_the_messages() {
    const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
    let messages = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]"#;
    for inner in [
        &[CHAT, MODEL, SDK, (COUNT, "42"), (OUTPUT, messages)][..],
        &[CHAT, MODEL, SDK, (COUNT, "42")],
    ] {
        let trace = Trace(Vec::new())
            .with(1, 0, "stream", &[CHAT, MODEL, (COUNT, "42")])
            .with(2, 1, "chat", inner);
        let mut spans = trace.0;
        let had_messages = spans[1].attributes.contains(OUTPUT);
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!(spans[0].op, "gen_ai.chat");
        assert_eq!(spans[1].op, "function");
        assert_eq!(spans[0].attributes.contains(OUTPUT), had_messages);
        assert!(!spans[1].attributes.contains(OUTPUT), "they are sent twice");
    }
}

#[test]
fn a_failure_of_the_inner_tool_description_is_propagated() {
    let tool = [TOOL, ("gen_ai.tool.name", "t")];
    let failed = [tool[0], tool[1], ("error.type", "ValueError")];
    let outcome = |trace: Trace| {
        let mut spans = trace.0;
        reconcile(&mut spans, &ContentLimits::default());
        let variant = spans[0].attributes.text("error.type").map(str::to_owned);
        (spans[0].op.to_string(), spans[0].status, variant)
    };
    let once = Trace(Vec::new()).with(1, 0, "execute_tool t", &tool);
    let once = once.with(2, 1, "execute_tool t", &failed);
    let variant = Some("ValueError".to_owned());
    let kept = "gen_ai.execute_tool".to_owned();
    assert_eq!(outcome(once), (kept, Status::Error, variant));
    // What is around several attempts is not a tool, and may have succeeded.
    let twice = Trace(Vec::new())
        .with(1, 0, "execute_tool t", &tool)
        .with(2, 1, "execute_tool t", &failed)
        .with(3, 1, "execute_tool t", &tool);
    assert_eq!(outcome(twice), ("function".to_owned(), Status::Ok, None));
}

/// A client may try again, or ask another model.
#[test]
fn a_failure_inside_a_call_is_propagated_unless_the_call_knows_of_an_answer() {
    let status = |wrapper: &[(&'static str, &str)]| {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat m", &[&[CHAT], wrapper].concat())
            .with(2, 1, "chat m", &[CHAT, ("error.type", "429")])
            .0;
        reconcile(&mut spans, &ContentLimits::default());
        (spans[0].op.to_string(), spans[0].status)
    };
    let call = "gen_ai.chat".to_owned();
    assert_eq!(status(&[(COUNT, "42")]), (call.clone(), Status::Ok));
    let named = [("gen_ai.response.model", "m")];
    assert_eq!(status(&named), (call, Status::Error));
}

#[test]
fn agents_tools_and_requests_described_twice_count_once() {
    let call = [("mcp.method.name", "tools/call"), ("gen_ai.tool.name", "t")];
    let server = [call[0], call[1], ("kind", "server")];
    let name_attribute = [AGENT, ("gen_ai.agent.name", "a")];
    let spans = Trace(Vec::new())
        .with(1, 0, "invoke_agent a", &name_attribute)
        .with(2, 1, "invoke_agent a", &name_attribute)
        .with(3, 2, "execute_tool t", &[TOOL, ("gen_ai.tool.name", "t")])
        .with(4, 3, "tools/call t", &call)
        .with(5, 4, "tools/call t", &call)
        .with(6, 5, "tools/call t", &server)
        .with(7, 6, "tools/call t", &server);
    let ops: Vec<_> = spans.reconciled().into_iter().map(|(op, _)| op).collect();
    let expected = [
        "gen_ai.invoke_agent",
        "function",
        "gen_ai.execute_tool",
        "function",
        "function",
        "mcp.server",
        "function",
    ];
    assert_eq!(ops, expected);
}

/// Requests that rust-mcp-sdk's servers handle at the same time are inside one another.
#[test]
fn an_mcp_request_inside_another_one_counts() {
    const SERVED: [(&str, &str); 2] = [("mcp.method.name", "tools/call"), ("kind", "server")];
    let ops_with = |inner_id| {
        let request = |id| [SERVED[0], SERVED[1], ("jsonrpc.request.id", id)];
        let spans = Trace(Vec::new())
            .with(1, 0, "tools/call", &request("1"))
            .with(2, 1, "tools/call", &request(inner_id));
        spans.reconciled().into_iter().map(|(op, _)| op).collect()
    };
    let (another, same): (Vec<_>, Vec<_>) = (ops_with("2"), ops_with("1"));
    assert_eq!(another, ["mcp.server", "mcp.server"]);
    assert_eq!(same, ["mcp.server", "function"]);
}

/// FastMCP does this for a server that is mounted into another.
#[test]
fn handling_a_request_in_an_mcp_server_is_not_a_tool_call() {
    const CALL: (&str, &str) = ("mcp.method.name", "tools/call");
    const ID: &str = "jsonrpc.request.id";
    let served = [
        CALL,
        (ID, "1"),
        ("gen_ai.tool.name", "a_t"),
        ("kind", "server"),
    ];
    let inner = [CALL, (ID, "1"), ("gen_ai.tool.name", "t"), TOOL];
    let spans = Trace(Vec::new())
        .with(1, 0, "tools/call a_t", &served)
        .with(2, 1, "delegate t", &[CALL])
        .with(3, 2, "tools/call t", &inner)
        // A request that it sends to another server is a call.
        .with(4, 0, "tools/call a_t", &served)
        .with(
            5,
            4,
            "tools/call b",
            &[CALL, ("gen_ai.tool.name", "b"), ("kind", "client")],
        )
        .with(6, 0, "tools/call a_t", &served)
        .with(
            7,
            6,
            "tools/call b",
            &[CALL, (ID, "2"), ("gen_ai.tool.name", "b")],
        );
    let ops: Vec<_> = spans.reconciled().into_iter().map(|(op, _)| op).collect();
    let expected = [
        "mcp.server",
        "function",
        "function",
        "mcp.server",
        "gen_ai.execute_tool",
        "mcp.server",
        "gen_ai.execute_tool",
    ];
    assert_eq!(ops, expected);
}

/// Generates a span of one of several kinds. Its parent may be any other span, itself, or one that does not exist.
fn any_span() -> impl Strategy<Value = (u8, usize, bool)> {
    (0..14_u8, 0..9_usize, any::<bool>())
}

proptest! {
    /// The fast checks reach the same result as examining the whole span tree.
    #[test]
    fn fast_checks_agree_with_an_exhaustive_pass(kinds in proptest::collection::vec(any_span(), 0..12)) {
        let mut trace = Trace(Vec::new());
        for (id, (parent, variant, counts)) in (1..).zip(kinds) {
            let name_attribute = |key| [(key, "a"), (key, "b")][variant % 2];
            let operation = [CHAT, AGENT, TOOL, ("gen_ai.operation.name", "embeddings")];
            let mut attributes = match variant {
                0 => vec![],
                1 => vec![("mcp.method.name", "tools/call"), ("kind", "server")],
                7 => vec![("mcp.method.name", "tools/call"), name_attribute("gen_ai.tool.name")],
                2 => vec![CHAT],
                3 | 4 => vec![AGENT, name_attribute("gen_ai.agent.name")],
                5 | 6 => vec![TOOL, name_attribute("gen_ai.tool.name")],
                variant => vec![operation[variant % 4]],
            };
            attributes.extend(counts.then_some((COUNT, "42")));
            trace = trace.with(id, parent, "work", &attributes);
        }
        let mut spans = trace.0;
        let mut exhaustive = spans.clone();
        reconcile(&mut spans, &ContentLimits::default());
        let tree = SpanTree::of(&exhaustive, &SpanIndex::of(&exhaustive));
        duplicates::merge_nested(&mut exhaustive, &tree, &ContentLimits::default());
        super::totals::remove_repeated_totals(&mut exhaustive, &tree);
        let shown = |span: &SentrySpan| format!("{span:?} {}", shown(&span.attributes));
        let [spans, exhaustive] = [spans, exhaustive].map(|spans| spans.iter().map(shown).collect::<Vec<_>>());
        prop_assert_eq!(spans, exhaustive);
    }
}

/// Mastra's steps have the input, and the tools that the answer calls. The calls inside have the token counts.
#[test]
fn a_call_takes_the_messages_of_the_step_around_it() {
    let trace = Trace(Vec::new())
        .with(
            1,
            0,
            "agent_step a",
            &[
                ("mastra.span.type", "model_step"),
                (
                    "mastra.model_step.input",
                    r#"[{"role":"user","content":"Hi"}]"#,
                ),
                (
                    "mastra.model_step.output",
                    r#"{"text":"Wait","toolCalls":[{"toolCallId":"c","toolName":"t","args":{}}]}"#,
                ),
            ],
        )
        .with(
            2,
            1,
            "chat m",
            &[
                CHAT,
                ("mastra.span.type", "model_inference"),
                (
                    OUTPUT,
                    r#"[{"role":"assistant","parts":[{"type":"text","content":"Wait"}]}]"#,
                ),
                (COUNT, "42"),
            ],
        );
    let mut spans = trace.0;
    reconcile(&mut spans, &ContentLimits::default());
    let text = |key| spans[1].attributes.text(key).unwrap_or_default();
    assert!(text(INPUT).contains("Hi"), "{}", text(INPUT));
    assert!(text(OUTPUT).contains("tool_call"), "{}", text(OUTPUT));
    assert_eq!(&*spans[0].op, "function");
    assert_eq!(spans[1].attributes.integer(COUNT), Some(42));
}
