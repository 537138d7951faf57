//! The service: decides whether a request is ours, and hands it on inside its Context.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::edge;
use crate::exchange::Exchange;
use crate::future::ResponseFuture;
use crate::head::Head;
use crate::layer::Settings;
use crate::matched;

/// Service of [`JourneyLayer`](crate::JourneyLayer).
#[derive(Debug, Clone)]
pub struct Journey<S> {
    inner: S,
    settings: Settings,
}

impl<S> Journey<S> {
    pub(crate) fn new(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Journey<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: http_body::Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if edge::is_entered() {
            count_double();
            matched::record(request.extensions());
            return ResponseFuture::new(self.inner.call(request), None);
        }
        let mut exchange = Exchange::start(&Head::of(&request), &self.settings);
        let future = exchange.scoped(|| self.inner.call(request));
        ResponseFuture::new(future, Some(exchange))
    }
}

/// Requests that came to a second layer since the process started.
///
/// Anything but 0 means that a `JourneyLayer` sits inside another one; the inner one is of no use there.
pub fn doubly_layered_requests() -> u64 {
    DOUBLE.load(Ordering::Relaxed)
}

fn count_double() {
    if DOUBLE.fetch_add(1, Ordering::Relaxed) == 0 {
        tracing::warn!(
            "a JourneyLayer is inside another one: one span is made, by the outer layer; remove the inner"
        );
    }
}

static DOUBLE: AtomicU64 = AtomicU64::new(0);
