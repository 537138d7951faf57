//! The global tracer and lane while init does not run.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use journey_trace::lane::Lane;
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};

use crate::init::Running;
use crate::processor;

use super::router;

/// Sees to it that spans and stages of the process reach the router, unless init does that.
pub(super) fn ensure() {
    if Running::is_claimed() {
        return;
    }
    // Again for each capture: an init that ran in between has left a no-op behind.
    global::set_tracer_provider(PROVIDER.get_or_init(provider).clone());
    if Lane::of(&Context::new()).is_none() {
        LANE.get_or_init(lane).install_this();
    }
}

fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_sampler(Sampler::parent_based(Sampler::AlwaysOn))
        .with_span_processor(Capturing)
        .build()
}

fn lane() -> Arc<Lane> {
    let lane = router::lane();
    lane.on_record(router::signal);
    lane
}

/// Does as the processor of init does, for captures only.
#[derive(Debug)]
struct Capturing;

impl SpanProcessor for Capturing {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        processor::stamp(span, cx);
        router::span_started(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        router::span_ended(&span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();
static LANE: OnceLock<Arc<Lane>> = OnceLock::new();
