//! One provider for all tests; each request has an own trace id, by which its spans are found.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use expect_test::Expect;
use opentelemetry::trace::{Link, SpanId, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SamplingResult, SdkTracerProvider, ShouldSample, SpanData,
};

/// A caller's trace, unique in this process.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) trace: TraceId,
    sampled: bool,
}

impl Caller {
    pub(super) fn sampled() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        exporter();
        Self {
            trace: TraceId::from(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << 64 | 7),
            sampled: true,
        }
    }

    pub(super) fn unsampled() -> Self {
        Self { sampled: false, ..Self::sampled() }
    }

    /// Not sampled by its caller, but by our sampler.
    pub(super) fn wanted() -> Self {
        let caller = Self::unsampled();
        let trace = TraceId::from(u128::from_be_bytes(caller.trace.to_bytes()) | WANTED);
        Self { trace, ..caller }
    }

    pub(super) fn traceparent(self) -> String {
        format!("00-{}-{CALLER_SPAN}-0{}", self.trace, u8::from(self.sampled))
    }

    /// A request with every header that a layer could be tempted by.
    pub(super) fn request(self, method: &str, uri: &str) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "shop.internal:8080")
            .header("user-agent", "scenario/1")
            .header("authorization", "Bearer TOPSECRET")
            .header("cookie", "session=TOPSECRET")
            .header("x-forwarded-for", "10.1.2.3, 10.0.0.1")
            .header("x-forwarded-proto", "https")
            .header("traceparent", self.traceparent())
            .header("baggage", "order.id=ORD-7")
            .body(Body::empty())
            .expect("the request is well formed")
    }

    /// Spans of this trace that were exported up to now.
    pub(super) fn spans(self) -> Vec<SpanData> {
        exported().into_iter().filter(|span| span.span_context.trace_id() == self.trace).collect()
    }

    /// The only span of this trace.
    pub(super) fn span(self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "one request makes one span");
        spans.remove(0)
    }

    /// Compares the only span of this trace with a snapshot.
    pub(super) fn check(self, expected: &Expect) {
        expected.assert_eq(&render(&self.span()));
    }
}

/// All spans of this process.
pub(super) fn exported() -> Vec<SpanData> {
    exporter().get_finished_spans().expect("the exporter is never shut down")
}

/// Attribute of a span as text.
pub(super) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found: Vec<_> = span.attributes.iter().filter(|kv| kv.key.as_str() == key).collect();
    assert!(found.len() <= 1, "{key} is written twice");
    found.first().map(|kv| kv.value.to_string())
}

/// How long a span lasted.
pub(super) fn lasted(span: &SpanData) -> Duration {
    span.end_time.duration_since(span.start_time).expect("time goes forward")
}

/// Reads a response to its end.
pub(super) async fn read(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("the body is whole");
    String::from_utf8(bytes.to_vec()).expect("the body is text")
}

/// A span without times and own ids; attributes sorted, texts quoted and ints not.
fn render(span: &SpanData) -> String {
    let parent = match span.parent_span_id {
        SpanId::INVALID => "none".to_owned(),
        parent if parent.to_string() == CALLER_SPAN => "caller".to_owned(),
        parent => parent.to_string(),
    };
    let mut text = format!("{} {:?} {:?} parent={parent}\n", span.name, span.span_kind, span.status);
    let mut lines: Vec<String> =
        span.attributes.iter().map(|kv| format!("  {} = {}", kv.key, steady(kv))).collect();
    lines.sort();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The value, unless it differs from run to run.
fn steady(kv: &KeyValue) -> String {
    match &kv.value {
        _ if kv.key.as_str() == "journey.http.time_to_head" => "…".to_owned(),
        Value::String(text) => format!("{:?}", text.as_str()),
        other => other.to_string(),
    }
}

fn exporter() -> &'static InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(CallersOrWanted)
            .with_simple_exporter(exporter.clone())
            .build();
        opentelemetry::global::set_tracer_provider(provider);
        exporter
    })
}

/// Follows the caller, and takes the wanted traces anyway.
#[derive(Debug, Clone)]
struct CallersOrWanted;

impl ShouldSample for CallersOrWanted {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let wanted = u128::from_be_bytes(trace.to_bytes()) & WANTED != 0;
        let sampler =
            if wanted { Sampler::AlwaysOn } else { Sampler::ParentBased(Box::new(Sampler::AlwaysOn)) };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

/// A bit of the trace id that only wanted traces have.
const WANTED: u128 = 1 << 32;

const CALLER_SPAN: &str = "00f067aa0ba902b7";
