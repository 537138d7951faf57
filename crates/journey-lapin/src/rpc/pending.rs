//! The table of calls that wait for their answers.

use std::collections::HashMap;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::message::{Delivery, DeliveryResult};
use lapin::{ChannelState, Error, ErrorKind};
use tokio::sync::oneshot;

use crate::limits::CALLS_MAX;
use crate::metrics;

use super::RpcError;

/// Calls by `correlation_id`. The lock is held for one look.
#[derive(Default)]
pub(crate) struct Pending(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// At most [`CALLS_MAX`].
    waiting: HashMap<String, oneshot::Sender<Result<Delivery, Error>>>,
    is_closed: bool,
}

impl Pending {
    /// A place for one more call. `None`: the table is full.
    pub(super) fn enter(self: &Arc<Self>, id: String) -> Option<Waiting> {
        let (sender, answer) = oneshot::channel();
        let mut table = self.table();
        if table.waiting.len() >= CALLS_MAX {
            return None;
        }
        if table.is_closed {
            let _ = sender.send(Err(closed()));
        } else {
            table.waiting.insert(id.clone(), sender);
        }
        Some(Waiting { id, pending: Arc::clone(self), answer })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.table().is_closed
    }

    /// Hands an answer to who waits for it. One that nobody waits for any more is counted, and thrown away.
    fn answered(&self, answer: Delivery) {
        let id = answer.properties.correlation_id().as_ref().map(|id| id.as_str()).unwrap_or_default();
        let waiting = self.table().waiting.remove(id);
        if waiting.is_none_or(|waiting| waiting.send(Ok(answer)).is_err()) {
            metrics::late_answer();
        }
    }

    /// There will be no more answers.
    pub(super) fn close(&self, error: &Error) {
        let waiting = {
            let mut table = self.table();
            table.is_closed = true;
            std::mem::take(&mut table.waiting)
        };
        for waiting in waiting.into_values() {
            let _ = waiting.send(Err(error.clone()));
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A map that lost one entry to a panic is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place in the table, which it leaves when this is dropped.
pub(super) struct Waiting {
    id: String,
    pending: Arc<Pending>,
    answer: oneshot::Receiver<Result<Delivery, Error>>,
}

impl Waiting {
    pub(super) async fn answer(mut self) -> Result<Delivery, RpcError> {
        match (&mut self.answer).await {
            Ok(answer) => Ok(answer?),
            // The table never drops a sender that it has not used.
            Err(_) => Err(closed().into()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.table().waiting.remove(&self.id);
    }
}

/// What lapin is given. It calls this on the thread of the connection, so nothing here waits.
pub(super) struct Answers(pub(super) Arc<Pending>);

impl lapin::ConsumerDelegate for Answers {
    fn on_new_delivery(&self, answer: DeliveryResult) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match answer {
            Ok(Some(answer)) => self.0.answered(answer),
            Ok(None) => self.0.close(&closed()),
            Err(error) => self.0.close(&error),
        }
        Box::pin(ready(()))
    }
}

/// Why a call fails that comes when nobody listens any more.
pub(super) fn closed() -> Error {
    ErrorKind::InvalidChannelState(ChannelState::Closed, "an answer is waited for").into()
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;

    use super::*;

    fn answer(id: &str) -> Delivery {
        let mut answer = Delivery::mock(1, "".into(), "".into(), false, id.into());
        answer.properties = BasicProperties::default().with_correlation_id(id.into());
        answer
    }

    /// Scenario: as many calls wait as may; one is given up, one is answered; answers come for nobody.
    /// Guarantees: a further call has no place until one has left; each answer reaches its call alone.
    #[tokio::test]
    async fn the_table_is_bounded() {
        let pending = Arc::new(Pending::default());
        let mut waiting: Vec<_> = (0..CALLS_MAX).map(|id| pending.enter(id.to_string())).collect();
        assert!(waiting.iter().all(Option::is_some) && pending.enter("more".to_owned()).is_none());
        pending.answered(answer("more"));
        drop(waiting.pop());
        let last = pending.enter("last".to_owned()).expect("a place was left");
        pending.answered(answer("last"));
        pending.answered(answer("last"));
        assert_eq!(last.answer().await.expect("answered").data, b"last");
        assert_eq!(pending.table().waiting.len(), CALLS_MAX - 1);
    }

    /// Scenario: the channel is closed while a call waits; another one comes later.
    /// Guarantees: both fail at once, the first with the reason.
    #[tokio::test]
    async fn nobody_waits_for_a_closed_channel() {
        let pending = Arc::new(Pending::default());
        let waiting = pending.enter("1".to_owned()).expect("a place");
        pending.close(&ErrorKind::ChannelsLimitReached.into());
        let failure = waiting.answer().await.expect_err("no answer");
        assert!(
            matches!(failure, RpcError::Channel(error) if matches!(error.kind(), ErrorKind::ChannelsLimitReached))
        );
        let late = pending.enter("2".to_owned()).expect("a place");
        assert!(matches!(late.answer().await, Err(RpcError::Channel(_))));
        assert!(pending.is_closed());
    }
}
