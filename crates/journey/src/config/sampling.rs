//! Which traces are kept by head sampling.

use std::sync::Arc;

use journey_trace::lane::RootSampler;
use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

use crate::init::InitError;

use super::Environment;

/// `OTEL_TRACES_SAMPLER` with its argument.
#[derive(Debug, Clone)]
pub(crate) struct Sampling {
    /// Decides for a span without parent, or for every span if parents are not followed.
    root: Sampler,
    /// Whether a span does as its parent did.
    pub(crate) follows_parent: bool,
    /// As the variable has it, with the argument.
    pub(crate) text: String,
}

impl Sampling {
    /// The sampler for the SDK.
    pub(crate) fn sampler(&self) -> Box<dyn ShouldSample> {
        if self.follows_parent {
            Box::new(Sampler::parent_based(self.root.clone()))
        } else {
            Box::new(self.root.clone())
        }
    }

    /// The decision for a trace that starts with a stage: the same as for one that starts with a span.
    pub(crate) fn root_sampler(&self) -> RootSampler {
        let root = self.root.clone();
        Arc::new(move |trace_id: TraceId| {
            let result = root.should_sample(None, trace_id, "", &SpanKind::Internal, &[], &[]);
            result.decision == SamplingDecision::RecordAndSample
        })
    }
}

/// Default: `parentbased_always_on`.
pub(super) fn read(environment: &Environment) -> Result<Sampling, InitError> {
    let name = environment.get(SAMPLER).unwrap_or("parentbased_always_on");
    let (follows_parent, root_name) = match name.strip_prefix("parentbased_") {
        Some(root_name) => (true, root_name),
        None => (false, name),
    };
    let (root, text) = match root_name {
        "always_on" => (Sampler::AlwaysOn, name.to_owned()),
        "always_off" => (Sampler::AlwaysOff, name.to_owned()),
        "traceidratio" => {
            let ratio = ratio(environment)?;
            (Sampler::TraceIdRatioBased(ratio), format!("{name} {ratio}"))
        }
        // Falling back to "keep all" would send a hundred times the traces that were asked for.
        _ => return Err(InitError::value(SAMPLER, name, SAMPLERS)),
    };
    Ok(Sampling { root, follows_parent, text })
}

/// Default: 1.
fn ratio(environment: &Environment) -> Result<f64, InitError> {
    let Some(text) = environment.get(SAMPLER_ARG) else { return Ok(1.0) };
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| InitError::value(SAMPLER_ARG, text, "a number from 0 to 1"))
}

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SAMPLERS: &str = "always_on, always_off or traceidratio, each also with parentbased_ before it";
