//! The response body: an error after the head has to show.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Frame, SizeHint};
use journey_trace::http::ClientAttempt;
use reqwest::{Body, Response, ResponseBuilderExt as _};

use crate::error_class;

/// The same response, whose body holds the attempt until it ends, fails or is dropped.
pub(crate) fn guarded(response: Response, attempt: ClientAttempt) -> Response {
    if response.content_length() == Some(0) {
        // Nothing to come: the attempt ends here.
        return response;
    }
    // The conversion to `http::Response` loses the URL; only a builder can give it back.
    let url = response.url().clone();
    let (mut head, inner) = http::Response::<Body>::from(response).into_parts();
    let mut builder = http::Response::builder();
    if let Some(extensions) = builder.extensions_mut() {
        *extensions = std::mem::take(&mut head.extensions);
    }
    let Ok(carrier) = builder.url(url).body(()) else {
        return http::Response::from_parts(head, inner).into();
    };
    head.extensions = carrier.into_parts().0.extensions;
    let body = Body::wrap(GuardedBody { inner, attempt: Some(attempt) });
    http::Response::from_parts(head, body).into()
}

struct GuardedBody {
    inner: Body,
    // None: the attempt has ended.
    attempt: Option<ClientAttempt>,
}

impl http_body::Body for GuardedBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        if let Some(Err(error)) = &frame
            && let Some(attempt) = &mut this.attempt
        {
            attempt.fail(error_class::of_body(error));
        }
        if !matches!(frame, Some(Ok(_))) || this.inner.is_end_stream() {
            this.attempt = None;
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
