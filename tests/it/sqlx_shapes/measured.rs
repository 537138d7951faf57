//! What is measured of calls and pools.

use std::time::Duration;

use journey::sqlx::PgPool;
use journey_testkit::env_url;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Mutex, MutexGuard};

use super::bench::traced;

/// One sample of a metric: its attributes as text, its number (of samples, for a histogram) and its sum.
type Point = (String, f64, f64);

pub(crate) struct Meter {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
    _turn: MutexGuard<'static, ()>,
}

impl Meter {
    /// Measures everything, until it drops: a process has one meter, so tests take turns.
    pub(crate) async fn install() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(exporter.clone()).build())
            .build();
        journey_trace::metrics::install(&provider.meter(journey_trace::span::SCOPE_NAME));
        Self { provider, exporter, _turn: turn }
    }

    /// All points of a metric that have this attribute, by their attributes without it.
    pub(crate) fn points(&self, metric: &str, with: &str) -> Vec<Point> {
        let mut points = self.all(metric);
        points.retain(|(text, ..)| text.split(',').any(|kv| kv == with));
        for point in &mut points {
            point.0 = point.0.split(',').filter(|kv| *kv != with).collect::<Vec<_>>().join(",");
        }
        points.sort_by(|one, other| one.0.cmp(&other.0));
        points
    }

    /// All points of a metric.
    pub(crate) fn all(&self, metric: &str) -> Vec<Point> {
        self.provider.force_flush().expect("the reader is alive");
        let finished = self.exporter.get_finished_metrics().expect("the exporter is alive");
        read(finished.last().expect("there are some"), metric)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        journey_trace::metrics::uninstall();
    }
}

fn read(all: &ResourceMetrics, name: &str) -> Vec<Point> {
    let metrics =
        all.scope_metrics().flat_map(|scope| scope.metrics()).filter(|metric| metric.name() == name);
    let mut points = vec![];
    for metric in metrics {
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(data)) => {
                points.extend(
                    data.data_points().map(|at| (text(at.attributes()), at.count() as f64, at.sum())),
                );
            }
            AggregatedMetrics::U64(MetricData::Histogram(data)) => {
                points.extend(
                    data.data_points().map(|at| (text(at.attributes()), at.count() as f64, at.sum() as f64)),
                );
            }
            AggregatedMetrics::I64(MetricData::Sum(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.value() as f64, 0.0)));
            }
            AggregatedMetrics::U64(MetricData::Sum(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.value() as f64, 0.0)));
            }
            AggregatedMetrics::F64(MetricData::Gauge(data)) => {
                points.extend(data.data_points().map(|at| (text(at.attributes()), at.value(), 0.0)));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    points
}

fn text<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> String {
    let mut texts: Vec<String> = attributes.map(|kv| format!("{}={}", kv.key, kv.value)).collect();
    texts.sort();
    texts.join(",")
}

/// Scenario: calls that succeed, fail and are left, on a named pool, with and without being sampled; a transaction is
/// open, and somebody waits for the pool until it gives up.
/// Guarantees: each call is counted once, with the error type of its span; the pool's state is true, implicit
/// acquires are in it, and it is 0 where it must be 0 in the end.
#[tokio::test]
async fn calls_and_pools_are_measured() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let meter = Meter::install().await;
    let options = PgPoolOptions::new()
        .max_connections(2)
        .min_connections(1)
        .acquire_timeout(Duration::from_millis(200));
    let raw = options.connect(&url).await.expect("the URL leads to a server");
    let pool = PgPool::builder().name("measured").schema("measured").rows(true).wrap(raw);
    let database = pool.connect_options().get_database().unwrap_or_default().to_owned();

    let spans = traced(async {
        for _ in 0..3 {
            sqlx::query("VALUES (1), (2)").fetch_all(&pool).await.expect("it is right");
        }
        assert!(sqlx::query("TABLE measured_nowhere").execute(&pool).await.is_err());
        let left = sqlx::query("SELECT pg_sleep(0.1)").execute(&pool);
        assert!(tokio::time::timeout(Duration::from_millis(20), left).await.is_err());
        let mut one = pool.begin().await.expect("there is room");
        let two = pool.acquire().await.expect("it drains");
        sqlx::query("SELECT 1").execute(&mut *one).await.expect("it is right");
        let (_, seen) = tokio::join!(sqlx::query("SHOW fsync").execute(&pool), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ["pending_requests", "max", "idle.max", "idle.min"].map(|name| {
                let name = format!("db.client.connection.{name}");
                meter.points(&name, "db.client.connection.pool.name=measured")[0].1
            })
        });
        assert_eq!(seen, [1.0, 2.0, 2.0, 1.0]);
        let age =
            &meter.points("journey.db.transaction.oldest_age", "db.client.connection.pool.name=measured")[0];
        assert!(age.1 > 0.1 && age.1 < 5.0, "{age:?}");
        drop(two);
        one.commit().await.expect("it is right");
    })
    .await;

    let here = format!("db.namespace={database}|measured");
    let duration = meter.points("db.client.operation.duration", &here);
    let counted = |summary: &str, error: &str| {
        let summary = format!("db.query.summary={summary}");
        let found = duration.iter().filter(|(text, ..)| {
            text.split(',').any(|kv| kv == summary)
                && text.contains("error.type=") != error.is_empty()
                && (error.is_empty() || text.split(',').any(|kv| kv == format!("error.type={error}")))
        });
        found.map(|(_, count, _)| *count).sum::<f64>()
    };
    assert_eq!(counted("VALUES", ""), 3.0);
    assert_eq!(counted("TABLE measured_nowhere", "42P01"), 1.0);
    assert_eq!(counted("SELECT", "cancelled"), 1.0);
    assert_eq!(counted("SELECT", ""), 1.0);
    assert_eq!(counted("SHOW", "PoolTimedOut"), 1.0);
    assert_eq!((counted("BEGIN", ""), counted("COMMIT", "")), (1.0, 1.0));
    let refused = duration.iter().find(|(text, ..)| text.contains("42P01")).expect("it was counted");
    assert!(refused.0.contains("db.response.status_code=42P01"), "{refused:?}");
    assert!(refused.0.contains("db.system.name=postgresql"), "{refused:?}");
    // The length of a span and the sample of the metric are one number.
    let shown: f64 = spans
        .all("VALUES")
        .iter()
        .map(|span| {
            span.end_time.duration_since(span.start_time).expect("it ends after its start").as_secs_f64()
        })
        .sum();
    let measured = duration.iter().find(|(text, ..)| text.contains("VALUES")).expect("it was counted").2;
    assert!((shown - measured).abs() < 1e-6, "{shown} {measured}");
    let rows = meter.points("db.client.response.returned_rows", &here);
    let values = rows.iter().find(|(text, ..)| text.contains("VALUES")).expect("it was counted");
    assert_eq!((values.1, values.2), (3.0, 6.0));

    tokio::time::sleep(Duration::from_millis(100)).await;
    let of_pool = |name: &str| {
        meter.points(&format!("db.client.connection.{name}"), "db.client.connection.pool.name=measured")
    };
    let state = of_pool("count").into_iter().map(|(text, count, _)| (text, count)).collect::<Vec<_>>();
    assert_eq!(
        state,
        [("db.client.connection.state=idle".into(), 2.0), ("db.client.connection.state=used".into(), 0.0)]
    );
    assert_eq!(of_pool("pending_requests")[0].1, 0.0);
    assert_eq!(of_pool("timeouts")[0].1, 1.0);
    // Three, one refused, one left, one begin, one acquire: all got a connection.
    assert_eq!(of_pool("wait_time")[0].1, 7.0);
    assert_eq!(of_pool("use_time")[0].1, 7.0);
    assert!(of_pool("create_time")[0].1 >= 1.0, "the second connection was opened");
    let age =
        &meter.points("journey.db.transaction.oldest_age", "db.client.connection.pool.name=measured")[0];
    assert_eq!(age.1, 0.0);
}
