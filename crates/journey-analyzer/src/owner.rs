//! The task that owns the engine: deliveries and ticks in, one transaction out, then the receipts.
//!
//! After a store error of unknown outcome nothing in memory is trusted: the engine is rebuilt from the store and the
//! batch is applied again, which does no harm.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use journey_detect::{Definition, Engine, Nanos, Outputs, Sight};
use journey_model::{Resource, SpanRecord};
use journey_otlp::{Reject as SpanReject, json, wire};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::ingest::stream::StreamState;
use crate::limits::{BATCH_DELIVERIES_MAX, BATCH_WAIT, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN, TICK};
use crate::store::{Batch, Reject, Store};
use crate::{Delivery, Encoding, Outcome, Receipt, telemetry};

/// The owner of the engine.
#[derive(Debug)]
pub struct Owner {
    engine: Engine,
    store: Store,
    deliveries: mpsc::Receiver<Delivery>,
    /// `None` without a stream: then it sees from its start.
    stream: Option<watch::Receiver<StreamState>>,
    /// Since when it sees; `None` while blind.
    seeing_since_ns: Option<Nanos>,
    /// Told after each commit that changed a finding.
    findings_changed: watch::Sender<u64>,
}

impl Owner {
    /// Builds the engine from the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn new(
        definition: Definition,
        store: Store,
        deliveries: mpsc::Receiver<Delivery>,
        stream: Option<watch::Receiver<StreamState>>,
        findings_changed: watch::Sender<u64>,
    ) -> anyhow::Result<Self> {
        let engine = restore(&store, definition).await?;
        tracing::info!("{} journeys in memory", engine.journeys());
        Ok(Self { engine, store, deliveries, stream, seeing_since_ns: None, findings_changed })
    }

    /// Works until all senders are gone and everything they sent is durable.
    pub async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            self.apply(batch).await;
        }
    }

    /// Deliveries that share a transaction; none after a quiet tick. `None` at the end.
    async fn next_batch(&mut self) -> Option<Vec<Delivery>> {
        let first = match timeout(TICK, self.deliveries.recv()).await {
            Err(_) => return Some(Vec::new()),
            Ok(first) => first?,
        };
        let mut batch = vec![first];
        let until = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH_DELIVERIES_MAX {
            match timeout_at(until, self.deliveries.recv()).await {
                Ok(Some(delivery)) => batch.push(delivery),
                Ok(None) | Err(_) => break,
            }
        }
        Some(batch)
    }

    async fn apply(&mut self, deliveries: Vec<Delivery>) {
        let (mut batch, mut outcomes) = self.decide(&deliveries);
        let mut pause = RETRY_PAUSE_MIN;
        while let Err(error) = self.commit(&batch).await {
            if pause == RETRY_PAUSE_MIN {
                tracing::error!("the store does not take the batch, trying again: {error:#}");
            }
            metrics::counter!(telemetry::COMMIT_FAILURES).increment(1);
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
            match restore(&self.store, self.engine.definition().clone()).await {
                Ok(engine) => self.engine = engine.counting_from(self.engine.counters()),
                Err(_) => continue,
            }
            // Nobody looked at the clock meanwhile.
            self.seeing_since_ns = None;
            (batch, outcomes) = self.decide(&deliveries);
        }
        if pause != RETRY_PAUSE_MIN {
            tracing::info!("the store takes batches again");
        }
        self.report(&batch, &deliveries);
        give_receipts(deliveries, outcomes);
    }

    /// What the engine says to these deliveries at this moment.
    fn decide(&mut self, deliveries: &[Delivery]) -> (Batch, Vec<Outcome>) {
        let now_ns = wall_clock_ns();
        let first_before = self.engine.first_signal_ns();
        let mut batch = Batch { now_ns, ..Batch::default() };
        let outcomes = deliveries.iter().map(|delivery| self.observe(delivery, &mut batch)).collect();
        let sight = self.sight(now_ns);
        batch.outputs = self.engine.look(sight, now_ns);
        batch.first_signal_ns = self.engine.first_signal_ns().filter(|first| Some(*first) != first_before);
        batch.rejects.retain(|reject| reject.spans > 0);
        (batch, outcomes)
    }

    /// Decodes one delivery in place.
    fn observe(&mut self, delivery: &Delivery, batch: &mut Batch) -> Outcome {
        let source = delivery.receipt.source();
        let mut reasons: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut spans = 0;
        let visit = |resource: &Resource<'_>, read: Result<&SpanRecord<'_>, SpanReject>| {
            spans += 1;
            let refused = match read {
                Ok(span) => self.engine.observe(resource, span).err().map(|refusal| refusal.as_str()),
                Err(reject) => Some(reject.as_str()),
            };
            if let Some(reason) = refused {
                *reasons.entry(reason).or_default() += 1;
            }
        };
        let walked = match delivery.encoding {
            Encoding::Protobuf => wire::walk(&delivery.body, visit).map_err(|error| error.to_string()),
            Encoding::Json => json::walk(&delivery.body, visit).map_err(|error| error.to_string()),
        };
        metrics::counter!(telemetry::SPANS, "source" => source).increment(spans);
        if let Err(error) = walked {
            tracing::warn!("a body from {source} is kept aside: {error}");
            let body = Some(delivery.body.to_vec());
            batch.rejects.push(Reject { source, reason: "broken_body", spans: 1, body });
        }
        if let Receipt::Stream { offset, .. } = delivery.receipt {
            batch.offsets.retain(|(known, _)| *known != source);
            batch.offsets.push((source, offset));
        }
        let rejected_spans = reasons.values().sum();
        let reason = (!reasons.is_empty()).then(|| {
            let reasons: Vec<String> = reasons.iter().map(|(reason, n)| format!("{reason}: {n}")).collect();
            reasons.join(", ")
        });
        for (reason, spans) in reasons {
            metrics::counter!(telemetry::REJECTED, "reason" => reason).increment(spans);
            batch.rejects.push(Reject { source, reason, spans, body: None });
        }
        Outcome { rejected_spans, reason }
    }

    /// Sees while every source is connected and read to its end; counts from when that began.
    fn sight(&mut self, now_ns: Nanos) -> Sight {
        let is_behind = self.stream.as_ref().is_some_and(|state| *state.borrow() == StreamState::Behind);
        self.seeing_since_ns = if is_behind { None } else { self.seeing_since_ns.or(Some(now_ns)) };
        metrics::gauge!(telemetry::SIGHT).set(if is_behind { 0.0 } else { 1.0 });
        self.seeing_since_ns.map_or(Sight::Blind, |since_ns| Sight::Seeing { since_ns })
    }

    async fn commit(&self, batch: &Batch) -> sqlx::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store.commit(batch).await?;
        metrics::counter!(telemetry::COMMITS).increment(1);
        Ok(())
    }

    /// Tells the console and the alert sender what is durable now.
    fn report(&self, batch: &Batch, deliveries: &[Delivery]) {
        for delivery in deliveries {
            metrics::counter!(telemetry::DELIVERIES, "source" => delivery.receipt.source()).increment(1);
        }
        metrics::gauge!(telemetry::JOURNEYS).set(self.engine.journeys() as f64);
        let counters = self.engine.counters();
        metrics::counter!(telemetry::REPEATS).absolute(counters.repeats);
        metrics::counter!(telemetry::EXPIRED).absolute(counters.expired);
        metrics::counter!(telemetry::EVICTED).absolute(counters.evicted);
        metrics::counter!(telemetry::TIES_REFUSED).absolute(counters.ties_refused);
        metrics::counter!(telemetry::GIVEN_UP).absolute(counters.given_up);
        let trends = self.engine.trend_counters();
        metrics::counter!(telemetry::TREND_LATE).absolute(trends.late);
        metrics::counter!(telemetry::TREND_HURRIED).absolute(trends.hurried);
        metrics::counter!(telemetry::TREND_UNFOLLOWED).absolute(trends.series_full);
        for finding in &batch.outputs.cleared {
            tracing::info!(order = %finding.key.order, "{} cleared: {}", finding.key.alert, finding.summary);
        }
        for finding in &batch.outputs.raised {
            metrics::counter!(telemetry::FINDINGS, "alert" => finding.key.alert.as_str()).increment(1);
            tracing::warn!(order = %finding.key.order, "{} ({}): {}", finding.key.alert, finding.reason, finding.summary);
        }
        for conflict in &batch.outputs.conflicts {
            let [one, other] = &conflict.anchors;
            tracing::warn!("orders {one} and {other} both claim {}={}", conflict.key, conflict.value);
        }
        for conflict in &batch.outputs.conflicts_withdrawn {
            let [one, other] = &conflict.anchors;
            tracing::info!(
                "orders {one} and {other} no longer both claim {}={}",
                conflict.key,
                conflict.value
            );
        }
        let Outputs { raised, cleared, updated, .. } = &batch.outputs;
        if !raised.is_empty() || !cleared.is_empty() || !updated.is_empty() {
            self.findings_changed.send_modify(|changes| *changes += 1);
        }
    }
}

async fn restore(store: &Store, definition: Definition) -> anyhow::Result<Engine> {
    let since_ns = wall_clock_ns().saturating_sub(definition.expire_after_ns);
    let snapshot = store.snapshot(since_ns).await?;
    Ok(Engine::restore(
        definition,
        snapshot.attempts,
        snapshot.instances,
        snapshot.standing,
        snapshot.first_signal_ns,
    ))
}

fn give_receipts(deliveries: Vec<Delivery>, outcomes: Vec<Outcome>) {
    for (delivery, outcome) in deliveries.into_iter().zip(outcomes) {
        match delivery.receipt {
            // Whoever asked may be gone; what they sent is durable all the same.
            Receipt::Request { answer, .. } => drop(answer.send(outcome)),
            Receipt::Stream { offset, committed } => drop(committed.send(offset)),
        }
    }
}

/// The wall clock, in nanoseconds since the Unix epoch.
pub(crate) fn wall_clock_ns() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}
