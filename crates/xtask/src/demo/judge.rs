//! Judges all spans of the services by the conventions, beside what the demo is about.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Result, bail};
use journey_testkit::{
    collector::Collector,
    conformance::{self, Finding},
};

/// The collector that the services send their spans to, and what was found in them.
#[derive(Debug)]
pub(crate) struct Judge {
    collector: Collector,
    verdict: Mutex<Verdict>,
}

#[derive(Debug, Default)]
struct Verdict {
    batches: usize,
    violations: BTreeSet<Finding>,
    /// A body that is no OTLP request.
    broken: Option<String>,
}

impl Judge {
    /// Starts the collector.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { collector: Collector::start()?, verdict: Mutex::default() })
    }

    /// Where the services send their spans.
    pub(crate) fn url(&self) -> String {
        self.collector.url()
    }

    /// Judges what came since the last time, and forgets it: a demo may go on for days.
    pub(crate) fn look(&self) {
        let bodies = self.collector.take_bodies();
        let mut verdict = self.verdict();
        verdict.batches += bodies.len();
        match conformance::violations(&bodies) {
            Ok(violations) => verdict.violations.extend(violations.into_iter().take(VIOLATIONS_MAX)),
            Err(error) => verdict.broken = Some(format!("{error:#}")),
        }
    }

    /// What was judged, or what violates the conventions.
    ///
    /// # Errors
    /// A span violates them, or nothing came.
    pub(crate) fn verdict_now(&self) -> Result<String> {
        self.look();
        let verdict = self.verdict();
        if let Some(broken) = &verdict.broken {
            bail!("{broken}");
        }
        if let Some(violation) = verdict.violations.first() {
            bail!("{} kinds of violation, such as {violation}", verdict.violations.len());
        }
        if verdict.batches == 0 {
            bail!("no spans came");
        }
        Ok(format!("{} batches of spans, none of which violates the conventions", verdict.batches))
    }

    fn verdict(&self) -> MutexGuard<'_, Verdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kept per look. One is enough to fail.
const VIOLATIONS_MAX: usize = 100;
