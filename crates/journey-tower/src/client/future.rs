//! The response on its way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use journey_trace::http::{ClientAttempt, ClientResponse};
use pin_project_lite::pin_project;

use crate::attributes::protocol_version;

use super::body::ClientBody;
use super::error_class::ErrorClass;

pin_project! {
    /// Response future of [`JourneyClient`](super::JourneyClient).
    ///
    /// The attempt's Context is attached while the inner future is polled, and only then. Dropped before it is ready,
    /// it ends the attempt without an error: the caller gave up.
    pub struct ClientFuture<F, C> {
        #[pin]
        inner: F,
        // None: nothing depends on it.
        attempt: Option<ClientAttempt>,
        errors: C,
    }
}

impl<F, C> ClientFuture<F, C> {
    pub(super) fn new(inner: F, attempt: Option<ClientAttempt>, errors: C) -> Self {
        Self { inner, attempt, errors }
    }
}

impl<F, C, B, E> Future for ClientFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: ErrorClass<E>,
    B: Body,
{
    type Output = Result<Response<ClientBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let attached = this.attempt.as_ref().map(|attempt| attempt.context().clone().attach());
        let result = ready!(this.inner.poll(cx));
        drop(attached);
        let attempt = this.attempt.take().filter(ClientAttempt::is_watched);
        Poll::Ready(match (result, attempt) {
            (Ok(response), Some(attempt)) => Ok(respond(response, attempt)),
            (Err(error), Some(mut attempt)) => {
                attempt.fail(this.errors.class(&error));
                Err(error)
            }
            (result, None) => result.map(|response| response.map(ClientBody::unwatched)),
        })
    }
}

/// Notes the response's head, and lets its body go on with the attempt if there is one to come.
fn respond<B: Body>(response: Response<B>, mut attempt: ClientAttempt) -> Response<ClientBody<B>> {
    attempt.respond(ClientResponse {
        status: response.status().as_u16(),
        version: protocol_version(response.version()),
        // Only the connector knows it.
        peer: None,
    });
    response.map(|body| ClientBody::watched(body, attempt))
}
