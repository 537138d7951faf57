//! WebSockets over a real server: the request, and what goes on over its connection.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use expect_test::expect;
use futures_util::{SinkExt as _, StreamExt as _};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, SpanKind, TraceContextExt as _};
use opentelemetry_sdk::trace::SpanData;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::support::{Caller, attribute, exported, lasted};
use crate::{JourneyLayer, connected, connection};

type Client = tokio_tungstenite::WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Answers each text with the trace id it is handled in, and learns it as the order's id.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(order))) = socket.recv().await {
        assert_ne!(order.as_str(), "panic", "a panic that the test wants");
        journey_trace::set_order_id(order.as_str());
        let trace = Context::current().span().span_context().trace_id().to_string();
        if socket.send(trace.into()).await.is_err() {
            return;
        }
    }
}

async fn connect(caller: Caller) -> Client {
    let handler = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(connected(echo)) };
    let app = Router::new().route("/live/{room}", get(handler)).layer(JourneyLayer::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut request = format!("ws://{address}/live/7").into_client_request().expect("a good address");
    let traceparent = caller.traceparent().parse().expect("a header value");
    request.headers_mut().insert("traceparent", traceparent);
    tokio_tungstenite::connect_async(request).await.expect("the server upgrades").0
}

async fn ask(client: &mut Client, order: &str) -> String {
    client.send(order.into()).await.expect("the connection is open");
    let answer = client.next().await.expect("the server answers").expect("the connection is open");
    answer.into_text().expect("the answer is text").to_string()
}

/// Waits for the span that links to a caller's trace, at most 5 s.
async fn linked(caller: Caller) -> Option<SpanData> {
    let is_linked =
        |span: &SpanData| span.links.iter().any(|link| link.span_context.trace_id() == caller.trace);
    for _ in 0..500 {
        if let Some(span) = exported().into_iter().find(is_linked) {
            return Some(span);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

/// Scenario: a WebSocket is opened, used for a while and closed.
/// Guarantees: the request's span ends with the 101; the connection's span is a trace of its own that links to it,
/// lasts as long as the connection, and knows what was learned there.
#[tokio::test]
async fn websocket() {
    let caller = Caller::sampled();
    let mut client = connect(caller).await;
    let request = caller.span();
    assert_eq!(attribute(&request, "http.response.status_code").as_deref(), Some("101"));
    assert_eq!(attribute(&request, "journey.http.outcome").as_deref(), Some("completed"));
    let trace = ask(&mut client, "ORD-9").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.close(None).await.expect("the connection is open");

    let span = linked(caller).await.expect("the connection has a span");
    assert_eq!(span.span_context.trace_id().to_string(), trace);
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert_eq!(span.links[0].span_context.span_id(), request.span_context.span_id());
    assert_eq!(span.span_kind, SpanKind::Internal);
    assert!(lasted(&span) >= Duration::from_millis(50));
    let mut said = vec![span.name.to_string()];
    said.extend(span.attributes.iter().map(|kv| format!("{} = {}", kv.key, kv.value)));
    expect![[r#"
        GET /live/{room} connection
        http.route = /live/{room}
        order.id = ORD-9"#]]
    .assert_eq(&said.join("\n"));
}

/// Scenario: what handles the connection panics.
/// Guarantees: its span says so.
#[tokio::test]
async fn a_panic_over_a_connection() {
    let caller = Caller::sampled();
    let mut client = connect(caller).await;
    client.send("panic".into()).await.expect("the connection is open");
    let span = linked(caller).await.expect("the connection has a span");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("panic"));
}

/// Scenario: the request was not sampled by its caller.
/// Guarantees: the connection has no span, and goes on in the caller's trace.
#[tokio::test]
async fn an_unsampled_connection() {
    let caller = Caller::unsampled();
    let mut client = connect(caller).await;
    assert_eq!(ask(&mut client, "ORD-9").await, caller.trace.to_string());
    assert!(caller.spans().is_empty());
}

/// Scenario: a connection outside of any request, and one that is dropped before its end.
/// Guarantees: both have their span, without a link.
#[tokio::test]
async fn a_connection_without_a_request() {
    Caller::sampled();
    let trace = connection(async { Context::current().span().span_context().trace_id() }).await;
    let dropped = connection(async move {
        let trace = Context::current().span().span_context().trace_id();
        std::future::pending::<()>().await;
        trace
    });
    assert!(tokio::time::timeout(Duration::from_millis(10), dropped).await.is_err());
    let spans = exported();
    let span = spans.iter().find(|span| span.span_context.trace_id() == trace).expect("it has ended");
    assert_eq!(span.name, "connection");
    assert!(span.links.is_empty());
    assert!(spans.iter().filter(|span| span.name == "connection").count() >= 2);
}
