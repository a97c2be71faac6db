//! Evaluates the command line.

use std::error::Error;

use crate::{
    USAGE, build_cost,
    callgrind::Valgrind,
    compression, conditions, curves, distant,
    doc::{self, Page},
    driver::Driver,
    figures::Figures,
    gates, guard,
    peers::PeerName,
    profile, scale, table,
    workloads::{Workload, scaled::Axis},
};

type CommandResult = Result<(), Box<dyn Error>>;

pub(crate) fn run(arguments: &[&str]) -> CommandResult {
    match *arguments {
        ["--record"] => guard::record(),
        ["--scale", ref options @ ..] => measure_scale(&Selection::read(options)?),
        ["--plot", path] => curves::draw(&driver()?, path.as_ref()),
        ["--profile", workload, peer] => profile(workload, peer),
        ["--distant"] => {
            print!("{}", distant::measure()?);
            Ok(())
        }
        ["--build-cost"] => {
            print!("{}", build_cost::measure()?);
            Ok(())
        }
        ["--compression", folder] => {
            print!("{}", compression::measure(folder.as_ref())?);
            Ok(())
        }
        ["--doc"] => document(&Section::ALL),
        ["--doc", sections] => document(&list(Some(&sections), Section::named)?),
        ref options => compare(&Selection::read(options)?),
    }
}

/// What is to be measured; `None` stands for the default.
#[derive(Debug, Default)]
struct Selection {
    workloads: Option<Vec<Workload>>,
    peers: Option<Vec<PeerName>>,
    axes: Option<Vec<Axis>>,
    output: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Output {
    #[default]
    Tables,
    Json,
}

impl Selection {
    fn read(options: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut selection = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match *option {
                "--workload" => selection.workloads = Some(list(options.next(), Workload::named)?),
                "--peer" => selection.peers = Some(list(options.next(), PeerName::named)?),
                "--axis" => selection.axes = Some(list(options.next(), Axis::named)?),
                "--json" => selection.output = Output::Json,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(selection)
    }
}

/// A section of the documentation that is written by measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Figures,
    Distant,
    Scale,
    Plot,
    BuildCost,
}

impl Section {
    const ALL: [Self; 5] = [
        Self::Figures,
        Self::Distant,
        Self::Scale,
        Self::Plot,
        Self::BuildCost,
    ];

    fn named(name: &str) -> Option<Self> {
        match name {
            "figures" => Some(Self::Figures),
            "distant" => Some(Self::Distant),
            "scale" => Some(Self::Scale),
            "plot" => Some(Self::Plot),
            "build-cost" => Some(Self::BuildCost),
            _ => None,
        }
    }
}

/// Measures, and rewrites the page. Each section is saved as soon as it is finished.
fn document(sections: &[Section]) -> CommandResult {
    let driver = driver()?;
    for section in sections {
        let mut written = Vec::new();
        match section {
            Section::Figures => {
                let figures = figures(&driver, &Selection::default())?;
                written.push(("conditions", conditions::describe()));
                written.push(("gates", gates::render(&figures)));
                written.push(("figures", table::render(&figures)));
            }
            Section::Distant => written.push(("distant", distant::measure()?)),
            Section::Scale => {
                let points = scale::measure(&driver, &Axis::ALL, &scale::PEERS, |_| Ok(()))?;
                written.push(("scale", scale::render(&points)));
            }
            Section::Plot => curves::draw(&driver, doc::plot_path())?,
            Section::BuildCost => written.push(("build-cost", build_cost::measure()?)),
        }
        // Measuring takes long, and the page may have been edited in the meantime.
        let mut page = Page::open()?;
        for (name, content) in written {
            page.set(name, &content)?;
        }
        page.save()?;
    }
    Ok(())
}

/// Measures workloads and peers.
fn compare(selection: &Selection) -> CommandResult {
    let all = figures(&driver()?, selection)?;
    if selection.output == Output::Tables {
        println!("{}\n", conditions::describe());
        print!("{}{}", gates_of(&all), table::render(&all));
    }
    Ok(())
}

/// Returns the gates under a heading, if anything was measured that a gate applies to.
fn gates_of(all: &[Figures]) -> String {
    let gates = gates::render(all);
    match gates.lines().count() {
        ..=2 => String::new(),
        _ => format!("### Gates\n\n{gates}\n"),
    }
}

fn figures(driver: &Driver, selection: &Selection) -> Result<Vec<Figures>, Box<dyn Error>> {
    let workloads = selection.workloads.as_deref().unwrap_or(&Workload::ALL);
    let peers = selection.peers.as_deref().unwrap_or(&PeerName::ALL);
    let mut all = Vec::new();
    for &workload in workloads {
        for &peer in peers.iter().filter(|peer| peer.takes_part_in(workload)) {
            eprintln!("{} {}", workload.name(), peer.name());
            let figures = driver.figures(workload, peer)?;
            if selection.output == Output::Json {
                println!("{}", serde_json::to_string(&figures)?);
            }
            all.push(figures);
        }
    }
    Ok(all)
}

/// Measures at increasing sizes.
fn measure_scale(selection: &Selection) -> CommandResult {
    let axes = selection.axes.as_deref().unwrap_or(&Axis::ALL);
    let peers = selection.peers.as_deref().unwrap_or(&scale::PEERS);
    let points = scale::measure(&driver()?, axes, peers, |point| {
        if selection.output == Output::Json {
            println!("{}", serde_json::to_string(point)?);
        }
        Ok(())
    })?;
    if selection.output == Output::Tables {
        print!("{}", scale::render(&points));
    }
    Ok(())
}

/// Shows which functions the instructions are spent in.
fn profile(workload: &str, peer: &str) -> CommandResult {
    let workload = Workload::named(workload).ok_or(USAGE)?;
    let peer = PeerName::named(peer).ok_or(USAGE)?;
    print!("{}", profile::render(&driver()?, workload, peer)?);
    Ok(())
}

fn driver() -> Result<Driver, Box<dyn Error>> {
    let valgrind = Valgrind::find();
    if valgrind == Valgrind::Missing {
        eprintln!("valgrind is missing, so there will be no counts of instructions");
    }
    Ok(Driver::new(valgrind)?)
}

fn list<T>(names: Option<&&str>, named: fn(&str) -> Option<T>) -> Result<Vec<T>, Box<dyn Error>> {
    let unknown = |name: &str| format!("there is no {name}\n{USAGE}");
    let names = names.ok_or(USAGE)?.split(',');
    let all = names.map(|name| named(name).ok_or_else(|| unknown(name).into()));
    all.collect()
}
