//! How an attempt ends without a whole response.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use opentelemetry::trace::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::support::{Work, attribute, client, serve, vacant};

fn assert_failed(work: &Work, error_type: &str) {
    let span = work.span();
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some(error_type));
}

/// Scenario: nobody listens.
/// Guarantees: `connect`, and the required attributes are there without a response.
#[tokio::test]
async fn refused_connection() {
    let address = vacant().await;
    let work = Work::sampled();
    assert!(work.run(client().get(format!("http://{address}/")).send()).await.is_err());
    assert_failed(&work, "connect");
    assert_eq!(attribute(&work.span(), "server.port"), Some(address.port().to_string()));
    assert_eq!(attribute(&work.span(), "http.response.status_code"), None);
}

/// Scenario: the host has no address; the name is of a zone that never has any.
/// Guarantees: `dns`, and the default port of the scheme as an int.
#[tokio::test]
async fn unknown_host() {
    let work = Work::sampled();
    assert!(work.run(client().get("http://crm-api.invalid/").send()).await.is_err());
    assert_failed(&work, "dns");
    assert_eq!(attribute(&work.span(), "server.port").as_deref(), Some("80"));
}

/// Scenario: the server does not answer within the request's timeout.
/// Guarantees: `timeout`.
#[tokio::test]
async fn timeout() {
    let address = serve(Router::new().route("/", get(std::future::pending::<()>))).await;
    let work = Work::sampled();
    let request = client().get(format!("http://{address}/")).timeout(Duration::from_millis(20));
    assert!(work.run(request.send()).await.is_err());
    assert_failed(&work, "timeout");
}

/// Scenario: the caller drops the request while it waits.
/// Guarantees: the span ends, and is no error.
#[tokio::test]
async fn dropped_by_the_caller() {
    let address = serve(Router::new().route("/", get(std::future::pending::<()>))).await;
    let work = Work::sampled();
    let waiting = work.run(client().get(format!("http://{address}/")).send());
    assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    assert_eq!(work.span().status, Status::Unset);
    assert_eq!(attribute(&work.span(), "error.type"), None);
}

/// A server that answers one request with this text and then does as told.
async fn answer(text: &'static str, then: impl Future<Output = ()> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("the client connects");
        let asked = socket.read(&mut [0; 1024]).await.expect("the client asks");
        assert!(asked > 0);
        socket.write_all(text.as_bytes()).await.expect("the client reads");
        then.await;
    });
    address
}

/// Scenario: the connection breaks in the middle of a body of known length, and of a chunked one.
/// Guarantees: `body`, although the head said 200; the caller sees the error too.
#[tokio::test]
async fn broken_body() {
    for (text, length) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", Some(100)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", None),
    ] {
        let address = answer(text, async {}).await;
        let work = Work::sampled();
        let answer = work.run(client().get(format!("http://{address}/")).send()).await.expect("a head comes");
        assert_eq!(answer.content_length(), length);
        assert!(work.spans().is_empty(), "the span includes the body");
        let error = answer.bytes().await.expect_err("the rest does not come");
        assert!(!error.is_timeout());
        assert_failed(&work, "body");
    }
}

/// Scenario: the rest of the body does not come within the request's timeout.
/// Guarantees: `timeout`, and the caller can tell too.
#[tokio::test]
async fn hanging_body() {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let address = answer(text, std::future::pending()).await;
    let work = Work::sampled();
    let request = client().get(format!("http://{address}/")).timeout(Duration::from_millis(50));
    let answer = work.run(request.send()).await.expect("a head comes");
    assert!(answer.bytes().await.expect_err("the rest does not come").is_timeout());
    assert_failed(&work, "timeout");
}

/// Scenario: the connection breaks before the head.
/// Guarantees: `_OTHER`: it was connected, and no body had begun.
#[tokio::test]
async fn broken_connection() {
    let address = answer("HTTP/1.1 ", async {}).await;
    let work = Work::sampled();
    assert!(work.run(client().get(format!("http://{address}/")).send()).await.is_err());
    assert_failed(&work, "_OTHER");
}

/// Scenario: a response without a body.
/// Guarantees: the span ends with the head.
#[tokio::test]
async fn empty_body() {
    let address = answer("HTTP/1.1 204 No Content\r\n\r\n", std::future::pending()).await;
    let work = Work::sampled();
    let answer = work.run(client().get(format!("http://{address}/")).send()).await.expect("a head comes");
    assert_eq!(attribute(&work.span(), "http.response.status_code").as_deref(), Some("204"));
    assert_eq!(answer.url().as_str(), format!("http://{address}/"));
}

/// Scenario: the caller looks at the status only.
/// Guarantees: the span ends with the drop of the response, and is no error.
#[tokio::test]
async fn unread_body() {
    let endless =
        || async { Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, io::Error>("ring"))) };
    let address = serve(Router::new().route("/", get(endless))).await;
    let work = Work::sampled();
    drop(work.run(client().get(format!("http://{address}/")).send()).await.expect("a head comes"));
    assert_eq!(work.span().status, Status::Unset);
}
