//! The wait for the broker's word.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use lapin::{Confirmation, Result};

use crate::outcome::PublishOutcome;

use super::OpenPublish;

/// The wait for the broker's confirm, as lapin's; the producer span ends with it.
///
/// Dropped without being awaited, the span ends as `confirm_dropped`.
#[derive(Debug)]
#[must_use = "whether the broker took the message is known only by awaiting this"]
pub struct PublisherConfirm {
    inner: lapin::PublisherConfirm,
    open: Option<OpenPublish>,
}

impl PublisherConfirm {
    pub(crate) fn waiting(inner: lapin::PublisherConfirm, open: OpenPublish) -> Self {
        Self { inner, open: Some(open) }
    }

    pub(crate) fn not_requested(inner: lapin::PublisherConfirm, open: OpenPublish) -> Self {
        open.end(PublishOutcome::NotRequested);
        Self { inner, open: None }
    }
}

impl Future for PublisherConfirm {
    type Output = Result<Confirmation>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let confirmed = Pin::new(&mut self.inner).poll(cx);
        if let Poll::Ready(confirmed) = &confirmed
            && let Some(open) = self.open.take()
        {
            open.confirmed(confirmed);
        }
        confirmed
    }
}
