//! Items, packages and links through the whole engine.

use super::*;

const SHOP: &str = "version: 1
keys:
  order.id: anchor
  item.id: { kind: member, bound_in: [place] }
  package.id: shared
defaults: { beat_interval: 15s, warm_up: 0, skew: 0 }
stages: { place: { service: x }, pick: { service: x }, pack: { service: x }, ship: { service: x } }
flow: [place, { loop: { body: pick } }, pack, ship]
";

/// Scenario: two orders of two items each; picked by item, packed into one package together, shipped by package; in all
/// orders of arrival.
/// Guarantees: one journey an order, each whole, with its own items among its keys and not those of the other.
#[test]
fn orders_that_share_a_package() {
    let text = "1s x/1 end place order.id=A item.id=i1,i2
        2s x/1 end place order.id=B item.id=i3,i4
        3s x/1 end pick item.id=i1
        4s x/1 end pick item.id=i3,i4
        5s x/1 end pick item.id=i2
        7s x/1 end pack package.id=p1 item.id=i1,i2,i3,i4
        9s x/1 end ship package.id=p1";
    let signals = scenario::signals(text);
    for shift in 0..signals.len() {
        let mut engine = Engine::new(Definition::parse(SHOP).unwrap());
        let mut memberships = BTreeMap::new();
        for at in 0..signals.len() {
            let signal = &signals[(at * 3 + shift) % signals.len()];
            engine.observe(&signal.resource, &signal.span).unwrap();
            let outputs = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 10 * SECOND_NS);
            memberships.extend(outputs.attempts.into_iter().map(|(attempt, names)| (attempt.id, names)));
        }
        let rows: Vec<&JourneyRow> = engine.told_rows().collect();
        assert_eq!(rows.len(), 2, "shift {shift}");
        assert!(
            rows.iter().all(|row| row.verdict == Verdict::Ok { is_final: true }),
            "shift {shift}: {rows:?}"
        );
        assert_eq!(
            memberships.values().map(|names| names.len()).sum::<usize>(),
            2 + 3 + 4,
            "shift {shift}: {memberships:?}"
        );
        let order = rows.iter().find(|row| &*row.name == "A").unwrap();
        let items = order.keys.iter().filter(|(key, _)| &**key == "item.id").map(|(_, value)| &**value);
        assert_eq!(items.collect::<Vec<_>>(), ["i1", "i2"]);
    }
}

/// Scenario: a member is seen with an order in a stage that does not bind it, and its span waits for ever.
/// Guarantees: it belongs to nobody; it is given up after `expire_after`, and counted.
#[test]
fn what_is_never_bound_is_given_up() {
    let text = SHOP.replace("beat_interval: 15s", "beat_interval: 15s, expire_after: 5m");
    let signals = "1s x/1 end pick order.id=A item.id=i1\n 3s x/1 end ship item.id=i1";
    let (engine, _) = play(Definition::parse(&text).unwrap(), signals, 304);
    assert_eq!((engine.counters().given_up, engine.awake_attempts()), (1, 0));
}

/// Scenario: a consumer's trace without any id links to the publisher's stage; the publisher comes last.
/// Guarantees: it joins the publisher's order.
#[test]
fn a_link_carries_the_key() {
    let mut signals = scenario::signals(
        "1s x/1 end place order.id=A
         3s x/1 end pick trace=t span=s",
    );
    let publisher = &signals[0].span;
    let link = journey_model::Link {
        trace_id: publisher.trace_id,
        span_id: publisher.span_id,
        attributes: Vec::new(),
    };
    signals[1].span.links.push(link);
    signals.reverse();
    let mut engine = Engine::new(Definition::parse(SHOP).unwrap());
    for signal in &signals {
        engine.observe(&signal.resource, &signal.span).unwrap();
    }
    engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 5 * SECOND_NS);
    let group = engine.said.keys().next().copied().unwrap();
    assert_eq!(engine.identity.attempts_in(group), 2);
}

/// Scenario: two orders seem to claim one cart until an earlier span says otherwise.
/// Guarantees: the conflict is reported, and withdrawn.
#[test]
fn a_conflict_that_is_explained_is_withdrawn() {
    let text = "version: 1
keys: { order.id: anchor, cart.id: alias, quote.id: alias }
stages: { a: { service: x } }
flow: { loop: { body: a } }
";
    let mut engine = Engine::new(Definition::parse(text).unwrap());
    let mut see = |line: &str| {
        let signal = scenario::signals(line).remove(0);
        engine.observe(&signal.resource, &signal.span).unwrap();
        let outputs = engine.look(Sight::Seeing { since_ns: 0 }, EPOCH_NS);
        let name = |conflict: &crate::IdentityConflict| format!("{}={}", conflict.key, conflict.value);
        let names = |list: &[crate::IdentityConflict]| list.iter().map(name).collect::<Vec<_>>().join(" ");
        (names(&outputs.conflicts), names(&outputs.conflicts_withdrawn))
    };
    see("5s x/1 end a order.id=A cart.id=c");
    see("6s x/1 end a order.id=B quote.id=q");
    assert_eq!(see("7s x/1 end a cart.id=c quote.id=q"), ("quote.id=q".into(), "".into()));
    // The tie between cart and quote is older than both orders: now the order that comes second is the one refused.
    let (found, withdrawn) = see("4s x/1 end a cart.id=c quote.id=q span=s");
    assert_eq!((found.contains("quote.id=q"), withdrawn.as_str()), (true, "quote.id=q"));
}
