//! What is measured of messages.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use super::bench::{connect, consume, next, publish, queue, work_on};
use crate::sdk::alone::alone;

/// Scenario: two messages are published and handled, one is refused and comes again, one goes nowhere; one is held.
/// Guarantees: each publish and each delivery is counted and measured once, with the attributes of the conventions and
/// the outcome; the gauges tell what is held, and that nothing is. A queue with a made-up name has none in labels.
#[test]
fn messages_are_measured() {
    if journey_testkit::env_url("JOURNEY_AMQP_URL").is_none() {
        return;
    }
    // The meter belongs to the whole process.
    alone(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(measure());
    });
}

async fn measure() {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    journey_trace::metrics::install(&provider.meter(journey_trace::span::SCOPE_NAME));

    let (_connection, channel) = connect().await.expect("a broker");
    queue(&channel, "it.measured").await;
    let work = work_on("ORD-M1");
    publish(&channel, "it.measured", &work).await;
    publish(&channel, "it.measured", &work).await;
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let nowhere =
        channel.basic_publish("".into(), "it.nowhere".into(), mandatory, b"", BasicProperties::default());
    nowhere.await.expect("sent").await.expect("returned");
    let mut consumer = consume(&channel, "it.measured").await;
    let requeue = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
    assert!(next(&mut consumer).await.nack(requeue).await.expect("refused"));
    assert!(next(&mut consumer).await.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    let held = next(&mut consumer).await;
    // A queue with a name that is never seen again.
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let made_up = channel.queue_declare("".into(), options, FieldTable::default()).await.expect("a queue");
    let made_up = made_up.name().as_str();
    publish(&channel, made_up, &work).await;
    let mut of_made_up = consume(&channel, made_up).await;
    let held_of_made_up = next(&mut of_made_up).await;
    channel.queue_delete(made_up.into(), Default::default()).await.expect("deleted");
    assert!(of_made_up.next().await.is_none());
    tokio::time::sleep(Duration::from_millis(20)).await;

    let collect = || {
        provider.force_flush().expect("the reader is alive");
        exporter.get_finished_metrics().expect("the exporter is alive").pop().expect("something")
    };
    let all = collect();
    drop((held, held_of_made_up));
    let later = collect();
    let it = "messaging.destination.name=it.measured";
    let count = |metric: &str, with: &[&str]| -> f64 {
        let points = read(&all, metric).into_iter();
        points.filter(|(text, _)| with.iter().all(|with| text.contains(with))).map(|(_, count)| count).sum()
    };
    let operation = "messaging.client.operation.duration";
    assert_eq!(count(operation, &[it, "operation.name=publish", "operation.type=send", "server.port"]), 2.0);
    assert_eq!(count(operation, &["it.nowhere", "error.type=amqp:no-route"]), 1.0);
    assert_eq!(count(operation, &[it, "operation.name=ack", "operation.type=settle"]), 1.0);
    assert_eq!(count(operation, &[it, "operation.name=nack"]), 1.0);
    assert_eq!(count("messaging.client.sent.messages", &[it, "messaging.system=rabbitmq"]), 2.0);
    assert_eq!(count("messaging.client.sent.messages", &["error.type=amqp:no-route"]), 1.0);
    assert_eq!(count("messaging.client.consumed.messages", &[it, "operation.name=consume"]), 3.0);
    assert_eq!(count("messaging.process.duration", &[it, "operation.name=consume"]), 2.0);
    assert_eq!(count("messaging.process.duration", &["operation.type"]), 0.0, "not on this one");
    assert_eq!(count("journey.messaging.queue.duration", &[it]), 3.0);
    assert_eq!(count("journey.messaging.redeliveries", &[it]), 1.0);
    for outcome in ["acked", "returned", "ack", "nack_requeue"] {
        // One of those is to the queue without a lasting name.
        let expected = if outcome == "acked" { 3.0 } else { 1.0 };
        let label = format!("journey.messaging.outcome={outcome};");
        assert_eq!(count("journey.messaging.outcomes", &[&label]), expected, "{outcome}");
    }
    assert_eq!(count("journey.messaging.unsettled.count", &[it]), 1.0);
    // Each of them once had a series of its own, and an age its last value for ever.
    for metric in ["journey.messaging.unsettled.count", "journey.messaging.consumers_lost"] {
        let without_name = |(text, _): &(String, f64)| !text.contains("messaging.destination.name");
        let points: Vec<f64> =
            read(&all, metric).into_iter().filter(without_name).map(|(_, value)| value).collect();
        assert_eq!(points, [1.0], "{metric}");
        assert_eq!(count(metric, &["amq.gen-"]), 0.0, "{metric}");
    }
    for metric in ["journey.messaging.unsettled.count", "journey.messaging.unsettled.age"] {
        let of_queue = |(text, _): &(String, f64)| text.contains(it);
        let points: Vec<f64> =
            read(&later, metric).into_iter().filter(of_queue).map(|(_, value)| value).collect();
        assert_eq!(points, [0.0], "{metric}");
    }
    assert!((0.02..10.0).contains(&count("journey.messaging.unsettled.age", &[it])));
}

/// The points of a metric: attributes as text, each ended with a semicolon, and the number of samples or the value.
fn read(all: &ResourceMetrics, name: &str) -> Vec<(String, f64)> {
    let metrics =
        all.scope_metrics().flat_map(|scope| scope.metrics()).filter(|metric| metric.name() == name);
    let mut points = vec![];
    for metric in metrics {
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.count() as f64)));
            }
            AggregatedMetrics::U64(MetricData::Sum(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.value() as f64)));
            }
            AggregatedMetrics::U64(MetricData::Gauge(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.value() as f64)));
            }
            AggregatedMetrics::F64(MetricData::Gauge(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.value())));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    points
}

fn text<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> String {
    attributes.map(|kv| format!("{}={};", kv.key, kv.value)).collect()
}
