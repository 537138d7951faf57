//! Traces as the console prints them, and its bounds.

use std::io::Write;
use std::sync::Mutex;

use expect_test::expect;
use journey_model::{Attribute, SpanId, SpanKind, SpanStatus, TraceId};

use super::board::Board;
use super::*;
use crate::limits::{CONSOLE_SPANS_PER_TRACE_MAX, CONSOLE_TRACES_MAX};

const PLAIN: Painter = Painter { is_colourful: false };

fn id(number: u64) -> SpanId {
    SpanId::from_bytes(number.to_be_bytes()).expect("it is not zero")
}

fn record(trace: u128, span: u64, parent: Option<u64>, name: &str) -> SpanRecord<'static> {
    SpanRecord {
        trace_id: TraceId::from_bytes(trace.to_be_bytes()).expect("it is not zero"),
        span_id: id(span),
        parent_span_id: parent.map(id),
        name: name.to_owned().into(),
        kind: SpanKind::Internal,
        start_ns: span * 1_000_000,
        end_ns: (span + 7) * 1_000_000,
        flags: 1,
        trace_state: "".into(),
        attributes: vec![],
        links: vec![],
        status: SpanStatus::Unset,
    }
}

fn with(mut record: SpanRecord<'static>, attributes: &[(&'static str, &'static str)]) -> SpanRecord<'static> {
    record.attributes.extend(attributes.iter().map(|(key, value)| Attribute::new(*key, *value)));
    record
}

/// Scenario: a request with a stage, a query and a failed call, and a background stage that goes on.
/// Guarantees: nothing is printed before the request is over; then one tree by start, ids once, errors told; the late
/// stage is told of by itself.
#[test]
fn a_tree_comes_with_its_root() {
    let mut board = Board::new(PLAIN);
    let server = SpanRecord { kind: SpanKind::Server, ..record(1, 1, Some(99), "POST /orders") };
    let mut server = with(server, &[("order.id", "ORD-1"), ("user.id", "u-1")]);
    server.attributes.push(Attribute::new("http.response.status_code", 201_i64));
    let stage = with(
        record(1, 2, Some(1), "stage order_create"),
        &[("order.id", "ORD-1"), ("user.id", "u-1"), ("journey.stage.outcome", "ok")],
    );
    let mut call = with(record(1, 4, Some(2), "GET"), &[("error.type", "timeout")]);
    call.kind = SpanKind::Client;
    call.status = SpanStatus::Error { description: "too\x1b[31mlate".into() };
    let mut late =
        with(record(1, 5, Some(1), "stage price.final"), &[("journey.stage.outcome", "cancelled")]);
    late.attributes.push(Attribute::new("journey.stage.attempt", 2_i64));

    for open in [&server, &stage, &call, &late] {
        assert_eq!(board.started(Entry::of_span(open)), "");
    }
    assert_eq!(board.ended(Entry::of_span(&call)), "");
    assert_eq!(board.ended(Entry::of_span(&stage)), "");
    expect![[r#"
        trace 00000000000000000000000000000001  order.id=ORD-1  user.id=u-1
          server POST /orders  201  7.0ms
            stage order_create  ok  7.0ms
              client GET  timeout  7.0ms  too�[31mlate
          … stage price.final is still open
    "#]]
    .assert_eq(&board.ended(Entry::of_span(&server)));
    expect![[r#"
        trace 00000000000000000000000000000001
          stage price.final  cancelled  7.0ms  attempt 2
    "#]]
    .assert_eq(&board.ended(Entry::of_span(&late)));
    assert_eq!(board.finish(), "");
}

/// Scenario: more traces than fit, one with more spans than fit, and one that never ends.
/// Guarantees: the oldest is printed as it is, the rest of a large one is counted, memory stays bounded.
#[test]
fn the_board_is_bounded() {
    let mut board = Board::new(PLAIN);
    let mut printed = String::new();
    board.started(Entry::of_span(&record(1, 1, None, "root")));
    for span in 0..CONSOLE_SPANS_PER_TRACE_MAX as u64 + 3 {
        printed += &board.ended(Entry::of_span(&record(1, span + 2, Some(1), "child")));
    }
    for trace in 0..CONSOLE_TRACES_MAX as u128 {
        assert_eq!(printed, "");
        printed += &board.started(Entry::of_span(&record(trace + 2, 1, None, "root")));
    }
    assert_eq!(printed.lines().filter(|line| line.contains("child")).count(), CONSOLE_SPANS_PER_TRACE_MAX);
    assert!(printed.contains("… and 3 more") && printed.contains("… root is still open"), "{printed}");
}

/// Scenario: ids from outside make a circle of parents.
/// Guarantees: the board comes to an end.
#[test]
fn a_circle_of_parents_ends() {
    let mut board = Board::new(PLAIN);
    board.started(Entry::of_span(&record(1, 1, None, "root")));
    for (span, parent) in [(2, 3), (3, 2), (4, 4)] {
        board.started(Entry::of_span(&record(1, span, Some(parent), "child")));
    }
    for (span, parent) in [(2, 3), (3, 2), (4, 4)] {
        board.ended(Entry::of_span(&record(1, span, Some(parent), "child")));
    }
    board.ended(Entry::of_span(&record(1, 1, None, "root")));
    board.finish();
}

/// Scenario: a long stage beats on a lane with a console, its output captured.
/// Guarantees: progress is told while it runs, and the tree at its end; nothing is left over.
#[test]
fn progress_is_told() {
    use journey_trace::ContextExt;
    use journey_trace::lane::{Lane, LaneConfig};

    let kept = Kept::default();
    let console = Console::start_with(PLAIN, kept.clone()).unwrap();
    let interval = Some(Duration::from_secs(1));
    let lane = Lane::new(LaneConfig { beat_interval: interval, root_sampler: Arc::new(|_| true) });
    let of_lane = console.clone();
    lane.on_record(move |record| of_lane.signal(record));
    let parent = opentelemetry::Context::new().with_lane(lane.clone());
    let stage = crate::stage("price.simplify_model").key(crate::Key::Order, "ORD-1").parent(&parent).start();
    stage.progress(0.42);
    lane.beat(Instant::now());
    stage.end();
    console.finish(Instant::now() + Duration::from_secs(10));
    let printed = kept.text();
    let lines: Vec<&str> = printed.lines().collect();
    let [alive, trace, tree] = lines[..] else { panic!("not three lines: {printed}") };
    assert!(alive.starts_with("… stage price.simplify_model runs for "), "{alive}");
    assert!(alive.ends_with(": 42 %  order.id=ORD-1"), "{alive}");
    assert!(trace.starts_with("trace ") && trace.ends_with("  order.id=ORD-1"), "{trace}");
    assert!(tree.starts_with("  stage price.simplify_model  ok  "), "{tree}");
}

/// Scenario: an error output that blocks while more happens than the queue holds.
/// Guarantees: the work never waits, what is missing is counted, and a shutdown gives up in time.
#[test]
fn a_stuck_output_blocks_nobody() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let kept = Kept::default();
    let console = Console::start_with(PLAIN, Gated(gate.clone(), kept.clone())).unwrap();
    for span in 0..CONSOLE_QUEUE_EVENTS_MAX as u64 + 100 {
        console.tell(Event::Ended(Entry::of_span(&record(1, span + 1, None, "root"))));
    }
    let began = Instant::now();
    console.finish(began + Duration::from_millis(50));
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(closed);
    console.finish(Instant::now() + Duration::from_secs(10));
    assert!(kept.text().contains(" events came too fast to be shown"));
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes only while the gate is open; keeps it.
struct Gated(Arc<Mutex<()>>, Kept);

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _open = self.0.lock();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
