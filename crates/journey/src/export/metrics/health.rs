//! How the export itself is doing, under the names of the conventions.
//!
//! Source: [SDK metrics, semantic conventions 1.44.0](https://github.com/open-telemetry/semantic-conventions/blob/v1.44.0/docs/otel/sdk-metrics.md).

use std::sync::Arc;

use journey_model::Signal;
use journey_model::attribute::{ERROR_TYPE, JOURNEY_SIGNAL};
use journey_trace::lane::Dropped;
use journey_trace::limits::LANE_QUEUE_RECORDS_MAX;
use journey_trace::{CellCounters, JourneyCell};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::config::Protocol;
use crate::export::Tally;

use super::Spoken;

/// Registers what is read at each collection. The meter's provider holds the tally from now on.
pub(super) fn observe(meter: &Meter, tally: &Arc<Tally>, spoken: Spoken) {
    queue(meter, tally);
    processed(meter, tally);
    exported(meter, tally, spoken);
    points_exported(meter, tally, spoken);
    refused(meter);
}

fn queue(meter: &Meter, tally: &Arc<Tally>) {
    let [spans, lane] = [SPANS, LANE].map(|instance| Component::processor(instance).labels());
    let (size_spans, size_lane, sized) = (spans.clone(), lane.clone(), tally.clone());
    meter
        .i64_observable_up_down_counter("otel.sdk.processor.span.queue.size")
        .with_unit("{span}")
        .with_description("Spans in the queue of the processor.")
        .with_callback(move |size| {
            size.observe(signed(sized.spans.len()), &size_spans);
            size.observe(signed(sized.lane.len()), &size_lane);
        })
        .build();
    let capacity_of_spans = signed(tally.spans.capacity());
    meter
        .i64_observable_up_down_counter("otel.sdk.processor.span.queue.capacity")
        .with_unit("{span}")
        .with_description("Spans that the queue of the processor holds at most.")
        .with_callback(move |capacity| {
            capacity.observe(capacity_of_spans, &spans);
            capacity.observe(signed(LANE_QUEUE_RECORDS_MAX), &lane);
        })
        .build();
}

/// What left the queues: exported, well or not, or dropped.
fn processed(meter: &Meter, tally: &Arc<Tally>) {
    let [spans, lane] = [SPANS, LANE].map(Component::processor);
    let tally = tally.clone();
    meter
        .u64_observable_counter("otel.sdk.processor.span.processed")
        .with_unit("{span}")
        .with_description("Spans for which the processing has finished, successfully or not.")
        .with_callback(move |processed| {
            for (component, out) in [(&spans, &tally.spans_out), (&lane, &tally.signals_out)] {
                processed.observe(out.settled(), &component.labels());
            }
            processed.observe(tally.spans.dropped(), &spans.labels_failed(QUEUE_FULL));
            // A lost beat is nothing, a lost end an order that looks stuck.
            let Dropped { beats, process, starts, ends } = tally.lane.counters().dropped;
            for (signal, dropped) in [
                (Signal::Beat, beats),
                (Signal::Process, process),
                (Signal::Start, starts),
                (Signal::End, ends),
            ] {
                let [name, kind, error] = lane.labels_failed(QUEUE_FULL);
                processed
                    .observe(dropped, &[name, kind, error, KeyValue::new(JOURNEY_SIGNAL, signal.as_str())]);
            }
        })
        .build();
}

fn exported(meter: &Meter, tally: &Arc<Tally>, spoken: Spoken) {
    let exporter = |protocol, instance| Component::exporter(protocol, "span", instance);
    let spans = spoken.spans.map(|protocol| exporter(protocol, SPANS));
    let lane = spoken.lane.map(|protocol| exporter(protocol, LANE));
    let tally = tally.clone();
    meter
        .u64_observable_counter("otel.sdk.exporter.span.exported")
        .with_unit("{span}")
        .with_description("Spans for which the export has finished, successfully or not.")
        .with_callback(move |exported| {
            for (component, out) in [(&spans, &tally.spans_out), (&lane, &tally.signals_out)] {
                let Some(component) = component else { continue };
                exported.observe(out.delivered(), &component.labels());
                exported.observe(out.lost(), &component.labels_failed(UNKNOWN));
            }
        })
        .build();
}

fn points_exported(meter: &Meter, tally: &Arc<Tally>, spoken: Spoken) {
    let exporter = Component::exporter(spoken.metrics, "metric", SPANS);
    let tally = tally.clone();
    meter
        .u64_observable_counter("otel.sdk.exporter.metric_data_point.exported")
        .with_unit("{data_point}")
        .with_description("Data points for which the export has finished, successfully or not.")
        .with_callback(move |exported| {
            exported.observe(tally.metrics_out.delivered(), &exporter.labels());
            let lost = tally.metrics_out.lost() + tally.metrics.dropped();
            exported.observe(lost, &exporter.labels_failed(UNKNOWN));
        })
        .build();
}

/// What the cells of the process did not take, by reason.
fn refused(meter: &Meter) {
    meter
        .u64_observable_counter("journey.context.refused")
        .with_unit("{value}")
        .with_description("Ids and facets that the journey context did not take.")
        .with_callback(|refused| {
            let CellCounters { conflicts, invalid_ids, refused_facets } = JourneyCell::counters();
            for (reason, count) in
                [("conflict", conflicts), ("invalid_id", invalid_ids), ("invalid_facet", refused_facets)]
            {
                refused.observe(count, &[KeyValue::new(ERROR_TYPE, reason)]);
            }
        })
        .build();
}

/// Who counts: `otel.component.name` and `otel.component.type`.
struct Component {
    name: String,
    kind: String,
}

impl Component {
    fn new(kind: String, instance: &str) -> Self {
        Self { name: format!("{kind}/{instance}"), kind }
    }

    fn processor(instance: &str) -> Self {
        Self::new("batching_span_processor".to_owned(), instance)
    }

    fn exporter(protocol: Protocol, of: &str, instance: &str) -> Self {
        let transport = match protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        };
        Self::new(format!("otlp_{transport}_{of}_exporter"), instance)
    }

    fn labels(&self) -> [KeyValue; 2] {
        let name = KeyValue::new("otel.component.name", self.name.clone());
        [name, KeyValue::new("otel.component.type", self.kind.clone())]
    }

    fn labels_failed(&self, error_type: &'static str) -> [KeyValue; 3] {
        let [name, kind] = self.labels();
        [name, kind, KeyValue::new(ERROR_TYPE, error_type)]
    }
}

/// Instances: what goes to trace storage, with the metrics beside it, and the journey lane.
const SPANS: &str = "journey";
const LANE: &str = "journey_lane";

/// Of the conventions: an error without a class of its own. The export knows many reasons, and logs them.
const UNKNOWN: &str = "_OTHER";
/// Of the conventions too.
const QUEUE_FULL: &str = "queue_full";

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
