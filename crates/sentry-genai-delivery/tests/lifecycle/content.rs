//! Spans with much content.

use sentry_genai_delivery::{TraceLifecycle, new_span_id};
use serde_json::{Value, json};

use super::{Pair, children};

/// A coding agent's content, which has much to escape, and is there under its former names as well.
#[test]
fn a_model_call_with_as_much_content_as_is_allowed_arrives() {
    let pair = Pair::with(|options| {
        let options = options.with_trace_lifecycle(TraceLifecycle::Classic);
        options.with_capture_outputs(true)
    });
    let segment = pair.segment();
    let code = "let x = \"a\";\n\tprintln!(\"{x}\");\n".repeat(750);
    let messages = |role| {
        let message = json!({"role": role, "parts": [{"type": "text", "content": code}]});
        json!(vec![message; 10]).to_string()
    };
    pair.send(&segment, new_span_id(), |span| {
        let tool = json!({"type": "function", "name": "run", "description": &code[..2_400]});
        let part = json!({"type": "text", "content": code});
        for (key, content) in [
            ("gen_ai.input.messages", messages("user")),
            ("gen_ai.output.messages", messages("assistant")),
            (
                "gen_ai.tool.definitions",
                json!(vec![tool; 100]).to_string(),
            ),
            (
                "gen_ai.system_instructions",
                json!(vec![part; 10]).to_string(),
            ),
        ] {
            span.attributes.push(key, content);
        }
        span.attributes.push("gen_ai.operation.name", "chat");
    });
    pair.root(&segment);
    let transactions = pair.transactions(2);
    let chat = &children(&transactions[0])[0]["data"];
    for key in [
        "gen_ai.input.messages",
        "gen_ai.request.messages",
        "gen_ai.output.messages",
    ] {
        let messages: Vec<Value> = serde_json::from_str(chat[key].as_str().unwrap()).unwrap();
        assert!(!messages.is_empty(), "{key}");
    }
}
