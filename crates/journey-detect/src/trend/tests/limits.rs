//! What happens at each bound.

use super::*;
use crate::limits::{
    FACET_CELLS_MAX, FACET_KEYS_MAX, FACET_VALUES_MAX, HELD_VALUES_MAX, SAMPLES_WAITING_MAX, SERIES_MAX,
};

/// Scenario: a configuration with twenty facets.
/// Guarantees: the first twelve are used.
#[test]
fn facets_beyond_the_bound_are_left_out() {
    let names: Vec<String> = (0..20).map(|at| format!("facet.{at}")).collect();
    let trends = Trends::new(TrendConfig { facets: names, ..TrendConfig::default() });
    assert_eq!(trends.config.facets.len(), FACET_KEYS_MAX);
}

/// Scenario: two hundred values of one facet, each seen five times, then once more.
/// Guarantees: 64 are followed, all others together are one; a value is followed from its second sight on.
#[test]
fn values_beyond_the_bound_count_together() {
    let mut plant = Plant::new(&["user"]);
    let names: Vec<String> = (0..200).map(|at| format!("user {at}")).collect();
    for round in 0..5 {
        for (at, name) in names.iter().enumerate() {
            plant.span(SECOND_NS, &[("user", name)]);
            let followed = plant.trends.series[0].facets[0].values.len();
            let expected = if round == 0 { 0 } else { (round * 200 + at + 1 - 200).min(FACET_VALUES_MAX) };
            assert_eq!(followed, expected);
        }
    }
    let other = plant.trends.series[0].facets[0].other.as_ref().unwrap();
    assert_eq!(other.baseline().total(), 4 * (200 - FACET_VALUES_MAX as u64));
    assert_eq!(plant.trends.cells, FACET_VALUES_MAX);
}

/// Scenario: 64 workers, then 64 new ones, as after a deployment: at once, and a day later.
/// Guarantees: a value gives its place up once it was silent for a day, not before; nothing grows.
#[test]
fn a_silent_value_gives_its_place_up() {
    let mut plant = Plant::new(&["service.instance.id"]);
    let run = |plant: &mut Plant, name: &str| {
        for _ in 0..3 {
            for at in 0..FACET_VALUES_MAX {
                plant.span(SECOND_NS, &[("service.instance.id", &format!("{name}-{at}"))]);
            }
        }
        let facet = &plant.trends.series[0].facets[0];
        let words = (0..FACET_VALUES_MAX).filter_map(|slot| facet.word(slot as u8));
        words.filter(|word| plant.trends.words.text(*word).starts_with(name)).count()
    };
    assert_eq!(run(&mut plant, "old"), FACET_VALUES_MAX);
    assert_eq!(run(&mut plant, "next"), 0);
    plant.at_ns += DAY_NS;
    assert_eq!(run(&mut plant, "new"), FACET_VALUES_MAX);
    assert_eq!(plant.trends.cells, FACET_VALUES_MAX);
}

/// Scenario: stages with twelve facets of 64 values each, more than all cells together.
/// Guarantees: no more cells than the bound; further values count among the others.
#[test]
fn cells_are_bounded() {
    let keys: Vec<String> = (0..FACET_KEYS_MAX).map(|at| format!("facet.{at}")).collect();
    let mut plant = Plant::new(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let per_stage = FACET_KEYS_MAX * FACET_VALUES_MAX;
    for stage in 0..FACET_CELLS_MAX / per_stage + 2 {
        let stage = format!("stage {stage}");
        for value in (0..FACET_VALUES_MAX).chain(0..FACET_VALUES_MAX) {
            let value = format!("value {value}");
            let facets: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
            plant.give(SECOND_NS, |sample| {
                sample.stage = &stage;
                sample.facets = &facets;
            });
        }
    }
    assert_eq!(plant.trends.cells, FACET_CELLS_MAX);
    let last = plant.trends.series.last().unwrap();
    assert!(last.facets.iter().all(|facet| facet.values.is_empty() && facet.other.is_some()));
    assert!(plant.trends.heap_bytes() < 16 << 20, "{}", plant.trends.heap_bytes());
}

/// Scenario: more stages than there may be series.
/// Guarantees: the further ones are not followed, and counted.
#[test]
fn series_are_bounded() {
    let mut plant = Plant::new(&[]);
    for stage in 0..SERIES_MAX + 10 {
        let stage = format!("stage {stage}");
        plant.give(SECOND_NS, |sample| sample.stage = &stage);
    }
    assert_eq!(plant.trends.series.len(), SERIES_MAX);
    // Once for its outcome, once for its duration.
    assert_eq!(plant.trends.counters().series_full, 20);
}

/// Scenario: one sample more waits than may, and then all are looked at without waiting.
/// Guarantees: the earliest is taken at once and counted; nothing is lost, and no text stays behind.
#[test]
fn samples_that_wait_are_bounded() {
    let mut trends = Trends::new(TrendConfig::default());
    let sample = Sample {
        id: id(0),
        at_ns: BEGIN_NS,
        stage: "price.final",
        service: "mes-api",
        journey: "",
        duration_ns: SECOND_NS,
        failed: false,
        size: None,
        waits: &[],
        facets: &[],
    };
    for number in 0..=SAMPLES_WAITING_MAX as u64 {
        trends.observe(&Sample { id: id(number), at_ns: BEGIN_NS + number, ..sample.clone() });
    }
    trends.advance(BEGIN_NS);
    assert_eq!((trends.counters().hurried, trends.waiting()), (1, SAMPLES_WAITING_MAX));
    trends.advance(Nanos::MAX);
    assert_eq!((trends.counters().samples, trends.waiting()), (SAMPLES_WAITING_MAX as u64 + 1, 0));
    assert_eq!(trends.words.len(), 2);
}

/// Scenario: values rise a little for ever, so that the sum never returns to 0 and the ratio is too small to tell.
/// Guarantees: no more than the bound are held; what falls out counts as usual.
#[test]
fn held_values_are_bounded() {
    let mut plant = Plant::new(&[]);
    let mut dice = Dice(1);
    for round in 0..6_000 {
        plant.span(dice.duration(0.2, if round < 500 { 1.0 } else { 1.15 }), &[]);
        assert!(plant.trends.series[0].whole.since_change().total() <= HELD_VALUES_MAX as u64);
    }
    assert!(plant.trends.series[0].whole.baseline().total() >= 1_000);
}

/// Scenario: a stage with 50 values of one facet, 1 000 spans a day, for 75 days.
/// Guarantees: what is kept stays below 1.3 MB: days leave once later ones hold enough.
#[test]
fn memory_stays_bounded_over_weeks() {
    let mut plant = Plant::new(&["worker"]);
    plant.pace_ns = DAY_NS / 1_000;
    let mut dice = Dice(4);
    let names: Vec<String> = (0..50).map(|at| format!("worker {at}")).collect();
    let mut bytes = Vec::new();
    for day in 0..75 {
        for _ in 0..1_000 {
            plant.span(dice.duration(1.0, 1.0), &[("worker", &names[dice.below(50)])]);
        }
        if [54, 74].contains(&day) {
            bytes.push(plant.trends.heap_bytes());
        }
    }
    assert!(bytes[1] < 1_300_000 && bytes[1] < bytes[0] * 11 / 10, "{bytes:?}");
}
