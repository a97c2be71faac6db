//! Spans of libraries that the corpus has no captures of, with everything they can contain.

use sentry_genai_conventions::{
    SourceEvent, SourceSpan, SpanId, Timestamp, TraceId, TranslateOptions, Translator,
};

use crate::properties::check;

type Pairs = &'static [(&'static str, &'static str)];

/// The content, alone or with another word, so that nothing is sent merely because it does not look like content.
const SAID: &str = "sesame";

/// The scope, the name, the attributes, and the name and attributes of an event.
#[rustfmt::skip]
static SEEDS: &[(&str, &str, Pairs, &str, Pairs)] = &[
    ("llamaindex.opentelemetry.tracer", "OpenAI.chat", &[("llamaindex.run_id", "r1")], "LLMChatStartEvent", &[
        ("messages", r#"[{"role":"user","additional_kwargs":{"tool_call_id":"c1"},"blocks":[{"block_type":"text","text":"open sesame"},{"block_type":"tool_call","tool_name":"w","tool_kwargs":{"door":"sesame"}}]}]"#),
        ("model_dict.class_name", "openai_llm"), ("model_dict.model", "gpt-4o"), ("model_dict.temperature", "0.5"),
        ("additional_kwargs.tools", r#"[{"type":"function","function":{"name":"w","description":"open sesame"}}]"#),
    ]),
    ("llamaindex.opentelemetry.tracer", "OpenAI.complete", &[], "LLMCompletionEndEvent", &[
        ("prompt", "open sesame"), ("response.text", "open sesame"), ("response.raw.id", "r1"), ("response.raw.model", "gpt-4o"),
        ("response.raw.choices", r#"[{"finish_reason":"stop","message":{"content":"open sesame"}}]"#),
        ("response.raw.usage", r#"{"prompt_tokens":4,"completion_tokens":2}"#), ("response.additional_kwargs.prompt_tokens", "4"),
        ("response.message.blocks", r#"[{"block_type":"text","text":"open sesame"}]"#), ("response.message.role", "assistant"),
    ]),
    ("llamaindex.opentelemetry.tracer", "OpenAIEmbedding.get_text_embedding", &[], "EmbeddingEndEvent", &[("chunks", r#"["open sesame"]"#), ("embeddings", "[[0.1]]")]),
    ("llamaindex.opentelemetry.tracer", "FunctionAgent.run", &[("llamaindex.step.input_summary", "open sesame")], "AgentRunEvent", &[("output", "open sesame")]),
    ("llamaindex.opentelemetry.tracer", "FunctionAgent.call_tool", &[("llamaindex.step.input_summary", "ToolCall(tool_name='w', tool_kwargs={'door': 'sesame'}, tool_id='c1')")], "SpanDropEvent", &[
        ("output", "ToolCallResult(tool_name='w', tool_output=ToolOutput(blocks=[TextBlock(block_type='text', text='open sesame')]))"),
    ]),
    ("llamaindex.opentelemetry.tracer", "Workflow.step", &[("llamaindex.step.input_summary", "sesame")], "StepEvent", &[("ev", "open sesame")]),
    ("haystack", "haystack.component.run", &[
        ("haystack.component.type", "OpenAIChatGenerator"), ("haystack.component.fully_qualified_type", "haystack.components.generators.chat.openai.OpenAIChatGenerator"),
        ("haystack.component.input", r#"{"messages":[{"role":"user","content":[{"text":"open sesame"}]}],"generation_kwargs":{"temperature":0.5},"tools":[{"type":"haystack.tools.tool.Tool","data":{"name":"w","description":"open sesame"}}]}"#),
        ("haystack.component.output", r#"{"replies":[{"role":"assistant","meta":{"model":"gpt-4o","finish_reason":"stop","usage":{"prompt_tokens":4,"completion_tokens":2}},"content":[{"text":"open sesame"}]}]}"#),
        ("haystack.component.input_types", r#"{"messages":"list"}"#), ("haystack.component.visits", "1"),
    ], "", &[]),
    ("haystack", "haystack.component.run", &[("haystack.component.type", "PromptBuilder"), ("haystack.component.input", r#"{"query":"sesame"}"#), ("haystack.component.output", "sesame")], "", &[]),
    ("haystack", "haystack.component.run", &[("haystack.component.type", "OpenAITextEmbedder"), ("haystack.component.input", r#"{"text":"open sesame"}"#), ("haystack.component.output", r#"{"meta":{"model":"m","usage":{"prompt_tokens":4}}}"#)], "", &[]),
    ("haystack", "haystack.pipeline.run", &[("haystack.pipeline.input_data", r#"{"query":"sesame"}"#), ("haystack.pipeline.output_data", "sesame"), ("haystack.pipeline.metadata", r#"{"a":1}"#)], "", &[]),
    ("haystack", "haystack.agent.run", &[("haystack.agent.input", r#"{"messages":[{"role":"user","content":[{"text":"open sesame"}]}]}"#), ("haystack.agent.output", r#"{"messages":[{"role":"assistant","content":[{"text":"open sesame"}]}]}"#), ("haystack.agent.tools", "open sesame")], "", &[]),
    ("haystack", "haystack.agent.step.tool", &[("haystack.tool.name", "w"), ("haystack.tool.description", "Opens"), ("haystack.agent.step.tool.input", r#"{"door":"sesame"}"#), ("haystack.agent.step.tool.output", "sesame")], "", &[]),
    ("pipecat", "llm", &[
        ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4o"), ("input", r#"[{"role":"user","content":"open sesame"}]"#), ("output", "sesame"),
        ("tools", r#"[{"type":"function","function":{"name":"w","description":"open sesame"}}]"#), ("system_instruction", "sesame"), ("metrics.ttfb", "0.2"), ("stream", "true"),
        ("gen_ai.usage.input_tokens", "4"), ("gen_ai.usage.output_tokens", "2"), ("param.temperature", "0.5"), ("session.id", "s1"), ("function.arguments", "sesame"),
    ], "", &[]),
    ("pipecat", "stt", &[("gen_ai.operation.name", "stt"), ("gen_ai.request.model", "nova"), ("transcript", "sesame"), ("is_final", "true")], "", &[]),
    ("pipecat", "tts", &[("gen_ai.operation.name", "tts"), ("text", "sesame"), ("metrics.character_count", "6")], "", &[]),
    ("pipecat", "llm_tool_result", &[("gen_ai.operation.name", "llm_tool_result"), ("tool.function_name", "w"), ("tool.result", "open sesame"), ("tool.arguments", r#"{"door":"sesame"}"#), ("output", "sesame"), ("context.messages", "sesame")], "", &[]),
    ("pipecat.turn", "turn", &[("conversation.id", "c1"), ("turn.number", "1"), ("turn.user_input", "sesame")], "", &[]),
    ("agentops", "Bot.agent", &[("agentops.span.kind", "agent"), ("operation.name", "Bot"), ("agentops.agent.input", r#"{"args":["sesame"],"kwargs":{"a":"open sesame"}}"#), ("agentops.entity.output", "sesame")], "", &[]),
    ("agentops", "w.tool", &[("agentops.span.kind", "tool"), ("tool.name", "w"), ("agentops.tool.input", r#"{"args":[],"kwargs":{"a":"open sesame"}}"#), ("agentops.tool.output", "sesame"), ("tool.parameters", "sesame"), ("tool.result", "sesame")], "", &[]),
    ("agentops", "t.task", &[("agentops.span.kind", "task"), ("agentops.entity.input", "sesame"), ("agentops.task.output", "sesame"), ("agentops.tags", "[\"a\"]")], "", &[]),
    ("openai", "openai.chat.completion", &[("gen_ai.request.type", "chat"), ("gen_ai.system", "OpenAI"), ("gen_ai.request.model", "m"), ("gen_ai.prompt.0.role", "user"), ("gen_ai.prompt.0.content", "sesame"), ("gen_ai.completion.0.content", "sesame"), ("gen_ai.request.tools.0.description", "open sesame")], "", &[]),
    ("org.springframework.boot", "chat m", &[("gen_ai.operation.name", "chat"), ("gen_ai.system", "openai"), ("gen_ai.request.model", "m"), ("gen_ai.response.model", "none"), ("gen_ai.usage.input_tokens", "4"), ("gen_ai.prompt", "sesame"), ("gen_ai.completion", "sesame")], "gen_ai.content.prompt", &[("gen_ai.prompt", "open sesame")]),
    ("org.springframework.boot", "tool_call w", &[("gen_ai.operation.name", "framework"), ("spring.ai.kind", "tool_call"), ("spring.ai.tool.definition.name", "w"), ("spring.ai.tool.call.arguments", r#"{"door":"sesame"}"#), ("spring.ai.tool.call.result", "sesame"), ("spring.ai.tool.definition.schema", "open sesame")], "", &[]),
    ("org.springframework.boot", "spring_ai chat_client", &[("spring.ai.kind", "chat_client"), ("spring.ai.chat.client.conversation.id", "c1"), ("spring.ai.chat.client.user.text", "open sesame"), ("spring.ai.chat.client.system.params", "sesame"), ("gen_ai.prompt", "sesame"), ("gen_ai.completion", "sesame")], "", &[]),
    ("org.springframework.boot", "pg_vector query", &[("spring.ai.kind", "vector_store"), ("db.operation.name", "query"), ("db.system", "pg_vector"), ("db.vector.query.content", "sesame"), ("db.vector.query.filter", "sesame"), ("db.vector.query.response.documents", "sesame"), ("db.vector.query.top_k", "4")], "", &[]),
    ("github.copilot", "invoke_agent", &[("gen_ai.operation.name", "invoke_agent"), ("gen_ai.input.messages", r#"[{"role":"user","parts":[{"type":"text","content":"sesame"}]}]"#), ("github.copilot.prompt", "sesame"), ("github.copilot.last_message", "open sesame")], "github.copilot.event", &[("content", "sesame")]),
    ("qwen-code", "qwen-code.llm_request", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m"), ("thoughts_token_count", "1"), ("request_text", "sesame"), ("response_text", "sesame"), ("qwen-code.context.usage", "sesame")], "", &[]),
    ("gemini-cli", "llm_call", &[("gen_ai.operation.name", "llm_call"), ("gen_ai.request.model", "m"), ("input", r#"[{"role":"user","parts":[{"text":"sesame"}]}]"#), ("output", r#"[{"parts":[{"text":"sesame"}]},{"parts":[{"text":"!"}]}]"#)], "", &[]),
    ("gemini-cli", "tool_call", &[("gen_ai.operation.name", "tool_call"), ("gen_ai.tool.name", "w"), ("input", r#"{"args":{"door":"sesame"}}"#), ("output", r#"{"status":"success","response":{"responseParts":[{"functionResponse":{"response":{"output":"sesame"}}}]}}"#)], "", &[]),
    ("swiftide_agents::agent", "agent.query", &[("swiftide.agent.input", "sesame"), ("langfuse.type", "AGENT"), ("langfuse.input", "sesame"), ("query", "open sesame")], "", &[]),
    ("swiftide_agents::agent", "tool.w", &[("langfuse.input", "sesame"), ("langfuse.output", "sesame"), ("args", "sesame")], "", &[]),
    ("swiftide_integrations::openai::chat_completion", "complete", &[("gen_ai.request.model", "m"), ("prompt", "sesame"), ("langfuse.output", "sesame"), ("request", "open sesame")], "", &[]),
    ("autoagents_telemetry::tracer", "autoagents.task", &[("actor_name", "Bot"), ("task.description", "sesame"), ("task.result", "sesame"), ("langfuse.trace.input", "sesame")], "", &[]),
    ("autoagents_telemetry::tracer", "autoagents.tool_call", &[("tool.name", "w"), ("tool.arguments", r#"{"door":"sesame"}"#), ("tool.result", "sesame"), ("tool_call_id", "c1"), ("langfuse.observation.input", "sesame")], "", &[]),
    ("autoagents_telemetry::tracer", "autoagents.turn", &[("turn.final", "true"), ("task.description", "open sesame"), ("langfuse.observation.output", "sesame")], "", &[]),
    ("agent-sdk", "chat m", &[("gen_ai.operation.name", "chat"), ("langfuse.observation.type", "generation"), ("langfuse.observation.input", "sesame"), ("langfuse.trace.output", "sesame"), ("gen_ai.request.model", "m"), ("agent_sdk.llm.streaming", "true"), ("agent_sdk.user.text", "open sesame")], "", &[]),
    ("openinference.instrumentation.beeai", "ToolCallingAgent", &[("openinference.span.kind", "AGENT"), ("input.value", "sesame"), ("output.value", "sesame"), ("metadata.prompt", "sesame"), ("metadata.memory", "open sesame")], "", &[]),
    ("openinference.instrumentation.beeai", "token", &[("openinference.span.kind", "LLM"), ("metadata.path", "a"), ("output.value", "sesame")], "", &[]),
    ("openinference.instrumentation.beeai", "w", &[("openinference.span.kind", "TOOL"), ("tool.name", "w"), ("input.value", r#"{"input":{"door":"sesame"},"options":{}}"#), ("output.value", "sesame")], "", &[]),
    ("openinference.instrumentation.crewai", "Agent._execute_core", &[("openinference.span.kind", "AGENT"), ("graph.node.id", "Bot"), ("input.value", r#"{"task":"sesame"}"#), ("output.value", r#"{"messages":[{"role":"user","content":"sesame"},{"role":"assistant","content":"sesame"}],"raw":"sesame"}"#), ("task_description", "sesame"), ("formatted_description", "open sesame"), ("crew_tasks", r#"[{"description":"sesame"}]"#)], "", &[]),
    ("openinference.instrumentation.haystack", "OpenAIChatGenerator.run", &[("openinference.span.kind", "LLM"), ("input.value", r#"{"messages":["ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='sesame')], _name=None, _meta={})"]}"#), ("output.value", r#"{"replies":["ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text='sesame')])"]}"#), ("llm.model_name", "m")], "", &[]),
    ("openinference.instrumentation.llama_index", "OpenAI.complete", &[("openinference.span.kind", "LLM"), ("llm.prompts", r#"["sesame"]"#), ("llm.invocation_parameters", r#"{"prompt":"sesame"}"#), ("output.value", "sesame")], "", &[]),
    ("openinference.instrumentation.llama_index", "FunctionTool.acall", &[("openinference.span.kind", "TOOL"), ("tool.name", "w"), ("tool.parameters", r#"{"a":"open sesame"}"#), ("input.value", r#"{"kwargs":{"door":"sesame"}}"#), ("output.value", "sesame")], "", &[]),
    ("openinference.instrumentation.dspy", "LM.__call__", &[("openinference.span.kind", "LLM"), ("input.value", r#"{"messages":[{"role":"user","content":"sesame"}]}"#), ("output.value", r#"[{"text":"sesame","tool_calls":["ChatCompletionMessageToolCall(function=Function(arguments='{\"door\":\"sesame\"}', name='w'), id='c1', type='function')"]}]"#), ("llm.prompts.0.prompt.text", "sesame")], "", &[]),
    ("shop", "ask", &[("gen_ai.operation.name", "chat"), ("llm.model", "m"), ("llm.prompt", "sesame"), ("answer", "sesame"), ("llm.tokens.in", "4"), ("tokens_out", "2"), ("gen_ai.cost_usd", "0.5"), ("system_prompt", "sesame"), ("llm.custom.question", "sesame")], "", &[]),
    ("shop", "look_up", &[("gen_ai.operation.name", "tool_call"), ("tool_name", "w"), ("tool_args", "sesame"), ("tool_result", "sesame"), ("gen_ai.tool.success", "false")], "", &[]),
    ("shop", "help", &[("gen_ai.operation.name", "agent_run"), ("agent_name", "Bot"), ("question", "sesame"), ("reply", "sesame"), ("session_id", "s1"), ("gen_ai.error", "true")], "", &[]),
];

pub(crate) fn seeds() -> Vec<SourceSpan> {
    let spans = SEEDS.iter().map(|(scope, name, attributes, event, said)| {
        let trace_id = TraceId::from_bytes([7; 16]).unwrap();
        let span_id = SpanId::from_bytes([3; 8]).unwrap();
        let start = Timestamp::from_nanos(1_000_000_000);
        let mut span = SourceSpan::new(trace_id, span_id, *name, start);
        span.scope = (*scope).into();
        span.end = Timestamp::from_nanos(3_000_000_000);
        for (key, value) in *attributes {
            match value.parse::<i64>() {
                Ok(number) => span.attributes.push(key, number),
                Err(_) => span.attributes.push(key, *value),
            }
        }
        if !event.is_empty() {
            let mut happened = SourceEvent::new(*event);
            for (key, value) in *said {
                match value.parse::<i64>() {
                    Ok(number) => happened.attributes.push(key, number),
                    Err(_) => happened.attributes.push(key, *value),
                }
            }
            span.events.push(happened);
        }
        span
    });
    spans.collect()
}

#[test]
fn without_content_nothing_that_was_said_is_left() {
    let translator = Translator::new(TranslateOptions::default());
    for span in seeds() {
        let (scope, name) = (span.scope.clone(), span.name.clone());
        let span = translator.translate(span);
        check(&span);
        assert!(!span.name.contains(SAID), "{scope} {name}");
        for (key, value) in span.attributes.iter() {
            let text = format!("{value:?}");
            assert!(!text.contains(SAID), "{scope} {name}: {key}: {text}");
        }
    }
}
