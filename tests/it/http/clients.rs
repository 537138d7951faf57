//! Requests that a service makes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use axum::response::Redirect;
use axum::routing::get;
use expect_test::expect;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use journey::reqwest::UrlTemplate;
use journey::tower::{JourneyClientLayer, JourneyLayer};
use reqwest_middleware::ClientWithMiddleware;
use tokio::time::{sleep, timeout};
use tower::{Layer as _, ServiceExt as _};

use super::scene::{ask, play, serve};
use super::spans::{is_child, is_error};
use crate::sdk::alone::alone;

/// The headers that came, of those that we propagate.
async fn told(headers: HeaderMap) -> String {
    let told =
        ["traceparent", "tracestate", "baggage"].into_iter().filter(|name| headers.contains_key(*name));
    told.collect::<Vec<_>>().join(" ")
}

/// A service that tells what it was told.
async fn telling() -> SocketAddr {
    serve(Router::new().route("/told", get(told))).await
}

/// Our client; a name that no neighbour can have leads to `partner`.
fn client(partner: SocketAddr) -> ClientWithMiddleware {
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(10));
    journey::reqwest::build(builder.resolve(PARTNER, partner)).unwrap()
}

/// Runs `work` as the handler of one request.
async fn handle<F: Future<Output = ()> + Send + 'static>(
    work: impl Fn() -> F + Clone + Send + Sync + 'static,
) {
    let routes = Router::new().route("/orders", get(work)).layer(JourneyLayer::new());
    let answer = ask("GET", serve(routes).await, "/orders").send().await.unwrap();
    assert_eq!(answer.status(), 200, "the handler's own assertions hold");
}

const PARTNER: &str = "api.partner.example";

/// Scenario: a service asks a neighbour, which has our layer too.
/// Guarantees: one trace, each span below the one that caused it; ids go along.
#[test]
fn a_neighbour() {
    alone(|| {
        let spans = play(&[], async |_| {
            let neighbour = Router::new().route("/prices/{id}", get(|| async { "17" }));
            let address = serve(neighbour.layer(JourneyLayer::new())).await;
            let client = client(address);
            handle(move || {
                let client = client.clone();
                async move {
                    journey::set_order_id("ORD-1");
                    let request = client.get(format!("http://u:p@{address}/prices/7?sig=SECRET"));
                    let answer = request.with_extension(UrlTemplate("/prices/{id}")).send().await.unwrap();
                    assert_eq!(answer.text().await.unwrap(), "17");
                }
            })
            .await;
        });
        // Client and neighbour differ by kind only.
        let [sent, received] = spans.all("GET /prices/{id}")[..] else { panic!("two spans") };
        assert!(is_child(sent, spans.named("GET /orders")) && is_child(received, sent));
        assert_eq!(received.get("order.id"), "ORD-1");
        let url = sent.get("url.full");
        // reqwest itself moves the userinfo to a header.
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/prices/7?sig=REDACTED"), "{url}");
        expect![[r#"
            server `GET /orders` below the caller
              http.request.method = GET
              http.response.status_code = 200
              http.route = /orders
              network.peer.address = 127.0.0.1
              network.protocol.version = 1.1
              order.id = ORD-1
              server.address = 127.0.0.1
              server.port = …
              user.id = u-1
            client `GET /prices/{id}` below `GET /orders`
              http.request.method = GET
              http.response.status_code = 200
              network.peer.address = 127.0.0.1
              network.protocol.version = 1.1
              order.id = ORD-1
              server.address = 127.0.0.1
              server.port = …
              url.full = …
              url.template = /prices/{id}
              user.id = u-1
            server `GET /prices/{id}` below `GET /prices/{id}`
              http.request.method = GET
              http.response.status_code = 200
              http.route = /prices/{id}
              network.peer.address = 127.0.0.1
              network.protocol.version = 1.1
              order.id = ORD-1
              server.address = 127.0.0.1
              server.port = …
              user.id = u-1
        "#]]
        .assert_eq(&spans.text_of(&[
            "http.request.method",
            "http.response.status_code",
            "http.route",
            "network.peer.address",
            "network.protocol.version",
            "order.id",
            "server.address",
            "server.port",
            "url.full",
            "url.template",
            "user.id",
        ]));
    });
}

/// Scenario: a neighbour and a partner are asked; the partner is listed in a second run.
/// Guarantees: the partner is told nothing unless it is listed.
#[test]
fn a_third_party() {
    fn told_to(settings: &'static [(&str, &str)]) -> String {
        let (send, receive) = std::sync::mpsc::channel();
        let spans = play(settings, async |_| {
            let address = telling().await;
            let client = client(address);
            handle(move || {
                let (client, send) = (client.clone(), send.clone());
                async move {
                    for host in ["127.0.0.1", PARTNER] {
                        let url = format!("http://{host}:{}/told", address.port());
                        let request =
                            client.get(url).header("traceparent", "copied").header("baggage", "x=1");
                        send.send(request.send().await.unwrap().text().await.unwrap()).unwrap();
                    }
                }
            })
            .await;
        });
        assert_eq!(spans.names(), ["GET /orders", "GET", "GET"]);
        receive.iter().collect::<Vec<_>>().join(" | ")
    }
    alone(|| {
        assert_eq!(told_to(&[]), "traceparent baggage | ");
        let listed = told_to(&[("JOURNEY_PROPAGATE_TO", "*.partner.example")]);
        assert_eq!(listed, "traceparent baggage | traceparent baggage");
    });
}

/// Scenario: the tower layer around hyper's client asks a neighbour and a partner.
/// Guarantees: the same spans and the same silence towards the partner as with reqwest.
#[test]
fn a_tower_client() {
    alone(|| {
        let spans = play(&[], async |_| {
            let address = telling().await;
            let elsewhere =
                tower::service_fn(move |_: Name| async move { Ok::<_, Infallible>([address].into_iter()) });
            let transport =
                Client::builder(TokioExecutor::new()).build(HttpConnector::new_with_resolver(elsewhere));
            let client = JourneyClientLayer::new().layer(transport);
            handle(move || {
                let client = client.clone();
                async move {
                    for (host, expected) in [("crm-api", "traceparent baggage"), (PARTNER, "")] {
                        let url = format!("http://{host}:{}/told", address.port());
                        let mut request = Request::get(url).body(Empty::<Bytes>::new()).unwrap();
                        request.extensions_mut().insert(UrlTemplate("/told"));
                        let answer = client.clone().oneshot(request).await.unwrap();
                        let told = answer.into_body().collect().await.unwrap().to_bytes();
                        assert_eq!(told, expected);
                    }
                }
            })
            .await;
        });
        let [neighbour, partner] = spans.all("GET /told")[..] else { panic!("two spans") };
        assert!([neighbour, partner].iter().all(|one| is_child(one, spans.named("GET /orders"))));
        assert_eq!((neighbour.get("server.address"), partner.get("server.address")), ("crm-api", PARTNER));
        assert_eq!(neighbour.get("http.response.status_code"), "200");
    });
}

/// Scenario: a neighbour redirects to a neighbour, and another one to a partner.
/// Guarantees: each hop has a span of its own, counted; the partner is told nothing.
#[test]
fn redirects() {
    alone(|| {
        let spans = play(&[], async |_| {
            let address = telling().await;
            let near = Redirect::temporary(&format!("http://{address}/told"));
            let far = Redirect::temporary(&format!("http://{PARTNER}:{}/told", address.port()));
            let redirecting = Router::new().route("/near", get(near)).route("/far", get(far));
            let redirecting = serve(redirecting).await;
            let client = client(address);
            handle(move || {
                let client = client.clone();
                async move {
                    for (path, expected) in [("near", "traceparent baggage"), ("far", "")] {
                        let answer = client.get(format!("http://{redirecting}/{path}")).send().await.unwrap();
                        assert_eq!(answer.text().await.unwrap(), expected);
                    }
                }
            })
            .await;
        });
        let hops: Vec<[&str; 2]> = spans
            .all("GET")
            .iter()
            .map(|one| ["http.response.status_code", "http.request.resend_count"].map(|key| one.get(key)))
            .collect();
        assert_eq!(hops, [["307", ""], ["200", "1"], ["307", ""], ["200", "1"]]);
    });
}

/// Scenario: requests that fail, each in its way: nobody listens, no such name, too slow for the client, a broken body,
/// a refusal; and one that its caller drops.
/// Guarantees: `error.type` says which; the caller's own change of mind is no error.
#[test]
fn failures() {
    alone(|| {
        let spans = play(&[], async |_| {
            let routes = Router::new()
                .route("/slow", get(|| sleep(Duration::from_secs(60))))
                .route("/missing", get(|| async { axum::http::StatusCode::NOT_FOUND }));
            let address = serve(routes).await;
            let torn = torn_answers().await;
            let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let client = client(address);
            handle(move || {
                let client = client.clone();
                async move {
                    let get = |url: String, template| client.get(url).with_extension(UrlTemplate(template));
                    assert!(get(format!("http://{closed}/"), "/connect").send().await.is_err());
                    assert!(get("http://nobody.invalid/".into(), "/dns").send().await.is_err());
                    let slow = get(format!("http://{address}/slow"), "/timeout");
                    assert!(slow.timeout(Duration::from_millis(50)).send().await.is_err());
                    let torn = get(format!("http://{torn}/"), "/body").send().await.unwrap();
                    assert!(torn.bytes().await.is_err());
                    get(format!("http://{address}/missing"), "/404").send().await.unwrap();
                    let dropped = get(format!("http://{address}/slow"), "/dropped").send();
                    assert!(timeout(Duration::from_millis(50), dropped).await.is_err());
                }
            })
            .await;
        });
        for error in ["connect", "dns", "timeout", "body", "404"] {
            let span = spans.named(&format!("GET /{error}"));
            assert_eq!((span.get("error.type"), is_error(span)), (error, true));
        }
        let dropped = spans.named("GET /dropped");
        assert_eq!((dropped.get("error.type"), is_error(dropped)), ("", false));
    });
}

/// Answers that promise more than they hold.
async fn torn_answers() -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
    });
    address
}
