//! The report of a demo: what was injected, what was found, after how long, by which alert.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use comfy_table::{Table, presets};
use serde::{Serialize, Serializer};

use super::{
    alerts::Alert,
    fault::{Injected, Kind},
    scene::Book,
};

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

/// An injected fault and its outcome.
#[derive(Debug, Serialize)]
struct Fault {
    kind: Kind,
    order: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    time: SystemTime,
    detail: String,
    /// The alert that must name the order; null if nothing may.
    expected: Option<&'static str>,
    alert: Option<Found>,
    /// Null if the outcome is the expected one, else what is missing.
    missing: Option<String>,
}

/// The alert that was found.
#[derive(Debug, Serialize)]
struct Found {
    name: String,
    #[serde(serialize_with = "rfc3339")]
    time: SystemTime,
    /// From the fault to the alert, in seconds.
    after_s: f64,
    #[serde(serialize_with = "rfc3339_option")]
    cleared: Option<SystemTime>,
    stage: Option<String>,
    reason: Option<String>,
    waiting_for: Option<String>,
    summary: Option<String>,
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

// === impl Fault ===

impl Fault {
    fn judge(injected: &Injected, book: &Book, alerts: &[Alert]) -> Self {
        let order = injected.order.as_deref();
        let named = |alert: &&Alert| {
            order.is_some_and(|order| alert.names(order))
                && Some(alert.name()) == injected.kind.alert()
                && alert.cleared_at.is_none_or(|cleared| cleared >= injected.at)
        };
        let alert = alerts.iter().find(named);
        Self {
            kind: injected.kind,
            order: injected.order.clone(),
            time: injected.at,
            detail: injected.detail.clone(),
            expected: injected.kind.alert(),
            missing: missing(injected.kind, order, alert, book, alerts),
            alert: alert.map(|alert| Found::new(alert, injected.at)),
        }
    }

    fn row(&self) -> [String; 7] {
        let found = self.alert.as_ref();
        let dash = || "–".to_owned();
        let nothing = if self.expected.is_none() { "nothing, as it must be" } else { "nothing" };
        [
            self.kind.to_string(),
            self.order.clone().unwrap_or_else(dash),
            clock(self.time),
            found.map_or_else(|| nothing.to_owned(), Found::words),
            found.map_or_else(dash, |found| format!("{:.1} s", found.after_s)),
            found
                .and_then(|found| found.cleared)
                .map_or_else(dash, |at| format!("{:.1} s", seconds(self.time, at))),
            self.missing.clone().unwrap_or_else(|| "ok".to_owned()),
        ]
    }
}

// === impl Found ===

impl Found {
    fn new(alert: &Alert, injected: SystemTime) -> Self {
        let annotation = |key| alert.annotation(key).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            name: alert.name().to_owned(),
            time: alert.found_at,
            after_s: seconds(injected, alert.found_at),
            cleared: alert.cleared_at,
            stage: alert.labels.get("journey_stage").cloned(),
            reason: annotation("reason"),
            waiting_for: annotation("waiting_for"),
            summary: annotation("summary"),
        }
    }

    /// Name, place and reason, a line each.
    fn words(&self) -> String {
        let place = match &self.waiting_for {
            Some(next) if self.name == "OrderStuck" => Some(format!("waits for {next}")),
            _ => self.stage.clone(),
        };
        [Some(self.name.clone()), place, self.reason.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// What is missing of the expected outcome; `None` if nothing is.
fn missing(
    kind: Kind,
    order: Option<&str>,
    alert: Option<&Alert>,
    book: &Book,
    alerts: &[Alert],
) -> Option<String> {
    if let Some(name) = kind.alert() {
        let Some(alert) = alert else { return Some(format!("no {name} names it")) };
        let reason = alert.annotation("reason");
        if let Some(expected) = kind.reason().filter(|expected| reason != Some(expected)) {
            return Some(format!("reason {reason:?}, not {expected}"));
        }
        match kind {
            Kind::LostMessage if alert.annotation("waiting_for").is_none_or(str::is_empty) => {
                return Some("it does not say what the order waits for".to_owned());
            }
            _ => {}
        }
        if kind.clears() && alert.cleared_at.is_none() {
            return Some("it is not cleared".to_owned());
        }
    } else if let Some(alert) = order.and_then(|order| alerts.iter().find(|alert| alert.names(order))) {
        return Some(format!("{} names it", alert.name()));
    }
    let ended = order.is_none_or(|order| book.completed.contains(order));
    (kind.completes() && !ended).then(|| "the order is not completed".to_owned())
}

/// The alert that a fault explains.
fn expectation(injected: &Injected) -> Option<(&'static str, Option<&'static str>, &str)> {
    Some((injected.kind.alert()?, injected.kind.reason(), injected.order.as_deref()?))
}

/// Seconds from one moment to another, negative if the clock was set back between them.
fn seconds(from: SystemTime, to: SystemTime) -> f64 {
    to.duration_since(from).map_or_else(|early| -early.duration().as_secs_f64(), |late| late.as_secs_f64())
}

/// The time of day, UTC.
fn clock(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()[11..19].to_owned()
}

/// For serde: a moment as RFC 3339.
pub(crate) fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*at))
}

/// For serde: a moment as RFC 3339, or null.
pub(crate) fn rfc3339_option<S: Serializer>(
    at: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::alerts::found_now;

    fn judge(book: Book, alerts: Vec<Alert>) -> Report {
        Report::new(1, Duration::ZERO, book, alerts)
    }

    fn injected(faults: &[(Kind, &str)]) -> Book {
        let injected = faults.iter().map(|&(kind, order)| Injected::now(kind, order, "")).collect();
        Book { injected, ..Book::default() }
    }

    fn missing(report: &Report) -> Vec<&str> {
        report.faults.iter().map(|fault| fault.missing.as_deref().unwrap_or("ok")).collect()
    }

    /// Scenario: every kind of fault has its alert, two dead stages share a folded one, and MES's order is done.
    /// Guarantees: the report is fine, and there is no false alert.
    #[test]
    fn every_outcome_is_recognised() {
        let mut book = injected(&[
            (Kind::HungStage, "HUNG"),
            (Kind::KillMes, "KILLED"),
            (Kind::LostMessage, "LOST"),
            (Kind::SwappedStatus, "SWAPPED"),
            (Kind::SlowButAlive, "SLOW"),
        ]);
        book.completed = ["KILLED", "SLOW"].map(str::to_owned).into();
        let mut killed =
            found_now(&[("alertname", "StageDead")], &[("orders", "KILLED"), ("reason", "no_beats")]);
        killed.cleared_at = Some(SystemTime::now());
        let alerts = vec![
            found_now(&[("alertname", "StageDead"), ("order_id", "HUNG")], &[("reason", "no_progress")]),
            killed,
            found_now(&[("alertname", "OrderStuck"), ("order_id", "LOST")], &[("waiting_for", "price_form")]),
            found_now(&[("alertname", "OrderViolation"), ("order_id", "SWAPPED")], &[]),
        ];
        let report = judge(book, alerts);
        assert_eq!(missing(&report), ["ok"; 5]);
        assert!(report.ok);
    }

    /// Scenario: faults whose outcome lacks something, each something else.
    /// Guarantees: the report says what, and is not fine.
    #[test]
    fn what_is_missing_is_said() {
        let book = injected(&[
            (Kind::HungStage, "HUNG"),
            (Kind::KillMes, "KILLED"),
            (Kind::LostMessage, "LOST"),
            (Kind::SwappedStatus, "SWAPPED"),
            (Kind::SlowButAlive, "SLOW"),
        ]);
        let alerts = vec![
            found_now(&[("alertname", "StageDead"), ("order_id", "HUNG")], &[("reason", "no_beats")]),
            found_now(&[("alertname", "StageDead"), ("order_id", "KILLED")], &[("reason", "no_beats")]),
            found_now(&[("alertname", "OrderStuck"), ("order_id", "LOST")], &[]),
        ];
        let report = judge(book, alerts);
        let expected = [
            "reason Some(\"no_beats\"), not no_progress",
            "it is not cleared",
            "it does not say what the order waits for",
            "no OrderViolation names it",
            "the order is not completed",
        ];
        assert_eq!(missing(&report), expected);
        assert!(!report.ok);
    }

    /// Scenario: alerts of other names, about other orders, about none, and a folded one with a healthy order in it.
    /// Guarantees: each of them is false.
    #[test]
    fn unexplained_alerts_are_false() {
        let book = injected(&[(Kind::LostMessage, "LOST")]);
        let alerts = vec![
            found_now(&[("alertname", "OrderStuck")], &[("orders", "LOST"), ("waiting_for", "price_form")]),
            found_now(&[("alertname", "OrderViolation"), ("order_id", "LOST")], &[]),
            found_now(&[("alertname", "OrderStuck"), ("order_id", "HEALTHY")], &[]),
            found_now(&[("alertname", "OrderStuck")], &[("orders", "LOST, HEALTHY")]),
            found_now(&[("alertname", "PipelineSilent")], &[]),
        ];
        let report = judge(book, alerts);
        assert_eq!(missing(&report), ["ok"]);
        assert_eq!(report.false_alerts.len(), 4);
        assert!(!report.ok);
    }
}
