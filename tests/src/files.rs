//! Reads the corpus, and writes what arrived.

use std::{
    env,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use sentry_genai_testkit::Ingest;

/// Reads the OTLP/JSON of the corpus: the name of each file, such as `library/scenario`, and its text.
pub fn otlp_corpus() -> impl Iterator<Item = (String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/otlp");
    let libraries = sorted_entries(&root).into_iter();
    let files = libraries.flat_map(|library| sorted_entries(&library));
    files.map(move |file| {
        let name = file.strip_prefix(&root).expect("it is below the root");
        let name = name.display().to_string().replace('\\', "/");
        let name = name.trim_end_matches(".json.gz").to_owned();
        (name, read_gzip(&file))
    })
}

/// Reads a text that is compressed with gzip.
pub fn read_gzip(file: &Path) -> String {
    let mut text = String::new();
    let file = File::open(file).expect("the file can be read");
    let read = GzDecoder::new(file).read_to_string(&mut text);
    read.expect("the file is a text compressed with gzip");
    text
}

/// Returns the paths of what a folder contains, in order.
pub fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths
}

/// Writes what crossed the socket to the folder that `SAVE_ENVELOPES` names, for tools that check envelopes. The files are named
/// after `path`, without its last extension.
pub fn save_envelopes(ingest: &Ingest, path: impl AsRef<Path>) {
    let Some(folder) = env::var_os("SAVE_ENVELOPES") else {
        return;
    };
    let name = path.as_ref().file_stem().unwrap_or_default();
    for (number, envelope) in ingest.envelopes().iter().enumerate() {
        let file = format!("{}.{number}.envelope", name.to_string_lossy());
        let file = Path::new(&folder).join(file);
        fs::write(file, &envelope.bytes).expect("the folder can be written to");
    }
}
