//! Servers, clients and one provider for all tests; each test has an own trace, by which its spans are found.

use std::convert::Infallible;
use std::future::Ready;
use std::iter::Once;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::task::{Context as Cx, Poll};

use axum::Router;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use journey_trace::{ContextExt as _, JourneyCell, Key};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{
    IdGenerator as _, InMemorySpanExporter, RandomIdGenerator, SdkTracerProvider, SpanData,
};
use tokio::net::TcpListener;
use tower::Service;

/// A host that no ids may go to; clients of the tests find it on loopback.
pub(crate) const STRANGER: &str = "api.partner.example";

/// The body of each request.
pub(crate) type Body = Full<Bytes>;

/// The client that the layer is put around.
pub(crate) type Transport = Client<HttpConnector<Loopback>, Body>;

/// The work that a test does: its trace, its order.
pub(crate) struct Work {
    pub(crate) trace: TraceId,
    cx: Context,
}

impl Work {
    pub(crate) fn sampled() -> Self {
        Self::with_flags(TraceFlags::SAMPLED)
    }

    pub(crate) fn unsampled() -> Self {
        Self::with_flags(TraceFlags::default())
    }

    fn with_flags(flags: TraceFlags) -> Self {
        exporter();
        let trace = RandomIdGenerator::default().new_trace_id();
        let span = SpanContext::new(trace, SpanId::from(7), flags, false, TraceState::NONE);
        let cell = JourneyCell::new();
        assert!(cell.set(Key::Order, "ORD-7"));
        Self { trace, cx: Context::new().with_remote_span_context(span).with_cell(cell) }
    }

    /// Runs a piece of it.
    pub(crate) async fn run<F: Future>(&self, work: F) -> F::Output {
        work.with_context(self.cx.clone()).await
    }

    /// Its spans, in the order they ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        let exported = exporter().get_finished_spans().expect("the exporter is never shut down");
        exported.into_iter().filter(|span| span.span_context.trace_id() == self.trace).collect()
    }

    /// Its only span.
    pub(crate) fn span(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "one attempt makes one span");
        spans.remove(0)
    }
}

/// A server on loopback.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// An address where nobody listens.
pub(crate) async fn vacant() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// A client for which every name is on loopback.
pub(crate) fn transport() -> Transport {
    Client::builder(TokioExecutor::new()).build(HttpConnector::new_with_resolver(Loopback))
}

/// Finds every name on loopback.
#[derive(Clone)]
pub(crate) struct Loopback;

impl Service<Name> for Loopback {
    type Response = Once<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Cx<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _name: Name) -> Self::Future {
        std::future::ready(Ok(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))))
    }
}

/// A GET without a body.
pub(crate) fn get(url: impl AsRef<str>) -> Request<Body> {
    Request::get(url.as_ref()).body(Body::default()).expect("the case is a URL")
}

/// Reads a body to its end.
pub(crate) async fn text<B>(body: B) -> String
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let bytes = body.collect().await.expect("the body is whole").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("the body is text")
}

/// Attribute of a span as text.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found: Vec<_> = span.attributes.iter().filter(|kv| kv.key.as_str() == key).collect();
    assert!(found.len() <= 1, "{key} is written twice");
    found.first().map(|kv| kv.value.to_string())
}

/// A span without times, ids and ports; attributes sorted, texts quoted and ints not.
pub(crate) fn render(span: &SpanData, address: SocketAddr) -> String {
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
