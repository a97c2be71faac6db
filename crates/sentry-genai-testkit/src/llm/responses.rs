//! `OpenAI`'s `/v1/responses`.

use serde_json::{Value, json};

use super::{
    api::{Api, CREATED, Ids, dated, is_true, model},
    failure::Failure,
    openai,
    prompt::{Prompt, Reply, Tool, ToolChoice, ToolResult, elements, text, text_of},
    sse::{self, Event},
};

pub(super) struct Responses;

impl Api for Responses {
    const PATH: &'static str = "/v1/responses";

    fn prompt(request: &Value) -> Result<Prompt, Failure> {
        let from_user = || elements(request, "input").filter(|it| text(it, "role") == "user");
        let (question, questions) = match request.get("input").and_then(Value::as_str) {
            Some(input) => (input.to_owned(), 1),
            None => {
                let last = from_user().next_back();
                let question = last.map(|it| text_of(&it["content"]));
                (question.unwrap_or_default(), from_user().count())
            }
        };
        Ok(Prompt {
            model: model(request)?,
            question,
            questions,
            tool_results: tool_results(request),
            tools: elements(request, "tools")
                .filter(|tool| text(tool, "type") == "function")
                .map(|tool| Tool {
                    name: text(tool, "name").to_owned(),
                    parameters: tool["parameters"].clone(),
                })
                .collect(),
            tool_choice: match &request["tool_choice"] {
                choice if choice == "none" => ToolChoice::Never,
                choice if choice.is_object() => ToolChoice::Named(text(choice, "name").to_owned()),
                _ => ToolChoice::Auto,
            },
            output_schema: request.pointer("/text/format/schema").cloned(),
            thinking: request
                .pointer("/reasoning/summary")
                .is_some_and(Value::is_string),
            stream: is_true(request, "stream"),
        })
    }

    fn answer(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Value {
        let id = ids.next("resp_");
        response(request, prompt, &id, Some(&output(reply, ids)))
    }

    fn stream(request: &Value, prompt: &Prompt, reply: &Reply, ids: &Ids) -> Vec<Event> {
        let id = ids.next("resp_");
        let items = output(reply, ids);
        let started = response(request, prompt, &id, None);
        let completed = response(request, prompt, &id, Some(&items));
        let mut events = Events::default();
        events.push(json!({"type": "response.created", "response": started}));
        events.push(json!({"type": "response.in_progress", "response": started}));
        for (index, item) in items.iter().enumerate() {
            events.push_item(index, item);
        }
        events.push(json!({"type": "response.completed", "response": completed}));
        events.0
    }

    fn error(failure: &Failure, _ids: &Ids) -> Value {
        openai::error(failure)
    }
}

/// Events with consecutive sequence numbers.
#[derive(Default)]
struct Events(Vec<Event>);

impl Events {
    fn push(&mut self, mut data: Value) {
        data["sequence_number"] = self.0.len().into();
        self.0.push(Event::typed(&data));
    }

    fn push_item(&mut self, index: usize, item: &Value) {
        let mut started = item.clone();
        started["status"] = "in_progress".into();
        for (key, empty) in [("content", json!([])), ("arguments", json!(""))] {
            if started.get(key).is_some() {
                started[key] = empty;
            }
        }
        self.push(
            json!({"type": "response.output_item.added", "output_index": index, "item": started}),
        );
        match text(item, "type") {
            "message" => self.push_message(index, item),
            "function_call" => self.push_call(index, item),
            _ => {}
        }
        self.push(
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        );
    }

    fn push_message(&mut self, index: usize, item: &Value) {
        let part = &item["content"][0];
        let at = |kind: &str, key: &str, value: Value| {
            let mut event = json!({
                "type": kind, "item_id": item["id"], "output_index": index, "content_index": 0,
            });
            event[key] = value;
            event
        };
        let empty = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
        self.push(at("response.content_part.added", "part", empty));
        for piece in sse::pieces(text(part, "text")) {
            let mut event = at("response.output_text.delta", "delta", piece.into());
            event["logprobs"] = json!([]);
            self.push(event);
        }
        let mut done = at("response.output_text.done", "text", part["text"].clone());
        done["logprobs"] = json!([]);
        self.push(done);
        self.push(at("response.content_part.done", "part", part.clone()));
    }

    fn push_call(&mut self, index: usize, item: &Value) {
        let arguments = text(item, "arguments");
        for piece in sse::json_pieces(arguments) {
            self.push(json!({
                "type": "response.function_call_arguments.delta",
                "item_id": item["id"], "output_index": index, "delta": piece,
            }));
        }
        self.push(json!({
            "type": "response.function_call_arguments.done",
            "item_id": item["id"], "output_index": index, "name": item["name"], "arguments": arguments,
        }));
    }
}

/// Reads the function call outputs at the end of the input. Their names are found in the calls that they answer, if those were
/// sent along.
fn tool_results(request: &Value) -> Vec<ToolResult> {
    let name_of = |id: &str| {
        elements(request, "input")
            .find(|item| text(item, "type") == "function_call" && text(item, "call_id") == id)
            .map(|call| text(call, "name").to_owned())
    };
    let mut results: Vec<_> = elements(request, "input")
        .rev()
        .take_while(|item| text(item, "type") == "function_call_output")
        .map(|item| ToolResult {
            name: name_of(text(item, "call_id")).unwrap_or_else(|| "The tool".to_owned()),
            result: text_of(&item["output"]),
        })
        .collect();
    results.reverse();
    results
}

fn output(reply: &Reply, ids: &Ids) -> Vec<Value> {
    let thinking = reply.thinking.iter().map(|thinking| {
        json!({
            "type": "reasoning", "id": ids.next("rs_"), "summary": [{"type": "summary_text", "text": thinking}],
        })
    });
    let message = reply.text.iter().map(|text| {
        json!({
            "type": "message", "id": ids.next("msg_"), "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
        })
    });
    let calls = reply.calls.iter().map(|call| {
        json!({
            "type": "function_call", "id": ids.next("fc_"), "call_id": ids.next("call_"), "status": "completed",
            "name": call.name, "arguments": call.arguments.to_string(),
        })
    });
    thinking.chain(message).chain(calls).collect()
}

/// Writes the response object; without `output`, that of a response in progress.
fn response(request: &Value, prompt: &Prompt, id: &str, output: Option<&[Value]>) -> Value {
    let from_request = |key: &str, default: Value| request.get(key).cloned().unwrap_or(default);
    json!({
        "id": id,
        "object": "response",
        "created_at": CREATED,
        "status": if output.is_some() { "completed" } else { "in_progress" },
        "error": null,
        "incomplete_details": null,
        "instructions": from_request("instructions", Value::Null),
        "max_output_tokens": from_request("max_output_tokens", Value::Null),
        "metadata": from_request("metadata", json!({})),
        "model": dated(&prompt.model),
        "output": output.unwrap_or_default(),
        "parallel_tool_calls": true,
        "previous_response_id": from_request("previous_response_id", Value::Null),
        "reasoning": from_request("reasoning", json!({"effort": null, "summary": null})),
        "service_tier": "default",
        "store": from_request("store", json!(true)),
        "temperature": from_request("temperature", json!(1.0)),
        "text": from_request("text", json!({"format": {"type": "text"}})),
        "tool_choice": from_request("tool_choice", json!("auto")),
        "tools": from_request("tools", json!([])),
        "top_p": from_request("top_p", json!(1.0)),
        "truncation": "disabled",
        "usage": output.map(|_| usage()),
        "user": null,
    })
}

fn usage() -> Value {
    json!({
        "input_tokens": 42,
        "input_tokens_details": {"cached_tokens": 16},
        "output_tokens": 17,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 59,
    })
}
