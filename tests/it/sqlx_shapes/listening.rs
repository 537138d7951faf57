//! Listeners for notifications.

use std::time::Duration;

use futures_util::TryStreamExt;
use journey::sqlx::limits::NOTIFICATION_BYTES_MAX;
use journey::sqlx::{PgListener, PgNotification, PgPool, notify};
use journey_testkit::env_url;
use journey_trace::{Attach, JourneyCell, Key};
use opentelemetry::trace::SpanKind;
use tokio::time::timeout;

use super::bench::{assert_error, outcome, pool, raw_pool, seconds, text, traced};
use super::measured::Meter;

const PATIENCE: Duration = Duration::from_secs(10);

fn channel(name: &str) -> String {
    format!("journey {name} {}", std::process::id())
}

async fn next(listener: &mut PgListener) -> PgNotification {
    timeout(PATIENCE, listener.recv()).await.expect("it comes").expect("the server is there")
}

/// Ends the server's process of a listener, which has not heard of it yet.
async fn end(pool: &PgPool, listener: &mut PgListener) {
    let pid = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(listener).await;
    let end = sqlx::query("SELECT pg_terminate_backend($1)").bind(pid.expect("it is right"));
    end.execute(&**pool as &sqlx::PgPool).await.expect("it may");
}

/// Scenario: a service listens; a request of order `ORD-1` notifies it, in a transaction, and so does somebody who knows
/// nothing of us.
/// Guarantees: the calls have spans, the payloads are as they were sent, and ours brings the order and the trace.
#[tokio::test]
async fn notifications_bring_their_context() {
    let Some(pool) = pool(2).await else { return };
    let channel = channel("prices");
    let mut received = vec![];
    let spans = traced(async {
        let mut listener = PgListener::connect_with(&pool).await.expect("the server is there");
        listener.listen(&channel).await.expect("it is right");
        let mut tx = pool.begin().await.expect("it is idle");
        notify(&mut *tx, &channel, "priced").await.expect("it is right");
        tx.commit().await.expect("it is right");
        let foreign = sqlx::query("SELECT pg_notify($1, 'journey:1 it is not')").bind(&channel);
        foreign.execute(&pool).await.expect("it is right");
        received.push(next(&mut listener).await);
        received.push(next(&mut listener).await);
        assert!(listener.next_buffered().is_none());
        assert_eq!(listener.losses(), 0);
        listener.unlisten_all().await.expect("it is right");
    })
    .await;
    assert_eq!(spans.names(), ["LISTEN", "BEGIN", "SELECT", "COMMIT", "transaction", "SELECT", "UNLISTEN"]);
    let listen = spans.named("LISTEN");
    assert_eq!(listen.span_kind, SpanKind::Client);
    assert_eq!(text(listen, "db.query.text"), format!("LISTEN \"{channel}\""));
    let [ours, foreign] = &received[..] else { panic!("there are two") };
    assert_eq!((ours.payload(), ours.channel()), ("priced", &*channel));
    let context = ours.carrier().expect("it has one").attach(Attach::Link);
    let cell = JourneyCell::of(&context).expect("a carrier gives one");
    assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
    assert_eq!(foreign.payload(), "journey:1 it is not");
    assert!(foreign.carrier().is_none());
}

/// Scenario: the server ends the connection of a listener, which connects anew: by itself, and when it is asked the next
/// time.
/// Guarantees: each loss is told, each new connection has a span, and what is notified afterwards comes.
#[tokio::test]
async fn a_lost_connection_is_told() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let Some(pool) = pool(1).await else { return };
    let channel = channel("lost");
    for (eager, losses) in [(true, 1), (false, 2)] {
        let spans = traced(async {
            let mut listener = PgListener::connect(&url).await.expect("the server is there");
            listener.eager_reconnect(eager);
            listener.listen_all([&*channel, "other"]).await.expect("it is right");
            for _ in 0..losses {
                end(&pool, &mut listener).await;
                let lost = timeout(PATIENCE, listener.try_recv()).await.expect("it is found");
                assert!(lost.expect("it can connect anew").is_none());
                if !eager {
                    let silent = timeout(Duration::from_millis(200), listener.try_recv()).await;
                    assert!(silent.is_err(), "nobody notifies");
                }
            }
            notify(&*pool as &sqlx::PgPool, &channel, "back").await.expect("it is right");
            assert_eq!(next(&mut listener).await.payload(), "back");
            assert_eq!(listener.losses(), losses);
            let mut stream = listener.into_stream();
            notify(&*pool as &sqlx::PgPool, &channel, "streamed").await.expect("it is right");
            let streamed = timeout(PATIENCE, stream.try_next()).await.expect("it comes");
            let streamed = streamed.expect("it is right").expect("it goes on");
            assert_eq!(streamed.payload(), "streamed");
        })
        .await;
        let reconnects = spans.all("db.listener.reconnect");
        assert_eq!(reconnects.len() as u64, losses);
        for span in reconnects {
            assert_eq!(span.span_kind, SpanKind::Internal);
            assert_eq!(text(span, "db.system.name"), "");
            assert_error(span, "");
        }
        assert_eq!(spans.names()[0], "LISTEN LISTEN");
    }
}

/// Scenario: the only connection of a pool is held when a listener asks for one; then the listener has it.
/// Guarantees: the first call of the listener tells the wait, the pool counts who waits for it and what it lends to it.
#[tokio::test]
async fn the_wait_for_its_connection_is_told() {
    let Some(raw) = raw_pool(1).await else { return };
    let meter = Meter::install().await;
    let pool = PgPool::builder().name("listened").wrap(raw);
    let of_pool = |name: &str| {
        meter.points(&format!("db.client.connection.{name}"), "db.client.connection.pool.name=listened")
    };
    let channel = channel("wait");
    let spans = traced(async {
        let held = pool.acquire().await.expect("it is idle");
        let release = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(of_pool("pending_requests")[0].1, 1.0);
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(held);
        };
        let (listener, ()) = tokio::join!(PgListener::connect_with(&pool), release);
        let mut listener = listener.expect("it comes back");
        listener.listen(&channel).await.expect("it is right");
        listener.listen("other").await.expect("it is right");
        let late = timeout(Duration::from_millis(50), PgListener::connect_with(&pool)).await;
        assert!(late.is_err(), "the first one has it");
    })
    .await;
    let [first, second] = spans.all("LISTEN")[..] else { panic!("there are two") };
    assert!(seconds(first, "journey.db.pool_wait").is_some_and(|wait| wait >= 0.09));
    assert_eq!(text(first, "journey.db.wait_reason"), "saturated");
    assert_eq!(text(second, "journey.db.pool_wait"), "");
    let left = *spans.all("db.pool.acquire").last().expect("it was long");
    assert_eq!(outcome(left), "cancelled");
    assert_eq!(of_pool("pending_requests")[0].1, 0.0);
    // That which was held, and the listener's own.
    assert_eq!(of_pool("wait_time")[0].1, 2.0);
    assert_eq!(of_pool("use_time")[0].1, 2.0);
}

/// Scenario: a listener that connects late has lost its connection, and its caller listens to more, listens to less, or
/// asks the database something.
/// Guarantees: the new connection has its own span and `LISTEN` only its own time; what is not sent has no span; each loss
/// is counted.
#[tokio::test]
async fn a_new_connection_within_a_call_is_told() {
    let Some(raw) = raw_pool(2).await else { return };
    let meter = Meter::install().await;
    let pool = PgPool::builder().schema("within").wrap(raw);
    let database = pool.connect_options().get_database().unwrap_or_default().to_owned();
    let channel = channel("within");
    for case in ["LISTEN", "SELECT", "UNLISTEN"] {
        let spans = traced(async {
            let mut listener = PgListener::connect_with(&pool).await.expect("the server is there");
            listener.eager_reconnect(false);
            listener.listen(&channel).await.expect("it is right");
            end(&pool, &mut listener).await;
            let lost = timeout(PATIENCE, listener.try_recv()).await.expect("it is found");
            assert!(lost.expect("that is no error").is_none());
            match case {
                "LISTEN" => listener.listen("other").await.expect("it connects anew"),
                "SELECT" => {
                    sqlx::query("SELECT 1").execute(&mut listener).await.expect("it connects anew");
                }
                _ => listener.unlisten("other").await.expect("there is nothing to do"),
            }
            notify(&*pool as &sqlx::PgPool, &channel, "back").await.expect("it is right");
            if case == "UNLISTEN" {
                let silent = timeout(Duration::from_millis(200), listener.try_recv()).await;
                assert!(silent.is_err(), "nobody has listened");
            } else {
                assert_eq!(next(&mut listener).await.payload(), "back");
            }
        })
        .await;
        // The first query is that of the process.
        let expected: &[&str] = match case {
            "UNLISTEN" => &["LISTEN", "SELECT", "db.listener.reconnect"],
            _ => &["LISTEN", "SELECT", "db.listener.reconnect", case],
        };
        assert_eq!(spans.names(), expected, "{case}");
        let reconnect = spans.named("db.listener.reconnect");
        assert!(seconds(reconnect, "journey.db.pool_wait").is_some(), "{case}");
        assert_ne!(text(reconnect, "journey.db.wait_reason"), "", "{case}");
    }
    let lost = meter.points("journey.db.listener.losses", &format!("db.namespace={database}|within"));
    assert_eq!(lost.iter().map(|(_, count, _)| *count).sum::<f64>(), 3.0);
}

/// Scenario: a payload is as long as PostgreSQL allows; another leaves room for the context.
/// Guarantees: both come as they were sent; that the first has no context is counted.
#[tokio::test]
async fn a_context_without_room_is_counted() {
    let Some(pool) = pool(2).await else { return };
    let meter = Meter::install().await;
    let channel = channel("room");
    let mut listener = PgListener::connect_with(&pool).await.expect("the server is there");
    listener.listen(&channel).await.expect("it is right");
    traced(async {
        for payload in ["x".repeat(NOTIFICATION_BYTES_MAX), "short".to_owned()] {
            notify(&pool, &channel, &payload).await.expect("it is right");
            let received = next(&mut listener).await;
            assert_eq!(received.payload(), payload);
            assert_eq!(received.carrier().is_some(), payload == "short");
        }
    })
    .await;
    let counted = meter.all("journey.db.notification.context_dropped");
    assert_eq!(counted.iter().map(|(text, count, _)| (&**text, *count)).collect::<Vec<_>>(), [("", 1.0)]);
}

/// Scenario: queries are made on a listener: for a row, for a stream of rows that is left, a wrong one, and one prepared.
/// Guarantees: each is a call like any other.
#[tokio::test]
async fn queries_on_a_listener_have_spans() {
    let Some(pool) = pool(1).await else { return };
    let spans = traced(async {
        let mut listener = PgListener::connect_with(&pool).await.expect("the server is there");
        let sql = "SELECT count(*) FROM orders WHERE id < $1";
        let count = sqlx::query_scalar::<_, i64>(sql).bind(3_i64).fetch_one(&mut listener).await;
        assert_eq!(count.expect("it is right"), 2);
        let mut rows = sqlx::query("TABLE orders").fetch(&mut listener);
        rows.try_next().await.expect("it is right").expect("there are three");
        drop(rows);
        assert!(sqlx::query("SELECT 1/0").execute(&mut listener).await.is_err());
        let sql = sqlx::SqlSafeStr::into_sql_str("VALUES (1)");
        sqlx::Executor::prepare(&mut listener, sql).await.expect("it is right");
    })
    .await;
    assert_eq!(spans.names(), ["SELECT orders", "TABLE orders", "SELECT", "PREPARE VALUES"]);
    assert!(seconds(spans.named("SELECT orders"), "journey.db.pool_wait").is_some());
    assert_eq!(outcome(spans.named("TABLE orders")), "dropped_early");
    assert_error(spans.named("SELECT"), "22012");
}

/// Scenario: a pool is closed while a listener of it waits.
/// Guarantees: the caller hears of it as with sqlx.
#[tokio::test]
async fn a_closed_pool_ends_the_wait() {
    let Some(pool) = pool(1).await else { return };
    let mut listener = PgListener::connect_with(&pool).await.expect("the server is there");
    let (closed, received) = tokio::join!(timeout(PATIENCE, pool.close()), async {
        let received = timeout(PATIENCE, listener.recv()).await.expect("it is told");
        drop(listener);
        received
    });
    assert!(matches!(received, Err(sqlx::Error::PoolClosed)), "{received:?}");
    closed.expect("the connection is back");
}
