//! litellm's SDK and proxy.

use super::*;

/// What precedes it is the provider.
#[test]
fn litellm_models_lose_their_provider_prefix() {
    let openinference = "openinference.instrumentation.litellm";
    let kind = ("openinference.span.kind", "LLM");
    for (scope, attributes) in [
        (
            "litellm",
            [
                ("llm.request.type", "chat"),
                ("gen_ai.request.model", "openai/gpt-5"),
            ],
        ),
        (openinference, [kind, ("llm.model_name", "openai/gpt-5")]),
    ] {
        let span = translated(scope, "completion", &attributes);
        assert_eq!(span.name, "chat gpt-5", "{scope}");
        let provider = span.attributes.text("gen_ai.provider.name");
        assert_eq!(provider, Some("openai"), "{scope}");
    }
    for (written, model) in [
        (
            "bedrock/converse/amazon.nova-lite-v1:0",
            "amazon.nova-lite-v1:0",
        ),
        ("converse/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("openai/responses/gpt-5", "gpt-5"),
    ] {
        let call = [kind, ("llm.model_name", written)];
        let span = translated(openinference, "completion", &call);
        assert_eq!(span.attributes.text("gen_ai.request.model"), Some(model));
    }
    let own = [kind, ("llm.model_name", "some/model")];
    assert_eq!(
        translated(openinference, "completion", &own).name,
        "chat some/model"
    );
}

/// The proxy restores the alias in the answer.
#[test]
fn litellms_proxy_names_the_model_behind_an_alias() {
    let call = |group| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-5-mini"),
            ("gen_ai.response.model", "smart"),
            ("litellm.model_group", group),
        ];
        let span = translated("litellm", "chat gpt-5-mini", &attributes);
        span.attributes
            .text("gen_ai.response.model")
            .map(str::to_owned)
    };
    assert_eq!(call("smart").as_deref(), Some("gpt-5-mini"));
    assert_eq!(call("other").as_deref(), Some("smart"));
}

/// With `LITELLM_OTEL_V2`, requested and response model are the alias.
#[test]
fn litellms_newest_spelling_names_the_model_behind_an_alias() {
    let answered = |asked, answered, called| {
        let attributes = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", asked),
            ("gen_ai.response.model", answered),
            ("litellm.provider.model", called),
        ];
        let span = translated("litellm", "chat smart", &attributes);
        let model = span.attributes.text("gen_ai.response.model");
        model.map(str::to_owned)
    };
    let claude = "anthropic/claude-sonnet-4-5";
    assert_eq!(
        answered("smart", "smart", claude).as_deref(),
        Some("claude-sonnet-4-5")
    );
    assert_eq!(
        answered("smart", "claude-x", claude).as_deref(),
        Some("claude-x")
    );
    assert_eq!(
        answered("gpt-5", "gpt-5", "openai/responses/gpt-5").as_deref(),
        Some("gpt-5")
    );
}

/// Presets for other backends add their spelling of the same call.
#[test]
fn litellms_newest_spelling_counts_beside_that_of_a_preset() {
    for preset in [
        ("openinference.span.kind", "LLM"),
        ("langfuse.observation.type", "generation"),
    ] {
        let attributes = [
            preset,
            ("gen_ai.operation.name", "embeddings"),
            ("gen_ai.request.model", "smart"),
            ("gen_ai.response.model", "smart"),
            ("litellm.call_type", "aembedding"),
            ("litellm.provider.model", "openai/text-embedding-3-small"),
            ("llm.model_name", "smart"),
            ("input.value", "Hi"),
        ];
        let span = translated("litellm", "embeddings smart", &attributes);
        assert_eq!(span.op, "gen_ai.embeddings");
        let model = span.attributes.text("gen_ai.response.model");
        assert_eq!(model, Some("text-embedding-3-small"));
        assert!(
            !span
                .attributes
                .contains_any(&["llm.model_name", "input.value"])
        );
    }
    let call = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gpt-5"),
        ("litellm.call_type", "acompletion"),
        ("langfuse.observation.type", "generation"),
        (
            "langfuse.observation.usage_details",
            r#"{"output": 12, "output_reasoning_tokens": 5}"#,
        ),
    ];
    let mut call = source("litellm", "chat gpt-5", &call);
    call.attributes.push("gen_ai.usage.output_tokens", 17_i64);
    let call = with_content(call).attributes;
    let count = |key| call.integer(key);
    assert_eq!(count("gen_ai.usage.reasoning.output_tokens"), Some(5));
    assert_eq!(count("gen_ai.usage.output_tokens"), Some(17));
}

/// `LITELLM_OTEL_LEGACY_COMPAT=false` leaves out the older names beside these.
#[test]
fn litellms_newest_spelling_is_read() {
    let mut span = source(
        "litellm",
        "chat smart",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "smart"),
            ("gen_ai.tool.0.name", "get_weather"),
            ("gen_ai.tool.0.description", "Tells the weather"),
            ("gen_ai.tool.0.parameters", r#"{"type":"object"}"#),
            ("litellm.metadata.user_api_key_end_user_id", "u-7"),
        ],
    );
    span.attributes.push("litellm.request.streaming", true);
    for (key, cost) in [
        ("total", 0.0023),
        ("input", 0.0008),
        ("output", 0.0015),
        ("cache_read", 0.0001),
        ("cache_creation", 0.0002),
        ("tool_usage", 0.0),
    ] {
        span.attributes
            .push_owned_key(&format!("litellm.cost.{key}"), Value::Double(cost));
    }
    let span = with_content(span);
    let text = |key| span.attributes.text(key);
    assert_eq!(
        text(DEFINITIONS),
        Some(
            r#"[{"type":"function","name":"get_weather","description":"Tells the weather","parameters":{"type":"object"}}]"#
        )
    );
    assert!(!span.attributes.contains("otel.gen_ai.tool.0.name"));
    assert_eq!(text("user.id"), Some("u-7"));
    let streaming = span.attributes.get("gen_ai.response.streaming");
    assert_eq!(streaming, Some(Value::Bool(true)));
    for (key, cost) in [
        ("total_tokens", 0.0023),
        ("input_tokens", 0.0008),
        ("output_tokens", 0.0015),
        ("cache_read.input_tokens", 0.0001),
        ("cache_creation.input_tokens", 0.0002),
    ] {
        let recorded = span.attributes.get(&format!("gen_ai.cost.{key}"));
        assert_eq!(recorded, Some(Value::Double(cost)), "{key}");
    }
}

/// litellm formats enum members, which are the names of classes since Python 3.11.
#[test]
fn litellm_enum_members_are_read() {
    let span = translated(
        "litellm",
        "litellm_request",
        &[
            ("llm.request.type", "acompletion"),
            ("SpanAttributes.LLM_PROMPTS.0.role", "user"),
            (
                "SpanAttributes.LLM_PROMPTS.0.content",
                "[{'type': 'text', 'text': 'Hi'}]",
            ),
            ("SpanAttributes.LLM_COMPLETIONS.0.role", "assistant"),
            ("SpanAttributes.LLM_COMPLETIONS.0.content", "Hello"),
            ("SpanAttributes.LLM_REQUEST_FUNCTIONS.0.name", "w"),
        ],
    );
    let text = |key| span.attributes.text(key);
    assert_eq!(
        text(INPUT),
        Some(r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#)
    );
    assert_eq!(
        text(OUTPUT),
        Some(r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello"}]}]"#)
    );
    assert_eq!(
        text(DEFINITIONS),
        Some(r#"[{"type":"function","name":"w"}]"#)
    );
}

#[test]
fn litellm_completions_are_merged_into_one_message() {
    let span = translated(
        "litellm",
        "litellm_request",
        &[
            ("llm.request.type", "completion"),
            (
                OUTPUT,
                r#"[{"role": "assistant", "parts": [], "finish_reason": "tool_calls"}]"#,
            ),
            ("gen_ai.completion.0.function_call.name", "a"),
            ("gen_ai.completion.0.function_call.arguments", "{}"),
            ("gen_ai.completion.1.function_call.name", "b"),
        ],
    );
    let output = json::read(&span.attributes, OUTPUT).unwrap();
    let parts = output[0]["parts"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|part| &part["name"]).collect();
    assert_eq!(names, ["a", "b"]);

    // The caller may name the span for the request to the provider.
    let attributes = [("llm.openai.messages", "[]"), ("llm.openai.id", "x")];
    let span = translated("litellm", "my-generation", &attributes);
    assert_eq!(span.op, "function");
    assert!(!span.attributes.contains("llm.openai.messages"));
}

#[test]
fn litellm_providers_fall_back_to_model_prefix_and_address() {
    let provider = |system, model, address: &str| {
        let hidden = format!(r#"{{"api_base": "{address}"}}"#);
        let attributes = [
            ("hidden_params", &*hidden),
            ("llm.request.type", "embedding"),
            ("gen_ai.operation.name", "embedding"),
            ("gen_ai.system", system),
            ("litellm.provider.model", model),
        ];
        let span = translated("litellm", "litellm_request", &attributes);
        (span.attributes.text("gen_ai.provider.name")).map(str::to_owned)
    };
    let openai = Some("openai".to_owned());
    assert_eq!(provider("", "openai/text-embedding-3-small", ""), openai);
    assert_eq!(provider("openai", "azure/m", ""), openai);
    assert_eq!(provider("", "m", "https://api.openai.com/v1"), openai);
    assert_eq!(provider("", "m", "http://localhost/api.openai.com"), None);
}

/// In its newest spelling, it reports every operation that it does not distinguish as a chat.
#[test]
fn litellm_request_types_override_chat() {
    let op = |kind, named: &[Attribute]| {
        let attributes = [
            ("llm.request.type", kind),
            ("gen_ai.request.model", "m"),
            ("litellm.provider.model", "m"),
        ];
        let attributes = [&attributes, named].concat();
        translated("litellm", "chat m", &attributes).op
    };
    let chat: &[Attribute] = &[("gen_ai.operation.name", "chat")];
    for named in [&[], chat] {
        assert_eq!(op("aspeech", named), "gen_ai.generate_content");
        assert_eq!(op("transcription", named), "gen_ai.generate_content");
        assert_eq!(op("image_generation", named), "gen_ai.generate_content");
        assert_eq!(op("moderation", named), "gen_ai.evaluate");
        assert_eq!(op("arerank", named), "gen_ai.rerank");
        assert_eq!(op("acompletion", named), "gen_ai.chat");
    }
    // Requests to the proxy in the format of Anthropic's and Google's APIs.
    for (kind, expected) in [
        ("anthropic_messages", "gen_ai.chat"),
        ("aanthropic_messages", "gen_ai.chat"),
        ("agenerate_content", "gen_ai.generate_content"),
        ("image_edit", "gen_ai.generate_content"),
    ] {
        let named = [
            ("gen_ai.operation.name", kind),
            ("http.route", "/v1/messages"),
        ];
        assert_eq!(op(kind, &named), expected, "{kind}");
    }
}

#[test]
fn the_image_of_litellm_is_an_address_or_a_blob() {
    let output = |image| {
        let call = [
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "openai/gpt-image-1"),
            ("image.url", image),
            ("output.value", image),
        ];
        let scope = "openinference.instrumentation.litellm";
        let span = translated(scope, "image_generation", &call);
        assert!(!span.attributes.contains("image.url"));
        (span.attributes.text("gen_ai.output.messages")).map(str::to_owned)
    };
    let of = |part| Some(format!(r#"[{{"role":"assistant","parts":[{part}]}}]"#));
    assert_eq!(
        output("iVBORw0KGgo="),
        of(
            r#"{"type":"blob","modality":"image","mime_type":"unknown","content":"[Blob substitute]"}"#
        )
    );
    assert_eq!(
        output("https://images.example/1.png"),
        of(
            r#"{"type":"uri","modality":"image","mime_type":"unknown","uri":"https://images.example/1.png"}"#
        )
    );
}

/// Requests that the newest spelling has no operation for are chats there.
#[test]
fn the_type_of_a_request_says_more_than_a_chat() {
    let op = |operation, call_type| {
        let attributes = [
            ("gen_ai.operation.name", operation),
            ("gen_ai.request.model", "m"),
            ("litellm.call_type", call_type),
        ];
        let name = format!("{operation} m");
        translated("litellm", &name, &attributes).op.into_owned()
    };
    assert_eq!(op("chat", "arerank"), "gen_ai.rerank");
    assert_eq!(op("chat", "adecisions"), "gen_ai.decide");
    assert_eq!(op("chat", "avideo_remix"), "gen_ai.generate_content");
    assert_eq!(op("litellm.moderation", "amoderation"), "gen_ai.evaluate");
    for call_type in ["acompletion", "aresponses", "_arealtime"] {
        assert_eq!(op("chat", call_type), "gen_ai.chat", "{call_type}");
    }
    for call_type in [
        "acreate_batch",
        "a_add_message",
        "avideo_retrieve",
        "afile_list",
    ] {
        assert_eq!(op("chat", call_type), "function", "{call_type}");
    }
}

#[test]
fn a_cached_answer_costs_nothing() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.usage.prompt_tokens", "5"),
        ("gen_ai.usage.output_tokens", "6"),
        ("gen_ai.output.messages", "Hello again"),
    ];
    let counts = |is_hit: bool| {
        let mut span = source("litellm", "chat m", &attributes);
        span.attributes.push("litellm.cache_hit", is_hit);
        let span = with_content(span);
        assert_eq!(span.op, "gen_ai.chat");
        assert!(span.attributes.contains("gen_ai.output.messages"));
        span.attributes.integer("gen_ai.usage.total_tokens")
    };
    assert_eq!(counts(false), Some(11));
    assert_eq!(counts(true), None);
}

/// Its older spelling records the status of a response of OpenAI's as the reason why it ended, and of one that failed the provider
/// with the error alone.
#[test]
fn litellms_responses_end_by_their_output() {
    let call = r#"{"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": "{}"}"#;
    let answer = r#"{"type": "text", "content": "Sunny"}"#;
    for (parts, reasons) in [(call, r#"["tool_calls"]"#), (answer, r#"["stop"]"#)] {
        let output = format!(r#"[{{"role": "assistant", "parts": [{parts}]}}]"#);
        let attributes = [
            ("gen_ai.operation.name", "aresponses"),
            ("gen_ai.output.messages", &*output),
            ("gen_ai.request.model", "gpt-5-mini"),
            ("gen_ai.response.finish_reasons", r#"["completed"]"#),
            ("llm.request.type", "aresponses"),
        ];
        let span = translated("litellm", "litellm_request", &attributes);
        let written = span.attributes.text("gen_ai.response.finish_reasons");
        assert_eq!(written, Some(reasons));
    }
    let failed = [
        ("error.llm_provider", "openai"),
        ("error.type", "InternalServerError"),
        ("gen_ai.operation.name", "aresponses"),
        ("gen_ai.request.model", "gpt-5-mini"),
        ("gen_ai.system", ""),
        ("llm.request.type", "aresponses"),
    ];
    let span = translated("litellm", "litellm_request", &failed);
    let provider = span.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("openai"));
}

/// Its older presets for Arize, Phoenix and Weave, which are OpenInference.
#[test]
fn litellms_openinference_presets_have_tools_instructions_and_reasoning() {
    let parameters =
        r#"{"instructions": "Be brief", "tools": [{"type": "function", "name": "get_weather"}]}"#;
    let attributes = [
        ("llm.input_messages.0.message.content", "Weather?"),
        ("llm.input_messages.0.message.role", "user"),
        ("llm.invocation_parameters", parameters),
        ("llm.model_name", "gpt-5-mini"),
        (
            "llm.output_messages.0.message.reasoning_summary",
            "Look it up",
        ),
        ("llm.request.type", "aresponses"),
        ("llm.tools.0.description", "The weather"),
        ("llm.tools.0.name", "get_weather"),
        ("llm.tools.0.parameters", r#"{"type": "object"}"#),
        ("openinference.span.kind", "LLM"),
    ];
    let span = translated("litellm", "litellm_request", &attributes);
    let attribute = |key| span.attributes.text(key).unwrap_or_default();
    assert_eq!(
        attribute("gen_ai.tool.definitions"),
        r#"[{"type":"function","name":"get_weather","description":"The weather","parameters":{"type":"object"}}]"#
    );
    assert_eq!(
        attribute("gen_ai.system_instructions"),
        r#"[{"type":"text","content":"Be brief"}]"#
    );
    assert_eq!(
        attribute("gen_ai.output.messages"),
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Look it up"}]}]"#
    );
}
