//! `OpenAI`'s `/v1/chat/completions`.

use serde_json::{Value, json};

use super::{
    api::{Api, CREATED, Ids, dated, is_true, model},
    failure::Failure,
    openai,
    prompt::{Prompt, Reply, Tool, ToolChoice, ToolResult, elements, text, text_of},
    sse::{self, Event},
};

pub(super) struct ChatCompletions;

impl Api for ChatCompletions {
    const PATH: &'static str = "/v1/chat/completions";

    fn prompt(request: &Value) -> Result<Prompt, Failure> {
        let from_user = || elements(request, "messages").filter(|it| text(it, "role") == "user");
        Ok(Prompt {
            model: model(request)?,
            question: from_user()
                .next_back()
                .map(|it| text_of(&it["content"]))
                .unwrap_or_default(),
            questions: from_user().count(),
            tool_results: tool_results(request),
            tools: elements(request, "tools")
                .filter_map(|tool| tool.get("function"))
                .map(|function| Tool {
                    name: text(function, "name").to_owned(),
                    parameters: function["parameters"].clone(),
                })
                .collect(),
            tool_choice: match &request["tool_choice"] {
                choice if choice == "none" => ToolChoice::Never,
                choice if choice.is_object() => {
                    ToolChoice::Named(text(&choice["function"], "name").to_owned())
                }
                _ => ToolChoice::Auto,
            },
            output_schema: request
                .pointer("/response_format/json_schema/schema")
                .cloned(),
            // Chat completions count reasoning tokens, but never show the reasoning.
            thinking: false,
            stream: is_true(request, "stream"),
        })
    }

    fn answer(_request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Value {
        let id = ids.next("chatcmpl-");
        let mut message = json!({"role": "assistant", "content": reply.text, "refusal": null});
        if !reply.calls.is_empty() {
            message["tool_calls"] = tool_calls(reply, ids);
        }
        json!({
            "id": id,
            "object": "chat.completion",
            "created": CREATED,
            "model": dated(&prompt.model),
            "choices": [{
                "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(reply),
            }],
            "usage": usage(),
            "service_tier": "default",
            "system_fingerprint": "fp_fake",
        })
    }

    fn stream(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Vec<Event> {
        let id = ids.next("chatcmpl-");
        let with_usage = request.pointer("/stream_options/include_usage") == Some(&json!(true));
        let chunk = |choices: Value, usage: Value| {
            let mut chunk = json!({
                "id": id, "object": "chat.completion.chunk", "created": CREATED, "model": dated(&prompt.model),
                "system_fingerprint": "fp_fake", "choices": choices,
            });
            if with_usage {
                chunk["usage"] = usage;
            }
            Event::data(&chunk)
        };
        let delta = |delta: Value, finish_reason: Option<&str>| {
            chunk(
                json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]),
                Value::Null,
            )
        };
        let mut events = vec![delta(json!({"role": "assistant", "content": ""}), None)];
        for piece in reply.text.iter().flat_map(|text| sse::pieces(text)) {
            events.push(delta(json!({"content": piece}), None));
        }
        for (index, call) in
            elements(&json!({"calls": tool_calls(reply, ids)}), "calls").enumerate()
        {
            let mut start = call.clone();
            start["index"] = index.into();
            start["function"]["arguments"] = "".into();
            events.push(delta(json!({"tool_calls": [start]}), None));
            for piece in sse::json_pieces(text(&call["function"], "arguments")) {
                let more = json!({"index": index, "function": {"arguments": piece}});
                events.push(delta(json!({"tool_calls": [more]}), None));
            }
        }
        events.push(delta(json!({}), Some(finish_reason(reply))));
        if with_usage {
            events.push(chunk(json!([]), usage()));
        }
        events.push(Event::done());
        events
    }

    fn error(failure: &Failure, _ids: &Ids) -> Value {
        openai::error(failure)
    }
}

/// Reads the tool messages at the end of the conversation. Their names are found in the calls that they answer.
fn tool_results(request: &Value) -> Vec<ToolResult> {
    let name_of = |id: &str| {
        elements(request, "messages")
            .flat_map(|message| elements(message, "tool_calls"))
            .find(|call| text(call, "id") == id)
            .map(|call| text(&call["function"], "name").to_owned())
    };
    let mut results: Vec<_> = elements(request, "messages")
        .rev()
        .take_while(|message| text(message, "role") == "tool")
        .map(|message| ToolResult {
            name: name_of(text(message, "tool_call_id")).unwrap_or_else(|| "The tool".to_owned()),
            result: text_of(&message["content"]),
        })
        .collect();
    results.reverse();
    results
}

fn tool_calls(reply: &Reply, ids: &Ids) -> Value {
    reply
        .calls
        .iter()
        .map(|call| {
            json!({
                "id": ids.next("call_"),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments.to_string()},
            })
        })
        .collect()
}

fn finish_reason(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 42,
        "completion_tokens": 17,
        "total_tokens": 59,
        "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 5, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}
