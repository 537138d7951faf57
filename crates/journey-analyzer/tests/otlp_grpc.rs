//! OTLP/gRPC, asked by the official client.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use journey_analyzer::config::Config;
use journey_analyzer::limits::BODY_BYTES_MAX;
use journey_analyzer::run::Daemon;
use journey_testkit::scenario;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use tempfile::TempDir;
use tonic::Code;
use tonic::codec::CompressionEncoding;

/// Scenario: a span, plain and by gzip; a marker without its stage span beside a good one; a body that is too large.
/// Guarantees: what was accepted is durable when the answer comes, what was not is told with its reason, and a sender
/// learns that it need not try again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_is_answered() {
    let folder = TempDir::new().unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config { api: any, otlp_grpc: any, otlp_http: any, ..Config::default() };
    let daemon = Daemon::start(config, folder.path()).await.unwrap();
    let mut client = TraceServiceClient::connect(format!("http://{}", daemon.otlp_grpc)).await.unwrap();

    let answer = client.export(request("10s crm-api/1 end order_create order.id=A")).await.unwrap();
    assert_eq!(answer.into_inner().partial_success.unwrap_or_default().rejected_spans, 0);
    let mut by_gzip = client.clone().send_compressed(CompressionEncoding::Gzip);
    by_gzip.export(request("10s crm-api/1 end order_create order.id=B")).await.unwrap();
    for order in ["A", "B"] {
        let url = format!("http://{}/api/v1/orders/{order}", daemon.api);
        assert_eq!(reqwest::get(url).await.unwrap().status(), 200, "{order}");
    }

    let mut marker = request("10s crm-api/1 start order_create order.id=C");
    marker.resource_spans[0].scope_spans[0].spans[0].parent_span_id.clear();
    marker.resource_spans.extend(request("10s crm-api/1 end order_create order.id=D").resource_spans);
    let partial = client.export(marker).await.unwrap().into_inner().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, &*partial.error_message), (1, "malformed_marker: 1"));

    let mut large = request("10s crm-api/1 end order_create order.id=E");
    large.resource_spans[0].scope_spans[0].spans[0].name = "x".repeat(BODY_BYTES_MAX);
    assert_eq!(client.export(large).await.unwrap_err().code(), Code::OutOfRange);
    daemon.stop().await;
}

fn request(line: &str) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(&scenario::signals(line)[0].to_otlp()[..]).unwrap()
}
