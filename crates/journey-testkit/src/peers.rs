//! Services of other languages that tests talk to, and the libraries they are written with.
//!
//! The libraries come from PyPI and npm in the versions of the lock files that lie beside the programs. They are
//! installed into a folder below cargo's target directory, and again only when a lock file or the interpreter changes.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};

use crate::env_url::services_required;

/// The language of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Runs on Node.js; needs `node` and `npm`.
    JavaScript,
    /// Needs `python3` with its module `venv`.
    Python,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 2] = [Language::JavaScript, Language::Python];

    /// The word for it in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Language::JavaScript => "JavaScript",
            Language::Python => "Python",
        }
    }

    const fn interpreter(self) -> &'static str {
        match self {
            Language::JavaScript => "node",
            Language::Python => "python3",
        }
    }

    const fn lock_file(self) -> &'static str {
        match self {
            Language::JavaScript => "package-lock.json",
            Language::Python => "requirements.txt",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Language::JavaScript => "peer.js",
            Language::Python => "peer.py",
        }
    }
}

/// The program of a peer in `tests/peers`, and the place of its libraries.
#[derive(Debug)]
pub struct Peer {
    language: Language,
    sources: PathBuf,
    libraries: PathBuf,
}

impl Peer {
    /// The peer whose program and lock file lie in `sources`, and whose libraries belong below `folder`.
    pub fn new(language: Language, sources: impl Into<PathBuf>, folder: &Path) -> Self {
        let libraries = folder.join("peers").join(language.interpreter());
        Self { language, sources: sources.into(), libraries }
    }

    /// The peer if a test can run it. `None` means that the caller skips its test.
    ///
    /// # Panics
    ///
    /// If its libraries cannot be installed while `JOURNEY_REQUIRE_SERVICES=1`; without it nothing is installed.
    pub fn ready(self) -> Option<Self> {
        if services_required() {
            self.install().unwrap_or_else(|error| panic!("no test may be skipped: {error:#}"));
            return Some(self);
        }
        self.is_installed().then_some(self)
    }

    /// Whether exactly the libraries of the lock file are there.
    pub fn is_installed(&self) -> bool {
        self.wanted().is_ok_and(|wanted| self.installed() == Some(wanted))
    }

    /// Installs the libraries, unless exactly these are there.
    ///
    /// # Errors
    ///
    /// The interpreter is missing, or PyPI or npm cannot be reached; with the last words of the installer.
    pub fn install(&self) -> Result<()> {
        let parent = self.libraries.parent().unwrap_or(&self.libraries);
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        // Another test process may be at it now.
        let turn = File::create(self.libraries.with_extension("turn"))?;
        turn.lock()?;
        let wanted = self.wanted()?;
        if self.installed().as_ref() == Some(&wanted) {
            return Ok(());
        }
        if self.libraries.exists() {
            fs::remove_dir_all(&self.libraries)?;
        }
        match self.language {
            Language::JavaScript => self.install_from_npm()?,
            Language::Python => self.install_from_pypi()?,
        }
        Ok(fs::write(self.mark(), wanted)?)
    }

    /// The program, ready to be given its arguments and variables. Of ours it gets `PATH` alone: a proxy or an `OTEL_*`
    /// variable of the shell must not change what it does.
    pub fn command(&self) -> Command {
        let program = self.sources.join(self.language.program());
        let mut command = match self.language {
            Language::JavaScript => Command::new("node"),
            Language::Python => Command::new(self.python()),
        };
        command.arg(program).env_clear().env("NODE_PATH", self.libraries.join("node_modules"));
        command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }

    fn install_from_npm(&self) -> Result<()> {
        fs::create_dir_all(&self.libraries)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(self.sources.join(file), self.libraries.join(file))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&self.libraries);
        run(&mut npm).map(drop)
    }

    fn install_from_pypi(&self) -> Result<()> {
        run(Command::new("python3").args(["-m", "venv"]).arg(&self.libraries))?;
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(self.sources.join(self.language.lock_file()))).map(drop)
    }

    fn python(&self) -> PathBuf {
        self.libraries.join("bin/python")
    }

    /// What the libraries depend on: an environment of Python belongs to one interpreter.
    fn wanted(&self) -> Result<String> {
        let lock_file = self.sources.join(self.language.lock_file());
        let lock =
            fs::read_to_string(&lock_file).with_context(|| format!("cannot read {}", lock_file.display()))?;
        Ok(run(Command::new(self.language.interpreter()).arg("--version"))? + &lock)
    }

    /// The same of the libraries that are there; `None` while an installation is not complete.
    fn installed(&self) -> Option<String> {
        fs::read_to_string(self.mark()).ok()
    }

    fn mark(&self) -> PathBuf {
        self.libraries.join("installed")
    }
}

/// Runs a program to its end; its output.
fn run(command: &mut Command) -> Result<String> {
    let name = Path::new(command.get_program()).file_name().map(OsStr::to_owned).unwrap_or_default();
    let name = name.display();
    let Output { status, stdout, stderr } =
        command.output().with_context(|| format!("cannot run {name}, which the tests' peers need"))?;
    let (told, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    // `venv` tells what it lacks on its standard output.
    ensure!(status.success(), "{name} failed ({status}):\n{}", format!("{told}{errors}").trim());
    Ok(told.into_owned())
}
