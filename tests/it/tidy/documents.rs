//! The documents: names that code and documents share are the same on both sides.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use journey_model::attribute;

use super::{quoted, root, table_rows, text};

/// Scenario: the own attributes of the registry, and the tables of `docs/attributes.md`.
/// Guarantees: the same keys stand in both.
#[test]
fn attributes_are_documented() {
    let documented: BTreeSet<String> =
        table_rows(&text("docs/attributes.md")).iter().map(|row| quoted(&row[0]).concat()).collect();
    assert_eq!(documented, attribute::OWN.iter().map(|key| (*key).to_owned()).collect());
}

/// Scenario: the analyzer's metrics, and `docs/operations.md`.
/// Guarantees: the same names stand in both.
#[test]
fn metrics_are_documented() {
    let code = words(&text("crates/journey-analyzer/src/telemetry.rs"), '"', "journey_analyzer_");
    let documented = words(&text("docs/operations.md"), '`', "journey_analyzer_");
    assert!(!code.is_empty(), "the constants are found");
    assert_eq!(documented, code);
}

/// Scenario: every variable `JOURNEY_*` that a program or a test of ours reads, and `docs/operations.md` (programs and
/// tests) with `docs/environment.md` (services).
/// Guarantees: the same names stand on both sides.
#[test]
fn variables_are_documented() {
    let mut read = BTreeSet::new();
    for folder in ["crates", "examples"] {
        for file in sources(&root().join(folder)) {
            read.extend(words(&fs::read_to_string(file).unwrap(), '"', "JOURNEY_"));
        }
    }
    // The analyzer derives most of its names from its keys; its module docs list them.
    read.extend(words(&text("crates/journey-analyzer/src/config.rs"), '`', "JOURNEY_"));
    let document = text("docs/operations.md") + &text("docs/environment.md");
    let documented: BTreeSet<String> =
        quoted_words(&document).filter(|word| word.starts_with("JOURNEY_")).collect();
    assert_eq!(documented, read);
}

/// Scenario: the variables `OTEL_*` that init reads or knows to have no effect, and `docs/environment.md`.
/// Guarantees: the document names no variable that init does not know.
#[test]
fn environment_is_true() {
    let known = words(&text("crates/journey/src/config/variables.rs"), '"', "OTEL_");
    let document = text("docs/environment.md");
    let mut named = quoted_words(&document).filter(|word| word.starts_with("OTEL_"));
    // Those of the exporter are put together from a prefix and a suffix.
    let unknown: Vec<String> = named
        .by_ref()
        .filter(|name| {
            !name.starts_with("OTEL_EXPORTER_OTLP_") && !name.ends_with('_') && !known.contains(name)
        })
        .collect();
    assert_eq!(unknown, [""; 0]);
    assert!(known.len() > 20, "the table is found");
}

/// Scenario: the links between our documents.
/// Guarantees: each leads to a file or folder that exists.
#[test]
fn links_lead_somewhere() {
    let mut documents = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    documents.extend(files(&root().join("docs"), "md"));
    for document in documents {
        let markdown = fs::read_to_string(&document).unwrap();
        for link in markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            let is_ours = !path.is_empty() && !link.contains("://");
            let target = document.parent().unwrap().join(path);
            assert!(!is_ours || target.exists(), "{}: {link}", document.display());
        }
    }
}

/// The names that begin with `prefix` and stand alone between two marks.
fn words(text: &str, mark: char, prefix: &str) -> BTreeSet<String> {
    let is_name = |word: &&str| {
        word.starts_with(prefix)
            && word.len() > prefix.len()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split(mark).filter(is_name).map(str::to_owned).collect()
}

/// The first words between backticks, so that `NAME=value` counts as `NAME`.
fn quoted_words(markdown: &str) -> impl Iterator<Item = String> {
    let is_name = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    quoted(markdown).into_iter().map(move |text| text.chars().take_while(|letter| is_name(*letter)).collect())
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

/// All files of this kind in a folder and the folders in it.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|known| known == extension) {
            found.push(path);
        }
    }
    found
}
