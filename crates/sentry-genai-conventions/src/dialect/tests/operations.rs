//! Operations and names of spans.

use super::*;

/// Scope, name and attributes, followed by op and name in Sentry.
#[rustfmt::skip]
static RULES: &[(&str, &str, &[Attribute], &str, &str)] = &[
    // An op that Sentry does not know would count as a model call.
    ("any", "find", &[("sentry.op", "gen_ai.retrieval"), ("gen_ai.operation.name", "retrieval")], "function", "retrieval"),
    ("any", "invoke_workflow flow", &[("gen_ai.operation.name", "invoke_workflow")], "function", "invoke_workflow flow"),
    ("any", "retrieval what is it", &[("gen_ai.operation.name", "retrieval")], "function", "retrieval"),
    ("any", "ask", &[("sentry.op", "gen_ai.chat_completion"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("any", "ask", &[("sentry.op", "gen_ai.request"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("any", "request m", &[("gen_ai.operation.name", "request"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    // An op that no convention knows is understood like an operation of this name.
    ("any", "ask", &[("sentry.op", "gen_ai.summarise"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("any", "ask", &[("sentry.op", "gen_ai.summarise"), ("gen_ai.request.model", "m")], "function", "ask"),
    ("any", "flow", &[("sentry.op", "gen_ai.workflow")], "function", "flow"),
    ("any", "remember", &[("sentry.op", "gen_ai.memory.client"), ("gen_ai.operation.name", "search_memory")], "gen_ai.memory.client", "search_memory"),
    ("any", "queue", &[("sentry.op", "queue.process")], "queue.process", "queue"),
    // Whoever sets another op means it, unless it is one that AI spans used to have.
    ("any", "step", &[("sentry.op", "ai.pipeline")], "ai.pipeline", "step"),
    ("any", "ask", &[("sentry.op", "ai.chat_completions.create"), ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("any", "ask", &[("sentry.op", "queue.process"), ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")], "queue.process", "chat m"),
    // Without agents, a handoff has its own name only if that says what it is.
    ("any", "to billing", &[("gen_ai.operation.name", "handoff")], "gen_ai.handoff", "handoff"),
    ("any", "handoff from a to b", &[("gen_ai.operation.name", "handoff")], "gen_ai.handoff", "handoff from a to b"),
    // A name that a program gives is kept, as is that of a span that was translated before.
    ("any", "pay", &[("otel.name", "pay"), ("db.system", "sqlite"), ("db.operation", "INSERT"), ("db.sql.table", "orders")], "db", "pay"),
    ("any", "pay", &[("sentry.origin", "auto.db.rust"), ("db.system", "sqlite"), ("db.operation", "INSERT"), ("db.sql.table", "orders")], "db", "pay"),
    ("any", "pay", &[("db.system", "sqlite"), ("db.operation", "INSERT"), ("db.sql.table", "orders")], "db", "INSERT orders"),
    // A kind says as much as an operation, but less than one that is known.
    ("any", "ask", &[("gen_ai.span.kind", "LLM"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
    ("any", "w", &[("gen_ai.span.kind", "TOOL"), ("tool.name", "w")], "gen_ai.execute_tool", "execute_tool w"),
    ("any", "rank", &[("gen_ai.span.kind", "RERANKER"), ("gen_ai.request.model", "m")], "gen_ai.rerank", "rerank m"),
    ("any", "loop", &[("gen_ai.span.kind", "AGENT"), ("gen_ai.operation.name", "think"), ("gen_ai.agent.name", "Bot")], "gen_ai.invoke_agent", "invoke_agent Bot"),
    ("any", "ask", &[("gen_ai.span.kind", "LLM"), ("gen_ai.operation.name", "embeddings"), ("gen_ai.request.model", "m")], "gen_ai.embeddings", "embeddings m"),
    ("any", "enter", &[("gen_ai.span.kind", "ENTRY"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "function", "enter"),
    // A library's own HTTP requests and queries are ordinary spans.
    ("codex_http", "POST", &[("http.request.method", "POST"), ("http.route", "/ask")], "http.server", "POST"),
    ("@voltagent/server", "save", &[("db.system", "sqlite")], "db", "save"),
    // A prompt template that claims to be a chat.
    ("langsmith", "ChatPromptTemplate", &[("langsmith.span.kind", "prompt"), ("gen_ai.operation.name", "chat")], "function", "ChatPromptTemplate"),
    ("langsmith", "retriever", &[("langsmith.span.kind", "retriever"), ("gen_ai.operation.name", "chain")], "function", "retriever"),
    ("langsmith", "rag", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.lc_agent_name", "helper")], "function", "rag"),
    ("langsmith", "Handoff", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.ls_integration", "openai-agents-sdk"), ("gen_ai.operation.name", "chain"), ("gen_ai.prompt", r#"{"from_agent":"Triage","to_agent":null}"#)], "gen_ai.handoff", "handoff from Triage"),
    ("langsmith", "Weather", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.ls_integration", "openai-agents-sdk"), ("gen_ai.operation.name", "chain"), ("gen_ai.tool.definitions", r#"[{"name":"w"}]"#)], "gen_ai.invoke_agent", "invoke_agent Weather"),
    ("langsmith", "Span", &[("langsmith.span.kind", "chain"), ("langsmith.metadata.ls_integration", "openai-agents-sdk"), ("gen_ai.operation.name", "chain")], "function", "Span"),
    ("weave.openai_agents", "handoff Triage -> Writer", &[("weave.openai_agents.handoff.from_agent", "Triage"), ("weave.openai_agents.handoff.to_agent", "Writer")], "gen_ai.handoff", "handoff from Triage to Writer"),
    ("weave.openai_agents", "Triage turn 1", &[("weave.openai_agents.turn.agent_name", "Triage"), ("gen_ai.conversation.id", "c")], "function", "Triage turn 1"),
    ("opentelemetry.util.genai.handler", "interactions.create m", &[("gen_ai.operation.name", "interactions.create"), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("opentelemetry.util.genai.handler", "fetch_response", &[("gen_ai.operation.name", "fetch_response"), ("gen_ai.response.id", "r1"), ("gen_ai.response.model", "m")], "function", "fetch_response"),
    ("opentelemetry.instrumentation.openai.v1", "openai.session", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")], "function", "openai.session"),
    ("opentelemetry.instrumentation.watsonx", "watsonx.get_details", &[("llm.request.type", "completion"), ("gen_ai.request.model", "m")], "function", "watsonx.get_details"),
    ("opentelemetry.instrumentation.sagemaker", "sagemaker.completion", &[("traceloop.entity.input", "{}"), ("gen_ai.request.model", "m")], "gen_ai.text_completion", "text_completion m"),
    ("openinference.instrumentation.pipecat", "pipecat.stt", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m")], "function", "pipecat.stt"),
    ("openinference.instrumentation.pipecat", "pipecat.llm", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m")], "gen_ai.chat", "chat m"),
    ("openlit.otel.tracing", "image gpt-image-1", &[("gen_ai.operation.name", "image"), ("gen_ai.request.model", "gpt-image-1")], "gen_ai.generate_content", "generate_content gpt-image-1"),
    ("langtrace_python_sdk.instrumentation.openai.instrumentation", "openai.responses.create", &[("gen_ai.operation.name", "openai.responses.create"), ("gen_ai.request.model", "m")], "gen_ai.responses", "responses m"),
    ("langtrace_python_sdk.instrumentation.openai.instrumentation", "openai.images.generate", &[("gen_ai.operation.name", "images_generate"), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("openlit.instrumentation.mem0", "memory search", &[("gen_ai.operation.name", "memory")], "gen_ai.memory.client", "search_memory"),
    ("openlit.instrumentation.mem0", "memory history", &[("gen_ai.operation.name", "memory")], "function", "memory history"),
    ("openlit.otel.tracing", "audio tts-1", &[("gen_ai.operation.name", "audio"), ("gen_ai.request.model", "tts-1")], "gen_ai.generate_content", "generate_content tts-1"),
    ("any", "rerank docs", &[("openinference.span.kind", "RERANKER"), ("llm.model_name", "r-1")], "gen_ai.rerank", "rerank r-1"),
    ("any", "CohereRerank", &[("openinference.span.kind", "RERANKER"), ("reranker.model_name", "r-1")], "gen_ai.rerank", "rerank r-1"),
    ("any", "search", &[("openinference.span.kind", "RETRIEVER")], "function", "search"),
    // All spans below have the same metadata.
    ("any", "helper", &[("openinference.span.kind", "CHAIN"), ("metadata", r#"{"lc_agent_name":"helper"}"#)], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("any", "tools", &[("openinference.span.kind", "CHAIN"), ("metadata", r#"{"lc_agent_name":"helper"}"#)], "function", "tools"),
    ("langfuse-sdk", "helper", &[("langfuse.observation.type", "span"), ("langfuse.observation.metadata.lc_agent_name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("langfuse-sdk", "helper", &[("langfuse.observation.type", "chain"), ("langfuse.observation.metadata.lc_agent_name", r#""helper""#)], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("langfuse-sdk", "tools", &[("langfuse.observation.type", "span"), ("langfuse.observation.metadata.lc_agent_name", "helper")], "function", "tools"),
    ("langwatch.instrumentation.langchain", "helper", &[("langwatch.span.type", "chain"), ("langwatch.langchain.run.metadata.lc_agent_name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("langwatch.instrumentation.langchain", "tools", &[("langwatch.span.type", "chain"), ("langwatch.langchain.run.metadata.lc_agent_name", "helper")], "function", "tools"),
    ("my.app", "find", &[("langwatch.span.type", "rag")], "function", "find"),
    ("lmnr", "handle", &[("lmnr.span.path", "handle"), ("lmnr.span.input", "[]")], "function", "handle"),
    ("lmnr", "get_weather", &[("lmnr.span.path", "get_weather"), ("lmnr.span.type", "TOOL")], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("x", "Toolkit.handle", &[("tool", "get_weather"), ("parameters", "{}")], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("@traceloop/node-server-sdk", "conversation.c-1.workflow", &[("traceloop.span.kind", "workflow"), ("gen_ai.conversation.id", "c-1")], "function", "conversation.workflow"),
    ("my.app", "Tool: get_weather", &[("tool.name", "get_weather"), ("function.id", "c1")], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("any", "judge", &[("openinference.span.kind", "EVALUATOR"), ("llm.token_count.prompt", "3")], "function", "judge"),
    ("any", "CodeAgent.run", &[("openinference.span.kind", "AGENT")], "gen_ai.invoke_agent", "invoke_agent CodeAgent"),
    ("any", "Researcher._execute_core", &[("openinference.span.kind", "AGENT"), ("graph.node.id", "Researcher")], "gen_ai.invoke_agent", "invoke_agent Researcher"),
    ("any", "Agent.run", &[("openinference.span.kind", "AGENT"), ("graph.node.id", "9f86d081884c7d65")], "gen_ai.invoke_agent", "invoke_agent Agent"),
    ("openinference.instrumentation.instructor", "instructor.patch", &[("openinference.span.kind", "TOOL"), ("llm.model_name", "m")], "function", "instructor.patch"),
    ("any", "SimpleTool", &[("openinference.span.kind", "TOOL"), ("tool.name", "get_weather")], "gen_ai.execute_tool", "execute_tool get_weather"),
    ("openinference.instrumentation.llama_index", "OpenAI._prepare_chat_with_tools", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m")], "function", "OpenAI._prepare_chat_with_tools"),
    ("openinference.instrumentation.crewai", "Crew_6d131f10-371f-4988-8486-6c3fca527daf.kickoff", &[("openinference.span.kind", "CHAIN")], "function", "Crew.kickoff"),
    ("openinference.instrumentation.crewai", "Crew_of_mine.kickoff", &[("openinference.span.kind", "CHAIN")], "function", "Crew_of_mine.kickoff"),
    ("any", "Completion", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m")], "gen_ai.text_completion", "text_completion m"),
    ("openinference.instrumentation.langchain", "OpenAI", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m"), ("llm.prompts", r#"["Hi"]"#)], "gen_ai.text_completion", "text_completion m"),
    ("openinference.instrumentation.llama_index", "OpenAI.complete", &[("openinference.span.kind", "LLM"), ("llm.model_name", "m"), ("llm.prompts", r#"["Hi"]"#)], "gen_ai.chat", "chat m"),
    ("semantic_kernel.functions.kernel_function", "weather-get_weather", &[], "gen_ai.execute_tool", "execute_tool weather-get_weather"),
    ("semantic_kernel.functions.kernel_function", "execute_tool BOYwnmYVOjdpwQAR", &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "BOYwnmYVOjdpwQAR")], "function", "invoke_prompt"),
    ("semantic_kernel.functions.kernel_function", "execute_tool summarise", &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "summarise")], "gen_ai.execute_tool", "execute_tool summarise"),
    ("agent_runtime InProcessRuntime", "agent_runtime send writer_0e78952581fe40969ad10a304505d45c.(default)-A", &[], "function", "agent_runtime send writer"),
    ("autogen SingleThreadedAgentRuntime", "autogen publish output_topic_903cae1d-ac78-4df7-b989-e99ea48298dc.(903cae1d-ac78-4df7-b989-e99ea48298dc)-T", &[], "function", "autogen publish output_topic"),
    ("autogen SingleThreadedAgentRuntime", "autogen create 903cae1d-ac78-4df7-b989-e99ea48298dc.(default)-A", &[], "function", "autogen create"),
    ("autogen SingleThreadedAgentRuntime", "autogen ack", &[], "function", "autogen ack"),
    ("agent_framework", "invoke_agent aa8a7e0d-f308-49cf-a13c-b48da9580e11", &[("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.id", "aa8a7e0d-f308-49cf-a13c-b48da9580e11"), ("gen_ai.agent.name", "aa8a7e0d-f308-49cf-a13c-b48da9580e11"), ("gen_ai.request.model", "unknown")], "gen_ai.invoke_agent", "invoke_agent"),
    ("azure", "create_message", &[("gen_ai.system", "az.ai.agents"), ("gen_ai.operation.name", "create_message")], "function", "create_message"),
    ("azure", "start_thread_run", &[("gen_ai.system", "az.ai.agents"), ("gen_ai.operation.name", "start_thread_run"), ("gen_ai.agent.id", "asst_1")], "gen_ai.invoke_agent", "invoke_agent"),
    ("azure", "voice_agents.realtime.session", &[("az.ai.voice_agents.session.id", "s"), ("gen_ai.request.model", "m"), ("gen_ai.input.messages", r#"[{"role":"user","parts":[{"type":"audio","content":"Hi"}]}]"#)], "function", "voice_agents.realtime.session"),
    ("azure", "invoke_agent", &[("az.ai.voice_agents.response.status", "completed"), ("gen_ai.operation.name", "invoke_agent")], "gen_ai.invoke_agent", "invoke_agent"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.lmChatOpenAi"), ("n8n.node.name", "OpenAI Chat Model")], "gen_ai.chat", "chat"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.lmCohere"), ("n8n.node.name", "Cohere Model")], "gen_ai.chat", "chat"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.embeddingsOpenAi"), ("n8n.node.name", "Embeddings OpenAI")], "gen_ai.embeddings", "embeddings"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.rerankerCohere"), ("n8n.node.name", "Reranker Cohere")], "gen_ai.rerank", "rerank"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.agent"), ("n8n.node.name", "Support")], "gen_ai.invoke_agent", "invoke_agent Support"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.agentTool"), ("n8n.node.name", "Clerk")], "gen_ai.invoke_agent", "invoke_agent Clerk"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.toolCode"), ("n8n.node.name", "sum")], "gen_ai.execute_tool", "execute_tool sum"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.mcpClientTool"), ("n8n.node.name", "docs")], "gen_ai.execute_tool", "execute_tool docs"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "n8n-nodes-base.gmailTool"), ("n8n.node.name", "send")], "gen_ai.execute_tool", "execute_tool send"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.toolExecutor"), ("n8n.node.name", "Executor")], "function", "node.execute"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "@n8n/n8n-nodes-langchain.chainLlm"), ("n8n.node.name", "Chain")], "function", "node.execute"),
    ("n8n-workflow", "node.execute", &[("n8n.node.type", "n8n-nodes-base.gmail"), ("n8n.node.name", "Gmail")], "function", "node.execute"),
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
    ("strands.telemetry.tracer", "bidi_session Voice", &[("gen_ai.operation.name", "bidi_session"), ("gen_ai.agent.name", "Voice")], "gen_ai.invoke_agent", "invoke_agent Voice"),
    ("strands.telemetry.tracer", "bidi_response", &[("gen_ai.operation.name", "bidi_response"), ("gen_ai.response.id", "r1")], "gen_ai.chat", "chat"),
    ("strands.telemetry.tracer", "bidi_connect", &[("gen_ai.operation.name", "bidi_connect"), ("gen_ai.request.model", "m")], "function", "bidi_connect"),
    ("@voltagent/core", "helper", &[("entity.type", "agent"), ("entity.name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    ("@voltagent/core", "subagent:clerk", &[("entity.type", "agent"), ("entity.name", "boss"), ("subagent.name", "clerk")], "gen_ai.invoke_agent", "invoke_agent clerk"),
    ("@voltagent/core", "llm:generateText", &[("entity.type", "agent"), ("span.type", "llm"), ("llm.model", "m")], "gen_ai.chat", "chat m"),
    ("@voltagent/core", "tool.execution:t", &[("entity.type", "agent"), ("span.type", "tool"), ("tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("@voltagent/core", "memory.read", &[("entity.type", "agent"), ("span.type", "memory")], "function", "memory.read"),
    ("@voltagent/core", "embedding.generate", &[("entity.type", "agent"), ("span.type", "embedding")], "function", "embedding.generate"),
    ("@voltagent/core", "tool.search.embedding:s", &[("span.type", "embedding"), ("embedding.model", "m")], "gen_ai.embeddings", "embeddings m"),
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
    ("codex_backend", "ask", &[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")], "gen_ai.chat", "chat m"),
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
    ("opentelemetry.instrumentation.llamaindex", "OpenAIResponses.workflow", &[("traceloop.span.kind", "workflow"), ("gen_ai.operation.name", "chat"), ("gen_ai.response.model", "m")], "gen_ai.chat", "chat m"),
    ("opentelemetry.instrumentation.llamaindex", "Query.workflow", &[("traceloop.span.kind", "workflow"), ("gen_ai.request.model", "m")], "function", "Query.workflow"),
    ("opentelemetry.instrumentation.crewai", "Summarise what Jane Doe wrote.task", &[("traceloop.span.kind", "task"), ("gen_ai.operation.name", "invoke_agent")], "function", "crewai.task"),
    ("opentelemetry.instrumentation.crewai", "Researcher.agent", &[("traceloop.span.kind", "agent")], "gen_ai.invoke_agent", "invoke_agent Researcher"),
    ("pydantic-ai", "running tool", &[("gen_ai.tool.name", "t")], "gen_ai.execute_tool", "execute_tool t"),
    ("pydantic-ai", "helper run", &[("agent_name", "helper")], "gen_ai.invoke_agent", "invoke_agent helper"),
    // A response in a voice session, and the span that lasts while audio arrives.
    ("opentelemetry.instrumentation.openai_agents", "openai.realtime", &[("gen_ai.operation.name", "realtime"), ("gen_ai.request.model", "m"), ("gen_ai.usage.input_tokens", "3")], "gen_ai.chat", "chat m"),
    ("opentelemetry.instrumentation.openai_agents", "openai.realtime", &[("gen_ai.operation.name", "realtime"), ("gen_ai.provider.name", "openai")], "function", "openai.realtime"),
    ("logfire.openai", "Embedding Creation with {request_data[model]!r}", &[("gen_ai.request.model", "e"), ("response_data", "{}")], "gen_ai.embeddings", "embeddings e"),
    ("logfire.openai", "Image Generation with {request_data[model]!r}", &[("gen_ai.request.model", "i"), ("response_data", "{}")], "gen_ai.generate_content", "generate_content i"),
    ("logfire.openai", "Completion with {request_data[model]!r}", &[("gen_ai.request.model", "m"), ("response_data", "{}")], "gen_ai.text_completion", "text_completion m"),
    ("logfire.openai", "streaming response from {request_data[model]!r} took {duration:.2f}s", &[("gen_ai.operation.name", "text_completion"), ("gen_ai.request.model", "m")], "gen_ai.text_completion", "text_completion m"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/audio/speech"), ("request_data", r#"{"model":"m"}"#), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/audio/transcriptions"), ("request_data", r#"{"model":"m"}"#), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/images/edits"), ("request_data", r#"{"model":"m"}"#), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/videos"), ("request_data", r#"{"model":"m"}"#), ("gen_ai.response.id", "v"), ("gen_ai.request.model", "m")], "gen_ai.generate_content", "generate_content m"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/responses/r1/cancel"), ("request_data", "{}"), ("gen_ai.operation.name", "chat"), ("gen_ai.response.id", "r1"), ("gen_ai.response.model", "m")], "function", "OpenAI API call to {url!r}"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/moderations"), ("request_data", r#"{"model":"m"}"#), ("gen_ai.request.model", "m")], "gen_ai.evaluate", "evaluate m"),
    ("logfire.openai", "OpenAI API call to {url!r}", &[("url", "/fine_tuning/jobs"), ("request_data", r#"{"model":"m"}"#), ("gen_ai.request.model", "m")], "function", "OpenAI API call to {url!r}"),
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
    // Codex, and similar spans of an agent.
    ("codex_core", "handle_responses", &[("model", "gpt-5"), ("gen_ai.usage.input_tokens", "42")], "gen_ai.chat", "chat gpt-5"),
    ("acme", "turn", &[("model", "gpt-5"), ("gen_ai.usage.input_tokens", "42"), ("gen_ai.agent.name", "a")], "function", "turn"),
    ("acme", "turn", &[("model", "gpt-5"), ("gen_ai.request.seed", "1")], "function", "turn"),
    // Unknown libraries.
    ("acme.llm", "think", &[("acme.model", "m"), ("acme.tokens", "3")], "function", "think"),
    ("acme.llm", "think", &[("gen_ai.operation.name", "think"), ("gen_ai.request.model", "m")], "function", "think"),
    ("acme.llm", "POST /chat", &[("session.id", "s")], "function", "POST /chat"),
];

#[test]
fn spans_are_classified_as_their_library_means_them() {
    for (scope, name, attributes, op, sentry_name) in RULES {
        let span = translated(scope, name, attributes);
        assert_eq!(
            (&*span.op, &*span.name),
            (*op, *sentry_name),
            "{scope} {name}"
        );
    }
}

/// Older versions of Semantic Kernel have their own names for operations and counts.
#[test]
fn older_semantic_kernel_names_are_read() {
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

#[test]
fn merged_adk_tools_are_not_a_call_and_old_definitions_are_kept() {
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

#[test]
fn adk_reads_the_provider_from_a_litellm_model() {
    let provider = |model| {
        let attributes = [
            ("gen_ai.system", "gcp.vertex.agent"),
            ("gen_ai.request.model", model),
        ];
        let span = translated("gcp.vertex.agent", "call_llm", &attributes);
        (span.attributes.text("gen_ai.provider.name")).map(str::to_owned)
    };
    assert_eq!(provider("openai/gpt-4o").as_deref(), Some("openai"));
    assert_eq!(provider("gemini-2.5-flash").as_deref(), Some("gcp.gen_ai"));
}

/// LangChain's tools answer with a message that states which call it answers.
#[test]
fn tool_call_ids_are_read_from_langchain_messages() {
    let data = r#"{"type": "tool", "data": {"content": "21 C", "tool_call_id": "c1"}}"#;
    let kwargs = r#"{"output": {"lc": 1, "type": "constructor", "kwargs": {"content": "21 C", "tool_call_id": "c1"}}, "kwargs": {}}"#;
    for (kind, key, answer) in [
        (("openinference.span.kind", "TOOL"), "output.value", data),
        (
            ("traceloop.span.kind", "tool"),
            "traceloop.entity.output",
            kwargs,
        ),
    ] {
        let span = translated("x", "get_weather", &[kind, (key, answer)]);
        let read = |key| span.attributes.text(key);
        assert_eq!(read("gen_ai.tool.call.id"), Some("c1"), "{key}");
        assert_eq!(read("gen_ai.tool.call.result"), Some("21 C"), "{key}");
    }
    let own = [
        ("openinference.span.kind", "TOOL"),
        ("tool_call.id", "c2"),
        ("output.value", data),
    ];
    let span = translated("x", "get_weather", &own);
    assert_eq!(span.attributes.text("gen_ai.tool.call.id"), Some("c2"));
}

/// Sentry's trace view lists available tools on agents only, by the names in their definitions.
#[test]
fn agents_keep_their_tool_definitions() {
    const AGENT: (&str, &str) = ("gen_ai.operation.name", "invoke_agent");
    let kept = r#"[{"type":"function","name":"w"}]"#;
    for (scope, attributes) in [
        ("agent_framework", &[AGENT, (DEFINITIONS, kept)][..]),
        (
            "strands.telemetry.tracer",
            &[AGENT, ("gen_ai.agent.tools", r#"["w"]"#)],
        ),
        (
            "strands.telemetry.tracer",
            &[
                AGENT,
                (DEFINITIONS, kept),
                ("gen_ai.agent.tools", r#"["x"]"#),
            ],
        ),
        (
            "opentelemetry.instrumentation.crewai",
            &[
                ("traceloop.span.kind", "agent"),
                ("crewai.agent.tools", r#"[{"name":"w"}]"#),
            ],
        ),
        (
            "logfire.openai_agents",
            &[
                ("logfire.msg_template", "Agent run: {name!r}"),
                ("tools", r#"["w"]"#),
            ],
        ),
    ] {
        let span = translated(scope, "a", attributes);
        assert_eq!(span.op, "gen_ai.invoke_agent", "{scope}");
        let tools = span.attributes.text(DEFINITIONS);
        assert_eq!(tools, Some(kept), "{scope}");
    }
}

/// The platform uses the SDK's names in its own scope. The tokens of a compaction are not part of the other counts.
#[test]
fn anthropics_sdk_and_platform_are_read_alike() {
    for scope in [
        "com.anthropic.sdk.typescript",
        "com.anthropic.claude-platform",
    ] {
        let mut call = source(
            scope,
            "anthropic.messages.create",
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "m"),
                ("anthropic.message.stop_reason", "end_turn"),
            ],
        );
        for (key, count) in [
            ("gen_ai.usage.input_tokens", 600),
            ("gen_ai.usage.output_tokens", 30),
            ("anthropic.usage.compaction.input_tokens", 5000),
            ("anthropic.usage.compaction.output_tokens", 700),
        ] {
            call.attributes.push(key, count);
        }
        let call = with_content(call).attributes;
        let count = |key| call.integer(key);
        assert_eq!(count("gen_ai.usage.input_tokens"), Some(5600), "{scope}");
        assert_eq!(count("gen_ai.usage.output_tokens"), Some(730), "{scope}");
        let reasons = call.text("gen_ai.response.finish_reasons");
        assert_eq!(reasons, Some(r#"["end_turn"]"#), "{scope}");

        let tool = source(
            scope,
            "anthropic.tool_use bash",
            &[
                ("gen_ai.operation.name", "execute_tool"),
                ("gen_ai.tool.name", "bash"),
                ("anthropic.tool_result.content", "a.txt"),
            ],
        );
        let tool = with_content(tool).attributes;
        assert_eq!(
            tool.text("gen_ai.tool.call.result"),
            Some("a.txt"),
            "{scope}"
        );
    }
}
