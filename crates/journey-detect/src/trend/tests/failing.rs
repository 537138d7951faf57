//! Failures of a stage, by order.

use super::*;

fn attempt<'a>(plant: &mut Plant, journey: &'a str, failed: bool) -> Vec<TrendChange> {
    plant.give(SECOND_NS, |sample: &mut Sample<'a>| {
        sample.failed = failed;
        sample.journey = journey;
    })
}

/// Scenario: one order of a hundred fails, then one of five, then one of a hundred again.
/// Guarantees: it is warned, paged and cleared once each, with the share that is usual.
#[test]
fn a_burst_of_failures_is_told() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(1);
    let mut orders = 0;
    let mut run = |attempts: usize, share: f64| -> Vec<TrendChange> {
        let mut told = Vec::new();
        for _ in 0..attempts {
            orders += 1;
            told.extend(attempt(&mut plant, &format!("order {orders}"), dice.unit() < share));
        }
        told
    };
    assert_eq!(run(3_000, 0.01), []);
    let told = run(300, 0.2);
    assert_eq!(words(&told)[0], "raised StageErrors price.final");
    let last = told.last().unwrap().finding();
    assert!(last.paged_at_ns.is_some() && last.ratio > 5.0, "{last:?}");
    assert!((0.005..0.02).contains(&last.usual), "{}", last.usual);
    assert_eq!(words(&run(3_000, 0.01)), ["cleared StageErrors price.final"]);
}

/// Scenario: one of four workers begins to fail half of its orders; a fifth of all orders have material ABS.
/// Guarantees: the stage is told, and the worker as the place where nearly all failures are.
#[test]
fn failures_of_one_worker_are_told_with_its_name() {
    let mut plant = Plant::new(&["material", "worker"]);
    let mut dice = Dice(4);
    let mut told = Vec::new();
    for round in 0..3_300 {
        let worker = ["w1", "w2", "w3", "w4"][dice.below(4)];
        let material = ["ABS", "PLA", "PLA", "PETG", "PETG"][dice.below(5)];
        let share = if round >= 3_000 && worker == "w2" { 0.5 } else { 0.005 };
        let failed = dice.unit() < share;
        let facets = [("worker", worker), ("material", material)];
        told.extend(plant.give(SECOND_NS, |sample| {
            sample.failed = failed;
            sample.facets = &facets;
        }));
    }
    let last = told.iter().rfind(|change| change.finding().key.alert == TrendAlert::StageErrors);
    let within = last.unwrap_or_else(|| panic!("nothing is told")).finding().within.clone();
    let within = within.unwrap_or_else(|| panic!("{told:#?}"));
    assert_eq!((&*within.key, within.value.as_deref()), ("worker", Some("w2")));
}

/// Scenario: one order fails four hundred times in a row, between others that do well.
/// Guarantees: that is no burst of the stage: an order counts once.
#[test]
fn one_order_that_fails_for_ever_is_no_burst() {
    let mut plant = Plant::new(&[]);
    for round in 0..400 {
        assert_eq!(attempt(&mut plant, "order 1", true), []);
        assert_eq!(attempt(&mut plant, &format!("order 2-{round}"), false), []);
    }
}

/// Scenario: a steady share of 0.1 %, 2 % or 30 % of failures in 20 000 orders each.
/// Guarantees: no page at all and at most one warning in 10 000 orders.
#[test]
fn a_steady_share_of_failures_is_usual() {
    let mut warnings = 0;
    for (seed, share) in [(1, 0.001), (2, 0.02), (3, 0.3)] {
        let mut plant = Plant::new(&[]);
        let mut dice = Dice(seed);
        for order in 0..20_000 {
            for change in attempt(&mut plant, &format!("order {order}"), dice.unit() < share) {
                assert!(change.finding().paged_at_ns.is_none(), "share {share}: {change:?}");
                warnings += usize::from(matches!(change, TrendChange::Raised(_)));
            }
        }
    }
    assert!(warnings <= 6, "{warnings}");
}

/// Scenario: a fifth of all orders fail once before they go well; then 35 % do; then all at once a fifth again. Before that
/// the same with 2 % and 20 %.
/// Guarantees: the rise is told once and paged within 800 orders, and is over within 400 orders after its end: what fails
/// often anyway is no excuse, and a long alarm no burden.
#[test]
fn more_failures_of_what_fails_anyway_are_told() {
    for (usual, worse) in [(0.2, 0.35), (0.02, 0.2)] {
        let mut plant = Plant::new(&[]);
        let mut dice = Dice(11);
        let mut orders = 0;
        let mut run = |count: usize, share: f64| -> Vec<TrendChange> {
            let mut told = Vec::new();
            for _ in 0..count {
                orders += 1;
                let name = format!("order {orders}");
                if dice.unit() < share {
                    told.extend(attempt(&mut plant, &name, true));
                }
                told.extend(attempt(&mut plant, &name, false));
            }
            told
        };
        assert_eq!(run(3_000, usual), []);
        let told = run(800, worse);
        let name = "StageErrors price.final";
        let expected = ["raised", "paged"].map(|verb| format!("{verb} {name}"));
        // At a fifth and more the first alarm is confirmed at once.
        let is_told_once = words(&told) == expected || words(&told) == expected[..1];
        assert!(is_told_once && told.last().unwrap().finding().paged_at_ns.is_some(), "{told:?}");
        assert_eq!(words(&run(400, usual)), [format!("cleared {name}")]);
    }
}
