//! Follows the links between the pages of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages: Vec<_> = ["", "crates/*", "docs", "docs/design", "tests/corpus"]
        .iter()
        .flat_map(|folder| pages_in(&root, folder))
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    for page in &pages {
        let text = prose(page);
        for target in text.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                file => page.with_file_name(file),
            };
            assert!(file.exists(), "{}: {target}", page.display());
            let is_heading = |line: &str| line.starts_with('#') && anchor(line) == heading;
            let is_known = heading.is_empty() || prose(&file).lines().any(is_heading);
            assert!(is_known, "{}: {target}", page.display());
        }
    }
}

/// Finds the pages directly in a folder, or in all folders at the place of a `*`.
fn pages_in(root: &Path, folder: &str) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.flatten().map(|entry| entry.path()).collect()
    };
    let folders = match folder.strip_suffix('*') {
        Some(parent) => entries(&root.join(parent)),
        None => vec![root.join(folder)],
    };
    let pages = folders.iter().flat_map(|folder| entries(folder));
    pages
        .filter(|page| page.extension().is_some_and(|it| it == "md"))
        .collect()
}

/// Returns a page without its blocks of code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).expect("a page");
    text.split("```").step_by(2).collect()
}

/// Returns what links to a heading end in.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ => letter.is_alphanumeric().then_some(letter),
    });
    kept.collect()
}
