//! The one consumer of answers that a channel can have.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context as TaskContext, Waker};
use std::thread;

use lapin::Result;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::sync::Mutex;
use tokio::task::yield_now;

use crate::channel::Channel;

use super::DIRECT_REPLY_TO;
use super::pending::{Answers, Pending, closed};

/// Listens for answers on a channel, for all clients of it; dropped with the last of them, it ends the consumer.
pub(crate) struct Listener {
    /// lapin's own: whoever holds ours keeps the channel from counting as given up.
    channel: lapin::Channel,
    tag: ShortString,
    pub(super) pending: Arc<Pending>,
}

/// The listener of a channel while a client lives, and the table of calls of the last one. The lock is held while one begins:
/// a second consumer of answers would make the broker close the channel.
pub(crate) type Slot = Mutex<Option<(Weak<Listener>, Arc<Pending>)>>;

/// Numbers for the tags of consumers, which are names within one channel.
static TAGS: AtomicU64 = AtomicU64::new(1);

impl Listener {
    /// The listener of this channel, which begins to listen if there is none, or none that hears anything.
    pub(super) async fn of(channel: &Channel) -> Result<Arc<Self>> {
        let mut slot = channel.state().unsettled.listener.lock().await;
        if let Some((last, pending)) = &*slot {
            if let Some(listener) = last.upgrade().filter(|_| !pending.is_closed()) {
                return Ok(listener);
            }
            // Its consumer is being cancelled, by another thread just now.
            while !pending.is_closed() {
                yield_now().await;
            }
        }
        if !channel.status().confirm() {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
        }
        let raw: &lapin::Channel = channel;
        // Under a tag of our own: who leaves while the broker has yet to answer cancels it too.
        let tag = format!("journey-rpc-{}", TAGS.fetch_add(1, Ordering::Relaxed)).into();
        let listener = Arc::new(Self { channel: raw.clone(), tag, pending: Arc::default() });
        *slot = Some((Arc::downgrade(&listener), Arc::clone(&listener.pending)));
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let tag = listener.tag.clone();
        let answers = raw.basic_consume(DIRECT_REPLY_TO.into(), tag, options, FieldTable::default()).await?;
        // With a delegate nobody needs to poll. It holds the table alone: else nothing here would ever be dropped.
        answers.set_delegate(Answers(Arc::clone(&listener.pending)));
        Ok(listener)
    }
}

impl Drop for Listener {
    /// lapin does not cancel a consumer that has a delegate. It hands the frame to its own thread when the call is polled
    /// for the first time, and there is no answer to wait for, so this needs no runtime. But whoever drops the last
    /// client may hold lapin's table of consumers, as it does while it drops a delegate: so a thread of its own waits for
    /// that.
    fn drop(&mut self) {
        let (channel, tag) = (self.channel.clone(), self.tag.clone());
        let pending = Arc::clone(&self.pending);
        let cancel = move || {
            let cancel = pin!(channel.basic_cancel(tag, BasicCancelOptions { nowait: true }));
            // On a channel that is dead there is nothing to cancel.
            let _ = cancel.poll(&mut TaskContext::from_waker(Waker::noop()));
            pending.close(&closed());
        };
        let thread = thread::Builder::new().name("journey-rpc-cancel".to_owned()).spawn(cancel);
        if thread.is_err() {
            // The consumer goes with its channel.
            self.pending.close(&closed());
        }
    }
}
