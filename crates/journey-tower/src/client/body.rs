//! The response body: an error after the head has to show.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use journey_trace::http::{ClientAttempt, ERROR_BODY};
use pin_project_lite::pin_project;

pin_project! {
    /// Body of a response that came through [`JourneyClient`](super::JourneyClient): holds the attempt until it ends,
    /// fails or is dropped.
    ///
    /// Passes frames, size and end through unchanged. An error is `body` whatever its type: all that is known is that
    /// the rest did not come.
    #[derive(Default)]
    pub struct ClientBody<B> {
        #[pin]
        inner: B,
        // None: the attempt has ended, or nothing depends on it.
        attempt: Option<ClientAttempt>,
    }
}

impl<B: Body> ClientBody<B> {
    pub(super) fn watched(inner: B, attempt: ClientAttempt) -> Self {
        let attempt = (!inner.is_end_stream()).then_some(attempt);
        Self { inner, attempt }
    }
}

impl<B> ClientBody<B> {
    pub(super) fn unwatched(inner: B) -> Self {
        Self { inner, attempt: None }
    }
}

impl<B: Body> Body for ClientBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        if let (Some(Err(_)), Some(attempt)) = (&frame, this.attempt.as_mut()) {
            attempt.fail(ERROR_BODY);
        }
        if !matches!(frame, Some(Ok(_))) || this.inner.is_end_stream() {
            *this.attempt = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
