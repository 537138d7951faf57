//! The outbox on a real database, with a receiver in memory.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use journey::Tasks;

use super::*;
use crate::test_database::TestDatabase;

/// Takes all messages but those to one address.
#[derive(Clone, Default)]
struct Receiver {
    asked: Arc<Mutex<Vec<String>>>,
    ill: Option<&'static str>,
}

impl Receiver {
    /// What it was asked to take since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Transport for Receiver {
    const RECEIVER: &'static str = "test";
    const TRIES_MAX: i32 = 3;

    async fn deliver(&self, message: &Outgoing) -> anyhow::Result<Delivery> {
        let text = format!("{} {}", message.address, message.body);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        Ok(match self.ill {
            Some(address) if address == message.address => Delivery::Postponed("ill".to_owned()),
            _ => Delivery::Confirmed,
        })
    }
}

async fn write_all(outbox: &Outbox, messages: &[(&str, u32)]) {
    let mut tx = outbox.db.begin().await.expect("a transaction");
    for (address, body) in messages {
        write::<Receiver>(&mut tx, address, body).await.expect("written");
    }
    tx.commit().await.expect("committed");
}

/// One round of a forwarder.
async fn round(outbox: &Outbox, receiver: &Receiver) -> Vec<String> {
    let mut tasks = Tasks::new();
    let (outbox, receiver) = (outbox.clone(), receiver.clone());
    let asked = receiver.clone();
    tasks.spawn(|stop| async move {
        outbox.forward_batch(&receiver, &stop).await.expect("the database is there");
    });
    // Asked to stop before it starts, it would deliver nothing.
    tokio::time::sleep(Duration::from_millis(200)).await;
    tasks.stop(Duration::from_secs(5)).await;
    asked.asked()
}

/// Scenario: messages to two addresses; the receiver does not take those to one of them, then it does.
/// Guarantees: the others go on, in their order; those that wait keep theirs, and are not tried again at once.
#[tokio::test]
async fn one_address_waits_and_the_others_go_on() {
    let Some(database) = TestDatabase::create().await else { return };
    let outbox = Outbox::new(database.pool.clone());
    let mut receiver = Receiver { ill: Some("b"), ..Receiver::default() };
    write_all(&outbox, &[("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3)]).await;
    assert_eq!(round(&outbox, &receiver).await, ["a 1", "b 1", "a 2", "a 3"]);
    receiver.ill = None;
    write_all(&outbox, &[("b", 3), ("a", 4)]).await;
    assert_eq!(round(&outbox, &receiver).await, ["a 4"]);
    assert_eq!(database.execute("UPDATE outbox SET not_before = now() WHERE tries > 0").await, 1);
    assert_eq!(round(&outbox, &receiver).await, ["b 1", "b 2", "b 3"]);
    assert_eq!(database.value::<i64>("SELECT count(*) FROM outbox").await, 0);
    database.remove().await;
}

/// Scenario: a message was put off as often as allowed; it is tried alone, then beside one that is taken.
/// Guarantees: it is laid aside only if the receiver takes others.
#[tokio::test]
async fn a_message_is_laid_aside_if_others_get_through() {
    let Some(database) = TestDatabase::create().await else { return };
    let outbox = Outbox::new(database.pool.clone());
    let receiver = Receiver { ill: Some("b"), ..Receiver::default() };
    write_all(&outbox, &[("b", 1)]).await;
    for (others, refused) in [(None, 0), (Some(("a", 1)), 1)] {
        database.execute("UPDATE outbox SET tries = 3, not_before = NULL").await;
        write_all(&outbox, others.as_slice()).await;
        round(&outbox, &receiver).await;
        let count = database.value::<i64>("SELECT count(*) FROM outbox WHERE refused = 'ill'").await;
        assert_eq!(count, refused);
    }
    database.remove().await;
}

/// Scenario: a forwarder sleeps; messages are committed one by one, each with a word to it.
/// Guarantees: they leave at once, not when it would look again.
#[tokio::test]
async fn a_word_wakes_the_forwarder() {
    const MESSAGES: u32 = 8;
    let Some(database) = TestDatabase::create().await else { return };
    let outbox = Outbox::new(database.pool.clone());
    let receiver = Receiver::default();
    let mut tasks = Tasks::new();
    let (forwarder, asked) = (outbox.clone(), receiver.clone());
    tasks.spawn(
        |stop| async move { forwarder.forward(&receiver, &stop).await.expect("the database is there") },
    );
    let began = Instant::now();
    for number in 0..MESSAGES {
        write_all(&outbox, &[("a", number)]).await;
        outbox.wake();
        while asked.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Back to sleep before the next one.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < LOOK_EVERY * MESSAGES / 2, "{:?}", began.elapsed());
    assert_eq!(tasks.stop(Duration::from_secs(5)).await, 0);
    database.remove().await;
}
