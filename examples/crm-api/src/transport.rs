//! Ways to the receivers of messages.

use crate::broker::{Published, Publisher};
use crate::outbox::Outgoing;

/// What became of a message.
pub(crate) enum Delivery {
    /// The receiver has it.
    Confirmed,
    /// The receiver takes others, but not this one now.
    Postponed(String),
    /// The receiver will never take it.
    Refused(String),
}

/// A way to one receiver.
pub(crate) trait Transport: Sync {
    /// The receiver's word in the table.
    const RECEIVER: &'static str;

    /// How often a message is postponed before it is laid aside, if others get through meanwhile.
    const TRIES_MAX: i32;

    /// Hands one message over, and waits until the receiver has it.
    ///
    /// # Errors
    /// The receiver cannot be reached: the message and all behind it wait.
    fn deliver(&self, message: &Outgoing) -> impl Future<Output = anyhow::Result<Delivery>> + Send;
}

impl Transport for Publisher {
    const RECEIVER: &'static str = "broker";
    /// Its queue comes with the service that reads it, whenever that is.
    const TRIES_MAX: i32 = i32::MAX;

    async fn deliver(&self, message: &Outgoing) -> anyhow::Result<Delivery> {
        let Outgoing { message_id, address, body, .. } = message;
        Ok(match self.publish(*message_id, address, body).await? {
            Published::Confirmed => Delivery::Confirmed,
            Published::Unroutable => Delivery::Postponed("no queue takes it yet".to_owned()),
        })
    }
}
