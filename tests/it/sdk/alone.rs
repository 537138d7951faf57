//! Tests that need a process of their own.

use std::process::{Command, Output};

/// Runs `body` in a process of its own: init sets the tracer and the log of the whole process. Gives what that
/// process printed; `None` inside of it.
pub(crate) fn alone(body: impl FnOnce()) -> Option<Printed> {
    alone_with(&[], body)
}

/// The same, with these variables in its environment.
pub(crate) fn alone_with(variables: &[(&str, &str)], body: impl FnOnce()) -> Option<Printed> {
    if std::env::var_os(MARK).is_some() {
        body();
        return None;
    }
    let this_test = std::thread::current().name().expect("a test's thread has its name").to_owned();
    let output = Command::new(std::env::current_exe().expect("this binary has a path"))
        .args([this_test.as_str(), "--exact", "--nocapture"])
        .env(MARK, "1")
        .envs(variables.iter().copied())
        .output()
        .expect("this binary runs again");
    let printed = Printed::of(&output);
    assert!(output.status.success(), "{this_test} failed in its own process:\n{}", printed.0);
    Some(printed)
}

/// What a process wrote to its error output.
pub(crate) struct Printed(String);

impl Printed {
    fn of(output: &Output) -> Self {
        let errors = String::from_utf8_lossy(&output.stderr);
        Self(format!("{errors}{}", String::from_utf8_lossy(&output.stdout)))
    }

    /// The lines with this text.
    pub(crate) fn lines(&self, text: &str) -> Vec<&str> {
        self.0.lines().filter(|line| line.contains(text)).collect()
    }

    /// Number of lines with this text.
    pub(crate) fn lines_with(&self, text: &str) -> usize {
        self.lines(text).len()
    }
}

/// Set in the process of one test.
const MARK: &str = "JOURNEY_TEST_ALONE";
