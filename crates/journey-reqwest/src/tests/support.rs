//! Servers, clients and one provider for all tests; each test has an own trace, by which its spans are found.

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use journey_trace::{ContextExt as _, JourneyCell, Key};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use reqwest_middleware::ClientWithMiddleware;
use tokio::net::TcpListener;

/// A host that no ids may go to; clients of the tests find it on loopback.
pub(super) const STRANGER: &str = "api.partner.example";

/// The work that a test does: its trace, its order.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) trace: TraceId,
    cx: Context,
}

impl Work {
    pub(super) fn sampled() -> Self {
        Self::with_flags(TraceFlags::SAMPLED)
    }

    pub(super) fn unsampled() -> Self {
        Self::with_flags(TraceFlags::default())
    }

    fn with_flags(flags: TraceFlags) -> Self {
        exporter();
        let trace = TraceId::from(rand::random::<u128>());
        let span = SpanContext::new(trace, SpanId::from(PARENT), flags, false, TraceState::NONE);
        let cell = JourneyCell::new();
        assert!(cell.set(Key::Order, "ORD-7"));
        Self { trace, cx: Context::new().with_remote_span_context(span).with_cell(cell) }
    }

    /// Runs a piece of it.
    pub(super) async fn run<F: Future>(&self, work: F) -> F::Output {
        work.with_context(self.cx.clone()).await
    }

    /// Its spans, in the order they ended.
    pub(super) fn spans(&self) -> Vec<SpanData> {
        let exported = exporter().get_finished_spans().expect("the exporter is never shut down");
        exported.into_iter().filter(|span| span.span_context.trace_id() == self.trace).collect()
    }

    /// Its only span.
    pub(super) fn span(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "one attempt makes one span");
        spans.remove(0)
    }
}

/// A server on loopback.
pub(super) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// An address where nobody listens.
pub(super) async fn vacant() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// A client of the default kind that knows where [`STRANGER`] lives.
pub(super) fn client() -> ClientWithMiddleware {
    crate::build(builder()).expect("a client without TLS can be built")
}

/// Its builder.
pub(super) fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().resolve(STRANGER, SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// Answers with the propagation headers that came, one a line.
pub(super) async fn echo(request: Request) -> String {
    propagation_headers(request.headers())
}

fn propagation_headers(headers: &HeaderMap) -> String {
    ["traceparent", "tracestate", "baggage", "authorization"]
        .iter()
        .filter_map(|name| Some(format!("{name}: {}\n", headers.get(*name)?.to_str().ok()?)))
        .collect()
}

/// Attribute of a span as text.
pub(super) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found: Vec<_> = span.attributes.iter().filter(|kv| kv.key.as_str() == key).collect();
    assert!(found.len() <= 1, "{key} is written twice");
    found.first().map(|kv| kv.value.to_string())
}

/// A span without times, ids and ports; attributes sorted, texts quoted and ints not.
pub(super) fn render(span: &SpanData, address: SocketAddr) -> String {
    let mut lines: Vec<String> =
        span.attributes.iter().map(|kv| format!("  {} = {}", kv.key, quoted(&kv.value))).collect();
    lines.sort();
    let text = format!("{} {:?} {:?}\n{}\n", span.name, span.span_kind, span.status, lines.join("\n"));
    text.replace(&address.port().to_string(), "PORT")
}

fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.as_str()),
        number => number.to_string(),
    }
}

fn exporter() -> &'static InMemorySpanExporter {
    static EXPORTER: OnceLock<InMemorySpanExporter> = OnceLock::new();
    EXPORTER.get_or_init(|| {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        opentelemetry::global::set_tracer_provider(provider);
        exporter
    })
}

const PARENT: u64 = 0x00f0_67aa_0ba9_02b7;
