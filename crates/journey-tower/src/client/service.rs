//! The service: begins the attempt, writes its headers, and sends the request inside its Context.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use journey_trace::http::{ClientAttempt, ClientTarget, OutgoingHeaders, UrlTemplate};
use opentelemetry::Context as Cx;
use tower_service::Service;

use super::body::ClientBody;
use super::error_class::ErrorClass;
use super::future::ClientFuture;
use super::headers;
use super::target::{Origin, Target, redacted};

/// Service of [`JourneyClientLayer`](super::JourneyClientLayer).
#[derive(Debug, Clone)]
pub struct JourneyClient<S, C> {
    inner: S,
    origin: Option<Arc<Origin>>,
    errors: C,
}

impl<S, C> JourneyClient<S, C> {
    pub(super) fn new(inner: S, origin: Option<Arc<Origin>>, errors: C) -> Self {
        Self { inner, origin, errors }
    }
}

impl<S, C, ReqBody, ResBody> Service<Request<ReqBody>> for JourneyClient<S, C>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    C: ErrorClass<S::Error> + Clone,
    ResBody: Body,
{
    type Response = Response<ClientBody<ResBody>>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let attempt = start(&mut request, self.origin.as_deref(), &Cx::current());
        let attached = attempt.as_ref().map(|attempt| attempt.context().clone().attach());
        let future = self.inner.call(request);
        drop(attached);
        ClientFuture::new(future, attempt, self.errors.clone())
    }
}

/// Begins the attempt and writes the request's headers. `None` if nothing more depends on it.
fn start<B>(request: &mut Request<B>, origin: Option<&Origin>, parent: &Cx) -> Option<ClientAttempt> {
    if parent.is_telemetry_suppressed() {
        return None;
    }
    let place = Target::of(request.uri(), request.headers(), origin);
    let target = ClientTarget {
        method: request.method().as_str(),
        host: place.as_ref().map(Target::address),
        port: place.as_ref().map(Target::port),
        template: request.extensions().get::<UrlTemplate>().copied(),
        resends: 0,
    };
    let attempt = ClientAttempt::start(&target, || redacted(place.as_ref(), request.uri()), parent);
    let host = place.as_ref().and_then(Target::certain_host).unwrap_or_default();
    let outgoing = OutgoingHeaders::to(host, attempt.context());
    headers::write(&outgoing, request.headers_mut());
    attempt.is_needed().then_some(attempt)
}
