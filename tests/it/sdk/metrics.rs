//! Metrics of the hops, of the service and of the export itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use journey::opentelemetry::{Context, global};
use journey::{ContextExt, JourneyCell, stage};
use journey_testkit::collector::{Collector, Mood};
use journey_testkit::conformance::{Level, check_metrics};
use journey_trace::metrics::{ServerSeries, server_duration, server_request};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message;

use super::alone::alone;
use super::received::text;

fn start(collector: &Collector, exporter: &str) -> journey::Guard {
    start_with(collector, &[("OTEL_METRICS_EXPORTER", exporter)])
}

fn start_with(collector: &Collector, more: &[(&str, &str)]) -> journey::Guard {
    let url = collector.url();
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_METRIC_EXPORT_INTERVAL", "3600000")];
    let variables = variables.iter().chain(more).copied();
    journey::builder("crm-api")
        .version("1.2.3")
        .environment(variables)
        .init()
        .expect("the variables are good")
}

fn serve() {
    let active = server_request("GET", "http");
    let series = ServerSeries {
        method: "GET",
        scheme: "http",
        version: Some("1.1"),
        route: Some("/orders/{id}"),
        status: Some(200),
        error_type: None,
        streamed: false,
    };
    server_duration(&series, Duration::from_millis(20));
    drop(active);
    global::meter("shop").u64_counter("shop.orders").build().add(1, &[]);
}

/// The resource and the series of one body: `name{key=value,…}` and the last value, the count for a histogram.
fn read(body: &[u8]) -> (BTreeMap<String, String>, BTreeMap<String, f64>) {
    let request = ExportMetricsServiceRequest::decode(body).expect("a body is OTLP");
    let mut series = BTreeMap::new();
    let mut resource = BTreeMap::new();
    for group in request.resource_metrics {
        resource = text(&group.resource.unwrap_or_default().attributes);
        for metric in group.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            let points = match metric.data.expect("a metric has data") {
                Data::Sum(sum) => sum.data_points,
                Data::Gauge(gauge) => gauge.data_points,
                Data::Histogram(histogram) => {
                    for point in histogram.data_points {
                        series.insert(named(&metric.name, &point.attributes), point.count as f64);
                    }
                    continue;
                }
                other => panic!("{other:?}"),
            };
            for point in points {
                let value = match point.value {
                    Some(Value::AsInt(number)) => number as f64,
                    Some(Value::AsDouble(number)) => number,
                    None => f64::NAN,
                };
                series.insert(named(&metric.name, &point.attributes), value);
            }
        }
    }
    (resource, series)
}

fn named(name: &str, attributes: &[KeyValue]) -> String {
    let attributes: Vec<String> =
        text(attributes).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{name}{{{}}}", attributes.join(","))
}

/// Scenario: a request is served and a service counts orders, then a flush; one more order, then the guard drops.
/// Guarantees: both collections arrive without waiting for the interval, with the resource of the spans; the hop's and
/// the service's own instruments are in them, and how the export is doing under the official names.
#[test]
fn metrics_arrive_at_flush_and_shutdown() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, "otlp");
        serve();
        stage("order_create").start().end();
        let report = journey.flush(Duration::from_secs(10));
        assert_eq!((report.metrics_waiting, report.metrics_lost), (0, 0));
        let bodies = collector.metric_bodies();
        assert_eq!(bodies.len(), 1, "one collection per flush");
        let (resource, series) = read(&bodies[0]);
        assert_eq!((&*resource["service.name"], &*resource["service.version"]), ("crm-api", "1.2.3"));
        assert!(resource.contains_key("service.instance.id") && resource.contains_key("telemetry.sdk.name"));
        let duration = "http.server.request.duration{http.request.method=GET,http.response.status_code=200,\
                        http.route=/orders/{id},network.protocol.version=1.1,url.scheme=http}";
        assert_eq!(series[duration], 1.0, "{series:#?}");
        assert_eq!(series["http.server.active_requests{http.request.method=GET,url.scheme=http}"], 0.0);
        assert_eq!(series["shop.orders{}"], 1.0);

        serve();
        let report = journey.shutdown();
        assert_eq!((report.metrics_waiting, report.metrics_lost), (0, 0));
        assert!(report.metrics_delivered > 0);
        let bodies = collector.metric_bodies();
        let (_, series) = read(bodies.last().expect("the last collection"));
        assert_eq!((series["shop.orders{}"], series[duration]), (2.0, 2.0));
        let exported = "otel.sdk.exporter.span.exported{otel.component.name=otlp_http_span_exporter/journey_lane,\
                        otel.component.type=otlp_http_span_exporter}";
        assert!(series[exported] >= 2.0, "{series:#?}");
        let dropped = "otel.sdk.processor.span.processed{error.type=queue_full,\
                       otel.component.name=batching_span_processor/journey,\
                       otel.component.type=batching_span_processor}";
        assert_eq!(series[dropped], 0.0);
        assert!(!journey_trace::metrics::is_installed());
    });
}

/// Scenario: each temporality that can be asked for; one order, a collection, and one more order.
/// Guarantees: the second collection has the sum since the start, or since the first one; durations do as counters, and
/// up-down counters too unless memory is to be spared by their sums.
#[test]
fn temporality_is_that_of_the_points() {
    const CUMULATIVE: i32 = 2;
    const DELTA: i32 = 1;
    alone(|| {
        for (preference, temporality, orders) in [
            ("", CUMULATIVE, 2.0),
            ("cumulative", CUMULATIVE, 2.0),
            ("delta", DELTA, 1.0),
            ("LowMemory", DELTA, 1.0),
        ] {
            let collector = Collector::start().unwrap();
            let journey = start_with(
                &collector,
                &[
                    ("OTEL_METRICS_EXPORTER", "otlp"),
                    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference),
                ],
            );
            serve();
            journey.flush(Duration::from_secs(10));
            serve();
            drop(journey);
            let bodies = collector.metric_bodies();
            let last = bodies.last().expect("the last collection");
            assert_eq!(read(last).1["shop.orders{}"], orders, "{preference}");
            assert_eq!(temporality_of(last, "shop.orders"), temporality, "{preference}");
            assert_eq!(temporality_of(last, "http.server.request.duration"), temporality, "{preference}");
            assert_eq!(temporality_of(last, "http.server.active_requests"), CUMULATIVE, "{preference}");
        }
    });
}

/// `AggregationTemporality` of this metric, as OTLP numbers it.
fn temporality_of(body: &[u8], name: &str) -> i32 {
    let request = ExportMetricsServiceRequest::decode(body).expect("a body is OTLP");
    let mut metrics = request.resource_metrics.into_iter().flat_map(|group| group.scope_metrics);
    let metric = metrics.find_map(|scope| scope.metrics.into_iter().find(|metric| metric.name == name));
    match metric.and_then(|metric| metric.data) {
        Some(Data::Sum(sum)) => sum.aggregation_temporality,
        Some(Data::Histogram(histogram)) => histogram.aggregation_temporality,
        other => panic!("{name}: {other:?}"),
    }
}

/// Scenario: ids that are none or contradict, and a bad facet.
/// Guarantees: each is a number of a metric by its reason or kind, follows our registry, and is in a line at the end;
/// once all of it was counted and shown nowhere.
#[test]
fn what_is_not_taken_is_shown() {
    let printed = alone(|| {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, "otlp");
        let _attached = Context::new().with_cell(JourneyCell::new()).attach();
        assert!(!journey::set_order_id("x".repeat(200)));
        assert!(journey::set_order_id("ORD-1") && !journey::set_order_id("ORD-2"));
        assert!(!journey::set_facet("Not A Name", "x"));
        let report = journey.flush(Duration::from_secs(10));
        assert_eq!(report.signals_dropped, journey::lane::Dropped::default());
        let body = &collector.metric_bodies()[0];
        let findings = check_metrics(body).expect("a body is OTLP");
        assert!(findings.iter().all(|finding| finding.level != Level::Violation), "{findings:?}");
        let (_, series) = read(body);
        for reason in ["conflict", "invalid_id", "invalid_facet"] {
            assert_eq!(
                series[&format!("journey.context.refused{{error.type={reason}}}")],
                1.0,
                "{series:#?}"
            );
        }
        for kind in ["beat", "end", "process", "start"] {
            let dropped = format!(
                "otel.sdk.processor.span.processed{{error.type=queue_full,journey.signal={kind},\
                 otel.component.name=batching_span_processor/journey_lane,\
                 otel.component.type=batching_span_processor}}"
            );
            assert_eq!(series[&dropped], 0.0, "{series:#?}");
        }
        drop(journey);
    });
    if let Some(printed) = printed {
        let line = "1 second, different ids, 1 texts that are no id, 1 facets";
        assert_eq!(printed.lines_with(line), 1);
    }
}

/// Scenario: no metrics are asked for, and then explicitly none.
/// Guarantees: nothing is measured and nothing sent.
#[test]
fn metrics_are_off_by_default() {
    alone(|| {
        let collector = Collector::start().unwrap();
        for exporter in ["", "none"] {
            let journey = start(&collector, exporter);
            serve();
            assert!(!journey_trace::metrics::is_installed());
            let report = journey.shutdown();
            assert_eq!((report.metrics_delivered, report.metrics_lost), (0, 0));
        }
        assert!(collector.metric_bodies().is_empty());
    });
}

/// Scenario: a callback of the service hangs while the guard drops.
/// Guarantees: the deadline holds, and stages are delivered all the same.
#[test]
fn a_hung_callback_keeps_the_deadline() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, "otlp");
        let (_gate, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let meter = global::meter("shop");
        let hangs = meter.u64_observable_counter("shop.hangs").with_callback(move |_| {
            let _ = wait.lock().map(|wait| wait.recv_timeout(Duration::from_secs(30)));
        });
        let _counter = hangs.build();
        stage("order_create").start().end();
        let began = Instant::now();
        let report = journey.shutdown();
        assert!(began.elapsed() < journey::limits::SHUTDOWN_DEADLINE + Duration::from_secs(2));
        assert_eq!((report.signals_lost, report.metrics_delivered), (0, 0));
    });
}

/// Scenario: the collector hangs while the guard drops.
/// Guarantees: the deadline holds, and what was not delivered is counted.
#[test]
fn a_hung_collector_keeps_the_deadline() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let journey = start(&collector, "otlp");
        serve();
        collector.set_mood(Mood::Hangs);
        let began = Instant::now();
        let report = journey.shutdown();
        assert!(began.elapsed() < journey::limits::SHUTDOWN_DEADLINE + Duration::from_secs(2));
        assert!(report.metrics_lost > 0, "{report:?}");
    });
}
