//! Tools that the provider runs, or that a person has to allow, and documents.

use serde_json::{Value, json};

use super::{input, output};

/// Returns the types of all parts, message by message, with the roles.
fn outline(messages: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = messages.as_array().unwrap().iter();
    messages
        .map(|message| {
            let parts = message["parts"].as_array().unwrap().iter();
            let kinds = parts.map(|part| text(&part["type"])).collect();
            (text(&message["role"]), kinds)
        })
        .collect()
}

fn response(items: &Value) -> Value {
    output(json!({"object": "response", "status": "completed", "output": items}))
}

#[test]
fn an_mcp_approval_request_is_a_tool_call() {
    let tools = json!({"type": "mcp_list_tools", "id": "l1", "server_label": "wiki", "tools": [{"name": "ask"}]});
    let request = json!({
        "type": "mcp_approval_request", "id": "r1", "name": "ask", "server_label": "wiki", "arguments": "{\"q\":1}",
    });
    let shown = response(&json!([tools, request]));
    let calls = json!([
        {"type": "tool_call", "id": "l1", "name": "mcp_list_tools",
            "arguments": {"server_label": "wiki", "tools": [{"name": "ask"}]}},
        {"type": "tool_call", "id": "r1", "name": "ask", "arguments": {"q": 1}},
    ]);
    assert_eq!(
        shown,
        json!([{"role": "assistant", "parts": calls, "finish_reason": "tool_calls"}])
    );

    let allowed = input(json!({"model": "m", "input": [
        {"type": "mcp_approval_response", "approval_request_id": "r1", "approve": true, "reason": null},
    ]}));
    assert_eq!(allowed[0]["role"], "tool");
    assert_eq!(allowed[0]["parts"][0]["id"], "r1");
    assert_eq!(allowed[0]["parts"][0]["response"], json!({"approve": true}));
}

#[test]
fn a_response_with_an_open_call_ends_with_tool_calls() {
    let reason = |items: Value| response(&items)[0]["finish_reason"].clone();
    let call =
        json!({"type": "shell_call", "id": "s1", "call_id": "c1", "action": {"commands": ["ls"]}});
    assert_eq!(reason(json!([call])), "tool_calls");
    let answer = json!({"type": "shell_call_output", "call_id": "c1", "output": [{"stdout": "a"}]});
    assert_eq!(reason(json!([call, answer])), "stop");
    let search = json!({"type": "web_search_call", "id": "w1", "status": "completed"});
    assert_eq!(reason(json!([search])), "stop");
}

#[test]
fn text_after_a_provider_tool_result_stays_after_it() {
    let parts = json!([
        {"type": "text", "text": "Let me look"},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"title": "t"}]},
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "21"},
    ]);
    let shown = input(json!([{"role": "assistant", "content": parts}]));
    let expected = [
        ("assistant", &["text"][..]),
        ("assistant", &["tool_call"]),
        ("tool", &["tool_call_response"]),
        ("assistant", &["reasoning", "text"]),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(role, kinds)| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            ((*role).to_owned(), kinds)
        })
        .collect();
    assert_eq!(outline(&shown), expected);
}

#[test]
fn a_text_document_becomes_text() {
    let parts = |source: Value| {
        let document = json!({"type": "document", "source": source, "title": "t"});
        input(json!([{"role": "user", "content": [document]}]))[0]["parts"].clone()
    };
    let text = json!([{"type": "text", "content": "21"}]);
    let source = json!({"type": "text", "media_type": "text/plain", "data": "21"});
    assert_eq!(parts(source), text);
    let source = json!({"type": "content", "content": [{"type": "text", "text": "21"}]});
    assert_eq!(parts(source), text);
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"});
    assert_eq!(parts(source)[0]["type"], "blob");
}

#[test]
fn encrypted_compaction_is_dropped_and_summaries_are_reasoning() {
    let encrypted = json!({"type": "compaction", "id": "c1", "encrypted_content": "gAAA"});
    let compacted = output(json!({"object": "response.compaction", "output": [encrypted]}));
    assert_eq!(compacted, json!([]));
    let summary = json!({"type": "compaction", "content": "They spoke of the weather"});
    let shown = output(json!([{"role": "assistant", "content": [summary]}]));
    assert_eq!(
        shown[0]["parts"],
        json!([{"type": "reasoning", "content": "They spoke of the weather"}])
    );
}

/// Azure's SDK for OpenAI's responses, and for conversations.
#[test]
fn a_call_within_a_call_is_read() {
    let call = json!({"type": "file_search_call", "id": "f1", "queries": ["q"]});
    let shown = output(json!([
        {"role": "assistant", "parts": [{"type": "tool_call", "content": call}]},
    ]));
    let expected = json!([{"type": "tool_call", "id": "f1", "name": "file_search", "arguments": {"queries": ["q"]}}]);
    assert_eq!(shown[0]["parts"], expected);

    let answer = json!({"type": "function_call_output", "id": "c1", "output": "21"});
    let shown = input(json!([
        {"role": "tool", "parts": [{"type": "tool_call_output", "content": answer}]},
    ]));
    assert_eq!(shown[0]["parts"][0]["id"], "c1");
    assert_eq!(shown[0]["parts"][0]["response"], "21");
}

/// Koog gives calls the role of what answers them.
#[test]
fn a_call_is_asked_for_by_the_model() {
    let call = json!({"type": "tool_call", "id": "c1", "name": "w", "arguments": {}});
    let shown = output(json!([{"role": "Tool", "parts": [call]}]));
    assert_eq!(shown[0]["role"], "assistant");
    // A call may also be the whole text of the message, as Python shows it.
    let call =
        "ResponseFunctionToolCall(arguments='{}', call_id='c1', name='w', type='function_call')";
    let shown = output(json!(["tool", call]));
    assert_eq!(shown[0]["parts"][0]["id"], "c1");
    assert_eq!(shown[0]["role"], "assistant");
}

/// Gemini's own tools have a type instead of a name.
#[test]
fn calls_of_tools_that_gemini_runs_are_read_with_their_answers() {
    let call =
        json!({"tool_call": {"id": "g1", "tool_type": "GOOGLE_MAPS", "args": {"q": "Wien"}}});
    let answer =
        json!({"toolResponse": {"id": "g1", "toolType": "GOOGLE_MAPS", "response": {"found": 2}}});
    let shown = input(json!([{"role": "model", "parts": [call, answer, {"text": "Two"}]}]));
    let part = |message: usize| &shown[message]["parts"][0];
    assert_eq!(
        part(0),
        &json!({"type": "tool_call", "id": "g1", "name": "GOOGLE_MAPS", "arguments": {"q": "Wien"}})
    );
    assert_eq!(part(1)["id"], "g1");
    assert_eq!(part(1)["name"], "GOOGLE_MAPS");
    assert_eq!(part(1)["response"], json!({"found": 2}));
    assert_eq!(part(2), &json!({"type": "text", "content": "Two"}));
}

#[test]
fn the_tools_that_a_search_found_answer_it() {
    let tools = json!([{"type": "function", "name": "w"}]);
    let found = json!({"type": "tool_search_output", "id": "o1", "call_id": "c1", "status": "completed", "tools": tools});
    let shown = input(json!([{"role": "user", "content": "Rain?"}, found]));
    assert_eq!(shown[1]["role"], "tool");
    assert_eq!(shown[1]["parts"][0]["id"], "c1");
    assert_eq!(shown[1]["parts"][0]["response"], tools);
}

/// LangChain's, for arguments that are not JSON and for what was streamed.
#[test]
fn unfinished_calls_are_calls() {
    for kind in [
        "invalid_tool_call",
        "tool_call_chunk",
        "server_tool_call_chunk",
    ] {
        let call =
            json!({"type": kind, "id": "c1", "name": "w", "args": "{\"city\": oh", "index": 0});
        let shown = output(json!([{"role": "assistant", "content": [call]}]));
        let expected =
            json!([{"type": "tool_call", "id": "c1", "name": "w", "arguments": "{\"city\": oh"}]);
        assert_eq!(shown[0]["parts"], expected, "{kind}");
    }
}

/// The call itself is asked for in a part of its own.
#[test]
fn a_decision_on_a_call_answers_in_vercel_sdk() {
    let call =
        json!({"type": "tool-call", "toolCallId": "d1", "toolName": "rm", "input": {"path": "a"}});
    let request = json!({"type": "tool-approval-request", "approvalId": "a1", "toolCallId": "d1"});
    let decision = json!({"type": "tool-approval-response", "approvalId": "a1", "approved": false, "reason": "No"});
    let shown = input(json!([
        {"role": "assistant", "content": [call, request]},
        {"role": "tool", "content": [decision]},
    ]));
    let call = json!({"type": "tool_call", "id": "d1", "name": "rm", "arguments": {"path": "a"}});
    assert_eq!(shown[0], json!({"role": "assistant", "parts": [call]}));
    assert_eq!(shown[1]["parts"][0]["id"], "a1");
    assert_eq!(
        shown[1]["parts"][0]["response"],
        json!({"approved": false, "reason": "No"})
    );

    // Version 7 writes the types only.
    let shown = input(json!([
        {"role": "assistant", "parts": [call, {"type": "tool-approval-request"}]},
        {"role": "tool", "parts": [{"type": "tool-approval-response"}]},
    ]));
    assert_eq!(shown, json!([{"role": "assistant", "parts": [call]}]));
}

/// In .NET, the contents of an answer say their type as `$type`.
#[test]
fn answers_of_servers_in_dotnet_are_texts() {
    let answer = json!({"type": "mcp", "output": [{"$type": "text", "text": "22 C"}]});
    let part = json!({"type": "server_tool_call_response", "id": "c1", "server_tool_call_response": answer});
    let messages = output(json!([{"role": "assistant", "parts": [part]}]));
    assert_eq!(messages[0]["parts"][0]["result"], "22 C");
}

/// The conventions have an object there.
#[test]
fn the_arguments_of_a_call_of_the_providers_may_be_a_text() {
    let part = json!({"type": "server_tool_call", "id": "c1", "name": "search", "server_tool_call": "weather"});
    let shown = output(json!([{"role": "assistant", "parts": [part]}]));
    let call = json!({"type": "tool_call", "id": "c1", "name": "search", "arguments": "weather"});
    assert_eq!(shown[0]["parts"], json!([call]));
}
