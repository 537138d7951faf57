//! What does a server layer cost a request?
//!
//! The request is the same for all: `GET /orders/12345?full=1` with four headers through an axum router in this
//! process, its body read to the end. The layer at the bottom of the comparison passes everything on: to have any layer
//! costs an axum router something by itself.

use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body_util::BodyExt;
use journey::tower::JourneyLayer;
use opentelemetry::global;
use opentelemetry_instrumentation_tower::http::server as official;
use tower::{Service, ServiceExt, layer::layer_fn};

use crate::case::{Case, Cases, poll_to_end};
use crate::ours::Ours;
use crate::peers::{Sdk, Telemetry};

/// Each layer with each request, by the name `server/{layer}/{request}`.
pub fn cases() -> Cases {
    let all = LAYERS.iter().flat_map(|layer| REQUESTS.iter().map(move |request| (layer, request)));
    all.map(|(&(name, set_up), request)| {
        let case = move || set_up(request);
        (format!("server/{name}/{}", request.name), Box::new(case) as Box<dyn FnOnce() -> Case>)
    })
    .collect()
}

/// A layer's name, and how a service sets it up.
type LayerCase = (&'static str, fn(&'static Kind) -> Case);

const LAYERS: [LayerCase; 8] = [
    ("none", none),
    ("journey", |kind| journey(kind, kind.telemetry(false))),
    ("journey_metrics", |kind| journey(kind, kind.telemetry(true))),
    ("official", |kind| official(kind, kind.telemetry(false))),
    ("official_metrics", |kind| official(kind, kind.telemetry(true))),
    ("axum_tracing", axum_tracing),
    ("tower_otel", |kind| tower_otel(kind, kind.telemetry(false))),
    ("tower_otel_metrics", |kind| tower_otel(kind, kind.telemetry(true))),
];

fn none(kind: &'static Kind) -> Case {
    Case::bare(requests(kind, kind.router().layer(layer_fn(|inner| PassOn { inner }))))
}

fn journey(kind: &'static Kind, telemetry: Telemetry) -> Case {
    let ours = Ours::start(telemetry);
    ours.case(requests(kind, kind.router().layer(JourneyLayer::new())))
}

fn official(kind: &'static Kind, telemetry: Telemetry) -> Case {
    let sdk = Sdk::start(telemetry);
    let layer = official::LayerBuilder::builder().with_metrics(telemetry.metrics).build();
    let layer = layer.unwrap_or_else(|error| panic!("the settings are good: {error}"));
    sdk.case(requests(kind, kind.router().layer(layer)))
}

fn axum_tracing(kind: &'static Kind) -> Case {
    let sdk = Sdk::start(kind.telemetry(false)).bridged();
    sdk.case(requests(kind, kind.router().layer(OtelAxumLayer::default())))
}

fn tower_otel(kind: &'static Kind, telemetry: Telemetry) -> Case {
    let sdk = Sdk::start(telemetry).bridged();
    let router = kind.router().layer(tower_otel::trace::HttpLayer::server(tracing::Level::INFO));
    let router = if telemetry.metrics {
        router.layer(tower_otel::metrics::HttpLayer::server(&global::meter("bench")))
    } else {
        router
    };
    sdk.case(requests(kind, router))
}

/// One kind of request and handler.
struct Kind {
    name: &'static str,
    traceparent: Option<&'static str>,
    baggage: Option<&'static str>,
    /// How often the handler's future is polled before it is ready, not counting the last time.
    yields: u32,
}

const REQUESTS: [Kind; 6] = [
    Kind { name: "sampled", traceparent: Some(SAMPLED), baggage: None, yields: 0 },
    Kind { name: "unsampled", traceparent: Some(UNSAMPLED), baggage: None, yields: 0 },
    // Without a parent, and the sampler takes one of a thousand.
    Kind { name: "root", traceparent: None, baggage: None, yields: 0 },
    Kind { name: "baggage", traceparent: Some(SAMPLED), baggage: Some(IDS), yields: 0 },
    Kind { name: "baggage_unsampled", traceparent: Some(UNSAMPLED), baggage: Some(IDS), yields: 0 },
    Kind { name: "polls", traceparent: Some(SAMPLED), baggage: None, yields: EXTRA_POLLS },
];

/// Extra polls of the handler in the case `polls`.
pub const EXTRA_POLLS: u32 = 16;

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const IDS: &str = "order.id=ORD-000123,cart.id=c-8f2b61,user.id=u-4711";

impl Kind {
    fn telemetry(&self, metrics: bool) -> Telemetry {
        let (ratio, spans) = match self.traceparent {
            None => (Some(0.001), None),
            Some(parent) => (None, Some(u64::from(parent == SAMPLED))),
        };
        Telemetry { metrics, ratio, baggage: self.baggage.is_some(), spans }
    }

    fn router(&'static self) -> Router {
        let handler = async |Path(_id): Path<String>| {
            for _ in 0..self.yields {
                tick().await;
            }
            "polished"
        };
        Router::new().route("/orders/{id}", get(handler))
    }

    fn headers(&self) -> HeaderMap {
        let texts = [
            ("host", Some("shop-api:8080")),
            ("user-agent", Some("curl/8.5.0")),
            ("accept", Some("application/json")),
            ("traceparent", self.traceparent),
            ("baggage", self.baggage),
        ];
        let headers = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        headers.map(|(name, text)| (HeaderName::from_static(name), HeaderValue::from_static(text))).collect()
    }
}

/// The operation: one request through the router, its body read to the end.
fn requests(kind: &'static Kind, router: Router) -> impl FnMut() + 'static {
    // What `axum::serve` does once. Without it the router would build its layers anew for each request.
    let router: Router = router.with_state(());
    let (uri, headers) = (Uri::from_static("/orders/12345?full=1"), kind.headers());
    move || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        poll_to_end(async {
            let response = router.clone().oneshot(request).await.unwrap_or_else(|error| match error {});
            assert_eq!(response.status(), 200);
            let body = response.into_body().collect().await.expect("the body is in memory");
            assert_eq!(body.to_bytes().len(), 8);
        });
    }
}

/// Not ready the first time it is polled.
async fn tick() {
    let mut is_ready = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut is_ready, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The layer that does nothing.
#[derive(Clone)]
struct PassOn<S> {
    inner: S,
}

impl<S, R> Service<R> for PassOn<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.inner.call(request)
    }
}
