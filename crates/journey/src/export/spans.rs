//! The spans' way out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use journey_model::Resource;
use journey_otlp::Scope;
use journey_trace::span;
use opentelemetry_sdk::trace::SpanData;

use crate::config::Batching;

use super::bodies::{Body, Sender};
use super::courier::Courier;
use super::span_record;
use super::stop::Stop;
use super::{Item, OUR_SCOPE, Tally};

/// Takes spans out of their queue by batches, and returns when the queue is closed and nothing is left.
pub(super) struct SpanExport {
    pub(super) tally: Arc<Tally>,
    pub(super) resource: Arc<Resource<'static>>,
    pub(super) courier: Courier,
    pub(super) batching: Batching,
    /// Characters of a text value that are sent. `None`: all.
    pub(super) value_chars: Option<usize>,
    pub(super) stop: Stop,
}

impl SpanExport {
    pub(super) async fn run(mut self) {
        loop {
            self.wait().await;
            let is_closed = self.tally.spans.is_closed();
            self.drain().await;
            if is_closed {
                return;
            }
        }
    }

    async fn wait(&mut self) {
        if self.stop.is_stopping() {
            // The lane may still have ends to add; it closes the queue when it is done.
            return tokio::time::sleep(STOPPING_LINGER).await;
        }
        tokio::select! {
            () = tokio::time::sleep(self.batching.linger) => {}
            () = self.tally.spans.batch_ready() => {}
            () = self.tally.flush_spans.notified() => {}
            _ = self.stop.ordered() => {}
        }
    }

    async fn drain(&mut self) {
        loop {
            let count = self.tally.spans.len().min(self.batching.batch);
            if count == 0 {
                return;
            }
            let mut in_flight = self.tally.spans_out.take(count as u64);
            let batch = self.tally.spans.take_batch(count);
            let bodies = encode(&self.resource, &batch, self.value_chars);
            // Before they are sent: the spans that start meanwhile have a use for them.
            give_back(batch);
            for body in bodies {
                let of_body = in_flight.split_off(body.records);
                self.courier.deliver(body, of_body).await;
            }
        }
    }
}

/// How long a span waits for company while the thread is to stop.
const STOPPING_LINGER: Duration = Duration::from_millis(10);

/// What is left of spans that were encoded goes to those that start.
fn give_back(batch: Vec<Item>) {
    span::give_back_lists(batch.into_iter().filter_map(|item| match item {
        Item::Span(span) => Some(span.attributes),
        Item::Stage(_) => None,
    }));
}

/// Encodes these spans as the export thread does, as often as it is called. No part of the API: for the project's benches.
#[doc(hidden)]
pub fn batch_encoder(spans: Vec<SpanData>, resource: Resource<'static>) -> impl Fn() -> Vec<Vec<u8>> {
    let batch: Vec<Item> = spans.into_iter().map(Item::Span).collect();
    move || encode(&resource, &batch, None).into_iter().map(|body| body.bytes).collect()
}

/// One or more bodies per instrumentation scope; nearly always there is one scope.
fn encode(resource: &Resource<'static>, batch: &[Item], value_chars: Option<usize>) -> Vec<Body> {
    let mut scopes: BTreeMap<Scope<'_>, Vec<&Item>> = BTreeMap::new();
    for item in batch {
        scopes.entry(scope(item)).or_default().push(item);
    }
    let bodies = scopes.into_iter().flat_map(|(scope, items)| {
        Sender { resource, scope }
            .encode(items.into_iter().filter_map(|item| span_record::of(item, value_chars)))
    });
    bodies.collect()
}

fn scope(item: &Item) -> Scope<'_> {
    match item {
        Item::Stage(_) => OUR_SCOPE,
        Item::Span(span) if span.instrumentation_scope.name() == OUR_SCOPE.name => OUR_SCOPE,
        Item::Span(span) => {
            let scope = &span.instrumentation_scope;
            Scope {
                name: scope.name(),
                version: scope.version().unwrap_or_default(),
                schema_url: scope.schema_url().unwrap_or_default(),
            }
        }
    }
}
