//! `sentry-genai translate`

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::{Args, ValueEnum};
use sentry_genai_conventions::TraceId;
use sentry_genai_delivery::wire::Envelopes;
use sentry_genai_gateway::{Client, TranslatedTrace, translate_batch};

use super::{
    Failure, Inputs, Outcome, Privacy, Release, client, print_message,
    tree::{self, Trees},
};

/// Writes the spans as Sentry receives them
#[derive(Debug, Args)]
pub(super) struct Translate {
    #[command(flatten)]
    inputs: Inputs,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Envelope)]
    format: Format,
    #[command(flatten)]
    privacy: Privacy,
    /// Write each trace to DIR/<trace id>.envelope; if it needs several, they are numbered
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The DSN, or its public key, for the header of an envelope
    #[arg(long, value_name = "DSN", default_value = "public")]
    dsn: String,
    #[command(flatten)]
    release: Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentry envelopes, each with spans of one trace
    Envelope,
    /// One span per line
    Json,
    /// The same as the command `tree`
    Tree,
}

impl Translate {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let client = self.release.of(client(&self.dsn)?);
        let mut output = match (self.format, &self.out) {
            (Format::Envelope, Some(folder)) => Output::Folder(Folder::create(folder)?),
            (Format::Envelope, None) => Output::OneEnvelope(None),
            (_, Some(_)) => {
                let message = "--out works only with --format envelope; other formats are written to standard output";
                return Err(Failure::Usage(message.to_owned()));
            }
            (Format::Json, None) => Output::Json,
            (Format::Tree, None) => Output::Trees(Trees::of(&self.inputs)),
        };
        let translator = self.privacy.translator();
        let unreadable = self.inputs.for_each_file(|file, spans, progress| {
            let traces = translate_batch(&translator, spans);
            progress.end();
            output.write(file, traces, &client)
        })?;
        output.finish()?;
        Ok(Outcome::of(&unreadable))
    }
}

/// Where the result goes.
enum Output {
    /// To standard output, once it is certain that there is only one.
    OneEnvelope(Option<Vec<u8>>),
    Folder(Folder),
    Json,
    Trees(Trees),
}

impl Output {
    fn write(
        &mut self,
        file: &str,
        traces: Vec<TranslatedTrace>,
        client: &Client,
    ) -> Result<(), Failure> {
        match self {
            Self::OneEnvelope(envelope) => {
                let encoded = traces.into_iter().map(|trace| encode(&trace, client));
                for bytes in encoded.flat_map(|encoded| encoded.envelopes) {
                    if envelope.replace(bytes).is_some() {
                        let message = "the result has more than one envelope, but only one fits on standard output: \
                                       name a directory for them with --out DIR";
                        return Err(Failure::Usage(message.to_owned()));
                    }
                }
            }
            Self::Folder(folder) => {
                for trace in traces {
                    let envelopes = encode(&trace, client).envelopes;
                    folder.write(trace.trace_id(), envelopes)?;
                }
            }
            Self::Json => {
                let mut out = io::BufWriter::new(io::stdout().lock());
                for json in traces.into_iter().flat_map(|trace| trace.json(client)) {
                    out.write_all(&json)?;
                    out.write_all(b"\n")?;
                }
                out.flush()?;
            }
            Self::Trees(trees) => {
                let spans = tree::received(traces)?;
                trees.write(&mut io::stdout().lock(), file, &spans)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::OneEnvelope(Some(bytes)) => {
                let mut out = io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()?;
            }
            Self::Folder(folder) => folder.remove_stale()?,
            Self::OneEnvelope(None) | Self::Json | Self::Trees(_) => {}
        }
        Ok(())
    }
}

fn encode(trace: &TranslatedTrace, client: &Client) -> Envelopes {
    let encoded = trace.envelopes(client, SystemTime::now());
    if encoded.too_large > 0 {
        print_message(&format_args!(
            "trace {}: dropped {} spans that are larger than an envelope may be",
            trace.trace_id(),
            encoded.too_large
        ));
    }
    encoded
}

/// A folder of envelopes.
struct Folder {
    path: PathBuf,
    /// How many envelopes of a trace have been written.
    written: HashMap<TraceId, usize>,
}

impl Folder {
    fn create(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path).map_err(|error| Failure::File(path.to_owned(), error))?;
        Ok(Self {
            path: path.to_owned(),
            written: HashMap::new(),
        })
    }

    fn write(&mut self, trace_id: TraceId, envelopes: Vec<Vec<u8>>) -> Result<(), Failure> {
        let written = self.written.entry(trace_id).or_default();
        for bytes in envelopes {
            *written += 1;
            let path = self.path.join(envelope_name(trace_id, *written));
            fs::write(&path, bytes).map_err(|error| Failure::File(path, error))?;
        }
        Ok(())
    }

    /// Removes what an earlier run left of the same traces; sending the folder would otherwise send their spans twice.
    fn remove_stale(self) -> Result<(), Failure> {
        let failure = |error| Failure::File(self.path.clone(), error);
        for entry in fs::read_dir(&self.path).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let is_stale = entry
                .file_name()
                .to_str()
                .is_some_and(|name| self.is_stale(name));
            if is_stale && entry.file_type().map_err(failure)?.is_file() {
                let path = entry.path();
                fs::remove_file(&path).map_err(|error| Failure::File(path, error))?;
            }
        }
        Ok(())
    }

    /// Returns whether a file is named like an envelope of a trace of this run, but was not written by it.
    fn is_stale(&self, name: &str) -> bool {
        let Some((trace_id, rest)) = name.split_once('.') else {
            return false;
        };
        let number = match rest.strip_suffix(".envelope") {
            Some(number) => number.parse().ok(),
            None => Some(1),
        };
        let (Some(trace_id), Some(number)) = (TraceId::parse(trace_id), number) else {
            return false;
        };
        let written = self.written.get(&trace_id);
        written.is_some_and(|written| number > *written) && name == envelope_name(trace_id, number)
    }
}

/// The first envelope of a trace is `<trace id>.envelope`, the second `<trace id>.2.envelope`.
fn envelope_name(trace_id: TraceId, number: usize) -> String {
    match number {
        1 => format!("{trace_id}.envelope"),
        number => format!("{trace_id}.{number}.envelope"),
    }
}
