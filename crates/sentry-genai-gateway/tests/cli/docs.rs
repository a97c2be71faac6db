//! Keeps pages up to date: `docs/trees.md`, with a run of each dialect as `tree` shows it, and what `docs/command-line.md` says
//! about `check`.
//!
//! `UPDATE_DOCS=1 cargo test -p sentry-genai-gateway --test cli docs` rewrites them.

use std::{fmt::Write as _, fs, path::Path};

use sentry_genai_gateway::check::RULES;

use crate::{corpus, run};

/// Titles and files of the corpus.
static RUNS: &[(&str, &str)] = &[
    ("rig", "rust/rig-0.44.0-agent-tools.tracing.json"),
    ("genai", "rust/genai-0.7.2-chat.tracing.json"),
    ("goose", "otlp/goose/subagent.content.json.gz"),
    (
        "OpenTelemetry's instrumentation of OpenAI, first conventions",
        "otlp/otel-openai-v2/async-with-app-parent.v1-content.json.gz",
    ),
    (
        "OpenTelemetry's instrumentation of OpenAI, newest conventions",
        "otlp/otel-genai-openai/async-with-app-parent.content.json.gz",
    ),
    (
        "OpenTelemetry's instrumentation of LangChain",
        "otlp/otel-genai-langchain/lc-agent-tool.event.json.gz",
    ),
    (
        "OpenTelemetry's first instrumentation of OpenAI's agents",
        "otlp/otel-openai-agents-v2/agent-handoff.content.json.gz",
    ),
    (
        "OpenLLMetry, first generation",
        "otlp/traceloop-0.44-langchain/lc-agent-tool.content.json.gz",
    ),
    (
        "OpenLLMetry, second generation",
        "otlp/traceloop-agents/agent-handoff.content.json.gz",
    ),
    (
        "Traceloop's SDK",
        "otlp/traceloop-sdk/sdk-workflow-agent-tool.content.json.gz",
    ),
    (
        "OpenInference",
        "otlp/openinference-openai-agents/agent-handoff.content.json.gz",
    ),
    (
        "OpenInference in smolagents",
        "otlp/openinference-smolagents/model-error.json.gz",
    ),
    (
        "pydantic-ai",
        "otlp/pydantic-ai/agent-delegation.v6.json.gz",
    ),
    (
        "pydantic-ai 1",
        "otlp/pydantic-ai-1.x/agent-tool.v3.json.gz",
    ),
    (
        "Logfire",
        "otlp/logfire-openai-agents/agent-guardrail.json.gz",
    ),
    (
        "Anthropic's SDK",
        "otlp/anthropic-sdk-native/messages-tools.content.json.gz",
    ),
    (
        "Vercel's AI SDK 5",
        "otlp/vercel-ai-v5/agent-tool-loop.json.gz",
    ),
    (
        "Vercel's AI SDK 7",
        "otlp/vercel-ai-v7/agent-tool-loop.json.gz",
    ),
    (
        "Google ADK",
        "otlp/google-adk/agent-transfer.content.json.gz",
    ),
    (
        "LangSmith",
        "otlp/langsmith-otel/lc-agent-multiturn.json.gz",
    ),
    ("Langfuse", "otlp/langfuse-sdk/openai-stream-error.json.gz"),
    ("litellm", "otlp/litellm-otel/stream.content.json.gz"),
    (
        "Microsoft's agent framework",
        "otlp/ms-agent-framework/workflow.content.json.gz",
    ),
    (
        "Semantic Kernel",
        "otlp/semantic-kernel/agent-tool.content.json.gz",
    ),
    ("Mastra", "otlp/mastra-otel-exporter/agent-tool.json.gz"),
    ("MCP", "otlp/mcp-python-sdk/streamable-http.json.gz"),
    (
        "Bedrock by way of botocore",
        "otlp/otel-botocore-bedrock/converse-tools.content.json.gz",
    ),
];

const START: &str = "<!-- trees -->";

#[test]
fn trees_in_the_docs_match_the_output() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/trees.md");
    let page = fs::read_to_string(&path).unwrap();
    let (intro, _) = page.split_once(START).unwrap();

    let mut expected = format!("{intro}{START}\n");
    for (title, file) in RUNS {
        let tree = run(&["tree"], &[corpus(file)]).text();
        let file = format!("tests/corpus/{file}");
        write!(
            expected,
            "\n## {title}\n\n`sentry-genai tree {file}`\n\n```text\n{}\n```\n",
            tree.trim_end()
        )
        .unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/trees.md is out of date; run with UPDATE_DOCS=1"
    );
}

#[test]
fn findings_in_the_docs_match_the_output() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/command-line.md");
    let page = fs::read_to_string(&path).unwrap();
    let file = corpus("otlp/mastra-otel-exporter/llm-error.json.gz");
    let ran = run(&["check"], std::slice::from_ref(&file));
    let findings = String::from_utf8(ran.stdout).unwrap();
    let findings = findings.replace(file.to_str().unwrap(), "llm-error.json.gz");
    assert!(
        page.contains(&format!("```text\n{findings}```")),
        "docs/command-line.md does not show this:\n{findings}"
    );
    for rule in RULES {
        let severity = rule.severity.as_str();
        let row = format!("| `{}` | {severity} | {} |\n", rule.id, rule.message);
        assert!(page.contains(&row), "docs/command-line.md lacks {row}");
    }
}
