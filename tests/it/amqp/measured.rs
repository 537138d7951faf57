//! What is measured of messages.

use std::time::Duration;

use futures_util::StreamExt as _;
use journey_lapin::{ChannelExt as _, RpcClient};
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

/// Scenario: one call is answered after its timeout, a second one in time.
/// Guarantees: both are measured until their end, with what the conventions ask for; and each end is counted, that of the
/// answer nobody waited for too.
#[test]
fn calls_are_measured() {
    if journey_testkit::env_url("JOURNEY_AMQP_URL").is_none() {
        return;
    }
    alone(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(measure_calls());
    });
}

async fn measure_calls() {
    let (provider, exporter) = installed();
    let (connection, channel) = connect().await.expect("a broker");
    queue(&channel, "it.measured.calls").await;
    let own = connection.create_channel().await.expect("a channel").traced();
    let client = RpcClient::new(&own).await.expect("it listens");
    let hasty = client.clone().timeout(Duration::from_millis(100));
    let ask = async |client: &RpcClient| {
        let none = BasicProperties::default();
        client.call("".into(), "it.measured.calls".into(), b"?", none).await
    };
    assert!(ask(&hasty).await.is_err());
    let mut consumer = consume(&channel, "it.measured.calls").await;
    let answering = async {
        for _ in 0..2 {
            let question = next(&mut consumer).await;
            let answer = question.reply(&channel, b"!", BasicProperties::default()).await.expect("sent");
            answer.expect("the question names a queue").await.expect("confirmed");
            assert!(question.ack(BasicAckOptions::default()).await.expect("acknowledged"));
        }
    };
    let (answer, ()) = tokio::join!(ask(&client), answering);
    assert_eq!(answer.expect("answered").data, b"!");

    provider.force_flush().expect("the reader is alive");
    let all = exporter.get_finished_metrics().expect("the exporter is alive").pop().expect("something");
    let call = "messaging.operation.name=call;";
    let ended = read(&all, "journey.messaging.outcomes");
    for outcome in ["answered", "late", "timed_out"] {
        let label = format!("journey.messaging.outcome={outcome};");
        let with = ended.iter().filter(|(text, _)| text.contains(call) && text.contains(&label));
        assert_eq!(with.map(|(_, count)| count).sum::<f64>(), 1.0, "{outcome}");
    }
    let mut measured = read(&all, "messaging.client.operation.duration");
    measured.retain(|(text, _)| text.contains(call));
    // The conventions know no call; it was once a `receive` from the queue that it sends to.
    assert!(measured.iter().all(|(text, _)| !text.contains("messaging.operation.type")));
    let failed = |(text, _): &&(String, f64)| text.contains("error.type=timed_out");
    assert_eq!((measured.len(), measured.iter().filter(failed).count()), (2, 1));
}

/// Metrics into memory, from now on and for this process.
fn installed() -> (SdkMeterProvider, InMemoryMetricExporter) {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    journey_trace::metrics::install(&provider.meter(journey_trace::span::SCOPE_NAME));
    (provider, exporter)
}

async fn measure() {
    let (provider, exporter) = installed();
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
