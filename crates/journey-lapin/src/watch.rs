//! Looks after deliveries that nobody settles, and consumers that nobody polls.
//!
//! One thread of the process, from the first consumer on and as long as there is one: a runtime whose workers are all
//! busy is what it has to tell of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use lapin::types::ShortString;

use crate::channel::State;
use crate::consumer::Feed;
use crate::destination::lasting_queue;
use crate::limits::{OVERDUE_AFTER, WATCH_INTERVAL};
use crate::unsettled::OpenDelivery;

/// What is held of one queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held {
    /// Deliveries that are not settled.
    pub(crate) count: u64,
    /// Age of the oldest of them.
    pub(crate) oldest: Duration,
}

/// Watches the deliveries of a channel, and whether its connection is blocked.
pub(crate) fn channel(state: &Arc<State>) {
    if state.begin_watch() {
        lock().channels.push(Arc::downgrade(state));
        start();
    }
}

/// Watches a consumer, and the deliveries of its channel.
pub(crate) fn consumer(feed: &Arc<Feed>, tag: ShortString) {
    channel(&feed.source.state);
    lock().consumers.push(Watched { feed: Arc::downgrade(feed), tag });
}

/// The owner of this consumer wants no more messages.
pub(crate) fn cancelled(state: &Arc<State>, tag: &str) {
    let watched = lock();
    for consumer in watched.consumers.iter().filter(|consumer| consumer.tag.as_str() == tag) {
        if let Some(feed) = consumer.feed.upgrade().filter(|feed| is_of(feed, state)) {
            feed.source.cancel();
        }
    }
}

/// Looks for the reason why a channel died, which lapin tells to its consumers alone.
pub(crate) fn look_at_channel(state: &State) {
    for feed in live_consumers().iter().filter(|feed| is_of(feed, state)) {
        feed.look_at_channel();
    }
    guess_why_it_died(state);
}

/// Nobody is told why a channel without consumers died, while its connection lives.
fn guess_why_it_died(state: &State) {
    if state.is_connected() && !live_consumers().iter().any(|feed| is_of(feed, state)) {
        let overdue = |open: &Arc<OpenDelivery>| open.age().checked_sub(open.ack_timeout());
        state.unsettled.death.guess(|| state.unsettled.all().iter().filter_map(overdue).max());
    }
}

/// Tells what is held, by queue; nothing of a queue is told too, as long as it is consumed.
pub(crate) fn unsettled(mut visit: impl FnMut(&str, Held)) {
    let (all, consumers) = (all_open(), live_consumers());
    let queues = consumers.iter().map(|feed| lasting_queue(feed.source.queue.as_str()));
    let mut by_queue: BTreeMap<&str, Held> = queues.map(|queue| (queue, Held::default())).collect();
    for open in all.iter().filter(|open| !open.is_settled()) {
        let held = by_queue.entry(lasting_queue(open.source.queue.as_str())).or_default();
        held.count += 1;
        held.oldest = held.oldest.max(open.age());
    }
    by_queue.into_iter().for_each(|(queue, held)| visit(queue, held));
}

struct Watched {
    feed: Weak<Feed>,
    tag: ShortString,
}

/// As many as the process has channels and consumers.
struct All {
    channels: Vec<Weak<State>>,
    consumers: Vec<Watched>,
    has_thread: bool,
}

fn all_open() -> Vec<Arc<OpenDelivery>> {
    // Channels that were configured anew share the deliveries of the old one.
    let mut maps: Vec<_> = live_channels().iter().map(|state| Arc::clone(&state.unsettled)).collect();
    maps.sort_by_key(|unsettled| Arc::as_ptr(unsettled) as usize);
    maps.dedup_by(|one, other| Arc::ptr_eq(one, other));
    maps.iter().flat_map(|unsettled| unsettled.all()).collect()
}

/// Whether a consumer is one of this channel of lapin's.
fn is_of(feed: &Feed, state: &State) -> bool {
    Arc::ptr_eq(&feed.source.state.unsettled, &state.unsettled)
}

fn live_consumers() -> Vec<Arc<Feed>> {
    lock().consumers.iter().filter_map(|watched| watched.feed.upgrade()).collect()
}

fn live_channels() -> Vec<Arc<State>> {
    lock().channels.iter().filter_map(Weak::upgrade).collect()
}

/// A process that gets no further thread goes on without warnings.
fn start() {
    let mut all = lock();
    if !all.has_thread {
        let thread = thread::Builder::new().name("journey-lapin".to_owned());
        all.has_thread = thread.spawn(watch).is_ok();
    }
}

fn watch() {
    loop {
        thread::sleep(WATCH_INTERVAL);
        for state in live_channels() {
            state.look_at_line();
            look_at_deliveries(&state);
            guess_why_it_died(&state);
        }
        live_consumers().iter().for_each(|feed| feed.look_at_channel());
        if is_done() {
            return;
        }
    }
}

fn look_at_deliveries(state: &State) {
    for open in state.unsettled.all() {
        let timeout = open.ack_timeout();
        if open.age() >= timeout.mul_f64(OVERDUE_AFTER) {
            open.warn_overdue(timeout);
        }
    }
}

/// Forgets what is gone. With nothing left the thread ends; the next consumer starts another.
fn is_done() -> bool {
    let mut all = lock();
    all.channels.retain(|state| state.strong_count() > 0);
    all.consumers.retain(|watched| watched.feed.strong_count() > 0);
    if all.channels.is_empty() {
        all.has_thread = false;
    }
    all.channels.is_empty()
}

fn lock() -> MutexGuard<'static, All> {
    // Lists stay whole whatever happens in the few lines that hold it.
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

static ALL: Mutex<All> = Mutex::new(All { channels: Vec::new(), consumers: Vec::new(), has_thread: false });
