//! A server process that leads its own process group, and the file by which later commands find it.
//!
//! A group of its own keeps a terminal's Ctrl-C away from the server, so that its owner stops things in order. The pid
//! file names the process by pid *and* start time: after a reboot the same pid may belong to a stranger.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

/// A process that was started here, or by an earlier command that wrote the same pid file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pid: i32,
    /// Start time in clock ticks since boot, 0 where the system has no `/proc`.
    started_ticks: u64,
}

impl Process {
    /// Starts `command` with no input as leader of a new process group and writes `pid_file`.
    ///
    /// A thread waits for the process, so a dead one is never left behind as a zombie that looks alive.
    ///
    /// # Errors
    ///
    /// If the program cannot be started or the file cannot be written.
    pub fn spawn(command: &mut Command, pid_file: &Path) -> io::Result<Self> {
        let mut child = command.process_group(0).stdin(Stdio::null()).spawn()?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let process = Self { pid, started_ticks: stat(pid).map_or(0, |stat| stat.started_ticks) };
        thread::spawn(move || child.wait());
        fs::write(pid_file, format!("{} {}\n", process.pid, process.started_ticks))?;
        Ok(process)
    }

    /// The process that `pid_file` names, `None` if there is no such file or the process is gone.
    pub fn from_file(pid_file: &Path) -> Option<Self> {
        let text = fs::read_to_string(pid_file).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let process = Self { pid: pid.parse().ok()?, started_ticks: started.parse().ok()? };
        process.is_alive().then_some(process)
    }

    /// Process id, which is also the id of its group.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether this very process still runs; a zombie does not.
    pub fn is_alive(&self) -> bool {
        match stat(self.pid) {
            Some(stat) => stat.state != 'Z' && stat.started_ticks == self.started_ticks,
            None => self.started_ticks == 0 && signal::kill(Pid::from_raw(self.pid), None).is_ok(),
        }
    }

    /// Sends a signal to the leader alone; nothing happens if it is gone.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive() {
            // It may die between the check and the call, which is as good.
            let _ = signal::kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// SIGKILL to the whole group; returns when the leader is gone.
    pub fn kill(&self) {
        if self.is_alive() {
            let _ = signal::killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
        self.wait_gone(KILL_WAIT);
    }

    /// Waits until the process is gone; `false` if it still runs after `patience`.
    pub fn wait_gone(&self, patience: Duration) -> bool {
        wait_until(patience, || !self.is_alive())
    }

    /// Asks by `signal` first and kills what is left after `patience`.
    pub fn stop(&self, signal: Signal, patience: Duration) {
        self.signal(signal);
        if !self.wait_gone(patience) {
            self.kill();
        }
    }
}

/// Asks `done` every 20 ms until it says yes; `false` if it never did within `patience`.
pub fn wait_until(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// The two facts of `/proc/PID/stat` that tell a process from its successor.
struct Stat {
    state: char,
    started_ticks: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.parse().ok()
}

impl FromStr for Stat {
    type Err = io::Error;

    /// Source: proc(5). The program's name is in parentheses and may itself hold blanks and parentheses.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || io::Error::other("unreadable /proc/PID/stat");
        let (_, rest) = text.rsplit_once(") ").ok_or_else(unreadable)?;
        let mut fields = rest.split(' ');
        let state = fields.next().and_then(|field| field.chars().next()).ok_or_else(unreadable)?;
        // Field 22 of all, hence the 19th after the state, which is field 3.
        let started_ticks = fields.nth(18).and_then(|field| field.parse().ok()).ok_or_else(unreadable)?;
        Ok(Self { state, started_ticks })
    }
}

const POLL: Duration = Duration::from_millis(20);
/// SIGKILL takes effect at once, except while the kernel finishes a write.
const KILL_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a process is found again by its pid file, killed, and its pid file read once more.
    /// Guarantees: `from_file` finds the living process and never a dead one.
    #[test]
    fn found_by_file_until_killed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("server.pid");
        let started = Process::spawn(Command::new("sleep").arg("60"), &file).expect("sleep runs");
        let found = Process::from_file(&file).expect("it lives");
        assert_eq!(found, started);
        found.kill();
        assert_eq!(Process::from_file(&file), None);
    }

    /// Scenario: the pid of a dead server was given to another process.
    /// Guarantees: a process with another start time is no match, so it is never killed by mistake.
    #[test]
    fn a_reused_pid_is_a_stranger() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("server.pid");
        fs::write(&file, format!("{} 1\n", std::process::id())).expect("the folder is writable");
        assert_eq!(Process::from_file(&file), None);
    }

    /// Scenario: a program whose name holds a blank and a parenthesis.
    /// Guarantees: state and start time are read from the right fields.
    #[test]
    fn odd_program_names_are_read() {
        let line = "7 (a) b) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        let stat: Stat = line.parse().expect("a stat line");
        assert_eq!((stat.state, stat.started_ticks), ('S', 4242));
    }
}
