//! A value that is installed once in a while and read all the time.
//!
//! Each thread keeps what it read last, and looks at one number to know that it still holds: no lock, and no count
//! that all threads write to. What was replaced lives on in a thread until that thread reads again.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::LocalKey;

/// Holds at most one value. Made for a `static`.
pub(crate) struct Slot<T> {
    current: Mutex<Option<Arc<T>>>,
    /// Number of times that `current` was replaced; written while it is locked.
    replaced: AtomicU64,
}

/// What one thread read last.
pub(crate) struct Seen<T> {
    value: RefCell<Option<Arc<T>>>,
    /// [`Slot::replaced`] at that time.
    replaced: Cell<u64>,
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        Self { current: Mutex::new(None), replaced: AtomicU64::new(0) }
    }

    /// Replaces the value.
    pub(crate) fn store(&self, value: Option<T>) {
        let mut current = self.lock();
        let old = std::mem::replace(&mut *current, value.map(Arc::new));
        self.replaced.fetch_add(1, Ordering::Release);
        // Whatever its drop does, it must not do under the lock: it may read.
        drop(current);
        drop(old);
    }

    /// Runs `read` with the value. `seen` is the thread-local of this slot; the caller names it, so that the compiler
    /// knows which one it is.
    #[inline]
    pub(crate) fn with<R>(&self, seen: &'static LocalKey<Seen<T>>, read: impl FnOnce(Option<&T>) -> R) -> R {
        let mut read = Some(read);
        let mut run = |value: Option<&T>| read.take().map(|read| read(value));
        let cached = seen.try_with(|seen| {
            if !self.refresh(seen) {
                return None;
            }
            run(seen.value.borrow().as_deref())
        });
        match cached {
            Ok(Some(result)) => result,
            // The thread ends, or reads inside of a read while the value changes.
            _ => {
                let current = self.lock().clone();
                run(current.as_deref()).expect("it runs here only if it did not run above")
            }
        }
    }

    /// True if `seen` holds what is current.
    #[inline]
    fn refresh(&self, seen: &Seen<T>) -> bool {
        seen.replaced.get() == self.replaced.load(Ordering::Acquire) || self.replace(seen)
    }

    #[cold]
    fn replace(&self, seen: &Seen<T>) -> bool {
        let Ok(mut value) = seen.value.try_borrow_mut() else { return false };
        let current = self.lock();
        let old = std::mem::replace(&mut *value, current.clone());
        seen.replaced.set(self.replaced.load(Ordering::Acquire));
        // As in `store`.
        drop(current);
        drop(value);
        drop(old);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        // Only an assignment happens under it.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Seen<T> {
    pub(crate) const fn nothing() -> Self {
        Self { value: RefCell::new(None), replaced: Cell::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static SEEN: Seen<u32> = const { Seen::nothing() };
    }
    static SLOT: Slot<u32> = Slot::new();

    /// Scenario: a value is installed, replaced by another thread and during a read, and taken away.
    /// Guarantees: each read that begins later sees it; a read that goes on keeps what it began with.
    #[test]
    fn readers_see_the_last_value() {
        let read = || SLOT.with(&SEEN, |value| value.copied());
        assert_eq!(read(), None);
        SLOT.store(Some(1));
        assert_eq!((read(), read()), (Some(1), Some(1)));
        std::thread::spawn(|| SLOT.store(Some(2))).join().expect("it stores");
        assert_eq!(read(), Some(2));
        SLOT.with(&SEEN, |outer| {
            SLOT.store(Some(3));
            assert_eq!((outer.copied(), read()), (Some(2), Some(3)));
        });
        SLOT.store(None);
        assert_eq!(read(), None);
    }

    struct Reads;

    thread_local! {
        static SEEN_READS: Seen<Reads> = const { Seen::nothing() };
    }
    static SLOT_OF_READS: Slot<Reads> = Slot::new();

    impl Drop for Reads {
        fn drop(&mut self) {
            SLOT_OF_READS.with(&SEEN_READS, |value| assert!(value.is_none()));
        }
    }

    /// Scenario: a value whose drop reads the slot is taken away, by the storing thread and by one that kept it.
    /// Guarantees: that is no deadlock. Once the old value dropped under the lock.
    #[test]
    fn a_drop_may_read() {
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            SLOT_OF_READS.store(Some(Reads));
            SLOT_OF_READS.store(None);
            SLOT_OF_READS.store(Some(Reads));
            SLOT_OF_READS.with(&SEEN_READS, |value| assert!(value.is_some()));
            SLOT_OF_READS.store(None);
            SLOT_OF_READS.with(&SEEN_READS, |value| assert!(value.is_none()));
            sender.send(()).expect("the test waits");
        });
        ended.recv_timeout(std::time::Duration::from_secs(10)).expect("no deadlock");
    }
}
