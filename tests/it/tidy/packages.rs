//! The packages: what they may depend on, and what each must have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use super::{quoted, root, table_rows, text};

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml"));
    // Without it cargo would download the crates of every other platform.
    command.other_options(["--filter-platform".to_owned(), "host-tuple".to_owned()]);
    command.exec().unwrap()
}

/// The packages that ship or show something; the tests may use everything.
fn packages(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.workspace_packages().into_iter().filter(|package| package.name != env!("CARGO_PKG_NAME"))
}

/// Own packages that this one needs when it is built, not only when it is tested.
fn arrows(package: &Package) -> BTreeSet<String> {
    let needed = package
        .dependencies
        .iter()
        .filter(|needed| needed.path.is_some() && needed.kind != DependencyKind::Development);
    needed.map(|needed| needed.name.clone()).collect()
}

/// Scenario: the dependencies between our packages, and the table of `docs/architecture.md`.
/// Guarantees: every package has a row, every row a package, and no arrow is missing from its row.
#[test]
fn arrows_are_those_of_the_table() {
    let document = text("docs/architecture.md");
    let (_, section) = document.split_once("## Allowed arrows").expect("the document has this section");
    let (section, _) = section.split_once("\n## ").expect("another section follows");
    let allowed: BTreeMap<String, BTreeSet<String>> = table_rows(section)
        .iter()
        .map(|row| (quoted(&row[0]).concat(), quoted(&row[1]).into_iter().collect()))
        .collect();
    let metadata = metadata();
    let names: BTreeSet<String> = packages(&metadata).map(|package| package.name.to_string()).collect();
    assert_eq!(allowed.keys().cloned().collect::<BTreeSet<_>>(), names);
    for package in packages(&metadata) {
        let forbidden: Vec<_> =
            arrows(package).into_iter().filter(|to| !allowed[package.name.as_str()].contains(to)).collect();
        assert!(forbidden.is_empty(), "{} may not depend on {forbidden:?}", package.name);
    }
}

/// Scenario: files that the example services share by copy, so that a reader can take one folder whole.
/// Guarantees: the copies are the same to the letter.
#[test]
fn copies_in_the_examples_are_equal() {
    const COPIES: &[&[&str]] = &[
        &["crm-api/src/database.rs", "mes-api/src/database.rs", "shop-api/src/database.rs"],
        &["crm-api/src/server.rs", "mes-api/src/server.rs", "shop-api/src/server.rs"],
        &["crm-api/src/inbox.rs", "mes-api/src/inbox.rs"],
        &["mes-api/src/pricing/stl_head.rs", "shop-api/src/stl_head.rs"],
        &["crm-api/.clippy.toml", "mes-api/.clippy.toml", "shop-api/.clippy.toml", "quickstart/.clippy.toml"],
    ];
    for copies in COPIES {
        let original = text(&format!("examples/{}", copies[0]));
        for copy in &copies[1..] {
            assert!(text(&format!("examples/{copy}")) == original, "{copy} differs from {}", copies[0]);
        }
    }
}

/// Scenario: what both clients write into the headers of a request. A home for it would need `http` in `journey-trace`.
/// Guarantees: the copies are the same to the letter.
#[test]
fn both_clients_write_the_same_headers() {
    let of = |package: &str| text(&format!("crates/{package}/headers.rs"));
    assert!(of("journey-tower/src/client") == of("journey-reqwest/src"), "the copies differ");
}

/// Scenario: each package of the workspace.
/// Guarantees: it has a README, the lints of the workspace, and a folder of its own name.
#[test]
fn each_package_is_complete() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let folder = package.manifest_path.parent().unwrap();
        assert!(folder.join("README.md").is_file(), "{} has no README.md", package.name);
        assert_eq!(folder.file_name(), Some(package.name.as_str()), "the folder is named after the package");
    }
    for package in metadata.workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", package.name);
    }
}

/// Scenario: everything that engine, vocabulary and OTLP reader are built from.
/// Guarantees: no runtime, no client and no database is among it.
#[test]
fn the_deciding_code_does_no_io() {
    let metadata = metadata();
    for name in ["journey-detect", "journey-model", "journey-otlp"] {
        let package = packages(&metadata).find(|package| package.name == name).unwrap();
        let below = all_below(&metadata, &package.id);
        for forbidden in ["lapin", "reqwest", "sqlx", "sqlx-core", "tokio"] {
            assert!(!below.contains(forbidden), "{name} reaches {forbidden}");
        }
    }
}

/// Names of all packages below this one, dev-dependencies left out.
fn all_below<'m>(metadata: &'m Metadata, package: &PackageId) -> BTreeSet<&'m str> {
    let nodes = &metadata.resolve.as_ref().expect("dependencies were resolved").nodes;
    let mut below = BTreeSet::new();
    let mut open = vec![package];
    while let Some(id) = open.pop() {
        let node = nodes.iter().find(|node| node.id == *id).expect("every package has a node");
        for needed in &node.deps {
            let is_built = needed.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if is_built && below.insert(metadata[&needed.pkg].name.as_str()) {
                open.push(&needed.pkg);
            }
        }
    }
    below
}

/// Scenario: the files under version control.
/// Guarantees: only what belongs there lies at the top level.
#[test]
fn the_top_level_is_short() {
    if !root().join(".git").exists() {
        return; // An archive of the sources: what else lies in its folder is its owner's business.
    }
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let entries: BTreeSet<&str> = listed
        .split('\0')
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(entries.contains("crates"), "git lists the files");
    let unexpected: Vec<_> =
        entries.into_iter().filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?} may not lie at the top level");
}

const TOP_LEVEL: [&str; 10] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "docs",
    "examples",
    "tests",
];
