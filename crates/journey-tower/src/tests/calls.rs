//! gRPC through tonic's server and client: an HTTP span that knows a call by its path and its status.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::support::{Caller, attribute};
use crate::{JourneyLayer, RouteLayer};

/// Answers with the status that the request names.
struct Wanted;

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Wanted {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.into_inner().service.as_str() {
            "" => Ok(Response::new(HealthCheckResponse::default())),
            "missing" => Err(Status::not_found("no such service")),
            _ => Err(Status::internal("the disk is full")),
        }
    }

    type WatchStream = Answers;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Answers>, Status> {
        let first = stream::iter([Ok(HealthCheckResponse::default())]);
        Ok(Response::new(match request.into_inner().service.as_str() {
            "" => first.boxed(),
            "broken" => first.chain(stream::iter([Err(Status::unavailable("restarting"))])).boxed(),
            _ => first.chain(stream::pending()).boxed(),
        }))
    }
}

async fn serve() -> HealthClient<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let server = Server::builder().layer(JourneyLayer::new()).add_service(HealthServer::new(Wanted));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a good address");
    HealthClient::new(endpoint.connect().await.expect("the server listens"))
}

fn asking(caller: Caller, service: &str) -> Request<HealthCheckRequest> {
    let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
    request.metadata_mut().insert("traceparent", caller.traceparent().parse().expect("a metadata value"));
    request
}

/// Name, outcome and error of the only span of the trace, waited for at most 5 s.
async fn said(caller: Caller) -> String {
    for _ in 0..500 {
        if caller.spans().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let span = caller.span();
    let said = |key| attribute(&span, key).unwrap_or_else(|| "-".to_owned());
    assert_eq!(said("http.response.status_code"), "200");
    assert_eq!(said("network.protocol.version"), "2");
    let has_failed = span.status != opentelemetry::trace::Status::Unset;
    assert_eq!(has_failed, said("error.type") != "-");
    format!(
        "{} | {} | {} | {}",
        span.name,
        said("http.route"),
        said("journey.http.outcome"),
        said("error.type")
    )
}

/// Scenario: a method fails, is answered, fails again with the server's fault and with the caller's; then a method
/// that nobody has.
/// Guarantees: the path names the span once the method has answered, and never one that does not exist; the caller's
/// faults are no errors.
#[tokio::test]
async fn a_call_is_named_once_it_was_answered() {
    let mut client = serve().await;
    let mut seen = Vec::new();
    for service in ["broken", "", "broken", "missing"] {
        let caller = Caller::sampled();
        let answer = client.check(asking(caller, service)).await;
        assert_eq!(answer.is_ok(), service.is_empty());
        seen.push(said(caller).await);
    }
    let check = "POST /grpc.health.v1.Health/Check | /grpc.health.v1.Health/Check | completed";
    assert_eq!(
        seen,
        [
            "POST | - | completed | INTERNAL".to_owned(),
            format!("{check} | -"),
            format!("{check} | INTERNAL"),
            format!("{check} | -"),
        ]
    );
}

/// Scenario: streams that end well, fail after their first message, and are left by the client.
/// Guarantees: the trailers' status counts, and leaving is a disconnect; the span lasts until then.
#[tokio::test]
async fn a_stream_ends_with_its_trailers() {
    let mut client = serve().await;
    let watch = "POST /grpc.health.v1.Health/Watch | /grpc.health.v1.Health/Watch";
    for (service, expected) in
        [("", "completed | -"), ("broken", "completed | UNAVAILABLE"), ("left", "client_disconnected | -")]
    {
        let caller = Caller::sampled();
        let mut answers = client.watch(asking(caller, service)).await.expect("a stream begins").into_inner();
        assert!(answers.message().await.is_ok_and(|first| first.is_some()));
        if service == "broken" {
            assert_eq!(answers.message().await.map_err(|status| status.code()), Err(Code::Unavailable));
        } else if service.is_empty() {
            assert!(answers.message().await.is_ok_and(|end| end.is_none()));
        }
        drop(answers);
        assert_eq!(said(caller).await, format!("{watch} | {expected}"));
    }
}

/// Scenario: the layer stands inside tonic's router, which knows the service only; a call to a method that the
/// service does not have, and one that it has.
/// Guarantees: the first is named after the router's match, the second after the call.
#[tokio::test]
async fn inside_the_router() {
    let routes = tonic::service::Routes::new(HealthServer::new(Wanted)).prepare();
    let app = routes.into_axum_router().layer(JourneyLayer::new()).layer(RouteLayer::new());
    let call = |path: &str| {
        let caller = Caller::sampled();
        let mut request = caller.request("POST", path);
        *request.version_mut() = axum::http::Version::HTTP_2;
        request.headers_mut().insert("content-type", "application/grpc".parse().expect("a header value"));
        let empty = b"\0\0\0\0\0".as_slice();
        *request.body_mut() = axum::body::Body::from(empty);
        (caller, tower::ServiceExt::oneshot(app.clone(), request))
    };
    for (path, expected) in [
        (
            "/grpc.health.v1.Health/Nothing",
            "POST /grpc.health.v1.Health/{*rest} | /grpc.health.v1.Health/{*rest} | completed | UNIMPLEMENTED",
        ),
        (
            "/grpc.health.v1.Health/Watch",
            "POST /grpc.health.v1.Health/Watch | /grpc.health.v1.Health/Watch | completed | -",
        ),
    ] {
        let (caller, answer) = call(path);
        let body = answer.await.expect("a router is infallible").into_body();
        http_body_util::BodyExt::collect(body).await.expect("the body is whole");
        assert_eq!(said(caller).await, expected);
    }
}
