//! How an attempt ends without a whole response.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use journey_tower::JourneyClientLayer;
use opentelemetry::trace::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower::timeout::TimeoutLayer;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};

use super::support::{Body, Work, attribute, get, serve, text, transport, vacant};

fn assert_failed(work: &Work, error_type: &str) {
    let span = work.span();
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some(error_type));
}

fn assert_no_error(work: &Work) {
    assert_eq!(work.span().status, Status::Unset);
    assert_eq!(attribute(&work.span(), "error.type"), None);
}

/// A server that takes its time for ever.
async fn silent() -> SocketAddr {
    serve(Router::new().route("/", routing::get(pending::<()>))).await
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

/// Scenario: nobody listens.
/// Guarantees: `connect`, and the required attributes are there without a response.
#[tokio::test]
async fn refused_connection() {
    let (address, work) = (vacant().await, Work::sampled());
    let client = JourneyClientLayer::new().layer(transport());
    assert!(work.run(client.oneshot(get(format!("http://{address}/")))).await.is_err());
    assert_failed(&work, "connect");
    assert_eq!(attribute(&work.span(), "server.port"), Some(address.port().to_string()));
    assert_eq!(attribute(&work.span(), "http.response.status_code"), None);
}

/// Scenario: the host has no address; the name is of a zone that never has any.
/// Guarantees: `dns`, and the default port of the scheme.
#[tokio::test]
async fn unknown_host() {
    let resolving: Client<_, Body> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let client = JourneyClientLayer::new().layer(resolving);
    let work = Work::sampled();
    assert!(work.run(client.oneshot(get("http://crm-api.invalid/"))).await.is_err());
    assert_failed(&work, "dns");
    assert_eq!(attribute(&work.span(), "server.port").as_deref(), Some("80"));
}

/// Scenario: a timeout layer inside of ours gives up, with a boxed error.
/// Guarantees: `timeout`.
#[tokio::test]
async fn timeout_inside() {
    let client = ServiceBuilder::new()
        .layer(JourneyClientLayer::boxed())
        .layer(TimeoutLayer::new(Duration::from_millis(20)))
        .service(transport());
    let work = Work::sampled();
    let request = get(format!("http://{}/", silent().await));
    assert!(work.run(client.oneshot(request)).await.is_err());
    assert_failed(&work, "timeout");
}

/// Scenario: a timeout layer outside of ours gives up.
/// Guarantees: to the layer it is a caller who drops the request: the span ends, and is no error.
#[tokio::test]
async fn dropped_by_the_caller() {
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_millis(20)))
        .layer(JourneyClientLayer::new())
        .service(transport());
    let work = Work::sampled();
    let request = get(format!("http://{}/", silent().await));
    assert!(work.run(client.oneshot(request)).await.is_err());
    assert_no_error(&work);
}

/// Scenario: an error whose word only the caller knows.
/// Guarantees: the caller's word.
#[tokio::test]
async fn errors_of_the_caller() {
    let transport =
        tower::service_fn(|_: http::Request<Body>| async { Err::<http::Response<Body>, _>("closed") });
    let client = JourneyClientLayer::new().errors(|_: &&'static str| "circuit_open").layer(transport);
    let work = Work::sampled();
    assert_eq!(work.run(client.oneshot(get("http://crm-api/"))).await.map(drop), Err("closed"));
    assert_failed(&work, "circuit_open");
}

/// Scenario: the connection breaks in the middle of a body of known length, and of a chunked one.
/// Guarantees: `body`, although the head said 200; the caller sees the error too.
#[tokio::test]
async fn broken_body() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let address = answer(text, async {}).await;
        let work = Work::sampled();
        let client = JourneyClientLayer::new().layer(transport());
        let answer = work.run(client.oneshot(get(format!("http://{address}/")))).await.expect("a head comes");
        assert!(work.spans().is_empty(), "the span includes the body");
        assert!(answer.into_body().collect().await.is_err());
        assert_failed(&work, "body");
    }
}

/// Scenario: a body that is read to its end, one that is dropped, and none at all.
/// Guarantees: the span ends with the last byte, with the drop, with the head; none is an error.
#[tokio::test]
async fn bodies_without_errors() {
    let (whole, part) = ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nring", "HTTP/1.1 200 OK\r\n\r\nring");
    let send = async |head| {
        let (address, work) = (answer(head, pending()).await, Work::sampled());
        let client = JourneyClientLayer::new().layer(transport());
        let answer = work.run(client.oneshot(get(format!("http://{address}/")))).await.expect("a head comes");
        (work, answer)
    };
    let (work, answer) = send(whole).await;
    assert!(work.spans().is_empty());
    assert_eq!(text(answer.into_body()).await, "ring");
    assert_no_error(&work);

    let (work, answer) = send(part).await;
    let mut body = answer.into_body();
    assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    assert!(work.spans().is_empty());
    drop(body);
    assert_no_error(&work);

    let (work, answer) = send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_no_error(&work);
    drop(answer);
}
