//! One request under way, from its head to the end of its response.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::response::Parts;
use http::{HeaderMap, StatusCode, Version};
use journey_trace::http::{Method, key};
use journey_trace::metrics::{self, Active, ServerSeries};
use journey_trace::propagation::{extract_parts, remote_span_context};
use journey_trace::{SpanGuard, Trust};
use opentelemetry::KeyValue;

use crate::attributes;
use crate::capture::Capture;
use crate::edge::{self, Edge, Entered};
use crate::grpc;
use crate::head::{Head, content_type};
use crate::layer::Settings;
use crate::matched;
use crate::origin::{self, Scheme};
use crate::outcome::{self, Outcome};
use crate::route::{Route, RouteName};
use crate::start;
use crate::streamed;

/// The server span, the request's part in the metrics, and what both still have to learn.
///
/// Whoever holds it decides the end: dropping it ends the span with the outcome known then. Nothing else keeps the
/// span open, so a background task with a clone of the Context delays no export.
pub(crate) struct Exchange {
    /// There until the exchange ends.
    span: Option<SpanGuard>,
    /// Counted until the exchange drops. `None` while nothing is measured.
    active: Option<Active>,
    /// Whether anybody will see span or sample.
    is_watched: bool,
    method: Method,
    scheme: Scheme,
    version: Version,
    route: Route,
    /// HEAD: a response has no body, whatever its size says.
    head_only: bool,
    /// The request is a gRPC call.
    is_call: bool,
    response: Option<Answer>,
    grpc_status: Option<u8>,
    outcome: Outcome,
    capture: Option<Arc<Capture>>,
}

/// What the head of the response said.
#[derive(Clone, Copy)]
struct Answer {
    status: StatusCode,
    /// Since the request's head.
    after: Duration,
    streamed: bool,
}

impl Exchange {
    pub(crate) fn start(head: &Head<'_>, settings: &Settings) -> Self {
        let trust = if settings.public { Trust::Untrusted } else { Trust::Trusted };
        let parent = extract_parts(remote_span_context(&head.known), head.baggage(), trust);
        let method = Method::of(head.method.as_str());
        let matched = matched::path(head.extensions);
        let (span, route) = start::span(head, method, matched, settings, &parent);
        let scheme = origin::scheme(head, settings.proxy);
        let active = metrics::server_request(method.attribute(), scheme.as_str());
        let is_watched = active.is_some() || span.is_recording();
        let route = match route {
            Some(route) => route,
            None if is_watched => start::route(head, method, matched),
            None => Route::Unknown,
        };
        Self {
            capture: settings.capture.clone().filter(|_| span.is_recording()),
            span: Some(span),
            active,
            is_watched,
            method,
            scheme,
            version: head.version,
            route,
            head_only: head.method == http::Method::HEAD,
            is_call: grpc::is_grpc(head.known.content_type()),
            response: None,
            grpc_status: None,
            outcome: Outcome::ClientDisconnected,
        }
    }

    /// Runs a piece of the request's work inside its Context, and notes a recorded route or a panic.
    pub(crate) fn scoped<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let entered = edge::enter(Edge {
            method: self.method,
            route: self.route.name().and_then(RouteName::interned),
            wants_route: self.is_watched && !self.route.is_written(),
        });
        self.run(Some(entered), work)
    }

    /// Runs a piece of the response's body inside the request's Context, and notes a panic.
    pub(crate) fn body_scoped<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.run(None, work)
    }

    fn run<R>(&mut self, entered: Option<Entered>, work: impl FnOnce() -> R) -> R {
        let _attached = self.span.as_ref().map(|span| span.context().clone().attach());
        let mut running = Running { entered, exchange: self, panicked: true };
        let result = work();
        running.panicked = false;
        result
    }

    /// Notes the head of the response, whose body may have a known length. Says whether the response is over only with
    /// its body.
    pub(crate) fn respond(&mut self, head: &Parts, is_sized: bool) -> bool {
        if let Some(span) = self.span.as_ref().filter(|_| self.is_watched) {
            // A page, as nearly all are, is no stream whatever it is called, and needs no search for its type.
            let content_type = if is_sized && !self.is_call { b"" } else { content_type(&head.headers) };
            self.response = Some(Answer {
                status: head.status,
                after: if span.is_recording() { span.elapsed() } else { Duration::ZERO },
                streamed: streamed::is_streamed(head, content_type),
            });
            if let Some(capture) = &self.capture {
                capture.response.attributes(&head.headers).for_each(|header| span.set_attribute(header));
            }
            if grpc::is_grpc(content_type) {
                self.respond_to_call(head);
            }
        }
        // An upgraded connection is no body.
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
        !(self.head_only || bodiless || head.status.is_informational())
    }

    /// Notes the trailers of the response.
    pub(crate) fn trailers(&mut self, trailers: &HeaderMap) {
        if self.is_watched {
            self.grpc_status = grpc::status(trailers).or(self.grpc_status);
        }
    }

    /// From now on a drop means that everything was handed over.
    pub(crate) fn complete_when_dropped(&mut self) {
        self.outcome = Outcome::Completed;
    }

    /// Ends an exchange where it is, if there is one: it is too big to be moved about.
    pub(crate) fn end(open: &mut Option<Self>, outcome: Outcome) {
        if let Some(exchange) = open {
            exchange.outcome = outcome;
        }
        *open = None;
    }

    fn respond_to_call(&mut self, head: &Parts) {
        self.grpc_status = grpc::status(&head.headers);
        if let Route::Called(call) = &self.route
            && grpc::was_handled(head)
        {
            self.route = Route::AtEnd(RouteName::of(self.method, &call.path));
        }
    }

    /// The outcome, after a look at what the response says.
    fn settled(&self) -> Outcome {
        let timed_out = self.response.is_some_and(|response| outcome::is_timeout(response.status))
            || self.grpc_status.is_some_and(grpc::is_timeout);
        match self.outcome {
            Outcome::Completed if timed_out => Outcome::Timeout,
            outcome => outcome,
        }
    }

    /// The same for span and metric.
    fn error_type(&self) -> Option<Cow<'static, str>> {
        let server_error =
            || self.response.map(|response| response.status).filter(StatusCode::is_server_error);
        self.outcome
            .error_type()
            .map(Cow::Borrowed)
            .or_else(|| server_error().map(attributes::status_text))
            .or_else(|| self.grpc_status.and_then(grpc::error_type).map(Cow::Borrowed))
    }

    fn measure(&self, error_type: Option<&str>, lasted: Duration) {
        let series = ServerSeries {
            method: self.method.attribute(),
            scheme: self.scheme.as_str(),
            version: attributes::protocol_version(self.version),
            route: self.route.name().map(RouteName::as_str),
            status: self.response.map(|response| response.status.as_u16()),
            error_type,
            streamed: self.response.is_some_and(|response| response.streamed),
        };
        metrics::server_duration(&series, lasted);
    }

    fn describe_end(&self, span: &SpanGuard, error_type: Option<Cow<'static, str>>) {
        if let Some(route) = self.route.name().filter(|_| !self.route.is_written()) {
            span.update_name(route.span());
            span.set_attribute(KeyValue::new(key::HTTP_ROUTE, route.route()));
        }
        if let Some(response) = self.response {
            let status = i64::from(response.status.as_u16());
            span.set_attribute(KeyValue::new(key::HTTP_RESPONSE_STATUS_CODE, status));
            span.set_attribute(KeyValue::new(key::JOURNEY_HTTP_TIME_TO_HEAD, response.after.as_secs_f64()));
            if response.streamed {
                span.set_attribute(KeyValue::new(key::JOURNEY_HTTP_STREAMED, true));
            }
        }
        span.set_attribute(KeyValue::new(key::JOURNEY_HTTP_OUTCOME, self.settled().as_str()));
        if let Some(error) = error_type {
            // No description: the status code or the outcome says it already.
            span.fail(error, "");
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Some(span) = self.span.take().filter(|_| self.is_watched) else { return };
        // One length for span and metric.
        let lasted = span.elapsed();
        let error_type = self.error_type();
        if self.active.is_some() {
            self.measure(error_type.as_deref(), lasted);
        }
        if span.is_recording() {
            self.describe_end(&span, error_type);
        }
        span.end_at(lasted);
    }
}

/// A piece of work in progress; its drop while unwinding is how a panic is seen.
struct Running<'a> {
    exchange: &'a mut Exchange,
    entered: Option<Entered>,
    panicked: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(route) = self.entered.as_ref().and_then(Entered::recorded) {
            self.exchange.route.record(route);
        }
        if self.panicked {
            self.exchange.outcome = Outcome::Panic;
        }
    }
}
