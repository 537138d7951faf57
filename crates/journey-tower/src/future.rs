//! The response on its way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::ResponseBody;
use crate::exchange::Exchange;
use crate::outcome::Outcome;

pin_project! {
    /// Response future of [`Journey`](crate::Journey).
    ///
    /// The request's Context is attached while the inner future is polled, and only then. Dropped before it is
    /// ready, it ends the span as `client_disconnected`.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // None: a layer further out has the request, or the response was returned.
        exchange: Option<Exchange>,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, exchange: Option<Exchange>) -> Self {
        Self { inner, exchange }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(exchange) = this.exchange.as_mut() else {
            return this.inner.poll(cx).map_ok(|response| response.map(ResponseBody::untraced));
        };
        let result = ready!(exchange.scoped(|| this.inner.poll(cx)));
        if result.is_err() {
            Exchange::end(this.exchange, Outcome::Error);
        }
        Poll::Ready(result.map(|response| respond(response, this.exchange)))
    }
}

/// Notes the response's head, and lets its body go on with the exchange if there is one to come.
fn respond<B: Body>(response: Response<B>, open: &mut Option<Exchange>) -> Response<ResponseBody<B>> {
    let (head, body) = response.into_parts();
    let is_sized = body.size_hint().exact().is_some();
    let has_body =
        open.as_mut().is_some_and(|exchange| exchange.respond(&head, is_sized)) && !body.is_end_stream();
    if !has_body {
        Exchange::end(open, Outcome::Completed);
    }
    let body = ResponseBody::new(body, open.take(), &head.headers);
    Response::from_parts(head, body)
}
