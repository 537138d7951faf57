//! Attempts of this process, so that the next delivery of a message can be linked to the one before.
//!
//! A message comes again as it was: nobody could have written the failed attempt into its headers. So the process
//! remembers attempts that go on, up to [`OPEN_ATTEMPTS_MAX`], and those that did not end with an acknowledgement, up
//! to [`ATTEMPTS_MAX`].

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use lapin::message::Delivery;
use opentelemetry::trace::SpanContext;
use opentelemetry::{SpanId, TraceId};

use crate::limits::{ATTEMPTS_MAX, DIGEST_BYTES_MAX, OPEN_ATTEMPTS_MAX};

/// What all deliveries of one message have in common: its creator, and what tells it from the creator's others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageKey {
    trace_id: TraceId,
    span_id: SpanId,
    /// Of the creator and of what tells the message apart.
    digest: u64,
}

impl MessageKey {
    pub(crate) fn of(delivery: &Delivery, creation: &SpanContext) -> Self {
        let (trace_id, span_id) = (creation.trace_id(), creation.span_id());
        let mut hasher = KEYED.build_hasher();
        hasher.write_u128(u128::from_ne_bytes(trace_id.to_bytes()));
        hasher.write_u64(u64::from_ne_bytes(span_id.to_bytes()));
        if let Some(id) = delivery.properties.message_id() {
            id.as_str().hash(&mut hasher);
        }
        hasher.write_usize(delivery.data.len());
        hasher.write(&delivery.data[..delivery.data.len().min(DIGEST_BYTES_MAX)]);
        Self { trace_id, span_id, digest: hasher.finish() }
    }
}

/// The digest alone, which covers the rest.
impl Hash for MessageKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

/// Takes a [`MessageKey`] as it is: it is a hash already, by a key that no sender knows. To hash it once more for each of
/// the looks at a message was a tenth of what a delivery costs here.
#[derive(Debug, Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

type ByMessage<T> = HashMap<MessageKey, T, BuildHasherDefault<Digested>>;

/// Trace and span id are chosen by whoever publishes. The key of this process is in each step of the hash: a seed in front of
/// a plain one would not do, because what collides with one seed there collides with every seed.
static KEYED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Attempts that were not remembered while they went on, because there were too many ([`crate::limits::OPEN_ATTEMPTS_MAX`]).
pub fn unlinked_attempts() -> u64 {
    UNLINKED_ATTEMPTS.load(Ordering::Relaxed)
}

/// An attempt begins. It is the last one on its message until another begins: the broker may hand a message out again
/// before the first handler knows that it lost it.
pub(crate) fn begin(key: MessageKey, attempt: SpanContext) {
    if !lock().begin(key, attempt) {
        UNLINKED_ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    }
}

/// An attempt has ended, and it is not known how.
pub(crate) fn end(key: &MessageKey, attempt: &SpanContext) {
    lock().end(key, attempt);
}

/// An attempt has failed: the message may come again.
pub(crate) fn remember(key: MessageKey, attempt: SpanContext) {
    lock().remember(key, attempt);
}

/// The message is done; nobody will ask for its attempts.
pub(crate) fn forget(key: &MessageKey, attempt: &SpanContext) {
    lock().forget(key, attempt);
}

/// The last attempt on this message: one that still goes on, or the one that failed.
pub(crate) fn previous(key: &MessageKey) -> Option<SpanContext> {
    lock().previous(key)
}

#[derive(Default)]
struct Memory {
    open: ByMessage<SpanContext>,
    failed: ByMessage<Failed>,
    /// The keys of the failed ones, by number: oldest first.
    order: BTreeMap<u64, MessageKey>,
    next_number: u64,
}

struct Failed {
    attempt: SpanContext,
    number: u64,
}

impl Memory {
    /// Whether there was room for it.
    fn begin(&mut self, key: MessageKey, attempt: SpanContext) -> bool {
        if self.open.len() >= OPEN_ATTEMPTS_MAX && !self.open.contains_key(&key) {
            return false;
        }
        self.open.insert(key, attempt);
        true
    }

    /// It goes on no more, unless a younger attempt does.
    fn end(&mut self, key: &MessageKey, attempt: &SpanContext) {
        if let Entry::Occupied(open) = self.open.entry(*key)
            && open.get().span_id() == attempt.span_id()
        {
            open.remove();
        }
    }

    /// A message that fails again is the youngest again: it is the one most likely to come once more.
    fn remember(&mut self, key: MessageKey, attempt: SpanContext) {
        self.forget(&key, &attempt);
        let number = self.next_number;
        self.next_number += 1;
        self.failed.insert(key, Failed { attempt, number });
        self.order.insert(number, key);
        if self.order.len() > ATTEMPTS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.failed.remove(&oldest);
        }
    }

    fn forget(&mut self, key: &MessageKey, attempt: &SpanContext) {
        self.end(key, attempt);
        if let Some(failed) = self.failed.remove(key) {
            self.order.remove(&failed.number);
        }
    }

    fn previous(&self, key: &MessageKey) -> Option<SpanContext> {
        self.open.get(key).or_else(|| self.failed.get(key).map(|failed| &failed.attempt)).cloned()
    }
}

fn lock() -> MutexGuard<'static, Memory> {
    // A map that lost one entry to a panic is still a map.
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);
static UNLINKED_ATTEMPTS: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceFlags, TraceState};

    use super::*;

    fn key(digest: u64) -> MessageKey {
        MessageKey { trace_id: 1.into(), span_id: 1.into(), digest }
    }

    fn attempt(id: u64) -> SpanContext {
        SpanContext::new(1.into(), id.into(), TraceFlags::SAMPLED, false, TraceState::NONE)
    }

    /// Scenario: a message is handed out again before the first handler is done; it acknowledges in vain, and the second
    /// one refuses.
    /// Guarantees: the last attempt is the younger one, while it goes on and after it has failed; when both are done,
    /// nothing is held as going on.
    #[test]
    fn the_youngest_attempt_is_the_last() {
        let mut memory = Memory::default();
        assert!(memory.begin(key(1), attempt(1)));
        assert_eq!(memory.previous(&key(1)), Some(attempt(1)));
        assert!(memory.begin(key(1), attempt(2)));
        memory.remember(key(1), attempt(1));
        assert_eq!(memory.previous(&key(1)), Some(attempt(2)));
        memory.remember(key(1), attempt(2));
        assert_eq!(memory.previous(&key(1)), Some(attempt(2)));
        assert!(memory.open.is_empty());
    }

    /// Scenario: more attempts go on than are remembered; one of them is handed out again, another ends.
    /// Guarantees: the one too many is refused and not found, which changes nothing of the others; a message that is
    /// known is followed on, and room that becomes free is used.
    #[test]
    fn attempts_that_go_on_are_bounded() {
        let mut memory = Memory::default();
        let many = OPEN_ATTEMPTS_MAX as u64;
        assert!((0..many).all(|number| memory.begin(key(number), attempt(1 + number))));
        assert!(!memory.begin(key(many), attempt(1 + many)));
        assert_eq!((memory.open.len(), memory.previous(&key(many))), (OPEN_ATTEMPTS_MAX, None));
        assert!(memory.begin(key(7), attempt(77)));
        assert_eq!(memory.previous(&key(7)), Some(attempt(77)));
        memory.end(&key(7), &attempt(77));
        assert!(memory.begin(key(many), attempt(1 + many)));
        assert_eq!(memory.previous(&key(many)), Some(attempt(1 + many)));
    }

    /// Scenario: more messages fail than are remembered, one of them over and over; another is done.
    /// Guarantees: the last attempt of each is known, the oldest are forgotten, and so is the one that is done. The
    /// message that failed most is none of the oldest (it once kept the place of its first failure).
    #[test]
    fn attempts_are_remembered_up_to_a_limit() {
        let mut memory = Memory::default();
        let often = key(u64::MAX);
        for number in 0..=ATTEMPTS_MAX as u64 {
            memory.remember(often, attempt(10_000 + number));
            memory.remember(key(number), attempt(1 + number));
            assert_eq!(memory.previous(&often), Some(attempt(10_000 + number)));
        }
        assert_eq!((memory.previous(&key(0)), memory.previous(&key(7))), (None, Some(attempt(8))));
        memory.remember(key(7), attempt(77));
        assert_eq!(memory.previous(&key(7)), Some(attempt(77)));
        memory.forget(&key(7), &attempt(77));
        assert_eq!(memory.previous(&key(7)), None);
        assert_eq!((memory.order.len(), memory.failed.len()), (ATTEMPTS_MAX - 1, ATTEMPTS_MAX - 1));
    }
}
