//! The outbox on a real database and a real broker.

use std::time::Instant;

use journey::Tasks;
use journey_testkit::env_url;
use lapin::options::{QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;

use super::*;
use crate::broker;
use crate::test_database::TestDatabase;

const KEY: &str = "test.unrouted";
const QUEUE: &str = "mes.test";

/// Scenario: no queue takes the first message, so it and the one behind it wait; then a queue does.
/// Guarantees: both arrive, in their order.
#[tokio::test]
async fn messages_wait_for_their_queue() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let Some(database) = TestDatabase::create().await else { return };
    let url: lapin::uri::AMQPUri = url.parse().expect("a URL of RabbitMQ");
    let outbox = Outbox::new(database.pool.clone());
    let mut tx = database.pool.begin().await.expect("a transaction");
    for number in [1, 2] {
        write(&mut tx, KEY, &number).await.expect("written");
    }
    tx.commit().await.expect("committed");
    let mut tasks = Tasks::new();
    tasks.spawn(|stop| broker::forward(outbox, url.clone(), stop));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(database.value::<i64>("SELECT count(*) FROM outbox").await, 2);

    let connection = broker::connect(&url).await;
    let channel = connection.create_channel().await.expect("a channel");
    channel
        .queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default())
        .await
        .expect("a queue");
    let options = QueueBindOptions::default();
    channel
        .queue_bind(QUEUE.into(), "orders".into(), KEY.into(), options, FieldTable::default())
        .await
        .expect("bound");
    let deadline = Instant::now() + Duration::from_secs(20);
    while database.value::<i64>("SELECT count(*) FROM outbox").await > 0 {
        assert!(Instant::now() < deadline, "the messages still wait");
        sleep(Duration::from_millis(50)).await;
    }
    for number in ["1", "2"] {
        let got =
            channel.basic_get(QUEUE.into(), Default::default()).await.expect("a queue").expect("a message");
        assert_eq!(got.data, number.as_bytes());
    }
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await.expect("deleted");
    assert_eq!(tasks.stop(Duration::from_secs(5)).await, 0);
    database.remove().await;
}
