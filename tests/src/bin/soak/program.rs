//! The program under test: a Sentry client, a door for spans, and traces that go through it.

use std::time::Duration;

use sentry::{ClientInitGuard, ClientOptions};
use sentry_genai::{Guard, Handle, Stats};
use sentry_genai_opentelemetry::{
    SentryGenAiProcessor,
    opentelemetry::{
        Context, KeyValue,
        trace::{SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _},
    },
    opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider},
};
use serde_json::json;
use tracing::info_span;
use tracing_subscriber::prelude::*;

pub(crate) enum Program {
    Layer {
        guard: Guard,
        handle: Handle,
    },
    OpenTelemetry {
        client: ClientInitGuard,
        processor: SentryGenAiProcessor,
        provider: SdkTracerProvider,
        tracer: SdkTracer,
    },
}

impl Program {
    /// Starts a program that traces with `tracing`; `None` without a DSN.
    pub(crate) fn with_layer(
        options: sentry_genai::Options,
        client_options: ClientOptions,
    ) -> Option<Self> {
        let guard = options.init(client_options);
        tracing_subscriber::registry()
            .with(sentry_genai::layer())
            .init();
        let handle = guard.handle()?.clone();
        Some(Self::Layer { guard, handle })
    }

    /// Starts a program that traces with OpenTelemetry.
    pub(crate) fn with_opentelemetry(
        options: sentry_genai_opentelemetry::Options,
        client_options: ClientOptions,
    ) -> Self {
        let client = sentry::init(client_options);
        let processor = SentryGenAiProcessor::with_options(&client, options);
        let provider = processor.provider_builder().build();
        let tracer = provider.tracer("soak");
        Self::OpenTelemetry {
            client,
            processor,
            provider,
            tracer,
        }
    }

    /// Makes a trace of an agent, in which model calls and tools alternate. Over OpenTelemetry, the last of them ends after the
    /// agent.
    pub(crate) fn run_agent(&self, spans: u64, content: &Content) {
        match self {
            Self::Layer { .. } => run_agent_with_tracing(spans, content),
            Self::OpenTelemetry { tracer, .. } => {
                run_agent_with_opentelemetry(tracer, spans, content);
            }
        }
    }

    /// Makes a trace without AI spans.
    pub(crate) fn handle_request(&self, spans: u64) {
        match self {
            Self::Layer { .. } => {
                let _root = info_span!("GET /health", otel.kind = "server").entered();
                for _ in 1..spans {
                    info_span!("query", otel.kind = "client").in_scope(|| {});
                }
            }
            Self::OpenTelemetry { tracer, .. } => {
                let root = start(tracer, "GET /health", SpanKind::Server, &Context::new(), []);
                for _ in 1..spans {
                    start(tracer, "query", SpanKind::Client, &root, [])
                        .span()
                        .end();
                }
                root.span().end();
            }
        }
    }

    pub(crate) fn flush(&self) -> bool {
        match self {
            Self::Layer { guard, .. } => guard.flush(Duration::from_secs(60)),
            Self::OpenTelemetry { provider, .. } => provider.force_flush().is_ok(),
        }
    }

    /// Ends the program, and returns what became of its spans.
    pub(crate) fn end(self) -> Stats {
        match self {
            Self::Layer { guard, handle } => {
                drop(guard);
                handle.stats()
            }
            Self::OpenTelemetry {
                client,
                processor,
                provider,
                ..
            } => {
                drop(provider);
                drop(client);
                processor.stats()
            }
        }
    }
}

/// What an agent's model gets and its tools answer.
pub(crate) struct Content {
    messages: String,
    tools: Option<String>,
    result: String,
}

impl Content {
    /// Creates a question and no tools.
    pub(crate) fn question(text: &str) -> Self {
        let parts = json!([{"type": "text", "content": text}]);
        Self {
            messages: json!([{"role": "user", "parts": parts}]).to_string(),
            tools: None,
            result: text.to_owned(),
        }
    }

    /// Creates a history in the form of OpenAI's API, with the call of a tool. Agents of different numbers have different tools.
    pub(crate) fn history(text: &str, agent: u64) -> Self {
        let name = format!("search_{agent}");
        let schema = json!({"type": "object", "properties": {"query": {"type": "string"}}});
        let tool = json!({"name": name, "description": text, "parameters": schema});
        let arguments = json!({"query": "soak", "limit": agent}).to_string();
        let call = json!({"name": name, "arguments": arguments});
        let call = json!({"id": "call_1", "type": "function", "function": call});
        let messages = json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": text},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": text},
        ]);
        Self {
            messages: messages.to_string(),
            tools: Some(json!([{"type": "function", "function": tool}]).to_string()),
            result: text.to_owned(),
        }
    }
}

fn run_agent_with_tracing(spans: u64, content: &Content) {
    let _agent = info_span!(
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "Soak",
        gen_ai.conversation.id = "conv_soak",
    )
    .entered();
    for number in 1..spans {
        if number % 2 == 1 {
            let _chat = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "gpt-5-mini",
                gen_ai.input.messages = content.messages,
                gen_ai.tool.definitions = content.tools,
                gen_ai.usage.input_tokens = 100,
                gen_ai.usage.output_tokens = 20,
            )
            .entered();
        } else {
            let _tool = info_span!(
                "execute_tool",
                gen_ai.operation.name = "execute_tool",
                gen_ai.tool.name = "search",
                gen_ai.tool.call.result = content.result,
            )
            .entered();
        }
    }
}

fn run_agent_with_opentelemetry(tracer: &SdkTracer, spans: u64, content: &Content) {
    let attributes = [
        KeyValue::new("gen_ai.operation.name", "invoke_agent"),
        KeyValue::new("gen_ai.agent.name", "Soak"),
        KeyValue::new("gen_ai.conversation.id", "conv_soak"),
    ];
    let kind = SpanKind::Internal;
    let agent = start(
        tracer,
        "invoke_agent",
        kind.clone(),
        &Context::new(),
        attributes,
    );
    let mut last: Option<Context> = None;
    for number in 1..spans {
        if let Some(last) = last {
            last.span().end();
        }
        last = Some(if number % 2 == 1 {
            let attributes = [
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.request.model", "gpt-5-mini"),
                KeyValue::new("gen_ai.input.messages", content.messages.clone()),
            ];
            let chat = start(tracer, "chat", SpanKind::Client, &agent, attributes);
            let span = chat.span();
            if let Some(tools) = &content.tools {
                span.set_attribute(KeyValue::new("gen_ai.tool.definitions", tools.clone()));
            }
            span.set_attribute(KeyValue::new("gen_ai.usage.input_tokens", 100));
            span.set_attribute(KeyValue::new("gen_ai.usage.output_tokens", 20));
            chat
        } else {
            let attributes = [
                KeyValue::new("gen_ai.operation.name", "execute_tool"),
                KeyValue::new("gen_ai.tool.name", "search"),
            ];
            let tool = start(tracer, "execute_tool", kind.clone(), &agent, attributes);
            let result = KeyValue::new("gen_ai.tool.call.result", content.result.clone());
            tool.span().set_attribute(result);
            tool
        });
    }
    agent.span().end();
    if let Some(last) = last {
        last.span().end();
    }
}

/// Starts a span below that of `parent`.
fn start(
    tracer: &SdkTracer,
    name: &'static str,
    kind: SpanKind,
    parent: &Context,
    attributes: impl IntoIterator<Item = KeyValue>,
) -> Context {
    let span = tracer
        .span_builder(name)
        .with_kind(kind)
        .with_attributes(attributes)
        .start_with_context(tracer, parent);
    parent.with_span(span)
}
