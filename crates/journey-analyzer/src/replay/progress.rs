//! A bar on the terminal while files are read. Where standard error is no terminal, nothing is shown.

use std::io::Read;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::input::is_standard_input;

/// The bar.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over the bytes of these files, as they lie on the disk; standard input has no known end.
    pub(super) fn new(files: &[PathBuf]) -> Self {
        let size = |file: &PathBuf| Some(std::fs::metadata(file).ok()?.len());
        let is_endless = files.iter().any(|file| is_standard_input(file));
        let bar = if is_endless {
            ProgressBar::no_length().with_style(style("{spinner} {bytes} read, {bytes_per_sec}"))
        } else {
            let bytes = files.iter().filter_map(size).sum();
            ProgressBar::new(bytes).with_style(style("{wide_bar} {bytes} of {total_bytes}, {eta} left"))
        };
        Self { bar }
    }

    /// Moves the bar with what is read.
    pub(super) fn watch<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well-formed")
}
