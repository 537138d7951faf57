//! What goes on over a connection after its request was answered: WebSockets and other upgrades.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use journey_trace::http::{Method, key};
use journey_trace::lane::Lane;
use journey_trace::{CellHandle, ContextExt, JourneyCell, SpanGuard};
use opentelemetry::trace::{Link, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use pin_project_lite::pin_project;

use crate::edge;
use crate::route::RouteName;

/// Runs what a connection does after its upgrade, in a span of its own. Call it in the handler of the request.
///
/// The request's span ends with the 101; a layer cannot see what comes after. This span is INTERNAL, named
/// `{method} {http.route} connection`, begins a trace of its own with a link to the request's span, and ends with
/// the future: a connection that lives for hours keeps no trace open. It is sampled as any other trace that begins
/// here, and not at all if the request was not sampled. Inside, the Context has the request's `JourneyCell`, so ids
/// learned from a message are on all that follows. A panic is `error.type` `panic`; a future dropped before its end
/// leaves no mark.
///
/// A span is seen when it has ended. For a sign of life in between run a stage inside, whose start and beats the
/// journey lane reports while it is open.
///
/// What the handler hands to axum's `on_upgrade` runs in a task that does not know the request any more, so use
/// [`connected`] there. This function is for upgrades by hand:
///
/// ```
/// use axum::http::StatusCode;
/// use journey_tower::connection;
///
/// async fn tunnel() -> StatusCode {
///     tokio::spawn(connection(async {
///         // Wait for `hyper::upgrade::on(request)`, then serve the connection.
///     }));
///     StatusCode::SWITCHING_PROTOCOLS
/// }
/// # let _ = tunnel;
/// ```
pub fn connection<F: Future>(fut: F) -> Connection<F> {
    Connection { state: State::Waiting(Origin::current()), inner: fut }
}

/// [`connection`] for a handler that gets the connection later, such as axum's `on_upgrade` takes.
///
/// ```
/// use axum::extract::ws::{WebSocket, WebSocketUpgrade};
/// use axum::response::Response;
/// use journey_tower::connected;
///
/// async fn updates(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.on_upgrade(connected(async |mut socket: WebSocket| {
///         while let Some(Ok(message)) = socket.recv().await {
/// #           let _ = message;
///             // The order that the message is about: journey::set_order_id(..).
///         }
///     }))
/// }
/// # let _ = updates;
/// ```
pub fn connected<T, H, F>(handler: H) -> impl FnOnce(T) -> Connection<F>
where
    H: FnOnce(T) -> F,
    F: Future,
{
    let origin = Origin::current();
    move |upgraded| Connection { state: State::Waiting(origin), inner: handler(upgraded) }
}

pin_project! {
    /// Future of [`connection`]. Its span starts with the first poll.
    #[must_use = "a future does nothing unless it is polled"]
    pub struct Connection<F> {
        #[pin]
        inner: F,
        state: State,
    }
}

/// The future has ended, panicked, or is one of these.
enum State {
    Waiting(Origin),
    Open(SpanGuard),
    Closed,
}

impl State {
    fn open(&mut self) -> Option<&SpanGuard> {
        if let Self::Waiting(_) = self
            && let Self::Waiting(origin) = mem::replace(self, Self::Closed)
        {
            *self = Self::Open(origin.start());
        }
        match self {
            Self::Open(span) => Some(span),
            _ => None,
        }
    }
}

impl<F: Future> Future for Connection<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _attached = this.state.open().map(|span| span.context().clone().attach());
        let mut running = Running { state: this.state, panicked: true };
        let polled = this.inner.poll(cx);
        running.panicked = false;
        if polled.is_ready() {
            *running.state = State::Closed;
        }
        polled
    }
}

/// A poll in progress; its drop while unwinding is how a panic is seen.
struct Running<'a> {
    state: &'a mut State,
    panicked: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.panicked
            && let State::Open(span) = mem::replace(self.state, State::Closed)
        {
            span.fail("panic", "");
        }
    }
}

/// The request that the connection came from.
struct Origin {
    context: Context,
    request: Option<(Method, Option<RouteName>)>,
}

impl Origin {
    fn current() -> Self {
        Self { context: Context::current(), request: edge::current() }
    }

    fn start(self) -> SpanGuard {
        let request = self.context.span().span_context().clone();
        let (parent, link) = match (request.is_valid(), request.is_sampled()) {
            (true, true) => (without_span(&self.context), Some(Link::with_context(request))),
            // Nobody follows the request, so nobody follows its connection.
            (true, false) => (self.context, None),
            (false, _) => (without_span(&self.context), None),
        };
        let route = self.request.as_ref().and_then(|(_, route)| route.as_ref());
        let attributes = route.map(|route| KeyValue::new(key::HTTP_ROUTE, route.route()));
        let name = name(self.request.as_ref());
        let (attributes, links) = (attributes.into_iter().collect(), link.into_iter().collect());
        SpanGuard::start(name, SpanKind::Internal, attributes, links, &parent)
    }
}

/// Cell and lane go on, the span does not. It cannot be taken off a Context, and samplers take an invalid one for an
/// unsampled parent.
fn without_span(cx: &Context) -> Context {
    let bare = match CellHandle::of(cx) {
        Some(cell) => Context::new().with_shared_cell(cell),
        None => Context::new().with_cell(JourneyCell::new()),
    };
    match cx.get::<Arc<Lane>>() {
        Some(lane) => bare.with_lane(Arc::clone(lane)),
        None => bare,
    }
}

/// `{method} {http.route} connection`, as far as they are known.
fn name(request: Option<&(Method, Option<RouteName>)>) -> String {
    match request {
        Some((_, Some(route))) => format!("{} connection", route.span()),
        Some((method, None)) => format!("{} connection", method.span_name()),
        None => "connection".to_owned(),
    }
}
