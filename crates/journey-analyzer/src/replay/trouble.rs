//! Orders that stood still or failed again and again, as a replay reports them.

use journey_detect::Storm;
use serde::Serialize;

use super::ledger::{Ledger, Told};
use super::moment::Moment;

/// Something about one stage of one journey that a deadline told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Trouble {
    /// The order, or the best name of a journey without one.
    pub journey: String,
    /// The stage that it waits for, or that is dead.
    pub stage: String,
    /// When it was found.
    pub at: Moment,
    /// When the trouble began.
    pub since: Moment,
    /// Why.
    pub reason: &'static str,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Moment>,
}

/// A stage of one order that failed again and again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RetryStorm {
    /// The order, or the best name of a journey without one.
    pub journey: String,
    /// The stage that failed.
    pub stage: String,
    /// When it failed once too often.
    pub at: Moment,
    /// How many attempts failed close together.
    pub attempts: usize,
}

pub(super) fn trouble(told: &Told) -> Trouble {
    let Told { finding, raised_ns, cleared_ns } = told;
    Trouble {
        journey: finding.key.order.to_string(),
        stage: finding.key.stage.to_string(),
        at: Moment(*raised_ns),
        since: Moment(finding.since_ns),
        reason: finding.reason.as_str(),
        cleared_at: cleared_ns.map(Moment),
    }
}

pub(super) fn retry_storms(ledger: &Ledger) -> Vec<RetryStorm> {
    let of = |name: &str, storm: &Storm| RetryStorm {
        journey: name.to_owned(),
        stage: storm.stage.to_string(),
        at: Moment(storm.at_ns),
        attempts: storm.attempts,
    };
    ledger.storms.iter().flat_map(|(name, storms)| storms.iter().map(move |storm| of(name, storm))).collect()
}
