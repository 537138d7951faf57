//! Attempts that one process holds, without a broker.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use lapin::BasicProperties;
use lapin::message::Delivery;
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, TraceFlags};

use crate::allocations::context;
use crate::attributes::CONSUME;
use crate::channel::State;
use crate::consumer::{Source, Taken};
use crate::destination::Place;
use crate::history::{MessageKey, previous};
use crate::outcome::ConsumeOutcome;
use crate::unsettled::SharedSpan;
use crate::{extract, inject, watch};

use super::{TracedDelivery, start};

fn delivery(tag: u64, redelivered: bool, body: String, creator: &Context) -> Delivery {
    let mut delivery = Delivery::mock(tag, "".into(), "prices".into(), redelivered, body.into_bytes());
    delivery.properties = inject(BasicProperties::default(), creator);
    delivery
}

/// Scenario: a process holds thousands of deliveries when they are all handed out again, as after a lost connection.
/// Guarantees: the second time takes about as long as the first. (For each of them all the others were once looked
/// through: 8 000 took 14 s, which on lapin's own thread cost the next connection too.)
#[test]
fn handing_out_again_takes_no_longer() {
    const HELD: u64 = 4_000;
    let state = State::new(Default::default(), Arc::default());
    watch::channel(&state);
    let source = Source::new("prices".into(), false, CONSUME, &state);
    let creator = context(TraceFlags::SAMPLED);
    let hand_out = |tags: std::ops::Range<u64>, redelivered| {
        let deliveries: Vec<_> =
            tags.map(|tag| delivery(tag, redelivered, format!("held {}", tag % HELD), &creator)).collect();
        let started = Instant::now();
        let held =
            deliveries.into_iter().map(|delivery| TracedDelivery::open(delivery, &source, Weak::new()));
        (held.collect::<Vec<_>>(), started.elapsed())
    };
    let (first, took) = hand_out(0..HELD, false);
    let (again, took_again) = hand_out(HELD..2 * HELD, true);
    assert!(again.iter().all(|delivery| delivery.attempt() == 2));
    assert!(took_again < 20 * took + Duration::from_millis(100), "{took_again:?} after {took:?}");
    // Else they would be remembered, instead of what another test wants to be.
    first.iter().chain(&again).for_each(|delivery| delivery.open.settle(ConsumeOutcome::Ack));
}

/// Scenario: messages are refused, alone and in a batch, in spans that are recorded and in others.
/// Guarantees: only an attempt that somebody sees is remembered, so that no later delivery is linked to a span that does
/// not exist (those of batches once were).
#[test]
fn an_attempt_that_nobody_sees_is_no_attempt() {
    let state = State::new(Default::default(), Arc::default());
    let source = Source::new("prices".into(), false, CONSUME, &state);
    let place = Place { exchange: "", routing_key: "prices", queue: Some("prices") };
    let destination = state.destination(place);
    for (flags, is_seen) in [(TraceFlags::SAMPLED, true), (TraceFlags::NOT_SAMPLED, false)] {
        let creator = context(flags);
        for in_batch in [true, false] {
            let delivery = delivery(1, false, format!("{is_seen} {in_batch}"), &creator);
            let creation = extract(&delivery.properties).span().span_context().clone();
            let key = MessageKey::of(&delivery, &creation);
            let open = if in_batch {
                let span = SpanGuard::start("consume", SpanKind::Consumer, vec![], vec![], &creator);
                let batch = span.context().clone();
                let span = SharedSpan::new(span, &destination, &source);
                start::in_batch(
                    Taken { delivery, since: Instant::now() },
                    &source,
                    &destination,
                    &span,
                    &batch,
                )
            } else {
                start::alone(delivery, &source)
            };
            open.settle(ConsumeOutcome::NackRequeue);
            assert_eq!(previous(&key).is_some(), is_seen, "in a batch: {in_batch}");
        }
    }
}
