//! The start of a server span: what is known by then, if anybody will see it.

use journey_trace::SpanGuard;
use journey_trace::http::Method;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;

use crate::attributes;
use crate::grpc;
use crate::head::Head;
use crate::layer::Settings;
use crate::route::{Call, Route, RouteName};

/// What the head says of the route.
pub(crate) fn route(head: &Head<'_>, method: Method, matched: Option<&str>) -> Route {
    let matched = || matched.map(|path| RouteName::of(method, path));
    match grpc::call(head) {
        None => matched().map_or(Route::Unknown, Route::AtStart),
        Some(path) => match RouteName::known(method, path) {
            Some(name) => Route::AtStart(name),
            None => Route::Called(Box::new(Call { path: path.into(), matched: matched() })),
        },
    }
}

/// Starts the span. The route was looked for only if the span may be recorded.
pub(crate) fn span(
    head: &Head<'_>,
    method: Method,
    matched: Option<&str>,
    settings: &Settings,
    parent: &Context,
) -> (SpanGuard, Option<Route>) {
    let hint = Hint { method: method.attribute(), path: head.uri.path(), route: matched };
    let mut found = None;
    // At a public edge the guard finds the link to the caller in `parent`.
    let span = SpanGuard::start_described(SpanKind::Server, &hint, parent, || {
        let route = found.insert(self::route(head, method, matched));
        Described {
            name: route.name().map_or_else(|| method.span_name().into(), RouteName::span),
            attributes: attributes::of_request(head, method, route, settings),
            links: Vec::new(),
        }
    });
    (span, found)
}
