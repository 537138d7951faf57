//! Where one instance lives: a folder with a fixed layout, and ports.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::process::Process;

/// Folder and ports of an instance; kept in `instance.json` for later commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Which server lives here.
    pub(super) kind: Kind,
    /// Its folder.
    #[serde(skip)]
    pub(super) folder: PathBuf,
    /// Its ports; what each is for is the server's own affair, the first is for clients.
    pub(super) ports: Vec<u16>,
}

impl Place {
    pub(super) fn new(kind: Kind, folder: PathBuf, ports: Vec<u16>) -> Self {
        Self { kind, folder, ports }
    }

    pub(super) fn load(folder: &Path) -> Result<Self> {
        let file = folder.join(INSTANCE);
        let text =
            fs::read_to_string(&file).with_context(|| format!("no instance at {}", folder.display()))?;
        let place: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
        Ok(Self { folder: folder.to_owned(), ..place })
    }

    pub(super) fn save(&self) -> Result<()> {
        let file = self.file(INSTANCE);
        fs::write(&file, serde_json::to_vec(self)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.file("server.pid")
    }

    /// The file that takes what the server prints; begun anew at each start.
    pub(super) fn log(&self) -> io::Result<File> {
        File::create(self.file(LOG))
    }

    /// The last lines that the server printed, for an error message.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(self.file(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Greets the server on its first port; the first bytes of its answer.
    pub(super) fn ask(&self, greeting: &[u8]) -> Option<Vec<u8>> {
        let mut stream = connect(self.ports[0])?;
        stream.set_read_timeout(Some(ANSWER_WAIT)).ok()?;
        stream.write_all(greeting).ok()?;
        let mut answer = [0; 16];
        let length = stream.read(&mut answer).ok()?;
        Some(answer[..length].to_vec())
    }

    /// Whether something listens on a port of this instance.
    pub(super) fn answers(&self, port: u16) -> bool {
        connect(port).is_some()
    }

    /// Living processes of this instance other than the server.
    pub(super) fn helpers(&self) -> Vec<Process> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension().is_some_and(|extension| extension == "pid") && *path != self.pid_file()
            })
            .filter_map(|path| Process::from_file(&path))
            .collect()
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER_WAIT).ok()
}

const INSTANCE: &str = "instance.json";
const LOG: &str = "output.log";
/// Enough to show the reason of a failed start.
const LAST_LINES: usize = 12;
/// A server on this machine that takes longer is not ready.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
