//! Lists of attributes that go round between the threads that start spans and the one that sends them.
//!
//! A list is made by one thread and dropped by another, span for span: for an allocator the dearest case there is.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use opentelemetry::KeyValue;

use crate::limits::{ATTRIBUTE_LISTS_MAX, ATTRIBUTES_USUAL};

/// An empty list with room for [`ATTRIBUTES_USUAL`] attributes, one that was given back if there is one at hand.
///
/// It never waits: while another thread takes one too, a new list is made.
pub fn attribute_list() -> Vec<KeyValue> {
    let spare = match SPARE.try_lock() {
        Ok(mut spare) => spare.pop(),
        Err(TryLockError::Poisoned(spare)) => spare.into_inner().pop(),
        Err(TryLockError::WouldBlock) => None,
    };
    spare.unwrap_or_else(|| Vec::with_capacity(ATTRIBUTES_USUAL))
}

/// Gives back lists of spans that were sent, what is in them is dropped. Lists of another size, and those beyond
/// [`ATTRIBUTE_LISTS_MAX`], are dropped too.
pub fn give_back_lists(lists: impl IntoIterator<Item = Vec<KeyValue>>) {
    let emptied = lists.into_iter().filter(|list| SIZES.contains(&list.capacity())).map(|mut list| {
        list.clear();
        list
    });
    // Emptied without the lock, for which spans that start would have to wait.
    let mut emptied: Vec<_> = emptied.take(ATTRIBUTE_LISTS_MAX).collect();
    let mut spare = lock();
    let room = ATTRIBUTE_LISTS_MAX.saturating_sub(spare.len()).min(emptied.len());
    spare.extend(emptied.drain(..room));
    drop(spare);
    drop(emptied);
}

fn lock() -> MutexGuard<'static, Vec<Vec<KeyValue>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of spans that said a little more than usual go round too.
const SIZES: std::ops::RangeInclusive<usize> = ATTRIBUTES_USUAL..=2 * ATTRIBUTES_USUAL;

static SPARE: Mutex<Vec<Vec<KeyValue>>> = Mutex::new(Vec::new());

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more lists are given back than are kept, full ones, small ones and large ones among them.
    /// Guarantees: those of the usual size come again, empty; the others do not, and no more are kept than may be.
    #[test]
    fn lists_go_round() {
        let sized = |size: usize| vec![KeyValue::new("k", "v"); size];
        give_back_lists([sized(1), sized(ATTRIBUTES_USUAL), sized(100 * ATTRIBUTES_USUAL)]);
        let list = attribute_list();
        assert!(list.is_empty() && list.capacity() == ATTRIBUTES_USUAL);
        give_back_lists((0..2 * ATTRIBUTE_LISTS_MAX).map(|_| sized(ATTRIBUTES_USUAL)));
        assert_eq!(lock().len(), ATTRIBUTE_LISTS_MAX);
        assert!(lock().iter().all(|list| list.is_empty() && list.capacity() == ATTRIBUTES_USUAL));
        lock().clear();
    }
}
