//! Ids learned late, wherever the work goes, and orders that must not mix.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;
use futures_util::future::join_all;
use journey::opentelemetry::Context;
use journey::opentelemetry::context::FutureExt;
use journey::opentelemetry::trace::TracerProvider as _;
use journey::reqwest::UrlTemplate;
use journey::tower::JourneyLayer;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest_middleware::ClientWithMiddleware;
use tokio::task::yield_now;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::scene::{ask, play, serve};
use super::spans::Spans;
use crate::sdk::alone::alone;

/// Learns the order where it stands, after an await.
async fn learn(order: String) {
    yield_now().await;
    assert!(journey::set_order_id(&order));
}

/// One of the ways in which work goes on.
async fn take_order(way: &str, order: String) {
    match way {
        "with_context" => learn(order).with_context(Context::current()).await,
        "instrument" => {
            let span = tracing::info_span!("users own");
            // A bridge remembers the Context of this moment.
            span.in_scope(|| {});
            learn(order).instrument(span).await;
        }
        "in_current_span" => {
            let inner = async { learn(order).in_current_span().await };
            inner.instrument(tracing::info_span!("users own")).await;
        }
        "spawn" => journey::spawn(learn(order)).await.unwrap(),
        "spawn_blocking" => {
            assert!(journey::spawn_blocking(move || journey::set_order_id(order)).await.unwrap());
        }
        other => panic!("no way {other}"),
    }
}

/// A neighbour, and how to reach it.
#[derive(Clone)]
struct Neighbour(ClientWithMiddleware, SocketAddr);

impl Neighbour {
    async fn start() -> Self {
        let echo = async |headers: HeaderMap| headers["baggage"].to_str().unwrap().to_owned();
        let address = serve(Router::new().route("/baggage", get(echo))).await;
        Self(journey::reqwest::build(reqwest::Client::builder()).unwrap(), address)
    }

    /// The ids that reach it.
    async fn hears(&self) -> String {
        let Self(client, address) = self;
        let request = client.get(format!("http://{address}/baggage")).with_extension(UrlTemplate("/baggage"));
        request.send().await.unwrap().text().await.unwrap()
    }
}

async fn handle(Path(way): Path<String>, State(neighbour): State<Neighbour>) -> String {
    let order = format!("ORD-{way}");
    take_order(&way, order).await;
    journey::stage("order_create").run(async |_| Ok::<_, String>(neighbour.hears().await)).await.unwrap()
}

/// Runs the five orders, each as one request.
fn five_orders(settings: &[(&str, &str)]) -> Spans {
    play(settings, async |_| {
        let routes = Router::new().route("/{way}", get(handle)).layer(JourneyLayer::new());
        let address = serve(routes.with_state(Neighbour::start().await)).await;
        for way in WAYS {
            let heard = ask("GET", address, &format!("/{way}")).send().await.unwrap().text().await.unwrap();
            assert_eq!(heard, format!("order.id=ORD-{way},user.id=u-1"));
        }
    })
}

const WAYS: [&str; 5] = ["with_context", "instrument", "in_current_span", "spawn", "spawn_blocking"];

fn assert_each_has_its_order(spans: &Spans) {
    for (name, found) in [
        ("server span", spans.all("GET /{way}")),
        ("client span", spans.all("GET /baggage")),
        ("stage", spans.signals("end")),
    ] {
        let orders: Vec<&str> = found.iter().map(|one| one.get("order.id")).collect();
        assert_eq!(orders, WAYS.map(|way| format!("ORD-{way}")), "{name}");
    }
}

/// Scenario: an order is learned inside `with_context`, `instrument`, `in_current_span`, `journey::spawn` and
/// `journey::spawn_blocking`, with our bridge.
/// Guarantees: the server span that began before, the stage and the request that come after, and the neighbour have it.
#[test]
fn late_ids_below_our_bridge() {
    alone(|| {
        let spans = five_orders(&[]);
        assert_each_has_its_order(&spans);
        assert_eq!(spans.all("users own").len(), 2);
    });
}

/// Scenario: the same with the bridge switched off.
/// Guarantees: the same.
#[test]
fn late_ids_without_a_bridge() {
    alone(|| {
        let spans = five_orders(&[("JOURNEY_TRACE_FILTER", "off")]);
        assert_each_has_its_order(&spans);
        assert!(!spans.has("users own"));
    });
}

/// Scenario: the same with a bridge that the user set up, which re-attaches Contexts of its own.
/// Guarantees: the same.
#[test]
fn late_ids_below_a_bridge_of_the_users() {
    alone(|| {
        let bridge = SdkTracerProvider::builder().build().tracer("bridge");
        let layer = tracing_opentelemetry::layer().with_tracer(bridge);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        assert_each_has_its_order(&five_orders(&[]));
    });
}

/// Scenario: a handler works on ten orders side by side, each in a scope.
/// Guarantees: each stage has its own order and the caller's user, the handler's span no order and no conflict.
#[test]
fn ten_orders_in_one_handler() {
    alone(|| {
        let spans = play(&[], async |_| {
            let bulk = async || {
                let one = async |order: &str| {
                    yield_now().await;
                    journey::set_production_id(order.replace("ORD", "MES"));
                    journey::stage("order_create").start().end();
                };
                let orders: Vec<String> = (0..10).map(|number| format!("ORD-{number}")).collect();
                join_all(orders.iter().map(|order| journey::scope(order, one(order)))).await;
            };
            let routes = Router::new().route("/bulk", get(bulk)).layer(JourneyLayer::new());
            ask("GET", serve(routes).await, "/bulk").send().await.unwrap();
        });
        let ends = spans.signals("end");
        assert_eq!(ends.len(), 10);
        for end in ends {
            assert_eq!(end.get("production.id"), end.get("order.id").replace("ORD", "MES"));
            assert_eq!((end.get("user.id"), end.get("journey.conflict")), ("u-1", ""));
        }
        let server = spans.named("GET /bulk");
        for key in ["order.id", "production.id", "journey.conflict"] {
            assert_eq!(server.get(key), "", "{key}");
        }
    });
}

/// Scenario: a handler learns one order, and then another.
/// Guarantees: the first stays, and span and stage show the conflict.
#[test]
fn a_second_order_is_a_conflict() {
    alone(|| {
        let spans = play(&[], async |_| {
            let confused = async || {
                assert!(journey::set_order_id("ORD-1") && journey::set_order_id("ORD-1"));
                assert!(!journey::set_order_id("ORD-2"));
                journey::stage("order_create").start().end();
            };
            let routes = Router::new().route("/confused", get(confused)).layer(JourneyLayer::new());
            ask("GET", serve(routes).await, "/confused").send().await.unwrap();
        });
        for one in [spans.named("GET /confused"), spans.signals("end")[0]] {
            assert_eq!((one.get("order.id"), one.get("journey.conflict")), ("ORD-1", "true"));
        }
    });
}
