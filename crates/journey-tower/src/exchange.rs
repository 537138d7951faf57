//! One request under way, from its head to the end of its response.

use std::borrow::Cow;

use http::StatusCode;
use journey_trace::http::{Method, key};
use journey_trace::propagation::{BAGGAGE, extract_parts, remote_span_context};
use journey_trace::{SpanGuard, Trust};
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use crate::attributes;
use crate::edge::{self, Entered};
use crate::head::{Head, HeaderCarrier};
use crate::layer::Edge;
use crate::matched;
use crate::outcome::Outcome;
use crate::route::RouteName;

/// The server span and what it still has to learn.
///
/// Whoever holds it decides the end: dropping it ends the span with the outcome known then. Nothing else keeps the
/// span open, so a background task with a clone of the Context delays no export.
pub(crate) struct Exchange {
    guard: SpanGuard,
    recording: bool,
    method: Method,
    route: Route,
    /// HEAD: a response has no body, whatever its size says.
    head_only: bool,
    status: Option<StatusCode>,
    outcome: Outcome,
}

impl Exchange {
    pub(crate) fn start(head: &Head<'_>, edge: Edge) -> Self {
        let trust = if edge.public { Trust::Untrusted } else { Trust::Trusted };
        let carrier = HeaderCarrier(head.headers);
        let parent = extract_parts(remote_span_context(&carrier), carrier.lines(BAGGAGE), trust);
        let method = Method::of(head.method.as_str());
        let (guard, route) = start_span(head, method, edge, &parent);
        Self {
            recording: guard.is_recording(),
            guard,
            method,
            route,
            head_only: head.method == http::Method::HEAD,
            status: None,
            outcome: Outcome::ClientDisconnected,
        }
    }

    /// Runs a piece of the request's work inside its Context, and notes a recorded route or a panic.
    pub(crate) fn scoped<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let _attached = self.guard.context().clone().attach();
        let wants_route = self.recording && !matches!(self.route, Route::Named);
        let entered = edge::enter(self.method, wants_route);
        let mut running = Running { entered, exchange: self, panicked: true };
        let result = work();
        running.panicked = false;
        result
    }

    /// Notes the status of the response.
    pub(crate) fn respond(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Whether a response with this status is over only with its body. An upgraded connection is no body.
    pub(crate) fn has_body(&self, status: StatusCode) -> bool {
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        !(self.head_only || bodiless || status.is_informational())
    }

    /// From now on a drop means that everything was handed over.
    pub(crate) fn complete_when_dropped(&mut self) {
        self.outcome = Outcome::Completed;
    }

    /// Ends the span.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    fn describe_end(&self) {
        if let Route::Recorded(route) = &self.route {
            self.guard.update_name(route.span());
            self.guard.set_attribute(KeyValue::new(key::HTTP_ROUTE, route.route()));
        }
        if let Some(status) = self.status {
            self.guard
                .set_attribute(KeyValue::new(key::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
        }
        self.guard.set_attribute(KeyValue::new(key::JOURNEY_HTTP_OUTCOME, self.outcome.as_str()));
        // No description: the status code or the outcome says it already.
        if let Some(error) = self.outcome.error_type() {
            self.guard.fail(error, "");
        } else if let Some(status) = self.status.filter(StatusCode::is_server_error) {
            self.guard.fail(status.as_str().to_owned(), "");
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.recording {
            self.describe_end();
        }
    }
}

/// A piece of work in progress; its drop while unwinding is how a panic is seen.
struct Running<'a> {
    exchange: &'a mut Exchange,
    entered: Entered,
    panicked: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(route) = self.entered.recorded() {
            self.exchange.route = Route::Recorded(route);
        }
        if self.panicked {
            self.exchange.outcome = Outcome::Panic;
        }
    }
}

/// What is known of the route. The SDK keeps repeated keys, so it is written once.
enum Route {
    /// The span started with it.
    Named,
    /// Found further in; the last one counts, and is written at the end.
    Recorded(RouteName),
    Unknown,
}

/// Decides first: the caller's flags can say no before any attribute is built.
fn start_span(head: &Head<'_>, method: Method, edge: Edge, parent: &Context) -> (SpanGuard, Route) {
    let deferred = is_unsampled(parent);
    let described = if deferred { Described::bare(method) } else { Described::of(head, method, edge) };
    // At a public edge the guard finds the link to the caller in `parent`.
    let guard = SpanGuard::start(described.name, SpanKind::Server, described.attributes, Vec::new(), parent);
    if !(deferred && guard.is_recording()) {
        return (guard, described.route);
    }
    // The sampler is not parent based and wants the request in spite of its caller.
    let described = Described::of(head, method, edge);
    guard.update_name(described.name);
    described.attributes.into_iter().for_each(|attribute| guard.set_attribute(attribute));
    (guard, described.route)
}

/// What a span can say when it starts.
struct Described {
    name: Cow<'static, str>,
    attributes: Vec<KeyValue>,
    route: Route,
}

impl Described {
    fn bare(method: Method) -> Self {
        Self { name: method.span_name().into(), attributes: Vec::new(), route: Route::Unknown }
    }

    fn of(head: &Head<'_>, method: Method, edge: Edge) -> Self {
        let route = matched::name(method, head.extensions);
        Self {
            name: route.as_ref().map_or_else(|| method.span_name().into(), RouteName::span),
            attributes: attributes::of_request(head, method, route.as_ref(), edge.behind_proxy),
            route: if route.is_some() { Route::Named } else { Route::Unknown },
        }
    }
}

fn is_unsampled(parent: &Context) -> bool {
    let span = parent.span();
    let caller = span.span_context();
    caller.is_valid() && !caller.is_sampled()
}
