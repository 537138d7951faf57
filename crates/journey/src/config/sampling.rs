//! Which traces are kept by head sampling.
//!
//! One decision, asked in three places: by the SDK's sampler for spans of other libraries, by our own spans before
//! anything of them is built, and by the lane for a trace that begins with a stage.

use std::borrow::Cow;
use std::sync::Arc;

use journey_trace::http::key;
use journey_trace::lane::RootSampler;
use journey_trace::sampling::{Hint, Rules};
use journey_trace::span::{self, Tracing};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, SdkTracer, ShouldSample};

use crate::init::InitError;

use super::{Environment, Wishes};

/// `JOURNEY_SAMPLE`, and `OTEL_TRACES_SAMPLER` with its argument.
#[derive(Debug, Clone)]
pub(crate) struct Sampling {
    root: Root,
    /// Whether a span does as its parent did.
    pub(crate) follows_parent: bool,
    /// As the variables have it, with the argument.
    pub(crate) text: String,
}

/// Decides for a span without parent, or for every span if parents are not followed.
#[derive(Debug, Clone)]
struct Root {
    rules: Arc<Rules>,
    /// For requests that no rule concerns, and for everything else.
    otherwise: Sampler,
}

impl Sampling {
    /// The sampler for the SDK.
    pub(crate) fn sampler(&self) -> Box<dyn ShouldSample> {
        if self.follows_parent {
            Box::new(Sampler::ParentBased(Box::new(self.root.clone())))
        } else {
            Box::new(self.root.clone())
        }
    }

    /// The decision for a trace that starts with a stage: the same as for one that starts with a span.
    pub(crate) fn root_sampler(&self) -> RootSampler {
        let root = self.root.clone();
        Arc::new(move |trace_id: TraceId| root.keeps(&Hint::default(), trace_id))
    }

    /// The same for our own spans.
    pub(crate) fn tracing(&self, tracer: SdkTracer) -> Tracing {
        let root = self.root.clone();
        Tracing {
            start: span::start_with(tracer),
            follows_parent: self.follows_parent,
            root: Some(Box::new(move |request, trace_id| root.keeps(request, trace_id))),
        }
    }
}

impl Root {
    fn keeps(&self, request: &Hint<'_>, trace_id: TraceId) -> bool {
        // Most spans are no requests, and most services have no rules.
        let ruled = self.rules.share(request).map(Sampler::TraceIdRatioBased);
        let sampler = ruled.as_ref().unwrap_or(&self.otherwise);
        let result = sampler.should_sample(None, trace_id, "", &SpanKind::Internal, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }
}

impl ShouldSample for Root {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self.otherwise.should_sample(parent, trace_id, name, kind, attributes, links);
        let keeps = span::is_kept_already() || self.keeps(&Request::of(kind, attributes).hint(), trace_id);
        result.decision = if keeps { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        result
    }
}

/// What rules look at, taken from the attributes of a server span.
#[derive(Default)]
struct Request<'a> {
    method: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    route: Option<Cow<'a, str>>,
}

impl<'a> Request<'a> {
    fn of(kind: &SpanKind, attributes: &'a [KeyValue]) -> Self {
        if *kind != SpanKind::Server {
            return Self::default();
        }
        let find = |key| attributes.iter().find(|kv| kv.key.as_str() == key).map(|kv| kv.value.as_str());
        Self {
            method: find(key::HTTP_REQUEST_METHOD),
            path: find(key::URL_PATH),
            route: find(key::HTTP_ROUTE),
        }
    }

    fn hint(&self) -> Hint<'_> {
        Hint {
            method: self.method.as_deref().unwrap_or_default(),
            path: self.path.as_deref().unwrap_or_default(),
            route: self.route.as_deref(),
        }
    }
}

/// In lower case: names of the specification have no case.
fn sampler(environment: &Environment) -> String {
    environment.get(SAMPLER).unwrap_or("parentbased_always_on").to_ascii_lowercase()
}

/// Whether the sampler takes a share.
pub(super) fn has_argument(environment: &Environment) -> bool {
    sampler(environment).ends_with("traceidratio")
}

/// Default: `parentbased_always_on`, health checks dropped.
pub(super) fn read(environment: &Environment, wishes: &Wishes) -> Result<Sampling, InitError> {
    let name = sampler(environment);
    let name = name.as_str();
    let (follows_parent, root_name) = match name.strip_prefix("parentbased_") {
        Some(root_name) => (true, root_name),
        None => (false, name),
    };
    let (otherwise, mut text) = match root_name {
        "always_on" => (Sampler::AlwaysOn, name.to_owned()),
        "always_off" => (Sampler::AlwaysOff, name.to_owned()),
        "traceidratio" => {
            let ratio = ratio(environment)?;
            (Sampler::TraceIdRatioBased(ratio), format!("{name} {ratio}"))
        }
        // Falling back to "keep all" would send a hundred times the traces that were asked for.
        _ => return Err(InitError::value(SAMPLER, name, SAMPLERS)),
    };
    let rules = rules(environment, wishes)?;
    if !rules.is_empty() {
        text = format!("{rules}, else {text}");
    }
    Ok(Sampling { root: Root { rules: Arc::new(rules), otherwise }, follows_parent, text })
}

/// The variable's rules, else the builder's.
fn rules(environment: &Environment, wishes: &Wishes) -> Result<Rules, InitError> {
    let (name, text) = match environment.get(RULES) {
        Some(text) => (RULES, text),
        None => ("sample", wishes.sample.as_deref().unwrap_or_default()),
    };
    text.parse().map_err(|error| InitError::rule(name, &error))
}

/// Default: 1.
fn ratio(environment: &Environment) -> Result<f64, InitError> {
    let Some(text) = environment.get(SAMPLER_ARG) else { return Ok(1.0) };
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| InitError::value(SAMPLER_ARG, text, "a number from 0 to 1"))
}

const RULES: &str = "JOURNEY_SAMPLE";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SAMPLERS: &str = "always_on, always_off or traceidratio, each also with parentbased_ before it";

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(rules: &str) -> Sampling {
        let environment = Environment::new([
            ("JOURNEY_SAMPLE".into(), rules.into()),
            ("OTEL_TRACES_SAMPLER".into(), "parentbased_traceidratio".into()),
            ("OTEL_TRACES_SAMPLER_ARG".into(), "0.5".into()),
        ]);
        read(&environment, &Wishes::default()).expect("good variables")
    }

    fn server(method: &'static str, path: &'static str) -> [KeyValue; 2] {
        [KeyValue::new(key::HTTP_REQUEST_METHOD, method), KeyValue::new(key::URL_PATH, path)]
    }

    /// Scenario: requests under rules, a health check, and a span that is no request; many trace ids each.
    /// Guarantees: the SDK's sampler and the decision before the span agree on every one.
    #[test]
    fn one_decision_in_all_places() {
        let sampling = sampling("GET /orders/*=1, * /internal/*=0");
        let mut kept = [0; 4];
        for number in 0..200u128 {
            let trace_id = TraceId::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1);
            let requests = [("GET", "/orders/1"), ("PUT", "/internal/x"), ("GET", "/healthz"), ("GET", "/x")];
            for (at, (method, path)) in requests.into_iter().enumerate() {
                let keeps = sampling.root.keeps(&Hint { method, path, route: None }, trace_id);
                let attributes = server(method, path);
                let asked =
                    sampling.sampler().should_sample(None, trace_id, "", &SpanKind::Server, &attributes, &[]);
                assert_eq!(keeps, asked.decision == SamplingDecision::RecordAndSample, "{path}");
                kept[at] += usize::from(keeps);
            }
            let of_stage = (sampling.root_sampler())(trace_id);
            assert_eq!(of_stage, sampling.root.keeps(&Hint::default(), trace_id));
        }
        assert_eq!(kept[..3], [200, 0, 0]);
        assert!((60..140).contains(&kept[3]), "{}", kept[3]);
    }

    /// Scenario: a rule that makes no sense.
    /// Guarantees: init names the variable and the rule.
    #[test]
    fn a_bad_rule_is_named() {
        let environment = Environment::new([("JOURNEY_SAMPLE".into(), "GET /x=1, GET=2".into())]);
        let error = read(&environment, &Wishes::default()).expect_err("no rule").to_string();
        assert!(error.starts_with("JOURNEY_SAMPLE: \"GET=2\" is no rule"), "{error}");
    }
}
