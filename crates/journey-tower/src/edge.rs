//! The request that this thread is polling now.
//!
//! An outer layer learns the route only after the router has run, and a second layer must find out that the first
//! one is there. Both ask this thread-local slot, which is set exactly while the outer layer's Context is attached.
//! It is no value of the Context: that would cost three allocations per request, sampled or not.

use std::cell::Cell;

use journey_trace::http::Method;

use crate::route::RouteName;

/// What the outermost layer wants to know from inside.
struct Edge {
    method: Method,
    /// An unrecorded request has no use for a name.
    recording: bool,
    route: Option<RouteName>,
}

/// Keeps the slot set; restores what was there before, also while unwinding.
pub(crate) struct Entered {
    previous: Option<Edge>,
}

/// Marks this thread as polling a request.
pub(crate) fn enter(method: Method, recording: bool) -> Entered {
    Entered { previous: EDGE.replace(Some(Edge { method, recording, route: None })) }
}

impl Entered {
    /// The route that was recorded since [`enter`], the last one if there were several.
    pub(crate) fn recorded(&self) -> Option<RouteName> {
        with_edge(|edge| edge.route.take()).flatten()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        EDGE.set(self.previous.take());
    }
}

/// Whether a layer further out already has the request.
pub(crate) fn is_entered() -> bool {
    with_edge(|_| ()).is_some()
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
    with_edge(|edge| {
        if edge.recording {
            edge.route = Some(RouteName::of(edge.method, route));
        }
    });
}

fn with_edge<R>(f: impl FnOnce(&mut Edge) -> R) -> Option<R> {
    let mut edge = EDGE.take()?;
    let result = f(&mut edge);
    EDGE.set(Some(edge));
    Some(result)
}

thread_local! {
    static EDGE: Cell<Option<Edge>> = const { Cell::new(None) };
}
