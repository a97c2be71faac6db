//! Calls and tools that two instrumentations describe side by side.

use super::*;

#[test]
fn sibling_descriptions_of_one_call_count_once() {
    let spans = Trace(Vec::new())
        .with(1, 9, "chat m", &[CHAT, (COUNT, "20"), SDK, RESPONSE])
        .with(2, 9, "chat m", &[CHAT, (COUNT, "20"), RESPONSE]);
    let expected = [("function", None), ("gen_ai.chat", Some(20))];
    let mut reconciled = spans.reconciled();
    reconciled.sort();
    assert_eq!(reconciled, owned(&expected));
}

/// Logfire has two spans for a stream: one that opens it, and one that reports it when it is over.
#[test]
fn a_stream_reported_beside_the_span_that_opened_it_counts_once() {
    const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
    let count_calls = |opening: &[(&'static str, &str)]| {
        let spans = Trace(Vec::new())
            .with(1, 9, "Message with", opening)
            .with(2, 1, "chat m", &[CHAT, (COUNT, "20"), SDK, RESPONSE])
            .with(3, 9, "streaming response", &[CHAT, (COUNT, "20"), RESPONSE]);
        let reconciled = spans.reconciled().into_iter();
        reconciled.filter(|(op, _)| op == "gen_ai.chat").count()
    };
    let plain = ("gen_ai.operation.name", "invoke_workflow");
    assert_eq!(count_calls(&[plain, MODEL]), 1);
    assert_eq!(count_calls(&[plain]), 1);
    // Two calls in a request that names the model and is the root of the trace.
    let spans = Trace(Vec::new())
        .with(1, 0, "POST /ask", &[plain, MODEL])
        .with(2, 1, "chat m", &[CHAT, (COUNT, "20"), SDK, RESPONSE])
        .with(3, 1, "chat m", &[CHAT, (COUNT, "20"), RESPONSE]);
    let reconciled = spans.reconciled().into_iter();
    assert_eq!(reconciled.filter(|(op, _)| op == "gen_ai.chat").count(), 1);
}

/// OpenInference's instrumentation of LangChain does not make its spans current, so the span of Anthropic's SDK is beside the
/// agent.
#[test]
fn a_call_described_inside_and_beside_an_agent_counts_once() {
    let named = [AGENT, ("gen_ai.agent.name", "a")];
    let spans = Trace(Vec::new())
        .with(1, 0, "POST /ask", &[])
        .with(2, 1, "invoke_agent a", &named)
        .with(3, 2, "chat m", &[CHAT, (COUNT, "20"), RESPONSE])
        .with(4, 1, "chat m", &[CHAT, (COUNT, "20"), SDK, RESPONSE]);
    let reconciled = spans.reconciled().into_iter();
    assert_eq!(reconciled.filter(|(op, _)| op == "gen_ai.chat").count(), 1);
}

/// OpenInference's instrumentations of LangChain and Anthropic, and Anthropic's SDK itself.
#[test]
fn a_call_of_three_instrumentations_counts_once() {
    const OUTPUT: (&str, &str) = ("gen_ai.usage.output_tokens", "5");
    const KIND: (&str, &str) = ("openinference.span.kind", "LLM");
    let call = |scope: &'static str| {
        [
            CHAT,
            (COUNT, "20"),
            OUTPUT,
            RESPONSE,
            KIND,
            ("scope", scope),
        ]
    };
    let sdk_call = [CHAT, (COUNT, "20"), OUTPUT, RESPONSE, SDK];
    let count_calls = |end: u64, has_sdk_span: bool| {
        let mut spans = Trace(Vec::new())
            .with(1, 0, "POST /ask", &[])
            .with(
                2,
                1,
                "chain",
                &call("openinference.instrumentation.langchain"),
            )
            .with(
                3,
                1,
                "messages",
                &call("openinference.instrumentation.anthropic"),
            );
        if has_sdk_span {
            spans = spans.with(4, 3, "chat m", &sdk_call);
        }
        for (position, end) in [(1, 9), (2, end)] {
            spans.0[position].end = Timestamp::from_nanos(end);
        }
        let reconciled = spans.reconciled().into_iter();
        reconciled.filter(|(op, _)| op == "gen_ai.chat").count()
    };
    assert_eq!(count_calls(5, true), 1);
    assert_eq!(count_calls(5, false), 1);
    assert_eq!(count_calls(12, false), 1);
}

/// OpenInference's instrumentation of Claude's agents, and Claude Code inside them.
#[test]
fn a_tool_of_two_instrumentations_counts_once() {
    let id = |id| ("gen_ai.tool.call.id", id);
    let count_tools_named = |name, first: &[(&'static str, &str)]| {
        const NAME: (&str, &str) = ("gen_ai.tool.name", "Bash");
        let named = ("gen_ai.tool.name", name);
        let spans = Trace(Vec::new())
            .with(1, 9, "agent", &[AGENT])
            .with(2, 1, "tool", &[&[TOOL, named], first].concat())
            .with(3, 1, "Claude Code", &[AGENT])
            .with(4, 3, "tool", &[TOOL, NAME, id("toolu_1")]);
        let reconciled = spans.reconciled().into_iter();
        reconciled
            .filter(|(op, _)| op == "gen_ai.execute_tool")
            .count()
    };
    let count_tools = |first: &[(&'static str, &str)]| count_tools_named("Bash", first);
    let other = ("scope", "com.anthropic.claude_code.tracing");
    assert_eq!(count_tools(&[other, id("toolu_1")]), 1);
    let both = [other, id("toolu_1")];
    assert_eq!(count_tools_named("mcp__shell__Bash", &both), 1);
    assert_eq!(count_tools_named("mcp__shell__Read", &both), 2);
    assert_eq!(count_tools(&[other, id("toolu_2")]), 2);
    assert_eq!(count_tools(&[id("toolu_1")]), 2);
}

#[test]
fn sibling_descriptions_of_a_stream_that_broke_off_count_once() {
    const FAILED: (&str, &str) = ("error.type", "connection_error");
    const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
    const OTHER_RESPONSE: (&str, &str) = ("gen_ai.response.id", "msg_2");
    let count_calls = |first: &[(&'static str, &str)], second: &[(&'static str, &str)], parent| {
        let mut spans = Trace(Vec::new())
            .with(
                1,
                9,
                "chat m",
                &[&[CHAT, FAILED, MODEL, SDK], first].concat(),
            )
            .with(
                2,
                parent,
                "chat m",
                &[&[CHAT, FAILED, MODEL], second].concat(),
            );
        if first == [RESPONSE] && second == first {
            // Logfire reports the stream when it is over.
            let later = Timestamp::from_nanos(5);
            (spans.0[1].start, spans.0[1].end) = (later, later);
        }
        let reconciled = spans.reconciled().into_iter();
        reconciled.filter(|(op, _)| op == "gen_ai.chat").count()
    };
    assert_eq!(count_calls(&[RESPONSE], &[RESPONSE], 8), 1);
    // Only one of them knows the response.
    assert_eq!(count_calls(&[RESPONSE], &[], 9), 1);
    assert_eq!(count_calls(&[RESPONSE], &[OTHER_RESPONSE], 9), 2);
}

/// Failed calls have no response ids to compare.
#[test]
fn sibling_descriptions_of_one_failure_count_once() {
    const FAILED: (&str, &str) = ("error.type", "timeout");
    const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
    let count_calls = |first: &[(&'static str, &str)], parent| {
        let spans = Trace(Vec::new())
            .with(1, 9, "chat m", &[&[CHAT, FAILED], first].concat())
            .with(2, parent, "chat m", &[CHAT, FAILED, MODEL]);
        let reconciled = spans.reconciled().into_iter();
        reconciled.filter(|(op, _)| op == "gen_ai.chat").count()
    };
    assert_eq!(count_calls(&[SDK, MODEL], 9), 1);
    // OpenLLMetry does not name the model of calls that it reports in events.
    assert_eq!(count_calls(&[SDK], 9), 1);
    // The same instrumentation, another parent, another model.
    assert_eq!(count_calls(&[MODEL], 9), 2);
    assert_eq!(count_calls(&[SDK, MODEL], 8), 2);
    assert_eq!(count_calls(&[SDK, ("gen_ai.request.model", "n")], 9), 2);
}

#[test]
fn attempts_that_two_instrumentations_describe_count_once_each() {
    const FAILED: (&str, &str) = ("error.type", "timeout");
    const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
    let spans = (1..=4).fold(Trace(Vec::new()), |trace, id| {
        let scope = (
            "scope",
            ["com.anthropic.sdk.python", "shop"][usize::from(id % 2)],
        );
        trace.with(id, 9, "chat m", &[CHAT, FAILED, MODEL, scope])
    });
    let reconciled = spans.reconciled().into_iter();
    assert_eq!(reconciled.filter(|(op, _)| op == "gen_ai.chat").count(), 2);
}

/// A server that gives all its responses the same id.
#[test]
fn calls_one_after_the_other_are_distinct_whatever_their_response_ids() {
    let count = |descriptions: &[(Attribute, u64, u64)]| {
        let mut spans = Trace(Vec::new());
        for (id, (scope, ..)) in (1..).zip(descriptions) {
            let call = [CHAT, RESPONSE, (COUNT, "20"), *scope];
            spans = spans.with(id, 9, "chat m", &call);
        }
        for (span, (_, start, end)) in spans.0.iter_mut().zip(descriptions) {
            span.start = Timestamp::from_nanos(*start);
            span.end = Timestamp::from_nanos(*end);
        }
        count_calls(spans)
    };
    let other = ("scope", "shop");
    assert_eq!(count(&[(SDK, 1, 3), (other, 2, 3)]), 1);
    assert_eq!(count(&[(SDK, 1, 3), (other, 5, 7)]), 2);
    let twice = [(SDK, 1, 3), (other, 2, 3), (SDK, 5, 7), (other, 6, 7)];
    assert_eq!(count(&twice), 2);
    // Concurrent ones.
    let twice = [(SDK, 1, 9), (other, 2, 8), (SDK, 3, 7), (other, 4, 6)];
    assert_eq!(count(&twice), 2);
}

type Attribute = (&'static str, &'static str);

/// A server that gives all its responses the same id.
#[test]
fn concurrent_calls_of_one_instrumentation_are_distinct() {
    let call = [
        CHAT,
        RESPONSE,
        (COUNT, "20"),
        ("gen_ai.usage.output_tokens", "5"),
    ];
    let mut spans = Trace(Vec::new())
        .with(1, 9, "chat m", &call)
        .with(2, 9, "chat m", &call);
    for (span, end) in spans.0.iter_mut().zip([9, 5]) {
        span.end = Timestamp::from_nanos(end);
    }
    let call = ("gen_ai.chat", Some(20));
    assert_eq!(spans.reconciled(), owned(&[call, call]));
}

#[test]
fn calls_of_one_instrumentation_with_different_responses_are_distinct() {
    let id = |id| ("gen_ai.response.id", id);
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, (COUNT, "42"), id("r1")])
        .with(2, 1, "chat m", &[CHAT, (COUNT, "42"), id("r2")]);
    let call = ("gen_ai.chat", Some(42));
    assert_eq!(spans.reconciled(), owned(&[call, call]));
}

#[test]
fn sibling_calls_with_contradicting_attributes_are_distinct() {
    let other = ("gen_ai.response.id", "msg_2");
    for (first, second) in [
        // The same instrumentation: a server that gives all its responses the same id.
        (
            [CHAT, RESPONSE, (COUNT, "20")],
            [CHAT, RESPONSE, (COUNT, "20")],
        ),
        ([SDK, RESPONSE, (COUNT, "20")], [CHAT, other, (COUNT, "20")]),
    ] {
        let spans = Trace(Vec::new())
            .with(1, 9, "chat m", &[&first[..], &[CHAT]].concat())
            .with(2, 9, "chat m", &second);
        let call = ("gen_ai.chat", Some(20));
        assert_eq!(spans.reconciled(), owned(&[call, call]));
    }
}

/// OpenLLMetry's instrumentation of Mistral, beside the SDK's own span, which has no response id.
#[test]
fn a_description_without_response_id_matches_by_token_counts() {
    const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
    const INPUT: (&str, &str) = (COUNT, "20");
    const OUTPUT: (&str, &str) = ("gen_ai.usage.output_tokens", "5");
    let count_calls = |first: &[(&'static str, &str)], second: &[(&'static str, &str)]| {
        let spans = Trace(Vec::new())
            .with(
                1,
                9,
                "chat m",
                &[&[CHAT, SDK, MODEL, INPUT], first].concat(),
            )
            .with(2, 9, "chat m", &[&[CHAT], second].concat());
        let reconciled = spans.reconciled().into_iter();
        reconciled.filter(|(op, _)| op == "gen_ai.chat").count()
    };
    assert_eq!(count_calls(&[OUTPUT, RESPONSE], &[INPUT, OUTPUT, MODEL]), 1);
    // OpenLLMetry does not name the model of calls that it reports in events.
    assert_eq!(count_calls(&[OUTPUT, RESPONSE], &[INPUT, OUTPUT]), 1);
    // For a stream of Anthropic's, LangChain does not know the input count.
    assert_eq!(
        count_calls(&[OUTPUT, RESPONSE], &[(COUNT, "0"), OUTPUT, MODEL]),
        1
    );
    // Neither has a response id, the counts differ, a count is missing, or the model differs.
    assert_eq!(count_calls(&[OUTPUT], &[INPUT, OUTPUT, MODEL]), 2);
    let other = ("gen_ai.usage.output_tokens", "6");
    assert_eq!(count_calls(&[OUTPUT, RESPONSE], &[INPUT, other, MODEL]), 2);
    assert_eq!(count_calls(&[RESPONSE], &[INPUT, MODEL]), 2);
    let other = ("gen_ai.request.model", "n");
    assert_eq!(count_calls(&[OUTPUT, RESPONSE], &[INPUT, OUTPUT, other]), 2);
    assert_eq!(
        count_calls(&[OUTPUT, RESPONSE], &[(COUNT, "21"), OUTPUT, MODEL]),
        2
    );
}

pub(super) const MODEL: (&str, &str) = ("gen_ai.request.model", "m");
const CHAIN: &[(&str, &str)] = &[
    ("openinference.span.kind", "CHAIN"),
    ("scope", "openinference.instrumentation.langchain"),
];

pub(super) fn openinference_call<'a>(
    scope: &'static str,
    more: &[(&'static str, &'a str)],
) -> Vec<(&'static str, &'a str)> {
    let kind = ("openinference.span.kind", "LLM");
    [&[CHAT, MODEL, kind, ("scope", scope)], more].concat()
}

fn langchain_call<'a>(more: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    openinference_call("openinference.instrumentation.langchain", more)
}

fn sdk_call<'a>(more: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    openinference_call("openinference.instrumentation.openai", more)
}

pub(super) fn count_calls(spans: Trace) -> usize {
    let reconciled = spans.reconciled().into_iter();
    reconciled.filter(|(op, _)| op == "gen_ai.chat").count()
}

/// LangChain's call is in its chain. The SDK's is in what is around the chain, or in a step of the chain.
#[test]
fn calls_of_two_instrumentations_that_do_not_contradict_each_other_are_one() {
    let trace = |parent| {
        Trace(Vec::new())
            .with(1, 0, "POST /ask", &[])
            .with(2, 1, "RunnableSequence", CHAIN)
            .with(3, 2, "ChatOpenAI", &langchain_call(&[]))
            .with(4, parent, "ChatCompletion", &sdk_call(&[(COUNT, "20")]))
    };
    assert_eq!(count_calls(trace(1)), 1);
    assert_eq!(count_calls(trace(2)), 1);
    // The chain and the request have not ended.
    let mut open = trace(1);
    open.0.drain(..2);
    assert_eq!(count_calls(open), 1);
}

/// Langfuse's wrapper of OpenAI's SDK does not make its span current.
#[test]
fn calls_and_embeddings_of_a_wrapper_beside_those_of_an_instrumentation_are_one() {
    const LANGFUSE: (&str, &str) = ("scope", "langfuse-sdk");
    let count_spans = |operation: &'static str, kind: &'static str, other_kind: &'static str| {
        let operation = ("gen_ai.operation.name", operation);
        let kind = [operation, ("langfuse.observation.type", kind)];
        let input = (COUNT, "20");
        let instrumentation = ("scope", "openinference.instrumentation.openai");
        let openinference = ("openinference.span.kind", other_kind);
        let spans = Trace(Vec::new())
            .with(1, 9, "OpenAI", &[kind[0], kind[1], MODEL, LANGFUSE, input])
            .with(
                2,
                9,
                "SDK",
                &[operation, MODEL, openinference, instrumentation, input],
            );
        let reconciled = spans.reconciled().into_iter();
        reconciled.filter(|(op, _)| op != "function").count()
    };
    assert_eq!(count_spans("chat", "generation", "LLM"), 1);
    assert_eq!(count_spans("embeddings", "embedding", "EMBEDDING"), 1);
}

#[test]
fn calls_of_two_instrumentations_inside_different_spans_of_the_program_are_distinct() {
    let spans = Trace(Vec::new())
        .with(1, 0, "POST /ask", &[])
        .with(2, 1, "draft", &[])
        .with(3, 1, "translate", &[])
        .with(4, 2, "ChatOpenAI", &langchain_call(&[]))
        .with(5, 3, "ChatCompletion", &sdk_call(&[]));
    assert_eq!(count_calls(spans), 2);
}

#[test]
fn calls_that_contradict_each_other_are_distinct() {
    const FAILED: (&str, &str) = ("error.type", "timeout");
    let count = |first: &[(&'static str, &str)], second: &[(&'static str, &str)]| {
        let spans = Trace(Vec::new())
            .with(1, 9, "ChatOpenAI", &langchain_call(first))
            .with(2, 9, "ChatCompletion", &sdk_call(second));
        count_calls(spans)
    };
    assert_eq!(count(&[(COUNT, "20")], &[(COUNT, "20")]), 1);
    assert_eq!(count(&[(COUNT, "20")], &[(COUNT, "21")]), 2);
    assert_eq!(count(&[FAILED], &[]), 1);
    assert_eq!(count(&[], &[FAILED]), 2);
}

/// The scopes of a program's own spans are its modules.
#[test]
fn calls_of_a_programs_modules_are_distinct() {
    let call = |module| [CHAT, MODEL, ("scope", module)];
    let spans = Trace(Vec::new())
        .with(1, 9, "chat m", &call("shop::draft"))
        .with(2, 9, "chat m", &call("shop::translate"));
    assert_eq!(count_calls(spans), 2);
}

/// In Python, OpenLLMetry's instrumentation of LangChain silences that of the SDK.
#[test]
fn openllmetry_describes_a_stream_of_langchain_twice_in_javascript() {
    let count = |langchain, sdk| {
        let spans = Trace(Vec::new())
            .with(
                1,
                9,
                "chat m",
                &[CHAT, MODEL, (COUNT, "20"), ("scope", langchain)],
            )
            .with(2, 9, "chat m", &[CHAT, MODEL, RESPONSE, ("scope", sdk)]);
        count_calls(spans)
    };
    let javascript = count(
        "@traceloop/instrumentation-langchain",
        "@traceloop/instrumentation-openai",
    );
    assert_eq!(javascript, 1);
    let python = count(
        "opentelemetry.instrumentation.langchain",
        "opentelemetry.instrumentation.openai.v1",
    );
    assert_eq!(python, 2);
}

/// The request for a response in the background has the question, and the requests for its state have the answer.
#[test]
fn a_response_that_is_looked_up_counts_once() {
    let call = |id: &'static str, more: &[(&'static str, &'static str)]| {
        let own = [
            CHAT,
            ("gen_ai.request.model", "m"),
            ("gen_ai.response.id", id),
        ];
        [&own, more].concat()
    };
    let counts = |second: &'static str| {
        let first = "resp_80331f36f3bf4c8fb1504814d87ea62f";
        let asked = (INPUT, r#"[{"role":"user","content":"Hi"}]"#);
        let counted = (COUNT, "42");
        let mut spans = Trace(Vec::new())
            .with(1, 9, "chat m", &call(first, &[asked]))
            .with(2, 9, "chat m", &call(first, &[counted]))
            .with(3, 9, "chat m", &call(second, &[counted]))
            .0;
        for (span, start) in spans.iter_mut().zip(1..) {
            span.start = Timestamp::from_nanos(start * 10);
            span.end = Timestamp::from_nanos(start * 10 + 1);
        }
        reconcile(&mut spans, &ContentLimits::default());
        assert!(spans[1].attributes.contains(INPUT));
        spans
            .iter()
            .map(|span| span.attributes.integer(COUNT))
            .collect::<Vec<_>>()
    };
    let same = counts("resp_80331f36f3bf4c8fb1504814d87ea62f");
    assert_eq!(same, [None, Some(42), None]);
    let other = counts("resp_562612adc83f4364a3be56b5e8b4dec9");
    assert_eq!(other, [None, Some(42), Some(42)]);
}
