//! Stages inside and outside of requests.

use axum::Router;
use axum::routing::get;
use expect_test::expect;
use journey::opentelemetry::global;
use journey::opentelemetry::trace::Tracer;
use journey::stage;
use journey::tower::JourneyLayer;

use super::scene::{Scene, ask, play, serve};
use super::spans::is_child;
use crate::sdk::alone::alone;

async fn create() -> &'static str {
    let created = stage("order_create").facet("material", "gold").run(async |_| {
        drop(global::tracer("users").start("insert"));
        Ok::<_, String>("created")
    });
    created.await.unwrap()
}

/// Scenario: a stage in a request that is sampled, with a span of the user's inside.
/// Guarantees: it is exported once, between the two; its start marker is below it.
#[test]
fn in_a_sampled_trace() {
    alone(|| {
        let spans = play(&[], async |_| {
            let routes = Router::new().route("/orders", get(create)).layer(JourneyLayer::new());
            ask("GET", serve(routes).await, "/orders").send().await.unwrap();
        });
        let [end] = spans.signals("end")[..] else { panic!("one end") };
        assert!(is_child(end, spans.named("GET /orders")) && is_child(spans.named("insert"), end));
        let told = ["http.route", "journey.facet.material", "journey.seq", "journey.signal", "user.id"];
        expect![[r#"
            server `GET /orders` below the caller
              http.route = /orders
              user.id = u-1
            internal `stage order_create` below `stage order_create`
              journey.facet.material = gold
              journey.seq = 1
              journey.signal = start
              user.id = u-1
            internal `stage order_create` below `GET /orders`
              journey.facet.material = gold
              journey.seq = 2
              journey.signal = end
              user.id = u-1
            internal `insert` below `stage order_create`
              user.id = u-1
        "#]]
        .assert_eq(&spans.text_of(&told));
    });
}

/// Scenario: a stage without parent, while the sampler keeps all, and while it keeps nothing.
/// Guarantees: the stage leaves both times, as the root of its trace; the span inside follows the sampler.
#[test]
fn as_a_root() {
    alone(|| {
        for (sampler, kept) in [("always_on", true), ("always_off", false)] {
            let settings = [("OTEL_TRACES_SAMPLER", sampler)];
            let spans = play(&settings, async |_| {
                create().await;
            });
            let [end] = spans.signals("end")[..] else { panic!("one end") };
            assert!(end.span.parent_span_id.is_empty());
            assert_eq!(end.get("journey.head_sampled"), kept.to_string());
            assert_eq!(spans.has("insert"), kept, "{sampler}");
        }
    });
}

/// Scenario: a handler is still in its stage when journey stops.
/// Guarantees: the handler is not disturbed; what came too late is counted.
#[test]
fn after_the_shutdown() {
    alone(|| {
        let scene = Scene::open(&[]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (entered, in_stage) = std::sync::mpsc::channel();
        let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
        let wait = std::sync::Arc::new(tokio::sync::Mutex::new(Some(wait)));
        let handler = move || async move {
            let work = async |_: &journey::Stage| {
                entered.send(()).unwrap();
                let wait = wait.lock().await.take().unwrap();
                wait.await.map(|()| "done").map_err(|error| error.to_string())
            };
            stage("price.final").run(work).await.unwrap()
        };
        let routes = Router::new().route("/price", get(handler)).layer(JourneyLayer::new());
        let address = runtime.block_on(serve(routes));
        let answer = runtime.spawn(async move { ask("GET", address, "/price").send().await });
        in_stage.recv().unwrap();
        let report = scene.journey.shutdown();
        assert_eq!(report.stages_open, 1);
        go_on.send(()).unwrap();
        let answer = runtime.block_on(async { answer.await.unwrap().unwrap().text().await.unwrap() });
        assert_eq!(answer, "done");
    });
}
