//! Measures what it takes to compile a program that sends spans to Sentry, this way and others.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use crate::table::{count, write_head, write_row};

/// A program with one span.
struct Program {
    name: &'static str,
    dependencies: &'static str,
    main: &'static str,
}

const TRACING: &str = r#"
tracing = { version = "0.1", default-features = false, features = ["std"] }
tracing-subscriber = { version = "0.3", default-features = false, features = ["registry", "std"] }
"#;

const PROGRAMS: [Program; 2] = [
    Program {
        name: "sentry-genai, default features",
        dependencies: r#"
sentry-genai = { path = "{workspace}/crates/sentry-genai" }
"#,
        main: r#"
    let _sentry = sentry_genai::init(sentry_genai::sentry::ClientOptions::new());
    tracing_subscriber::registry().with(sentry_genai::layer()).init();
"#,
    },
    Program {
        name: "sentry without default features, with opentelemetry, tracing and ureq (with rustls); tracing-opentelemetry",
        dependencies: r#"
sentry = { version = "0.49.5", default-features = false, features = ["opentelemetry", "tracing", "ureq"] }
opentelemetry = "0.32"
opentelemetry_sdk = "0.32"
tracing-opentelemetry = "0.33"
# Its TLS; the feature of sentry would lock reqwest as well.
ureq = { version = "3.1", default-features = false, features = ["rustls"] }
"#,
        main: OVER_OPENTELEMETRY,
    },
];

const OVER_OPENTELEMETRY: &str = r#"
    use opentelemetry::trace::TracerProvider;
    let _sentry = sentry::init(sentry::ClientOptions::new());
    let processor = sentry::integrations::opentelemetry::SentrySpanProcessor::new();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_span_processor(processor).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("program"));
    tracing_subscriber::registry().with(layer).with(sentry::integrations::tracing::ErrorLayer::new()).init();
"#;

/// Builds every program twice from scratch, in both orders, and returns a table.
pub(crate) fn measure() -> Result<String, Box<dyn Error>> {
    let directory = Directory::new()?;
    let mut rows = Vec::new();
    for (index, program) in PROGRAMS.iter().enumerate() {
        let directory = directory.0.join(index.to_string());
        program.write(&directory)?;
        let normal = crates(&directory, "normal")?;
        let all = crates(&directory, "no-dev")?;
        rows.push((program.name, directory, normal, all, Vec::new()));
    }
    for order in [[0, 1], [1, 0]] {
        for index in order {
            let (name, directory, .., seconds) = &mut rows[index];
            eprintln!("building: {name}");
            seconds.push(build(directory)?);
        }
    }
    let mut out = String::new();
    let columns = [
        "crates linked",
        "crates compiled",
        "cold build, s, in this order",
        "in reverse order",
    ];
    write_head(&mut out, "program", columns.map(str::to_owned).to_vec());
    for (name, _, normal, all, seconds) in rows {
        let seconds = seconds.iter().map(|seconds| format!("{seconds:.1}"));
        let cells = [normal, all].map(|crates| count(crates as f64));
        write_row(&mut out, name, cells.into_iter().chain(seconds));
    }
    Ok(out)
}

impl Program {
    fn write(&self, directory: &Path) -> Result<(), Box<dyn Error>> {
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let dependencies = self.dependencies.replace("{workspace}", workspace);
        let manifest = format!(
            "[package]\nname = \"program\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]{dependencies}{TRACING}"
        );
        let main = format!(
            "use tracing_subscriber::prelude::*;\n\nfn main() {{{}    tracing::info_span!(\"chat\").in_scope(|| ());\n}}\n",
            self.main
        );
        fs::create_dir_all(directory.join("src"))?;
        fs::write(directory.join("Cargo.toml"), manifest)?;
        fs::write(directory.join("src/main.rs"), main)?;
        // All programs use the same versions.
        fs::copy(
            format!("{workspace}/Cargo.lock"),
            directory.join("Cargo.lock"),
        )?;
        Ok(())
    }
}

/// Counts the packages that a program depends on, without the program itself.
fn crates(directory: &Path, edges: &str) -> Result<usize, Box<dyn Error>> {
    let output = Command::new("cargo")
        .args(["tree", "--offline", "--prefix", "none", "--edges", edges])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("cargo tree failed".into());
    }
    let tree = String::from_utf8(output.stdout)?;
    let packages = tree.lines().filter_map(|line| line.split(" (").next());
    let packages: BTreeSet<&str> = packages.filter(|line| !line.is_empty()).collect();
    Ok(packages.len().saturating_sub(1))
}

/// Builds with an empty target directory, and returns the seconds it took.
fn build(directory: &Path) -> Result<f64, Box<dyn Error>> {
    let target = directory.join("target");
    let start = Instant::now();
    let status = Command::new("cargo")
        .args(["build", "--offline", "--quiet"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(directory)
        .status()?;
    let seconds = start.elapsed().as_secs_f64();
    fs::remove_dir_all(target)?;
    match status.success() {
        true => Ok(seconds),
        false => Err("cargo build failed".into()),
    }
}

/// A directory that is removed when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self, Box<dyn Error>> {
        let name = format!("sentry-genai-build-cost-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
