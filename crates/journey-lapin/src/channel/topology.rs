//! Calls that emit nothing. lapin's are shadowed to hear what the broker says to them: one that fails takes its channel
//! with it, and then that is why the deliveries of the channel are lost.

use lapin::options::{
    BasicQosOptions, ConfirmSelectOptions, ExchangeBindOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, ExchangeUnbindOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
    QueuePurgeOptions,
};
use lapin::types::{FieldTable, MessageCount, ReplyCode, ShortString};
use lapin::{ExchangeKind, Queue, Result};

use super::Channel;

impl Channel {
    /// Limits the deliveries that are not settled, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn basic_qos(&self, prefetch_count: u16, options: BasicQosOptions) -> Result<()> {
        self.heard(self.inner.basic_qos(prefetch_count, options).await)
    }

    /// Closes the channel, as lapin's. What it still holds ends as `channel_closed` or `ack_lost`.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn close(&self, reply_code: ReplyCode, reply_text: ShortString) -> Result<()> {
        self.state.unsettled.death.is_wanted();
        self.inner.close(reply_code, reply_text).await
    }

    /// Asks for confirms, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn confirm_select(&self, options: ConfirmSelectOptions) -> Result<()> {
        self.heard(self.inner.confirm_select(options).await)
    }

    /// Declares an exchange, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn exchange_declare(
        &self,
        exchange: ShortString,
        kind: ExchangeKind,
        options: ExchangeDeclareOptions,
        arguments: FieldTable,
    ) -> Result<()> {
        self.heard(self.inner.exchange_declare(exchange, kind, options, arguments).await)
    }

    /// Deletes an exchange, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn exchange_delete(&self, exchange: ShortString, options: ExchangeDeleteOptions) -> Result<()> {
        self.heard(self.inner.exchange_delete(exchange, options).await)
    }

    /// Binds an exchange to another, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn exchange_bind(
        &self,
        destination: ShortString,
        source: ShortString,
        routing_key: ShortString,
        options: ExchangeBindOptions,
        arguments: FieldTable,
    ) -> Result<()> {
        self.heard(self.inner.exchange_bind(destination, source, routing_key, options, arguments).await)
    }

    /// Ends a binding of an exchange to another, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn exchange_unbind(
        &self,
        destination: ShortString,
        source: ShortString,
        routing_key: ShortString,
        options: ExchangeUnbindOptions,
        arguments: FieldTable,
    ) -> Result<()> {
        self.heard(self.inner.exchange_unbind(destination, source, routing_key, options, arguments).await)
    }

    /// Declares a queue, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn queue_declare(
        &self,
        queue: ShortString,
        options: QueueDeclareOptions,
        arguments: FieldTable,
    ) -> Result<Queue> {
        self.heard(self.inner.queue_declare(queue, options, arguments).await)
    }

    /// Binds a queue to an exchange, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn queue_bind(
        &self,
        queue: ShortString,
        exchange: ShortString,
        routing_key: ShortString,
        options: QueueBindOptions,
        arguments: FieldTable,
    ) -> Result<()> {
        self.heard(self.inner.queue_bind(queue, exchange, routing_key, options, arguments).await)
    }

    /// Ends a binding of a queue, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn queue_unbind(
        &self,
        queue: ShortString,
        exchange: ShortString,
        routing_key: ShortString,
        arguments: FieldTable,
    ) -> Result<()> {
        self.heard(self.inner.queue_unbind(queue, exchange, routing_key, arguments).await)
    }

    /// Empties a queue, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn queue_purge(&self, queue: ShortString, options: QueuePurgeOptions) -> Result<MessageCount> {
        self.heard(self.inner.queue_purge(queue, options).await)
    }

    /// Deletes a queue, as lapin's.
    ///
    /// # Errors
    /// What lapin says.
    pub async fn queue_delete(
        &self,
        queue: ShortString,
        options: QueueDeleteOptions,
    ) -> Result<MessageCount> {
        self.heard(self.inner.queue_delete(queue, options).await)
    }
}
