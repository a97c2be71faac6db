//! Parts of messages, instructions, definitions and payloads of any library.

use serde_json::{Value, json};

use super::{
    super::{
        ContentLimits, Messages, Part, Side, system_instructions, tool_definitions, tool_payload,
    },
    PNG, input, parsed, shown,
};

#[test]
fn images_keep_their_type_and_lose_their_content() {
    let messages = json!([{"role": "user", "content": [
        {"type": "text", "text": "What is in these?"},
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png?sig=secret"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]}]);
    let shown = input(messages);
    assert_eq!(
        shown[0]["parts"],
        json!([
            {"type": "text", "content": "What is in these?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "[Blob substitute]"},
            {"type": "uri", "modality": "image", "mime_type": "unknown", "uri": "https://example.com/cat.png"},
            {"type": "blob", "modality": "image", "mime_type": "image/jpeg", "content": "[Blob substitute]"},
            {"type": "file", "modality": "document", "mime_type": "unknown", "file_id": "file-1"},
        ])
    );
}

#[test]
fn a_list_of_parts_with_an_image_is_a_message() {
    for image in [
        json!({"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}),
        // What some libraries leave of an image.
        json!({"type": "image"}),
    ] {
        let shown = input(json!([{"type": "text", "text": "What is it?"}, image]));
        let parts = shown[0]["parts"].as_array().unwrap();
        assert_eq!(parts[0]["content"], "What is it?");
        assert_eq!(parts[1]["modality"], "image");
    }
}

#[test]
fn tool_answers_with_images_stay_readable() {
    let shown = input(json!([{"role": "tool", "tool_call_id": "c1", "content": [
        {"type": "text", "text": "A chart"}, {"type": "image", "mimeType": "image/png", "data": PNG},
    ]}]));
    assert_eq!(
        shown[0]["parts"][0]["response"],
        json!([{"type": "text", "text": "A chart"}, {"type": "image", "mimeType": "image/png", "data": "[Blob substitute]"}])
    );
}

#[test]
fn empty_messages_are_not_shown() {
    for text in [
        "",
        "   ",
        "null ",
        "__REDACTED__",
        "[]",
        "{}",
        r#""""#,
        r#"[{"role":"user","content":""}]"#,
        r#"{"messages":[]}"#,
        r#"{"generations":[[]],"llm_output":null,"run":null,"type":"LLMResult"}"#,
        r#"[{"role":"user","parts":[{"type":"text"}]}]"#,
        r#"[{"role":"user","content":"__REDACTED__"}]"#,
    ] {
        let messages = Messages::parse(text, Side::Input);
        assert!(messages.is_empty(), "{text}");
        assert_eq!(
            messages.into_json(&ContentLimits::default()).json,
            "[]",
            "{text}"
        );
    }
}

/// OpenLLMetry records the calls in OpenAI's responses to LangChain twice: as blocks of the content, and as calls.
#[test]
fn duplicate_calls_are_dropped() {
    let shown = input(json!([{"role": "assistant", "parts": [
        {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"},
        {"type": "tool_call", "id": "c1", "name": "w", "arguments": {}},
        {"type": "tool_call", "id": "c2", "name": "w", "arguments": {}},
    ]}]));
    let ids: Vec<_> = (shown[0]["parts"].as_array().unwrap().iter())
        .map(|part| &part["id"])
        .collect();
    assert_eq!(ids, ["c1", "c2"]);
}

#[test]
fn a_message_without_parts_keeps_its_finish_reason() {
    let messages = Messages::parse(
        r#"[{"role":"assistant","parts":[],"finish_reason":"tool_calls"}]"#,
        Side::Output,
    );
    assert_eq!(messages.finish_reasons(), ["tool_calls"]);
    assert!(messages.is_empty());
}

#[test]
fn structured_output_is_text() {
    for text in [
        r#"{"city":"Paris","temp":14}"#,
        r#"{"text":"a","score":1}"#,
        r#"{"type":"image","caption":"A cat"}"#,
        r#"[{"type":"file","name":"a"}]"#,
        r#"{"type":"binary","value":"1010","content":"ten"}"#,
        r#"{"type":"phone_call","id":"7","status":"missed"}"#,
        r#"{"type":"tool_result","score":1,"best":"a"}"#,
        "Turn(calls=[Call(name='f', arguments='{}', call_id='c', type='function_call')])",
        r#"{"content":"Open till ten.","store":"Main Street","user":"Ann"}"#,
        r#"{"reasoning":{"steps":["a","b"]}}"#,
        "[1,2,3]",
        r#"["a","b"]"#,
        "42",
        "[INST] hi",
        "{name}, hello",
    ] {
        assert_eq!(
            shown(text, Side::Output),
            json!([{"role": "assistant", "parts": [{"type": "text", "content": text}]}])
        );
    }
}

#[test]
fn evaluations_pass_through() {
    let evaluation =
        json!([{"type": "evaluation", "state": {"a": 1}, "questions": ["Is it good?"]}]);
    assert_eq!(input(evaluation.clone()), evaluation);
}

#[test]
fn answers_inside_a_text_are_read() {
    let value = json!([
        {"role": "thinking", "content": "Hm."},
        {"role": "user", "content": "[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"rain\"}]"},
    ]);
    let messages = Messages::parse(&value.to_string(), Side::Input).messages;
    assert_eq!(messages[0].parts, [Part::Reasoning("Hm.".into())]);
    assert!(matches!(
        &messages[1].parts[..],
        [Part::ToolCallResponse { .. }]
    ));
}

#[test]
fn system_instructions_are_read_in_every_spelling() {
    let limits = ContentLimits::default();
    let expected = r#"[{"type":"text","content":"Be brief."}]"#;
    for text in [
        "Be brief.",
        r#""Be brief.""#,
        r#"[{"type":"text","content":"Be brief."}]"#,
        r#"[{"text":"Be brief.","type":"text","cache_control":{"type":"ephemeral"}}]"#,
        r#"[{"role":"system","content":"Be brief."}]"#,
        r#"["Be brief."]"#,
        r#"{"role":"user","parts":[{"text":"Be brief."}]}"#,
        r#"{"parts":[{"text":"Be brief."}]}"#,
        "[{'type': 'text', 'content': 'Be brief.'}]",
    ] {
        assert_eq!(system_instructions(text, &limits), expected, "{text}");
    }
    assert_eq!(system_instructions("", &limits), "[]");
}

#[test]
fn tool_definitions_of_every_provider_are_read() {
    let limits = ContentLimits::default();
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let function = json!({"name": "get_weather", "description": "Weather", "parameters": schema});
    let ai_sdk = json!({"type": "function", "name": "get_weather", "description": "Weather", "inputSchema": schema}).to_string();
    let expected = json!([{"type": "function", "name": "get_weather", "description": "Weather", "parameters": schema}]);
    for definitions in [
        json!([{"type": "function", "function": function, "strict": true}]),
        json!([{"name": "get_weather", "description": "Weather", "input_schema": schema}]),
        json!([{"function_declarations": [function]}]),
        json!([{"toolSpec": {"name": "get_weather", "description": "Weather", "inputSchema": {"json": schema}}}]),
        json!([ai_sdk]),
        json!({"function_tools": [{"name": "get_weather", "description": "Weather", "parameters_json_schema": schema}], "output_tools": []}),
        expected.clone(),
    ] {
        let read = tool_definitions(&definitions.to_string(), &limits);
        assert_eq!(parsed(&read), expected, "{definitions}");
        assert!(read.starts_with(r#"[{"type":"function","name":"get_weather""#));
    }
    let built_in = json!([
        {"type": "web_search", "user_location": null},
        {"google_search": {}},
        {"type": "web_search_20250305", "name": "search", "max_uses": 5},
        {"type": "mcp", "server_label": "wiki", "tools": []},
        "add",
    ]);
    let built_in = tool_definitions(&built_in.to_string(), &limits);
    assert_eq!(
        parsed(&built_in),
        json!([
            {"type": "web_search", "name": "web_search"},
            {"type": "google_search", "name": "google_search", "google_search": {}},
            {"type": "web_search_20250305", "name": "search", "max_uses": 5},
            {"type": "mcp", "name": "mcp", "server_label": "wiki"},
            {"type": "function", "name": "add"},
        ])
    );
    for (text, names) in [
        ("add, mcp:wiki/find", &["add", "mcp:wiki/find"][..]),
        ("add", &["add"]),
    ] {
        let expected: Vec<_> = (names.iter())
            .map(|name| json!({"type": "function", "name": name}))
            .collect();
        assert_eq!(parsed(&tool_definitions(text, &limits)), json!(expected));
    }
    let server = json!({"type": "mcp", "server_label": "wiki", "authorization": "t0p", "headers": {"X-Key": "t0p"},
        "server_url": "https://ann:t0p@mcp.example/?api_key=t0p&profile=a"});
    assert_eq!(
        parsed(&tool_definitions(&json!([server]).to_string(), &limits)),
        json!([{"type": "mcp", "name": "mcp", "server_label": "wiki", "server_url": "https://REDACTED:REDACTED@mcp.example/?api_key=REDACTED&profile=a"}]),
        "credentials of MCP servers are removed"
    );
    for text in [
        "no tools",
        "None",
        "required",
        "add, and what else there is",
        // pydantic-ai's parameters of a request.
        r#"{"function_tools":[],"builtin_tools":[],"output_mode":"text","output_object":null,"output_tools":[],"allow_text_output":true}"#,
        r#"{"function_tools":[],"output_object":{"name":"city"}}"#,
        r#"{"output_mode":"text","allow_text_output":true}"#,
    ] {
        assert_eq!(&*tool_definitions(text, &limits), "[]", "{text}");
    }
}

#[test]
fn tool_payloads_stay_as_they_are() {
    let limits = ContentLimits::default();
    for text in [
        r#"{"z":1,"a":{"y": 2}}"#,
        "5",
        "the tool failed",
        "{'city': 'Paris'}",
        "",
    ] {
        assert_eq!(tool_payload(text, &limits), (text.into(), None));
    }
    let image = json!({"mimeType": "image/png", "data": PNG}).to_string();
    assert_eq!(
        parsed(&tool_payload(&image, &limits).0),
        json!({"data": "[Blob substitute]", "mimeType": "image/png"})
    );
}

#[test]
fn debug_output_of_json_becomes_json() {
    let limits = ContentLimits::default();
    let value =
        json!({"city": "Par\"is\n", "days": [1, 2.5, null, true], "deep": {"a": []}, "e": {}});
    for text in [format!("{value:?}"), format!("{:?}", Some(&value))] {
        assert_eq!(parsed(&tool_payload(&text, &limits).0), value, "{text}");
    }
    let list = json!(["a", {"b": 1}]);
    assert_eq!(parsed(&tool_payload(&format!("{list:?}"), &limits).0), list);
    for text in [
        r#"{"city": String}"#,
        r#"Err("no such file")"#,
        r#"Weather { city: "Paris" }"#,
        "Object {\"city\": String(\"Par",
        "Object { is a word, too",
    ] {
        assert_eq!(tool_payload(text, &limits), (text.into(), None));
    }
    let image = json!({"mimeType": "image/png", "data": PNG});
    assert_eq!(
        parsed(&tool_payload(&format!("{image:?}"), &limits).0),
        json!({"data": "[Blob substitute]", "mimeType": "image/png"})
    );
}

/// The arguments of a tool are often such a map.
#[test]
fn debug_output_of_a_map_of_json_becomes_json() {
    let limits = ContentLimits::default();
    for value in [
        json!({}),
        json!({"city": "Par\"is\n", "days": [1, 2.5, null, true]}),
        json!({"days": [1]}),
        json!({"a": {"b": 1}}),
        json!({"a": null, "b": false}),
    ] {
        let map = value.as_object().unwrap();
        for text in [format!("{map:?}"), format!("{:?}", Some(map))] {
            assert_eq!(parsed(&tool_payload(&text, &limits).0), value, "{text}");
        }
    }
}

/// Items of the Responses API in async-openai and parts in genai, as written by `Debug` and by serde.
#[test]
fn rust_enum_variants_are_parts() {
    let question = json!({"role": "user", "parts": [{"type": "text", "content": "Hi"}]});
    let call = json!({"role": "assistant", "parts": [
        {"type": "tool_call", "id": "c1", "name": "get", "arguments": {"a": 1}},
    ]});
    let answer = json!({"role": "tool", "parts": [
        {"type": "tool_call_response", "id": "c1", "response": "sunny", "result": "sunny"},
    ]});
    let expected = json!([question, call, answer]);
    for text in [
        r#"Items([EasyMessage(EasyInputMessage { type: Message, role: User, content: Text("Hi"), phase: None }), Item(FunctionCall(FunctionToolCall { arguments: "{\"a\":1}", call_id: "c1", name: "get", status: Some(Completed) })), Item(FunctionCallOutput(FunctionCallOutputItemParam { call_id: Some("c1"), output: Text("sunny"), id: None }))])"#,
        r#"[ChatMessage { role: User, content: MessageContent { parts: [Text("Hi")] }, options: None }, ChatMessage { role: Assistant, content: MessageContent { parts: [ToolCall(ToolCall { call_id: "c1", fn_name: "get", fn_arguments: Object {"a": Number(1)}, thought_signatures: None })] }, options: None }, ChatMessage { role: Tool, content: MessageContent { parts: [ToolResponse(ToolResponse { call_id: "c1", fn_name: None, content: "sunny" })] }, options: None }]"#,
        r#"[{"role":"User","content":[{"Text":"Hi"}]},{"role":"Assistant","content":[{"ToolCall":{"call_id":"c1","fn_name":"get","fn_arguments":{"a":1}}}]},{"role":"Tool","content":[{"ToolResponse":{"call_id":"c1","fn_name":null,"content":"sunny"}}],"options":null}]"#,
    ] {
        let read = Messages::parse(text, Side::Input).into_json(&ContentLimits::default());
        assert_eq!(parsed(&read.json), expected, "{text}");
    }
    // In a tool's answer, they may be what the tool found.
    let tool_message =
        json!([{"role": "tool", "tool_call_id": "c1", "content": {"parts": [{"Bolt": 2}]}}]);
    let read = Messages::parse(&tool_message.to_string(), Side::Input)
        .into_json(&ContentLimits::default());
    assert_eq!(
        parsed(&read.json)[0]["parts"][0]["response"],
        json!({"parts": [{"Bolt": 2}]})
    );
}

/// LangGraph's agents answer like this, with everything that was said in their thread.
#[test]
fn output_starts_after_the_last_question() {
    let message = |role: &str, content: &str| json!({"role": role, "content": content});
    let thread = [
        message("system", "Be brief"),
        message("user", "And in Rome?"),
        message("assistant", "Rain"),
        message("user", "And in Paris?"),
        message("assistant", "Sun"),
    ];
    let contents = |count: usize, side| {
        let text = json!(thread[..count]).to_string();
        let read: Vec<Value> = serde_json::from_str(
            &Messages::parse(&text, side)
                .into_json(&ContentLimits::default())
                .json,
        )
        .unwrap();
        let texts = read
            .iter()
            .map(|message| message["parts"][0]["content"].clone());
        texts.collect::<Value>()
    };
    assert_eq!(contents(5, Side::Output), json!(["Be brief", "Sun"]));
    // There is no answer to the last message.
    assert_eq!(
        contents(4, Side::Output),
        json!(["Be brief", "Rain", "And in Paris?"])
    );
    assert_eq!(contents(5, Side::Input).as_array().unwrap().len(), 5);
}

/// `{:?}` writes `Some("Hi")` for an optional text. Any other call is itself the text of a message.
#[test]
fn a_debugged_option_is_unwrapped() {
    for (text, expected) in [
        (r#"Some("Hi \"you\"")"#, r#"Hi "you""#),
        (r#"Print("Hi")"#, r#"Print("Hi")"#),
        ("None", "None"),
        ("Stop.", "Stop."),
    ] {
        let shown = Messages::parse(text, Side::Input).into_json(&ContentLimits::default());
        assert_eq!(parsed(&shown.json)[0]["parts"][0]["content"], expected);
    }
}

#[test]
fn cited_and_guarded_texts_of_bedrock_are_texts() {
    let cited = json!({"citationsContent": {"content": [{"text": "It rains"}], "citations": []}});
    let guarded = json!({"guardContent": {"text": {"text": "Rain?", "qualifiers": ["query"]}}});
    let image = json!({"guardContent": {"image": {"format": "png", "source": {"bytes": PNG}}}});
    let shown = input(json!([{"role": "user", "content": [cited, guarded, image]}]));
    assert_eq!(
        shown[0]["parts"],
        json!([
            {"type": "text", "content": "It rains"},
            {"type": "text", "content": "Rain?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "[Blob substitute]"},
        ])
    );
}

#[test]
fn plain_text_files_of_langchain_are_texts_if_they_hold_some() {
    let text = json!({"type": "text-plain", "text": "A page", "mime_type": "text/plain"});
    let file = json!({"type": "text-plain", "file_id": "f1", "mime_type": "text/plain"});
    let shown = input(json!([{"role": "user", "content": [text, file]}]));
    assert_eq!(
        shown[0]["parts"],
        json!([
            {"type": "text", "content": "A page"},
            {"type": "file", "modality": "document", "mime_type": "text/plain", "file_id": "f1"},
        ])
    );
}

#[test]
fn screenshots_are_images() {
    let screenshot =
        json!({"type": "computer_screenshot", "image_url": "https://example.com/s.png"});
    let shown = input(json!([{"role": "user", "content": [screenshot]}]));
    assert_eq!(
        shown[0]["parts"],
        json!([{"type": "uri", "modality": "image", "mime_type": "unknown", "uri": "https://example.com/s.png"}])
    );
}

/// Ollama's are base64, OpenRouter's are parts.
#[test]
fn images_beside_the_content_are_kept() {
    let part =
        json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}});
    let shown = input(json!([
        {"role": "user", "content": "What is it?", "images": [PNG]},
        {"role": "assistant", "content": "Look", "images": [part]},
    ]));
    let image = |mime: &str| json!({"type": "blob", "modality": "image", "mime_type": mime, "content": "[Blob substitute]"});
    assert_eq!(
        shown[0]["parts"],
        json!([{"type": "text", "content": "What is it?"}, image("unknown")])
    );
    assert_eq!(
        shown[1]["parts"],
        json!([{"type": "text", "content": "Look"}, image("image/png")])
    );
}

#[test]
fn what_cohere_plans_before_calls_is_reasoning() {
    let call =
        json!({"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}});
    let shown = input(json!([
        {"role": "assistant", "tool_plan": "I will look it up", "tool_calls": [call]},
    ]));
    assert_eq!(
        shown[0]["parts"],
        json!([
            {"type": "reasoning", "content": "I will look it up"},
            {"type": "tool_call", "id": "c1", "name": "w", "arguments": {}},
        ])
    );
}

/// OpenAI's chat completions.
#[test]
fn spoken_answers_have_their_transcript() {
    let audio = json!({"id": "a1", "data": PNG, "expires_at": 1, "transcript": "Sunny"});
    let shown = input(json!([{"role": "assistant", "content": null, "audio": audio}]));
    assert_eq!(
        shown[0]["parts"],
        json!([
            {"type": "text", "content": "Sunny"},
            {"type": "blob", "modality": "audio", "mime_type": "unknown", "content": "[Blob substitute]"},
        ])
    );
}

/// OpenLLMetry's Bedrock and LangChain, and OpenInference's Anthropic, record a list that a tool answers with as JSON in a string.
#[test]
fn lists_in_strings_are_read_as_lists() {
    let response = |response: &str| {
        let part = json!({"type": "tool_call_response", "id": "c1", "response": response});
        let shown = input(json!([{"role": "tool", "parts": [part]}]));
        shown[0]["parts"][0]["response"].clone()
    };
    let texts = r#"[{"type": "text", "text": "rain"}, {"text": "14 °C", "type": "text"}]"#;
    assert_eq!(response(texts), "rain\n14 °C");
    assert_eq!(response(r#"[{"json": {"temp": 14}}]"#), json!({"temp": 14}));
    // What a tool says of its own.
    for own in [
        r#"[{"text": "rain"}]"#,
        r#"[{"type": "text", "text": "rain"}, {"type": "file"}]"#,
        r#"[{"json": 1}, {"json": 2}]"#,
        r#"[{"type": "text", "text": "rain"}"#,
    ] {
        assert_eq!(response(own), own);
    }
}
