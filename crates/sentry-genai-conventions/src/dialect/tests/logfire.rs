//! Logfire's instrumentations.

use serde_json::{Value, json};

use super::{ARGUMENTS, DEFINITIONS, INPUT, OUTPUT, RESULT, source, translated};
use crate::{Status, TranslateOptions, Translator, testing};

/// Older versions list the parts of a message as events of their own, and count the cache only in the whole response.
#[test]
fn logfire_parts_of_a_question_are_its_input() {
    let unknown = |data: &str| {
        format!(
            r#"{{"event.name": "gen_ai.unknown", "role": "unknown", "content": "See JSON", "data": {data}}}"#
        )
    };
    let text = unknown(r#"{"type": "input_text", "text": "What is it?"}"#);
    let image =
        unknown(r#"{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}"#);
    let answer =
        r#"{"event.name": "gen_ai.assistant.message", "content": "A zebra", "role": "assistant"}"#;
    let events = format!("[{text}, {image}, {answer}]");
    let response = r#"{"object": "response", "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}}}"#;
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.usage.input_tokens", "9"),
        ("gen_ai.usage.output_tokens", "5"),
        ("events", &*events),
        ("response", response),
    ];
    let span = translated("logfire.openai_agents", "Responses API", &attributes);
    let input = span.attributes.text("gen_ai.input.messages").unwrap();
    assert!(
        input.starts_with(r#"[{"role":"user""#)
            && input.contains("What is it?")
            && input.contains("image/png"),
        "{input}"
    );
    let output = span.attributes.text("gen_ai.output.messages").unwrap();
    assert_eq!(
        output,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"A zebra"}]}]"#
    );
    assert_eq!(
        span.attributes
            .integer("gen_ai.usage.cache_read.input_tokens"),
        Some(4)
    );
    assert_eq!(
        span.attributes
            .integer("gen_ai.usage.reasoning.output_tokens"),
        Some(2)
    );
}

/// The messages of a response do not say why it ended.
#[test]
fn logfire_responses_have_what_only_the_whole_answer_says() {
    let events = r#"[{"event.name": "gen_ai.user.message", "content": "What is it?", "role": "user"},
        {"event.name": "gen_ai.assistant.message", "role": "assistant", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}]"#;
    let answer = |status: &str| {
        let response = format!(
            r#"{{"id": "resp_1", "object": "response", "reasoning": {{"effort": null}}, "conversation": {{"id": "conv_5j66"}},
            "temperature": 0.2, "output": [{{"arguments": "{{}}", "call_id": "call_1", "name": "look", "type": "function_call"}}],
            "tools": [{{"name": "look", "parameters": null, "type": "function", "description": "Looks"}}], {status}}}"#
        );
        let attributes = [
            ("gen_ai.request.model", "gpt-5-mini"),
            ("events", events),
            ("response", &*response),
        ];
        let name = "Responses API with {gen_ai.request.model!r}";
        translated("logfire.openai_agents", name, &attributes)
    };
    let span = answer(r#""status": "completed""#);
    let text = |key| span.attributes.text(key);
    assert_eq!(
        text("gen_ai.response.finish_reasons"),
        Some(r#"["tool_calls"]"#)
    );
    assert_eq!(text("gen_ai.conversation.id"), Some("conv_5j66"));
    assert!(text(DEFINITIONS).unwrap().contains("Looks"));
    let temperature = span.attributes.get("gen_ai.request.temperature");
    assert_eq!(temperature, Some(crate::Value::Double(0.2)));
    let output = text(OUTPUT).unwrap();
    assert_eq!(output.matches("call_1").count(), 1, "{output}");

    let span =
        answer(r#""status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}"#);
    assert_eq!(
        span.attributes.text("gen_ai.response.finish_reasons"),
        Some(r#"["length"]"#)
    );
}

/// Otherwise the conversations of all users would be one.
#[test]
fn what_logfire_scrubs_is_no_conversation() {
    for (group, expected) in [
        ("[Scrubbed due to 'session']", None),
        ("chat-42", Some("chat-42")),
    ] {
        let attributes = [("name", "Support"), ("group_id", group)];
        let span = translated("logfire.openai_agents", "Agent run: {name!r}", &attributes);
        assert_eq!(span.attributes.text("gen_ai.conversation.id"), expected);
        let inherited = crate::Inheritable::Conversation.parse(crate::Value::Str(group));
        assert_eq!(inherited.as_deref(), expected);
    }
}

/// The same versions count the cache of a chat only in what they record of the answer.
#[test]
fn logfire_counts_of_a_chat_are_read_from_the_answer() {
    let answer = r#"{"message": {"role": "assistant", "content": "A zebra"}, "usage": {"prompt_tokens": 9, "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}}"#;
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.usage.input_tokens", "9"),
        ("gen_ai.usage.output_tokens", "5"),
        ("response_data", answer),
    ];
    let span = translated("logfire.openai", "Chat Completion", &attributes);
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.input_tokens"), Some(9));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(4));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(2));
}

/// A program may send back the blocks of Anthropic's answer as it got them, which are recorded as Python shows them.
#[test]
fn logfire_blocks_of_an_answer_are_read_from_their_repr() {
    let text = |content: &str| json!({"type": "text", "content": content});
    let messages = json!([
        {"role": "user", "parts": [text("TextBlock(text='a', type='text')")]},
        {"role": "assistant", "parts": [
            text("ThinkingBlock(signature='c2ln', thinking='Hm.', type='thinking')"),
            text(r#"TextBlock(citations=None, text="I'll look", type='text')"#),
            text("ParsedTextBlock(text='it up.', type='text', parsed_output=None)"),
            text("TextBlock(a, b)"),
            text("ToolUseBlock(id='t1', caller=None, input={'city': 'Graz', 'n': None}, name='w', type='tool_use')"),
        ]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "t1", "response": "rain"}]},
    ]);
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.input.messages", &*messages.to_string()),
        ("gen_ai.usage.output_tokens", "5"),
    ];
    let span = translated("logfire.anthropic", "Message with 'm'", &attributes);
    let input: Value =
        serde_json::from_str(span.attributes.text("gen_ai.input.messages").unwrap()).unwrap();
    let expected = json!([
        {"role": "user", "parts": [text("TextBlock(text='a', type='text')")]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm."}, text("I'll look"), text("it up."), text("TextBlock(a, b)"),
        ]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "t1", "name": "w", "arguments": {"city": "Graz", "n": null}},
        ]},
    ]);
    let input = input.as_array().unwrap();
    assert_eq!(&input[..3], expected.as_array().unwrap());
    assert_eq!(input[3]["role"], "tool");
}

/// The instrumentation of the first version of Python's SDK records whole messages.
#[test]
fn logfire_requests_by_mcp_are_read() {
    let call = r#"{"method":"tools/call","params":{"_meta":null,"name":"get_weather","arguments":{"city":"Graz"}}}"#;
    let request = call.replace(r#""params""#, r#""id":7,"params""#);
    let failed = r#"{"content":[{"type":"text","text":"No such city"}],"isError":true}"#;
    let call = [("request", call), ("response", failed)];
    let client = translated("logfire.mcp", "MCP request: tools/call get_weather", &call);
    let text = |key| client.attributes.text(key);
    assert_eq!(client.op, "gen_ai.execute_tool");
    assert_eq!(client.name, "execute_tool get_weather");
    assert_eq!(client.status, Status::Error);
    assert_eq!(text("error.type"), Some("tool_error"));
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Graz"}"#));
    let result = text(RESULT).unwrap_or_default();
    assert!(result.contains("No such city"), "{result}");

    let request = [("request", request.as_str())];
    let name = "MCP server handle request: tools/call";
    let server = translated("logfire.mcp", name, &request);
    assert_eq!(server.op, "mcp.server");
    assert_eq!(server.name, "tools/call get_weather");
    assert_eq!(server.status, Status::Ok);
    assert_eq!(server.attributes.text("jsonrpc.request.id"), Some("7"));

    let unknown = [
        (
            "request",
            r#"{"method":"resources/read","params":{"uri":"shop://9"},"id":8}"#,
        ),
        (
            "response",
            r#"{"code":-32602,"message":"Unknown resource","data":null}"#,
        ),
    ];
    let server = translated(
        "logfire.mcp",
        "MCP server handle request: resources/read",
        &unknown,
    );
    let text = |key| server.attributes.text(key);
    assert_eq!(server.status, Status::Error);
    assert_eq!(text("error.type"), Some("-32602"));
    assert_eq!(text("sentry.status.message"), Some("Unknown resource"));

    let listing = [("request", r#"{"method":"tools/list","params":null}"#)];
    let client = translated("logfire.mcp", "MCP request: tools/list", &listing);
    assert_eq!((&*client.op, &*client.name), ("function", "tools/list"));
    let server = translated(
        "logfire.mcp",
        "MCP server handle request: tools/list",
        &listing,
    );
    assert_eq!((&*server.op, &*server.name), ("mcp.server", "tools/list"));
    let other = translated("logfire", "MCP request: tools/list", &listing);
    assert_eq!(other.attributes.text("mcp.method.name"), None);
}

/// In its first format; the second one has the same under the names of the conventions.
#[test]
fn texts_and_images_are_read_from_the_request_and_the_response() {
    let span = |template, request, response| {
        let attributes = [
            ("logfire.msg_template", template),
            ("request_data", request),
            ("response_data", response),
        ];
        translated("logfire.openai", template, &attributes)
    };
    let completion = span(
        "Completion with {request_data[model]!r}",
        r#"{"model":"m","prompt":"Once upon"}"#,
        r#"{"text":" a time","finish_reason":"stop","usage":{"prompt_tokens":2,"completion_tokens":3}}"#,
    );
    let image = span(
        "Image Generation with {request_data[model]!r}",
        r#"{"model":"m","prompt":"A cat"}"#,
        r#"{"images":[{"b64_json":"iVBORw0KGgo=","revised_prompt":"A nice cat","url":null}]}"#,
    );
    for (span, key, part) in [
        (
            &completion,
            INPUT,
            r#"{"type":"text","content":"Once upon"}"#,
        ),
        (
            &completion,
            OUTPUT,
            r#"{"type":"text","content":" a time"}"#,
        ),
        (&image, INPUT, r#"{"type":"text","content":"A cat"}"#),
        (
            &image,
            OUTPUT,
            r#"{"type":"text","content":"A nice cat"},{"type":"blob","modality":"image","mime_type":"unknown","content":"[Blob substitute]"}"#,
        ),
    ] {
        let text = span.attributes.text(key).unwrap_or_default();
        assert!(text.contains(part), "{}: {text}", span.name);
    }
    let embeddings = span(
        "Embedding Creation with {request_data[model]!r}",
        r#"{"model":"m","input":"To embed"}"#,
        r#"{"usage":{"prompt_tokens":2,"total_tokens":2}}"#,
    );
    assert_eq!(
        embeddings.attributes.text("gen_ai.embeddings.input"),
        Some("To embed")
    );
    let count = embeddings.attributes.integer("gen_ai.usage.input_tokens");
    assert_eq!(count, Some(2));
}

/// Its instrumentation of Claude's agents records that as the type of the error.
#[test]
fn why_a_tool_of_claudes_failed_is_what_it_came_to() {
    let attributes = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "Bash"),
        ("error.type", "Exit code 2: no secret"),
    ];
    let scope = "logfire.claude_agent_sdk";
    let tool = translated(scope, "execute_tool Bash", &attributes);
    let text = |key| tool.attributes.text(key);
    assert_eq!(tool.status, Status::Error);
    assert_eq!(text("error.type"), Some("tool_error"));
    assert_eq!(
        text("sentry.status.message"),
        Some("Exit code 2: no secret")
    );
    let tool = source(scope, "execute_tool Bash", &attributes);
    let tool = testing::translated(&Translator::new(TranslateOptions::default()), tool);
    assert_eq!(tool.status, Status::Error);
    assert_eq!(tool.attributes.text("error.type"), Some("tool_error"));
    assert!(!tool.attributes.contains("sentry.status.message"));
}

#[test]
fn copies_of_the_messages_of_other_libraries_are_removed() {
    let call = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "gpt-4o"),
        (
            "input.value",
            r#"{"messages": [{"role": "user", "content": "1 + 1?"}]}"#,
        ),
        (
            "output.value",
            r#"{"choices": [{"message": {"role": "assistant", "content": "2"}}]}"#,
        ),
    ];
    let run = [
        ("langsmith.span.kind", "llm"),
        (
            "gen_ai.prompt",
            r#"{"messages": [{"role": "user", "content": "1 + 1?"}]}"#,
        ),
        (
            "gen_ai.completion",
            r#"{"choices": [{"message": {"role": "assistant", "content": "2"}}]}"#,
        ),
    ];
    let messages =
        r#"[{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]"#;
    for (scope, call, key) in [
        (
            "openinference.instrumentation.langchain",
            &call[..],
            "all_messages_events",
        ),
        (
            "openinference.instrumentation.litellm",
            &call[..],
            "request_data",
        ),
        ("langsmith", &run[..], "all_messages_events"),
    ] {
        let schema = format!(r#"{{"type": "object", "properties": {{"{key}": {{}}}}}}"#);
        for (schema, is_copy) in [(&*schema, true), ("{}", false)] {
            let own = [(key, messages), ("logfire.json_schema", schema)];
            let attributes: Vec<_> = call.iter().copied().chain(own).collect();
            let span = translated(scope, "ChatOpenAI", &attributes);
            let output = span.attributes.text(OUTPUT);
            assert!(output.is_some_and(|output| output.contains(r#""content":"2""#)));
            assert_eq!(span.attributes.contains(key), !is_copy, "{scope}");
        }
    }
}
