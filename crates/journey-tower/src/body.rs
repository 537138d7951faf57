//! The response body: the span's last part.
//!
//! The span ends with the first of: the end of the stream, an error, a panic, or the drop of the body. A drop is
//! `completed` if all announced bytes were handed over (by `Content-Length` or the body's own size), because servers
//! stop polling there; else the client went away.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::exchange::Exchange;
use crate::outcome::Outcome;

pin_project! {
    /// Body of a response that came through [`Journey`](crate::Journey).
    ///
    /// Passes frames, size and end through unchanged. The request's Context is attached while it is polled.
    #[derive(Default)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        // None: the span has ended, or it is not ours.
        exchange: Option<Exchange>,
        // Bytes that are still to come, if the head or the body announced them.
        remaining: Option<u64>,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn new(inner: B, exchange: Option<Exchange>, headers: &HeaderMap) -> Self {
        let mut body = Self { inner, exchange, remaining: None };
        if let Some(exchange) = &mut body.exchange {
            body.remaining = body.inner.size_hint().exact().or_else(|| content_length(headers));
            if body.remaining == Some(0) {
                exchange.complete_when_dropped();
            }
        }
        body
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn untraced(inner: B) -> Self {
        Self { inner, exchange: None, remaining: None }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(exchange) = this.exchange.as_mut() else { return this.inner.poll_frame(cx) };
        let frame = ready!(exchange.body_scoped(|| this.inner.as_mut().poll_frame(cx)));
        let outcome = match &frame {
            None => Some(Outcome::Completed),
            Some(Err(_)) => Some(Outcome::BodyError),
            Some(Ok(frame)) => {
                count(this.remaining, frame);
                if let Some(trailers) = frame.trailers_ref() {
                    exchange.trailers(trailers);
                }
                if *this.remaining == Some(0) {
                    exchange.complete_when_dropped();
                }
                this.inner.is_end_stream().then_some(Outcome::Completed)
            }
        };
        if let Some(outcome) = outcome {
            Exchange::end(this.exchange, outcome);
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

/// Takes a data frame off the announced bytes. Trailers have none.
fn count<D: Buf>(remaining: &mut Option<u64>, frame: &Frame<D>) {
    if let (Some(remaining), Some(data)) = (remaining, frame.data_ref()) {
        *remaining = remaining.saturating_sub(data.remaining() as u64);
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
