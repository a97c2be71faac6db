//! Anthropic's `/v1/messages`.

use serde_json::{Value, json};

use super::{
    api::{Api, Ids, is_true, model},
    failure::Failure,
    prompt::{Prompt, Reply, Tool, ToolChoice, ToolResult, elements, text, text_of},
    sse::{self, Event},
};

pub(super) struct Messages;

impl Api for Messages {
    const PATH: &'static str = "/v1/messages";

    fn prompt(request: &Value) -> Result<Prompt, Failure> {
        // Tool results come in messages of the user; a question is one without them.
        let questions = || {
            elements(request, "messages").filter(|message| {
                text(message, "role") == "user" && tool_result_blocks(message).next().is_none()
            })
        };
        Ok(Prompt {
            model: model(request)?,
            question: questions()
                .next_back()
                .map(|it| text_of(&it["content"]))
                .unwrap_or_default(),
            questions: questions().count(),
            tool_results: tool_results(request),
            tools: elements(request, "tools")
                .filter(|tool| tool.get("input_schema").is_some())
                .map(|tool| Tool {
                    name: text(tool, "name").to_owned(),
                    parameters: tool["input_schema"].clone(),
                })
                .collect(),
            tool_choice: match text(&request["tool_choice"], "type") {
                "none" => ToolChoice::Never,
                "tool" => ToolChoice::Named(text(&request["tool_choice"], "name").to_owned()),
                _ => ToolChoice::Auto,
            },
            output_schema: None,
            thinking: text(&request["thinking"], "type") == "enabled",
            stream: is_true(request, "stream"),
        })
    }

    fn answer(_request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Value {
        let mut message = empty_message(prompt, ids);
        message["content"] = content(reply, ids).into();
        message["stop_reason"] = stop_reason(reply).into();
        message["usage"]["output_tokens"] = OUTPUT_TOKENS.into();
        message
    }

    fn stream(_request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Vec<Event> {
        let mut events = vec![
            json!({"type": "message_start", "message": empty_message(prompt, ids)}),
            json!({"type": "ping"}),
        ];
        for (index, block) in content(reply, ids).iter().enumerate() {
            push_block(&mut events, index, block);
        }
        events.push(json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
            "usage": {"output_tokens": OUTPUT_TOKENS},
        }));
        events.push(json!({"type": "message_stop"}));
        events.iter().map(Event::typed).collect()
    }

    fn error(failure: &Failure, ids: &Ids) -> Value {
        let kind = match failure {
            Failure::RateLimit => "rate_limit_error",
            Failure::ServerError => "api_error",
            Failure::ContextLength | Failure::Malformed(_) => "invalid_request_error",
        };
        json!({
            "type": "error",
            "error": {"type": kind, "message": failure.message()},
            "request_id": ids.next("req_"),
        })
    }
}

/// Reads the tool results of the last message. Their names are found in the calls that they answer.
fn tool_results(request: &Value) -> Vec<ToolResult> {
    let name_of = |id: &str| {
        elements(request, "messages")
            .flat_map(|message| elements(message, "content"))
            .find(|block| text(block, "type") == "tool_use" && text(block, "id") == id)
            .map(|call| text(call, "name").to_owned())
    };
    let last = elements(request, "messages").next_back();
    last.into_iter()
        .flat_map(tool_result_blocks)
        .map(|block| ToolResult {
            name: name_of(text(block, "tool_use_id")).unwrap_or_else(|| "The tool".to_owned()),
            result: text_of(&block["content"]),
        })
        .collect()
}

fn tool_result_blocks(message: &Value) -> impl Iterator<Item = &Value> {
    elements(message, "content").filter(|block| text(block, "type") == "tool_result")
}

fn content(reply: &Reply, ids: &Ids) -> Vec<Value> {
    let thinking = reply
        .thinking
        .iter()
        .map(|it| json!({"type": "thinking", "thinking": it, "signature": "ZmFrZQ=="}));
    let text = reply
        .text
        .iter()
        .map(|it| json!({"type": "text", "text": it}));
    let calls = reply.calls.iter().map(|call| {
        json!({"type": "tool_use", "id": ids.next("toolu_"), "name": call.name, "input": call.arguments})
    });
    thinking.chain(text).chain(calls).collect()
}

fn push_block(events: &mut Vec<Value>, index: usize, block: &Value) {
    let mut start = block.clone();
    for (key, empty) in [
        ("text", json!("")),
        ("thinking", json!("")),
        ("signature", json!("")),
        ("input", json!({})),
    ] {
        if start.get(key).is_some() {
            start[key] = empty;
        }
    }
    let deltas: Vec<Value> = match text(block, "type") {
        "text" => sse::pieces(text(block, "text"))
            .map(|it| json!({"type": "text_delta", "text": it}))
            .collect(),
        "thinking" => vec![
            json!({"type": "thinking_delta", "thinking": block["thinking"]}),
            json!({"type": "signature_delta", "signature": block["signature"]}),
        ],
        _ => sse::json_pieces(&block["input"].to_string())
            .map(|it| json!({"type": "input_json_delta", "partial_json": it}))
            .collect(),
    };
    events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
    for delta in deltas {
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
    }
    events.push(json!({"type": "content_block_stop", "index": index}));
}

const OUTPUT_TOKENS: u64 = 17;

/// Returns the message with which a stream starts: without content, and with one output token so far.
fn empty_message(prompt: &Prompt, ids: &Ids) -> Value {
    json!({
        "id": ids.next("msg_"),
        "type": "message",
        "role": "assistant",
        "model": prompt.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": 20,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 100,
            "output_tokens": 1,
            "service_tier": "standard",
        },
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    }
}
