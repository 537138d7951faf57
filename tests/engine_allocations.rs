//! What reading and following a signal may allocate: a gate that counts, and takes no time.
//!
//! A test binary of its own, because the allocator that counts is one for the whole process. The load is that of
//! `cargo xtask bench engine`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "the benches use more of it")]
#[path = "../benches/support/orders.rs"]
mod orders;
#[path = "../benches/support/script.rs"]
mod script;

use allocation_counter::measure;
use journey_detect::{Definition, Engine, Sight};
use journey_otlp::wire;
use orders::Orders;

/// Scenario: a body of 64 spans is read, and one of 512.
/// Guarantees: the larger one allocates as often as the smaller one: lists for a resource and a span, nothing per span.
#[test]
fn reading_a_span_allocates_nothing() {
    let mut orders = Orders::new(100);
    orders.spread(|_, _| ());
    let mut count = |spans: usize| {
        let mut body = Vec::new();
        orders.next(spans, |bytes, _| body = bytes.to_vec());
        let mut seen = 0;
        let counted = measure(|| {
            wire::walk(&body, |_, span| {
                span.unwrap();
                seen += 1;
            })
            .unwrap();
        });
        assert!(seen >= spans, "{seen} of {spans} spans were read");
        counted.count_total
    };
    let (few, many) = (count(64), count(512));
    assert_eq!(few, many);
    assert!(many <= LISTS_MAX, "{many} allocations");
}

/// Scenario: a thousand open orders are under way, and every signal is one of another order.
/// Guarantees: to read and follow a signal, and to say what changed, allocates at most as often as written here.
#[test]
fn following_a_signal() {
    let definition = include_str!("../crates/journey-analyzer/journeys.yaml");
    let mut engine = Engine::new(Definition::parse(definition).unwrap());
    let mut orders = Orders::new(1_000);
    orders.spread(|body, now_ns| take(&mut engine, &[body], now_ns));
    let mut allocations = 0;
    for _ in 0..BATCHES {
        let mut bodies = Vec::new();
        orders.next(BATCH_SIGNALS, |body, _| bodies.push(body.to_vec()));
        let now_ns = orders.now_ns();
        let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        allocations += measure(|| take(&mut engine, &bodies, now_ns)).count_total;
    }
    assert_eq!(engine.counters().repeats, 0);
    let per_signal = allocations / (BATCHES * BATCH_SIGNALS as u64);
    assert!(per_signal <= SIGNAL_ALLOCATIONS_MAX, "{per_signal} allocations per signal");
}

fn take(engine: &mut Engine, bodies: &[&[u8]], now_ns: u64) {
    for body in bodies {
        wire::walk(body, |resource, span| engine.observe(resource, span.unwrap()).unwrap()).unwrap();
    }
    drop(engine.look(Sight::Seeing { since_ns: 0 }, now_ns));
}

/// The list of attributes of a resource and of a span, which grow a few times.
const LISTS_MAX: u64 = 8;
/// Of the engine as it is.
const SIGNAL_ALLOCATIONS_MAX: u64 = 32;
const BATCHES: u64 = 8;
const BATCH_SIGNALS: usize = 500;
