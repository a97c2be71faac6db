//! Calls of LangChain that a callback reports, whose spans are not current.

use super::{
    overlapping::{MODEL, count_calls, openinference_call},
    *,
};

/// LangSmith reports LangChain's runs when they have ended, so the span of Anthropic's SDK is beside all of them, as is that of an
/// instrumentation around it. Streams have no response id in LangSmith.
#[test]
fn a_call_inside_runs_of_langsmith_and_beside_them_counts_once() {
    const OUTPUT: (&str, &str) = ("gen_ai.usage.output_tokens", "5");
    let calls = |scope: &'static str, is_instrumented: bool| {
        let run = [("langsmith.span.kind", "chain"), ("scope", scope)];
        let call = [CHAT, MODEL, OUTPUT, ("scope", scope)];
        let sdk_call = [CHAT, MODEL, OUTPUT, (COUNT, "20"), SDK, RESPONSE];
        let mut spans = Trace(Vec::new())
            .with(1, 0, "POST /ask", &[])
            .with(2, 1, "agent", &run)
            .with(3, 2, "model", &run)
            .with(4, 3, "chat m", &call);
        if is_instrumented {
            let scope = "openinference.instrumentation.anthropic";
            let instrumented = openinference_call(scope, &[OUTPUT]);
            spans = spans.with(5, 1, "Messages", &instrumented);
        }
        let around = if is_instrumented { 5 } else { 1 };
        count_calls(spans.with(6, around, "chat m", &sdk_call))
    };
    assert_eq!(calls("langsmith", false), 1);
    assert_eq!(calls("langsmith", true), 1);
    assert_eq!(calls("shop", false), 2);
    assert_eq!(calls("shop", true), 2);
}

/// The instrumentation of the SDK is beside the spans of Langfuse's callback if LangChain is asynchronous.
#[test]
fn a_call_beside_the_spans_of_langfuses_callback_counts_once() {
    const SCOPE: (&str, &str) = ("scope", "langfuse-sdk");
    const CHAIN: (&str, &str) = ("langfuse.observation.type", "chain");
    const CALL: (&str, &str) = ("langfuse.observation.type", "generation");
    let calls = |metadata: &'static str| {
        let run = [SCOPE, CHAIN, (metadata, r#""model""#)];
        let sdk_call = openinference_call("openinference.instrumentation.openai", &[]);
        let spans = Trace(Vec::new())
            .with(1, 0, "POST /ask", &[])
            .with(2, 1, "model", &run)
            .with(3, 2, "ChatOpenAI", &[SCOPE, CALL, MODEL])
            .with(4, 1, "ChatCompletion", &sdk_call);
        count_calls(spans)
    };
    assert_eq!(calls("langfuse.observation.metadata.langgraph_node"), 1);
    // The program's own observations are current.
    assert_eq!(calls("langfuse.observation.metadata.step"), 2);
}
