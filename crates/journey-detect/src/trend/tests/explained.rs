//! Which of many slow things is told.

use super::*;

/// One fault in a stage with workers, materials and machines.
fn play(seed: u64, spans: usize, slow: impl Fn(&str, &str, &str) -> f64) -> (Plant, Vec<TrendChange>) {
    let mut plant = Plant::new(&["material", "worker", "machine"]);
    let mut dice = Dice(seed);
    let mut told = Vec::new();
    for round in 0..4_000 + spans {
        let worker = ["w1", "w2", "w3", "w4", "w5", "w6"][dice.below(6)];
        let material = ["PLA", "ABS", "PETG"][dice.below(3)];
        // Each worker has a machine of its own.
        let machine = worker.replace('w', "m");
        let factor = if round < 4_000 { 1.0 } else { slow(material, worker, &machine) };
        let facets = [("worker", worker), ("material", material), ("machine", machine.as_str())];
        let changes = plant.span(dice.duration(0.5, factor), &facets);
        if round >= 4_000 {
            told.extend(changes);
        }
    }
    (plant, told)
}

fn standing(plant: &Plant) -> Vec<String> {
    let raised = plant.trends.standing().map(|finding| TrendChange::Raised(finding.clone()));
    words(&raised.collect::<Vec<_>>())
}

/// Scenario: one of six workers is three times as slow; its machine, which nobody else uses, is too.
/// Guarantees: one finding stays, named by the facet that the configuration lists first: not the stage, not the
/// machine; nothing else is paged.
#[test]
fn facets_of_the_same_spans_are_told_once() {
    for seed in 0..5 {
        let (plant, told) = play(seed, 600, |_, worker, _| if worker == "w3" { 3.0 } else { 1.0 });
        assert_eq!(standing(&plant), ["raised StagePartlySlow price.final worker=w3"], "seed {seed}");
        let paged = told.iter().map(TrendChange::finding).filter(|finding| finding.paged_at_ns.is_some());
        let paged: Vec<_> =
            paged.filter_map(|finding| finding.key.facet.as_ref()?.value.as_deref()).collect();
        assert!(paged.iter().all(|value| *value == "w3") && !paged.is_empty(), "seed {seed}: {paged:?}");
    }
}

/// Scenario: everything is twice as slow.
/// Guarantees: the stage is told, and none of its thirteen facet values stays.
#[test]
fn a_slow_stage_hides_its_facets() {
    for seed in 0..5 {
        let (plant, _) = play(seed, 600, |_, _, _| 2.0);
        assert_eq!(standing(&plant), ["raised StageSlow price.final"], "seed {seed}");
    }
}

/// Scenario: one material is slow, whoever works on it.
/// Guarantees: the material is told: the most general set that is slow throughout; no worker.
#[test]
fn the_most_general_set_is_told() {
    for seed in 0..5 {
        let (plant, _) = play(seed, 900, |material, _, _| if material == "ABS" { 2.5 } else { 1.0 });
        assert_eq!(standing(&plant), ["raised StagePartlySlow price.final material=ABS"], "seed {seed}");
        assert!(plant.trends.standing().all(|finding| finding.within.is_none()), "seed {seed}");
    }
}

/// Scenario: two of six workers are three times as slow.
/// Guarantees: both are told, by name, and the stage is not.
#[test]
fn two_faults_are_two_findings() {
    for seed in 0..5 {
        let (plant, _) =
            play(seed, 600, |_, worker, _| if ["w1", "w5"].contains(&worker) { 3.0 } else { 1.0 });
        let mut found = standing(&plant);
        found.sort();
        let expected =
            ["w1", "w5"].map(|worker| format!("raised StagePartlySlow price.final worker={worker}"));
        assert_eq!(found, expected, "seed {seed}");
    }
}

/// Scenario: only one worker with one material is slow, and very much so.
/// Guarantees: what is told names both: one value, and the other within it.
#[test]
fn a_pair_is_told_as_one_value_within_another() {
    for seed in 0..5 {
        let slow = |material: &str, worker: &str, _: &str| {
            if (material, worker) == ("ABS", "w3") { 12.0 } else { 1.0 }
        };
        let (plant, _) = play(seed, 1_500, slow);
        let found: Vec<_> = plant.trends.standing().collect();
        assert_eq!(found.len(), 1, "seed {seed}: {:?}", standing(&plant));
        let names = [found[0].key.facet.clone(), found[0].within.clone()].map(|label| {
            let label = label.unwrap_or_else(|| panic!("seed {seed}: {:?}", found[0]));
            label.value.unwrap().into_string()
        });
        assert!(names.contains(&"ABS".into()), "seed {seed}: {names:?}");
        assert!(names.contains(&"w3".into()) || names.contains(&"m3".into()), "seed {seed}: {names:?}");
    }
}

/// Scenario: two gaps become slow in one week, a third a month later.
/// Guarantees: the first two have one cause, the third has its own.
#[test]
fn what_came_together_has_one_cause() {
    let mut plant = Plant::new(&[]);
    plant.pace_ns = 10 * MINUTE_NS;
    let mut dice = Dice(9);
    let mut causes = std::collections::BTreeMap::new();
    for round in 0..9_000 {
        let slow = |from: usize| if round >= from { 3.0 } else { 1.0 };
        let waits = [
            Wait { since: Since::Stage("a"), wait_ns: dice.duration(0.4, slow(3_000)) },
            Wait { since: Since::Stage("b"), wait_ns: dice.duration(0.4, slow(3_003)) },
            Wait { since: Since::Stage("c"), wait_ns: dice.duration(0.4, slow(8_000)) },
        ];
        for change in plant.give(dice.duration(0.4, 1.0), |sample| sample.waits = &waits) {
            let finding = change.finding();
            causes.insert(finding.key.from.clone(), finding.cause_ns);
        }
    }
    let causes: Vec<Nanos> = causes.into_values().collect();
    assert_eq!(causes.len(), 3);
    assert_eq!(causes[0], causes[1]);
    assert_ne!(causes[0], causes[2]);
}

/// Scenario: everything is three times as slow, with durations that spread over more than a decade.
/// Guarantees: from when the stage was told no part of it is: soon after a change a part looks usual by chance.
#[test]
fn a_slow_stage_is_not_told_in_parts() {
    for seed in 0..20 {
        let mut plant = Plant::new(&["material", "region"]);
        let mut dice = Dice(seed);
        let mut told = Vec::new();
        for round in 0..1_800 {
            let material = ["PLA", "PLA", "PLA", "ABS", "ABS", "PETG"][dice.below(6)];
            let region = ["eu", "us", "eu", "af"][dice.below(4)];
            let factor = if round < 1_500 { 1.0 } else { 3.0 };
            told.extend(
                plant.span(dice.duration(0.8, factor), &[("material", material), ("region", region)]),
            );
        }
        let words = words(&told);
        let whole = words.iter().position(|word| word == "raised StageSlow price.final");
        let behind = &words[whole.unwrap_or_else(|| panic!("seed {seed}: {words:?}"))..];
        let parts = behind.iter().filter(|word| word.starts_with("raised StagePartlySlow")).count();
        assert_eq!(parts, 0, "seed {seed}: {words:?}");
    }
}
