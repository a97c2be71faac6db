//! Counts over the corpus: what is recognised, and what Sentry would read of it.

use std::collections::{BTreeMap, BTreeSet};

use sentry_genai_conventions::{AiKind, SentrySpan};

use crate::{Capture, corpus, transcript, translator};

#[derive(Default)]
struct Counts {
    files: usize,
    spans: usize,
    calls: usize,
    agents: usize,
    tools: usize,
    others: usize,
    plain: usize,
    with_conversation: usize,
    could_have_conversation: usize,
    messages: usize,
    readable: usize,
}

impl Counts {
    fn add(&mut self, capture: &Capture, problems: &mut Vec<String>) {
        self.files += 1;
        let translator = translator();
        let identified: BTreeSet<_> = capture
            .spans
            .iter()
            .filter(|span| {
                let identity = translator.identify(span);
                identity.conversation_id.is_some()
                    || (identity.is_gen_ai && identity.session_id.is_some())
            })
            .map(|span| span.trace_id)
            .collect();
        for span in capture.traces().iter().flatten() {
            self.spans += 1;
            match span.ai {
                Some(AiKind::LlmCall) => self.calls += 1,
                Some(AiKind::Agent) => self.agents += 1,
                Some(AiKind::Tool) => self.tools += 1,
                Some(_) => self.others += 1,
                None if span.op.starts_with("mcp.") => self.others += 1,
                None => self.plain += 1,
            }
            if span.ai.is_some() && identified.contains(&span.trace_id) {
                self.could_have_conversation += 1;
                if span.attributes.contains("gen_ai.conversation.id") {
                    self.with_conversation += 1;
                } else {
                    problems.push(format!(
                        "{}: {} has no conversation",
                        capture.name, span.name
                    ));
                }
            }
            self.read_messages(capture, span, problems);
        }
    }

    fn read_messages(&mut self, capture: &Capture, span: &SentrySpan, problems: &mut Vec<String>) {
        for (key, is_output) in [
            ("gen_ai.input.messages", false),
            ("gen_ai.output.messages", true),
        ] {
            let Some(json) = span.attributes.text(key) else {
                continue;
            };
            self.messages += 1;
            let found = transcript::problems(json, is_output);
            if found.is_empty() {
                self.readable += 1;
            }
            for problem in found {
                problems.push(format!("{}: {} {key}: {problem}", capture.name, span.name));
            }
        }
    }

    fn row(&self, name: &str) -> String {
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {}/{} | {}/{} |\n",
            self.files,
            self.spans,
            self.calls,
            self.agents,
            self.tools,
            self.others,
            self.plain,
            self.with_conversation,
            self.could_have_conversation,
            self.readable,
            self.messages,
        )
    }
}

/// What a library's spans provide to Sentry, by the attributes that provide it.
static CAPABILITIES: &[(&str, &[&str])] = &[
    (
        "messages",
        &["gen_ai.input.messages", "gen_ai.output.messages"],
    ),
    ("system", &["gen_ai.system_instructions"]),
    ("tool definitions", &["gen_ai.tool.definitions"]),
    ("tool input and output", &["gen_ai.tool.call.arguments"]),
    ("tokens", &["gen_ai.usage.input_tokens"]),
    ("cached", &["gen_ai.usage.cache_read.input_tokens"]),
    ("reasoning", &["gen_ai.usage.reasoning.output_tokens"]),
    ("cost", &["gen_ai.cost.total_tokens"]),
    ("finish reasons", &["gen_ai.response.finish_reasons"]),
    ("streaming", &["gen_ai.response.streaming"]),
    ("first chunk", &["gen_ai.response.time_to_first_chunk"]),
    ("conversation", &["gen_ai.conversation.id"]),
    ("agent", &["gen_ai.agent.name"]),
    ("user", &["user.id"]),
    ("error type", &["error.type"]),
];

fn capabilities(libraries: &BTreeMap<String, BTreeSet<&str>>) -> String {
    let mut table = "| library |".to_owned();
    for (name, _) in CAPABILITIES {
        table += &format!(" {name} |");
    }
    table += "\n|---|";
    table += &"---|".repeat(CAPABILITIES.len());
    table.push('\n');
    for (library, found) in libraries {
        table += &format!("| {library} |");
        for (name, _) in CAPABILITIES {
            table += if found.contains(name) { " yes |" } else { " |" };
        }
        table.push('\n');
    }
    table
}

/// These tables are in the guide; `SAVE_TABLES` names a file to write them to.
#[test]
fn the_corpus_is_recognised_and_readable() {
    let mut libraries: BTreeMap<String, Counts> = BTreeMap::new();
    let mut capable: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut all = Counts::default();
    let mut problems = Vec::new();
    for capture in corpus() {
        let counts = libraries.entry(capture.library().to_owned()).or_default();
        counts.add(&capture, &mut problems);
        all.add(&capture, &mut Vec::new());
        let found = capable.entry(capture.library().to_owned()).or_default();
        for span in capture.traces().iter().flatten() {
            let has = |keys: &[&str]| keys.iter().any(|key| span.attributes.contains(key));
            let names = CAPABILITIES.iter().filter(|(_, keys)| has(keys));
            found.extend(names.map(|(name, _)| *name));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    let mut counts = "| library | files | spans | model calls | agents | tools | other AI and MCP | plain | conversation | messages |\n\
        |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, library) in &libraries {
        counts += &library.row(name);
    }
    counts += &all.row("**all**");
    let capabilities = capabilities(&capable);
    if let Some(file) = std::env::var_os("SAVE_TABLES") {
        std::fs::write(file, format!("{counts}\n{capabilities}")).unwrap();
    }
    let guide = include_str!("../../../docs/dialects.md");
    assert!(
        guide.contains(&counts),
        "docs/dialects.md does not say\n{counts}"
    );
    assert!(
        guide.contains(&capabilities),
        "docs/dialects.md does not say\n{capabilities}"
    );
}
