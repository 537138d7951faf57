//! What the command line says about a demo.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use clap::Args;

use super::fault::Kind;

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Orders in all, those with a fault among them.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) orders: u32,
    /// Decides everything that is left to chance: models, materials, pauses, where a message is lost.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A fault and how often; repeatable. Kinds: hung-stage, kill-analyzer, kill-mes, lost-message, slow-but-alive,
    /// swapped-status. Without it: one of each, two for lost-message and swapped-status.
    #[arg(long = "fault", value_name = "KIND=N")]
    faults: Vec<Wish>,
    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Go on with one healthy order per second until Ctrl-C, for people who want to break things.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Install missing Debian packages without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

impl Options {
    /// How often each kind of fault is injected. A kind that is named twice counts twice.
    pub(crate) fn faults(&self) -> BTreeMap<Kind, u32> {
        if self.faults.is_empty() {
            return Kind::ALL.into_iter().map(|kind| (kind, kind.usual())).collect();
        }
        let mut faults = BTreeMap::new();
        for wish in &self.faults {
            *faults.entry(wish.kind).or_default() += wish.count;
        }
        faults
    }
}

/// `KIND=N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    kind: Kind,
    count: u32,
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, count) = text.split_once('=').ok_or("expected KIND=N, e.g. lost-message=2")?;
        let count = count.parse().map_err(|_| format!("`{count}` is no number of faults"))?;
        if count > FAULTS_MAX {
            return Err(format!("at most {FAULTS_MAX} of a kind"));
        }
        Ok(Self { kind: kind.parse()?, count })
    }
}

/// More of one kind would only repeat the picture and take its time.
const FAULTS_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: good and bad wishes.
    /// Guarantees: a good one is read, a bad one refused with its reason.
    #[test]
    fn wishes_are_read() {
        assert_eq!("lost-message=3".parse(), Ok(Wish { kind: Kind::LostMessage, count: 3 }));
        for (text, reason) in
            [("lost-message", "KIND=N"), ("lost-message=x", "`x`"), ("rain=1", "rain"), ("kill-mes=99", "20")]
        {
            let error = text.parse::<Wish>().expect_err("it is no wish");
            assert!(error.contains(reason), "{error}");
        }
    }
}
