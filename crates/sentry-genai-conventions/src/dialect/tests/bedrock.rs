//! Spellings that only instrumentations of Bedrock use.

use super::*;

const SCOPE: &str = "@arizeai/openinference-instrumentation-bedrock";
const KIND: Attribute = ("openinference.span.kind", "LLM");

/// Only the request has results that are JSON, and the instructions of `InvokeModel`.
#[test]
fn openinference_input_is_completed_from_the_request() {
    let system = [
        ("llm.input_messages.0.message.role", "system"),
        ("llm.input_messages.0.message.content", "Be brief"),
    ];
    let call = [
        ("llm.input_messages.1.message.role", "user"),
        ("llm.input_messages.1.message.content", "Sun?"),
        ("llm.input_messages.2.message.role", "user"),
        ("llm.input_messages.2.message.tool_call_id", "c1"),
    ];
    let request = r#"{"modelId":"m","system":[{"text":"Be brief"}],"messages":[{"role":"user","content":[{"text":"Sun?"}]},{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"json":{"degrees":21}}]}}]}]}"#;
    let of = |name, request, messages: &[Attribute]| {
        let attributes = [&[KIND, ("input.value", request)], messages].concat();
        translated(SCOPE, name, &attributes)
    };
    let span = of(
        "bedrock.converse",
        request,
        &[&system[..], &call[..]].concat(),
    );
    let input = crate::messages::read_json(span.attributes.text(INPUT).unwrap()).unwrap();
    assert_eq!(input[1]["role"], "tool");
    let result = input[1]["parts"][0]["response"].to_string();
    assert!(result.contains("21"), "{input}");

    let request =
        r#"{"max_tokens":9,"system":"Be brief","messages":[{"role":"user","content":"Sun?"}]}"#;
    let span = of("bedrock.invoke_model", request, &call[..2]);
    let instructions = span.attributes.text("gen_ai.system_instructions");
    let expected = r#"[{"type":"text","content":"Be brief"}]"#;
    assert_eq!(instructions, Some(expected));
    let expected_input = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(expected_input));
}

/// A message with answers of tools and a text is flattened without the answers.
#[test]
fn answers_beside_a_text_are_read_from_the_request() {
    let messages = [
        ("llm.input_messages.0.message.role", "user"),
        ("llm.input_messages.0.message.content", "Sun?"),
        ("llm.input_messages.1.message.role", "user"),
        ("llm.input_messages.1.message.tool_call_id", "c1"),
        (
            "llm.input_messages.1.message.contents.1.message_content.type",
            "text",
        ),
        (
            "llm.input_messages.1.message.contents.1.message_content.text",
            "And now?",
        ),
    ];
    let input = |name, request| {
        let attributes = [&[KIND, ("input.value", request)], &messages[..]].concat();
        let span = translated(SCOPE, name, &attributes);
        span.attributes.text(INPUT).map(str::to_owned)
    };
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"21","result":"21"}]},{"role":"user","parts":[{"type":"text","content":"And now?"}]}]"#;
    let converse = r#"{"modelId":"m","messages":[{"role":"user","content":[{"text":"Sun?"}]},{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"21"}]}},{"text":"And now?"}]}]}"#;
    assert_eq!(
        input("bedrock.converse", converse).as_deref(),
        Some(expected)
    );
    let invoke = r#"{"messages":[{"role":"user","content":"Sun?"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"21"},{"type":"text","text":"And now?"}]}]}"#;
    assert_eq!(
        input("bedrock.invoke_model", invoke).as_deref(),
        Some(expected)
    );
}

#[test]
fn titan_input_is_read_from_messages() {
    let span = translated(
        SCOPE,
        "bedrock.invoke_model",
        &[
            KIND,
            ("llm.model_name", "titan-embed-text-v2:0"),
            ("input.value", r#"{"inputText":"Sun"}"#),
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.content", "Sun"),
            ("llm.output_messages.0.message.role", "assistant"),
            (
                "output.value",
                r#"{"embedding":[0.1],"inputTextTokenCount":8}"#,
            ),
        ],
    );
    let attributes = &span.attributes;
    assert_eq!(attributes.text("gen_ai.embeddings.input"), Some("Sun"));
    assert_eq!(attributes.integer("gen_ai.usage.input_tokens"), Some(8));
    let mut messages = attributes.iter().filter(|(key, _)| key.starts_with("llm."));
    assert_eq!(messages.next(), None);
}

#[test]
fn titan_input_is_read_from_parameters() {
    for parameters in [r#"{"inputText":"Sun"}"#, r#"{"texts":["Sun"]}"#] {
        let attributes = [
            KIND,
            ("llm.model_name", "titan-embed-text-v2:0"),
            ("llm.invocation_parameters", parameters),
        ];
        let span = translated(SCOPE, "bedrock.invoke_model", &attributes);
        let embedded = span.attributes.text("gen_ai.embeddings.input");
        assert!(
            embedded.is_some_and(|text| text.contains("Sun")),
            "{parameters}"
        );
    }
}

/// The input and the answer of a request that OpenInference records as a whole.
fn invoked(attributes: &[Attribute]) -> (Option<String>, Option<String>) {
    let attributes = [&[KIND], attributes].concat();
    let scope = "openinference.instrumentation.bedrock";
    let span = translated(scope, "bedrock.invoke_model", &attributes);
    let provider = span.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("aws.bedrock"));
    let text = |key| span.attributes.text(key).map(str::to_owned);
    (text(INPUT), text(OUTPUT))
}

#[test]
fn the_prompt_of_titan_is_read_from_parameters() {
    let (input, output) = invoked(&[
        ("llm.provider", "aws"),
        ("llm.model_name", "amazon.titan-text-express-v1"),
        ("llm.invocation_parameters", r#"{"inputText":"Sun?"}"#),
        ("output.value", "Yes"),
    ]);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]}]"#;
    assert_eq!(input.as_deref(), Some(expected));
    assert!(output.is_some_and(|output| output.contains("Yes")));
}

#[test]
fn messages_of_cohere_are_read_from_parameters() {
    let request = r#"{"message": "And now?", "preamble": "Be brief.", "chat_history": [{"role": "USER", "message": "Sun?"}, {"role": "CHATBOT", "message": "No."}]}"#;
    let (input, output) = invoked(&[
        ("llm.provider", "aws"),
        ("llm.model_name", "cohere.command-r-plus-v1:0"),
        ("llm.invocation_parameters", request),
        ("output.value", "None"),
    ]);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]},{"role":"assistant","parts":[{"type":"text","content":"No."}]},{"role":"user","parts":[{"type":"text","content":"And now?"}]}]"#;
    assert_eq!(input.as_deref(), Some(expected));
    assert_eq!(output, None);
}

#[test]
fn messages_are_read_from_parameters() {
    let request = r#"{"messages": [{"role": "user", "content": "Sun?"}], "max_tokens": 50}"#;
    let (input, output) = invoked(&[
        ("llm.provider", "aws"),
        ("llm.model_name", "ai21.jamba-1-5-mini-v1:0"),
        ("llm.invocation_parameters", request),
        ("output.value", "None"),
    ]);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]}]"#;
    assert_eq!(input.as_deref(), Some(expected));
    assert_eq!(output, None);
}

#[test]
fn the_request_of_a_stream_is_not_a_prompt() {
    let request = r#"{"prompt": "Sun?", "max_gen_len": 50}"#;
    let (input, _) = invoked(&[
        ("llm.invocation_parameters", request),
        ("input.mime_type", "application/json"),
        ("input.value", request),
    ]);
    let expected = r#"[{"role":"user","parts":[{"type":"text","content":"Sun?"}]}]"#;
    assert_eq!(input.as_deref(), Some(expected));
}

#[test]
fn a_prompt_that_looks_like_a_request_is_a_prompt() {
    let (input, _) = invoked(&[
        ("llm.provider", "aws"),
        ("llm.invocation_parameters", r#"{"max_gen_len": 50}"#),
        ("input.value", r#"{"message": "Sun?"}"#),
    ]);
    assert!(input.is_some_and(|input| input.contains("message")));
}

#[test]
fn openllmetry_reasoning_is_a_block_in_a_text() {
    let answer = r#"[{"role": "assistant", "parts": [{"type": "text", "content": "{\"reasoningContent\": {\"reasoningText\": {\"text\": \"Hm.\", \"signature\": \"s\"}}}"}, {"type": "text", "content": "Sun"}], "finish_reason": "stop"}]"#;
    let scope = "opentelemetry.instrumentation.bedrock";
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.output.messages", answer),
    ];
    let span = translated(scope, "chat m", &attributes);
    let output = crate::messages::read_json(span.attributes.text(OUTPUT).unwrap()).unwrap();
    let kinds = ["type", "content"].map(|field| output[0]["parts"][0][field].clone());
    assert_eq!(kinds, ["reasoning", "Hm."]);
}

#[test]
fn streams_are_told_by_their_method() {
    let streaming = |scope, name, attributes: &[Attribute]| {
        translated(scope, name, attributes)
            .attributes
            .get("gen_ai.response.streaming")
            == Some(crate::Value::Bool(true))
    };
    assert!(streaming(SCOPE, "bedrock.converse_stream", &[KIND]));
    assert!(!streaming(SCOPE, "bedrock.converse", &[KIND]));
    let google = "openinference.instrumentation.google_genai";
    assert!(streaming(google, "AsyncGenerateContentStream", &[KIND]));

    let botocore = "opentelemetry.instrumentation.botocore.bedrock-runtime";
    let of = |method| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", "aws.bedrock"),
            ("rpc.method", method),
        ];
        streaming(botocore, "chat m", &attributes)
    };
    assert!(of("ConverseStream"));
    assert!(of("InvokeModelWithResponseStream"));
    assert!(!of("InvokeModel"));
}

/// OpenTelemetry's newest instrumentation passes on the counts of the API, too.
#[test]
fn the_newest_instrumentation_counts_the_cache_beside_the_input() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "aws.bedrock"),
        ("gen_ai.request.model", "anthropic.claude-sonnet-4-5"),
    ];
    let mut call = source(
        "opentelemetry.instrumentation.genai.bedrock",
        "chat",
        &attributes,
    );
    for (key, count) in [
        ("gen_ai.usage.input_tokens", 100),
        ("gen_ai.usage.cache_read.input_tokens", 72),
        ("gen_ai.usage.cache_write.input_tokens", 8),
    ] {
        call.attributes.push(key, count);
    }
    let call = with_content(call);
    let input = call.attributes.integer("gen_ai.usage.input_tokens");
    assert_eq!(input, Some(180));
}
