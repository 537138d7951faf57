//! The report of a demo: what was injected, what was found, after how long, by which alert.

mod outcome;
#[cfg(test)]
mod tests;
mod time;

use std::{collections::BTreeSet, time::Duration};

use comfy_table::{Table, presets};
use serde::Serialize;

use self::outcome::Fault;
use super::{alerts::Alert, fault::Injected, scene::Book};

pub(crate) use self::time::{rfc3339, rfc3339_option};

/// The report, in the form of its JSON document. Times are RFC 3339, UTC.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    seed: u64,
    /// From the first order to the end of the watch, in seconds.
    seconds: u64,
    orders: Orders,
    faults: Vec<Fault>,
    /// Alerts that no fault explains.
    false_alerts: Vec<Alert>,
    /// What went wrong beside the faults.
    failures: Vec<String>,
    /// Whether every fault has its outcome and nothing else happened.
    pub(crate) ok: bool,
}

#[derive(Debug, Serialize)]
struct Orders {
    begun: usize,
    completed: usize,
}

impl Report {
    /// Judges what happened.
    pub(crate) fn new(seed: u64, time: Duration, book: Book, alerts: Vec<Alert>) -> Self {
        let faults: Vec<_> =
            book.injected.iter().map(|injected| Fault::judge(injected, &book, &alerts)).collect();
        let expected: BTreeSet<_> = book.injected.iter().filter_map(expectation).collect();
        let is_false = |alert: &Alert| {
            let reason = alert.annotation("reason");
            let explained = |order: &String| {
                [None, reason]
                    .iter()
                    .any(|reason| expected.contains(&(alert.name(), *reason, order.as_str())))
            };
            alert.orders().is_empty() || !alert.orders().iter().all(explained)
        };
        let false_alerts: Vec<_> = alerts.iter().filter(|alert| is_false(alert)).cloned().collect();
        let ok = faults.iter().all(|fault| fault.missing.is_none())
            && false_alerts.is_empty()
            && book.failures.is_empty();
        let orders = Orders { begun: book.begun, completed: book.completed.len() };
        Self {
            seed,
            seconds: time.as_secs(),
            orders,
            faults,
            false_alerts,
            failures: book.failures.clone(),
            ok,
        }
    }

    /// How many faults have their outcome, and how many there are.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.faults.iter().filter(|fault| fault.missing.is_none()).count(), self.faults.len())
    }

    /// An order worth explaining: one that is still broken, else one that was.
    pub(crate) fn broken_order(&self) -> Option<&str> {
        let found = |fault: &&Fault| fault.alert.is_some();
        let standing = |fault: &&Fault| fault.alert.as_ref().is_some_and(|alert| alert.cleared.is_none());
        self.faults.iter().find(standing).or_else(|| self.faults.iter().find(found))?.order.as_deref()
    }

    /// The summary for a person.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["injected", "order", "at (UTC)", "found", "after", "cleared after", "result"]);
        for fault in &self.faults {
            table.add_row(fault.row());
        }
        let mut text = table.to_string();
        text.push_str(&format!(
            "\n{} orders begun, {} completed, in {} s; {} false alerts",
            self.orders.begun,
            self.orders.completed,
            self.seconds,
            self.false_alerts.len()
        ));
        for alert in &self.false_alerts {
            text.push_str(&format!("\nfalse alert: {:?} {:?}", alert.labels, alert.annotations));
        }
        for failure in &self.failures {
            text.push_str(&format!("\nfailure: {failure}"));
        }
        text
    }
}

/// The alert that a fault explains.
fn expectation(injected: &Injected) -> Option<(&'static str, Option<&'static str>, &str)> {
    Some((injected.kind.alert()?, injected.kind.reason(), injected.order.as_deref()?))
}
