//! The engine's identity against a slow, obvious one: random orders, items, packages and tours in any order of
//! arrival.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;

const DEFINITION: &str = "version: 1
keys:
  order.id: anchor
  cart.id: alias
  item.id: member
  package.id: shared
  tour.id: shared
  user.id: context
stages: { a: { service: x } }
flow: a
";

/// What one span carries.
#[derive(Debug, Clone)]
struct Event {
    at_ns: Nanos,
    trace: u64,
    span: u64,
    keys: Vec<(&'static str, String)>,
    links: Vec<AttemptId>,
}

fn id(trace: u64, span: u64) -> AttemptId {
    AttemptId {
        trace_id: TraceId::from_bytes(u128::from(trace + 1).to_be_bytes()).unwrap(),
        span_id: SpanId::from_bytes((span + 1).to_be_bytes()).unwrap(),
    }
}

impl Event {
    fn attempt(&self) -> Attempt {
        let mut keys: Vec<(Arc<str>, Arc<str>)> =
            self.keys.iter().map(|(key, value)| ((*key).into(), value.as_str().into())).collect();
        keys.sort();
        keys.dedup();
        Attempt {
            id: id(self.trace, self.span),
            parent_span_id: None,
            stage: "a".into(),
            service: "x".into(),
            instance: "i".into(),
            number: 1,
            start_ns: Some(self.at_ns),
            end_ns: Some(self.at_ns),
            outcome: None,
            error_type: None,
            beat_interval_ns: None,
            first_beat_ns: None,
            last_beat_ns: None,
            progress: None,
            idle_ns: None,
            size: None,
            links: self.links.clone(),
            keys: keys.into(),
            facets: [].into(),
        }
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.keys.iter().filter(move |(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    fn orders(&self) -> BTreeSet<&str> {
        self.values("order.id").collect()
    }

    fn stamp(&self) -> Stamp {
        let AttemptId { trace_id, span_id } = id(self.trace, self.span);
        (self.at_ns, trace_id, span_id)
    }
}

type Memberships = BTreeMap<AttemptId, BTreeSet<Arc<str>>>;

/// What the engine's identity says of the events in this order.
fn fast(events: &[Event]) -> Memberships {
    let definition = Definition::parse(DEFINITION).unwrap();
    let mut identity = Identity::default();
    for event in events {
        identity.place(&definition, &event.attempt());
    }
    let mut found: Memberships =
        events.iter().map(|event| (id(event.trace, event.span), BTreeSet::new())).collect();
    for group in identity.groups.keys() {
        for part in identity.parts(&definition, *group).0 {
            for attempt in part.attempts {
                found.get_mut(&attempt).unwrap().insert(part.name.clone());
            }
        }
    }
    found
}

/// The same by the words of the definition, with everything known at once.
fn slow(events: &[Event]) -> Memberships {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| event.stamp());
    // Carts: the earliest order that claims one has it; a cart that nobody claims is a journey by itself.
    let mut carts: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    for event in &events {
        for (cart, order) in event.values("cart.id").zip(event.orders()) {
            carts.entry(cart).or_insert_with(|| order.into());
        }
    }
    let cart = |cart: &str| carts.get(cart).cloned().unwrap_or_else(|| format!("cart.id={cart}").into());
    let own = |event: &Event| -> BTreeSet<Arc<str>> {
        event.values("order.id").map(Into::into).chain(event.values("cart.id").map(cart)).collect()
    };
    let mut items: BTreeMap<&str, BTreeSet<Arc<str>>> = BTreeMap::new();
    for event in &events {
        let orders: Vec<Arc<str>> = match event.orders().len() {
            0 => event.values("cart.id").map(cart).take(1).collect(),
            1 => event.orders().into_iter().map(Into::into).collect(),
            _ => continue,
        };
        for item in event.values("item.id") {
            if let (false, Some(order)) = (items.contains_key(item), orders.first()) {
                items.insert(item, BTreeSet::from([order.clone()]));
            }
        }
    }
    let item = |name: &str| items.get(name).cloned().unwrap_or_default();
    let shared = |key: &'static str, inner: &dyn Fn(&Event) -> BTreeSet<Arc<str>>| {
        let mut all: BTreeMap<String, BTreeSet<Arc<str>>> = BTreeMap::new();
        for event in &events {
            for value in event.values(key) {
                let orders: BTreeSet<Arc<str>> = match event.orders().len() {
                    0 => own(event),
                    _ => event.orders().into_iter().map(Into::into).collect(),
                };
                let journeys = all.entry(value.to_owned()).or_default();
                journeys.extend(orders);
                journeys.extend(event.values("item.id").flat_map(item));
                journeys.extend(inner(event));
            }
        }
        all
    };
    let packages = shared("package.id", &|_| BTreeSet::new());
    let package = |name: &str| packages.get(name).cloned().unwrap_or_default();
    let tours = shared("tour.id", &|event| event.values("package.id").flat_map(package).collect());
    let tour = |name: &str| tours.get(name).cloned().unwrap_or_default();
    let keyed = |event: &Event| -> BTreeSet<Arc<str>> {
        let mut found = own(event);
        if found.is_empty() {
            found.extend(event.values("item.id").flat_map(item));
        }
        found.extend(event.values("package.id").flat_map(package));
        found.extend(event.values("tour.id").flat_map(tour));
        found
    };
    let has = |event: &Event, keys: &[&str]| event.keys.iter().any(|(key, _)| keys.contains(key));
    let leader = |trace: u64| {
        let of_trace = || events.iter().filter(move |event| event.trace == trace);
        of_trace()
            .find(|event| has(event, &["order.id", "cart.id"]))
            .or_else(|| of_trace().find(|event| has(event, &["item.id", "package.id", "tour.id"])))
    };
    let is_keyed = |event: &Event| event.keys.iter().any(|(key, _)| *key != "user.id");
    let follow = |trace: u64| {
        // Breadth does not matter: each trace is asked for its leader, else for its links, three links far.
        fn walk<'e>(
            events: &[&'e Event],
            trace: u64,
            hops: usize,
            leader: &dyn Fn(u64) -> Option<&'e Event>,
            direct: &dyn Fn(&Event) -> BTreeSet<Arc<str>>,
        ) -> BTreeSet<Arc<str>> {
            if let Some(leader) = leader(trace) {
                return direct(leader);
            }
            if hops == 0 {
                return BTreeSet::new();
            }
            let keyless = |event: &&&Event| event.keys.iter().all(|(key, _)| *key == "user.id");
            for sibling in events.iter().filter(|event| event.trace == trace).filter(keyless) {
                let mut links = sibling.links.clone();
                links.sort();
                for link in links {
                    let linked = events.iter().find(|other| id(other.trace, other.span) == link).unwrap();
                    let own = if keyless(&linked) { BTreeSet::new() } else { direct(linked) };
                    let found = if own.is_empty() {
                        walk(events, linked.trace, hops - 1, leader, direct)
                    } else {
                        own
                    };
                    if !found.is_empty() {
                        return found;
                    }
                }
            }
            BTreeSet::new()
        }
        walk(&events, trace, 3, &|trace| leader(trace).copied(), &keyed)
    };
    let found = |event: &&Event| if is_keyed(event) { keyed(event) } else { follow(event.trace) };
    events.iter().map(|event| (id(event.trace, event.span), found(event))).collect()
}

/// Orders with carts, items, packages of several orders, tours of several packages, users of many orders; some spans
/// without keys, some with a link.
fn random_events(random: &mut Random) -> Vec<Event> {
    let (orders, items) = (6, 12);
    let mut events = Vec::new();
    for span in 0..60 {
        let mut keys = Vec::new();
        let mut links = Vec::new();
        let mut pick = |key: &'static str, count: u64| (key, format!("{key}{}", random.below(count)));
        match span % 10 {
            0 => keys.extend([pick("cart.id", orders), pick("user.id", 2)]),
            1 | 2 => {
                // One cart an order mostly; now and then a second order claims it.
                let order = pick("order.id", orders);
                let cart = format!("cart.id{}", order.1.trim_start_matches("order.id"));
                keys.extend([order, ("cart.id", cart), pick("item.id", items), pick("user.id", 2)]);
            }
            3 => keys.extend([pick("order.id", orders), pick("cart.id", orders)]),
            4 => keys.extend([pick("item.id", items), pick("item.id", items)]),
            5 => keys.extend([pick("package.id", 4), pick("item.id", items), pick("item.id", items)]),
            6 => keys.extend([pick("package.id", 4), pick("user.id", 2)]),
            7 => keys.extend([pick("tour.id", 2), pick("package.id", 4)]),
            8 => keys.extend([pick("tour.id", 2)]),
            _ => {}
        }
        if span % 10 == 9 && random.below(2) == 0 {
            links.push(id(random.below(15), random.below(60)));
        }
        if random.below(9) == 0 {
            keys.push(("order.id", format!("order.id{}", random.below(orders))));
        }
        events.push(Event { at_ns: random.below(1_000), trace: random.below(25), span, keys, links });
    }
    // A link leads to where the linked span is.
    let traces: Vec<u64> = events.iter().map(|event| event.trace).collect();
    for event in &mut events {
        for link in &mut event.links {
            let span = u64::from_be_bytes(link.span_id.to_bytes()) - 1;
            *link = id(traces[span as usize], span);
        }
        event.links.retain(|link| link.trace_id != id(event.trace, 0).trace_id);
    }
    events
}

/// Scenario: random spans with every kind of key, in ten orders of arrival each, some twice.
/// Guarantees: the same memberships as the obvious way finds, whatever the order. The seed is printed.
#[test]
fn any_order_of_arrival_gives_the_memberships_of_the_slow_model() {
    for seed in 1..=60 {
        let mut random = Random((seed * 0x9e37_79b9) | 1);
        let events = random_events(&mut random);
        let expected = slow(&events);
        for shuffle in 0..10 {
            let mut order = events.clone();
            order.extend(events.iter().step_by(20).cloned());
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at as u64 + 1) as usize);
            }
            let found = fast(&order);
            for event in &events {
                let attempt = id(event.trace, event.span);
                assert_eq!(found[&attempt], expected[&attempt], "seed {seed}, shuffle {shuffle}: {event:?}");
            }
        }
    }
}

/// Scenario: a package with items of two orders, and one that more orders share than a value may stand for.
/// Guarantees: the spans of the first belong to both orders and join nothing; the second names none.
#[test]
fn a_package_joins_no_orders() {
    let event = |span: u64, keys: &[(&'static str, &str)]| Event {
        at_ns: span,
        trace: span,
        span,
        keys: keys.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
        links: Vec::new(),
    };
    let mut events = vec![
        event(1, &[("order.id", "A"), ("item.id", "i1")]),
        event(2, &[("order.id", "B"), ("item.id", "i2")]),
        event(3, &[("package.id", "p"), ("item.id", "i1"), ("item.id", "i2")]),
        event(4, &[("package.id", "p")]),
        event(5, &[("item.id", "i1")]),
    ];
    let names = |found: &Memberships, span| {
        found[&id(span, span)].iter().map(|name| name.to_string()).collect::<Vec<_>>()
    };
    let found = fast(&events);
    assert_eq!([4, 5].map(|span| names(&found, span)), [vec!["A", "B"], vec!["A"]]);
    let many = 300;
    for n in 10..10 + many {
        events.push(event(n, &[("order.id", &format!("o{n}")), ("package.id", "all")]));
    }
    events.push(event(1_000, &[("package.id", "all")]));
    let found = fast(&events);
    assert_eq!((names(&found, 1_000), names(&found, 10)), (vec![], vec!["o10".to_owned()]));
}

/// Scenario: orders, their items and packages are forgotten one by one.
/// Guarantees: nothing is left of them, and what belongs to others too stays with those.
#[test]
fn what_is_forgotten_leaves_nothing() {
    let definition = Definition::parse(DEFINITION).unwrap();
    for seed in 1..=20 {
        let events = random_events(&mut Random(seed * 77 + 1));
        let mut identity = Identity::default();
        events.iter().for_each(|event| drop(identity.place(&definition, &event.attempt())));
        while let Some(group) = identity.groups.keys().min().copied() {
            identity.forget(group);
            let attached = identity.attached.values().flatten();
            assert!(
                attached.into_iter().all(|attempt| identity.groups_of(*attempt).next().is_some()),
                "seed {seed}"
            );
        }
        identity.give_up_waiting(0, 0);
        identity.give_up_waiting(1, 0);
        assert!(identity.nodes.is_empty() && identity.homes.is_empty() && identity.targets.is_empty());
        assert!(identity.attached.values().all(BTreeSet::is_empty), "seed {seed}");
        assert!(identity.references.is_empty(), "seed {seed}");
        assert!(identity.traces.is_empty(), "seed {seed}: {:?}", identity.traces);
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}
