//! The same spans in any order of arrival.

use super::*;

/// Scenario: the same signals in a hundred orders of arrival, with repeats.
/// Guarantees: the same journeys, verdicts and findings in the end, and whoever wrote down what was reported on the
/// way knows the journey of every attempt.
#[test]
fn any_order_of_arrival_gives_the_same_tables() {
    let swapped =
        delivered().replace("packed", "tmp").replace("polishing", "packed").replace("tmp", "polishing");
    let other = delivered().replace("=A", "=B").replace("=c1", "=c2").replace("=p1", "=p2");
    let other = other.lines().filter(|line| !line.contains("price_form")).collect::<Vec<_>>().join("\n");
    let signals: Vec<Signal> =
        [&*swapped, &*other, UP_TO_PRICE].iter().flat_map(|text| scenario::signals(text)).collect();
    let tables = |order: &mut dyn FnMut(&mut Vec<Signal>)| {
        let mut signals = signals.clone();
        order(&mut signals);
        let mut engine = Engine::new(shipped());
        let mut memberships = BTreeMap::new();
        for signal in &signals {
            engine.observe(&signal.resource, &signal.span).unwrap();
            let outputs = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 300 * SECOND_NS);
            memberships.extend(outputs.attempts.into_iter().map(|(attempt, names)| (attempt.id, names)));
        }
        let mut rows: Vec<JourneyRow> = engine.told_rows().cloned().collect();
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        let mut findings: Vec<Finding> = engine.standing.values().flatten().cloned().collect();
        findings.sort_by(|one, other| one.key.cmp(&other.key));
        (rows, findings, memberships)
    };
    let expected = tables(&mut |_| {});
    assert_eq!(expected.0.len(), 2);
    assert_eq!(expected.1.len(), 2, "{:?}", expected.1);
    assert!(expected.2.values().all(|names| **names == ["A".into()] || **names == ["B".into()]));
    for seed in 1..=100 {
        let shuffled = tables(&mut |signals| shuffle(signals, seed));
        assert_eq!(shuffled, expected, "seed {seed}");
    }
}

/// Scenario: random spans of a few orders, carts and traces: with and without keys, in conflict, failed, open, beating,
/// in all orders of arrival, with repeats.
/// Guarantees: no panic, and the same journeys, verdicts, findings and memberships in the end. The seed is printed.
#[test]
fn random_spans_in_any_order_give_the_same_tables() {
    for seed in 1..=40 {
        let signals = random_signals(&mut Random(seed));
        let tables = |order: &[Signal]| {
            let mut engine = Engine::new(shipped());
            let mut memberships = BTreeMap::new();
            for signal in order {
                // A marker without its stage is refused whenever it comes.
                let _ = engine.observe(&signal.resource, &signal.span);
                let outputs = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 300 * SECOND_NS);
                memberships.extend(outputs.attempts.into_iter().map(|(attempt, names)| (attempt.id, names)));
            }
            let mut rows: Vec<JourneyRow> = engine.told_rows().cloned().collect();
            rows.sort_by(|one, other| one.name.cmp(&other.name));
            let mut findings: Vec<Finding> = engine.standing.values().flatten().cloned().collect();
            findings.sort_by(|one, other| (&one.key, &one.cause).cmp(&(&other.key, &other.cause)));
            (rows, findings, memberships)
        };
        let expected = tables(&signals);
        for shuffled in 1..=5 {
            let mut order = signals.clone();
            shuffle(&mut order, seed * 100 + shuffled);
            assert_eq!(tables(&order), expected, "seed {seed}, shuffle {shuffled}");
        }
    }
}

/// Twenty-five stage spans, and forty signals of them that carry some of their keys each.
pub(super) fn random_signals(random: &mut Random) -> Vec<Signal> {
    let stages: Vec<String> = shipped().stages.into_iter().map(|stage| stage.name.to_string()).collect();
    let spans: Vec<(String, Vec<String>)> = (0..25)
        .map(|span| {
            let stage = &stages[random.below(stages.len() as u64) as usize];
            let head = format!("{stage} span=s{span} trace=t{}", random.below(6));
            let keys = [("order.id", 4), ("cart.id", 3), ("production.id", 3)];
            let of = keys.into_iter().map(|(key, values)| (key, random.below(values + 2), values));
            let carried = of.filter(|(_, value, values)| value < values);
            (head, carried.map(|(key, value, _)| format!(" {key}={key}{value}")).collect())
        })
        .collect();
    let mut text = String::new();
    for n in 0..40 {
        let (head, keys) = &spans[random.below(25) as usize];
        let kind = ["end", "end", "end", "start", "beat"][random.below(5) as usize];
        text += &format!("{}ms x-api/1 {kind} {head}", 2_000 + n * 977);
        keys.iter().filter(|_| random.below(4) > 0).for_each(|key| text += key);
        text += ["", "", "", "", " outcome=failed"][random.below(5) as usize];
        text += "\n";
    }
    scenario::signals(&text)
}

/// xorshift64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// Fisher-Yates, and every twentieth signal once more.
pub(super) fn shuffle(signals: &mut Vec<Signal>, seed: u64) {
    let repeats: Vec<Signal> = signals.iter().step_by(20).cloned().collect();
    signals.extend(repeats);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for at in (1..signals.len()).rev() {
        signals.swap(at, random.below(at as u64 + 1) as usize);
    }
}
