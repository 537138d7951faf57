//! The cell of the current `Context`.

use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::context::FutureExt;

use crate::lane::Lane;

use super::handle::Slot;
use super::{CellHandle, JourneyCell, Key};

/// What this crate keeps in an OpenTelemetry `Context`.
pub trait ContextExt {
    /// A copy of this `Context` with this cell.
    fn with_cell(&self, cell: JourneyCell) -> Context;

    /// A copy of this `Context` that shares the cell of another one, which it was not derived from.
    fn with_shared_cell(&self, cell: CellHandle) -> Context;

    /// A copy of this `Context` whose stages report to this lane instead of the installed one.
    fn with_lane(&self, lane: Arc<Lane>) -> Context;
}

impl ContextExt for Context {
    fn with_cell(&self, cell: JourneyCell) -> Context {
        self.with_value(Slot::Own(cell))
    }

    fn with_shared_cell(&self, cell: CellHandle) -> Context {
        self.with_value(Slot::Shared(cell))
    }

    fn with_lane(&self, lane: Arc<Lane>) -> Context {
        self.with_value(lane)
    }
}

/// Writes `order.id` to the current cell. False without one, or if the cell refuses it.
pub fn set_order_id(id: impl AsRef<str>) -> bool {
    set(Key::Order, id.as_ref())
}

/// Writes `cart.id` to the current cell. False without one, or if the cell refuses it.
pub fn set_cart_id(id: impl AsRef<str>) -> bool {
    set(Key::Cart, id.as_ref())
}

/// Writes `production.id` to the current cell. False without one, or if the cell refuses it.
pub fn set_production_id(id: impl AsRef<str>) -> bool {
    set(Key::Production, id.as_ref())
}

/// Writes `user.id` to the current cell. False without one, or if the cell refuses it.
pub fn set_user_id(id: impl AsRef<str>) -> bool {
    set(Key::User, id.as_ref())
}

/// Writes a facet to the current cell. False without one, or if the cell refuses it.
pub fn set_facet(name: &str, value: &str) -> bool {
    JourneyCell::current().is_some_and(|cell| cell.set_facet(name, value))
}

/// Runs a future on one of several orders: with a child of the current cell, for this order.
///
/// The child has the ids of the current cell, except those that name another order; its siblings see nothing of it.
///
/// ```
/// use journey_trace::{JourneyCell, Key, scope};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// for order_id in ["ORD-1", "ORD-2"] {
///     scope(order_id, async {
///         let cell = JourneyCell::current().unwrap();
///         assert_eq!(cell.get(Key::Order).as_deref(), Some(order_id));
///     })
///     .await;
/// }
/// # });
/// ```
pub fn scope<F: Future>(order_id: impl AsRef<str>, fut: F) -> impl Future<Output = F::Output> {
    let current = Context::current();
    let child = match JourneyCell::of(&current) {
        Some(parent) => parent.child_for_order(order_id.as_ref()),
        None => JourneyCell::new().child_for_order(order_id.as_ref()),
    };
    fut.with_context(current.with_cell(child))
}

fn set(key: Key, id: &str) -> bool {
    JourneyCell::current().is_some_and(|cell| cell.set(key, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: ten orders are handled side by side inside one handler.
    /// Guarantees: each sees its own order, and the handler's cell sees none of them.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn scopes_do_not_see_each_other() {
        let request = Context::new().with_cell(JourneyCell::new());
        let handler = JourneyCell::of(&request).expect("it was just given");
        handler.set(Key::User, "u-1");
        let handle = async {
            let orders = (0..10).map(|number| tokio::spawn(scope(format!("ORD-{number}"), work_on(number))));
            for order in orders.collect::<Vec<_>>() {
                order.await.expect("a scope ends well");
            }
        };
        handle.with_context(request.clone()).await;
        assert_eq!(handler.get(Key::Order), None);
        assert_eq!(handler.get(Key::Production), None);
    }

    async fn work_on(number: usize) {
        tokio::task::yield_now().await;
        let cell = JourneyCell::current().expect("a scope has a cell");
        assert_eq!(cell.get(Key::Order).as_deref(), Some(&*format!("ORD-{number}")));
        assert_eq!(cell.get(Key::User).as_deref(), Some("u-1"));
        assert!(set_production_id(format!("MES-{number}")));
        assert!(!cell.has_conflict());
    }

    /// Scenario: a context shares the cell of another one, and is then given one of its own.
    /// Guarantees: what is learned in one is known in the other; the cell that was given last counts.
    #[test]
    fn a_shared_cell_is_the_same() {
        let home = Context::new().with_cell(JourneyCell::new());
        let handle = CellHandle::of(&home).expect("it was just given");
        let other = Context::new().with_cell(JourneyCell::new()).with_shared_cell(handle);
        let order_of = |cx: &Context| JourneyCell::of(cx).and_then(|cell| cell.get(Key::Order));
        JourneyCell::of(&other).expect("it shares one").set(Key::Order, "ORD-1");
        assert_eq!(order_of(&home).as_deref(), Some("ORD-1"));
        assert_eq!(order_of(&other.with_cell(JourneyCell::new())), None);
    }

    /// Scenario: an id is learned with no journey going on.
    /// Guarantees: nothing happens, and the caller is told.
    #[test]
    fn without_a_cell_nothing_is_written() {
        assert!(!set_order_id("ORD-1"));
        assert!(!set_facet("material", "gold"));
    }
}
