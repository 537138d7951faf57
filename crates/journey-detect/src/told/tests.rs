//! What people hear of what is found: many orders as one, and nothing twice.

use super::*;
use crate::finding::{Alert as Name, Reason, Severity};

const MINUTE_NS: Nanos = 60_000_000_000;

fn finding(order: &str, cause: &str) -> Finding {
    Finding {
        key: FindingKey {
            service: Some("mes".into()),
            ..FindingKey::of_order(Name::StageDead, order, "price")
        },
        cause: cause.into(),
        reason: Reason::NoBeats,
        summary: "dead".into(),
        waiting_for: None,
        evidence: "no beats".into(),
        trace_id: None,
        since_ns: 0,
        offence: None,
        orders: None,
    }
}

/// Raises (`+`) and clears (`-`) at one minute, and says how many were raised and cleared.
fn at(told: &mut Told, minute: u64, judged: &[(char, Finding)]) -> (usize, usize) {
    let mut outputs = Outputs::default();
    for (sign, finding) in judged {
        match sign {
            '+' => told.raise(finding.clone(), minute * MINUTE_NS, MINUTE_NS, &mut outputs),
            _ => told.clear(finding, minute * MINUTE_NS, &mut outputs),
        }
    }
    told.advance(minute * MINUTE_NS, &mut outputs);
    (outputs.raised.len(), outputs.cleared.len())
}

/// Scenario: a stage dies and lives in turns, half a minute each, for four hours; then it lives.
/// Guarantees: no more than two changes an hour are told, and in the end nothing stands.
#[test]
fn what_flutters_is_told_twice_an_hour() {
    let mut told = Told::default();
    let mut changes = Vec::new();
    for half_minute in 0..480_u64 {
        let mut outputs = Outputs::default();
        let now = half_minute * MINUTE_NS / 2;
        match half_minute % 2 {
            0 => told.raise(finding("A", "x"), now, MINUTE_NS, &mut outputs),
            _ => told.clear(&finding("A", "x"), now, &mut outputs),
        }
        told.advance(now, &mut outputs);
        changes.extend(vec![now; outputs.raised.len() + outputs.cleared.len()]);
    }
    for from in &changes {
        let within = changes.iter().filter(|at| (*from..from + FLUTTER_NS).contains(*at)).count();
        assert!(within <= 2, "{changes:?}");
    }
    assert!(changes.len() >= 2);
    at(&mut told, 1_000, &[]);
    assert!(told.alerts.is_empty() && told.due.is_empty() && told.past.is_empty());
}

/// Scenario: a stage comes back dead soon after it lived, and stays dead; later it lives and stays alive.
/// Guarantees: told again after a grace, and cleared only after a quiet hour. Another cause is told at once.
#[test]
fn what_comes_back_and_lasts_is_told() {
    let mut told = Told::default();
    assert_eq!(at(&mut told, 0, &[('+', finding("A", "x"))]), (1, 0));
    assert_eq!(at(&mut told, 1, &[('+', finding("A", "y")), ('-', finding("A", "x"))]), (1, 1));
    assert_eq!(at(&mut told, 2, &[('-', finding("A", "y"))]), (0, 1));
    assert_eq!(at(&mut told, 3, &[('+', finding("A", "z"))]), (0, 0));
    assert_eq!(told.next_ns(), Some(4 * MINUTE_NS));
    assert_eq!(at(&mut told, 4, &[]), (1, 0));
    assert_eq!(at(&mut told, 5, &[('-', finding("A", "z"))]), (0, 0));
    assert_eq!(at(&mut told, 64, &[]), (0, 0));
    assert_eq!(at(&mut told, 65, &[]), (0, 1));
}

/// Scenario: a thousand orders lose one stage, a few at a time, and come back.
/// Guarantees: beside the singles one alert without order, loud, with ten names and the count, which hides the singles,
/// is told anew at most once a minute, and ends when nearly all are back.
#[test]
fn many_orders_of_one_cause_become_one_alert() {
    let mut told = Told::default();
    let names: Vec<String> = (0..1_000).map(|n| format!("o{n:04}")).collect();
    let mut folded = Vec::new();
    let (mut raised, mut updated) = (0, 0);
    for (n, name) in names.iter().enumerate() {
        let mut outputs = Outputs::default();
        told.raise(finding(name, "x"), n as u64 * 100_000_000, MINUTE_NS, &mut outputs);
        told.advance(n as u64 * 100_000_000, &mut outputs);
        raised += outputs.raised.len();
        updated += outputs.updated.len();
        folded
            .extend(outputs.raised.into_iter().chain(outputs.updated).filter(|found| found.orders.is_some()));
    }
    assert_eq!((raised, updated), (1_001, 1));
    assert_eq!(folded[0].key.severity, Severity::Page);
    assert!(folded[0].key.hides(&finding("A", "x").key));
    assert_eq!(folded[0].orders.as_ref().unwrap().to_string(), "o0000, o0001, o0002, o0003, o0004, o0005");
    assert_eq!(folded[1].orders.as_ref().unwrap().count, 606);
    assert!(folded[1].orders.as_ref().unwrap().to_string().ends_with("o0009 and 596 more"));
    let back: Vec<(char, Finding)> = names.iter().map(|name| ('-', finding(name, "x"))).collect();
    assert_eq!(at(&mut told, 10, &back[..997]), (0, 997));
    assert_eq!(at(&mut told, 11, &back[997..998]), (0, 2));
    at(&mut told, 12, &back[998..]);
    assert!(told.folds.is_empty());
}

/// Scenario: six orders lose one stage, ten minutes lie between the first and the last.
/// Guarantees: they stay single.
#[test]
fn few_orders_stay_single() {
    let mut told = Told::default();
    for n in 0..12 {
        assert_eq!(at(&mut told, n * 3, &[('+', finding(&format!("o{n}"), "x"))]), (1, 0));
    }
}
