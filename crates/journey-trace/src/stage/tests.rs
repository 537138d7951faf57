//! Stages on an in-memory lane.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journey_model::{SpanRecord, SpanStatus};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};

use crate::lane::{Lane, LaneConfig};
use crate::{Attach, Carrier, CellHandle, ContextExt, JourneyCell, Key, stage};

use super::*;

const INTERVAL: Duration = Duration::from_secs(15);

fn lane() -> (Arc<Lane>, Context) {
    let lane = Lane::new(LaneConfig { beat_interval: Some(INTERVAL), root_sampler: Arc::new(|_| true) });
    let cx = Context::new().with_lane(lane.clone());
    (lane, cx)
}

fn remote(flags: TraceFlags) -> SpanContext {
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    SpanContext::new(7.into(), 9.into(), flags, true, state)
}

fn only(lane: &Lane) -> SpanRecord<'static> {
    let mut batch = lane.take_batch(10);
    assert_eq!(batch.len(), 1, "{batch:#?}");
    batch.remove(0)
}

/// Keys of a record, sorted, to compare with the registry.
fn keys(record: &SpanRecord<'_>) -> String {
    let mut keys: Vec<&str> = record.attributes.iter().map(|attribute| &*attribute.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), record.attributes.len(), "a key is there twice");
    keys.join(" ")
}

/// Scenario: a stage with everything set runs through start, a beat and its end.
/// Guarantees: each record has exactly the attributes of the registry, markers are zero-length children of the
/// stage span, and only start and end have numbers.
#[test]
fn three_signals_as_the_registry_says() {
    let (lane, cx) = lane();
    let stage = stage("status.packed.mes")
        .parent(&cx)
        .key(Key::Order, "ORD-1")
        .facet("material", "gold")
        .size(300.0)
        .attempt(2)
        .status("polishing", "packed")
        .start();
    let start = only(&lane);
    stage.progress(0.25);
    JourneyCell::of(stage.context()).unwrap().set(Key::Production, "MES-1");
    lane.beat(Instant::now() + Duration::from_secs(2));
    let beat = only(&lane);
    stage.end();
    let end = only(&lane);

    let shared = "journey.facet.material journey.head_sampled";
    let stage_keys = "journey.stage.attempt";
    assert_eq!(
        keys(&start),
        format!(
            "{shared} journey.seq journey.signal {stage_keys} journey.stage.heartbeat.interval \
             journey.stage.heartbeat.sequence journey.stage.name journey.stage.size journey.status.from \
             journey.status.to order.id"
        )
    );
    assert_eq!(
        keys(&beat),
        format!(
            "{shared} journey.signal {stage_keys} journey.stage.heartbeat.interval \
             journey.stage.heartbeat.sequence journey.stage.idle journey.stage.name journey.stage.progress \
             journey.stage.size journey.status.from journey.status.to order.id production.id"
        )
    );
    assert_eq!(
        keys(&end),
        format!(
            "{shared} journey.seq journey.signal {stage_keys} journey.stage.name journey.stage.outcome \
             journey.stage.progress journey.stage.size journey.status.from journey.status.to order.id production.id"
        )
    );
    for marker in [&start, &beat] {
        assert_eq!(marker.parent_span_id, Some(end.span_id));
        assert_eq!((marker.trace_id, marker.start_ns), (end.trace_id, marker.end_ns));
        assert_ne!(marker.span_id, end.span_id);
        assert_eq!(marker.f64("journey.stage.heartbeat.interval"), Some(15.0));
    }
    assert_eq!(start.start_ns, end.start_ns);
    assert_eq!(end.name, "stage status.packed.mes");
    assert_eq!(start.i64("journey.stage.heartbeat.sequence"), Some(0));
    assert_eq!(beat.i64("journey.stage.heartbeat.sequence"), Some(1));
    assert_eq!(beat.f64("journey.stage.progress"), Some(0.25));
    let idle = beat.f64("journey.stage.idle").unwrap();
    assert!((1.9..10.0).contains(&idle), "{idle}");
    assert_eq!((start.i64("journey.seq"), end.i64("journey.seq")), (Some(1), Some(2)));
    assert_eq!(end.i64("journey.stage.attempt"), Some(2));
    assert_eq!(end.str("journey.stage.outcome"), Some("ok"));
    assert_eq!(end.status, SpanStatus::Unset);
}

/// Scenario: a stage under a sampled and under an unsampled remote parent, and as a root.
/// Guarantees: a parent's trace, flags and state are inherited; a root asks the sampler; children see a local parent.
#[test]
fn parent_and_flags() {
    let (lane, cx) = lane();
    for flags in [TraceFlags::SAMPLED, TraceFlags::NOT_SAMPLED] {
        let parent = cx.with_remote_span_context(remote(flags));
        let stage = stage("order_create").parent(&parent).start();
        let active = stage.context().span().span_context().clone();
        let start = only(&lane);
        assert_eq!(start.trace_id.to_bytes(), active.trace_id().to_bytes());
        assert_eq!(start.parent_span_id.unwrap().to_bytes(), active.span_id().to_bytes());
        assert!(!active.is_remote());
        assert_eq!((active.trace_id(), active.trace_flags()), (7.into(), flags));
        stage.end();
        let end = only(&lane);
        assert_eq!(end.parent_span_id.unwrap().to_bytes(), 9_u64.to_be_bytes());
        assert_eq!((end.flags, &*end.trace_state), (flags.to_u8(), "vendor=1"));
        assert_eq!(end.get("journey.head_sampled"), Some(&flags.is_sampled().into()));
    }
    let lane = Lane::new(LaneConfig { beat_interval: None, root_sampler: Arc::new(|_| false) });
    stage("order_create").parent(&Context::new().with_lane(lane.clone())).start().end();
    let [start, end] = lane.take_batch(2).try_into().unwrap();
    assert_eq!((end.parent_span_id, end.flags), (None, 0));
    assert_eq!(start.get("journey.stage.heartbeat.interval"), None, "no beats, no interval");
}

/// Scenario: a stage starts from a carrier that is to be linked.
/// Guarantees: it is a root, and its marker and its end link to the span that made the carrier.
#[test]
fn a_linked_carrier() {
    let (lane, cx) = lane();
    let carrier =
        Carrier::from_context(&Context::new().with_remote_span_context(remote(TraceFlags::SAMPLED)));
    let linked = carrier.attach(Attach::Link).with_lane(lane.clone());
    let outer = stage("price.load_model").parent(&linked).start();
    stage("inner").parent(outer.context()).start().end();
    outer.end();
    drop(cx);
    let [start, inner_start, inner_end, end] = lane.take_batch(10).try_into().unwrap();
    for record in [&start, &end] {
        assert_eq!(record.links.len(), 1);
        assert_eq!(record.links[0].span_id.to_bytes(), 9_u64.to_be_bytes());
        assert_ne!(record.trace_id.to_bytes(), 7_u128.to_be_bytes());
    }
    assert!(inner_start.links.is_empty() && inner_end.links.is_empty());
    assert_eq!(inner_end.parent_span_id, Some(end.span_id));
}

/// Scenario: a stage on a batch links to more messages than it may, one of which has no span.
/// Guarantees: it links to those with a span, up to the limit, from its first marker on.
#[test]
fn links_are_bounded() {
    let (lane, cx) = lane();
    let message = Context::new().with_remote_span_context(remote(TraceFlags::SAMPLED));
    let mut batch = stage("pack").parent(&cx).link(&Context::new());
    for _ in 0..=crate::limits::STAGE_LINKS_MAX {
        batch = batch.link(&message);
    }
    batch.start().end();
    for record in lane.take_batch(2) {
        assert_eq!(record.links.len(), crate::limits::STAGE_LINKS_MAX);
        assert_eq!(record.links[0].span_id.to_bytes(), 9_u64.to_be_bytes());
    }
}

/// Scenario: a stage ends in each way there is.
/// Guarantees: outcome, `error.type` and status are those of the registry.
#[test]
fn every_outcome() {
    let (lane, cx) = lane();
    let begin = || stage("price.final").parent(&cx);
    let ended = || {
        let end = lane.take_batch(10).pop().unwrap();
        let error_type = end.str("error.type").map(str::to_owned);
        (end.str("journey.stage.outcome").unwrap().to_owned(), error_type, end.status)
    };
    let failed = |description: &str| SpanStatus::Error { description: description.to_owned().into() };

    begin().start().end();
    assert_eq!(ended(), ("ok".into(), None, SpanStatus::Unset));
    begin().start().fail("no_metal");
    assert_eq!(ended(), ("failed".into(), Some("no_metal".into()), failed("")));
    begin().start().time_out();
    assert_eq!(ended(), ("timed_out".into(), Some("timeout".into()), failed("")));
    drop(begin().start());
    assert_eq!(ended(), ("cancelled".into(), None, SpanStatus::Unset));

    let result = begin().run_blocking(|_| "x".parse::<u8>());
    assert!(result.is_err());
    let type_name = "core::num::error::ParseIntError";
    assert_eq!(ended(), ("failed".into(), Some(type_name.into()), failed("invalid digit found in string")));
    let panics = || begin().run_blocking(|_| -> Result<(), String> { panic!("no") });
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    assert!(unwound.is_err());
    assert_eq!(ended(), ("panicked".into(), Some("panic".into()), failed("")));
}

/// Scenario: a stage runs as a future on another thread, one is dropped half-way, and one gives up by a timeout.
/// Guarantees: the work sees the stage's Context after each await; the others are `cancelled` and `timed_out`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_future_carries_its_stage() {
    let (lane, cx) = lane();
    let work = stage("price.estimate").parent(&cx).run(async |stage| {
        let inside = || Context::current().span().span_context().clone();
        let before = inside();
        tokio::task::yield_now().await;
        assert_eq!(inside(), before);
        assert_eq!(&before, stage.context().span().span_context());
        crate::set_order_id("ORD-7");
        Ok::<_, String>(1)
    });
    assert_eq!(tokio::spawn(work).await.unwrap(), Ok(1));
    let [_, end] = lane.take_batch(10).try_into().unwrap();
    assert_eq!(end.str("order.id"), Some("ORD-7"), "an id learned inside reaches the end");

    let never = stage("price.final").parent(&cx).run(async |_| {
        std::future::pending::<()>().await;
        Ok::<_, String>(())
    });
    assert!(tokio::time::timeout(Duration::from_millis(10), never).await.is_err());
    assert_eq!(lane.take_batch(10)[1].str("journey.stage.outcome"), Some("cancelled"));

    let late = stage("price.final")
        .parent(&cx)
        .run(async |_| tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await);
    assert!(late.await.is_err());
    assert_eq!(lane.take_batch(10)[1].str("journey.stage.outcome"), Some("timed_out"));
}

/// Scenario: beats while a stage is open, after it ended, and one told through a handle on another thread.
/// Guarantees: one beat per open stage and call, none after the end; a tick resets the idle time.
#[test]
fn beats_last_as_long_as_the_stage() {
    let (lane, cx) = lane();
    let stage = stage("price.load_model").parent(&cx).start();
    let handle = stage.handle();
    lane.take_batch(10);
    lane.beat(Instant::now() + Duration::from_secs(100));
    assert!(only(&lane).f64("journey.stage.idle").unwrap() >= 100.0);
    std::thread::sleep(Duration::from_millis(20));
    std::thread::scope(|threads| {
        threads.spawn(|| handle.tick());
    });
    lane.beat(Instant::now());
    let beat = only(&lane);
    assert_eq!(beat.i64("journey.stage.heartbeat.sequence"), Some(2));
    assert!(beat.f64("journey.stage.idle").unwrap() < 0.02);
    stage.end();
    lane.take_batch(10);
    lane.beat(Instant::now());
    assert!(lane.is_empty());
}

/// Scenario: the process reports before any stage, after one, and at its end.
/// Guarantees: the signal repeats the last number and uses none.
#[test]
fn process_signals() {
    let (lane, cx) = lane();
    lane.sign_of_life();
    assert_eq!(only(&lane).i64("journey.seq"), Some(0));
    stage("order_shown").parent(&cx).start().end();
    lane.take_batch(10);
    lane.last_word();
    let stopping = only(&lane);
    assert_eq!(keys(&stopping), "journey.process.state journey.seq journey.signal");
    assert_eq!(stopping.str("journey.process.state"), Some("stopping"));
    assert_eq!((stopping.i64("journey.seq"), &*stopping.name), (Some(2), "process"));
    assert_eq!((stopping.parent_span_id, stopping.start_ns), (None, stopping.end_ns));
}

/// Scenario: a stage is started without a lane, one on a closed lane, and one where telemetry is suppressed.
/// Guarantees: the work runs; without a lane its Context has the parent's span and a cell.
#[test]
fn work_runs_without_a_lane() {
    let parent = Context::new().with_remote_span_context(remote(TraceFlags::SAMPLED));
    let stage_without = stage("order_create").key(Key::Order, "ORD-1").parent(&parent).start();
    stage_without.progress(0.5);
    assert_eq!(stage_without.context().span().span_context(), parent.span().span_context());
    let cell = CellHandle::of(stage_without.context()).unwrap();
    assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
    stage_without.end();

    let (lane, cx) = lane();
    stage("order_create").parent(&cx.with_telemetry_suppressed()).start().end();
    assert!(lane.is_empty());
    lane.last_word();
    assert_eq!(stage("order_create").parent(&cx).run_blocking(|_| Ok::<_, String>(3)), Ok(3));
    assert_eq!((lane.counters().dropped.starts, lane.counters().dropped.ends), (1, 1));
    assert_eq!(lane.counters().late, 2);
}

/// Scenario: name and statuses that somebody made of a whole file.
/// Guarantees: they are cut at a character.
#[test]
fn texts_are_bounded() {
    let (lane, cx) = lane();
    let text = "ä".repeat(1000);
    stage(text.clone()).status(&*text, text.clone()).parent(&cx).start().end();
    let start = &lane.take_batch(10)[0];
    for key in ["journey.stage.name", "journey.status.from", "journey.status.to"] {
        assert_eq!(start.str(key).map(str::len), Some(crate::limits::STAGE_TEXT_BYTES_MAX), "{key}");
    }
}

/// Scenario: a stage on its way when the queue is full of beats.
/// Guarantees: start and end get their places.
#[test]
fn beats_make_room_for_stages() {
    let (lane, cx) = lane();
    let open: Vec<_> = (0..100).map(|_| stage("price.final").parent(&cx).start()).collect();
    while lane.counters().dropped.beats == 0 {
        lane.beat(Instant::now());
    }
    let before = lane.counters().dropped;
    stage("order_create").parent(&cx).start().end();
    let after = lane.counters().dropped;
    assert_eq!((after.beats, after.starts, after.ends), (before.beats + 2, 0, 0));
    assert_eq!(lane.len(), crate::limits::LANE_QUEUE_RECORDS_MAX);
    drop(open);
}
