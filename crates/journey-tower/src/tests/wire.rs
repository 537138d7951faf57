//! Through a real server and a real socket: when axum's server polls and drops bodies is its own business.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::{Caller, attribute};
use crate::JourneyLayer;

async fn serve(app: Router) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, app.layer(JourneyLayer::new())).await });
    TcpStream::connect(address).await.expect("the server listens")
}

async fn send(socket: &mut TcpStream, caller: Caller, method: &str, close: bool) {
    let close = if close { "connection: close\r\n" } else { "" };
    let head =
        format!("{method} / HTTP/1.1\r\nhost: shop\r\ntraceparent: {}\r\n{close}\r\n", caller.traceparent());
    socket.write_all(head.as_bytes()).await.expect("the server reads");
}

/// Waits for the span's outcome, at most 5 s.
async fn outcome(caller: Caller) -> Option<String> {
    for _ in 0..500 {
        if let Some(span) = caller.spans().first() {
            return attribute(span, "journey.http.outcome");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

/// Scenario: small, announced and chunked bodies, GET and HEAD, over one connection each.
/// Guarantees: however the server treats the body, the span is `completed`.
#[tokio::test]
async fn whole_responses_are_completed() {
    let chunked = || async { Body::from_stream(stream::iter(["a", "b"].map(Ok::<_, std::io::Error>))) };
    let announced = || async {
        ([("content-length", "2")], Body::from_stream(stream::iter(["a", "b"].map(Ok::<_, std::io::Error>))))
    };
    for handler in [get(|| async { "ring" }), get(chunked), get(announced), get(|| async {})] {
        for method in ["GET", "HEAD"] {
            let caller = Caller::sampled();
            let mut socket = serve(Router::new().route("/", handler.clone())).await;
            send(&mut socket, caller, method, true).await;
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await.expect("the server closes");
            assert!(answer.starts_with(b"HTTP/1.1 200"));
            assert_eq!(outcome(caller).await.as_deref(), Some("completed"), "{method}");
        }
    }
}

/// Scenario: the client closes its socket, once while the handler works and once in the middle of the body.
/// Guarantees: both spans end as `client_disconnected`.
#[tokio::test]
async fn closed_socket_is_a_disconnect() {
    let endless = || async {
        Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 64 * 1024])))
    };
    for handler in [get(std::future::pending::<()>), get(endless)] {
        let caller = Caller::sampled();
        let mut socket = serve(Router::new().route("/", handler)).await;
        send(&mut socket, caller, "GET", false).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(caller.spans().is_empty());
        drop(socket);
        assert_eq!(outcome(caller).await.as_deref(), Some("client_disconnected"));
    }
}
