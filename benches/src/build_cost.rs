//! Measures what it takes to compile a program that sends spans to Sentry, this way and others.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
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

/// Builds every program from scratch, in the dev and in the release profile, and returns a table.
pub(crate) fn measure() -> Result<String, Box<dyn Error>> {
    let directory = Directory::new()?;
    let mut rows = Vec::new();
    for (index, program) in PROGRAMS.iter().enumerate() {
        let directory = directory.0.join(index.to_string());
        program.write(&directory)?;
        let normal = crates(&directory, "normal")?;
        let all = crates(&directory, "no-dev")?;
        eprintln!("building: {}", program.name);
        let dev = build(&directory, "dev")?;
        let release = build(&directory, "release")?;
        let figures = [dev.seconds, release.seconds, release.bytes as f64 / 1e6];
        rows.push((program.name, [normal, all], figures));
    }
    let mut out = String::new();
    let columns = [
        "crates linked",
        "crates compiled",
        "dev build, CPU s",
        "release build, CPU s",
        "release binary, MB",
    ];
    write_head(&mut out, "program", columns.map(str::to_owned).to_vec());
    for (name, crates, figures) in rows {
        let crates = crates.map(|crates| count(crates as f64));
        let figures = figures.map(|figure| format!("{figure:.1}"));
        write_row(&mut out, name, crates.into_iter().chain(figures));
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

struct Build {
    /// The time of all processors, which depends little on what else the machine does.
    seconds: f64,
    /// The size of the program.
    bytes: u64,
}

/// Builds with an empty target directory.
fn build(directory: &Path, profile: &str) -> Result<Build, Box<dyn Error>> {
    let target = directory.join("target");
    let before = cpu_time_of_children()?;
    let status = Command::new("cargo")
        .args(["build", "--offline", "--quiet", "--profile", profile])
        .env("CARGO_TARGET_DIR", &target)
        // Cargo does not compile dependencies from a registry incrementally, as it would those of a workspace.
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "true")
        .current_dir(directory)
        .status()?;
    let seconds = cpu_time_of_children()? - before;
    if !status.success() {
        return Err("cargo build failed".into());
    }
    let folder = if profile == "dev" { "debug" } else { profile };
    let program = format!("program{}", env::consts::EXE_SUFFIX);
    let bytes = fs::metadata(target.join(folder).join(program))?.len();
    fs::remove_dir_all(target)?;
    Ok(Build { seconds, bytes })
}

/// Returns the seconds that all processes took which this one has started, and which have ended.
fn cpu_time_of_children() -> Result<f64, Box<dyn Error>> {
    /// Where the fields are, counted from the one behind the name, which may have spaces.
    const USER: usize = 13;
    const TICKS_PER_SECOND: f64 = 100.0;

    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name")?;
    let fields = fields.split_whitespace().skip(USER).take(2);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// A directory that is removed when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self, Box<dyn Error>> {
        let name = format!("sentry-genai-build-cost-{}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
