//! The queue of prices on a real broker and a real database.

use std::time::{Duration, Instant};

use journey::Tasks;
use journey_testkit::env_url;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, QueuePurgeOptions};
use lapin::{BasicProperties, Channel};
use tokio::time::sleep;

use crate::broker::{self, Queue};
use crate::outbox::Outbox;
use crate::test_database::TestDatabase;
use crate::{Crm, consumer};

const WITHIN: Duration = Duration::from_secs(20);

async fn publish(channel: &Channel, body: &str) {
    let properties = BasicProperties::default().with_message_id(uuid::Uuid::new_v4().to_string().into());
    let options = BasicPublishOptions::default();
    let publish =
        channel.basic_publish("".into(), Queue::Prices.name().into(), options, body.as_bytes(), properties);
    publish.await.expect("sent");
}

/// The next dead letter, if there is one by then.
async fn dead_letter(channel: &Channel, within: Duration) -> Option<String> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        let options = BasicGetOptions::default();
        if let Some(message) = channel.basic_get("orders.dead".into(), options).await.expect("a queue") {
            message.ack(BasicAckOptions::default()).await.expect("acknowledged");
            return Some(String::from_utf8_lossy(&message.data).into_owned());
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}

/// Scenario: nonsense is in the queue, and behind it a price that comes while the database can only be read; it stays so
/// for some tries, then it can be written again.
/// Guarantees: the nonsense is a dead letter at once; the price waits, is formed afterwards, and is no dead letter.
#[tokio::test]
async fn only_nonsense_becomes_a_dead_letter() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let Some(database) = TestDatabase::create().await else { return };
    let url: lapin::uri::AMQPUri = url.parse().expect("a URL of RabbitMQ");
    let connection = broker::connect(&url).await;
    let channel = connection.create_channel().await.expect("a channel");
    broker::declare(&channel).await.expect("declared");
    for queue in [Queue::Prices.name(), "orders.dead"] {
        channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.expect("purged");
    }
    database
        .execute("INSERT INTO orders (order_id, material, model_url) VALUES ('ORD-1', 'gold', 'a.stl')")
        .await;

    let crm = Crm { outbox: Outbox::new(database.pool.clone()), db: database.pool.clone() };
    let mut tasks = Tasks::new();
    tasks.spawn(|stop| consumer::run(crm, Queue::Prices, url, stop));
    publish(&channel, "nonsense").await;
    assert_eq!(dead_letter(&channel, WITHIN).await.as_deref(), Some("nonsense"));

    database.set_read_only(true).await;
    publish(&channel, r#"{"order_id": "ORD-1", "price_cents": 4200}"#).await;
    assert_eq!(dead_letter(&channel, Duration::from_secs(3)).await, None);
    database.set_read_only(false).await;
    let deadline = Instant::now() + WITHIN;
    while database.value::<Option<i64>>("SELECT price_cents FROM orders").await != Some(4200) {
        assert!(Instant::now() < deadline, "the price is not formed");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(dead_letter(&channel, Duration::from_millis(200)).await, None);
    assert_eq!(tasks.stop(WITHIN).await, 0);
    database.remove().await;
}
