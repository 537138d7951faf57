//! Reports of made-up demos.

use std::time::SystemTime;

use super::*;
use crate::demo::{alerts::found_now, fault::Kind};

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
