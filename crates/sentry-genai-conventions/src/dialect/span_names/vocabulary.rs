//! What the words in the names of spans mean.

/// Words in the names of model calls.
pub(super) static CALL_WORDS: &[&str] = &[
    "chat",
    "complete",
    "completion",
    "completions",
    "converse",
    "generate",
    "generation",
    "infer",
    "inference",
    "llm",
];

/// Words that name a model call and nothing else, even if no tokens are counted.
pub(super) static UNAMBIGUOUS_CALL_WORDS: &[&str] =
    &["chat", "completion", "completions", "inference", "llm"];

/// Words that, together with `model`, name a model call.
pub(super) static MODEL_CALL_WORDS: &[&str] =
    &["call", "invocation", "invoke", "request", "response"];

/// Words in the names of calls that produce no output tokens.
pub(super) static EMBEDDING_WORDS: &[&str] = &["embed", "embedding", "embeddings", "rerank"];

/// Words for work that consists of calls.
pub(super) static COMPOSITE_WORDS: &[&str] = &[
    "agent",
    "batch",
    "chain",
    "crew",
    "evaluation",
    "fetch",
    "flow",
    "graph",
    "guardrail",
    "invoke",
    "loop",
    "node",
    "orchestrate",
    "pipeline",
    "plan",
    "rag",
    "request",
    "retrieval",
    "retrieve",
    "retriever",
    "run",
    "search",
    "session",
    "step",
    "task",
    "team",
    "tokens",
    "tool",
    "turn",
    "workflow",
];

/// Methods at the end of what a provider's SDK calls a request.
pub(super) static SDK_METHODS: &[&str] = &["create", "request", "stream", "streaming"];

/// Words for work on a call that has ended. Whatever it counts was counted before.
pub(super) static POST_CALL_WORDS: &[&str] = &[
    "bill",
    "billing",
    "budget",
    "calculate",
    "cost",
    "costs",
    "count",
    "estimate",
    "insert",
    "log",
    "meter",
    "metrics",
    "persist",
    "price",
    "pricing",
    "record",
    "report",
    "save",
    "store",
    "track",
    "update",
    "usage",
];

/// Words for work on or for a call of a model or a tool, other than [afterwards](POST_CALL_WORDS).
pub(super) static AUXILIARY_WORDS: &[&str] = &[
    "approve",
    "audit",
    "authorize",
    "build",
    "cache",
    "check",
    "emit",
    "enqueue",
    "format",
    "load",
    "parse",
    "prepare",
    "render",
    "schedule",
    "serialize",
    "tokenize",
    "truncate",
    "upsert",
    "validate",
    "verify",
];

/// The same, for words that come last.
pub(super) static AUXILIARY_LAST_WORDS: &[&str] = &["lookup", "parsing", "validation"];

/// Words for what belongs to a call.
pub(super) static CALL_DATA_WORDS: &[&str] = &[
    "context", "cost", "costs", "prompt", "prompts", "token", "tokens", "usage",
];

pub(super) static AGENT_ACTIONS: &[&str] = &[
    "call",
    "continue",
    "execute",
    "execution",
    "invocation",
    "invoke",
    "loop",
    "run",
    "turn",
];

/// Keys that name an agent on a span that is named after the agent's run.
pub(super) static AGENT_KEYS: &[&str] = &["agent", "agent.name", "agent_name"];

/// Keys that name a tool on a span that is named after the tool's call.
pub(super) static TOOL_KEYS: &[&str] = &["tool", "tool.name", "tool_name"];

pub(super) static TOOL_ACTIONS: &[&str] = &[
    "call",
    "execute",
    "execution",
    "invocation",
    "invoke",
    "run",
    "use",
];

/// Words for what stands between a program and a provider. Its counts are estimates, or those of another call.
pub(super) static INTERMEDIARY_WORDS: &[&str] = &[
    "cache",
    "config",
    "health",
    "healthcheck",
    "invoice",
    "ledger",
    "limiter",
    "payment",
    "queue",
    "quota",
    "quotas",
    "ratelimit",
    "throttle",
    "tokenize",
    "tokenizer",
    "truncate",
];

/// Words that, beside a provider, a model or a kind of call, do not make a name mean anything else.
pub(super) static REQUEST_WORDS: &[&str] = &[
    "answer",
    "api",
    "ask",
    "call",
    "client",
    "content",
    "create",
    "invoke",
    "message",
    "messages",
    "model",
    "post",
    "prompt",
    "query",
    "request",
    "response",
    "responses",
    "send",
    "stream",
    "streaming",
    "text",
    "with",
];

/// Companies that run models among many other things.
pub(super) static GENERAL_COMPANIES: &[&str] = &["aws", "google"];

/// Keys of requests, messages and queries. A status alone may be that of what a tool has asked.
pub(super) static PROTOCOL_KEYS: &[&str] = &[
    "db.system",
    "db.system.name",
    "http.method",
    "http.request.method",
    "http.route",
    "messaging.system",
    "rpc.system",
    "rpc.system.name",
];

/// Words for requests to a provider that ask no model.
pub(super) static OTHER_REQUEST_WORDS: &[&str] = &[
    "assistants",
    "batches",
    "delete",
    "download",
    "files",
    "lookup",
    "models",
    "ping",
    "stores",
    "tuning",
    "upload",
];
