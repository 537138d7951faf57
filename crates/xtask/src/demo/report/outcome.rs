//! One injected fault, and the alert that was found for it.

use std::time::SystemTime;

use serde::Serialize;

use super::{
    super::{
        alerts::Alert,
        fault::{Injected, Kind},
        scene::Book,
    },
    time::{clock, rfc3339, rfc3339_option, seconds},
};

/// An injected fault and its outcome.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    kind: Kind,
    pub(super) order: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    time: SystemTime,
    detail: String,
    /// The alert that must name the order; null if nothing may.
    expected: Option<&'static str>,
    pub(super) alert: Option<Found>,
    /// Null if the outcome is the expected one, else what is missing.
    pub(super) missing: Option<String>,
}

/// The alert that was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    name: String,
    #[serde(serialize_with = "rfc3339")]
    time: SystemTime,
    /// From the fault to the alert, in seconds.
    after_s: f64,
    #[serde(serialize_with = "rfc3339_option")]
    pub(super) cleared: Option<SystemTime>,
    stage: Option<String>,
    reason: Option<String>,
    waiting_for: Option<String>,
    summary: Option<String>,
}

// === impl Fault ===

impl Fault {
    pub(super) fn judge(injected: &Injected, book: &Book, alerts: &[Alert]) -> Self {
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

    pub(super) fn row(&self) -> [String; 7] {
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
