//! Arrival order, repeats, lateness.

use super::*;

/// A sample of its own texts.
#[derive(Debug, Clone)]
struct Told {
    number: u64,
    at_ns: Nanos,
    duration_ns: Nanos,
    worker: &'static str,
    failed: bool,
}

impl Told {
    fn give(&self, trends: &mut Trends) {
        let waits = [Wait { since: Since::Stage("order_create"), wait_ns: self.duration_ns / 3 }];
        trends.observe(&Sample {
            id: id(self.number),
            at_ns: self.at_ns,
            stage: "price.final",
            service: "mes-api",
            journey: &format!("order {}", self.number),
            duration_ns: self.duration_ns,
            failed: self.failed,
            size: None,
            waits: &waits,
            facets: &[("worker", self.worker)],
        });
    }
}

fn story(seed: u64) -> Vec<Told> {
    let mut dice = Dice(seed);
    (0..1_500)
        .map(|number| {
            let worker = ["w1", "w2", "w3"][dice.below(3)];
            let factor = if number > 1_000 && worker == "w2" { 3.0 } else { 1.0 };
            Told {
                number,
                // Some end at the same moment.
                at_ns: BEGIN_NS + number / 3 * MINUTE_NS,
                duration_ns: dice.duration(0.5, factor),
                worker,
                failed: dice.unit() < if number > 1_200 { 0.2 } else { 0.01 },
            }
        })
        .collect()
}

fn detectors() -> Trends {
    Trends::new(TrendConfig { lateness_ns: 30 * MINUTE_NS, ..TrendConfig::default() }.with_facets(["worker"]))
}

/// Plays samples as they arrive, looking after each `every`.
fn play(arrivals: &[(Nanos, &Told)], every: usize) -> (Trends, Vec<TrendChange>) {
    let mut trends = detectors();
    let mut told = Vec::new();
    for (at, (now, sample)) in arrivals.iter().enumerate() {
        sample.give(&mut trends);
        if at % every == 0 {
            told.extend(trends.advance(*now));
        }
    }
    told.extend(trends.advance(Nanos::MAX));
    (trends, told)
}

/// Scenario: 20 stories arrive late by up to the bound, in any order, 5 % of the samples twice; looked at more or
/// less often.
/// Guarantees: findings and baselines are exactly those of the samples in event order.
#[test]
fn lateness_within_the_bound_changes_nothing() {
    for seed in 0..20 {
        let story = story(seed);
        let in_order: Vec<(Nanos, &Told)> = story.iter().map(|told| (told.at_ns, told)).collect();
        let (straight, expected) = play(&in_order, 1);
        assert!(!expected.is_empty(), "seed {seed}");
        let mut dice = Dice(seed + 1_000);
        let mut arrivals = Vec::new();
        for told in &story {
            for _ in 0..1 + usize::from(dice.below(20) == 0) {
                arrivals.push((told.at_ns + dice.next() % (30 * MINUTE_NS), told));
            }
        }
        arrivals.sort_by_key(|(at_ns, _)| *at_ns);
        let (shuffled, found) = play(&arrivals, 1 + dice.below(50));
        assert_eq!(found, expected, "seed {seed}");
        assert_eq!(shuffled.counters(), straight.counters(), "seed {seed}");
        let bytes = |trends: &Trends| -> Vec<Vec<u8>> {
            trends.baselines().map(|(_, _, baseline)| baseline.sum().to_bytes()).collect()
        };
        assert_eq!(bytes(&shuffled), bytes(&straight), "seed {seed}");
    }
}

/// Scenario: a hundred samples come hours after the bound.
/// Guarantees: they raise nothing, are counted, and join the baseline of their day.
#[test]
fn what_is_too_late_only_joins_its_day() {
    let mut trends = detectors();
    let story = story(1);
    story[..300].iter().for_each(|told| told.give(&mut trends));
    assert_eq!(trends.advance(BEGIN_NS + DAY_NS), []);
    let before: u64 = trends.baselines().map(|(_, _, baseline)| baseline.sum().total()).sum();
    for told in &story[300..400] {
        Told { failed: false, duration_ns: 100 * told.duration_ns, ..told.clone() }.give(&mut trends);
    }
    assert_eq!(trends.advance(BEGIN_NS + DAY_NS), []);
    let after: u64 = trends.baselines().map(|(_, _, baseline)| baseline.sum().total()).sum();
    assert_eq!((trends.counters().late, after - before), (100, 200));
}

/// Scenario: a sample waits; then its journey turns out to have another facet; then it has been taken.
/// Guarantees: an amended sample replaces the one that waits, and is ignored once that was taken.
#[test]
fn a_waiting_sample_can_be_amended() {
    let mut trends = detectors();
    let told = &story(1)[0];
    told.give(&mut trends);
    let amended = Sample {
        id: id(told.number),
        at_ns: told.at_ns + SECOND_NS,
        stage: "price.estimate",
        service: "mes-api",
        journey: "order 1",
        duration_ns: SECOND_NS,
        failed: false,
        size: None,
        waits: &[],
        facets: &[("worker", "w1"), ("colour", "red")],
    };
    trends.amend(&amended);
    assert_eq!(trends.waiting(), 1);
    trends.advance(told.at_ns + DAY_NS);
    trends.amend(&amended);
    assert_eq!((trends.waiting(), trends.counters().samples, trends.counters().late), (0, 1, 0));
    assert_eq!(trends.baselines().map(|(stage, _, _)| stage).collect::<Vec<_>>(), ["price.estimate"]);
}
