//! Journeys that share nothing with others, and what ends that.

use journey_model::{Attribute, Value};

use super::*;

const SEEING: Sight = Sight::Seeing { since_ns: EPOCH_NS };

/// An engine that takes journeys for plain, or none, and plays the text with a look after each span.
fn played(definition: Definition, is_plain: bool, ready_max: usize, text: &str) -> (Engine, Vec<String>) {
    let mut engine = Engine::new(definition);
    engine.ready_max = ready_max;
    if !is_plain {
        engine.plain_attempts_max = 0;
    }
    let mut filed = BTreeMap::new();
    for signal in scenario::signals(text) {
        engine.observe(&signal.resource, &signal.span).unwrap();
        let outputs = engine.look(SEEING, signal.at_ns);
        filed.extend(outputs.attempts.into_iter().map(|(attempt, names)| (attempt.id, (attempt, names))));
    }
    let filed = filed.into_values().map(|(attempt, names)| format!("{} {names:?}", attempt.stage));
    let mut filed: Vec<String> = filed.collect();
    filed.sort();
    (engine, filed)
}

/// Scenario: a span without a key follows the first span of its trace; then the end of another one of that trace comes,
/// which says that it began before.
/// Guarantees: what follows the trace follows that one, though the journeys were at rest.
#[test]
fn who_follows_a_trace_follows_whoever_began_first() {
    for trace in 0..10 {
        let text = format!(
            "10s x/1 end place order.id=o2 trace=t{trace} span=a
             12s x/1 end pay trace=t{trace} span=k
             13s x/1 beat fill cart.id=c1 trace=t{trace} span=b
             30s x/1 end fill cart.id=c1 trace=t{trace} span=b took=28s"
        );
        for (is_plain, ready_max) in [(false, usize::MAX), (true, usize::MAX), (true, 1), (true, 0)] {
            let (_, filed) = played(shuffled::everything(), is_plain, ready_max, &text);
            assert_eq!(
                filed[1], r#"pay ["cart.id=c1"]"#,
                "trace {trace}, plain {is_plain}, {ready_max} ready"
            );
        }
    }
}

/// Scenario: two orders share a package; one of them is abandoned in the very look in which the other one gets its name.
/// Guarantees: the other one keeps the span that both had.
#[test]
fn what_is_shared_outlives_one_of_its_orders() {
    let day = 86_400;
    let text = format!(
        "1s x/1 end pack order.id=o1 package.id=k1
         2s x/1 end pack cart.id=c2 package.id=k1 span=b
         {}s x/1 end pay cart.id=c2 span=c
         {}s x/1 end pay cart.id=c2 order.id=o2 span=d",
        20 * day,
        40 * day
    );
    let definition = shuffled::EVERYTHING.replace("90d", "30d");
    for is_plain in [false, true] {
        let (engine, filed) = played(Definition::parse(&definition).unwrap(), is_plain, usize::MAX, &text);
        assert_eq!((engine.journeys(), engine.counters().expired), (1, 1));
        assert_eq!(filed, [r#"pack ["o2"]"#, r#"pack ["o2"]"#, r#"pay ["o2"]"#, r#"pay ["o2"]"#]);
    }
}

/// Scenario: a hundred carts, each in a trace of its own, become orders in one trace of a batch job.
/// Guarantees: the trace leads to no more of them than may wake at once.
#[test]
fn a_crowded_trace_leads_to_few() {
    let carts = (0..100).map(|n| format!("1s x/1 end fill cart.id=c{n}\n"));
    let orders = (0..100).map(|n| format!("3s x/1 end place cart.id=c{n} order.id=o{n} trace=t span=s{n}\n"));
    let text: String = carts.chain(orders).collect();
    let (engine, _) = played(shuffled::everything(), true, 0, &text);
    let last = &scenario::signals("4s x/1 end pay trace=t")[0];
    let Observation::Stage(attempt, _) =
        Engine::new(shuffled::everything()).observed(&last.resource, &last.span)
    else {
        panic!("it is a stage")
    };
    let leads_to = engine.shelf.of_trace(&attempt).count();
    assert_eq!((leads_to, engine.journeys()), (crate::limits::RESTING_PER_MARK_MAX, 100));
}

/// Scenario: two spans have true as their cart.
/// Guarantees: that is no id, and ties nothing.
#[test]
fn true_is_no_id() {
    let mut engine = Engine::new(shuffled::everything());
    for mut signal in
        scenario::signals("1s x/1 end fill cart.id=c order.id=a\n2s x/1 end fill cart.id=c order.id=b")
    {
        let cart = signal.span.attributes.iter_mut().find(|attribute| attribute.key == "cart.id");
        *cart.unwrap() = Attribute::new("cart.id", Value::Bool(true));
        engine.observe(&signal.resource, &signal.span).unwrap();
    }
    let outputs = engine.look(SEEING, EPOCH_NS + 3 * SECOND_NS);
    assert_eq!((outputs.journeys.len(), outputs.conflicts), (2, vec![]));
}

/// Scenario: one order rests after each of its beats, thousands of times.
/// Guarantees: it is remembered once.
#[test]
fn who_rests_often_is_remembered_once() {
    let mut engine = Engine::new(shuffled::everything());
    engine.ready_max = 0;
    let start = "1s x/1 start fill cart.id=c1 interval=15s\n".to_owned();
    let beats = (2..4_000).map(|n| format!("{n}s x/1 beat fill cart.id=c1 interval=15s\n"));
    for signal in scenario::signals(&[start].into_iter().chain(beats).collect::<String>()) {
        engine.observe(&signal.resource, &signal.span).unwrap();
        engine.look(SEEING, signal.at_ns);
    }
    assert_eq!((engine.shelf.len(), engine.shelf.remembered() <= 1_100), (1, true));
}
