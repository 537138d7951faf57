//! A tonic client, whose requests name no host.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use expect_test::expect;
use http::Uri;
use journey_tower::JourneyClientLayer;
use tokio::net::TcpListener;
use tonic::Request;
use tonic::metadata::MetadataMap;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::Layer as _;

use super::support::{Work, attribute, render, vacant};

/// What came with the last call.
type Received = Arc<Mutex<MetadataMap>>;

async fn serve() -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let received = Received::default();
    let seen = Arc::clone(&received);
    let (_reporter, health) = tonic_health::server::health_reporter();
    let health = InterceptedService::new(health, move |request: Request<()>| {
        *seen.lock().expect("no test panics with it") = request.metadata().clone();
        Ok(request)
    });
    tokio::spawn(Server::builder().add_service(health).serve_with_incoming(TcpIncoming::from(listener)));
    (address, received)
}

fn channel(address: SocketAddr) -> (Channel, Uri) {
    let uri: Uri = format!("http://{address}").parse().expect("an address makes a URI");
    (Channel::builder(uri.clone()).connect_lazy(), uri)
}

fn check() -> HealthCheckRequest {
    HealthCheckRequest { service: String::new() }
}

/// Scenario: a call through a channel whose layer was told the host.
/// Guarantees: the span names the server, and the server gets trace and ids.
#[tokio::test]
async fn call() {
    let (address, received) = serve().await;
    let (channel, uri) = channel(address);
    let mut client = HealthClient::new(JourneyClientLayer::new().origin(uri).layer(channel));
    let work = Work::sampled();
    work.run(client.check(check())).await.expect("the server is healthy");
    expect![[r#"
        POST Client Unset
          http.request.method = "POST"
          http.response.status_code = 200
          network.protocol.version = "2"
          order.id = "ORD-7"
          server.address = "127.0.0.1"
          server.port = PORT
          url.full = "http://127.0.0.1:PORT/grpc.health.v1.Health/Check"
    "#]]
    .assert_eq(&render(&work.span(), address));
    let received = received.lock().expect("no test panics with it").clone().into_headers();
    let span = work.span().span_context.span_id();
    assert_eq!(received["traceparent"], format!("00-{}-{span}-01", work.trace));
    assert_eq!(received["baggage"], "order.id=ORD-7");
}

/// Scenario: a call through a layer that was not told the host.
/// Guarantees: there is a span, and no header for nobody knows whom.
#[tokio::test]
async fn call_to_nobody_knows_whom() {
    let (address, received) = serve().await;
    let mut client = HealthClient::new(JourneyClientLayer::new().layer(channel(address).0));
    let work = Work::sampled();
    work.run(client.check(check())).await.expect("the server is healthy");
    assert_eq!(attribute(&work.span(), "server.address"), None);
    assert_eq!(attribute(&work.span(), "url.full").as_deref(), Some("/grpc.health.v1.Health/Check"));
    let received = received.lock().expect("no test panics with it").clone().into_headers();
    assert!(!received.contains_key("traceparent") && !received.contains_key("baggage"));
}

/// Scenario: nobody listens.
/// Guarantees: `connect`, through tonic's own error.
#[tokio::test]
async fn refused_connection() {
    let (channel, uri) = channel(vacant().await);
    let mut client = HealthClient::new(JourneyClientLayer::new().origin(uri).layer(channel));
    let work = Work::sampled();
    assert!(work.run(client.check(check())).await.is_err());
    assert_eq!(attribute(&work.span(), "error.type").as_deref(), Some("connect"));
}
