//! How an attempt ends without a whole response.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use opentelemetry::trace::Status;
use reqwest::dns::{Name, Resolve, Resolving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::support::{Work, attribute, builder, client, serve};

fn assert_failed(work: &Work, error_type: &str) {
    let span = work.span();
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some(error_type));
}

/// Scenario: nobody listens.
/// Guarantees: `connect`, and the required attributes are there without a response.
#[tokio::test]
async fn refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    drop(listener);
    let work = Work::sampled();
    assert!(work.run(client().get(format!("http://{address}/")).send()).await.is_err());
    assert_failed(&work, "connect");
    assert_eq!(attribute(&work.span(), "server.port"), Some(address.port().to_string()));
    assert_eq!(attribute(&work.span(), "http.response.status_code"), None);
}

struct NoSuchHost;

impl Resolve for NoSuchHost {
    fn resolve(&self, _name: Name) -> Resolving {
        Box::pin(async { Err(io::Error::other("no such host").into()) })
    }
}

/// Scenario: the host has no address.
/// Guarantees: `dns`, and the default port of the scheme as an int.
#[tokio::test]
async fn unknown_host() {
    let client = crate::build(builder().dns_resolver(NoSuchHost)).expect("a client without TLS can be built");
    let work = Work::sampled();
    assert!(work.run(client.get("http://crm-api/").send()).await.is_err());
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

/// Scenario: the connection breaks in the middle of the body.
/// Guarantees: `body`, although the head said 200; the caller sees the error too.
#[tokio::test]
async fn broken_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("the client connects");
        let asked = socket.read(&mut [0; 1024]).await.expect("the client asks");
        assert!(asked > 0);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
        socket.write_all(answer).await.expect("the client reads");
    });
    let work = Work::sampled();
    let answer = work.run(client().get(format!("http://{address}/")).send()).await.expect("a head comes");
    assert_eq!(answer.content_length(), Some(100));
    assert!(work.spans().is_empty(), "the span includes the body");
    assert!(answer.bytes().await.is_err());
    assert_failed(&work, "body");
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
