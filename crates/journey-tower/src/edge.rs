//! The request that this thread is polling now.
//!
//! An outer layer learns the route only after the router has run, and a second layer must find out that the first
//! one is there. Both ask this thread-local slot, which is set exactly while the outer layer's Context is attached.
//! It is no value of the Context: that would cost three allocations per request, sampled or not.

use std::cell::{Cell, RefCell};

use journey_trace::http::Method;

use crate::route::{Name, RouteName};

/// What is known of the request, for the layers and handlers further in. Copied for each poll, so it is small.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) method: Method,
    /// The route, if it was known before and its name is kept.
    pub(crate) route: Option<&'static Name>,
    /// Whether a route recorded now is of use.
    pub(crate) wants_route: bool,
}

/// Keeps the slot set; restores what was there before, also while unwinding.
pub(crate) struct Entered {
    previous: Option<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    edge: Edge,
    /// [`RECORDED`] has something. A flag, because that one is dearer to look at.
    recorded: bool,
}

/// Marks this thread as polling a request.
pub(crate) fn enter(edge: Edge) -> Entered {
    Entered { previous: SLOT.replace(Some(Slot { edge, recorded: false })) }
}

impl Entered {
    /// The route that was recorded since [`enter`], the last one if there were several.
    pub(crate) fn recorded(&self) -> Option<RouteName> {
        SLOT.get().filter(|slot| slot.recorded)?;
        RECORDED.take()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        SLOT.set(self.previous);
    }
}

/// Whether a layer further out already has the request.
pub(crate) fn is_entered() -> bool {
    SLOT.get().is_some()
}

/// Method and route of the request that is being polled, as far as they are known.
pub(crate) fn current() -> Option<(Method, Option<RouteName>)> {
    let slot = SLOT.get()?;
    let recorded = if slot.recorded { RECORDED.with_borrow(Clone::clone) } else { None };
    Some((slot.edge.method, recorded.or(slot.edge.route.map(RouteName::Interned))))
}

/// Names the server span of the current request after a route of the framework, such as `/orders/{id}`.
///
/// For routers other than axum's, and for handlers that dispatch themselves; the last call wins. Give a template,
/// never a raw path: names have to be few. Does nothing outside a request, or once its response was returned.
///
/// ```
/// // In a handler below `JourneyLayer`:
/// journey_tower::set_route("/orders/{id}");
/// ```
pub fn set_route(route: &str) {
    if let Some(slot) = SLOT.get().filter(|slot| slot.edge.wants_route) {
        RECORDED.set(Some(RouteName::of(slot.edge.method, route)));
        SLOT.set(Some(Slot { recorded: true, ..slot }));
    }
}

thread_local! {
    static SLOT: Cell<Option<Slot>> = const { Cell::new(None) };
    static RECORDED: RefCell<Option<RouteName>> = const { RefCell::new(None) };
}
