//! `sentry-genai tree`

use std::io::{self, Write as _};

use clap::Args;
use sentry_genai_gateway::{TranslatedTrace, translate_batch};
use sentry_genai_testkit::{ReceivedSpan, render_transcript, render_tree};

use super::{Failure, Inputs, Outcome, Privacy, client};

/// Shows the spans as Sentry would: a tree with op, model, tokens, cost, duration and status
#[derive(Debug, Args)]
pub(super) struct Tree {
    #[command(flatten)]
    inputs: Inputs,
    /// Show the conversations, too; without --pii they have no words
    #[arg(long)]
    transcript: bool,
    #[command(flatten)]
    privacy: Privacy,
}

impl Tree {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let translator = self.privacy.translator();
        let mut out = io::stdout().lock();
        let mut is_first = true;
        let unreadable = self.inputs.each(|file, spans, progress| {
            let spans = received(translate_batch(&translator, spans))?;
            progress.end();
            if !std::mem::take(&mut is_first) {
                writeln!(out)?;
            }
            if self.inputs.are_several() {
                writeln!(out, "==> {file} <==")?;
            }
            out.write_all(render_tree(&spans).as_bytes())?;
            if self.transcript {
                let transcript = render_transcript(&spans);
                if !transcript.is_empty() {
                    write!(out, "\n{transcript}")?;
                }
            }
            Ok(())
        })?;
        out.flush()?;
        Ok(Outcome::of(&unreadable))
    }
}

/// Reads the spans back from what would be sent.
pub(super) fn received(traces: Vec<TranslatedTrace>) -> Result<Vec<ReceivedSpan>, Failure> {
    let client = client("public")?;
    let mut received = Vec::new();
    for trace in traces {
        for json in trace.json(&client) {
            let json = serde_json::from_slice(&json).map_err(io::Error::from)?;
            received.extend(ReceivedSpan::from_json(&json));
        }
    }
    Ok(received)
}
