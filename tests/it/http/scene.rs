//! One service with journey, and who talks to it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use journey_testkit::collector::Collector;
use journey_testkit::conformance::{self, Level};
use reqwest::{Method, RequestBuilder};
use tokio::net::TcpListener;

use super::spans::Spans;

/// Runs a script beside a service that is set up like any other, until both are done. Gives what the collector got,
/// in which nothing violates the conventions. One per process: [`super::super::sdk::alone::alone`].
pub(super) fn play(settings: &[(&str, &str)], script: impl AsyncFnOnce(&Scene)) -> Spans {
    let scene = Scene::open(settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(script(&scene));
    // Ends what is still under way, as the end of a process does.
    drop(runtime);
    scene.close()
}

/// A collector, and journey that reports to it.
pub(super) struct Scene {
    pub(super) collector: Collector,
    pub(super) journey: journey::Guard,
}

impl Scene {
    /// Starts journey as `crm-api`.
    pub(super) fn open(settings: &[(&str, &str)]) -> Self {
        let collector = Collector::start().unwrap();
        let endpoint = collector.url();
        let own = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("JOURNEY_BEAT_INTERVAL", "100ms")];
        let variables = own.iter().chain(settings).copied();
        let journey = journey::builder("crm-api").version("1.2.3").environment(variables).init().unwrap();
        Self { collector, journey }
    }

    /// Stops journey. What it sent violates nothing.
    pub(super) fn close(self) -> Spans {
        let report = self.journey.shutdown();
        assert_eq!((report.spans_lost, report.signals_lost), (0, 0), "{report:?}");
        let bodies = self.collector.bodies();
        let mut findings = conformance::violations(&bodies).unwrap();
        for body in self.collector.metric_bodies() {
            findings.extend(conformance::check_metrics(&body).unwrap());
        }
        findings.retain(|finding| finding.level == Level::Violation);
        let violations: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
        Spans::of(&bodies)
    }

    /// The same for a service that shows on purpose what it must not.
    pub(super) fn close_unjudged(self) -> Spans {
        self.journey.shutdown();
        Spans::of(&self.collector.bodies())
    }

    /// What arrived by now.
    pub(super) fn arrived(&self) -> Spans {
        self.journey.flush(Duration::from_secs(5));
        Spans::of(&self.collector.bodies())
    }

    /// Waits until a span of this name has arrived.
    pub(super) async fn arrives(&self, name: &str) -> Spans {
        for _ in 0..500 {
            let spans = self.arrived();
            if spans.has(name) {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no span {name} within 5 s: {:?}", self.arrived().names())
    }
}

/// Serves the routes on a free port, and says which.
pub(super) async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

/// A request with every header that a layer could be tempted by, from a caller who samples.
pub(super) fn ask(method: &str, address: SocketAddr, path: &str) -> RequestBuilder {
    asked_by(CALLER, method, address, path)
}

/// The same from another caller.
pub(super) fn asked_by(traceparent: &str, method: &str, address: SocketAddr, path: &str) -> RequestBuilder {
    reqwest::Client::new()
        .request(Method::from_bytes(method.as_bytes()).unwrap(), format!("http://{address}{path}"))
        .timeout(Duration::from_secs(10))
        .header("user-agent", "scenario/1")
        .header("authorization", "Bearer TOPSECRET")
        .header("cookie", "session=TOPSECRET")
        .header("x-forwarded-for", "10.1.2.3, 10.0.0.1")
        .header("x-forwarded-proto", "https")
        .header("traceparent", traceparent)
        .header("baggage", "user.id=u-1")
}

/// A caller's span, sampled.
pub(super) const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The same, not sampled.
pub(super) const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
