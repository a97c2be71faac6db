use super::{super::*, translated};
use crate::Status;

/// LangChain's callback states the model's provider and the thread. The name of a span shows the wrapper of OpenAI's SDK.
#[test]
fn provider_and_thread_are_read_from_metadata() {
    let kind = ("langfuse.observation.type", "generation");
    let thread = ("langfuse.observation.metadata.thread_id", r#""th-1""#);
    for (name, attributes, provider, conversation) in [
        (
            "ChatOpenAI",
            vec![
                kind,
                (
                    "langfuse.observation.metadata.ls_provider",
                    r#""anthropic""#,
                ),
                thread,
            ],
            Some("anthropic"),
            Some("th-1"),
        ),
        (
            "OpenAI-generation",
            vec![
                kind,
                ("langfuse.observation.metadata.langfuse_session_id", "s-1"),
            ],
            Some("openai"),
            Some("s-1"),
        ),
        (
            "x",
            vec![
                kind,
                thread,
                ("langfuse.trace.metadata.thread_id", r#""th-2""#),
            ],
            None,
            Some("th-1"),
        ),
        (
            "x",
            vec![kind, thread, ("session.id", "s-1")],
            None,
            Some("s-1"),
        ),
        (
            "x",
            vec![
                kind,
                thread,
                ("langfuse.observation.metadata.langgraph_node", r#""model""#),
            ],
            None,
            None,
        ),
    ] {
        let span = translated("langfuse-sdk", name, &attributes);
        let text = |key| span.attributes.text(key);
        assert_eq!(text("gen_ai.provider.name"), provider, "{attributes:?}");
        assert_eq!(
            text("gen_ai.conversation.id"),
            conversation,
            "{attributes:?}"
        );
    }
}

/// Definitions of tools among the messages, and what wraps arguments and answers, are not messages.
#[test]
fn input_and_output_are_unwrapped() {
    let kind = ("langfuse.observation.type", "generation");
    let input = r#"[{"role":"user","content":"Hi"},{"role":"tool","content":"22","tool_call_id":"c1"},{"role":"tool","content":{"type":"function","function":{"name":"w"}}}]"#;
    let span = translated(
        "langfuse-sdk",
        "ChatOpenAI",
        &[kind, ("langfuse.observation.input", input)],
    );
    assert_eq!(
        span.attributes.text(DEFINITIONS),
        Some(r#"[{"type":"function","name":"w"}]"#)
    );
    assert_eq!(
        span.attributes.text(INPUT),
        Some(
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"22","result":"22"}]}]"#
        )
    );

    for input in [
        r#"{"args":[[{"role":"user","content":"Hi"}]],"kwargs":{}}"#,
        r#"{"args":["Hi"],"kwargs":{}}"#,
        r#"{"args":[],"kwargs":{"messages":[{"role":"user","content":"Hi"}]}}"#,
    ] {
        let span = translated(
            "langfuse-sdk",
            "ask",
            &[kind, ("langfuse.observation.input", input)],
        );
        let messages = span.attributes.text(INPUT);
        assert_eq!(
            messages,
            Some(r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#),
            "{input}"
        );
    }

    for answer in [
        r#"{"content":"rain","type":"tool","tool_call_id":"c1","status":"success"}"#,
        r#"{"lc":1,"type":"constructor","id":["langchain_core","messages","ToolMessage"],"kwargs":{"content":"rain","tool_call_id":"c1"}}"#,
    ] {
        let span = translated(
            "langfuse-sdk",
            "get_weather",
            &[
                ("langfuse.observation.type", "tool"),
                ("langfuse.observation.input", "{'city': 'Paris'}"),
                ("langfuse.observation.output", answer),
            ],
        );
        assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
        assert_eq!(span.attributes.text(RESULT), Some("rain"));
        assert_eq!(span.attributes.text("gen_ai.tool.call.id"), Some("c1"));
    }
}

/// The level marks a span without a status as failed.
#[test]
fn the_level_marks_failures() {
    for (kind, level, failed) in [
        ("generation", "ERROR", true),
        ("span", "ERROR", true),
        ("generation", "WARNING", false),
    ] {
        let attributes = [
            ("langfuse.observation.type", kind),
            ("langfuse.observation.level", level),
            ("langfuse.observation.status_message", "rate limited"),
        ];
        let span = translated("langfuse-sdk", "work", &attributes);
        assert_eq!(
            span.status == crate::Status::Error,
            failed,
            "{kind} {level}"
        );
        let message = span.attributes.text("sentry.status.message");
        assert_eq!(message, Some("rate limited"));
    }
}

/// LangGraph's question to a person is content and not the reason for a failure.
#[test]
fn a_status_message_without_failure_is_content() {
    let attributes = [
        ("langfuse.observation.type", "span"),
        ("langfuse.observation.level", "DEFAULT"),
        (
            "langfuse.observation.status_message",
            "(Interrupt('hunter2'),)",
        ),
    ];
    let source = super::source("langfuse-sdk", "tools", &attributes);
    let options = crate::TranslateOptions::default();
    let span = crate::Translator::new(options).translate(source);
    let attributes = crate::testing::shown(&span.attributes);
    assert!(!attributes.contains("hunter2"), "{attributes}");
}

/// JavaScript's wrapper of OpenAI's SDK reports everything as a generation.
#[test]
fn openai_generations_are_classified_by_name() {
    for (name, op) in [
        ("OpenAI.embeddings", "gen_ai.embeddings"),
        ("OpenAI.images", "gen_ai.generate_content"),
        ("OpenAI.audio", "gen_ai.generate_content"),
        ("OpenAI.moderations", "gen_ai.evaluate"),
        ("OpenAI.responses", "gen_ai.chat"),
        ("OpenAI-generation", "gen_ai.chat"),
        ("my own", "gen_ai.chat"),
    ] {
        let generation = [
            ("langfuse.observation.type", "generation"),
            ("langfuse.observation.model.name", "m"),
        ];
        let span = translated("langfuse-sdk", name, &generation);
        assert_eq!(span.op, op, "{name}");
        let provider = span.attributes.text("gen_ai.provider.name");
        assert_eq!(provider.is_some(), name != "my own", "{name}");
    }
}

/// For a stream, the metadata holds what the response states about itself, as texts or as JSON.
#[test]
fn the_finish_reason_follows_from_the_response_status() {
    let outcome = |status: &str, more: &[(&'static str, &str)]| {
        let item = r#"[{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]"#;
        let mut attributes = vec![
            ("langfuse.observation.type", "generation"),
            ("langfuse.observation.output", item),
            ("langfuse.observation.metadata.status", status),
        ];
        attributes.extend_from_slice(more);
        let span = translated("langfuse-sdk", "OpenAI-generation", &attributes);
        let text = |key| span.attributes.text(key).unwrap_or_default().to_owned();
        let reasons = text("gen_ai.response.finish_reasons");
        (reasons, span.status, text("error.type"))
    };
    let plain = ("langfuse.observation.metadata.object", "response");
    let quoted = ("langfuse.observation.metadata.object", r#""response""#);
    let ok = |reason: &str| (reason.to_owned(), Status::Ok, String::new());
    assert_eq!(outcome("completed", &[plain]), ok(r#"["stop"]"#));
    assert_eq!(outcome(r#""completed""#, &[quoted]), ok(r#"["stop"]"#));
    let details = (
        "langfuse.observation.metadata.incomplete_details",
        r#"{"reason": "max_output_tokens"}"#,
    );
    let cut = outcome("incomplete", &[plain, details]);
    assert_eq!(cut, ok(r#"["length"]"#));
    let error = (
        "langfuse.observation.metadata.error",
        r#"{"code": "server_error", "message": "no"}"#,
    );
    let (_, status, kind) = outcome("failed", &[plain, error]);
    assert_eq!((status, &*kind), (Status::Error, "server_error"));
    // The wrapper for JavaScript.
    let copied = ("langfuse.observation.metadata.metadata", "{}");
    assert_eq!(outcome("incomplete", &[copied, details]), cut);
    let (_, status, kind) = outcome("failed", &[copied, error]);
    assert_eq!((status, &*kind), (Status::Error, "server_error"));
    // The program's own metadata.
    assert_eq!(outcome("failed", &[]), ok(""));
}

/// Without streaming, there are only the items.
#[test]
fn the_finish_reason_follows_from_completed_items() {
    let reasons = |output: &str| {
        let attributes = [
            ("langfuse.observation.type", "generation"),
            ("langfuse.observation.output", output),
        ];
        let span = translated("langfuse-sdk", "OpenAI-generation", &attributes);
        let reasons = span.attributes.text("gen_ai.response.finish_reasons");
        reasons.map(str::to_owned)
    };
    let message = |status: &str| {
        format!(
            r#"{{"id": "m", "type": "message", "status": "{status}", "role": "assistant", "content": [{{"type": "output_text", "text": "a"}}]}}"#
        )
    };
    let call = r#"{"id": "f", "type": "function_call", "status": "completed", "call_id": "c", "name": "g", "arguments": "{}"}"#;
    let completed = message("completed");
    assert_eq!(reasons(&completed).as_deref(), Some(r#"["stop"]"#));
    let called = Some(r#"["tool_calls"]"#);
    assert_eq!(reasons(&format!("[{call}]")).as_deref(), called);
    assert_eq!(
        reasons(&format!("[{completed}, {call}]")).as_deref(),
        called
    );
    // The item shows only that it is incomplete.
    assert_eq!(reasons(&message("incomplete")), None);
    assert_eq!(
        reasons(r#"{"type": "message", "status": "completed"}"#),
        None
    );
}

/// Langfuse also reads other names than its own.
#[test]
fn alternative_keys_for_input_and_output_are_read() {
    let kind = ("langfuse.observation.type", "generation");
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Yes"}]}]"#;
    let numbered = [
        ("gen_ai.prompt.0.role", "user"),
        ("gen_ai.prompt.0.content", "Hi"),
        ("gen_ai.completion.0.role", "assistant"),
        ("gen_ai.completion.0.content", "Yes"),
    ];
    let values = [("input.value", "Hi"), ("output.value", "Yes")];
    let own = [
        ("langfuse.observation.input", "Hi"),
        ("langfuse.observation.output", "Yes"),
    ];
    for attributes in [
        numbered.to_vec(),
        values.to_vec(),
        [&own[..], &numbered].concat(),
    ] {
        let span = translated("x", "ask", &[&[kind], &attributes[..]].concat());
        let text = |key| span.attributes.text(key);
        assert_eq!(text(super::INPUT), Some(question));
        assert_eq!(text(super::OUTPUT), Some(answer));
        let is_left = |key: &str| key.contains(".0.") || key.ends_with(".value");
        assert!(!span.attributes.iter().any(|(key, _)| is_left(key)));
    }
}

#[test]
fn langchain_states_the_requested_model_beside_the_one_that_answered() {
    let models = |recorded| {
        let attributes = [
            ("langfuse.observation.type", "generation"),
            ("langfuse.observation.model.name", recorded),
            ("langfuse.observation.metadata.ls_model_name", r#""gpt-4o""#),
        ];
        let span = translated("langfuse-sdk", "ChatOpenAI", &attributes);
        ["gen_ai.request.model", "gen_ai.response.model"]
            .map(|key| span.attributes.text(key).map(str::to_owned))
    };
    let model = |name: &str| Some(name.to_owned());
    let answered = models("gpt-4o-2024-08-06");
    assert_eq!(answered, [model("gpt-4o"), model("gpt-4o-2024-08-06")]);
    assert_eq!(models("gpt-4o"), [model("gpt-4o"), None]);
}

/// In JavaScript, LangChain's callback records answers of tools under the names of the tools.
#[test]
fn langfuse_answers_of_tools_belong_to_the_calls_before_them() {
    let kind = ("langfuse.observation.type", "generation");
    let input = |first: &str, second: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":"","tool_calls":[{first},{second}]}},{{"role":"f","content":"1","additional_kwargs":{{}}}},{{"role":"f","content":"2","additional_kwargs":{{}}}},{{"role":"g","content":"3"}}]}}"#
        )
    };
    for input in [
        input(
            r#"{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}"#,
            r#"{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}"#,
        ),
        input(
            r#"{"id":"c1","type":"tool_call","name":"f","args":{}}"#,
            r#"{"id":"c2","type":"tool_call","name":"f","args":{}}"#,
        ),
    ] {
        let attributes = [kind, ("langfuse.observation.input", &*input)];
        let span = translated("langfuse-sdk", "ChatOpenAI", &attributes);
        let messages: serde_json::Value =
            serde_json::from_str(span.attributes.text(INPUT).unwrap()).unwrap();
        let ids = [2, 3].map(|position| messages[position]["parts"][0]["id"].as_str());
        assert_eq!(ids, [Some("c1"), Some("c2")], "{messages}");
        let roles = [2, 4].map(|position| messages[position]["role"].as_str());
        assert_eq!(roles[0], Some("tool"));
        assert_ne!(roles[1], Some("tool"));
    }
}

/// A tool that fails has no answer, which would name the call.
#[test]
fn langfuse_calls_of_tools_have_the_id_in_the_metadata() {
    let attributes = [
        ("langfuse.observation.type", "tool"),
        ("langfuse.observation.metadata.tool_call_id", r#""call_1""#),
        ("langfuse.observation.level", "ERROR"),
    ];
    let span = translated("langfuse-sdk", "get_weather", &attributes);
    assert_eq!(span.attributes.text("gen_ai.tool.call.id"), Some("call_1"));
}

/// The wrapper of OpenAI's SDK records those of a response beside the input: in Python within, in JavaScript in the metadata.
#[test]
fn langfuse_definitions_of_tools_are_read_for_responses() {
    let kind = ("langfuse.observation.type", "generation");
    let tools = r#"[{"type":"function","name":"f"}]"#;
    let python = format!(r#"{{"input":"Hi","tools":{tools}}}"#);
    for attributes in [
        vec![kind, ("langfuse.observation.input", &*python)],
        vec![
            kind,
            ("langfuse.observation.input", "Hi"),
            ("langfuse.observation.metadata.tools", tools),
        ],
    ] {
        let span = translated("langfuse-sdk", "OpenAI-generation", &attributes);
        assert_eq!(span.attributes.text(DEFINITIONS), Some(tools));
        let input = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
        assert_eq!(span.attributes.text(INPUT), Some(input));
    }
}
