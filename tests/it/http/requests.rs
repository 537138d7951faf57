//! What a request's span says.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{any, get};
use expect_test::expect;
use journey::opentelemetry::global;
use journey::opentelemetry::trace::Tracer;
use journey::tower::{ForwardedBy, JourneyLayer};

use super::scene::{ask, play, serve};
use super::spans::is_child;
use crate::sdk::alone::alone;

async fn order(Path(id): Path<String>) -> String {
    journey::set_order_id(&id);
    drop(global::tracer("users").start("of the user"));
    format!("{id} is polished")
}

/// Scenario: a known route is asked for, with a secret in the query, credentials and a proxy's headers.
/// Guarantees: the span is the conventions', no secret is in it, the proxy is not believed, and a span that the handler
/// makes is its child in the caller's trace.
#[test]
fn a_known_route() {
    alone(|| {
        let spans = play(&[], async |_| {
            let routes = Router::new().route("/orders/{id}", get(order)).layer(JourneyLayer::new());
            let answer =
                ask("GET", serve(routes).await, "/orders/ORD-1?sig=SECRET&q=1").send().await.unwrap();
            assert_eq!(answer.text().await.unwrap(), "ORD-1 is polished");
        });
        assert!(is_child(spans.named("of the user"), spans.named("GET /orders/{id}")));
        let text = spans.text();
        assert!(!text.contains("SECRET") && !text.contains("session="), "{text}");
        expect![[r#"
            server `GET /orders/{id}` below the caller
              client.address = 127.0.0.1
              http.request.method = GET
              http.response.status_code = 200
              http.route = /orders/{id}
              journey.http.outcome = completed
              journey.http.time_to_head = …
              network.peer.address = 127.0.0.1
              network.peer.port = …
              network.protocol.version = 1.1
              order.id = ORD-1
              server.address = 127.0.0.1
              server.port = …
              url.path = /orders/ORD-1
              url.query = sig=REDACTED&q=REDACTED
              url.scheme = http
              user.id = u-1
              user_agent.original = scenario/1
            internal `of the user` below `GET /orders/{id}`
              order.id = ORD-1
              user.id = u-1
        "#]]
        .assert_eq(&text);
    });
}

/// Scenario: the same behind a proxy that is believed.
/// Guarantees: scheme and client are what the proxy's last element says.
#[test]
fn a_trusted_proxy() {
    alone(|| {
        let spans = play(&[], async |_| {
            let routes = Router::new().route("/orders/{id}", get(order));
            let address =
                serve(routes.layer(JourneyLayer::new().behind_proxy(ForwardedBy::XForwarded))).await;
            ask("GET", address, "/orders/ORD-1").send().await.unwrap();
        });
        let span = spans.named("GET /orders/{id}");
        assert_eq!((span.get("url.scheme"), span.get("client.address")), ("https", "10.0.0.1"));
        assert_eq!(span.get("network.peer.address"), "127.0.0.1");
    });
}

/// Scenario: a path that nobody knows, an error of the handler, and a method that nobody knows.
/// Guarantees: no route and no error for the first; error without description for the second; `_OTHER` for the third.
#[test]
fn odd_requests() {
    alone(|| {
        let spans = play(&[], async |_| {
            let routes = Router::new()
                .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
                .route("/any/{id}", any(|| async { "any" }))
                .layer(JourneyLayer::new());
            let address = serve(routes).await;
            for (method, path, status) in
                [("GET", "/nowhere", 404), ("GET", "/broken", 500), ("FOOBAR", "/any/1", 200)]
            {
                let answer = ask(method, address, path).send().await.unwrap();
                assert_eq!(answer.status().as_u16(), status);
            }
        });
        let told = [
            "error.type",
            "http.request.method",
            "http.request.method_original",
            "http.response.status_code",
            "http.route",
            "journey.http.outcome",
        ];
        expect![[r#"
            server `GET` below the caller
              http.request.method = GET
              http.response.status_code = 404
              journey.http.outcome = completed
            server `GET /broken` below the caller, error
              error.type = 500
              http.request.method = GET
              http.response.status_code = 500
              http.route = /broken
              journey.http.outcome = completed
            server `HTTP /any/{id}` below the caller
              http.request.method = _OTHER
              http.request.method_original = FOOBAR
              http.response.status_code = 200
              http.route = /any/{id}
              journey.http.outcome = completed
        "#]]
        .assert_eq(&spans.text_of(&told));
        assert!(spans.named("GET /broken").span.status.as_ref().unwrap().message.is_empty());
    });
}
