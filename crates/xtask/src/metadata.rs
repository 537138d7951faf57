//! What cargo says about this workspace.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // `crates/xtask` lies two folders below the root.
    here.ancestors().nth(2).unwrap_or(here)
}

/// The part of `cargo metadata --no-deps` that tasks need.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    features: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let output = cargo::command(&["metadata", "--no-deps", "--format-version=1"])
            .output()
            .context("cannot run cargo")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("cargo metadata answered with something else")
    }

    /// The features of a package, without `default`.
    pub(crate) fn features(&self, package: &str) -> impl Iterator<Item = &str> {
        let package = self.packages.iter().filter(move |candidate| candidate.name == package);
        package
            .flat_map(|package| package.features.keys())
            .map(String::as_str)
            .filter(|&name| name != "default")
    }
}
