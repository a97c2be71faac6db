//! `sentry-genai tree`

use std::{
    io::{self, Write},
    mem,
};

use clap::Args;
use sentry_genai_gateway::{TranslatedTrace, translate_batch};
use sentry_genai_testkit::{ReceivedSpan, render_transcript, render_tree};

use super::{Failure, Inputs, Outcome, Privacy, client};

/// Shows the spans as Sentry would: a tree with op, model, tokens, cost, duration and status
#[derive(Debug, Args)]
pub(super) struct Tree {
    #[command(flatten)]
    inputs: Inputs,
    /// Show the conversations as well; their messages only with --pii
    #[arg(long)]
    transcript: bool,
    #[command(flatten)]
    privacy: Privacy,
}

impl Tree {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let translator = self.privacy.translator();
        let mut out = io::stdout().lock();
        let mut trees = Trees::of(&self.inputs);
        let unreadable = self.inputs.for_each_file(|file, spans, progress| {
            let spans = received(translate_batch(&translator, spans))?;
            progress.end();
            trees.write(&mut out, file, &spans)?;
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

/// The trees of files, one after the other.
pub(super) struct Trees {
    are_several: bool,
    is_first: bool,
}

impl Trees {
    pub(super) fn of(inputs: &Inputs) -> Self {
        Self {
            are_several: inputs.are_several(),
            is_first: true,
        }
    }

    pub(super) fn write(
        &mut self,
        out: &mut impl Write,
        file: &str,
        spans: &[ReceivedSpan],
    ) -> io::Result<()> {
        if !mem::take(&mut self.is_first) {
            writeln!(out)?;
        }
        if self.are_several {
            writeln!(out, "==> {file} <==")?;
        }
        out.write_all(render_tree(spans).as_bytes())
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
