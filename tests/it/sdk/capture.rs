//! `journey::testing` with real hops, and beside a running init.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use expect_test::expect;
use journey::testing::{capture_blocking, capture_with_output};
use journey::tower::JourneyLayer;
use journey::{Key, stage};
use journey_testkit::collector::Collector;

use super::alone::alone;
use super::received::{signals, spans};

async fn order(Path(id): Path<String>) -> String {
    let shown = stage("order_shown").key(Key::Order, id.as_str()).run(async |_| Ok::<_, String>(())).await;
    format!("{id}: {shown:?}")
}

/// Scenario: a test without init calls a service of its own over a real socket.
/// Guarantees: both sides and the stage beyond the hop are in one tree, also what ends after the answer was read; no
/// port, id or time is in the snapshot.
#[test]
fn a_real_hop_is_captured() {
    alone(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (answer, captured) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let app = Router::new().route("/orders/{id}", get(order)).layer(JourneyLayer::new());
            tokio::spawn(axum::serve(listener, app).into_future());
            capture_with_output(async {
                let crm = journey::reqwest::build(reqwest::Client::builder().no_proxy()).unwrap();
                crm.get(format!("http://{address}/orders/ORD-1")).send().await.unwrap().text().await.unwrap()
            })
            .await
        });
        assert_eq!(answer, "ORD-1: Ok(())");
        expect![[r#"
            trace 1
              span 1: GET (client)
                  http.request.method: "GET"
                  http.response.status_code: 200
                  network.peer.address: "127.0.0.1"
                  network.peer.port: (port)
                  network.protocol.version: "1.1"
                  server.address: "127.0.0.1"
                  server.port: (port)
                  url.full: "http://127.0.0.1:(port)/orders/ORD-1"
                span 2: GET /orders/{id} (server)
                    http.request.method: "GET"
                    http.response.status_code: 200
                    http.route: "/orders/{id}"
                    journey.http.outcome: "completed"
                    network.protocol.version: "1.1"
                    order.id: "ORD-1"
                    server.address: "127.0.0.1"
                    server.port: (port)
                    url.path: "/orders/ORD-1"
                    url.scheme: "http"
                  span 3: stage order_shown
                      journey.head_sampled: true
                      journey.signal: "end"
                      journey.stage.attempt: 1
                      journey.stage.name: "order_shown"
                      journey.stage.outcome: "ok"
                      order.id: "ORD-1"
        "#]]
        .assert_eq(&captured.to_string());
    });
}

/// Scenario: a capture while init runs and exports.
/// Guarantees: it sees its own work; spans are exported all the same, and its stages stay in the test.
#[test]
fn a_capture_beside_init() {
    alone(|| {
        let collector = Collector::start().unwrap();
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
        let journey = journey::builder("crm-api").environment(variables).init().unwrap();
        stage("outside").start().end();
        let captured = capture_blocking(|| {
            drop(tracing::info_span!("by the bridge").entered());
            stage("inside").start().end();
        });
        let names: Vec<&str> = captured.spans().iter().map(|span| span.name()).collect();
        assert_eq!(names, ["by the bridge", "stage inside"]);
        assert_eq!(journey.shutdown().spans_delivered, 1);
        let received = spans(&collector.bodies());
        let ends: Vec<&str> = signals(&received, "end").iter().map(|end| &*end.span.name).collect();
        assert_eq!(ends, ["stage outside"]);
    });
}
