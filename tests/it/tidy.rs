//! What no compiler sees: the shape of the workspace, and that the documents say what the code says.

mod documents;
mod packages;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A text of the workspace, by its path from the root.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of the rows of all tables in a document, without heads and rules.
fn table_rows(markdown: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut lines = markdown.lines().peekable();
    let is_row = |line: &str| line.starts_with('|');
    while let Some(line) = lines.next() {
        let is_rule = line.starts_with("|---");
        let is_head = lines.peek().is_some_and(|next| next.starts_with("|---"));
        if is_row(line) && !is_rule && !is_head {
            rows.push(line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// The texts between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
