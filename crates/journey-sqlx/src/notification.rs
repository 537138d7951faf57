//! Notifications, and the context that they may carry.

use std::borrow::Cow;
use std::fmt;

use journey_trace::Carrier;
use sqlx_core::Error;
use sqlx_core::query::query;
use sqlx_postgres::{PgExecutor, PgNotification as RawNotification};

use crate::limits::NOTIFICATION_BYTES_MAX;
use crate::metrics::context_dropped;

/// Notifies the listeners of a channel, and gives them the current context: trace, ids and facets. In a transaction they
/// hear of it when it is committed.
///
/// The context goes before the payload, in a line of its own, which [`PgNotification`](crate::PgNotification) takes off
/// again. So use it where all listeners of the channel do that; others see the line. If both together are longer than
/// PostgreSQL allows ([`NOTIFICATION_BYTES_MAX`]), the payload goes alone, counted by the metric
/// `journey.db.notification.context_dropped`.
///
/// ```no_run
/// # async fn tell(tx: &mut journey_sqlx::Transaction<'_>) -> Result<(), sqlx::Error> {
/// journey_sqlx::notify(&mut **tx, "prices", "ORD-000123").await
/// # }
/// ```
///
/// # Errors
/// sqlx's, unchanged: SQLSTATE 22023 if the payload alone is too long.
pub async fn notify<'c>(executor: impl PgExecutor<'c>, channel: &str, payload: &str) -> Result<(), Error> {
    let enclosed = enclose(payload, &Carrier::current());
    if matches!(enclosed, Cow::Borrowed(_)) {
        context_dropped();
    }
    query("SELECT pg_notify($1, $2)").bind(channel).bind(&*enclosed).execute(executor).await.map(drop)
}

/// In place of `sqlx::postgres::PgNotification`.
#[derive(Clone)]
pub struct PgNotification {
    raw: RawNotification,
}

impl PgNotification {
    pub(crate) fn new(raw: RawNotification) -> Self {
        Self { raw }
    }

    /// The process of the server that notified.
    pub fn process_id(&self) -> u32 {
        self.raw.process_id()
    }

    /// The channel.
    ///
    /// # Panics
    /// As sqlx's own, if it is not UTF-8.
    pub fn channel(&self) -> &str {
        self.raw.channel()
    }

    /// The payload as it was given to [`notify`], or all of it if somebody else sent it.
    ///
    /// # Panics
    /// As sqlx's own, if it is not UTF-8.
    pub fn payload(&self) -> &str {
        open(self.raw.payload()).1
    }

    /// What [`notify`] has enclosed. Spans under its context belong to the order of the sender:
    ///
    /// ```no_run
    /// # use journey_trace::Attach;
    /// # use opentelemetry::{Context, context::FutureExt};
    /// # async fn work(payload: &str) {}
    /// # async fn one(listener: &mut journey_sqlx::PgListener) -> Result<(), sqlx::Error> {
    /// let notification = listener.recv().await?;
    /// let carrier = notification.carrier();
    /// let context = carrier.map_or_else(Context::current, |carrier| carrier.attach(Attach::Link));
    /// work(notification.payload()).with_context(context).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// As [`payload`](Self::payload).
    pub fn carrier(&self) -> Option<Carrier> {
        open(self.raw.payload()).0
    }
}

impl fmt::Debug for PgNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

/// Borrowed if the context does not fit.
fn enclose<'p>(payload: &'p str, carrier: &Carrier) -> Cow<'p, str> {
    let enclosed = format!("{MARK}{carrier}\n{payload}");
    if enclosed.len() <= NOTIFICATION_BYTES_MAX { Cow::Owned(enclosed) } else { Cow::Borrowed(payload) }
}

/// Context and payload. What is no context of ours is payload.
fn open(text: &str) -> (Option<Carrier>, &str) {
    let enclosed = text.strip_prefix(MARK).and_then(|rest| rest.split_once('\n'));
    let opened = enclosed.and_then(|(carrier, payload)| Some((carrier.parse().ok()?, payload)));
    opened.map_or((None, text), |(carrier, payload)| (Some(carrier), payload))
}

/// Begins a text with a context in its first line.
const MARK: &str = "journey:";

#[cfg(test)]
mod tests {
    use journey_trace::{ContextExt, JourneyCell, Key};
    use opentelemetry::Context;

    use super::*;

    fn carrier() -> Carrier {
        let cell = JourneyCell::new();
        cell.set(Key::Order, "ORD-1");
        Carrier::from_context(&Context::new().with_cell(cell))
    }

    /// Scenario: payloads that are enclosed and opened, among them an empty one, one of several lines, and one that looks
    /// like an enclosed one.
    /// Guarantees: they come out as they went in, and the context with them.
    #[test]
    fn payloads_come_out_as_they_went_in() {
        for payload in ["", "ORD-1", "two\nlines\n", "journey:1;-;\n", "journey:nonsense\n"] {
            let enclosed = enclose(payload, &carrier());
            let (opened, inside) = open(&enclosed);
            assert_eq!(inside, payload);
            assert_eq!(opened.map(|carrier| carrier.to_string()).as_deref(), Some("1;-;order.id=ORD-1"));
        }
    }

    /// Scenario: texts of others, some of which begin like ours.
    /// Guarantees: they are payload, to the last byte.
    #[test]
    fn texts_of_others_are_payload() {
        for text in ["", "{}", "journey:", "journey:\n", "journey:no context\npayload", "journey:1;-;"] {
            assert!(open(text).0.is_none(), "{text}");
            assert_eq!(open(text).1, text);
        }
    }

    /// Scenario: a payload that is as long as PostgreSQL allows.
    /// Guarantees: it goes alone.
    #[test]
    fn a_long_payload_goes_alone() {
        let payload = "x".repeat(NOTIFICATION_BYTES_MAX);
        assert_eq!(enclose(&payload, &carrier()), payload);
    }
}
