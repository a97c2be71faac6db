//! The workloads in calls of the OpenTelemetry API.

use std::hint::black_box;

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanKind, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::{
    Created, Workload, on_threads,
    scaled::{Axis, CHATS, Pacer, Scaled},
    steadily, wide,
};
use crate::{
    probe::{Call, Probe},
    texts::Texts,
};

/// More attributes than the SDK keeps by default, for spans that have many.
pub(crate) const MAX_ATTRIBUTES: u32 = 1024;

pub(crate) fn run<P: Probe>(
    tracer: &SdkTracer,
    workload: Workload,
    texts: &Texts,
    probe: &mut P,
    pause: &dyn Fn(),
) -> Created {
    match workload {
        Workload::W1 | Workload::Unsampled | Workload::NoDsn => {
            agent_run(tracer, texts, probe, 10, &|| ())
        }
        Workload::W2 => chats(tracer, &texts.input, &texts.output, 5000, probe),
        Workload::W3 => late_children(tracer, texts, probe),
        Workload::W4 => agent_runs_on_threads(8, tracer, texts, probe),
        Workload::W5 => chats(tracer, &texts.huge, &texts.output, 20, probe),
        Workload::W6 | Workload::Unwanted | Workload::Held => plain_spans(tracer, probe),
        Workload::W7 => explicit_parent(tracer, texts, probe),
        Workload::W10 | Workload::W11 | Workload::W12 => chats_with_tools(tracer, texts, probe),
        Workload::W8 => stream(tracer, texts, 1000, probe),
        Workload::W9 => after_the_root(tracer, texts, probe),
        Workload::Scaled(scaled) => run_scaled(scaled, tracer, texts, probe, pause),
        Workload::Steady(rate) => steadily(rate, || {
            chats(tracer, &texts.input, &texts.output, 1, probe)
        }),
        Workload::W8Once => stream(tracer, texts, 1, probe),
        Workload::W8Events => unreachable!("log lines are for peers over tracing"),
    }
}

fn run_scaled<P: Probe>(
    scaled: Scaled,
    tracer: &SdkTracer,
    texts: &Texts,
    probe: &mut P,
    pause: &dyn Fn(),
) -> Created {
    let size = scaled.size;
    match scaled.axis {
        Axis::SpansPerTrace => agent_run(tracer, texts, probe, scaled.steps(), pause),
        Axis::ConcurrentTraces => concurrent_traces(tracer, texts, probe, size, pause),
        Axis::Attributes => wide_chats(tracer, probe, size),
        Axis::ContentBytes => chats(tracer, &texts.huge, &texts.output, CHATS, probe),
        Axis::Depth => nested(tracer, texts, probe, size, pause),
        Axis::Threads => agent_runs_on_threads(size, tracer, texts, probe),
    }
}

fn agent_runs_on_threads<P: Probe>(
    threads: u64,
    tracer: &SdkTracer,
    texts: &Texts,
    probe: &mut P,
) -> Created {
    on_threads(threads, probe, |probe| {
        agent_run(tracer, texts, probe, 10, &|| ())
    })
}

/// Creates two spans, and five for each step.
fn agent_run<P: Probe>(
    tracer: &SdkTracer,
    texts: &Texts,
    probe: &mut P,
    steps: u64,
    pause: &dyn Fn(),
) -> Created {
    let mut pacer = Pacer::new(pause);
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        let agent = probe.watch(Call::NewAi, || {
            tracer
                .span_builder("invoke_agent Support Bot")
                .with_attributes([
                    KeyValue::new("gen_ai.operation.name", "invoke_agent"),
                    KeyValue::new("gen_ai.agent.name", "Support Bot"),
                    KeyValue::new("gen_ai.provider.name", "openai"),
                    KeyValue::new("gen_ai.request.model", "gpt-4o"),
                ])
                .start(tracer)
        });
        let agent = Context::current_with_span(agent);
        {
            let _entered = agent.clone().attach();
            for _ in 0..steps {
                let chat = new_chat(tracer, probe, &texts.input);
                {
                    let _entered = chat.clone().attach();
                    http(tracer, probe);
                }
                end_chat(probe, &chat, &texts.output);
                tool(tracer, texts, probe);
                pacer.add_spans(5);
            }
        }
        probe.watch(Call::EndAi, || agent.span().end());
    }
    end_root(probe, &root);
    Created::new(2 + 5 * steps, 1 + 2 * steps)
}

fn chats<P: Probe>(
    tracer: &SdkTracer,
    input: &str,
    output: &str,
    n: u64,
    probe: &mut P,
) -> Created {
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        for _ in 0..n {
            let chat = new_chat(tracer, probe, input);
            drop(chat.clone().attach());
            end_chat(probe, &chat, output);
        }
    }
    end_root(probe, &root);
    Created::new(n + 1, n)
}

fn late_children<P: Probe>(tracer: &SdkTracer, texts: &Texts, probe: &mut P) -> Created {
    let root = new_root(tracer, probe);
    let chats: Vec<_> = {
        let _entered = root.clone().attach();
        let open = |_| new_chat(tracer, probe, &texts.input);
        (0..20).map(open).collect()
    };
    end_root(probe, &root);
    for chat in chats {
        {
            let _entered = chat.clone().attach();
            http(tracer, probe);
        }
        end_chat(probe, &chat, &texts.output);
    }
    Created::new(41, 20)
}

fn plain_spans<P: Probe>(tracer: &SdkTracer, probe: &mut P) -> Created {
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        for _ in 0..17 {
            database(tracer, probe);
            http(tracer, probe);
            http(tracer, probe);
        }
    }
    end_root(probe, &root);
    Created::new(52, 0)
}

fn explicit_parent<P: Probe>(tracer: &SdkTracer, texts: &Texts, probe: &mut P) -> Created {
    let root = new_root(tracer, probe);
    for _ in 0..10 {
        let mut chat = probe.watch(Call::NewAi, || {
            tracer
                .span_builder("chat gpt-4o")
                .with_attributes([
                    KeyValue::new("gen_ai.operation.name", "chat"),
                    KeyValue::new("gen_ai.request.model", "gpt-4o"),
                    KeyValue::new("gen_ai.input.messages", texts.input.clone()),
                    KeyValue::new("gen_ai.usage.input_tokens", 12i64),
                ])
                .start_with_context(tracer, &root)
        });
        probe.watch(Call::EndAi, || chat.end());
    }
    end_root(probe, &root);
    Created::new(11, 10)
}

fn chats_with_tools<P: Probe>(tracer: &SdkTracer, texts: &Texts, probe: &mut P) -> Created {
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        for _ in 0..10 {
            let mut chat = probe.watch(Call::NewAi, || {
                tracer
                    .span_builder("chat gpt-4o")
                    .with_attributes([
                        KeyValue::new("gen_ai.operation.name", "chat"),
                        KeyValue::new("gen_ai.request.model", "gpt-4o"),
                        KeyValue::new("gen_ai.tool.definitions", texts.tools.clone()),
                        KeyValue::new("gen_ai.input.messages", texts.history.clone()),
                        KeyValue::new("gen_ai.usage.input_tokens", 12i64),
                    ])
                    .start(tracer)
            });
            probe.watch(Call::EndAi, || chat.end());
        }
    }
    end_root(probe, &root);
    Created::new(11, 10)
}

fn after_the_root<P: Probe>(tracer: &SdkTracer, texts: &Texts, probe: &mut P) -> Created {
    let root = new_root(tracer, probe);
    end_root(probe, &root);
    let _entered = root.attach();
    for _ in 0..10 {
        let chat = new_chat(tracer, probe, &texts.input);
        end_chat(probe, &chat, &texts.output);
    }
    Created::new(11, 10)
}

fn stream<P: Probe>(tracer: &SdkTracer, texts: &Texts, polls: u64, probe: &mut P) -> Created {
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        let chat = new_chat(tracer, probe, &texts.input);
        for _ in 0..polls {
            let _entered = chat.clone().attach();
            black_box(());
        }
        end_chat(probe, &chat, &texts.output);
    }
    end_root(probe, &root);
    Created::new(2, 1)
}

fn concurrent_traces<P: Probe>(
    tracer: &SdkTracer,
    texts: &Texts,
    probe: &mut P,
    n: u64,
    pause: &dyn Fn(),
) -> Created {
    let mut pacer = Pacer::new(pause);
    let roots: Vec<Context> = (0..n).map(|_| new_root(tracer, probe)).collect();
    for root in roots {
        {
            let _entered = root.clone().attach();
            let chat = new_chat(tracer, probe, &texts.input);
            end_chat(probe, &chat, &texts.output);
        }
        end_root(probe, &root);
        pacer.add_spans(2);
    }
    Created::new(2 * n, n)
}

fn wide_chats<P: Probe>(tracer: &SdkTracer, probe: &mut P, attributes: u64) -> Created {
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        for _ in 0..CHATS {
            let mut chat = probe.watch(Call::NewAi, || {
                tracer
                    .span_builder("chat gpt-4o")
                    .with_attributes(wide::attributes(attributes))
                    .start(tracer)
            });
            probe.watch(Call::EndAi, || chat.end());
        }
    }
    end_root(probe, &root);
    Created::new(CHATS + 1, CHATS)
}

fn nested<P: Probe>(
    tracer: &SdkTracer,
    texts: &Texts,
    probe: &mut P,
    depth: u64,
    pause: &dyn Fn(),
) -> Created {
    let mut pacer = Pacer::new(pause);
    let root = new_root(tracer, probe);
    {
        let _entered = root.clone().attach();
        let enter = |_| {
            let span = new_database(tracer, probe);
            (span.clone().attach(), span)
        };
        let mut path: Vec<_> = (1..depth).map(enter).collect();
        let chat = new_chat(tracer, probe, &texts.input);
        end_chat(probe, &chat, &texts.output);
        while let Some((entered, innermost)) = path.pop() {
            drop(entered);
            probe.watch(Call::EndPlain, || innermost.span().end());
            pacer.add_spans(1);
        }
    }
    end_root(probe, &root);
    Created::new(depth + 1, 1)
}

#[inline(always)]
fn new_root<P: Probe>(tracer: &SdkTracer, probe: &mut P) -> Context {
    let span = probe.watch(Call::NewRoot, || {
        tracer
            .span_builder("POST /chat")
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("http.route", "/chat"),
            ])
            .start_with_context(tracer, &Context::new())
    });
    Context::new().with_span(span)
}

#[inline(always)]
fn end_root<P: Probe>(probe: &mut P, root: &Context) {
    let status = KeyValue::new("http.response.status_code", 200i64);
    root.span().set_attribute(status);
    probe.watch(Call::EndRoot, || root.span().end());
}

#[inline(always)]
fn new_chat<P: Probe>(tracer: &SdkTracer, probe: &mut P, input: &str) -> Context {
    let span = probe.watch(Call::NewAi, || {
        tracer
            .span_builder("chat gpt-4o")
            .with_kind(SpanKind::Client)
            .with_attributes([
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.provider.name", "openai"),
                KeyValue::new("gen_ai.request.model", "gpt-4o"),
                KeyValue::new("gen_ai.agent.name", "Support Bot"),
                KeyValue::new("gen_ai.conversation.id", "conv_5j66UpCpwteGg4YSxUnt7lPY"),
                KeyValue::new("gen_ai.request.temperature", 0.7f64),
                KeyValue::new("gen_ai.request.max_tokens", 1024i64),
                KeyValue::new("gen_ai.input.messages", input.to_owned()),
            ])
            .start(tracer)
    });
    Context::current_with_span(span)
}

#[inline(always)]
fn end_chat<P: Probe>(probe: &mut P, chat: &Context, output: &str) {
    let span = chat.span();
    probe.watch(Call::Record, || {
        span.set_attribute(KeyValue::new("gen_ai.response.id", "chatcmpl-123"));
        span.set_attribute(KeyValue::new("gen_ai.response.model", "gpt-4o-2024-08-06"));
        span.set_attribute(KeyValue::new(
            "gen_ai.response.finish_reasons",
            "[\"stop\"]",
        ));
        span.set_attribute(KeyValue::new("gen_ai.usage.input_tokens", 1234i64));
        span.set_attribute(KeyValue::new("gen_ai.usage.output_tokens", 321i64));
        span.set_attribute(KeyValue::new("gen_ai.output.messages", output.to_owned()));
    });
    probe.watch(Call::EndAi, || span.end());
}

#[inline(always)]
fn tool<P: Probe>(tracer: &SdkTracer, texts: &Texts, probe: &mut P) {
    let span = probe.watch(Call::NewAi, || {
        tracer
            .span_builder("execute_tool search")
            .with_attributes([
                KeyValue::new("gen_ai.operation.name", "execute_tool"),
                KeyValue::new("gen_ai.tool.name", "search"),
                KeyValue::new("gen_ai.tool.call.id", "call_VSPygqKTWdrhaFErNvMV18Yl"),
                KeyValue::new("gen_ai.tool.type", "function"),
                KeyValue::new("gen_ai.tool.call.arguments", texts.arguments.clone()),
            ])
            .start(tracer)
    });
    let tool = Context::current_with_span(span);
    {
        let _entered = tool.clone().attach();
        database(tracer, probe);
        http(tracer, probe);
    }
    probe.watch(Call::Record, || {
        let result = KeyValue::new("gen_ai.tool.call.result", texts.result.clone());
        tool.span().set_attribute(result);
    });
    probe.watch(Call::EndAi, || tool.span().end());
}

#[inline(always)]
fn database<P: Probe>(tracer: &SdkTracer, probe: &mut P) {
    let span = new_database(tracer, probe);
    drop(span.clone().attach());
    probe.watch(Call::EndPlain, || span.span().end());
}

#[inline(always)]
fn new_database<P: Probe>(tracer: &SdkTracer, probe: &mut P) -> Context {
    let query = "SELECT id, total FROM orders WHERE customer_id = $1";
    new_plain(tracer, probe, "SELECT orders", || {
        [
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", query),
        ]
    })
}

#[inline(always)]
fn http<P: Probe>(tracer: &SdkTracer, probe: &mut P) {
    let url = "https://api.openai.com/v1/chat/completions";
    let span = new_plain(tracer, probe, "POST", || {
        [
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("url.full", url),
        ]
    });
    drop(span.clone().attach());
    probe.watch(Call::EndPlain, || span.span().end());
}

#[inline(always)]
fn new_plain<P: Probe>(
    tracer: &SdkTracer,
    probe: &mut P,
    name: &'static str,
    attributes: impl FnOnce() -> [KeyValue; 2],
) -> Context {
    let span = probe.watch(Call::NewPlain, || {
        tracer
            .span_builder(name)
            .with_kind(SpanKind::Client)
            .with_attributes(attributes())
            .start(tracer)
    });
    Context::current_with_span(span)
}
