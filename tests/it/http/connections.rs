//! Connections that stay: WebSocket and server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt, stream};
use journey::tower::JourneyLayer;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite;

use super::scene::{CALLER, Scene, ask, play, serve};
use super::spans::{duration, is_error};
use crate::sdk::alone::alone;

/// Greets, learns the order, and ends with the connection.
async fn talk(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(order) = message {
            assert!(journey::set_order_id(order.as_str()));
            socket.send(Message::Text(format!("{order} is polished").into())).await.unwrap();
        }
    }
}

async fn live(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(journey::tower::connected(talk))
}

/// Scenario: a WebSocket that learns its order and lives for a while after its request.
/// Guarantees: the request's span ends at the 101; the connection has a span of its own, linked to it, with the order.
#[test]
fn a_web_socket() {
    alone(|| {
        let spans = play(&[], async |scene: &Scene| {
            let address = serve(Router::new().route("/live", any(live)).layer(JourneyLayer::new())).await;
            let mut request = tungstenite::client::IntoClientRequest::into_client_request(
                format!("ws://{address}/live").as_str(),
            )
            .unwrap();
            request.headers_mut().insert("traceparent", CALLER.parse().unwrap());
            let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
            let spans = scene.arrives("GET /live").await;
            assert_eq!(spans.named("GET /live").get("http.response.status_code"), "101");
            socket.send(tungstenite::Message::text("ORD-1")).await.unwrap();
            let answer = socket.next().await.unwrap().unwrap();
            assert_eq!(answer.to_text().unwrap(), "ORD-1 is polished");
            sleep(Duration::from_millis(50)).await;
            socket.close(None).await.unwrap();
            scene.arrives("GET /live connection").await;
        });
        let (request, connection) = (spans.named("GET /live"), spans.named("GET /live connection"));
        let [link] = &connection.span.links[..] else { panic!("one link") };
        assert_eq!(link.span_id, request.span.span_id);
        assert_eq!((connection.get("order.id"), is_error(connection)), ("ORD-1", false));
        assert!(
            duration(connection) >= Duration::from_millis(50) && duration(request) < duration(connection)
        );
    });
}

async fn events() -> impl IntoResponse {
    let events = stream::iter(0..3).then(|number| async move {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(Event::default().data(number.to_string()))
    });
    Sse::new(events)
}

/// Scenario: a stream of three events, 20 ms apart.
/// Guarantees: the span lasts until the last one, and says that it was streamed.
#[test]
fn server_sent_events() {
    alone(|| {
        let spans = play(&[], async |_| {
            let address = serve(Router::new().route("/events", get(events)).layer(JourneyLayer::new())).await;
            let answer = ask("GET", address, "/events").send().await.unwrap().text().await.unwrap();
            assert_eq!(answer.matches("data:").count(), 3);
        });
        let span = spans.named("GET /events");
        assert!(duration(span) >= Duration::from_millis(60));
        assert_eq!(
            (span.get("journey.http.outcome"), span.get("journey.http.streamed")),
            ("completed", "true")
        );
    });
}
