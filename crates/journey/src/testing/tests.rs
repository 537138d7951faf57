//! What a capture shows to a test of a service, and what it keeps from others.

use std::collections::HashMap;

use opentelemetry::global;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};

use super::*;
use crate::{Key, SpanGuard, Trust, extract, inject, stage};

fn server(name: &'static str, parent: &Context) -> SpanGuard {
    SpanGuard::start(name, SpanKind::Server, vec![], vec![], parent)
}

/// Scenario: twenty tests capture side by side, each with spans and stages of its own.
/// Guarantees: each sees its own and nothing else.
#[test]
fn captures_are_apart() {
    let one = |number: usize| {
        let captured = capture_blocking(|| {
            for _ in 0..50 {
                let order = format!("ORD-{number}");
                let done = stage("order_create").key(Key::Order, order).run_blocking(|_| {
                    drop(global::tracer("foreign").start("query"));
                    Ok::<_, String>(())
                });
                done.expect("it works");
            }
        });
        assert_eq!((captured.spans().len(), captured.open()), (100, 0));
        assert_eq!(captured.with_attribute("order.id", format!("ORD-{number}")).count(), 100);
    };
    std::thread::scope(|threads| {
        (0..20).for_each(|number| {
            threads.spawn(move || one(number));
        });
    });
}

/// Scenario: a handler learns its order, and then begins a stage.
/// Guarantees: the stage has the order, as under a layer; once a capture had no cell, and a test of a handler showed the
/// opposite of production.
#[test]
fn an_id_that_the_work_sets_is_seen() {
    let captured = capture_blocking(|| {
        assert!(crate::set_order_id("ORD-1"));
        stage("price_accept").run_blocking(|_| Ok::<_, String>(())).expect("it works");
    });
    assert_eq!(captured.with_attribute("order.id", "ORD-1").count(), 1);
}

/// Scenario: a handler wants its trace to be kept.
/// Guarantees: the wish is on its span.
#[test]
fn a_wish_to_keep_is_seen() {
    let captured = capture_blocking(|| {
        let span = server("GET /orders", &Context::current());
        let _attached = span.context().clone().attach();
        crate::keep_trace();
        span.end();
    });
    assert_eq!(captured.with_attribute("journey.keep", true).count(), 1);
}

/// Scenario: the work calls over a hop, whose other side knows the headers only; there an edge begins a trace anew,
/// with a link; a stage runs on either side.
/// Guarantees: all of it is captured, and the snapshot shows how it hangs together.
#[tokio::test]
async fn the_other_side_of_a_hop_is_seen() {
    let (status, captured) = capture_with_output(async {
        let client = SpanGuard::start("GET", SpanKind::Client, vec![], vec![], &Context::current());
        let mut headers = HashMap::new();
        inject(client.context(), &mut headers);
        let trusted = tokio::spawn(serve(headers.clone(), Trust::Trusted));
        trusted.await.expect("it serves");
        let public = tokio::spawn(serve(headers, Trust::Untrusted));
        public.await.expect("it serves");
        client.end();
        200
    })
    .await;
    assert_eq!(status, 200);
    expect_test::expect![[r#"
        trace 1
          span 1: GET (client)
            span 2: POST /orders (server)
                order.id: "ORD-1"
              span 3: stage order_create
                  journey.head_sampled: true
                  journey.signal: "end"
                  journey.stage.attempt: 1
                  journey.stage.name: "order_create"
                  journey.stage.outcome: "ok"
                  order.id: "ORD-1"
        trace 2
          span 1: POST /orders (server)
              link: trace 1 / span 1
              order.id: "ORD-1"
            span 2: stage order_create
                journey.head_sampled: true
                journey.signal: "end"
                journey.stage.attempt: 1
                journey.stage.name: "order_create"
                journey.stage.outcome: "ok"
                order.id: "ORD-1"
    "#]]
    .assert_eq(&captured.to_string());
}

/// Starts with an empty `Context`, as a server's task does.
async fn serve(headers: HashMap<String, String>, trust: Trust) {
    let caller = extract(&headers, trust);
    let span = server("POST /orders", &caller);
    let work = stage("order_create").key(Key::Order, "ORD-1").parent(span.context());
    work.run(async |_| Ok::<_, String>(())).await.expect("it works");
    span.end();
}

/// Scenario: a failed stage, a span with a status and ephemeral ports, one under a caller that is not captured, and
/// a task that outlives the capture.
/// Guarantees: the snapshot names errors, hides ports, says where a parent is outside, and what is still open.
#[tokio::test]
async fn a_snapshot_shows_what_matters() {
    let (task, captured) = capture_with_output(async {
        let failed = stage("price.final").run(async |_| Err::<(), _>("no paper")).await;
        assert!(failed.is_err());
        let headers = HashMap::from([(
            "traceparent".to_owned(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        )]);
        // The Context of the capture, with a parent from outside.
        let caller = extract(&headers, Trust::Trusted);
        let parent = caller.span().span_context().clone();
        let inside = Context::current().with_remote_span_context(parent);
        let span = server("GET /price", &inside);
        span.set_attribute(opentelemetry::KeyValue::new("server.port", 45_678));
        span.set_attribute(opentelemetry::KeyValue::new("url.full", "http://127.0.0.1:45678/price"));
        span.fail("timeout", "too late");
        span.end();
        let task = crate::spawn(async {
            let _open = server("for ever", &Context::current());
            std::future::pending::<()>().await;
        });
        // Let it begin.
        tokio::task::yield_now().await;
        task.abort_handle()
    })
    .await;
    task.abort();
    expect_test::expect![[r#"
        trace 1
          span 1: stage price.final
              status: error "no paper"
              error.type: "&str"
              journey.head_sampled: true
              journey.signal: "end"
              journey.stage.attempt: 1
              journey.stage.name: "price.final"
              journey.stage.outcome: "failed"
        trace 2
          span 1: GET /price (server)
              parent: outside
              status: error "too late"
              error.type: "timeout"
              server.port: (port)
              url.full: "http://127.0.0.1:(port)/price"
        1 still open
    "#]]
    .assert_eq(&captured.to_string());
    assert!(captured.one("GET /price").duration() < std::time::Duration::from_secs(60));
}

/// Scenario: a caller's trace is not sampled.
/// Guarantees: as without a capture, there is no span, and the stage is there.
#[test]
fn an_unsampled_caller_leaves_stages_only() {
    let captured = capture_blocking(|| {
        let headers = HashMap::from([(
            "traceparent".to_owned(),
            "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00".to_owned(),
        )]);
        let caller = extract(&headers, Trust::Trusted);
        let parent = caller.span().span_context().clone();
        let inside = Context::current().with_remote_span_context(parent);
        let span = server("GET /price", &inside);
        stage("price.final").parent(span.context()).start().end();
    });
    assert_eq!(captured.spans().len(), 1);
    let sampled = captured.stages().next().and_then(|stage| stage.text("journey.head_sampled"));
    assert_eq!(sampled.as_deref(), Some("false"));
}

/// Scenario: a test asks for a span that is not there.
/// Guarantees: the panic shows what is there.
#[test]
#[should_panic(expected = "span 1: stage order_create")]
fn a_missing_span_shows_the_capture() {
    let captured = capture_blocking(|| stage("order_create").start().end());
    captured.one("stage order_shown");
}
