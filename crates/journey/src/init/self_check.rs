//! Whether spans arrive, looked at once at the start.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use journey_trace::{SpanGuard, span};
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SamplingDecision;

use crate::config::Sampling;
use crate::probe::Probe;

/// One line for each way by which a span did not reach the queue of the export, and one for spans that began before
/// init. The probe's spans go no further than that queue.
pub(super) fn warnings(probe: &Probe, sampling: &Sampling, bridge: Bridge) -> Vec<String> {
    // With `always_off` nothing arrives on purpose.
    let (direct, bridged) = if keeps(sampling, probe) {
        (direct(probe), (bridge == Bridge::Expected).then(|| bridged(probe)).flatten())
    } else {
        (None, None)
    };
    probe.end();
    [early(), direct, bridged].into_iter().flatten().collect()
}

/// Whether spans of `tracing` are to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bridge {
    /// There is a bridge, and no filter keeps the probe out.
    Expected,
    /// None, or nobody knows.
    NotExpected,
}

fn keeps(sampling: &Sampling, probe: &Probe) -> bool {
    let (parent, name) = (probe.parent(), NAME);
    let result = sampling.sampler().should_sample(
        Some(&parent),
        probe.trace_id(),
        name,
        &SpanKind::Internal,
        &[],
        &[],
    );
    result.decision == SamplingDecision::RecordAndSample
}

/// As the layers for HTTP, SQL and AMQP make their spans.
fn direct(probe: &Probe) -> Option<String> {
    SpanGuard::start(NAME, SpanKind::Internal, vec![], vec![], &probe.parent()).end();
    (!probe.has_arrived()).then(|| {
        "self-check: a span does not reach the export; is there a second copy of `opentelemetry` in the build \
         (`cargo tree -d -i opentelemetry`)?"
            .to_owned()
    })
}

/// As `#[instrument]` makes its spans.
fn bridged(probe: &Probe) -> Option<String> {
    let attached = probe.parent().attach();
    tracing::error_span!(target: "journey::probe", NAME).in_scope(|| {});
    drop(attached);
    (!probe.has_arrived()).then(|| {
        "self-check: a span of `tracing` does not reach the export; is the layer of `journey::bridge()` part of the \
         subscriber?"
            .to_owned()
    })
}

/// Layers look the tracer up for each span, so one that was built before init is fine; what it served before is not.
fn early() -> Option<String> {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let count = span::early_starts();
    // Between two guards there is none on purpose.
    let is_first = !TOLD.swap(true, Relaxed);
    (is_first && count > 0)
        .then(|| format!("{count} spans were started before init and are lost; init comes first in `main`"))
}

const NAME: &str = "journey.probe";
