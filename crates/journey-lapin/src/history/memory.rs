//! Attempts of this process, so that the next delivery of a message can be linked to the one before.
//!
//! A message comes again as it was: nobody could have written the failed attempt into its headers. So the process
//! remembers attempts that did not end with an acknowledgement; good ones cost nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use lapin::message::Delivery;
use opentelemetry::trace::SpanContext;
use opentelemetry::{SpanId, TraceId};

use crate::limits::{ATTEMPTS_MAX, DIGEST_BYTES_MAX};
use crate::watch;

/// What all deliveries of one message have in common: its creator, and what tells it from the creator's others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageKey {
    trace_id: TraceId,
    span_id: SpanId,
    digest: u64,
}

impl MessageKey {
    pub(crate) fn of(delivery: &Delivery, creation: &SpanContext) -> Self {
        let mut hasher = DefaultHasher::new();
        delivery.properties.message_id().as_ref().map(|id| id.as_str()).hash(&mut hasher);
        delivery.data.len().hash(&mut hasher);
        delivery.data[..delivery.data.len().min(DIGEST_BYTES_MAX)].hash(&mut hasher);
        Self { trace_id: creation.trace_id(), span_id: creation.span_id(), digest: hasher.finish() }
    }
}

/// Keeps the attempt that has just failed.
pub(crate) fn remember(key: MessageKey, attempt: SpanContext) {
    let mut memory = lock();
    if memory.attempts.insert(key, attempt).is_none() {
        memory.order.push_back(key);
        if memory.order.len() > ATTEMPTS_MAX
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.attempts.remove(&oldest);
        }
    }
}

/// The message is done; nobody will ask for its attempts.
pub(crate) fn forget(key: &MessageKey) {
    let mut memory = lock();
    if memory.attempts.remove(key).is_some() {
        memory.order.retain(|kept| kept != key);
    }
}

/// The last attempt on this message: one that still goes on, or the one that failed.
pub(crate) fn previous(key: &MessageKey) -> Option<SpanContext> {
    // The broker may hand a message out again before the first handler knows that it lost it.
    watch::open_attempt(key).or_else(|| lock().attempts.get(key).cloned())
}

#[derive(Default)]
struct Memory {
    attempts: HashMap<MessageKey, SpanContext>,
    /// The same keys, oldest first.
    order: VecDeque<MessageKey>,
}

fn lock() -> MutexGuard<'static, Memory> {
    // A map that lost one entry to a panic is still a map.
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceFlags, TraceState};

    use super::*;

    /// Scenario: more messages fail than are remembered, one of them twice; one is done.
    /// Guarantees: the last attempt of each is known, the oldest are forgotten, and so is the one that is done.
    #[test]
    fn attempts_are_remembered_up_to_a_limit() {
        let key = |digest| MessageKey { trace_id: 1.into(), span_id: 1.into(), digest };
        let attempt =
            |id: u64| SpanContext::new(1.into(), id.into(), TraceFlags::SAMPLED, false, TraceState::NONE);
        for number in 0..=ATTEMPTS_MAX as u64 {
            remember(key(number), attempt(number + 1));
        }
        remember(key(7), attempt(77));
        assert_eq!(previous(&key(0)), None);
        assert_eq!(previous(&key(7)), Some(attempt(77)));
        forget(&key(7));
        assert_eq!(previous(&key(7)), None);
        let memory = lock();
        assert_eq!(memory.order.len(), memory.attempts.len());
    }
}
