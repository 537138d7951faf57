//! Keeps one session with RabbitMQ, for ever.
//!
//! lapin's own recovery is not used: it cannot tell when the stream is declared again, and here every message is
//! either confirmed or refused, so there is nothing to recover.

use std::sync::Arc;
use std::time::Duration;

use lapin::uri::AMQPUri;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::session::Session;
use crate::limits::{BACKOFF_MAX, BACKOFF_MIN, CONNECT_TIME_MAX};

/// The current session, if there is one.
#[derive(Clone)]
pub(crate) struct Broker {
    current: watch::Receiver<Option<Arc<Session>>>,
}

impl Broker {
    /// Starts the task that connects, and connects again. The caller ends it.
    pub(crate) fn start(uri: AMQPUri) -> (Self, JoinHandle<()>) {
        let (announce, current) = watch::channel(None);
        (Self { current }, tokio::spawn(keep_connected(uri, announce)))
    }

    /// The session that stands now.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.current.borrow().clone()
    }
}

async fn keep_connected(uri: AMQPUri, announce: watch::Sender<Option<Arc<Session>>>) {
    let place = format!("{}:{}", uri.authority.host, uri.authority.port);
    let mut outage = Outage::default();
    loop {
        match connect(&uri).await {
            Ok(session) => {
                outage.over(&place);
                let session = Arc::new(session);
                announce.send_replace(Some(Arc::clone(&session)));
                let reason = session.ended().await;
                announce.send_replace(None);
                outage.begins(&place, &reason);
            }
            Err(Failure::Away(reason)) => outage.begins(&place, &reason),
            Err(Failure::Refused(reason)) => outage.needs_people(&place, &reason),
        }
        sleep(outage.next_wait()).await;
    }
}

async fn connect(uri: &AMQPUri) -> Result<Session, Failure> {
    match timeout(CONNECT_TIME_MAX, Session::open(uri.clone())).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) if error.is_amqp_error() => Err(Failure::Refused(error.to_string())),
        Ok(Err(error)) => Err(Failure::Away(error.to_string())),
        Err(_) => Err(Failure::Away(format!("no answer within {} s", CONNECT_TIME_MAX.as_secs()))),
    }
}

/// Why there is no session.
enum Failure {
    /// Nobody answers; time heals it.
    Away(String),
    /// The broker answers, and says no: wrong password, streams with other arguments, a stream that is lost.
    Refused(String),
}

/// One line when an outage begins, one if the broker says no, one when it is over, however many attempts lie between.
#[derive(Default)]
struct Outage {
    attempts: u32,
    refusal_said: bool,
}

impl Outage {
    fn begins(&mut self, place: &str, reason: &str) {
        if self.attempts == 0 {
            tracing::warn!(
                broker = place,
                reason,
                "RabbitMQ is away: requests are answered 503 until it is back"
            );
        }
        self.attempts = self.attempts.saturating_add(1);
    }

    fn needs_people(&mut self, place: &str, reason: &str) {
        if !self.refusal_said {
            let hint = "RabbitMQ refuses the relay: requests are answered 503 until it does not";
            tracing::error!(broker = place, reason, "{hint}");
        }
        self.refusal_said = true;
        self.attempts = self.attempts.saturating_add(1);
    }

    fn over(&mut self, place: &str) {
        tracing::info!(broker = place, "connected to RabbitMQ, the streams are declared");
        *self = Self::default();
    }

    fn next_wait(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(BACKOFF_DOUBLINGS_MAX);
        (BACKOFF_MIN * 2_u32.pow(doublings)).min(BACKOFF_MAX)
    }
}

/// More would only overflow: the wait has reached [`BACKOFF_MAX`] long before.
const BACKOFF_DOUBLINGS_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: an outage lasts for many attempts.
    /// Guarantees: the waits double from the least to the longest and stay there; the next outage starts small.
    #[test]
    fn waits_double_up_to_the_longest() {
        let mut outage = Outage::default();
        let mut waits = Vec::new();
        for _ in 0..40 {
            outage.begins("host", "gone");
            waits.push(outage.next_wait());
        }
        assert_eq!(waits[..3], [BACKOFF_MIN, BACKOFF_MIN * 2, BACKOFF_MIN * 4]);
        assert_eq!(waits[39], BACKOFF_MAX);
        outage.over("host");
        outage.begins("host", "gone");
        assert_eq!(outage.next_wait(), BACKOFF_MIN);
    }
}
