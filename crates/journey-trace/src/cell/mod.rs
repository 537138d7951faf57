//! The journey context: the business ids of one request or message.
//!
//! Ids are learned late: the request span has begun long before the handler knows the order. So the `Context` does
//! not hold the ids, it holds a shared cell, and every `Context` derived from it sees what is written there later.

mod counters;
mod current;
mod facet;
mod handle;
mod key;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use journey_model::attribute;
use opentelemetry::{Context, KeyValue, StringValue};

pub use counters::CellCounters;
pub use current::{ContextExt, scope, set_cart_id, set_facet, set_order_id, set_production_id, set_user_id};
pub(crate) use facet::{Facet, name_in as facet_name};
pub use handle::CellHandle;
use handle::Slot;
pub use key::Key;

/// What the journey knows so far: one per request or message, in its first `Context` and shared by all derived from it.
///
/// It has no reference count of its own: the `Context` has one. Who needs it for longer than a borrow keeps a
/// [`CellHandle`]. Anyone who holds the `Context` may write, and each key takes one value: a second, different one is refused,
/// counted, and shows as `journey.conflict`. The lock is held for one read or write, never across an `.await`.
///
/// ```
/// use journey_trace::{JourneyCell, Key};
///
/// let cell = JourneyCell::new();
/// assert!(cell.set(Key::Order, "ORD-1"));
/// assert!(!cell.set(Key::Order, "ORD-2"));
/// assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
/// assert!(cell.has_conflict());
/// ```
#[derive(Debug, Default)]
pub struct JourneyCell {
    known: Mutex<Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    ids: [Option<Arc<str>>; Key::ALL.len()],
    facets: Vec<Facet>,
    conflict: bool,
}

impl JourneyCell {
    /// A cell that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cell of the current `Context`, if it has one.
    pub fn current() -> Option<CellHandle> {
        Context::map_current(CellHandle::of)
    }

    /// The cell of this `Context`, if it has one.
    pub fn of(cx: &Context) -> Option<&JourneyCell> {
        cx.get().map(Slot::cell)
    }

    /// A new cell with the ids of this one, without its facets. What is written there does not leak up.
    pub fn child(&self) -> JourneyCell {
        let ids = self.lock().ids.clone();
        Self { known: Mutex::new(Known { ids, ..Known::default() }) }
    }

    /// A copy of all it knows now, apart from later writes.
    pub(crate) fn snapshot(&self) -> JourneyCell {
        let known = self.lock().clone();
        Self { known: Mutex::new(known) }
    }

    /// A child for work on another order: the ids that name this cell's order stay behind.
    pub(crate) fn child_for_order(&self, order_id: &str) -> JourneyCell {
        let child = self.child();
        {
            let mut known = child.lock();
            let of_other = known.ids[Key::Order.index()].as_deref().is_some_and(|id| id != order_id);
            if of_other {
                // A cart or a production job of the other order would tie the two orders together.
                for key in [Key::Order, Key::Cart, Key::Production] {
                    known.ids[key.index()] = None;
                }
            }
        }
        child.set(Key::Order, order_id);
        child
    }

    /// Writes an id, once. True if the cell now holds this value.
    ///
    /// A second, different value is refused, counted and marks a conflict. A text that is no business id
    /// ([`journey_model::BUSINESS_ID_BYTES_MAX`]) is refused and counted.
    pub fn set(&self, key: Key, value: &str) -> bool {
        if journey_model::check_business_id(value).is_err() {
            counters::INVALID_IDS.add();
            return false;
        }
        let mut known = self.lock();
        match &known.ids[key.index()] {
            Some(first) if **first == *value => true,
            Some(_) => {
                known.conflict = true;
                counters::CONFLICTS.add();
                false
            }
            None => {
                known.ids[key.index()] = Some(value.into());
                true
            }
        }
    }

    /// The value of an id.
    pub fn get(&self, key: Key) -> Option<Arc<str>> {
        self.lock().ids[key.index()].clone()
    }

    /// Writes a facet, a low-cardinality property of the order such as its material, once. True if the cell now
    /// holds this value.
    ///
    /// The name is of the form `material` or `file_size`. A second, different value, a bad name, and what is beyond
    /// [`crate::limits`] is refused and counted.
    pub fn set_facet(&self, name: &str, value: &str) -> bool {
        let mut known = self.lock();
        let taken = facet::set(&mut known.facets, name, value);
        if !taken {
            counters::REFUSED_FACETS.add();
        }
        taken
    }

    /// Whether a second, different value of an id was refused.
    pub fn has_conflict(&self) -> bool {
        self.lock().conflict
    }

    /// All ids, and `journey.conflict` if there was one, as attributes of a span.
    pub fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::new();
        self.each_attribute(|attribute| attributes.push(attribute));
        attributes
    }

    /// [`JourneyCell::attributes`] one by one, without a list of them. `take` must not touch the cell.
    pub(crate) fn each_attribute(&self, mut take: impl FnMut(KeyValue)) {
        let known = self.lock();
        for key in Key::ALL {
            if let Some(id) = &known.ids[key.index()] {
                take(KeyValue::new(key.attribute(), StringValue::from(id.clone())));
            }
        }
        if known.conflict {
            take(KeyValue::new(attribute::JOURNEY_CONFLICT, true));
        }
    }

    /// All ids that are set, in the order of [`Key::ALL`].
    pub(crate) fn ids(&self) -> impl Iterator<Item = (Key, Arc<str>)> + use<> {
        let ids = self.lock().ids.clone();
        Key::ALL.into_iter().zip(ids).filter_map(|(key, id)| Some((key, id?)))
    }

    /// All facets, in the order they were set.
    pub(crate) fn facets(&self) -> Vec<Facet> {
        self.lock().facets.clone()
    }

    /// What was refused in this process so far, over all cells.
    pub fn counters() -> CellCounters {
        CellCounters::now()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each write is one assignment, so a cell is whole even if a thread panicked while holding the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: an id is written twice, first with the same and then with another value.
    /// Guarantees: the first value stands, and the span's attributes show one value and the conflict.
    #[test]
    fn an_id_is_set_once() {
        let cell = JourneyCell::new();
        assert!(cell.set(Key::Order, "ORD-1"));
        assert!(cell.set(Key::Order, "ORD-1"));
        assert!(!cell.has_conflict());
        assert!(!cell.set(Key::Order, "ORD-2"));
        let attributes = cell.attributes();
        let expected = [KeyValue::new("order.id", "ORD-1"), KeyValue::new("journey.conflict", true)];
        assert_eq!(attributes, expected);
    }

    /// Scenario: texts that are no business ids are written.
    /// Guarantees: they are refused, and mark no conflict.
    #[test]
    fn an_invalid_id_is_refused() {
        let cell = JourneyCell::new();
        assert!(!cell.set(Key::Cart, ""));
        assert!(!cell.set(Key::Cart, "a\nb"));
        assert_eq!(cell.get(Key::Cart), None);
        assert!(!cell.has_conflict());
    }

    /// Scenario: a child is made, and parent and child go on separately.
    /// Guarantees: the child has the ids and not the facets, and nothing written to it reaches the parent.
    #[test]
    fn a_child_inherits_and_does_not_leak() {
        let parent = JourneyCell::new();
        parent.set(Key::User, "u-1");
        parent.set_facet("material", "gold");
        let child = parent.child();
        child.set(Key::Order, "ORD-1");
        assert_eq!(child.get(Key::User).as_deref(), Some("u-1"));
        assert!(child.facets().is_empty());
        assert_eq!(parent.get(Key::Order), None);
    }

    /// Scenario: a handler that has an order works on another one.
    /// Guarantees: the other order's cell has neither the order nor the cart of the first, but the user.
    #[test]
    fn another_order_takes_no_alias_along() {
        let parent = JourneyCell::new();
        parent.set(Key::Order, "ORD-1");
        parent.set(Key::Cart, "c-1");
        parent.set(Key::User, "u-1");
        let other = parent.child_for_order("ORD-2");
        assert_eq!(other.get(Key::Order).as_deref(), Some("ORD-2"));
        assert_eq!(other.get(Key::Cart), None);
        assert_eq!(other.get(Key::User).as_deref(), Some("u-1"));
        assert!(!other.has_conflict());
        assert_eq!(parent.child_for_order("ORD-1").get(Key::Cart).as_deref(), Some("c-1"));
    }
}
