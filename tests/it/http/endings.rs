//! How requests end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use journey::tower::JourneyLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::scene::{Scene, ask, play, serve};
use super::spans::{duration, is_error};
use crate::sdk::alone::alone;

/// `chunks` pieces, each after a pause.
fn slowly(chunks: usize, pause: Duration) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(0..chunks).then(move |_| async move {
        sleep(pause).await;
        Ok(Bytes::from_static(b"chunk"))
    })
}

async fn streamed() -> Body {
    Body::from_stream(slowly(5, Duration::from_millis(30)))
}

async fn endless() -> Body {
    Body::from_stream(slowly(usize::MAX, Duration::from_millis(10)))
}

async fn torn() -> Body {
    let pieces = [Ok("one"), Ok("two"), Err(io::Error::other("the disk is gone"))];
    Body::from_stream(stream::iter(pieces).then(|piece| async {
        sleep(Duration::from_millis(5)).await;
        piece
    }))
}

async fn hanging() -> &'static str {
    sleep(Duration::from_secs(60)).await;
    "too late"
}

async fn panicking() -> &'static str {
    panic!("as the scenario wants it")
}

fn routes() -> Router {
    Router::new()
        .route("/streamed", get(streamed))
        .route("/endless", get(endless))
        .route("/torn", get(torn))
        .route("/hanging", get(hanging))
        .route("/panicking", get(panicking))
        .route("/created", get(|| async { (StatusCode::CREATED, "done") }))
        .layer(JourneyLayer::new())
}

/// Scenario: a body of five pieces, 30 ms apart.
/// Guarantees: nothing is exported before its end; the span lasts as long as it, the head came at once.
#[test]
fn a_streamed_body() {
    alone(|| {
        let spans = play(&[], async |scene: &Scene| {
            let answer = ask("GET", serve(routes()).await, "/streamed").send().await.unwrap();
            assert!(scene.arrived().names().is_empty());
            assert_eq!(answer.bytes().await.unwrap().len(), 25);
        });
        let span = spans.named("GET /streamed");
        assert!(duration(span) >= Duration::from_millis(150), "{:?}", duration(span));
        let to_head: f64 = span.get("journey.http.time_to_head").parse().unwrap();
        assert!(to_head < 0.1, "{to_head}");
        assert_eq!((span.get("journey.http.outcome"), is_error(span)), ("completed", false));
    });
}

/// Scenario: a body that fails in its third piece.
/// Guarantees: `body_error`, and an error in spite of the status.
#[test]
fn a_torn_body() {
    alone(|| {
        let spans = play(&[], async |_| {
            let answer = ask("GET", serve(routes()).await, "/torn").send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(answer.bytes().await.is_err());
        });
        let span = spans.named("GET /torn");
        assert_eq!((span.get("journey.http.outcome"), span.get("error.type")), ("body_error", "body_error"));
        assert!(is_error(span));
    });
}

/// Scenario: a client that leaves while the handler works, one that leaves after the first piece of the body.
/// Guarantees: both are `client_disconnected` without an error, and last until the client left.
#[test]
fn clients_that_leave() {
    alone(|| {
        let spans = play(&[], async |scene: &Scene| {
            let address = serve(routes()).await;
            for path in ["/hanging", "/endless"] {
                let mut connection = TcpStream::connect(address).await.unwrap();
                let head = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n");
                connection.write_all(head.as_bytes()).await.unwrap();
                if path == "/endless" {
                    assert!(connection.read(&mut [0; 256]).await.unwrap() > 0);
                }
                sleep(Duration::from_millis(50)).await;
                drop(connection);
                scene.arrives(&format!("GET {path}")).await;
            }
        });
        for name in ["GET /hanging", "GET /endless"] {
            let span = spans.named(name);
            assert_eq!((span.get("journey.http.outcome"), is_error(span)), ("client_disconnected", false));
            let lasted = duration(span);
            assert!(lasted >= Duration::from_millis(40) && lasted < Duration::from_secs(5), "{lasted:?}");
        }
        assert_eq!(spans.named("GET /hanging").get("http.response.status_code"), "");
    });
}

/// Scenario: a handler that panics.
/// Guarantees: `panic`, an error.
#[test]
fn a_panic() {
    alone(|| {
        let spans = play(&[], async |_| {
            let answer = ask("GET", serve(routes()).await, "/panicking").send().await;
            assert!(answer.is_err(), "the connection is cut");
        });
        let span = spans.named("GET /panicking");
        assert_eq!((span.get("journey.http.outcome"), span.get("error.type")), ("panic", "panic"));
        assert!(is_error(span));
    });
}

/// Scenario: answers without a body to read: to HEAD, and a whole one that the client reads by its length.
/// Guarantees: both are complete.
#[test]
fn short_answers() {
    alone(|| {
        let spans = play(&[], async |_| {
            let address = serve(routes()).await;
            ask("HEAD", address, "/created").send().await.unwrap();
            ask("GET", address, "/created").send().await.unwrap();
        });
        for name in ["HEAD /created", "GET /created"] {
            assert_eq!(spans.named(name).get("journey.http.outcome"), "completed", "{name}");
        }
    });
}
