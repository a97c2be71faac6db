//! Genkit's actions.

use super::*;

#[test]
fn genkit_json_is_read() {
    let span = translated(
        "genkit-tracer",
        "googleai/gemini",
        &[
            ("genkit:name", "googleai/gemini"),
            ("genkit:metadata:subtype", "model"),
            (
                "genkit:input",
                r#"{"messages":[{"role":"system","content":[{"text":"Be nice"}]},{"role":"user","content":[{"text":"Hi"}]},{"role":"tool","content":[{"toolResponse":{"name":"w","ref":"c","output":{"t":1}}}]}],"config":{"temperature":0.2},"tools":[{"name":"w","description":"d","inputSchema":{"type":"object"}}]}"#,
            ),
            (
                "genkit:output",
                r#"{"candidates":[{"message":{"role":"model","content":[{"reasoning":"Hm"},{"toolRequest":{"name":"w","ref":"d","input":{"c":2}}}]},"finishReason":"stop"}],"custom":{"modelVersion":"gemini-001"},"usage":{"inputTokens":42,"outputTokens":12,"thoughtsTokens":5,"totalTokens":59,"cachedContentTokens":16}}"#,
            ),
        ],
    );
    let text = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(
        text(INPUT),
        r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c","name":"w","response":{"t":1},"result":"{\"t\":1}"}]}]"#
    );
    assert_eq!(
        text(OUTPUT),
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm"},{"type":"tool_call","id":"d","name":"w","arguments":{"c":2}}],"finish_reason":"stop"}]"#
    );
    assert_eq!(
        text("gen_ai.system_instructions"),
        r#"[{"type":"text","content":"Be nice"}]"#
    );
    assert!(text(DEFINITIONS).contains(r#""name":"w""#));
    assert_eq!(text("gen_ai.provider.name"), "gcp.gemini");
    assert_eq!(text("gen_ai.response.model"), "gemini-001");
    let count = |key| span.attributes.integer(key);
    assert_eq!(count("gen_ai.usage.input_tokens"), Some(42));
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(17));
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
    assert_eq!(count("gen_ai.usage.cache_read.input_tokens"), Some(16));
}

/// Genkit's plugin for Gemini keeps an answer in the pieces in which it was streamed.
#[test]
fn the_pieces_of_genkits_answers_are_joined() {
    let pieces = r#"{"role":"model","content":[{"text":"Sun"},{"text":"ny"}]}"#;
    let input = format!(
        r#"{{"messages":[{{"role":"user","content":[{{"text":"a"}},{{"text":"b"}}]}},{pieces}]}}"#
    );
    let output = format!(r#"{{"candidates":[{{"message":{pieces}}}]}}"#);
    let call = [
        ("genkit:name", "googleai/m"),
        ("genkit:metadata:subtype", "model"),
        ("genkit:input", &*input),
        ("genkit:output", &*output),
    ];
    let span = translated("genkit-tracer", "googleai/m", &call);
    let answer = r#"{"role":"assistant","parts":[{"type":"text","content":"Sunny"}]}"#;
    let output = format!("[{answer}]");
    assert_eq!(
        span.attributes.text("gen_ai.output.messages"),
        Some(&*output)
    );
    let question =
        r#"{"role":"user","parts":[{"type":"text","content":"a"},{"type":"text","content":"b"}]}"#;
    let input = format!("[{question},{answer}]");
    assert_eq!(span.attributes.text("gen_ai.input.messages"), Some(&*input));
}

#[test]
fn texts_that_genkit_omits_are_read_from_the_completion() {
    let call = r#"{"toolRequest":{"name":"w","ref":"c1"}}"#;
    for (content, message, texts) in [
        (call, r#"{"content":"Let me look","tool_calls":[]}"#, 1),
        ("", r#"{"content":null,"refusal":"Let me look"}"#, 1),
        (
            r#"{"text":"Let me look"}"#,
            r#"{"content":"Let me look"}"#,
            1,
        ),
        (r#"{"data":{"a":1}}"#, r#"{"content":"{\"a\":1}"}"#, 0),
        (call, r#"{"content":"","refusal":null}"#, 0),
    ] {
        let output = format!(
            r#"{{"message":{{"role":"model","content":[{content}]}},"raw":{{"choices":[{{"message":{message}}}]}}}}"#
        );
        let call = [
            ("genkit:name", "openai/m"),
            ("genkit:metadata:subtype", "model"),
            ("genkit:output", &*output),
        ];
        let span = translated("genkit-tracer", "openai/m", &call);
        let output = span.attributes.text("gen_ai.output.messages").unwrap_or("");
        assert_eq!(
            output.matches(r#""type":"text""#).count(),
            texts,
            "{output}"
        );
    }
}

#[test]
fn an_agents_turn_has_a_question_an_answer_and_a_session() {
    let span = translated(
        "genkit-tracer",
        "helper",
        &[
            ("genkit:name", "helper"),
            ("genkit:metadata:subtype", "agent"),
            ("genkit:metadata:agent:sessionId", "s-1"),
            (
                "genkit:input",
                r#"{"message":{"role":"user","content":[{"text":"Hi"}]}}"#,
            ),
            (
                "genkit:output",
                r#"{"sessionId":"s-1","message":{"role":"model","content":[{"text":"Hello"}]},"finishReason":"stop"}"#,
            ),
        ],
    );
    assert_eq!(span.name, "invoke_agent helper");
    let text = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(text("gen_ai.conversation.id"), "s-1");
    assert_eq!(
        text(INPUT),
        r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#
    );
    assert_eq!(
        text(OUTPUT),
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}],"finish_reason":"stop"}]"#
    );
    assert!(!span.attributes.contains("genkit:output"));
}

#[test]
fn the_texts_of_genkits_embedders_are_input() {
    let embed = |documents: &str| {
        let input = format!(r#"{{"input":{documents},"options":{{"dimensions":2}}}}"#);
        let call = [
            ("genkit:name", "googleai/e1"),
            ("genkit:metadata:subtype", "embedder"),
            ("genkit:input", &*input),
            (
                "genkit:output",
                r#"{"embeddings":[{"embedding":[0.1,0.2]}]}"#,
            ),
        ];
        let span = translated("genkit-tracer", "googleai/e1", &call);
        assert_eq!(span.op, "gen_ai.embeddings");
        assert!(
            !span
                .attributes
                .contains_any(&["genkit:input", "genkit:output"])
        );
        let input = span.attributes.text("gen_ai.embeddings.input");
        input.map(str::to_owned)
    };
    let document = r#"{"content":[{"text":"Paris"}]}"#;
    assert_eq!(embed(&format!("[{document}]")).as_deref(), Some("Paris"));
    let both = embed(&format!("[{document},{document}]"));
    assert_eq!(both.as_deref(), Some(r#"["Paris","Paris"]"#));
    assert_eq!(embed(r#"[{"content":[{"media":{"url":"a.png"}}]}]"#), None);
}
