//! The comparison by ranks against the obvious one.

use super::normal::upper_tail;
use super::*;

/// U by looking at all pairs, and the variance by looking at all values.
fn obvious(first: &[Bucket], second: &[Bucket]) -> (f64, f64) {
    let pairs = first.iter().flat_map(|own| second.iter().map(move |other| own.cmp(other)));
    let u: f64 = pairs.map(|order| f64::from(order as i8 + 1) / 2.0).sum();
    let (n, m) = (first.len() as f64, second.len() as f64);
    let mut all: Vec<Bucket> = first.iter().chain(second).copied().collect();
    all.sort();
    let ties: f64 =
        all.chunk_by(|a, b| a == b).map(|tie| (tie.len() as f64).powi(3) - tie.len() as f64).sum();
    let variance = n * m / 12.0 * (n + m + 1.0 - ties / ((n + m) * (n + m - 1.0)));
    (u / (n * m), upper_tail((u - n * m / 2.0 - 0.5) / variance.sqrt()))
}

/// Scenario: two groups of 2 to 80 values, apart by a factor of 0.5 to 2, smooth or full of ties, 200 seeds.
/// Guarantees: superiority and p are those of comparing all pairs.
#[test]
fn a_comparison_is_one_of_all_pairs() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let sigma = [0.02, 0.3, 1.5][seed as usize % 3];
        let mut group = |factor: f64| -> Vec<Bucket> {
            let size = 2 + dice.below(79);
            (0..size).map(|_| Bucket::of(dice.duration(sigma, factor) as f64)).collect()
        };
        let (first, second) = (group(0.5 + (seed % 7) as f64 / 4.0), group(1.0));
        let histogram = |values: &[Bucket]| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|bucket| histogram.add(*bucket));
            histogram
        };
        let (superiority, p) = obvious(&first, &second);
        let found = Comparison::of(&histogram(&first), &histogram(&second)).unwrap();
        assert!((found.superiority - superiority).abs() < 1e-12, "seed {seed}: {found:?}, {superiority}");
        assert!((found.p / p - 1.0).abs() < 1e-9, "seed {seed}: {found:?}, {p}");
    }
}

/// Scenario: all values equal, and one group empty.
/// Guarantees: no difference is found, and nothing is divided by nothing.
#[test]
fn equal_values_do_not_differ() {
    let mut group = Histogram::default();
    group.add_many(Bucket::of(1e9), 40);
    let found = Comparison::of(&group, &group).unwrap();
    assert_eq!((found.superiority, found.p, found.ratio), (0.5, 1.0, 1.0));
    assert_eq!(Comparison::of(&group, &Histogram::default()), None);
    assert_eq!(Comparison::of(&Histogram::default(), &group), None);
}

/// Scenario: one worker of five is twice as slow from its first span on; nothing ever changes.
/// Guarantees: it is told once, by its peers, and never pages; none of the others is told.
#[test]
fn a_slow_worker_is_seen_without_a_past() {
    let mut plant = Plant::new(&["worker"]);
    let mut dice = Dice(11);
    let mut told = Vec::new();
    let workers = ["w1", "w2", "w3", "w4", "slow"];
    for _ in 0..1_500 {
        let worker = workers[dice.below(5)];
        let factor = if worker == "slow" { 2.0 } else { 1.0 };
        told.extend(plant.span(dice.duration(0.3, factor), &[("worker", worker)]));
    }
    assert_eq!(words(&told)[0], "raised StagePartlySlow price.final worker=slow");
    assert!(told.iter().all(|change| words(std::slice::from_ref(change))[0].ends_with("worker=slow")));
}

/// Scenario: the worker that was slower than its peers becomes as fast as they are.
/// Guarantees: what was told of it is cleared.
#[test]
fn a_worker_that_recovers_is_cleared() {
    let mut config = TrendConfig { lateness_ns: 0, ..TrendConfig::default() }.with_facets(["worker"]);
    // Only the peers speak.
    config.change.warn_at = f64::INFINITY;
    let mut plant = Plant::with(config);
    let mut dice = Dice(12);
    let mut told = Vec::new();
    for round in 0..6_000 {
        let worker = ["w1", "w2", "w3", "slow"][dice.below(4)];
        let factor = if worker == "slow" && round < 600 { 2.5 } else { 1.0 };
        told.extend(plant.span(dice.duration(0.3, factor), &[("worker", worker)]));
    }
    let name = "StagePartlySlow price.final worker=slow";
    assert_eq!(words(&told), [format!("raised {name}"), format!("cleared {name}")]);
    assert!(told.iter().all(|change| change.finding().basis == Basis::Peers));
}

/// Scenario: a worker is slower than its peers; then the whole stage becomes three times as slow.
/// Guarantees: the stage is told beside the worker, and the worker is not told anew.
#[test]
fn a_slow_stage_keeps_the_slow_worker() {
    let mut config = TrendConfig { lateness_ns: 0, ..TrendConfig::default() }.with_facets(["worker"]);
    // So that only the peers speak of a worker.
    config.change.own_baseline_min = 0;
    let mut plant = Plant::with(config);
    let mut dice = Dice(13);
    let mut told = Vec::new();
    for round in 0..2_200 {
        let worker = ["w1", "w2", "w3", "slow"][dice.below(4)];
        let factor = if worker == "slow" { 2.5 } else { 1.0 } * if round < 2_000 { 1.0 } else { 3.0 };
        told.extend(plant.span(dice.duration(0.3, factor), &[("worker", worker)]));
    }
    let names: Vec<&TrendKey> = plant.trends.standing().map(|finding| &finding.key).collect();
    let workers = names.iter().filter(|key| key.facet.is_some()).count();
    assert_eq!((names.len(), workers), (2, 1), "{:?}", words(&told));
    let raised =
        words(&told).iter().filter(|line| *line == "raised StagePartlySlow price.final worker=slow").count();
    assert_eq!(raised, 1, "{:?}", words(&told));
}
