mod instrumentations;
mod javascript;
mod langchain_rust;
mod langfuse;
mod langsmith;
mod mlflow;
mod pydantic_ai;
mod rig;
mod smolagents;
mod strands;

use super::*;

use crate::{SentrySpan, SpanId, SpanKind, Timestamp, TraceId, TranslateOptions, Translator};

type Attribute = (&'static str, &'static str);

fn translated(scope: &str, name: &str, attributes: &[(&'static str, &str)]) -> SentrySpan {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    let start = Timestamp::from_nanos(1_795_197_437_000_000_000);
    let mut span = SourceSpan::new(trace_id, span_id, name.to_owned(), start);
    span.scope = scope.to_owned().into();
    span.kind = Some(SpanKind::Internal);
    for (key, value) in attributes {
        span.attributes.push(key, *value);
    }
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    Translator::new(options).translate(span)
}

#[test]
fn debug_quotes_come_off_once() {
    assert_eq!(unquoted(r#""call_1""#), "call_1");
    assert_eq!(unquoted(r#"Some("call_1")"#), "call_1");
    assert_eq!(unquoted(r#"call"1"#), r#"call"1"#);
    assert_eq!(unquoted(r#"""call""#), r#""call"#);
    assert_eq!(unquoted("\""), "\"");
}

/// Scope, name, attributes; then op and name in Sentry.
#[rustfmt::skip]
static RULES: &[(&str, &str, &[Attribute], &str, &str)] = &[
    // A prompt template that claims to be a chat.
    ("langsmith", "ChatPromptTemplate", &[("langsmith.span.kind", "prompt"), ("gen_ai.operation.name", "chat")], "function", "ChatPromptTemplate"),
    ("langsmith", "retriever", &[("langsmith.span.kind", "retriever"), ("gen_ai.operation.name", "chain")], "function", "retriever"),
    ("langsmith", "rag", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.lc_agent_name", "helper")], "function", "rag"),
    ("langsmith", "Handoff", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.ls_integration", "openai-agents-sdk"), ("gen_ai.operation.name", "chain"), ("gen_ai.prompt", r#"{"from_agent":"Triage","to_agent":null}"#)], "gen_ai.handoff", "handoff from Triage"),
    ("langsmith", "Weather", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.ls_integration", "openai-agents-sdk"), ("gen_ai.operation.name", "chain"), ("gen_ai.tool.definitions", r#"[{"name":"w"}]"#)], "gen_ai.invoke_agent", "invoke_agent Weather"),
    ("langsmith", "Span", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.ls_integration", "openai-agents-sdk"), ("gen_ai.operation.name", "chain")], "function", "Span"),
    ("openlit.otel.tracing", "image gpt-image-1", &[("gen_ai.operation.name", "image"), ("gen_ai.request.model", "gpt-image-1")], "gen_ai.generate_content", "generate_content gpt-image-1"),
    ("openlit.otel.tracing", "audio tts-1", &[("gen_ai.operation.name", "audio"), ("gen_ai.request.model", "tts-1")], "gen_ai.generate_content", "generate_content tts-1"),
    ("any", "rerank docs", &[("openinference.span.kind", "RERANKER"), ("llm.model_name", "r-1")], "gen_ai.rerank", "rerank r-1"),
    ("any", "CohereRerank", &[("openinference.span.kind", "RERANKER"), ("reranker.model_name", "r-1")], "gen_ai.rerank", "rerank r-1"),
    ("any", "search", &[("openinference.span.kind", "RETRIEVER")], "function", "search"),
    // The same metadata is on all below.
    ("any", "helper", &[("openinference.span.kind", "CHAIN"), ("metadata", r#"{"lc_agent_name":"helper"}"#)], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("any", "tools", &[("openinference.span.kind", "CHAIN"), ("metadata", r#"{"lc_agent_name":"helper"}"#)], "function", "tools"),
    ("any", "judge", &[("openinference.span.kind", "EVALUATOR"), ("llm.token_count.prompt", "3")], "function", "judge"),
    ("any", "CodeAgent.run", &[("openinference.span.kind", "AGENT")], "gen_ai.invoke_agent", "invoke_agent CodeAgent"),
    ("any", "Researcher._execute_core", &[("openinference.span.kind", "AGENT"), ("graph.node.id", "Researcher")], "gen_ai.invoke_agent", "invoke_agent Researcher"),
    ("any", "Agent.run", &[("openinference.span.kind", "AGENT"), ("graph.node.id", "9f86d081884c7d65")], "gen_ai.invoke_agent", "invoke_agent Agent"),
    ("any", "SimpleTool", &[("openinference.span.kind", "TOOL"), ("tool.name", "get_weather")], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("openinference.instrumentation.llama_index", "OpenAI._prepare_chat_with_tools", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m")], "function", "OpenAI._prepare_chat_with_tools"),
    ("openinference.instrumentation.crewai", "Crew_6d131f10-371f-4988-8486-6c3fca527daf.kickoff", &[("openinference.span.kind", "CHAIN")], "function", "Crew.kickoff"),
    ("openinference.instrumentation.crewai", "Crew_of_mine.kickoff", &[("openinference.span.kind", "CHAIN")], "function", "Crew_of_mine.kickoff"),
    ("any", "Completion", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m")], "gen_ai.text_completion", "text_completion m"),
    ("semantic_kernel.functions.kernel_function", "weather-get_weather", &[], "gen_ai.execute_tool", "execute_tool weather-get_weather"),
    ("agent_runtime InProcessRuntime", "agent_runtime send writer_0e78952581fe40969ad10a304505d45c.(default)-A", &[], "function", "agent_runtime send writer"),
    ("autogen SingleThreadedAgentRuntime", "autogen publish output_topic_903cae1d-ac78-4df7-b989-e99ea48298dc.(903cae1d-ac78-4df7-b989-e99ea48298dc)-T", &[], "function", "autogen publish output_topic"),
    ("autogen SingleThreadedAgentRuntime", "autogen create 903cae1d-ac78-4df7-b989-e99ea48298dc.(default)-A", &[], "function", "autogen create"),
    ("autogen SingleThreadedAgentRuntime", "autogen ack", &[], "function", "autogen ack"),
    ("agent_framework", "invoke_agent aa8a7e0d-f308-49cf-a13c-b48da9580e11", &[("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.id", "aa8a7e0d-f308-49cf-a13c-b48da9580e11"), ("gen_ai.agent.name", "aa8a7e0d-f308-49cf-a13c-b48da9580e11"), ("gen_ai.request.model", "unknown")], "gen_ai.invoke_agent", "invoke_agent"),
    ("ai", "ai.rerank.doRerank", &[("ai.operationId", "ai.rerank.doRerank"), ("ai.model.id", "r-1")], "gen_ai.rerank", "rerank r-1"),
    ("ai", "ai.rerank", &[("ai.operationId", "ai.rerank"), ("ai.model.id", "r-1")], "function", "ai.rerank"),
    ("ai", "ai.streamObject", &[("ai.operationId", "ai.streamObject"), ("ai.telemetry.functionId", "f")], "gen_ai.invoke_agent", "invoke_agent f"),
    ("ai", "ai.somethingNew", &[("ai.operationId", "ai.somethingNew"), ("ai.model.id", "m")], "function", "ai.somethingNew"),
    ("ai", "ai.workflowAgent.stream", &[("ai.operationId", "ai.workflowAgent.stream"), ("ai.telemetry.functionId", "f")], "gen_ai.invoke_agent", "invoke_agent f"),
    ("ai", "ai.decide.doDecide", &[("ai.operationId", "ai.decide.doDecide"), ("ai.model.id", "m")], "gen_ai.decide", "decide m"),
    ("gen_ai", "ai.generateSpeech tts-1", &[("gen_ai.operation.name", "ai.generateSpeech"), ("ai.response.audio.format", "mp3"), ("gen_ai.request.model", "tts-1")], "gen_ai.generate_content", "generate_content tts-1"),
    ("gen_ai", "ai.generateSpeech tts-1", &[("gen_ai.operation.name", "ai.generateSpeech"), ("gen_ai.request.model", "tts-1")], "gen_ai.generate_content", "generate_content tts-1"),
    ("gen_ai", "ai.transcribe w-1", &[("gen_ai.operation.name", "ai.transcribe"), ("ai.request.audio.media_type", "audio/wav"), ("gen_ai.request.model", "w-1")], "gen_ai.generate_content", "generate_content w-1"),
    ("gen_ai", "step 1", &[("gen_ai.operation.name", "agent_step"), ("ai.prompt.toolChoice", "{}")], "function", "step 1"),
    ("genkit-tracer", "googleai/m", &[("genkit:name", "googleai/m"), ("genkit:metadata:subtype", "model")], "gen_ai.chat", "chat m"),
    ("genkit-tracer", "openai/e", &[("genkit:name", "openai/e"), ("genkit:metadata:subtype", "embedder")], "gen_ai.embeddings", "embeddings e"),
    ("genkit-tracer", "t", &[("genkit:name", "t"), ("genkit:metadata:subtype", "tool")], "gen_ai.execute_tool", "execute_tool t"),
    ("genkit-tracer", "generate", &[("genkit:name", "generate")], "function", "generate"),
    ("@voltagent/core", "helper", &[("entity.type", "agent"), ("entity.name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("@voltagent/core", "llm:generateText", &[("entity.type", "agent"), ("span.type", "llm"), ("llm.model", "m")], "gen_ai.chat", "chat m"),
    ("@voltagent/core", "tool.execution:t", &[("entity.type", "agent"), ("span.type", "tool"), ("tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("@voltagent/core", "memory.read", &[("entity.type", "agent"), ("span.type", "memory")], "function", "memory.read"),
    ("litellm", "litellm_request", &[("llm.request.type", "atext_completion"), ("gen_ai.request.model", "m")], "gen_ai.text_completion", "text_completion m"),
    ("litellm", "raw_gen_ai_request", &[("llm.openai.model", "m")], "function", "raw_gen_ai_request"),
    ("langfuse-sdk", "lookup", &[("langfuse.observation.type", "tool")], "gen_ai.execute_tool", "execute_tool lookup"),
    ("langfuse-sdk", "check", &[("langfuse.observation.type", "guardrail")], "function", "check"),
    ("@mastra/otel", "x", &[("mastra.span.type", "workflow_run")], "function", "x"),
    // Which of these is the call depends on the version.
    ("@mastra/otel-exporter", "chat m", &[("mastra.span.type", "model_generation"), ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("@mastra/otel-exporter", "model_generation m", &[("mastra.span.type", "model_generation"), ("gen_ai.operation.name", "model_generation")], "function", "model_generation m"),
    ("@mastra/otel-exporter", "chat m", &[("mastra.span.type", "model_inference"), ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("@mastra/otel-exporter", "embeddings e", &[("mastra.span.type", "rag_embedding"), ("gen_ai.operation.name", "embeddings"), ("gen_ai.request.model", "e")], "gen_ai.embeddings", "embeddings e"),
    ("@mastra/otel-exporter", "execute_tool t", &[("mastra.span.type", "provider_tool_call"), ("gen_ai.tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("@traceloop/instrumentation-langchain", "execute_tool DynamicStructuredTool", &[("traceloop.span.kind", "task"), ("gen_ai.operation.name", "execute_tool"), ("traceloop.entity.name", "DynamicStructuredTool"), ("traceloop.entity.output", r#"{"type":"constructor","kwargs":{"name":"get_weather"}}"#)], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("@traceloop/instrumentation-langchain", "execute_tool DynamicStructuredTool", &[("traceloop.span.kind", "task"), ("gen_ai.operation.name", "execute_tool"), ("traceloop.entity.name", "DynamicStructuredTool")], "gen_ai.execute_tool", "execute_tool DynamicStructuredTool"),
    ("@traceloop/instrumentation-vertexai", "vertexai.completion", &[("llm.request.type", "completion"), ("gen_ai.system", "Google"), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("@opentelemetry/instrumentation-aws-sdk", "BedrockRuntime.InvokeModel", &[("rpc.service", "BedrockRuntime"), ("gen_ai.system", "aws.bedrock"), ("gen_ai.request.model", "titan-embed-text"), ("gen_ai.usage.input_tokens", "8")], "gen_ai.embeddings", "embeddings titan-embed-text"),
    ("codex_exec", "session_task.turn", &[("model", "m"), ("codex.turn.token_usage.total_tokens", "59")], "gen_ai.invoke_agent", "invoke_agent Codex"),
    ("codex_exec", "try_run_sampling_request", &[("model", "m")], "gen_ai.chat", "chat m"),
    ("codex_exec", "exec_command", &[("tool_name", "exec_command"), ("call_id", "c1")], "gen_ai.execute_tool", "execute_tool exec_command"),
    ("codex_exec", "handle_responses", &[("tool_name", "exec_command")], "function", "handle_responses"),
    ("codex_exec", "run_sampling_request", &[("model", "m")], "function", "run_sampling_request"),
    ("gemini-cli", "llm_call", &[("gen_ai.operation.name", "llm_call"), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("gemini-cli", "tool_call", &[("gen_ai.operation.name", "tool_call"), ("gen_ai.tool.name", "ls")], "gen_ai.execute_tool", "execute_tool ls"),
    ("gemini-cli", "agent_call", &[("gen_ai.operation.name", "agent_call"), ("gen_ai.agent.name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("gemini-cli", "schedule_tool_calls", &[("gen_ai.operation.name", "schedule_tool_calls")], "function", "schedule_tool_calls"),
    ("@traceloop/instrumentation-bedrock", "bedrock.completion", &[("llm.request.type", "completion"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("@traceloop/instrumentation-bedrock", "bedrock.completion", &[("gen_ai.provider.name", "AWS"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("opentelemetry.instrumentation.mcp", "get_weather.tool", &[("traceloop.span.kind", "tool"), ("traceloop.entity.name", "get_weather")], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("opentelemetry.instrumentation.cohere", "cohere.rerank", &[("llm.request.type", "rerank"), ("gen_ai.request.model", "r")], "gen_ai.rerank", "rerank r"),
    ("opentelemetry.instrumentation.openai.v1", "openai.completion", &[("llm.request.type", "completion"), ("gen_ai.request.model", "m")], "gen_ai.text_completion", "text_completion m"),
    // A task that is the model call, and one that is around it.
    ("opentelemetry.instrumentation.llamaindex", "Anthropic.task", &[("traceloop.span.kind", "task"), ("llm.request.type", "chat"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("opentelemetry.instrumentation.llamaindex", "Query.workflow", &[("traceloop.span.kind", "workflow"), ("gen_ai.request.model", "m")], "function", "Query.workflow"),
    ("opentelemetry.instrumentation.crewai", "Summarise what Jane Doe wrote.task", &[("traceloop.span.kind", "task"), ("gen_ai.operation.name", "invoke_agent")], "function", "crewai.task"),
    ("opentelemetry.instrumentation.crewai", "Researcher.agent", &[("traceloop.span.kind", "agent")], "gen_ai.invoke_agent", "invoke_agent Researcher"),
    ("pydantic-ai", "running tool", &[("gen_ai.tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("pydantic-ai", "helper run", &[("agent_name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("logfire.openai", "Embedding Creation with {request_data[model]!r}", &[("gen_ai.request.model", "e"), ("response_data", "{}")], "gen_ai.embeddings", "embeddings e"),
    ("logfire.openai", "Image Generation with {request_data[model]!r}", &[("gen_ai.request.model", "i"), ("response_data", "{}")], "gen_ai.generate_content", "generate_content i"),
    ("logfire.openai", "Completion with {request_data[model]!r}", &[("gen_ai.request.model", "m"), ("response_data", "{}")], "gen_ai.text_completion", "text_completion m"),
    ("logfire.openai", "Responses API with {gen_ai.request.model!r}", &[("gen_ai.request.model", "m"), ("gen_ai.usage.output_tokens", "3")], "gen_ai.chat", "chat m"),
    ("gen_ai", "invoke_agent gpt-4o", &[("gen_ai.operation.name", "invoke_agent"), ("gen_ai.request.model", "gpt-4o")], "gen_ai.invoke_agent", "invoke_agent"),
    ("gcp.vertex.agent", "agent_run [root]", &[], "gen_ai.invoke_agent", "invoke_agent root"),
    ("adk_agent", "agent.execute", &[("gen_ai.agent.name", "root")], "gen_ai.invoke_agent", "invoke_agent root"),
    ("gcp.vertex.agent", "execute_tool (merged)", &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "(merged tools)")], "function", "execute_tool (merged)"),
    ("com.anthropic.claude_code.tracing", "claude_code.llm_request", &[("span.type", "llm_request"), ("model", "m")], "gen_ai.chat", "chat m"),
    ("com.anthropic.claude_code.tracing", "claude_code.interaction", &[("span.type", "interaction")], "gen_ai.invoke_agent", "invoke_agent Claude Code"),
    ("com.anthropic.claude_code.tracing", "claude_code.tool", &[("span.type", "tool"), ("tool_name", "Bash")], "gen_ai.execute_tool", "execute_tool Bash"),
    ("com.anthropic.claude_code.tracing", "claude_code.tool.execution", &[("span.type", "tool.execution")], "function", "claude_code.tool.execution"),
    ("rig::completions", "chat_streaming", &[("gen_ai.operation.name", "chat_streaming"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("app", "chat_streaming", &[("gen_ai.operation.name", "chat_streaming"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("rig::completions", "interactions_streaming", &[("gen_ai.operation.name", "interactions_streaming"), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    // Codex, and what is like it but an agent's.
    ("codex_core", "handle_responses", &[("model", "gpt-5"), ("gen_ai.usage.input_tokens", "42")], "gen_ai.chat", "chat gpt-5"),
    ("acme", "turn", &[("model", "gpt-5"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.agent.name", "a")], "function", "turn"),
    ("acme", "turn", &[("model", "gpt-5"), ("gen_ai.request.seed", "1")], "function", "turn"),
    // Nobody knows these.
    ("acme.llm", "think", &[("acme.model", "m"), ("acme.tokens", "3")], "function", "think"),
    ("acme.llm", "think", &[("gen_ai.operation.name", "think"), ("gen_ai.request.model", "m")], "function", "think"),
    ("acme.llm", "POST /chat", &[("session.id", "s")], "function", "POST /chat"),
];

#[test]
fn every_kind_of_span_is_what_its_library_means() {
    for (scope, name, attributes, op, sentry_name) in RULES {
        let span = translated(scope, name, attributes);
        assert_eq!(
            (&*span.op, &*span.name),
            (*op, *sentry_name),
            "{scope} {name}"
        );
    }
}

#[test]
fn an_unknown_dialect_is_kept_as_it_is() {
    let attributes = [("acme.prompt", "Hi"), ("acme.model", "m"), ("tokens", "3")];
    let span = translated("acme.llm", "think", &attributes);
    let kept: Vec<_> = span.attributes.iter().collect();
    let expected = attributes.map(|(key, value)| (key, Value::Str(value)));
    assert_eq!(kept, expected);
}

#[test]
fn what_sentry_does_not_know_leaves_its_namespaces() {
    let span = translated(
        "acme",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.made.up", "x"),
            ("gen_ai.tool.type", "function"),
            ("mcp.made.up", "y"),
            ("gen_ai.tool.call.id", "c"),
        ],
    );
    let kept: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(
        kept,
        [
            "gen_ai.request.model",
            "otel.gen_ai.tool.type",
            "gen_ai.tool.call.id",
            "gen_ai.operation.name",
            "otel.gen_ai.made.up",
            "otel.mcp.made.up",
        ]
    );
}

/// Content may leave here, and still these may not.
#[test]
fn headers_of_requests_go_with_content_or_without() {
    let key = ("ai.request.headers.x-api-key", "sk-hunter2");
    for other in [("ai.operationId", "ai.streamText"), ("app.note", "x")] {
        let span = translated("ai", "ai.streamText", &[other, key]);
        let found = span
            .attributes
            .iter()
            .find(|(key, _)| key.contains("headers"));
        assert_eq!(found, None);
    }
}

/// In LangSmith's metadata, in a framework's place, behind an endpoint: the provider is the provider.
#[test]
fn providers() {
    let provider = |attributes: &[Attribute]| {
        let span = translated("x", "chat m", attributes);
        span.attributes
            .text("gen_ai.provider.name")
            .map(str::to_owned)
    };
    let chat = ("gen_ai.operation.name", "chat");
    let azure = provider(&[chat, ("gen_ai.system", "az.ai.openai")]);
    assert_eq!(azure.as_deref(), Some("azure.ai.openai"));
    assert_eq!(provider(&[chat, ("gen_ai.system", "LangChain")]), None);
    assert_eq!(provider(&[chat, ("gen_ai.system", "strands-agents")]), None);
    let kind = ("langsmith.span.kind", "llm");
    let real = ("langsmith.metadata.ls_provider", "google_genai");
    let google = provider(&[kind, ("gen_ai.system", "langchain"), real]);
    assert_eq!(google.as_deref(), Some("gcp.gemini"));
}

/// In a wrapper's request, among the parameters: a tool is defined wherever the request is.
#[test]
fn tools_in_a_request_are_defined() {
    let request = r#"{"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"w"}}],"temperature":0.5}"#;
    for (attributes, has_parameters) in [
        (
            [
                ("langfuse.observation.type", "generation"),
                ("langfuse.observation.input", request),
            ],
            false,
        ),
        (
            [("langsmith.span.kind", "llm"), ("gen_ai.prompt", request)],
            true,
        ),
        (
            [
                ("openinference.span.kind", "LLM"),
                ("llm.invocation_parameters", request),
            ],
            true,
        ),
    ] {
        let span = translated("x", "g", &attributes);
        let tools = span.attributes.text(DEFINITIONS);
        assert_eq!(
            tools,
            Some(r#"[{"type":"function","name":"w"}]"#),
            "{attributes:?}"
        );
        let temperature = span.attributes.get("gen_ai.request.temperature");
        assert_eq!(
            temperature == Some(Value::Double(0.5)),
            has_parameters,
            "{attributes:?}"
        );
    }
}

/// litellm formats members of an enumeration, which are names of classes since Python 3.11.
#[test]
fn litellm_means_what_its_constants_are_called() {
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
fn an_answer_that_adk_held_back_is_none() {
    let response = r#"{"finish_reason":"SAFETY","error_code":"SAFETY","usage_metadata":{"prompt_token_count":42,"candidates_token_count":12}}"#;
    let span = translated(
        "gcp.vertex.agent",
        "call_llm",
        &[("gcp.vertex.agent.llm_response", response)],
    );
    assert_eq!(span.attributes.text(OUTPUT), None);
    assert_eq!(
        span.attributes.text("gen_ai.response.finish_reasons"),
        Some(r#"["SAFETY"]"#)
    );
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(42)
    );
}

#[test]
fn langsmith_embeds_what_the_request_has_as_its_input() {
    for (prompt, expected) in [
        (r#"{"input":"hello"}"#, "hello"),
        (r#"{"input":["a","b"],"model":"e"}"#, r#"["a","b"]"#),
        ("hello", "hello"),
    ] {
        let attributes = [
            ("langsmith.span.kind", "embedding"),
            ("gen_ai.prompt", prompt),
        ];
        let span = translated("langsmith", "e", &attributes);
        let input = span.attributes.text("gen_ai.embeddings.input");
        assert_eq!(input, Some(expected));
    }
}

/// Bedrock counts the cache beside the input, even where the input is larger.
#[test]
fn bedrock_counts_the_cache_apart() {
    let span = translated(
        "opentelemetry.instrumentation.botocore.bedrock-runtime",
        "chat m",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", "aws.bedrock"),
            ("gen_ai.request.model", "m"),
        ],
    );
    assert_eq!(span.attributes.integer("gen_ai.usage.input_tokens"), None);

    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    let mut span = SourceSpan::new(trace_id, span_id, "chat m", Timestamp::default());
    span.scope = "opentelemetry.instrumentation.botocore.bedrock-runtime".into();
    span.attributes.push("gen_ai.operation.name", "chat");
    span.attributes.push("gen_ai.usage.input_tokens", 500_i64);
    span.attributes
        .push("gen_ai.usage.cache_read.input_tokens", 100_i64);
    let span = Translator::new(TranslateOptions::default()).translate(span);
    assert_eq!(
        span.attributes.integer("gen_ai.usage.input_tokens"),
        Some(600)
    );
}

/// Databases number what they hold, and so do processes their threads.
#[test]
fn ids_may_be_numbers() {
    let of = |key: &'static str| {
        let trace_id = TraceId::from_bytes([1; 16]).unwrap();
        let span_id = SpanId::from_bytes([2; 8]).unwrap();
        let mut span = SourceSpan::new(trace_id, span_id, "chat m", Timestamp::default());
        span.attributes.push("gen_ai.operation.name", "chat");
        span.attributes
            .push("ai.operationId", "ai.generateText.doGenerate");
        span.attributes.push(key, 42_i64);
        let translator = Translator::new(TranslateOptions::default());
        let identity = translator.identify(&span);
        let named = identity.conversation_id.or(identity.session_id);
        let span = translator.translate(span);
        let conversation = span.attributes.text("gen_ai.conversation.id");
        assert_eq!(named.as_deref(), conversation);
        let user = span.attributes.text("user.id");
        (conversation.map(str::to_owned), user.map(str::to_owned))
    };
    let number = || Some("42".to_owned());
    for key in [
        "gen_ai.conversation.id",
        "session.id",
        "ai.telemetry.metadata.chatId",
        "traceloop.association.properties.chat_id",
    ] {
        assert_eq!(of(key), (number(), None), "{key}");
    }
    assert_eq!(of("ai.telemetry.metadata.userId"), (None, number()));
    assert_eq!(of("thread.id"), (None, None));
}

#[test]
fn a_tool_has_neither_model_nor_tokens() {
    let span = translated(
        "x",
        "execute_tool t",
        &[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "t"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", "10"),
            ("gen_ai.usage.output_tokens", "5"),
        ],
    );
    let mut kept: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    kept.sort_unstable();
    assert_eq!(kept, ["gen_ai.operation.name", "gen_ai.tool.name"]);
}

#[test]
fn a_thread_is_a_conversation_where_nothing_names_one() {
    let chat = [("gen_ai.operation.name", "chat"), ("thread.id", "thread-7")];
    let span = translated("x", "chat m", &chat);
    assert_eq!(
        span.attributes.text("gen_ai.conversation.id"),
        Some("thread-7")
    );
}

/// Attributes of a call; then input, cache read, cache creation, output and reasoning as the prices want them, -1 for none.
#[rustfmt::skip]
static COUNTS: &[(&str, &[Attribute], [i64; 5])] = &[
    // ADK 2.2 and 2.3.
    ("gcp.vertex.agent", &[("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "12"), ("gen_ai.usage.experimental.reasoning_tokens", "5")], [42, -1, -1, 17, 5]),
    ("gcp.vertex.agent", &[("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"), ("gen_ai.usage.reasoning.output_tokens", "5")], [42, -1, -1, 17, 5]),
    ("gcp.vertex.agent", &[
        ("gen_ai.usage.output_tokens", "12"), ("gen_ai.usage.experimental.reasoning_tokens", "5"),
        ("gcp.vertex.agent.llm_response", r#"{"usage_metadata":{"prompt_token_count":42,"candidates_token_count":12,"thoughts_token_count":5}}"#),
    ], [42, -1, -1, 17, 5]),
    // The AI SDK 5 with Anthropic, also for objects, and 6.
    ("ai", &[
        ("ai.usage.inputTokens", "200"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "217"), ("ai.usage.cachedInputTokens", "100"), ("gen_ai.usage.input_tokens", "200"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"usage":{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":100},"cacheCreationInputTokens":30}}"#),
    ], [330, 100, 30, 17, -1]),
    ("ai", &[
        ("ai.usage.promptTokens", "200"), ("ai.usage.completionTokens", "17"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"usage":{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":100}}}"#),
    ], [330, 100, 30, 17, -1]),
    ("ai", &[
        ("ai.usage.inputTokens", "330"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "347"), ("ai.usage.inputTokenDetails.cacheReadTokens", "100"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"usage":{"input_tokens":200,"cache_creation_input_tokens":30,"cache_read_input_tokens":100}}}"#),
    ], [330, 100, 30, 17, -1]),
    // The AI SDK 4 with Anthropic.
    ("ai", &[
        ("ai.usage.promptTokens", "200"), ("ai.usage.completionTokens", "17"),
        ("ai.response.providerMetadata", r#"{"anthropic":{"cacheCreationInputTokens":30,"cacheReadInputTokens":100}}"#),
    ], [330, 100, 30, 17, -1]),
    // The AI SDK 5 with Gemini, without the provider's own words, and 6.
    ("ai", &[
        ("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "300"), ("ai.usage.totalTokens", "442"), ("ai.usage.reasoningTokens", "100"), ("gen_ai.usage.output_tokens", "300"),
        ("ai.response.providerMetadata", r#"{"google":{"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":300,"thoughtsTokenCount":100,"totalTokenCount":442}}}"#),
    ], [42, -1, -1, 400, 100]),
    ("ai", &[("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "300"), ("ai.usage.totalTokens", "442"), ("ai.usage.reasoningTokens", "100")], [42, -1, -1, 400, 100]),
    ("ai", &[
        ("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "400"), ("ai.usage.totalTokens", "442"), ("ai.usage.outputTokenDetails.reasoningTokens", "100"),
        ("ai.response.providerMetadata", r#"{"google":{"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":300,"thoughtsTokenCount":100,"totalTokenCount":442}}}"#),
    ], [42, -1, -1, 400, 100]),
    // The AI SDK 5 with Bedrock, whose total includes the cache, and with OpenAI.
    ("ai", &[
        ("ai.usage.inputTokens", "200"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "347"), ("ai.usage.cachedInputTokens", "100"),
        ("ai.response.providerMetadata", r#"{"bedrock":{"usage":{"cacheWriteInputTokens":30}}}"#),
    ], [330, 100, 30, 17, -1]),
    ("ai", &[("ai.usage.inputTokens", "42"), ("ai.usage.outputTokens", "17"), ("ai.usage.totalTokens", "59"), ("ai.usage.cachedInputTokens", "16"), ("ai.usage.reasoningTokens", "5")], [42, 16, -1, 17, 5]),
    // xAI counts reasoning beside the completion, and a client of OpenAI's passes that on.
    ("openinference.instrumentation.openai", &[
        ("openinference.span.kind", "LLM"), ("llm.system", "openai"), ("llm.token_count.prompt", "42"), ("llm.token_count.completion", "300"),
        ("llm.token_count.completion_details.reasoning", "200"), ("llm.token_count.total", "542"),
    ], [42, -1, -1, 500, 200]),
    // Strands on Bedrock, whose total includes the cache.
    ("strands.telemetry.tracer", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "strands-agents"), ("gen_ai.usage.input_tokens", "200"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.total_tokens", "347"), ("gen_ai.usage.cache_read_input_tokens", "100"), ("gen_ai.usage.cache_write_input_tokens", "30"),
    ], [330, 100, 30, 17, -1]),
    ("strands.telemetry.tracer", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "strands-agents"), ("gen_ai.usage.input_tokens", "20"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.total_tokens", "167"), ("gen_ai.usage.cache_read_input_tokens", "100"), ("gen_ai.usage.cache_write_input_tokens", "30"),
    ], [150, 100, 30, 17, -1]),
    ("livekit-agents", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"), ("gen_ai.usage.input_cached_tokens", "16"),
    ], [42, 16, -1, 17, -1]),
    // pydantic-ai with Gemini, now and before it added the thoughts.
    ("pydantic-ai", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.system", "google-gla"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.details.thoughts_tokens", "5"), ("gen_ai.usage.details.cached_content_tokens", "16"),
    ], [42, 16, -1, 17, 5]),
    ("pydantic-ai", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.usage.output_tokens", "12"), ("gen_ai.usage.details.thinking_tokens", "50"),
    ], [42, -1, -1, 62, 50]),
    // Vertex AI runs Claude, too.
    ("x", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "gcp.vertex_ai"), ("gen_ai.usage.input_tokens", "20"), ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.cache_read.input_tokens", "100"), ("gen_ai.usage.cache_creation.input_tokens", "30"),
    ], [150, 100, 30, 17, -1]),
    ("langfuse-sdk", &[
        ("langfuse.observation.type", "generation"), ("langfuse.observation.usage_details", r#"{"input":1200,"output":17,"cache_read_input_tokens":1000}"#),
    ], [2200, 1000, -1, 17, -1]),
    ("langfuse-sdk", &[
        ("langfuse.observation.type", "generation"),
        ("langfuse.observation.usage_details", r#"{"prompt_tokens":42,"completion_tokens":300,"total_tokens":542,"completion_tokens_details":{"reasoning_tokens":200}}"#),
    ], [42, -1, -1, 500, 200]),
];

#[test]
fn counts_include_their_parts() {
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    for (scope, attributes, expected) in COUNTS {
        let mut span = SourceSpan::new(trace_id, span_id, "call_llm", Timestamp::default());
        span.scope = (*scope).into();
        if *scope == "ai" {
            span.attributes
                .push("ai.operationId", "ai.generateText.doGenerate");
        }
        for (key, value) in *attributes {
            match value.parse::<i64>() {
                Ok(count) => span.attributes.push(key, count),
                Err(_) => span.attributes.push(key, *value),
            }
        }
        let span = Translator::new(TranslateOptions::default()).translate(span);
        let counts = [
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.reasoning.output_tokens",
        ];
        let counts = counts.map(|key| span.attributes.integer(key).unwrap_or(-1));
        assert_eq!(counts, *expected, "{scope} {attributes:?}");
        let total = span.attributes.integer("gen_ai.usage.total_tokens");
        let sum = expected[0].max(0) + expected[3].max(0);
        assert_eq!(total, Some(sum), "{scope} {attributes:?}");
    }
}

/// A span's attributes; then its costs in Sentry, of everything, input, what was read from the cache, and output, -1 for none.
#[rustfmt::skip]
static COSTS: &[(&[Attribute], [f64; 4])] = &[
    (&[("gen_ai.operation.name", "chat"), ("gen_ai.usage.cost", "0.5")], [0.5, -1.0, -1.0, -1.0]),
    (&[("gen_ai.operation.name", "chat"), ("gen_ai.usage.total_cost", "0.5")], [0.5, -1.0, -1.0, -1.0]),
    (&[("gen_ai.operation.name", "chat"), ("gen_ai.usage.cost", "0.0")], [-1.0; 4]),
    // Langfuse's, where all types make up the total unless there is one.
    (&[("langfuse.observation.cost_details", r#"{"input":1,"cache_read_input_tokens":0.5,"output":1}"#)], [2.5, 1.5, 0.5, 1.0]),
    (&[("langfuse.observation.cost_details", r#"{"input":1.5,"input_cache_read":0.5,"output":1,"total":2.5}"#)], [2.5, 1.5, 0.5, 1.0]),
    (&[("langfuse.observation.cost_details", r#"{"input":0.1,"output":0.2,"web_search":0.5}"#)], [0.8, 0.1, -1.0, 0.2]),
    (&[("langfuse.observation.cost_details", r#"{"total":2.5}"#)], [2.5, -1.0, -1.0, -1.0]),
    (&[("langfuse.observation.cost_details", r#"{"input":0,"output":0}"#)], [-1.0; 4]),
    (&[("langfuse.observation.cost_details", "{}")], [-1.0; 4]),
];

#[test]
fn costs_include_their_parts() {
    for (attributes, expected) in COSTS {
        let kind = ("langfuse.observation.type", "generation");
        let is_langfuse = attributes[0].0.starts_with("langfuse.");
        let mut all = attributes.to_vec();
        all.extend(is_langfuse.then_some(kind));
        let span = translated("x", "generate", &all);
        let costs = [
            "gen_ai.cost.total_tokens",
            "gen_ai.cost.input_tokens",
            "gen_ai.cost.cache_read.input_tokens",
            "gen_ai.cost.output_tokens",
        ];
        let costs = costs.map(|key| match span.attributes.get(key) {
            Some(Value::Double(cost)) => cost,
            Some(other) => panic!("{key} {other:?}"),
            None => -1.0,
        });
        let is_close = |(cost, expected): (&f64, &f64)| (cost - expected).abs() < 1e-12;
        assert!(
            costs.iter().zip(expected).all(is_close),
            "{attributes:?}: {costs:?}"
        );
    }
}

#[test]
fn merged_tools_of_adk_are_no_call_and_its_older_tool_definitions_are_kept() {
    let merged = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "(merged tools)"),
    ];
    let span = translated("gcp.vertex.agent", "execute_tool (merged)", &merged);
    assert!(!span.attributes.contains("gen_ai.operation.name"));

    let definitions = ("gen_ai.tool_definitions", r#"[{"name":"get_weather"}]"#);
    let span = translated("gcp.vertex.agent", "call_llm", &[definitions]);
    let kept = span.attributes.text("gen_ai.tool.definitions");
    assert!(kept.is_some_and(|tools| tools.contains("get_weather")));
}

/// The level fails a span that has no status of its own.
#[test]
fn langfuse_says_in_a_level_what_failed() {
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

/// Semantic Kernel's older versions have names of their own for operations and counts.
#[test]
fn older_semantic_kernel() {
    for (operation, op) in [
        ("chat.completions", "gen_ai.chat"),
        ("text.completions", "gen_ai.text_completion"),
        ("chat.streaming_completions", "gen_ai.chat"),
        ("text.streaming_completions", "gen_ai.text_completion"),
    ] {
        let span = translated(
            "Microsoft.SemanticKernel.Diagnostics",
            "chat.completions m",
            &[
                ("gen_ai.operation.name", operation),
                ("gen_ai.request.model", "m"),
                ("gen_ai.response.prompt_tokens", "42"),
                ("gen_ai.response.completion_tokens", "17"),
            ],
        );
        assert_eq!(span.op, op);
        assert_eq!(
            span.attributes.integer("gen_ai.usage.total_tokens"),
            Some(59)
        );
    }
}

/// A plain answer does not say who gave it: the model is that of the request. Its counts are those of all instrumentations,
/// whatever they call what is written to the cache.
#[test]
fn openinference_without_a_response() {
    let span = translated(
        "openinference.instrumentation.litellm",
        "completion",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "anthropic/claude-3-5-sonnet"),
            ("output.value", "Yes."),
            ("llm.token_count.prompt", "150"),
            ("llm.token_count.completion", "17"),
            ("llm.token_count.prompt_details.cache_input", "30"),
        ],
    );
    let attributes = &span.attributes;
    assert_eq!(
        attributes.text("gen_ai.request.model"),
        Some("anthropic/claude-3-5-sonnet")
    );
    assert_eq!(attributes.text("gen_ai.response.model"), None);
    let written = attributes.integer("gen_ai.usage.cache_creation.input_tokens");
    assert_eq!(written, Some(30));
}

/// OpenLIT has the model of the agent on its tools, as one that answered. A plan is made of the second span.
#[test]
fn a_tool_has_no_model() {
    let mut planning = crate::PlanningTranslator::new(Translator::new(TranslateOptions::default()));
    let trace_id = TraceId::from_bytes([1; 16]).unwrap();
    let span_id = SpanId::from_bytes([2; 8]).unwrap();
    for _ in 0..3 {
        let mut span = SourceSpan::new(trace_id, span_id, "execute_tool w", Timestamp::default());
        for (key, value) in [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "w"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.response.model", "m"),
        ] {
            span.attributes.push(key, value);
        }
        let span = planning.translate(&mut span);
        assert!(!span.attributes.contains("gen_ai.request.model"));
        assert!(!span.attributes.contains("gen_ai.response.model"));
    }
}
