//! Jobs that take longer than the broker waits, written in the two ways of `docs/long-jobs.md`.

use std::time::Duration;

use futures_util::StreamExt as _;
use journey_lapin::{Channel, Settings, TracedDelivery};
use journey_trace::{Attach, Carrier, JourneyCell, Key};
use lapin::BasicProperties;
use lapin::options::BasicAckOptions;
use opentelemetry::context::FutureExt as _;
use opentelemetry_sdk::trace::SpanData;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{SqliteExecutor, SqlitePool};
use tokio::time::{sleep, timeout};

use super::bench::{
    PrivateBroker, attempt_before, connect_to, consume, consumer_timeout, next, outcome, publish_with,
    quorum_queue, spans, trace_of, work_on,
};

/// What the broker waits for an acknowledgement, and what a job takes.
const PATIENCE: Duration = Duration::from_secs(2);
const JOB: Duration = Duration::from_secs(5);

/// The results of jobs: one row per order, and how often it was calculated.
async fn tables() -> SqlitePool {
    let db =
        SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.expect("a database");
    for table in [
        "CREATE TABLE jobs (message_id TEXT PRIMARY KEY, carrier TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE prices (order_id TEXT NOT NULL)",
    ] {
        sqlx::query(table).execute(&db).await.expect("a table");
    }
    db
}

async fn prices(db: &SqlitePool) -> Vec<String> {
    sqlx::query_scalar("SELECT order_id FROM prices ORDER BY order_id").fetch_all(db).await.expect("read")
}

/// The calculation: slow. Gives the order it was for.
async fn calculate() -> String {
    let order = JourneyCell::current().and_then(|cell| cell.get(Key::Order)).expect("a job knows its order");
    sleep(JOB).await;
    order.to_string()
}

/// Writes a result down.
async fn write(db: impl SqliteExecutor<'_>, order: String) {
    sqlx::query("INSERT INTO prices VALUES (?)").bind(order).execute(db).await.expect("written");
}

/// Way one: the message becomes a row and is acknowledged at once; a message that comes again is known by its id.
async fn accept(db: &SqlitePool, delivery: &TracedDelivery) {
    let id = delivery.properties.message_id().as_ref().expect("messages have ids").to_string();
    let carrier = Carrier::from_context(delivery.context()).to_string();
    sqlx::query("INSERT INTO jobs (message_id, carrier) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(carrier)
        .execute(db)
        .await
        .expect("written");
}

/// Works the rows off, whatever became of the messages. A process that dies has written a result and `done`, or neither.
async fn work_off(db: &SqlitePool) {
    let jobs: Vec<(String, String)> = sqlx::query_as("SELECT message_id, carrier FROM jobs WHERE done = 0")
        .fetch_all(db)
        .await
        .expect("read");
    for (id, carrier) in jobs {
        let context = carrier.parse::<Carrier>().expect("written by us").attach(Attach::Link);
        let order = calculate().with_context(context).await;
        let mut transaction = db.begin().await.expect("a transaction");
        write(&mut *transaction, order).await;
        sqlx::query("UPDATE jobs SET done = 1 WHERE message_id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .expect("written");
        transaction.commit().await.expect("written");
    }
}

async fn publish_job(channel: &Channel, queue: &str, order: &str) -> journey_trace::SpanGuard {
    quorum_queue(channel, queue).await;
    let work = work_on(order);
    let properties = BasicProperties::default().with_message_id(order.into()).with_delivery_mode(2);
    publish_with(channel, queue, &work, properties).await;
    work
}

fn outcomes(spans: &[SpanData]) -> Vec<String> {
    spans.iter().map(outcome).collect()
}

/// Scenario: jobs take longer than the broker waits. One worker acknowledges at once and works from a table; its
/// acknowledgement is lost once, so the message comes again. One holds its message, as nobody should. One holds it under
/// a raised timeout.
/// Guarantees: with the table and with the raised timeout each order is calculated exactly once. The worker that holds
/// its message is handed it once more after the work is done, and its spans say why: `ack_timeout`, then a second attempt
/// that is linked to the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_is_lost_or_doubled() {
    let Some(broker) = PrivateBroker::start(&consumer_timeout(PATIENCE)) else { return };
    let db = tables().await;

    let (connection, channel) = connect_to(&broker.url()).await;
    let early = publish_job(&channel, "it.jobs.early", "ORD-J1").await;
    let delivery = next(&mut consume(&channel, "it.jobs.early").await).await;
    accept(&db, &delivery).await;
    connection.close(200, "just before the acknowledgement".into()).await.expect("closed");
    // Which of the two depends on whether lapin has noticed the end of the connection by now.
    let first = match delivery.ack(BasicAckOptions::default()).await {
        Ok(settled) => {
            assert!(!settled, "the connection is closed");
            "ack_lost"
        }
        Err(_) => "channel_closed",
    };
    let (_connection, channel) = connect_to(&broker.url()).await;
    let again = next(&mut consume(&channel, "it.jobs.early").await).await;
    accept(&db, &again).await;
    assert!(again.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    work_off(&db).await;
    assert_eq!(prices(&db).await, ["ORD-J1"]);
    let attempts = spans(trace_of(&early), "consume");
    assert_eq!(outcomes(&attempts), [first, "ack"]);
    assert_eq!(attempt_before(&attempts[1]), Some(attempts[0].span_context.clone()));

    let held = publish_job(&channel, "it.jobs.held", "ORD-J2").await;
    let mut consumer = consume(&channel, "it.jobs.held").await;
    let delivery = next(&mut consumer).await;
    write(&db, calculate().with_context(delivery.context().clone()).await).await;
    assert!(!delivery.ack(BasicAckOptions::default()).await.expect("too late"));
    assert!(consumer.is_lost());
    assert!(
        timeout(Duration::from_secs(1), consumer.next()).await.expect("the reason").expect("it").is_err()
    );
    let (_connection, channel) = connect_to(&broker.url()).await;
    let again = next(&mut consume(&channel, "it.jobs.held").await).await;
    assert_eq!(again.attempt(), 2);
    again.ack(BasicAckOptions::default()).await.expect("acknowledged");
    let attempts = spans(trace_of(&held), "consume");
    assert_eq!(outcomes(&attempts), ["ack_timeout", "ack"]);
    assert_eq!(attempt_before(&attempts[1]), Some(attempts[0].span_context.clone()));

    broker.restart(&consumer_timeout(4 * JOB));
    let (_connection, channel) = connect_to(&broker.url()).await;
    let channel = channel.with(Settings::default().ack_timeout(4 * JOB));
    let raised = publish_job(&channel, "it.jobs.raised", "ORD-J3").await;
    let delivery = next(&mut consume(&channel, "it.jobs.raised").await).await;
    write(&db, calculate().with_context(delivery.context().clone()).await).await;
    assert!(delivery.ack(BasicAckOptions::default()).await.expect("acknowledged"));
    assert_eq!(outcomes(&spans(trace_of(&raised), "consume")), ["ack"]);
    assert_eq!(prices(&db).await, ["ORD-J1", "ORD-J2", "ORD-J3"]);
}
