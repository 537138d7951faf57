//! Everything at once in any order of arrival: items and packages, lost numbers, retries, late and repeated spans.

use super::order::{Random, shuffle};
use super::*;

pub(super) const EVERYTHING: &str = "version: 1
keys:
  order.id: anchor
  cart.id: alias
  item.id: member
  package.id: shared
defaults: { beat_interval: 15s, warm_up: 0, skew: 50ms, expire_after: 90d }
stages:
  fill: { service: shop }
  place: { service: shop }
  pay: { service: bank }
  pick: { service: store }
  pack: { service: store }
  ship: { service: store }
flow:
  sequence: [{ optional: fill }, place, { parallel: [pay, { loop: { body: pick } }] }, pack, ship]
rules:
  - { name: paid, response: { first: place, then: pay, within: 2h } }
  - { name: paid_first, precedence: { first: pay, then: ship } }
";

pub(super) fn everything() -> Definition {
    Definition::parse(EVERYTHING).unwrap()
}

/// Orders of two items each; two orders a package. The picks of one order in six are lost with their numbers, some payments fail often,
/// some orders come in a wrong order.
pub(super) fn signals(random: &mut Random) -> Vec<Signal> {
    let mut text = String::new();
    let mut seq = 0;
    for pair in 0..20 {
        let at = pair * 600;
        for order in [2 * pair, 2 * pair + 1] {
            let items = format!("i{order}a,i{order}b");
            text += &format!("{at}s shop/1 end fill cart.id=c{order} trace=t{order}\n");
            text += &format!(
                "{}s shop/1 end place order.id=o{order} cart.id=c{order} item.id={items} trace=t{order}\n",
                at + 1
            );
            for n in 0..[0, 0, 0, 0, 0, 14][random.below(6) as usize] {
                text += &format!(
                    "{}s bank/1 end pay order.id=o{order} span=p{order}-{n} outcome=failed\n",
                    at + 2 + n
                );
            }
            if random.below(3) > 0 {
                text += &format!("{}s bank/1 end pay cart.id=c{order}\n", at + 20);
            }
            let is_lost = random.below(6) == 0;
            for item in ["a", "b"] {
                seq += 1;
                if !is_lost {
                    let at = at + 30 + seq % 7;
                    text += &format!("{at}s store/1 end pick item.id=i{order}{item} seq={seq}\n");
                }
            }
        }
        let items: Vec<String> =
            [2 * pair, 2 * pair + 1].iter().map(|order| format!("i{order}a,i{order}b")).collect();
        let pack = if random.below(5) == 0 { 3 } else { 50 };
        text += &format!("{}s store/1 end pack package.id=k{pair} item.id={}\n", at + pack, items.join(","));
        text += &format!("{}s store/1 end ship package.id=k{pair}\n", at + 60);
    }
    scenario::signals(&text)
}

/// The final tables as text.
fn tables(order: &[Signal], until_ns: Nanos) -> String {
    let mut engine = Engine::new(everything());
    let mut memberships = BTreeMap::new();
    let (mut conflicts, mut now) = (BTreeSet::new(), EPOCH_NS);
    let mut look = |engine: &mut Engine, now: Nanos| {
        let outputs = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, now);
        memberships.extend(outputs.attempts.into_iter().map(|(attempt, names)| (attempt.id, names)));
        for conflict in outputs.conflicts_withdrawn {
            conflicts.remove(&format!("{conflict:?}"));
        }
        conflicts.extend(outputs.conflicts.iter().map(|conflict| format!("{conflict:?}")));
    };
    for (at, signal) in order.iter().enumerate() {
        now = now.max(signal.at_ns);
        engine.observe(&signal.resource, &signal.span).unwrap();
        if at % 5 == 0 {
            look(&mut engine, now);
        }
    }
    look(&mut engine, until_ns);
    let mut rows: Vec<JourneyRow> = engine.told_rows().cloned().collect();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let mut findings: Vec<String> = engine.standing().map(|finding| format!("{finding:?}")).collect();
    findings.sort();
    format!("{rows:#?}\n{findings:#?}\n{memberships:#?}\n{conflicts:#?}\n{:?}", engine.loss_rate())
}

/// Scenario: a hundred orders of arrival: each with a twentieth of the spans twice, three in ten up to a day late.
/// Guarantees: the same journeys, verdicts, storms, findings, memberships and conflicts. The seed is printed.
#[test]
fn a_hundred_orders_of_arrival_end_in_the_same_tables() {
    let until_ns = EPOCH_NS + 30 * 86_400 * SECOND_NS;
    let on_time = signals(&mut Random(7));
    let expected = tables(&on_time, until_ns);
    for word in ["EvidenceGap", "Violated", "is_final: true", "rule: Some(\n", "Storm {"] {
        let flat = word.trim_end_matches('\n');
        assert!(expected.contains(flat), "the scenario has no {flat}");
    }
    for seed in 1..=100 {
        let mut late = on_time.clone();
        let mut random = Random((seed * 0x9e37_79b9) | 1);
        for signal in &mut late {
            if random.below(10) < 3 {
                signal.at_ns += random.below(86_400) * SECOND_NS;
            }
        }
        if seed % 2 == 0 {
            shuffle(&mut late, seed);
        } else {
            late.extend(on_time.iter().step_by(20).cloned());
            late.sort_by_key(|signal| signal.at_ns);
        }
        let found = tables(&late, until_ns);
        if found != expected {
            let differs = found.lines().zip(expected.lines()).find(|(one, other)| one != other);
            panic!("seed {seed}: {differs:?}");
        }
    }
}
