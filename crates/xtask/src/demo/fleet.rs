//! The programs of the demo: built, started, killed, started again, and stopped.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use journey_testkit::process::Process;
use nix::sys::signal::Signal;
use reqwest::Client;
use tokio::time::{Instant, sleep};

use super::{
    analyzer_config,
    api::Urls,
    databases::Databases,
    settings::{Ports, Settings, http},
};
use crate::{cargo, interrupt::Interrupt, metadata::Metadata, parts::Parts};

/// A program of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Analyzer,
    Crm,
    Mes,
    Relay,
    Shop,
}

impl Program {
    /// In the order in which they start: whoever is called comes before its callers.
    pub(crate) const ALL: [Program; 5] =
        [Program::Relay, Program::Analyzer, Program::Mes, Program::Crm, Program::Shop];

    /// The name of its log, and the word for a person.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Program::Analyzer => "analyzer",
            Program::Crm => "crm-api",
            Program::Mes => "mes-api",
            Program::Relay => "relay",
            Program::Shop => "shop-api",
        }
    }

    const fn binary(self) -> &'static str {
        match self {
            Program::Analyzer => "journey-analyzer",
            Program::Relay => "journey-bridge",
            Program::Crm | Program::Mes | Program::Shop => self.name(),
        }
    }

    /// Answers 200 when it serves.
    const fn ready_path(self) -> &'static str {
        match self {
            Program::Analyzer | Program::Crm | Program::Mes | Program::Shop => "/healthz",
            Program::Relay => "/readyz",
        }
    }
}

/// All programs of one demo, each with its port, its settings and its log.
#[derive(Debug)]
pub(crate) struct Fleet {
    binaries: PathBuf,
    logs: PathBuf,
    members: Vec<Member>,
    urls: Urls,
    client: Client,
}

#[derive(Debug)]
struct Member {
    program: Program,
    port: u16,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// Holds the pid file; dies with the servers' home.
    folder: PathBuf,
}

/// Builds all programs.
pub(crate) fn build(interrupt: &Interrupt) -> Result<()> {
    // All of the workspace, so that `cargo xtask test` finds the same libraries built.
    cargo::run(&mut cargo::command(&["build", "--workspace", "--bins"]), interrupt)
}

impl Fleet {
    /// Chooses ports, writes the analyzer's configuration, and starts nothing.
    ///
    /// `spans_to` is the collector of ordinary spans, `mes_workers` how many calculations MES does at a time.
    pub(crate) fn prepare(
        parts: &Parts,
        databases: &Databases,
        spans_to: &str,
        environment: &str,
        mes_workers: u32,
    ) -> Result<Self> {
        let target = Metadata::load()?.target_directory;
        let logs = target.join("xtask/demo");
        let _ = fs::remove_dir_all(&logs);
        fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        let ports = Ports::free()?;
        let files = parts.home().path().join("files");
        fs::create_dir(&files)?;
        let settings = Settings {
            parts,
            databases,
            ports: &ports,
            spans_to,
            files: files.display().to_string(),
            mes_workers,
        };
        let members = Program::ALL
            .into_iter()
            .map(|program| {
                let folder = parts.home().path().join(program.name());
                fs::create_dir(&folder)?;
                Ok(Member {
                    program,
                    port: ports.of(program),
                    arguments: settings.arguments(program),
                    environment: settings.environment(program),
                    folder,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let analyzer = parts.home().path().join(Program::Analyzer.name());
        analyzer_config::write(&analyzer, parts, ports.analyzer, ports.otlp, environment)?;
        let urls = settings.urls();
        Ok(Self { binaries: target.join("debug"), logs, members, urls, client: Client::new() })
    }

    /// Base URLs of the three services.
    pub(crate) fn service_urls(&self) -> Urls {
        self.urls.clone()
    }

    /// The address of a program.
    pub(crate) fn url(&self, program: Program) -> String {
        http(self.member(program).port)
    }

    /// Where the programs log, a file each.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    /// The file of a program.
    pub(crate) fn binary(&self, program: Program) -> PathBuf {
        self.binaries.join(program.binary())
    }

    /// Starts a program and waits until it serves.
    pub(crate) async fn start(&self, program: Program) -> Result<()> {
        let member = self.member(program);
        let log = File::options().create(true).append(true).open(self.log(program))?;
        let mut command = Command::new(self.binary(program));
        // What the caller's shell says to a service or an analyzer is not meant for these.
        for (name, _) in env::vars_os() {
            if OURS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        // The last lines of a log tell the error, not where it was made.
        command.env("RUST_LIB_BACKTRACE", "0");
        command.args(&member.arguments).envs(member.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&member.folder).stdout(log.try_clone()?).stderr(log);
        let process = Process::spawn(&mut command, &member.pid_file())
            .with_context(|| format!("cannot start {}", self.binary(program).display()))?;
        let deadline = Instant::now() + READY_TIME_MAX;
        let ready = format!("{}{}", self.url(program), program.ready_path());
        loop {
            if self.client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if !process.is_alive() || Instant::now() >= deadline {
                bail!("{} does not serve; its log ends with:\n{}", program.name(), self.last_words(program));
            }
            sleep(POLL).await;
        }
    }

    /// The running process of a program.
    pub(crate) fn process(&self, program: Program) -> Result<Process> {
        Process::from_file(&self.member(program).pid_file()).with_context(|| {
            format!("{} is gone; its log ends with:\n{}", program.name(), self.last_words(program))
        })
    }

    /// Asks all programs to end and waits for them; what is left after a while is killed.
    ///
    /// First the services, which still have something to tell, then those that they tell it.
    pub(crate) fn stop(&self) {
        for wave in
            [&[Program::Shop, Program::Crm, Program::Mes][..], &[Program::Relay], &[Program::Analyzer]]
        {
            let pid_files = wave.iter().map(|&program| self.member(program).pid_file());
            let running: Vec<_> = pid_files.filter_map(|file| Process::from_file(&file)).collect();
            for process in &running {
                process.signal(Signal::SIGTERM);
            }
            for process in &running {
                process.stop(Signal::SIGTERM, STOP_TIME_MAX);
            }
        }
    }

    fn member(&self, program: Program) -> &Member {
        let mut members = self.members.iter();
        members.find(|member| member.program == program).expect("prepare makes a member of every program")
    }

    fn log(&self, program: Program) -> PathBuf {
        self.logs.join(format!("{}.log", program.name()))
    }

    fn last_words(&self, program: Program) -> String {
        let text = fs::read(self.log(program)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

// === impl Member ===

impl Member {
    fn pid_file(&self) -> PathBuf {
        self.folder.join("server.pid")
    }
}

/// Prefixes of variables that services, relay and analyzer read.
const OURS: [&str; 3] = ["JOURNEY_", "MES_", "OTEL_"];
/// A service migrates its database first, on a machine that may be busy.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);
const LAST_LINES: usize = 15;
