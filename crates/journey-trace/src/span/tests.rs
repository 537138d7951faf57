//! What is started, and what is not.

use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{TraceId, TracerProvider};
use opentelemetry_sdk::trace::{
    IdGenerator, InMemorySpanExporter, RandomIdGenerator, Sampler, SdkTracerProvider, SpanData,
};

use crate::{ContextExt, Key, Trust, extract};

use super::*;

/// The installed tracer is one per process, so these tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Drawn(RandomIdGenerator);

impl IdGenerator for Drawn {
    fn new_trace_id(&self) -> TraceId {
        drawn_trace_id().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> opentelemetry::trace::SpanId {
        self.0.new_span_id()
    }
}

/// Runs `work` with a tracer whose traces are kept by `root`, and gives what was exported.
fn traced(root: fn(&Hint<'_>, TraceId) -> bool, work: impl FnOnce()) -> Vec<SpanData> {
    let _turn = turn();
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_id_generator(Drawn(RandomIdGenerator::default()))
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .build();
    let start = start_with(provider.tracer(SCOPE_NAME));
    install(Tracing { start, follows_parent: true, root: Some(Box::new(root)) });
    work();
    uninstall();
    exporter.get_finished_spans().expect("the exporter is alive")
}

/// Scenario: the rules drop a request that begins a trace.
/// Guarantees: nothing is described or exported; callees learn a trace id and that it is not sampled.
#[test]
fn a_dropped_trace_builds_nothing() {
    let hint = Hint { method: "GET", path: "/healthz", route: None };
    let spans = traced(
        |request, _| request.path != "/healthz",
        || {
            let guard = SpanGuard::start_described(SpanKind::Server, &hint, &Context::new(), || {
                panic!("nobody will see it")
            });
            assert!(!guard.is_recording());
            let inside = guard.context().span().span_context().clone();
            assert!(inside.is_valid() && !inside.is_sampled() && !inside.is_remote());
            SpanGuard::start("child", SpanKind::Client, vec![], vec![], guard.context()).end();
        },
    );
    assert!(spans.is_empty());
}

/// Scenario: the rules keep a trace.
/// Guarantees: the span has the id that was decided about, and the length that was measured.
#[test]
fn a_kept_trace_has_the_drawn_id() {
    let even = |_: &Hint<'_>, id: TraceId| id.to_bytes()[0] < 128;
    let spans = traced(even, || {
        for _ in 0..64 {
            let guard = SpanGuard::start("x", SpanKind::Server, vec![], vec![], &Context::new());
            guard.end_at(Duration::from_millis(7));
        }
    });
    assert!(
        !spans.is_empty() && spans.iter().all(|span| even(&Hint::default(), span.span_context.trace_id()))
    );
    let lengths = spans.iter().map(|span| span.end_time.duration_since(span.start_time));
    assert!(lengths.into_iter().all(|length| length.is_ok_and(|length| length == Duration::from_millis(7))));
}

/// Scenario: a caller's trace is not sampled, and the rules would keep everything.
/// Guarantees: the caller has decided, and its context goes on as it came.
#[test]
fn an_unsampled_caller_has_decided() {
    let headers = std::collections::HashMap::from([(
        "traceparent".to_owned(),
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".to_owned(),
    )]);
    let spans = traced(
        |_, _| true,
        || {
            let caller = extract(&headers, Trust::Trusted);
            let guard = SpanGuard::start("x", SpanKind::Server, vec![], vec![], &caller);
            assert_eq!(guard.context().span().span_context(), caller.span().span_context());
        },
    );
    assert!(spans.is_empty());
}

/// Scenario: an id is learned, and the trace asked to be kept, while the span is open.
/// Guarantees: the span ends with both.
#[test]
fn late_ids_are_on_the_span() {
    let work = || {
        let parent = Context::new().with_cell(JourneyCell::new());
        let cell = JourneyCell::of(&parent).expect("it was just given");
        let guard = SpanGuard::start("x", SpanKind::Server, vec![], vec![], &parent);
        cell.set(Key::Order, "ORD-1");
        let _attached = guard.context().clone().attach();
        crate::keep_trace();
        guard.end();
    };
    let spans = traced(|_, _| true, work);
    let expected = [KeyValue::new("journey.keep", true), KeyValue::new("order.id", "ORD-1")];
    assert_eq!(spans[0].attributes, expected);
}
