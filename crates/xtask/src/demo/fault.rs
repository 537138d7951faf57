//! The kinds of fault, and what each must lead to.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::Serialize;

/// A way to break the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// `price.simplify_model` blocks for ever on a lock, while process and beats go on.
    HungStage,
    /// SIGKILL of the analyzer, and its restart.
    KillAnalyzer,
    /// SIGKILL of MES in the middle of price calculations, and its restart.
    KillMes,
    /// A message is taken from its queue and dropped.
    LostMessage,
    /// A calculation that takes long and reports progress; the fault that is none.
    SlowButAlive,
    /// A status is sent before its predecessor.
    SwappedStatus,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Kind; 6] = [
        Kind::HungStage,
        Kind::KillAnalyzer,
        Kind::KillMes,
        Kind::LostMessage,
        Kind::SlowButAlive,
        Kind::SwappedStatus,
    ];

    /// The word on the command line and in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::HungStage => "hung-stage",
            Kind::KillAnalyzer => "kill-analyzer",
            Kind::KillMes => "kill-mes",
            Kind::LostMessage => "lost-message",
            Kind::SlowButAlive => "slow-but-alive",
            Kind::SwappedStatus => "swapped-status",
        }
    }

    /// How often the usual demo injects it.
    pub(crate) const fn usual(self) -> u32 {
        match self {
            Kind::LostMessage | Kind::SwappedStatus => 2,
            Kind::HungStage | Kind::KillAnalyzer | Kind::KillMes | Kind::SlowButAlive => 1,
        }
    }

    /// The alert that must name the order; `None`: nothing may be raised.
    pub(crate) const fn alert(self) -> Option<&'static str> {
        match self {
            Kind::HungStage | Kind::KillMes => Some("StageDead"),
            Kind::LostMessage => Some("OrderStuck"),
            Kind::SwappedStatus => Some("OrderViolation"),
            Kind::KillAnalyzer | Kind::SlowButAlive => None,
        }
    }

    /// The reason that the alert must give, where the alert alone does not tell it.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Kind::HungStage => Some("no_progress"),
            Kind::KillMes => Some("no_beats"),
            Kind::KillAnalyzer | Kind::LostMessage | Kind::SlowButAlive | Kind::SwappedStatus => None,
        }
    }

    /// Whether the order goes on to its end, as if nothing had happened.
    pub(crate) const fn completes(self) -> bool {
        matches!(self, Kind::KillMes | Kind::SlowButAlive)
    }

    /// Whether the alert must be cleared again while the demo watches.
    pub(crate) const fn clears(self) -> bool {
        matches!(self, Kind::KillMes)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = Kind::ALL.map(Kind::name).join(", ");
            format!("`{name}` is no fault; there are {names}")
        })
    }
}

/// A fault that was really injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Injected {
    pub(crate) kind: Kind,
    /// The order that it hits; none for a fault of the analyzer.
    pub(crate) order: Option<String>,
    /// When it took effect.
    pub(crate) at: SystemTime,
    /// What exactly was done, for the reader of the report.
    pub(crate) detail: String,
}

impl Injected {
    /// A fault that takes effect now.
    pub(crate) fn now(kind: Kind, order: &str, detail: impl Into<String>) -> Self {
        Self { kind, order: Some(order.to_owned()), at: SystemTime::now(), detail: detail.into() }
    }
}
