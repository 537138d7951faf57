//! Changes of one thing: found, confirmed, cleared, and not learnt.

use super::*;

/// Scenario: a stage runs as usual, then takes three times as long, then is as usual again.
/// Guarantees: it is warned, paged and cleared once each; the finding says since when, how much, over how many orders.
#[test]
fn a_slow_stage_is_told_and_cleared() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(1);
    let mut run = |spans: usize, factor: f64| -> Vec<TrendChange> {
        (0..spans).flat_map(|_| plant.span(dice.duration(0.5, factor), &[])).collect()
    };
    assert_eq!(run(1_000, 1.0), []);
    let slow_from_ns = BEGIN_NS + 1_000 * MINUTE_NS;
    let told = run(300, 3.0);
    assert_eq!(words(&told), ["raised StageSlow price.final", "paged StageSlow price.final"]);
    let finding = told[1].finding();
    assert!(finding.since_ns.abs_diff(slow_from_ns) < 30 * MINUTE_NS);
    assert!((2.0..4.5).contains(&finding.ratio), "{}", finding.ratio);
    assert!((4.5e10..7.5e10).contains(&finding.usual), "{}", finding.usual);
    assert_eq!(finding.journeys_count, finding.spans_until_page.unwrap() as usize);
    let told = run(1_000, 1.0);
    assert_eq!(words(&told), ["cleared StageSlow price.final"]);
    let cleared_at_ns = told[0].finding().cleared_at_ns.unwrap();
    assert!(cleared_at_ns - (slow_from_ns + 300 * MINUTE_NS) < 200 * MINUTE_NS);
}

/// Scenario: a stage becomes three times as slow and stays so for 5 000 spans.
/// Guarantees: the alarm stays up: what is slow is never learnt as usual.
#[test]
fn a_fault_is_not_learnt() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(2);
    for _ in 0..500 {
        plant.span(dice.duration(0.5, 1.0), &[]);
    }
    let told: Vec<_> = (0..5_000).flat_map(|_| plant.span(dice.duration(0.5, 3.0), &[])).collect();
    assert_eq!(words(&told), ["raised StageSlow price.final", "paged StageSlow price.final"]);
    let usual = plant.trends.standing().next().unwrap().usual;
    assert!((4.5e10..7.5e10).contains(&usual), "{usual}");
    let (_, _, baseline) = plant.trends.baselines().next().unwrap();
    assert!(baseline.sum().total() <= 500);
}

/// Scenario: a slow stage falls silent; two days later another stage runs on.
/// Guarantees: the alarm ends by silence, which is judged in event time.
#[test]
fn silence_ends_an_alarm() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(3);
    for round in 0..600 {
        plant.span(dice.duration(0.5, if round < 500 { 1.0 } else { 4.0 }), &[]);
    }
    assert_eq!(plant.trends.standing().count(), 1);
    plant.at_ns += 23 * 60 * MINUTE_NS;
    assert_eq!(plant.give(SECOND_NS, |sample| sample.stage = "other"), []);
    plant.at_ns += 24 * 60 * MINUTE_NS;
    let told = plant.give(SECOND_NS, |sample| sample.stage = "other");
    assert_eq!(words(&told), ["cleared StageSlow price.final"]);
    assert_eq!(plant.trends.standing().count(), 0);
}

/// Scenario: waits of four days, told from the first order on; long ones end later than short ones.
/// Guarantees: the beginning, when only short waits can have ended, makes no baseline and no alarm.
#[test]
fn long_waits_are_not_judged_by_the_first_short_ones() {
    for seed in 0..5 {
        let mut dice = Dice(seed);
        let mut ends: Vec<(Nanos, Nanos)> = (0..2_000)
            .map(|order| {
                let wait_ns = (dice.unit() * 8.0 * DAY_NS as f64) as Nanos;
                (BEGIN_NS + order * 144 * MINUTE_NS + wait_ns, wait_ns)
            })
            .collect();
        ends.sort_unstable();
        let mut plant = Plant::new(&[]);
        plant.pace_ns = 0;
        // The last orders' short waits end before the log does; that is another story.
        for (at_ns, wait_ns) in ends.into_iter().filter(|(at_ns, _)| *at_ns < BEGIN_NS + 195 * DAY_NS) {
            plant.at_ns = at_ns;
            let waits = [Wait { since: Since::Stage("order_create"), wait_ns }];
            let told = plant.give(SECOND_NS, |sample| sample.waits = &waits);
            assert_eq!(told, [], "seed {seed}");
        }
    }
}

/// Scenario: spans take as long as ever, but twice the usual time passes between two stages.
/// Guarantees: the gap is told, with the stage it is measured from, and no span.
#[test]
fn a_gap_can_be_slow_while_spans_are_not() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(5);
    let mut told = Vec::new();
    for round in 0..1_200 {
        let factor = if round < 1_000 { 1.0 } else { 2.0 };
        let waits = [
            Wait { since: Since::Stage("order_create"), wait_ns: dice.duration(0.4, factor) },
            Wait { since: Since::Queue("prices"), wait_ns: dice.duration(0.4, 1.0) },
        ];
        told.extend(plant.give(dice.duration(0.4, 1.0), |sample| sample.waits = &waits));
    }
    assert_eq!(words(&told), ["raised GapSlow price.final", "paged GapSlow price.final"]);
    assert_eq!(told[0].finding().key.from, Some(GapFrom::Stage("order_create".into())));
}

/// Scenario: failed attempts that take a hundred times as long.
/// Guarantees: they are no durations.
#[test]
fn failed_attempts_are_not_slow() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(6);
    for round in 0..1_000 {
        let told = plant.give(dice.duration(0.5, if round % 2 == 0 { 1.0 } else { 100.0 }), |sample| {
            sample.failed = round % 2 == 1;
        });
        assert!(told.iter().all(|change| change.finding().key.alert != TrendAlert::StageSlow));
    }
}

/// Scenario: a new worker joins a stage of five; from its first span on it takes four times as long.
/// Guarantees: it is told within 45 of its spans though it has no past: it borrows the stage's.
#[test]
fn a_young_value_borrows_from_its_stage() {
    let mut plant = Plant::new(&["worker"]);
    let mut dice = Dice(8);
    let workers = ["w1", "w2", "w3", "w4", "w5", "new"];
    let mut spans = 0;
    for round in 0..3_000 {
        let worker = workers[dice.below(if round < 1_000 { 5 } else { 6 })];
        let factor = if worker == "new" { 4.0 } else { 1.0 };
        spans += usize::from(worker == "new");
        let told = plant.span(dice.duration(0.5, factor), &[("worker", worker)]);
        if words(&told) == ["raised StagePartlySlow price.final worker=new"] {
            assert!(spans <= 45, "{spans}");
            return;
        }
    }
    panic!("never told");
}

/// Scenario: waits for people, a hundred and forty a day, are three times as long for three days; later for ten days. The
/// same for a machine's waits.
/// Guarantees: of the machine's both are told at once; of the people's only the second, after a week.
#[test]
fn waits_for_people_are_told_after_a_week() {
    let told = |people: &[&str]| {
        let people = people.iter().map(|stage| (*stage).to_owned()).collect();
        let mut plant = Plant::with(TrendConfig { lateness_ns: 0, people, ..TrendConfig::default() });
        plant.pace_ns = 10 * MINUTE_NS;
        let mut dice = Dice(4);
        let mut told = Vec::new();
        for (days, factor) in [(10, 1.0), (3, 3.0), (5, 1.0), (10, 3.0)] {
            for _ in 0..days * 144 {
                let since = Since::Stage("price_form");
                let waits = [Wait { since, wait_ns: dice.duration(0.5, factor) }];
                told.extend(plant.give(SECOND_NS, |sample| sample.waits = &waits));
            }
        }
        told.retain(|change| matches!(change, TrendChange::Raised(_)));
        let day = |change: &TrendChange| (change.finding().warned_at_ns - BEGIN_NS) / DAY_NS;
        told.iter().map(day).collect::<Vec<_>>()
    };
    assert_eq!(told(&[]), [10, 18]);
    // The change is estimated at the last moment before it at which nothing was suspected.
    let patiently = told(&["price.final"]);
    assert!(matches!(patiently[..], [24 | 25]), "{patiently:?}");
}

/// Scenario: 1500 pieces of work begin within two hours, and take two hours each, some a quarter, some eight times that;
/// they come in the order of their ends.
/// Guarantees: nothing is told: that the short ones end first is no slowdown.
#[test]
fn what_lasts_as_long_as_the_recording_is_not_judged() {
    for seed in 0..5 {
        let mut dice = Dice(seed);
        let mut ends: Vec<(Nanos, Nanos)> = (0..1_500u64)
            .map(|number| {
                let duration_ns = 120 * dice.duration(0.8, 1.0);
                (number * 5 * SECOND_NS + duration_ns, duration_ns)
            })
            .collect();
        ends.sort_unstable();
        let mut plant = Plant::new(&["material"]);
        let mut told = Vec::new();
        for (end_ns, duration_ns) in ends {
            plant.pace_ns = BEGIN_NS + end_ns - plant.at_ns;
            let material = ["PLA", "ABS"][dice.below(2)];
            told.extend(plant.span(duration_ns, &[("material", material)]));
        }
        assert_eq!(told, [], "seed {seed}");
    }
}

/// Scenario: a stage takes four times as long in the afternoon as at night, for three weeks; then it takes three times as
/// long as that, from a morning on. The same with four times as long from Monday to Friday as at the weekend, for six weeks.
/// Guarantees: once the rhythm was seen (three days; two weeks) nothing is told of it, and the fault is told within a day.
#[test]
fn a_rhythm_is_no_fault() {
    fn check(rhythm: impl Fn(Nanos) -> f64, known_after: u64, fault_at: u64) {
        let mut plant = Plant::new(&[]);
        plant.pace_ns = 10 * MINUTE_NS;
        let mut dice = Dice(21);
        let mut told = Vec::new();
        while plant.at_ns < BEGIN_NS + (fault_at + 1) * DAY_NS {
            let at_ns = plant.at_ns + plant.pace_ns;
            let factor = if at_ns < BEGIN_NS + fault_at * DAY_NS { 1.0 } else { 3.0 };
            told.extend(plant.span(dice.duration(0.5, factor * rhythm(at_ns)), &[]));
        }
        let raised = told.iter().filter(|change| matches!(change, TrendChange::Raised(_)));
        let days: Vec<u64> =
            raised.map(|change| (change.finding().warned_at_ns - BEGIN_NS) / DAY_NS).collect();
        let late: Vec<u64> = days.iter().copied().filter(|day| *day >= known_after).collect();
        assert_eq!(late, [fault_at], "{days:?}");
    }
    let turn = |at_ns: Nanos| std::f64::consts::TAU * (at_ns % DAY_NS) as f64 / DAY_NS as f64;
    check(|at_ns| 2.0_f64.powf(-turn(at_ns).cos()), 3, 21);
    check(|at_ns| if at_ns / DAY_NS % 7 < 5 { 2.0 } else { 0.5 }, 16, 42);
}
