//! Counts over the corpus: what is recognised, and what Sentry would read of it.

use std::collections::{BTreeMap, BTreeSet};

use insta::{assert_snapshot, with_settings};
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

#[test]
fn the_corpus_is_recognised_and_readable() {
    let mut libraries: BTreeMap<String, Counts> = BTreeMap::new();
    let mut all = Counts::default();
    let mut problems = Vec::new();
    for capture in corpus() {
        let counts = libraries.entry(capture.library().to_owned()).or_default();
        counts.add(&capture, &mut problems);
        all.add(&capture, &mut Vec::new());
    }
    assert!(problems.is_empty(), "{problems:#?}");
    let mut table = "| library | files | spans | model calls | agents | tools | other AI and MCP | plain | conversation | messages |\n\
        |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, counts) in &libraries {
        table += &counts.row(name);
    }
    table += &all.row("**all**");
    with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        assert_snapshot!("summary", table);
    });
}
