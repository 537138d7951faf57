//! Allocations per message, as gates: what is measured here is what a message costs beside lapin.

use std::sync::{Arc, Once, Weak};

use journey_trace::span::{Tracing, install, start_with};
use journey_trace::{ContextExt as _, JourneyCell, Key};
use lapin::BasicProperties;
use lapin::message::Delivery;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::attributes::CONSUME;
use crate::channel::State;
use crate::consumer::Source;
use crate::delivery::TracedDelivery;
use crate::destination::Place;
use crate::limits::KEPT_AFTER;
use crate::outcome::PublishOutcome;
use crate::publish::OpenPublish;
use crate::{extract, inject};

const PLACE: Place<'static> = Place { exchange: "orders", routing_key: "price.requested", queue: None };

/// Allocations of the last of many equal pieces of work: those before fill tables that later ones share.
fn count(mut work: impl FnMut()) -> u64 {
    (0..2 * KEPT_AFTER).for_each(|_| work());
    allocation_counter::measure(&mut work).count_total
}

/// A context with a remote parent and an order, and an SDK without processors behind it.
pub(crate) fn context(flags: TraceFlags) -> Context {
    static SDK: Once = Once::new();
    SDK.call_once(|| {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        install(Tracing { start: start_with(tracer), follows_parent: true, root: None });
    });
    let cell = JourneyCell::new();
    cell.set(Key::Order, "ORD-000123");
    let span = SpanContext::new(1.into(), 1.into(), flags, true, TraceState::NONE);
    Context::new().with_cell(cell).with_remote_span_context(span)
}

fn without_ids(flags: TraceFlags) -> Context {
    context(flags).with_cell(JourneyCell::new())
}

fn publish(parent: &Context, state: &Arc<State>) {
    let (mut open, properties) = OpenPublish::start(PLACE, state, BasicProperties::default(), parent);
    open.written();
    open.end(PublishOutcome::Acked);
    drop(properties);
}

fn delivery(parent: &Context) -> Delivery {
    let mut delivery =
        Delivery::mock(1, PLACE.exchange.into(), PLACE.routing_key.into(), false, b"{}".to_vec());
    delivery.properties = inject(BasicProperties::default(), parent);
    delivery
}

fn consume(parent: &Context, source: &Arc<Source>) -> u64 {
    let handle = |delivery| {
        allocation_counter::measure(|| drop(TracedDelivery::open(delivery, source, Weak::new()))).count_total
    };
    for _ in 0..2 * KEPT_AFTER {
        handle(delivery(parent));
    }
    handle(delivery(parent))
}

/// Scenario: a `traceparent` goes into empty headers, then with an order; both are read.
/// Guarantees: one header costs three allocations (name, value, node of the map), a further one two;
/// reading without baggage costs one.
#[test]
fn headers_are_cheap() {
    let (plain, order) = (without_ids(TraceFlags::SAMPLED), context(TraceFlags::SAMPLED));
    let injected = |cx: &Context| count(|| drop(inject(BasicProperties::default(), cx)));
    let extracted = |properties: &BasicProperties| count(|| drop(extract(properties)));
    assert_eq!(injected(&plain), 3);
    assert_eq!(injected(&order), 5);
    assert_eq!(extracted(&inject(BasicProperties::default(), &plain)), 1);
    assert_eq!(extracted(&BasicProperties::default()), 0);
}

/// Scenario: messages are published and handled, in traces that are sampled and in others.
/// Guarantees: what a message costs stays below a bound; one that nobody will see costs its headers, and a context for
/// the handler.
#[test]
fn messages_are_cheap() {
    let state = State::new(Default::default(), Arc::default());
    let source = Source::new("prices".into(), false, CONSUME, &state);
    let (seen, unseen) = (context(TraceFlags::SAMPLED), context(TraceFlags::NOT_SAMPLED));
    let costs = [
        ("publish, sampled", count(|| publish(&seen, &state)), PUBLISH_MAX),
        ("publish, not sampled", count(|| publish(&unseen, &state)), PUBLISH_UNSEEN_MAX),
        ("consume, sampled", consume(&seen, &source), CONSUME_MAX),
        ("consume, not sampled", consume(&unseen, &source), CONSUME_UNSEEN_MAX),
    ];
    for (what, allocations, max) in costs {
        assert!(allocations <= max, "{what}: {allocations} allocations, at most {max}; all: {costs:?}");
    }
}

const PUBLISH_MAX: u64 = 9;
const PUBLISH_UNSEEN_MAX: u64 = 6;
const CONSUME_MAX: u64 = 10;
const CONSUME_UNSEEN_MAX: u64 = 6;
