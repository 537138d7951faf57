//! Installs Debian's packages, with the consent of whoever sits at the terminal.

use std::{
    fmt, fs,
    fs::File,
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use super::{Program, missing, on_path};

/// Whether somebody already agreed to an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Ask, if there is a terminal; without one nobody can be asked, and the command itself is the consent.
    Ask,
    /// `--yes`.
    Given,
}

/// An installation that was agreed upon and may be run.
#[derive(Debug)]
pub struct Installation {
    programs: Vec<Program>,
    rights: Rights,
}

impl Installation {
    /// Finds a way to install the packages of `programs`, and asks once on a terminal.
    ///
    /// # Errors
    ///
    /// If this system has no `apt-get`, the answer is no, or root's rights cannot be had without asking.
    pub fn agree(programs: &[Program], consent: Consent) -> Result<Self> {
        let installation = Self { programs: programs.to_vec(), rights: Rights::Root };
        if on_path("apt-get").is_none() {
            bail!("{}", no_apt(programs));
        }
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        if terminal && consent == Consent::Ask && !ask(&installation)? {
            bail!("nothing was installed; the line to run is: {}", installation.line());
        }
        match Rights::find(terminal) {
            Some(rights) => Ok(Self { rights, ..installation }),
            None => {
                bail!("{installation} must be installed by root; the line to run is: {}", installation.line())
            }
        }
    }

    /// Installs, and returns when the programs are there. What `apt-get` says is kept for the error message.
    ///
    /// # Errors
    ///
    /// If `apt-get` fails, with its last lines, or a program is still missing afterwards.
    pub fn run(self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("apt.log");
        let output = File::create(&log)?;
        let mut command = self.rights.shell();
        command.args(["-c", SCRIPT, "journey-install"]).args(self.packages());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let status = command.status().context("cannot run /bin/sh as root")?;
        if !status.success() {
            bail!("apt-get could not install {self} ({status}):\n{}", tail(&log));
        }
        match missing(&self.programs).first() {
            Some(program) => bail!("{} is installed, but has no {program}", program.package()),
            None => Ok(()),
        }
    }

    fn packages(&self) -> impl Iterator<Item = &'static str> {
        self.programs.iter().map(|program| program.package())
    }

    /// The line that a person runs instead of us.
    fn line(&self) -> String {
        let packages: Vec<_> = self.packages().collect();
        format!("sudo apt-get update && sudo apt-get install --no-install-recommends {}", packages.join(" "))
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages: Vec<_> = self.packages().collect();
        f.write_str(&packages.join(", "))
    }
}

/// By which right we write to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    Root,
    /// `sudo` knows us and asks for no password now.
    Sudo,
}

impl Rights {
    /// On a terminal `sudo` may ask for the password, once and now, before any progress is drawn.
    fn find(terminal: bool) -> Option<Self> {
        if Uid::effective().is_root() {
            return Some(Rights::Root);
        }
        let question = if terminal { ["-v"].as_slice() } else { &["-n", "true"] };
        let granted = Command::new("sudo").args(question).stdout(Stdio::null()).status();
        granted.is_ok_and(|status| status.success()).then_some(Rights::Sudo)
    }

    fn shell(self) -> Command {
        match self {
            Rights::Root => Command::new("/bin/sh"),
            Rights::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "/bin/sh"]);
                command
            }
        }
    }
}

fn ask(installation: &Installation) -> Result<bool> {
    write!(io::stderr(), "Install Debian's packages {installation} with apt-get? [Y/n] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    // The end of input is no agreement.
    let read = io::stdin().lock().read_line(&mut answer)?;
    Ok(read > 0 && is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

fn no_apt(programs: &[Program]) -> String {
    let each: Vec<_> = programs
        .iter()
        .map(|program| format!("{program} (install it, or {})", program.otherwise()))
        .collect();
    format!("missing and not to be had by apt-get on this system: {}", each.join(", "))
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

/// One shell, so that what it changes for the time of the installation is undone however it ends.
const SCRIPT: &str = include_str!("install.sh");
/// Enough of `apt-get`'s words to see what it lacked.
const LINES_SHOWN: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Kind;

    /// Scenario: a person presses Enter, says yes in either case, or anything else.
    /// Guarantees: only agreement installs.
    #[test]
    fn only_yes_is_yes() {
        for (answer, agreed) in
            [("\n", true), ("y\n", true), ("YES\n", true), ("n\n", false), ("what?\n", false)]
        {
            assert_eq!(is_yes(answer), agreed, "{answer:?}");
        }
    }

    /// Scenario: another system, without two of the programs.
    /// Guarantees: one sentence names both programs and the variables that replace them.
    #[test]
    fn another_system_hears_what_is_missing() {
        let sentence = no_apt(&[Kind::Postgres.into(), Kind::RabbitMq.into()]);
        for word in ["postgres", "rabbitmq-server", "JOURNEY_PG_URL", "JOURNEY_AMQP_URL"] {
            assert!(sentence.contains(word), "{sentence}");
        }
        assert_eq!(sentence.lines().count(), 1);
    }

    /// Scenario: the shell reads the installation script without running it.
    /// Guarantees: it has no syntax error.
    #[test]
    fn the_script_is_well_formed() {
        let status = Command::new("/bin/sh").args(["-n", "-c", SCRIPT]).status().expect("there is a shell");
        assert!(status.success());
    }
}
