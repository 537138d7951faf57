//! The stream of a real RabbitMQ, read by a daemon that is stopped and started in between.

use journey_analyzer::config::Config;
use journey_model::stream;
use journey_testkit::env_url;
use journey_testkit::scenario::Signal;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tempfile::TempDir;

use super::{eventually, signals_from_now, stages, start};

/// Scenario: the stream is read, the daemon restarted in the middle, and a body that is no OTLP lies in between.
/// Guarantees: every stage is there once, reading goes on behind what was stored, the broken body is passed.
#[tokio::test]
async fn the_stream_is_read_from_where_it_was_left() {
    let Some(url) = env_url("JOURNEY_AMQP_URL") else { return };
    let data = TempDir::new().unwrap();
    let order = format!("ST-{}", std::process::id());
    let config = Config { amqp: Some(url.clone()), ..Config::default() };
    let text = format!(
        "0s crm-api/1 end order_create order.id={order}
         1s mes-api/1 end price.load_model order.id={order}
         2s mes-api/1 end price.simplify_model order.id={order}"
    );
    let signals = signals_from_now(&text);

    let daemon = start(config.clone(), data.path()).await;
    let channel = eventually("the daemon has declared the stream", || first_publish(&url, &signals[0])).await;
    assert_eq!(stages(&daemon, &order, 1).await, ["order_create"]);
    daemon.stop().await;

    publish_bytes(&channel, b"no OTLP at all").await.unwrap();
    publish(&channel, &signals[1]).await;
    publish(&channel, &signals[0]).await;
    let daemon = start(config.clone(), data.path()).await;
    assert_eq!(stages(&daemon, &order, 2).await, ["order_create", "price.load_model"]);
    publish(&channel, &signals[2]).await;
    let all = ["order_create", "price.load_model", "price.simplify_model"];
    assert_eq!(stages(&daemon, &order, 3).await, all);
    daemon.stop().await;

    // A new folder reads the whole stream again and comes to the same.
    let other = TempDir::new().unwrap();
    let daemon = start(config, other.path()).await;
    assert_eq!(stages(&daemon, &order, 3).await, all);
    daemon.stop().await;
}

/// A channel over which the first message was routed to the stream, `None` while the daemon has not declared it.
async fn first_publish(url: &str, signal: &Signal) -> Option<Channel> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    matches!(publish_bytes(&channel, &signal.to_otlp()).await, Ok(Confirmation::Ack(None))).then_some(channel)
}

async fn publish(channel: &Channel, signal: &Signal) {
    assert_eq!(publish_bytes(channel, &signal.to_otlp()).await.unwrap(), Confirmation::Ack(None));
}

async fn publish_bytes(channel: &Channel, body: &[u8]) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default();
    channel
        .basic_publish(stream::EXCHANGE.into(), stream::EVENTS.into(), options, body, properties)
        .await?
        .await
}
