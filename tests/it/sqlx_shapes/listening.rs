//! Listeners for notifications.

use std::time::Duration;

use futures_util::TryStreamExt;
use journey::sqlx::{PgListener, PgNotification, notify};
use journey_testkit::env_url;
use journey_trace::{Attach, JourneyCell, Key};
use opentelemetry::trace::SpanKind;
use tokio::time::timeout;

use super::bench::{assert_error, pool, text, traced};

const PATIENCE: Duration = Duration::from_secs(10);

fn channel(name: &str) -> String {
    format!("journey {name} {}", std::process::id())
}

async fn next(listener: &mut PgListener) -> PgNotification {
    timeout(PATIENCE, listener.recv()).await.expect("it comes").expect("the server is there")
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
                let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
                    .fetch_one(&mut listener)
                    .await
                    .expect("it is right");
                let end = sqlx::query("SELECT pg_terminate_backend($1)").bind(pid);
                end.execute(&*pool as &sqlx::PgPool).await.expect("it may");
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
