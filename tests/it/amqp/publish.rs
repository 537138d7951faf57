//! The producer span, from the publish to its outcome.

use journey_lapin::inject;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};

use super::bench::{connect, consume, next, outcome, queue, span, text, trace_of, work_on};

/// Scenario: a handler that works on an order publishes, and the broker confirms.
/// Guarantees: one PRODUCER span, child of the handler's, named and described as the conventions have it, with the
/// order's id, ended as `acked`.
#[tokio::test]
async fn a_confirmed_publish_has_a_producer_span() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.publish.acked").await;
    let work = work_on("ORD-P1");
    let properties = BasicProperties::default().with_message_id("m-1".into());
    let confirmed = async {
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), "it.publish.acked".into(), options, b"{}", properties).await?.await
    };
    let confirmed = confirmed.with_context(work.context().clone()).await;
    assert_eq!(confirmed.expect("published"), Confirmation::Ack(None));

    let published = span(trace_of(&work), "publish");
    assert_eq!(published.name, "publish it.publish.acked");
    assert_eq!(published.span_kind, SpanKind::Producer);
    assert_eq!(published.parent_span_id, work.context().span().span_context().span_id());
    assert_eq!(published.status, Status::Unset);
    for (key, value) in [
        ("messaging.system", "rabbitmq"),
        ("messaging.operation.name", "publish"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", "it.publish.acked"),
        ("messaging.rabbitmq.destination.routing_key", "it.publish.acked"),
        ("messaging.message.id", "m-1"),
        ("order.id", "ORD-P1"),
        ("journey.messaging.outcome", "acked"),
    ] {
        assert_eq!(text(&published, key), value, "{key}");
    }
    assert!(!text(&published, "server.address").is_empty());
}

/// Scenario: a mandatory message reaches no queue; another goes to an exchange that does not exist.
/// Guarantees: both publishes look fine to the caller at first, both spans end as failed, each with its reason.
#[tokio::test]
async fn what_the_broker_does_not_take_is_an_error() {
    let Some((_connection, channel)) = connect().await else { return };
    let work = work_on("ORD-P2");
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let publish = async |exchange: &str| {
        let none = BasicProperties::default();
        channel.basic_publish(exchange.into(), "it.nowhere".into(), mandatory, b"{}", none).await?.await
    };
    let returned = publish("").with_context(work.context().clone()).await;
    assert!(matches!(returned, Ok(Confirmation::Ack(Some(_)))), "{returned:?}");
    let span_returned = span(trace_of(&work), "publish");
    assert_eq!(outcome(&span_returned), "returned");
    assert_eq!(text(&span_returned, "error.type"), "amqp:no-route");
    assert_eq!(span_returned.status, Status::error("NO_ROUTE"));

    let missing = publish("it.missing").with_context(work.context().clone()).await;
    assert!(missing.is_err());
    let span_missing = span(trace_of(&work), "publish it.missing:it.nowhere");
    assert_eq!(outcome(&span_missing), "channel_error");
    assert_eq!(text(&span_missing, "error.type"), "amqp:not-found");
}

/// Scenario: one caller drops the confirm, another has a channel without confirms.
/// Guarantees: `confirm_dropped` and `not_requested`, neither of them an error.
#[tokio::test]
async fn a_publish_without_a_confirm_says_so() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.publish.unawaited").await;
    let (dropped, unasked) = (work_on("ORD-P3"), work_on("ORD-P4"));
    let plain = journey_lapin::ChannelExt::traced(connection.create_channel().await.expect("a channel"));
    for (channel, work) in [(&channel, &dropped), (&plain, &unasked)] {
        let options = BasicPublishOptions::default();
        let none = BasicProperties::default();
        let sending = channel.basic_publish("".into(), "it.publish.unawaited".into(), options, b"{}", none);
        drop(sending.with_context(work.context().clone()).await.expect("sent"));
    }
    for (work, expected) in [(dropped, "confirm_dropped"), (unasked, "not_requested")] {
        let published = span(trace_of(&work), "publish");
        assert_eq!(outcome(&published), expected);
        assert_eq!(published.status, Status::Unset);
    }
}

/// Scenario: a message that was created in one trace is published in another, as an outbox or a forwarder does.
/// Guarantees: its headers stay as they are; the publish is a CLIENT span with a link to the creator.
#[tokio::test]
async fn the_creators_context_is_kept() {
    let Some((_connection, channel)) = connect().await else { return };
    queue(&channel, "it.publish.created").await;
    let (creator, forwarder) = (work_on("ORD-P5"), work_on("ORD-P6"));
    let created = inject(BasicProperties::default(), creator.context());
    let options = BasicPublishOptions::default();
    let sending =
        channel.basic_publish("".into(), "it.publish.created".into(), options, b"{}", created.clone());
    let confirm = sending.with_context(forwarder.context().clone()).await.expect("sent");
    assert_eq!(confirm.await.expect("published"), Confirmation::Ack(None));

    let published = span(trace_of(&forwarder), "publish");
    assert_eq!(published.span_kind, SpanKind::Client);
    let linked: Vec<_> = published.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(linked, [creator.context().span().span_context().span_id()]);
    let delivery = next(&mut consume(&channel, "it.publish.created").await).await;
    let headers = |properties: &BasicProperties| properties.headers().clone().unwrap_or_default();
    for (key, value) in &headers(&created) {
        assert_eq!(headers(&delivery.properties).inner().get(key), Some(value), "{key}");
    }
}

/// Scenario: a message whose own headers are near the limit, in a context with ids.
/// Guarantees: the ids stay behind, `traceparent` goes, and the connection lives on.
#[tokio::test]
async fn headers_near_the_limit_lose_the_baggage() {
    let Some((connection, channel)) = connect().await else { return };
    queue(&channel, "it.publish.large").await;
    let work = work_on("ORD-P7");
    let mut headers = FieldTable::default();
    headers.insert(
        "mine".into(),
        AMQPValue::LongString("x".repeat(journey_lapin::limits::HEADER_BYTES_MAX).into()),
    );
    let properties = BasicProperties::default().with_headers(headers);
    let options = BasicPublishOptions::default();
    let sending = channel.basic_publish("".into(), "it.publish.large".into(), options, b"{}", properties);
    let confirm = sending.with_context(work.context().clone()).await.expect("sent");
    assert_eq!(confirm.await.expect("published"), Confirmation::Ack(None));
    let delivery = next(&mut consume(&channel, "it.publish.large").await).await;
    let headers = delivery.properties.headers().as_ref().expect("headers").inner();
    assert!(headers.contains_key("traceparent") && headers.contains_key("mine"));
    assert!(!headers.contains_key("baggage"));
    assert!(connection.status().connected());
}
