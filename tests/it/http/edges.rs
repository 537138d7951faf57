//! Who is believed, and who is told.

use axum::Router;
use axum::routing::get;
use journey::tower::JourneyLayer;

use super::scene::{CALLER, Scene, UNSAMPLED, ask, asked_by, play, serve};
use crate::sdk::alone::alone;

async fn shown() -> &'static str {
    journey::stage("order_shown").run(async |_| Ok::<_, std::fmt::Error>("shown")).await.unwrap()
}

/// Scenario: the same request at an edge of the own network, and at a public one.
/// Guarantees: the first continues the caller's trace with its ids; the second is a new trace, with a link to the
/// caller's and none of its ids.
#[test]
fn an_untrusted_caller() {
    alone(|| {
        let spans = play(&[], async |_| {
            for (route, layer) in [("/own", JourneyLayer::new()), ("/public", JourneyLayer::public())] {
                let routes = Router::new().route(route, get(shown)).layer(layer);
                ask("GET", serve(routes).await, route).send().await.unwrap();
            }
        });
        let caller = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let own = &spans.named("GET /own");
        assert!(CALLER.contains(&caller(&own.span.trace_id)));
        assert!(CALLER.contains(&caller(&own.span.parent_span_id)) && own.span.links.is_empty());
        assert_eq!(own.get("user.id"), "u-1");
        let public = &spans.named("GET /public");
        assert!(!CALLER.contains(&caller(&public.span.trace_id)) && public.span.parent_span_id.is_empty());
        let [link] = &public.span.links[..] else { panic!("one link") };
        assert!(CALLER.contains(&caller(&link.trace_id)) && CALLER.contains(&caller(&link.span_id)));
        assert_eq!(public.get("user.id"), "");
    });
}

/// Scenario: a caller that does not sample.
/// Guarantees: no span is exported, the stage is, and it is told that its trace is not kept.
#[test]
fn an_unsampled_caller() {
    alone(|| {
        let spans = play(&[], async |_| {
            let routes = Router::new().route("/orders", get(shown)).layer(JourneyLayer::new());
            asked_by(UNSAMPLED, "GET", serve(routes).await, "/orders").send().await.unwrap();
        });
        assert!(spans.names().is_empty());
        let [end] = spans.signals("end")[..] else { panic!("one end") };
        assert_eq!((end.get("journey.head_sampled"), end.get("user.id")), ("false", "u-1"));
    });
}

/// Scenario: a layer that shows some headers, and one that shows credentials on purpose.
/// Guarantees: only what is listed, as arrays; credentials only for who says that it is unsafe.
#[test]
fn headers_on_a_list() {
    alone(|| {
        let scene = Scene::open(&[]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let careful = JourneyLayer::new()
                .capture_request_headers(["x-tenant", "authorization"])
                .capture_response_headers(["x-cache", "set-cookie"]);
            let careless = JourneyLayer::new().unsafe_capture_request_headers(["authorization"]);
            for (route, layer) in [("/careful", careful), ("/careless", careless)] {
                let answer = async || [("x-cache", "hit"), ("set-cookie", "session=TOPSECRET")];
                let address = serve(Router::new().route(route, get(answer)).layer(layer)).await;
                ask("GET", address, route)
                    .header("x-tenant", "a")
                    .header("x-tenant", "b")
                    .send()
                    .await
                    .unwrap();
            }
        });
        drop(runtime);
        let spans = scene.close_unjudged();
        let told = |name: &str| -> Vec<String> {
            let shown = spans.named(name).attributes.iter().filter(|(key, _)| key.contains(".header."));
            shown.map(|(key, value)| format!("{key}={value}")).collect()
        };
        assert_eq!(
            told("GET /careful"),
            ["http.request.header.x-tenant=a,b", "http.response.header.x-cache=hit"]
        );
        assert_eq!(told("GET /careless"), ["http.request.header.authorization=Bearer TOPSECRET"]);
    });
}
