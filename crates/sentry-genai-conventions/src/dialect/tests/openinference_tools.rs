//! Data that OpenInference records only in the whole request or response: tools that a provider runs, and calls of unusual tools.

use super::*;

const KIND: Attribute = ("openinference.span.kind", "LLM");
const OPENAI: &str = "openinference.instrumentation.openai";
const INPUT: &str = "gen_ai.input.messages";
const OUTPUT: &str = "gen_ai.output.messages";

fn messages(span: &SentrySpan, key: &str) -> serde_json::Value {
    serde_json::from_str(span.attributes.text(key).unwrap()).unwrap()
}

#[test]
fn openai_tool_outputs_are_read_from_the_request() {
    let request = r#"{"input": [{"role": "user", "content": "list"},
        {"type": "shell_call", "id": "s1", "call_id": "c1", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c1", "output": [{"stdout": "a.txt"}]}], "model": "m"}"#;
    let attributes = [
        KIND,
        ("input.value", request),
        ("llm.input_messages.1.message.role", "user"),
        ("llm.input_messages.1.message.content", "list"),
    ];
    for scope in [OPENAI, "@arizeai/openinference-instrumentation-openai"] {
        let span = translated(scope, "Response", &attributes);
        let input = messages(&span, INPUT);
        assert_eq!(input[0]["parts"][0]["content"], "list");
        assert_eq!(input[1]["parts"][0]["name"], "shell");
        assert_eq!(input[2]["parts"][0]["id"], "c1");
    }
}

#[test]
fn custom_tool_names_are_read_from_the_payload() {
    let call = r#"{"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "run", "input": "ls"}}]}"#;
    let request = format!(r#"{{"messages": [{call}], "model": "m"}}"#);
    let answer = format!(
        r#"{{"choices": [{{"index": 0, "finish_reason": "tool_calls", "message": {call}}}]}}"#
    );
    let attributes = [
        KIND,
        ("input.value", &*request),
        ("output.value", &*answer),
        (
            "llm.input_messages.0.message.tool_calls.0.tool_call.id",
            "c1",
        ),
        ("llm.input_messages.0.message.role", "assistant"),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.id",
            "c1",
        ),
        ("llm.output_messages.0.message.role", "assistant"),
    ];
    let span = translated(OPENAI, "ChatCompletion", &attributes);
    for key in [INPUT, OUTPUT] {
        let call = &messages(&span, key)[0]["parts"][0];
        assert_eq!(
            (&call["name"], &call["arguments"]),
            (&"run".into(), &"ls".into())
        );
    }
}

#[test]
fn videos_are_generated_and_speech_bytes_are_not_output() {
    let request = ("input.value", r#"{"prompt": "a cat", "model": "sora-2"}"#);
    let parameters = ("llm.invocation_parameters", r#"{"model": "sora-2"}"#);
    let span = translated(OPENAI, "Video", &[KIND, request, parameters]);
    assert_eq!(span.op, "gen_ai.generate_content");

    let request = ("input.value", r#"{"input": "Hello", "model": "tts-1"}"#);
    let parameters = ("llm.invocation_parameters", r#"{"model": "tts-1"}"#);
    for answer in [r#""b'RIFF\\xff'""#, r"b'RIFF\xff'"] {
        let attributes = [KIND, request, parameters, ("output.value", answer)];
        let span = translated(OPENAI, "HttpxBinaryResponseContent", &attributes);
        assert_eq!(span.attributes.text(OUTPUT), None, "{answer}");
    }
}

#[test]
fn gemini_code_execution_is_read_from_the_response() {
    let scope = "openinference.instrumentation.google_genai";
    let answer = |parts: &str| {
        format!(
            r#"{{"sdk_http_response": {{}}, "candidates": [{{"content": {{"parts": [{parts}], "role": "model"}}, "finish_reason": "STOP"}}]}}"#
        )
    };
    let of = |whole: &str, fields: &[(&'static str, &'static str)]| {
        let mut attributes = vec![KIND, ("output.value", whole)];
        attributes.extend(fields);
        let span = translated(scope, "GenerateContent", &attributes);
        messages(&span, OUTPUT)
    };
    let code = answer(
        r#"{"executable_code": {"code": "1+1", "id": "e1"}}, {"code_execution_result": {"output": "2", "id": "e1"}}, {"text": "2"}"#,
    );
    let text = "llm.output_messages.0.message.contents.0.message_content.text";
    let shown = of(&code, &[(text, "2")]);
    assert_eq!(shown[0]["parts"][0]["name"], "code_execution");
    assert_eq!(shown[0]["parts"].as_array().unwrap().len(), 3);

    let call = answer(r#"{"function_call": {"id": "f1", "name": "w", "args": {}}}"#);
    let name = "llm.output_messages.0.message.tool_calls.0.tool_call.function.name";
    assert_eq!(of(&call, &[(name, "w")])[0]["parts"][0]["id"], "f1");
}

#[test]
fn withheld_candidates_are_not_output() {
    let scope = "openinference.instrumentation.google_genai";
    let answer =
        r#"{"sdk_http_response": {}, "candidates": [{"finish_reason": "SAFETY", "index": 0}]}"#;
    let attributes = [
        KIND,
        ("output.value", answer),
        ("llm.finish_reason", "SAFETY"),
    ];
    let span = translated(scope, "GenerateContent", &attributes);
    assert_eq!(span.attributes.text(OUTPUT), None);
    let reasons = span.attributes.text("gen_ai.response.finish_reasons");
    assert_eq!(reasons, Some(r#"["SAFETY"]"#));
}

#[test]
fn anthropic_blocks_are_restored_in_order() {
    let answer =
        r#"{"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"title": "t"}]}"#;
    let document = r#"{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "21"}}"#;
    let attributes = [
        KIND,
        ("llm.input_messages.0.message.role", "user"),
        (
            "llm.input_messages.0.message.contents.0.message_content.type",
            "document",
        ),
        (
            "llm.input_messages.0.message.contents.0.message_content.text",
            document,
        ),
        ("llm.input_messages.1.message.role", "assistant"),
        (
            "llm.input_messages.1.message.tool_calls.0.tool_call.id",
            "s1",
        ),
        (
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name",
            "web_search",
        ),
        (
            "llm.input_messages.1.message.contents.0.message_content.type",
            "tool_use",
        ),
        ("llm.input_messages.1.message.contents.0.tool_call.id", "s1"),
        (
            "llm.input_messages.1.message.contents.0.tool_call.function.name",
            "web_search",
        ),
        (
            "llm.input_messages.1.message.contents.1.message_content.type",
            "web_search_tool_result",
        ),
        (
            "llm.input_messages.1.message.contents.1.message_content.text",
            answer,
        ),
        (
            "llm.input_messages.1.message.contents.2.message_content.type",
            "text",
        ),
        (
            "llm.input_messages.1.message.contents.2.message_content.text",
            "21",
        ),
    ];
    let span = translated(
        "openinference.instrumentation.anthropic",
        "messages.create",
        &attributes,
    );
    let input = messages(&span, INPUT);
    assert_eq!(input[0]["parts"][0]["content"], "21");
    let kinds: Vec<_> = input
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["parts"][0]["type"])
        .collect();
    assert_eq!(kinds, ["text", "tool_call", "tool_call_response", "text"]);
}

/// The instrumentation of OpenAI's agents records voice sessions like this.
#[test]
fn audio_transcripts_are_output() {
    let scope = "openinference.instrumentation.openai_agents";
    let mut span = source(
        scope,
        "assistant",
        &[
            KIND,
            ("llm.system", "openai"),
            ("output.audio.transcript", "21 degrees"),
        ],
    );
    span.attributes.push("time_to_first_token_ms", 250_i64);
    let span = with_content(span);
    let part = &messages(&span, OUTPUT)[0]["parts"][0];
    assert_eq!(part["content"], "21 degrees");
    let first = span.attributes.get("gen_ai.response.time_to_first_chunk");
    assert_eq!(first, Some(crate::Value::Double(0.25)));

    let attributes = [
        ("openinference.span.kind", "AUDIO"),
        ("llm.model_name", "gpt-realtime"),
        (
            "llm.invocation_parameters",
            r#"{"instructions": "Be brief"}"#,
        ),
        ("input.value", "Weather?"),
        ("output.value", "21 degrees"),
    ];
    let turn = translated(scope, "conversation.turn", &attributes);
    assert_eq!(turn.op, "function");
    let model = turn.attributes.text("gen_ai.request.model");
    assert_eq!(model, Some("gpt-realtime"));
    assert_eq!(messages(&turn, INPUT)[0]["role"], "user");
}

/// Recordings and files are not flattened.
#[test]
fn recordings_and_files_are_read_from_the_request() {
    let audio = r#"{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}"#;
    let file = r#"{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}"#;
    let attached = r#"{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}"#;
    for (key, part, modality) in [
        ("messages", audio, "audio"),
        ("messages", file, "document"),
        ("input", attached, "document"),
    ] {
        let request = format!(r#"{{"{key}": [{{"role": "user", "content": [{part}]}}]}}"#);
        let attributes = [
            KIND,
            ("input.value", &*request),
            ("llm.input_messages.0.message.role", "user"),
            (
                "llm.input_messages.0.message.contents.0.message_content.text",
                "Summarise",
            ),
        ];
        let span = translated(OPENAI, "ChatCompletion", &attributes);
        let input = messages(&span, INPUT);
        assert_eq!(input[0]["parts"][0]["modality"], modality, "{input}");
    }
}

#[test]
fn mcp_approvals_are_read_from_the_items() {
    let items = r#"[{"role": "user", "content": "Weather?"},
        {"type": "mcp_approval_request", "id": "r1", "name": "ask", "server_label": "wiki", "arguments": "{}"},
        {"type": "mcp_approval_response", "approval_request_id": "r1", "approve": true}]"#;
    let attributes = [
        KIND,
        ("input.value", items),
        ("llm.input_messages.0.message.role", "system"),
        ("llm.input_messages.0.message.content", "Be brief"),
        ("llm.input_messages.1.message.role", "user"),
        ("llm.input_messages.1.message.content", "Weather?"),
    ];
    let scope = "openinference.instrumentation.openai_agents";
    let span = translated(scope, "response", &attributes);
    let input = messages(&span, INPUT);
    let roles: Vec<_> = input
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["role"])
        .collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
    let instructions = span.attributes.text("gen_ai.system_instructions");
    assert!(instructions.is_some_and(|instructions| instructions.contains("Be brief")));
}

/// Python's instrumentations of Anthropic before 0.1.15, of LangChain before 0.1.40, and of litellm leave out these.
#[test]
fn what_is_not_flattened_is_read_from_the_request() {
    let request = r#"{"system": "Be brief.", "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w", "input": {}}, {"type": "tool_use", "id": "t2", "name": "w", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rain"}, {"type": "tool_result", "tool_use_id": "t2", "content": "sun"}]}]}"#;
    let attributes = [
        KIND,
        ("input.value", request),
        ("llm.input_messages.1.message.role", "user"),
        ("llm.input_messages.1.message.tool_call_id", "t2"),
        ("llm.input_messages.1.message.content", "sun"),
    ];
    let anthropic = "openinference.instrumentation.anthropic";
    let span = translated(anthropic, "Messages", &attributes);
    let instructions = span.attributes.text("gen_ai.system_instructions");
    assert!(instructions.is_some_and(|text| text.contains("Be brief.")));
    assert_eq!(messages(&span, INPUT)[1]["parts"][0]["result"], "rain");

    let request = r#"{"messages": [{"role": "tool", "tool_call_id": "c1", "content": "rain"}]}"#;
    let attributes = [
        KIND,
        ("input.value", request),
        ("llm.input_messages.0.message.role", "tool"),
        ("llm.input_messages.0.message.content", "rain"),
    ];
    let litellm = "openinference.instrumentation.litellm";
    let span = translated(litellm, "completion", &attributes);
    assert_eq!(messages(&span, INPUT)[0]["parts"][0]["id"], "c1");

    let request = r#"{"messages": [[{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"type": "ai", "name": "a", "content": [], "tool_calls": [{"name": "w", "args": {}, "id": "c1", "type": "tool_call"}]}}]]}"#;
    let attributes = [
        KIND,
        ("input.value", request),
        ("llm.input_messages.0.message.role", "assistant"),
        ("llm.input_messages.0.message.name", "a"),
    ];
    let langchain = "openinference.instrumentation.langchain";
    let span = translated(langchain, "ChatOpenAI", &attributes);
    assert_eq!(messages(&span, INPUT)[0]["parts"][0]["id"], "c1");
}

#[test]
fn ids_of_anthropic_calls_are_read_from_the_answer() {
    let answer = r#"{"type": "message", "role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w", "input": {}}], "stop_reason": "tool_use"}"#;
    let attributes = [
        KIND,
        ("output.value", answer),
        ("llm.output_messages.0.message.role", "assistant"),
        (
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
            "w",
        ),
    ];
    let anthropic = "openinference.instrumentation.anthropic";
    let span = translated(anthropic, "Messages", &attributes);
    assert_eq!(messages(&span, OUTPUT)[0]["parts"][0]["id"], "t1");
}

#[test]
fn reasoning_is_read_from_the_answer() {
    let completion = r#"{"choices": [{"index": 0, "message": {"role": "assistant", "content": "a", "reasoning_content": "hm"}}]}"#;
    let agents = r#"[{"role": "assistant", "content": "a", "reasoning_content": "hm"}]"#;
    let langchain = r#"{"generations": [[{"text": "a", "message": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {"type": "ai", "content": [{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}, {"type": "text", "text": "a"}]}}}]]}"#;
    for (scope, answer) in [
        (OPENAI, completion),
        ("openinference.instrumentation.openai_agents", agents),
        ("openinference.instrumentation.langchain", langchain),
    ] {
        let attributes = [
            KIND,
            ("output.value", answer),
            ("llm.output_messages.0.message.role", "assistant"),
            ("llm.output_messages.0.message.content", "a"),
        ];
        let span = translated(scope, "ChatCompletion", &attributes);
        let parts = &messages(&span, OUTPUT)[0]["parts"];
        assert_eq!(parts[0]["content"], "hm", "{scope}");
        assert_eq!(parts[1]["content"], "a", "{scope}");
    }
}

/// LangChain's instrumentation of early 2026 records the repr of the arguments, and the message of the tool as it is.
#[test]
fn the_arguments_the_id_and_the_answer_of_a_langchain_tool_are_read() {
    let answer = r#"{"type": "tool", "content": "21", "tool_call_id": "call_1", "artifact": null}"#;
    let attributes = [
        ("openinference.span.kind", "TOOL"),
        ("tool.name", "get_weather"),
        ("input.value", "{'city': 'Vienna'}"),
        ("output.value", answer),
    ];
    let scope = "openinference.instrumentation.langchain";
    let span = translated(scope, "get_weather", &attributes);
    let text = |key| span.attributes.text(key);
    assert_eq!(text("gen_ai.tool.call.id"), Some("call_1"));
    assert_eq!(text(ARGUMENTS), Some(r#"{"city":"Vienna"}"#));
    assert_eq!(text(RESULT), Some("21"));

    // What a tool answers by itself may have the same type.
    let own = ("output.value", r#"{"content": "21", "type": "tool"}"#);
    let span = translated(scope, "get_weather", &[attributes[0], attributes[1], own]);
    let result = span.attributes.text(RESULT);
    assert_eq!(result, Some(r#"{"content":"21","type":"tool"}"#));
}

/// Agno's instrumentation of early 2026 marked every call as OK, and the calls that tools answer are only in the whole request.
#[test]
fn agno_calls_have_failed_without_an_answer_and_tools_name_their_calls() {
    let scope = "openinference.instrumentation.agno";
    let request = r#"{"messages": [{"role": "user", "content": "w"},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "21", "tool_call_id": "c1", "tool_name": "f"}]}"#;
    let attributes = [
        KIND,
        ("llm.model_name", "m"),
        ("input.value", request),
        ("llm.input_messages.0.message.role", "user"),
        ("llm.input_messages.0.message.content", "w"),
        ("llm.input_messages.1.message.role", "assistant"),
        (
            "llm.input_messages.1.message.tool_calls.0.tool_call.id",
            "c1",
        ),
        (
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name",
            "f",
        ),
        ("llm.input_messages.2.message.role", "tool"),
        ("llm.input_messages.2.message.content", "21"),
    ];
    let status = |answer: &[Attribute]| {
        let mut span = source(
            scope,
            "OpenAIChat.invoke",
            &[&attributes[..], answer].concat(),
        );
        span.status = crate::SourceStatus::Ok;
        span.events.push(crate::SourceEvent::new("exception"));
        let span = with_content(span);
        assert_eq!(messages(&span, INPUT)[2]["parts"][0]["id"], "c1");
        span.status
    };
    assert_eq!(status(&[]), crate::Status::Error);
    assert_eq!(status(&[("output.value", "21 degrees")]), crate::Status::Ok);
}

/// In JavaScript only the first choice is flattened, and everywhere only its finish reason.
#[test]
fn all_choices_are_read_from_the_answer() {
    let answer = r#"{"object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "one"}},
        {"index": 1, "finish_reason": "length", "message": {"role": "assistant", "content": "two"}}]}"#;
    let attributes = [
        KIND,
        ("llm.invocation_parameters", r#"{"model":"m","n":2}"#),
        ("output.value", answer),
        ("llm.output_messages.0.message.role", "assistant"),
        ("llm.output_messages.0.message.content", "one"),
        ("llm.finish_reason", "stop"),
    ];
    let scope = "@arizeai/openinference-instrumentation-openai";
    let span = translated(scope, "OpenAI Chat Completions", &attributes);
    let output = messages(&span, OUTPUT);
    assert_eq!(output[0]["parts"][0]["content"], "one");
    assert_eq!(output[1]["parts"][0]["content"], "two");
    assert_eq!(
        span.attributes.text("gen_ai.response.finish_reasons"),
        Some(r#"["stop","length"]"#)
    );
}

#[test]
fn completions_of_text_are_known_by_the_span_name() {
    for name in ["Completion", "OpenAI Completions"] {
        let attributes = [KIND, ("llm.model_name", "m"), ("input.value", "The")];
        let span = translated(OPENAI, name, &attributes);
        assert_eq!(span.op, "gen_ai.text_completion");
    }
}
