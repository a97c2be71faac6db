//! Spans for the tests of this crate.

use serde_json::{Value, json};

use crate::ReceivedSpan;

/// A request with an agent that asks a model, calls a tool that fails, and answers.
pub(crate) fn weather_agent() -> Vec<ReceivedSpan> {
    let question =
        json!({"role": "user", "parts": [{"type": "text", "content": "Weather in Vienna?"}]});
    let call = json!({"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Vienna"}});
    vec![
        span("1", None, "POST /ask", "http.server", [0.0, 3.8], json!({})),
        span(
            "2",
            Some("1"),
            "invoke_agent Weather Agent",
            "gen_ai.invoke_agent",
            [0.5, 3.4],
            json!({}),
        ),
        chat(
            "3",
            [1.0, 1.5],
            &json!([question]),
            &json!([{"role": "assistant", "parts": [
                {"type": "reasoning", "content": "I need the tool."}, call,
            ], "finish_reason": "tool_call"}]),
        ),
        span(
            "4",
            Some("2"),
            "execute_tool get_weather",
            "gen_ai.execute_tool",
            [1.6, 1.6042],
            json!({
                "gen_ai.tool.name": "get_weather",
                "gen_ai.tool.call.arguments": "{\"city\":\"Vienna\"}",
                "gen_ai.tool.call.result": "4 °C",
                "error.type": "timeout",
            }),
        ),
        chat(
            "5",
            [1.7, 2.3],
            &json!([
                question,
                {"role": "assistant", "parts": [call]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "4 °C"}]},
            ]),
            &json!([{"role": "assistant", "parts": [
                {"type": "text", "content": "It is 4 °C.\nTake a coat."},
                {"type": "blob", "mime_type": "image/png", "content": "[Blob substitute]"},
            ], "finish_reason": "stop"}]),
        ),
    ]
}

fn chat(id: &str, times: [f64; 2], input: &Value, output: &Value) -> ReceivedSpan {
    span(
        id,
        Some("2"),
        "chat gpt-5-mini",
        "gen_ai.chat",
        times,
        json!({
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.response.model": "gpt-5-mini-2025-08-06",
            "gen_ai.usage.input_tokens": 42,
            "gen_ai.usage.cache_read.input_tokens": 16,
            "gen_ai.usage.output_tokens": 17,
            "gen_ai.usage.reasoning.output_tokens": 5,
            "gen_ai.system_instructions": "[{\"type\":\"text\",\"content\":\"Be brief.\"}]",
            "gen_ai.input.messages": input.to_string(),
            "gen_ai.output.messages": output.to_string(),
        }),
    )
}

/// Creates a span; ids are one digit repeated, times are seconds, attributes are plain values.
pub(crate) fn span(
    id: &str,
    parent: Option<&str>,
    name: &str,
    op: &str,
    [start, end]: [f64; 2],
    attributes: Value,
) -> ReceivedSpan {
    let mut span = json!({
        "trace_id": "1".repeat(32), "span_id": id.repeat(16), "name": name, "is_segment": parent.is_none(),
        "status": if attributes.get("error.type").is_some() { "error" } else { "ok" },
        "start_timestamp": start, "end_timestamp": end,
        "attributes": {"sentry.op": {"type": "string", "value": op}},
    });
    if let Some(parent) = parent {
        span["parent_span_id"] = parent.repeat(16).into();
    }
    if op.starts_with("gen_ai.") {
        span["attributes"]["gen_ai.conversation.id"] =
            json!({"type": "string", "value": "conv_01J"});
    }
    for (key, value) in attributes.as_object().into_iter().flatten() {
        let kind = if value.is_i64() { "integer" } else { "string" };
        span["attributes"][key] = json!({"type": kind, "value": value});
    }
    ReceivedSpan::from_json(&span).expect("the sample is complete")
}
