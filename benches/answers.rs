//! What does each server layer get right?
//!
//! The same requests for all, through the same service, and the same questions about the spans and metrics that came
//! out. Every question is put so that yes is right.

use std::error::Error;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use http::Request;
use http_body_util::BodyExt;
use journey::tower::JourneyLayer;
use opentelemetry::trace::Status;
use opentelemetry::{Value, global};
use opentelemetry_instrumentation_tower::http::server as official;
use tower::ServiceExt;

use crate::shop::{self, BACKGROUND, CHUNKS, PARENT, PAUSE, TOKEN, TRACE, request, send};
use crate::told::{Point, Told, ToldSpan};

/// Runs the program: `list`, or `ask LAYER`, which prints questions with answers as one line of JSON.
///
/// # Errors
/// Unknown words, or no such layer.
pub fn run() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => LAYERS.iter().for_each(|layer| println!("{}", layer.name)),
        ["ask", name] => {
            let layer = LAYERS.iter().find(|layer| layer.name == name).ok_or("no such layer")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            // The handlers panic on purpose.
            std::panic::set_hook(Box::new(|_| ()));
            println!("{}", serde_json::to_string(&runtime.block_on(ask(layer)))?);
        }
        _ => return Err("usage: list | ask LAYER".into()),
    }
    Ok(())
}

/// Who is asked.
struct Layer {
    name: &'static str,
    has_metrics: bool,
    put: fn(Router) -> Router,
}

const LAYERS: [Layer; 4] = [
    Layer { name: "journey", has_metrics: true, put: |router| router.layer(JourneyLayer::new()) },
    Layer { name: "official", has_metrics: true, put: |router| router.layer(official::Layer::new()) },
    Layer { name: "axum_tracing", has_metrics: false, put: |router| router.layer(OtelAxumLayer::default()) },
    Layer {
        name: "tower_otel",
        has_metrics: true,
        put: |router| {
            let traced =
                router.layer(tower_otel::trace::HttpLayer::server(tracing::Level::INFO).trace_body());
            traced.layer(tower_otel::metrics::HttpLayer::server(&global::meter("bench")))
        },
    },
];

type Answers = Vec<(&'static str, Option<bool>)>;

async fn ask(layer: &Layer) -> Answers {
    let early = (layer.put)(shop::router());
    let told = Told::start();
    journey_trace::metrics::install(&global::meter("journey"));
    let asked = Asked { told, router: (layer.put)(shop::router()), has_metrics: layer.has_metrics };
    let mut answers = Answers::new();
    answers.extend(asked.usual_request().await);
    answers.extend(asked.strange_requests().await);
    answers.extend(asked.unfinished_requests().await);
    answers.extend(asked.bodies().await);
    answers.extend(asked.background().await);
    answers.extend(asked.surroundings(early, (layer.put)(asked.router.clone())).await);
    answers
}

struct Asked {
    told: Told,
    router: Router,
    has_metrics: bool,
}

impl Asked {
    /// Sends a request, reads the body to its end, and gives the server spans.
    async fn serve(&self, method: &str, uri: &str) -> Vec<ToldSpan> {
        read(&self.router, request(method, uri, "01")).await;
        self.told.spans()
    }

    async fn usual_request(&self) -> Answers {
        let spans = self.serve("GET", "/orders/12345?sig=SECRET&q=1").await;
        let is = |check: &dyn Fn(&ToldSpan) -> bool| server(&spans).is_some_and(check);
        let is_child = |name: &str| {
            let parent = server(&spans).map(|span| span.data.span_context.span_id());
            let child = spans.iter().find(|span| span.data.name == name);
            child.is_some_and(|child| Some(child.data.parent_span_id) == parent)
        };
        vec![
            ("continues the trace of the caller", Some(is(&|span| continues_the_trace(span)))),
            ("names the span by the route", Some(is(&|span| span.data.name == "GET /orders/{id}"))),
            ("keeps `?sig=SECRET` to itself", Some(is(&|span| !span.says("SECRET")))),
            ("keeps Authorization and Cookie to itself", Some(is(&|span| !span.says(TOKEN)))),
            ("tells the status as a number", Some(is(&|span| has_status(span, 200)))),
            ("spans of the API in the handler are children", Some(is_child("direct child"))),
            ("spans of tracing in the handler are children", Some(is_child("tracing child"))),
        ]
    }

    async fn strange_requests(&self) -> Answers {
        let unknown = self.serve("GET", "/unknown").await;
        let unknown = server(&unknown).is_some_and(|span| {
            span.data.name == "GET"
                && span.attribute("http.route").is_none()
                && span.data.status == Status::Unset
                && has_status(span, 404)
        });
        let failed = self.serve("GET", "/fails").await;
        let failed = server(&failed).is_some_and(|span| {
            is_text(span, "error.type", "500") && matches!(span.data.status, Status::Error { .. })
        });
        let method = self.serve("FOOBAR", "/orders/12345").await;
        let method = server(&method).is_some_and(|span| {
            is_text(span, "http.request.method", "_OTHER")
                && is_text(span, "http.request.method_original", "FOOBAR")
        });
        vec![
            ("404: no route, no error, named by the method", Some(unknown)),
            ("500: error, error.type on the span", Some(failed)),
            ("500: error.type on the metric", self.labelled(|point| point.is("error.type", "500"))),
            ("FOOBAR: `_OTHER` on the span, and the original", Some(method)),
            (
                "FOOBAR: `_OTHER` on the metric",
                self.labelled(|point| point.is("http.request.method", "_OTHER"))
                    .map(|other| other && self.labelled(names_foobar) == Some(false)),
            ),
        ]
    }

    async fn unfinished_requests(&self) -> Answers {
        let before = self.samples();
        let sent = tokio::time::timeout(Duration::from_millis(20), gone(&self.router)).await;
        assert!(sent.is_err(), "the caller goes before the answer comes");
        let gone = self.told.spans();
        let told = server(&gone).is_some_and(|span| span.says("disconnect") || span.says("cancel"));
        let no_error = server(&gone).is_some_and(|span| !matches!(span.data.status, Status::Error { .. }));
        let (gone_gauge, gone_sample) = (self.is_idle(), self.samples_since(before));

        let before = self.samples();
        let panicked = self.serve("GET", "/panics").await;
        let panicked = server(&panicked).is_some_and(|span| matches!(span.data.status, Status::Error { .. }));
        vec![
            ("caller gone: the span tells", Some(told)),
            ("caller gone: no error", Some(no_error)),
            ("caller gone: active requests fall back to 0", gone_gauge),
            ("caller gone: one sample of the duration", gone_sample),
            ("panic: error on the span", Some(panicked)),
            // What the caller that went away has left in it is asked above.
            ("panic: active requests fall back", self.is_idle_but(gone_gauge)),
            ("panic: one sample of the duration", self.samples_since(before)),
        ]
    }

    async fn bodies(&self) -> Answers {
        let (started, seconds) = (Instant::now(), self.seconds());
        let streamed = self.serve("GET", "/streams").await;
        let took = started.elapsed();
        let length = server(&streamed).is_some_and(|span| span.duration() >= whole_body());
        let exported = server(&streamed).is_some_and(|span| span.exported - started >= whole_body());
        assert!(took >= whole_body(), "the body takes its time");
        let sample = self.seconds().zip(seconds).map(|(now, then)| now - then >= whole_body().as_secs_f64());

        let broken = self.serve("GET", "/breaks").await;
        let broken = server(&broken).is_some_and(|span| matches!(span.data.status, Status::Error { .. }));

        let response = send(&self.router, request("GET", "/streams", "01")).await;
        let mut body = response.expect("it answers").into_body();
        assert!(body.frame().await.is_some(), "the first chunk comes");
        drop(body);
        let dropped = self.told.spans();
        let dropped =
            server(&dropped).is_some_and(|span| span.duration() >= PAUSE && span.duration() < whole_body());
        vec![
            ("streamed body: the span is as long as the body", Some(length)),
            ("streamed body: exported after its end", Some(exported)),
            ("streamed body: the metric is as long as the body", sample),
            ("body that breaks: error on the span", Some(broken)),
            ("body dropped after a chunk: as long as that took", Some(dropped)),
        ]
    }

    /// Four tasks that go on after the response, each holding on to the request in another way.
    async fn background(&self) -> Answers {
        let (mut at_once, mut right) = (true, true);
        for how in ["tracing", "direct", "clone", "both"] {
            let started = Instant::now();
            read(&self.router, request("GET", &format!("/background/{how}"), "01")).await;
            tokio::time::sleep(BACKGROUND + PAUSE).await;
            let spans = self.told.spans();
            at_once &= server(&spans).is_some_and(|span| span.exported - started < BACKGROUND / 2);
            right &= server(&spans).is_some_and(|span| span.duration() < BACKGROUND / 2);
        }
        vec![
            ("background task: the request is exported at once", Some(at_once)),
            ("background task: the request's duration is right", Some(right)),
        ]
    }

    async fn surroundings(&self, early: Router, twice: Router) -> Answers {
        let trace = read(&self.router, request("GET", "/trace", "00")).await;
        let unsampled = self.told.spans();
        let unsampled = server(&unsampled).is_none() && trace == TRACE;

        read(&early, request("GET", "/orders/12345", "01")).await;
        let early = self.told.spans();
        read(&twice, request("GET", "/orders/12345", "01")).await;
        let twice = self.told.spans();
        vec![
            ("unsampled caller: nothing exported, its trace goes on", Some(unsampled)),
            ("layer built before the SDK: works all the same", Some(server(&early).is_some())),
            ("layer put twice: one span", Some(twice.iter().filter(|span| span.is_server()).count() == 1)),
        ]
    }

    /// Whether a series of the duration is like this; `None` without metrics.
    fn labelled(&self, is: impl Fn(&Point) -> bool) -> Option<bool> {
        self.has_metrics.then(|| self.told.points(DURATION).iter().any(is))
    }

    fn active(&self) -> f64 {
        self.told.points(ACTIVE).iter().map(|point| point.sum).sum()
    }

    fn is_idle(&self) -> Option<bool> {
        self.has_metrics.then(|| self.active() == 0.0)
    }

    /// As [`Asked::is_idle`], without the one that was left behind before.
    fn is_idle_but(&self, before: Option<bool>) -> Option<bool> {
        before.map(|was_idle| self.active() == if was_idle { 0.0 } else { 1.0 })
    }

    fn samples(&self) -> Option<u64> {
        self.has_metrics.then(|| self.told.points(DURATION).iter().map(|point| point.count).sum())
    }

    fn samples_since(&self, before: Option<u64>) -> Option<bool> {
        self.samples().zip(before).map(|(now, before)| now == before + 1)
    }

    fn seconds(&self) -> Option<f64> {
        self.has_metrics.then(|| self.told.points(DURATION).iter().map(|point| point.sum).sum())
    }
}

/// Gives the body as a text; empty if there was none.
async fn read(router: &Router, request: Request<Body>) -> String {
    let Some(response) = send(router, request).await else { return String::new() };
    let bytes = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A request whose caller waits as long as this future lives.
async fn gone(router: &Router) {
    let response = router.clone().oneshot(request("GET", "/waits", "01")).await;
    drop(response);
}

fn server(spans: &[ToldSpan]) -> Option<&ToldSpan> {
    spans.iter().find(|span| span.is_server())
}

fn continues_the_trace(span: &ToldSpan) -> bool {
    span.data.span_context.trace_id().to_string() == TRACE && span.data.parent_span_id.to_string() == PARENT
}

fn has_status(span: &ToldSpan, status: i64) -> bool {
    span.attribute("http.response.status_code") == Some(&Value::I64(status))
}

fn is_text(span: &ToldSpan, key: &str, text: &str) -> bool {
    span.attribute(key).is_some_and(|value| value.as_str() == text)
}

fn names_foobar(point: &Point) -> bool {
    point.is("http.request.method", "FOOBAR")
}

/// At least so long takes a body that comes to its end.
fn whole_body() -> Duration {
    PAUSE * CHUNKS as u32
}

const DURATION: &str = "http.server.request.duration";
const ACTIVE: &str = "http.server.active_requests";
