//! The workloads in `tracing` macros.
//!
//! The attributes of a span are fixed where its macro is, so there is one copy of the workloads for each set of additional fields
//! that a peer's documentation asks for.

macro_rules! tracing_workloads {
    (
        $(#[$doc:meta])*
        $module:ident,
        root { $($root:tt)* }, agent { $($agent:tt)* }, chat { $($chat:tt)* },
        tool { $($tool:tt)* }, database { $($database:tt)* }, http { $($http:tt)* }
    ) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use std::hint::black_box;

            use tracing::{Span, field::Empty, info, info_span, span::EnteredSpan};

            use crate::{
                probe::{Call, Probe},
                texts::Texts,
                workloads::{
                    Created, Workload, on_threads, steadily,
                    scaled::{Axis, CHATS, Pacer, Scaled},
                    wide,
                },
            };

            pub(crate) fn run<P: Probe>(
                workload: Workload,
                texts: &Texts,
                probe: &mut P,
                pause: &dyn Fn(),
            ) -> Created {
                match workload {
                    Workload::W1 | Workload::Unsampled | Workload::NoDsn => agent_run(texts, probe, 10, &|| ()),
                    Workload::W2 => chats(&texts.input, &texts.output, 5000, probe),
                    Workload::W3 => late_children(texts, probe),
                    Workload::W4 => {
                        on_threads(8, probe, |probe| agent_run(texts, probe, 10, &|| ()))
                    }
                    Workload::W5 => chats(&texts.huge, &texts.output, 20, probe),
                    Workload::W6 | Workload::Unwanted | Workload::Held => plain_spans(probe),
                    Workload::W7 => explicit_parent(texts, probe),
                    Workload::W10 | Workload::W11 | Workload::W12 => chats_with_tools(texts, probe),
                    Workload::W8 => stream(texts, 1000, || (), probe),
                    Workload::W8Once => stream(texts, 1, || (), probe),
                    Workload::W8Events => stream(texts, 1, || log_lines(1000), probe),
                    Workload::Scaled(scaled) => run_scaled(scaled, texts, probe, pause),
                    Workload::Steady(rate) => {
                        steadily(rate, || chats(&texts.input, &texts.output, 1, probe))
                    }
                    Workload::W9 => unreachable!("no peer over tracing takes part"),
                }
            }

            fn run_scaled<P: Probe>(
                scaled: Scaled,
                texts: &Texts,
                probe: &mut P,
                pause: &dyn Fn(),
            ) -> Created {
                let size = scaled.size;
                match scaled.axis {
                    Axis::SpansPerTrace => agent_run(texts, probe, scaled.steps(), pause),
                    Axis::ConcurrentTraces => concurrent_traces(texts, probe, size, pause),
                    Axis::Attributes => wide_chats(probe, size),
                    Axis::ContentBytes => chats(&texts.huge, &texts.output, CHATS, probe),
                    Axis::Depth => nested(texts, probe, size, pause),
                    Axis::Threads => {
                        on_threads(size, probe, |probe| agent_run(texts, probe, 10, &|| ()))
                    }
                }
            }

            /// Creates two spans, and five for each step.
            fn agent_run<P: Probe>(
                texts: &Texts,
                probe: &mut P,
                steps: u64,
                pause: &dyn Fn(),
            ) -> Created {
                let mut pacer = Pacer::new(pause);
                let root = new_root(probe);
                root.in_scope(|| {
                    let agent = probe.watch(Call::NewAi, || {
                        info_span!(
                            "invoke_agent",
                            "gen_ai.operation.name" = "invoke_agent",
                            "gen_ai.agent.name" = "Support Bot",
                            "gen_ai.provider.name" = "openai",
                            "gen_ai.request.model" = "gpt-4o",
                            $($agent)*
                        )
                    });
                    agent.in_scope(|| {
                        for _ in 0..steps {
                            let chat = new_chat(probe, &texts.input);
                            chat.in_scope(|| http(probe));
                            end_chat(probe, chat, &texts.output);
                            tool(texts, probe);
                            pacer.add_spans(5);
                        }
                    });
                    probe.watch(Call::EndAi, || drop(agent));
                });
                end_root(probe, root);
                Created::new(2 + 5 * steps, 1 + 2 * steps)
            }

            fn chats<P: Probe>(input: &str, output: &str, n: u64, probe: &mut P) -> Created {
                let root = new_root(probe);
                root.in_scope(|| {
                    for _ in 0..n {
                        let chat = new_chat(probe, input);
                        chat.in_scope(|| ());
                        end_chat(probe, chat, output);
                    }
                });
                end_root(probe, root);
                Created::new(n + 1, n)
            }

            fn late_children<P: Probe>(texts: &Texts, probe: &mut P) -> Created {
                let root = new_root(probe);
                let open = || (0..20).map(|_| new_chat(probe, &texts.input)).collect();
                let chats: Vec<Span> = root.in_scope(open);
                end_root(probe, root);
                for chat in chats {
                    chat.in_scope(|| http(probe));
                    end_chat(probe, chat, &texts.output);
                }
                Created::new(41, 20)
            }

            fn plain_spans<P: Probe>(probe: &mut P) -> Created {
                let root = new_root(probe);
                root.in_scope(|| {
                    for _ in 0..17 {
                        database(probe);
                        http(probe);
                        http(probe);
                    }
                });
                end_root(probe, root);
                Created::new(52, 0)
            }

            fn explicit_parent<P: Probe>(texts: &Texts, probe: &mut P) -> Created {
                let root = new_root(probe);
                for _ in 0..10 {
                    let chat = probe.watch(Call::NewAi, || {
                        info_span!(
                            parent: &root,
                            "chat",
                            "gen_ai.operation.name" = "chat",
                            "gen_ai.request.model" = "gpt-4o",
                            "gen_ai.input.messages" = texts.input.as_str(),
                            "gen_ai.usage.input_tokens" = 12u64,
                            $($chat)*
                        )
                    });
                    probe.watch(Call::EndAi, || drop(chat));
                }
                end_root(probe, root);
                Created::new(11, 10)
            }

            fn chats_with_tools<P: Probe>(texts: &Texts, probe: &mut P) -> Created {
                let root = new_root(probe);
                root.in_scope(|| {
                    for _ in 0..10 {
                        let chat = probe.watch(Call::NewAi, || {
                            info_span!(
                                "chat",
                                "gen_ai.operation.name" = "chat",
                                "gen_ai.request.model" = "gpt-4o",
                                "gen_ai.tool.definitions" = texts.tools.as_str(),
                                "gen_ai.input.messages" = texts.history.as_str(),
                                "gen_ai.usage.input_tokens" = 12u64,
                                $($chat)*
                            )
                        });
                        probe.watch(Call::EndAi, || drop(chat));
                    }
                });
                end_root(probe, root);
                Created::new(11, 10)
            }

            fn stream<P: Probe>(
                texts: &Texts,
                polls: u64,
                poll: impl Fn(),
                probe: &mut P,
            ) -> Created {
                let root = new_root(probe);
                root.in_scope(|| {
                    let chat = new_chat(probe, &texts.input);
                    for _ in 0..polls {
                        chat.in_scope(|| black_box(poll()));
                    }
                    end_chat(probe, chat, &texts.output);
                });
                end_root(probe, root);
                Created::new(2, 1)
            }

            fn log_lines(n: u64) {
                for chunk in 0..n {
                    info!(chunk, kind = "delta", "a chunk has arrived");
                }
            }

            fn concurrent_traces<P: Probe>(
                texts: &Texts,
                probe: &mut P,
                n: u64,
                pause: &dyn Fn(),
            ) -> Created {
                let mut pacer = Pacer::new(pause);
                let roots: Vec<Span> = (0..n).map(|_| new_root(probe)).collect();
                for root in roots {
                    root.in_scope(|| {
                        let chat = new_chat(probe, &texts.input);
                        end_chat(probe, chat, &texts.output);
                    });
                    end_root(probe, root);
                    pacer.add_spans(2);
                }
                Created::new(2 * n, n)
            }

            fn wide_chats<P: Probe>(probe: &mut P, attributes: u64) -> Created {
                let root = new_root(probe);
                root.in_scope(|| {
                    for _ in 0..CHATS {
                        let chat = probe.watch(Call::NewAi, || wide::chat(attributes));
                        probe.watch(Call::EndAi, || drop(chat));
                    }
                });
                end_root(probe, root);
                Created::new(CHATS + 1, CHATS)
            }

            fn nested<P: Probe>(
                texts: &Texts,
                probe: &mut P,
                depth: u64,
                pause: &dyn Fn(),
            ) -> Created {
                let mut pacer = Pacer::new(pause);
                let root = new_root(probe).entered();
                let enter = |_| new_database(probe).entered();
                let mut path: Vec<EnteredSpan> = (1..depth).map(enter).collect();
                let chat = new_chat(probe, &texts.input);
                end_chat(probe, chat, &texts.output);
                while let Some(innermost) = path.pop() {
                    let innermost = innermost.exit();
                    probe.watch(Call::EndPlain, || drop(innermost));
                    pacer.add_spans(1);
                }
                end_root(probe, root.exit());
                Created::new(depth + 1, 1)
            }

            #[inline(always)]
            fn new_root<P: Probe>(probe: &mut P) -> Span {
                probe.watch(Call::NewRoot, || {
                    info_span!(
                        "POST /chat",
                        "http.request.method" = "POST",
                        "http.route" = "/chat",
                        "http.response.status_code" = Empty,
                        $($root)*
                    )
                })
            }

            #[inline(always)]
            fn end_root<P: Probe>(probe: &mut P, root: Span) {
                root.record("http.response.status_code", 200u64);
                probe.watch(Call::EndRoot, || drop(root));
            }

            /// Starts a chat with what is known before the call, and empty fields for what the answer tells, as `rig` does.
            #[inline(always)]
            fn new_chat<P: Probe>(probe: &mut P, input: &str) -> Span {
                probe.watch(Call::NewAi, || {
                    info_span!(
                        "chat",
                        "gen_ai.operation.name" = "chat",
                        "gen_ai.provider.name" = "openai",
                        "gen_ai.request.model" = "gpt-4o",
                        "gen_ai.agent.name" = "Support Bot",
                        "gen_ai.conversation.id" = "conv_5j66UpCpwteGg4YSxUnt7lPY",
                        "gen_ai.request.temperature" = 0.7f64,
                        "gen_ai.request.max_tokens" = 1024u64,
                        "gen_ai.input.messages" = input,
                        "gen_ai.response.id" = Empty,
                        "gen_ai.response.model" = Empty,
                        "gen_ai.response.finish_reasons" = Empty,
                        "gen_ai.usage.input_tokens" = Empty,
                        "gen_ai.usage.output_tokens" = Empty,
                        "gen_ai.output.messages" = Empty,
                        $($chat)*
                    )
                })
            }

            #[inline(always)]
            fn end_chat<P: Probe>(probe: &mut P, chat: Span, output: &str) {
                probe.watch(Call::Record, || {
                    chat.record("gen_ai.response.id", "chatcmpl-123");
                    chat.record("gen_ai.response.model", "gpt-4o-2024-08-06");
                    chat.record("gen_ai.response.finish_reasons", "[\"stop\"]");
                    chat.record("gen_ai.usage.input_tokens", 1234u64);
                    chat.record("gen_ai.usage.output_tokens", 321u64);
                    chat.record("gen_ai.output.messages", output);
                });
                probe.watch(Call::EndAi, || drop(chat));
            }

            #[inline(always)]
            fn tool<P: Probe>(texts: &Texts, probe: &mut P) {
                let tool = probe.watch(Call::NewAi, || {
                    info_span!(
                        "execute_tool",
                        "gen_ai.operation.name" = "execute_tool",
                        "gen_ai.tool.name" = "search",
                        "gen_ai.tool.call.id" = "call_VSPygqKTWdrhaFErNvMV18Yl",
                        "gen_ai.tool.type" = "function",
                        "gen_ai.tool.call.arguments" = texts.arguments.as_str(),
                        "gen_ai.tool.call.result" = Empty,
                        $($tool)*
                    )
                });
                tool.in_scope(|| {
                    database(probe);
                    http(probe);
                });
                probe.watch(Call::Record, || {
                    tool.record("gen_ai.tool.call.result", texts.result.as_str());
                });
                probe.watch(Call::EndAi, || drop(tool));
            }

            #[inline(always)]
            fn database<P: Probe>(probe: &mut P) {
                let span = new_database(probe);
                span.in_scope(|| ());
                probe.watch(Call::EndPlain, || drop(span));
            }

            #[inline(always)]
            fn new_database<P: Probe>(probe: &mut P) -> Span {
                probe.watch(Call::NewPlain, || {
                    info_span!(
                        "SELECT orders",
                        "db.system.name" = "postgresql",
                        "db.query.text" = "SELECT id, total FROM orders WHERE customer_id = $1",
                        $($database)*
                    )
                })
            }

            #[inline(always)]
            fn http<P: Probe>(probe: &mut P) {
                let span = probe.watch(Call::NewPlain, || {
                    info_span!(
                        "POST",
                        "http.request.method" = "POST",
                        "url.full" = "https://api.openai.com/v1/chat/completions",
                        $($http)*
                    )
                });
                span.in_scope(|| ());
                probe.watch(Call::EndPlain, || drop(span));
            }
        }
    };
}

tracing_workloads!(
    /// Only the fields of OpenTelemetry's conventions.
    neutral,
    root {}, agent {}, chat {}, tool {}, database {}, http {}
);

tracing_workloads!(
    /// Also what sentry-tracing asks for: op and name, written by hand.
    for_sentry_tracing,
    root { "sentry.op" = "http.server", "sentry.name" = "POST /chat" },
    agent { "sentry.op" = "gen_ai.invoke_agent", "sentry.name" = "invoke_agent Support Bot" },
    chat { "sentry.op" = "gen_ai.chat", "sentry.name" = "chat gpt-4o" },
    tool { "sentry.op" = "gen_ai.execute_tool", "sentry.name" = "execute_tool search" },
    database { "sentry.op" = "db", "sentry.name" = "SELECT orders" },
    http { "sentry.op" = "http.client", "sentry.name" = "POST https://api.openai.com" }
);

tracing_workloads!(
    /// Also what tracing-opentelemetry asks for: name and kind, written by hand.
    for_tracing_opentelemetry,
    root { "otel.name" = "POST /chat", "otel.kind" = "server" },
    agent { "otel.name" = "invoke_agent Support Bot", "otel.kind" = "internal" },
    chat { "otel.name" = "chat gpt-4o", "otel.kind" = "client" },
    tool { "otel.name" = "execute_tool search", "otel.kind" = "internal" },
    database { "otel.name" = "SELECT orders", "otel.kind" = "client" },
    http { "otel.name" = "POST", "otel.kind" = "client" }
);
