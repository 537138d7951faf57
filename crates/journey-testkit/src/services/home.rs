//! The folder that holds a set of servers, and the watchdog that ends them with their owner.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::Process;

/// A data folder outside any clone, whose servers live no longer than this value.
///
/// Dropping it kills every process that has a `*.pid` file in a folder of it and removes everything. If the owner itself
/// is killed, a small watchdog does the same: it holds the other end of a pipe that only the owner has open.
///
/// Servers that were restarted by another command are ended too, because the pid files say who runs now.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    watchdog: Child,
    /// Closing it is the watchdog's signal.
    lifeline: Option<ChildStdin>,
}

impl Home {
    /// Creates an empty folder with a watchdog.
    ///
    /// # Errors
    ///
    /// If the folder or the watchdog cannot be created.
    pub fn new() -> Result<Self> {
        let folder = new_folder()?;
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "journey-watchdog"])
            .arg(folder.path())
            // Ctrl-C reaches the foreground group, and the watchdog must outlive it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the watchdog /bin/sh")?;
        let lifeline = watchdog.stdin.take();
        Ok(Self { folder, watchdog, lifeline })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        kill_all(self.path());
        // The watchdog finds nothing left to kill, removes the folder and exits.
        drop(self.lifeline.take());
        let _ = self.watchdog.wait();
    }
}

/// Creates a folder for servers that outlive this process; whoever stops them removes it.
///
/// # Errors
///
/// If the folder cannot be created.
pub fn detached_folder() -> Result<PathBuf> {
    Ok(new_folder()?.keep())
}

/// Kills every process with a `*.pid` file in a folder below `home`.
pub fn kill_all(home: &Path) {
    for file in pid_files(home) {
        if let Some(process) = Process::from_file(&file) {
            process.kill();
        }
    }
}

/// A folder that user postgres can pass through when we are root.
fn new_folder() -> Result<TempDir> {
    let parent =
        Some(PathBuf::from("/var/tmp")).filter(|folder| folder.is_dir()).unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new()
        .prefix("journey-")
        .tempdir_in(&parent)
        .with_context(|| format!("cannot create a data folder in {}", parent.display()))?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    Ok(folder)
}

fn pid_files(home: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect::<Vec<_>>()
    };
    entries(home)
        .iter()
        .flat_map(|folder| entries(folder))
        .filter(|file| file.extension().is_some_and(|extension| extension == "pid"))
        .collect()
}

/// Waits for the end of its input, then does what the owner would have done.
const WATCHDOG: &str = r#"
while read -r _; do :; done
for file in "$1"/*/*.pid; do
  read -r pid _ < "$file" && kill -s KILL -- "-$pid"
done
rm -rf -- "$1"
"#;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::wait_until;

    fn sleeper(home: &Path) -> Process {
        fs::create_dir(home.join("sleeper")).expect("the home is writable");
        Process::spawn(Command::new("sleep").arg("60"), &home.join("sleeper/server.pid")).expect("sleep runs")
    }

    /// Scenario: the owner drops its home.
    /// Guarantees: the process is dead and the folder gone.
    #[test]
    fn drop_ends_everything() {
        let home = Home::new().expect("a home");
        let (path, process) = (home.path().to_owned(), sleeper(home.path()));
        drop(home);
        assert!(!process.is_alive());
        assert!(!path.exists());
    }

    /// Scenario: the owner vanishes without a word, so that only the pipe's end tells the watchdog.
    /// Guarantees: the watchdog kills the process and removes the folder.
    #[test]
    fn the_watchdog_ends_everything() {
        let mut home = Home::new().expect("a home");
        let (path, process) = (home.path().to_owned(), sleeper(home.path()));
        drop(home.lifeline.take());
        assert!(process.wait_gone(Duration::from_secs(10)));
        assert!(wait_until(Duration::from_secs(10), || !path.exists()));
    }
}
