//! Several messages that are worked on together.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use lapin::options::BasicAckOptions;
use lapin::{Error, Result};
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use tokio::time::timeout;

use crate::delivery::{TracedDelivery, links_of_one};
use crate::destination::Place;
use crate::limits::BATCH_LINKS_MAX;
use crate::unsettled::SharedSpan;
use crate::{attributes, metrics};

use super::{Consumer, Feed, Taken};

impl Consumer {
    /// Waits for a message, and takes along those that are there already, up to `max`. `None` at the end of the stream.
    ///
    /// They share one span, in a trace of its own and linked to the creator of each, and to the attempt before of one that
    /// comes again. The ids of a message are in its
    /// own context alone ([`TracedDelivery::process`]), so those of several orders do not mix.
    ///
    /// # Errors
    /// What lapin says; after the messages that came before.
    pub async fn next_batch(&mut self, max: NonZeroUsize) -> Option<Result<TracedBatch>> {
        let mut gathered = Gathered::new(&self.feed, max);
        let end = gathered.first(&mut self.inner).await;
        gathered.into_batch(end)
    }

    /// The same, and waits for more until there are `max`, or until so much time has passed since the first.
    ///
    /// The broker's clock runs meanwhile: a message that waits here is unacknowledged. So the time is cut to half of
    /// [`crate::Settings::ack_timeout`], and the rest is for the work. The prefetch must be at least `max`, or the broker
    /// sends no further message before the first is settled.
    ///
    /// Given up while it waits, it keeps the messages: they are the next of the stream, and of whichever clone waits for it.
    /// How old they are, for the warning before the acknowledgement timeout, counts from when they came.
    ///
    /// # Errors
    /// What lapin says; after the messages that came before.
    ///
    /// # Panics
    /// Outside of a Tokio runtime with time.
    pub async fn next_batch_within(
        &mut self,
        max: NonZeroUsize,
        time: Duration,
    ) -> Option<Result<TracedBatch>> {
        let time = time.min(self.feed.source.state.config.settings.ack_timeout / 2);
        let mut gathered = Gathered::new(&self.feed, max);
        loop {
            let mut end = gathered.first(&mut self.inner).await;
            if end.is_none() {
                let left = gathered.left_of(time);
                let more = poll_fn(|cx| gathered.poll_more(&mut self.inner, cx));
                end = timeout(left, more).await.unwrap_or(None);
                gathered.drop_stale();
            }
            // All of them may have come over a connection that was lost meanwhile.
            if end.is_some() || !gathered.taken.is_empty() {
                return gathered.into_batch(end);
            }
        }
    }
}

/// Messages that were taken and are in nobody's hands yet. Dropped, they come next.
struct Gathered {
    feed: Arc<Feed>,
    max: usize,
    taken: Vec<Taken>,
}

impl Gathered {
    fn new(feed: &Arc<Feed>, max: NonZeroUsize) -> Self {
        Self { feed: Arc::clone(feed), max: max.get(), taken: Vec::new() }
    }

    /// Waits until there is one, and takes along what is there.
    async fn first(&mut self, consumer: &mut lapin::Consumer) -> Option<End> {
        poll_fn(|cx| match self.poll_more(consumer, cx) {
            Poll::Pending if !self.taken.is_empty() => Poll::Ready(None),
            polled => polled,
        })
        .await
    }

    /// Ready when there are as many as may be, or when there will be no more.
    fn poll_more(&mut self, consumer: &mut lapin::Consumer, cx: &mut TaskContext<'_>) -> Poll<Option<End>> {
        while self.taken.len() < self.max {
            let mut since = None;
            match ready!(self.feed.poll_since(consumer, cx, &mut since)) {
                Some(Ok(delivery)) => {
                    let since = since.unwrap_or_else(Instant::now);
                    self.taken.push(Taken { delivery, since });
                }
                Some(Err(error)) => return Poll::Ready(Some(End::Failed(error))),
                None => return Poll::Ready(Some(End::Closed)),
            }
        }
        Poll::Ready(None)
    }

    /// What is left of this time since the first came.
    fn left_of(&self, time: Duration) -> Duration {
        time.saturating_sub(self.taken.first().map(|first| first.since.elapsed()).unwrap_or_default())
    }

    fn drop_stale(&mut self) {
        let Self { feed, taken, .. } = self;
        taken.retain(|taken| !feed.is_stale(&taken.delivery));
    }

    /// The end comes after the messages that came before it.
    fn into_batch(mut self, end: Option<End>) -> Option<Result<TracedBatch>> {
        match end {
            None => {}
            Some(End::Closed) if self.taken.is_empty() => return None,
            Some(End::Failed(error)) if self.taken.is_empty() => return Some(Err(error)),
            Some(End::Closed) => self.feed.give_back_end(None),
            Some(End::Failed(error)) => self.feed.give_back_end(Some(Err(error))),
        }
        Some(Ok(TracedBatch::start(mem::take(&mut self.taken), &self.feed)))
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        if !self.taken.is_empty() {
            self.feed.give_back(self.taken.drain(..));
        }
    }
}

/// Why there are no more messages.
enum End {
    Closed,
    Failed(Error),
}

/// Messages that share one span, which ends when all of them are settled.
///
/// It derefs to the deliveries; each can be settled by itself.
pub struct TracedBatch {
    deliveries: Vec<TracedDelivery>,
    context: Context,
}

impl TracedBatch {
    fn start(taken: Vec<Taken>, feed: &Arc<Feed>) -> Self {
        let state = &feed.source.state;
        let destination = state.destination(common_place(&taken, feed));
        let operation = feed.source.operation;
        // Not under the span of one of them, nor of whoever polls: the batch belongs to all.
        let span = SpanGuard::start_described(SpanKind::Consumer, &Hint::default(), &Context::new(), || {
            let mut attributes = attributes::common(operation, &destination, None, state);
            let count = i64::try_from(taken.len()).unwrap_or(i64::MAX);
            attributes.push(KeyValue::new("messaging.batch.message_count", count));
            let links =
                taken.iter().flat_map(|taken| links_of_one(&taken.delivery)).take(BATCH_LINKS_MAX).collect();
            Described { name: destination.span_name(operation.name), attributes, links }
        });
        let sample = metrics::Sample::new(operation, &destination, None, state);
        metrics::consumed(&sample, u64::try_from(taken.len()).unwrap_or(u64::MAX));
        let context = span.context().clone();
        let span = SharedSpan::new(span, &destination, &feed.source);
        let deliveries = taken
            .into_iter()
            .map(|taken| TracedDelivery::in_batch(taken, feed, &destination, &span, &context))
            .collect();
        Self { deliveries, context }
    }

    /// The context of the batch: its span, and no ids.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The messages alone, each to be settled by itself.
    pub fn into_deliveries(self) -> Vec<TracedDelivery> {
        self.deliveries
    }

    /// Acknowledges those that are not settled yet. `Ok(false)`: at least one had no effect, and that message comes
    /// again.
    ///
    /// One by one: an acknowledgement for all up to a tag would include messages of the channel that nobody has seen.
    ///
    /// # Errors
    /// What lapin says of the first that fails.
    pub async fn ack(&self) -> Result<bool> {
        let mut all = true;
        for delivery in self.deliveries.iter().filter(|delivery| !delivery.is_settled()) {
            all &= delivery.ack(BasicAckOptions::default()).await?;
        }
        Ok(all)
    }
}

impl Deref for TracedBatch {
    type Target = [TracedDelivery];

    fn deref(&self) -> &[TracedDelivery] {
        &self.deliveries
    }
}

impl fmt::Debug for TracedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.deliveries).finish()
    }
}

/// Where all of them come from; the queue alone if they came on different ways.
fn common_place<'a>(taken: &'a [Taken], feed: &'a Feed) -> Place<'a> {
    let place = |taken: &'a Taken| Place::of(&taken.delivery, &feed.source.queue);
    match taken {
        [first, rest @ ..] if rest.iter().all(|taken| place(taken) == place(first)) => place(first),
        _ => Place { exchange: "", routing_key: "", queue: Some(feed.source.queue.as_str()) },
    }
}
