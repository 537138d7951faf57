//! The engine as a whole: scenarios in, what is raised and cleared out.

mod evidence;
mod identity;
mod order;
mod plain;
mod rest;
mod rules;
mod samples;
mod shuffled;
mod silence;
mod steps;
mod trends;

use expect_test::{Expect, expect};
use journey_testkit::scenario::{self, EPOCH_NS, Signal};

use super::*;
use crate::{Alert, Attempt, Definition, JourneyRow, Verdict};

const SECOND_NS: Nanos = 1_000_000_000;

/// The shipped definition, with no warm-up: every scenario tells its orders whole.
fn shipped() -> Definition {
    let text = include_str!("../../../journey-analyzer/journeys.yaml").replace("warm_up: 30d", "warm_up: 0");
    Definition::parse(&text).unwrap()
}

impl Engine {
    /// What was said last of each journey.
    fn told_rows(&self) -> impl Iterator<Item = &JourneyRow> {
        self.said.values().flat_map(|said| &said.rows).map(|row| &**row)
    }

    /// What a span says.
    fn observed(
        &mut self,
        resource: &journey_model::Resource<'_>,
        span: &journey_model::SpanRecord<'_>,
    ) -> Observation {
        self.observer.observe(&self.definition, &mut self.names, resource, span)
    }

    /// Attempts in memory that are not packed.
    fn awake_attempts(&self) -> usize {
        self.attempts.len() + self.plains.values().map(Plain::len).sum::<usize>()
    }
}

/// Plays a scenario second by second, seeing all the time, and writes down what is raised and cleared.
fn play(definition: Definition, text: &str, until_s: u64) -> (Engine, String) {
    let mut engine = Engine::new(definition);
    let log =
        play_on(&mut engine, scenario::signals(text), until_s, |_| Sight::Seeing { since_ns: EPOCH_NS });
    (engine, log)
}

fn play_on(engine: &mut Engine, signals: Vec<Signal>, until_s: u64, sight: impl Fn(u64) -> Sight) -> String {
    let mut log = String::new();
    let mut signals = signals.into_iter().peekable();
    for second in 0..=until_s {
        let now = EPOCH_NS + second * SECOND_NS;
        while let Some(signal) = signals.next_if(|signal| signal.at_ns <= now) {
            engine.observe(&signal.resource, &signal.span).unwrap();
        }
        let outputs = engine.look(sight(second), now);
        for (word, findings) in [("cleared", &outputs.cleared), ("raised", &outputs.raised)] {
            for Finding { key, reason, summary, .. } in findings {
                log += &format!("{second}s {word} {} {} {reason}: {summary}\n", key.alert, key.order);
            }
        }
    }
    log
}

fn check(text: &str, until_s: u64, expected: Expect) {
    expected.assert_eq(&play(shipped(), text, until_s).1);
}

/// An order from the cart to the price, and accepted.
const UP_TO_PRICE: &str = "
    1s  shop-api/1  end    model_upload          cart.id=c1
    3s  crm-api/1   end    order_create          order.id=A cart.id=c1
    4s  shop-api/1  end    order_shown           order.id=A
    5s  mes-api/1   start  price.load_model      order.id=A interval=15s
    6s  mes-api/1   end    price.load_model      order.id=A
    6s  mes-api/1   start  price.simplify_model  order.id=A interval=15s
";
const PRICED: &str = "
    8s  mes-api/1   end    price.simplify_model  order.id=A took=2s
    9s  mes-api/1   end    price.estimate        order.id=A
    10s mes-api/1   end    price.final           order.id=A
    12s crm-api/1   end    price_form            order.id=A
    20s crm-api/1   end    price_accept          order.id=A
    22s mes-api/1   end    production_take       order.id=A production.id=p1
";

fn delivered() -> String {
    let mut text = format!("{UP_TO_PRICE}{PRICED}");
    for (at, status) in [(30, "in_production"), (40, "polishing"), (50, "packed"), (60, "delivered")] {
        text += &format!("{at}s mes-api/1 end status.{status}.mes production.id=p1 took=100ms\n");
        text += &format!("{}s crm-api/1 end status.{status}.crm order.id=A took=100ms\n", at + 1);
        text += &format!("{}s shop-api/1 end status.{status}.shop order.id=A took=100ms\n", at + 2);
    }
    text
}

/// Scenario: an order goes through paths 1, 2, 4 and 5.
/// Guarantees: no finding, and it is done.
#[test]
fn a_healthy_order_raises_nothing() {
    let (engine, log) = play(shipped(), &delivered(), 1_000_000);
    assert_eq!(log, "");
    let rows: Vec<&JourneyRow> = engine.told_rows().collect();
    assert_eq!(rows.len(), 1);
    assert_eq!((&*rows[0].name, rows[0].verdict), ("A", Verdict::Ok { is_final: false }));
}

/// Scenario: a partner's request goes through path 3; its spans have only production.id before the order exists.
/// Guarantees: one journey, and the message lost before the order exists is found.
#[test]
fn a_partners_order() {
    check(
        "1s mes-api/1 end price_request production.id=p9",
        200,
        expect![[r#"
            121s raised OrderStuck production.id=p9 not_started: waiting for order_create since 00:00:01
        "#]],
    );
    let (engine, log) = play(
        shipped(),
        "1s mes-api/1 end price_request production.id=p9
         130s crm-api/1 end order_create production.id=p9 order.id=B",
        131,
    );
    assert_eq!(
        log,
        "121s raised OrderStuck production.id=p9 not_started: waiting for order_create since 00:00:01\n\
         130s cleared OrderStuck production.id=p9 not_started: waiting for order_create since 00:00:01\n"
    );
    assert_eq!(engine.told_rows().map(|row| &*row.name).collect::<Vec<_>>(), ["B"]);
}

/// Scenario: the process of a running stage dies; later a newer attempt begins and goes on to the end.
/// Guarantees: dead after four intervals, cleared by the newer attempt, no second finding.
#[test]
fn a_dead_process_is_found_and_forgiven() {
    check(
        &format!(
            "{UP_TO_PRICE}
            21s mes-api/1 beat price.simplify_model order.id=A idle=1s interval=15s
            95s mes-api/2 start price.simplify_model order.id=A attempt=2 interval=15s
            99s mes-api/2 end price.simplify_model order.id=A attempt=2 took=4s
            100s mes-api/2 end price.estimate order.id=A
            101s mes-api/2 end price.final order.id=A"
        ),
        110,
        expect![[r#"
            81s raised StageDead A no_beats: price.simplify_model has shown no sign of life since 00:00:21
            95s cleared StageDead A no_beats: price.simplify_model has shown no sign of life since 00:00:21
        "#]],
    );
}

/// Scenario: start and end of a stage are lost with its process.
/// Guarantees: the step counts as unseen once the process is known to have vanished, and is never held against the
/// order; of a process that lives on, it is.
#[test]
fn a_missing_step_of_a_vanished_process_is_unseen() {
    let lost = |tail: &str| {
        format!(
            "1s shop-api/1 end model_upload cart.id=c1
             3s crm-api/1 end order_create order.id=A cart.id=c1
             4s mes-api/1 process running
             30s mes-api/2 end price.simplify_model order.id=A
             {tail}"
        )
    };
    check(&lost(""), 95, expect![""]);
    let lives: String = (1..20).map(|n| format!("{}s mes-api/1 process running\n", n * 5)).collect();
    let mut lines: Vec<String> = lost(&lives).lines().map(str::to_owned).collect();
    lines.sort_by_key(|line| scenario::nanos(line.split_whitespace().next().unwrap()));
    check(
        &lines.join("\n"),
        95,
        expect![[r#"
            89s raised OrderViolation A missing_step: price.simplify_model came without price.load_model
        "#]],
    );
}

/// Scenario: beats come, but the work shows no sign of life; then it moves again.
/// Guarantees: found as soon as a beat says so, cleared by the next sign of life.
#[test]
fn a_hung_stage_is_found_though_it_beats() {
    let mut text = UP_TO_PRICE.to_owned();
    for beat in 1..=11 {
        let idle = if beat <= 10 { beat * 15 } else { 3 };
        text += &format!(
            "{}s mes-api/1 beat price.simplify_model order.id=A interval=15s progress=0.25 idle={idle}s\n",
            6 + beat * 15
        );
    }
    check(
        &text,
        180,
        expect![[r#"
            141s raised StageDead A no_progress: price.simplify_model has stood still at 25 % since 00:00:06
            171s cleared StageDead A no_progress: price.simplify_model has stood still at 25 % since 00:00:06
        "#]],
    );
}

/// Scenario: a calculation of forty minutes beats and moves.
/// Guarantees: nothing is raised.
#[test]
fn a_long_calculation_that_moves_is_alive() {
    let mut text = UP_TO_PRICE.to_owned();
    for beat in 1..=160 {
        let at = 6 + beat * 15;
        text += &format!("{at}s mes-api/1 beat price.simplify_model order.id=A interval=15s idle=2s\n");
    }
    check(&text, 2406, expect![""]);
}

/// Scenario: the message after the price is lost; much later it comes.
/// Guarantees: stuck, waiting for the stage that did not come; cleared by it.
#[test]
fn a_lost_message_is_found() {
    let mut text = format!("{UP_TO_PRICE}{PRICED}")
        .replace("12s crm-api/1   end    price_form", "200s crm-api/1 end price_form");
    text.truncate(text.find("20s crm-api/1   end    price_accept").unwrap());
    check(
        &text,
        210,
        expect![[r#"
            130s raised OrderStuck A not_started: waiting for price_form since 00:00:10
            200s cleared OrderStuck A not_started: waiting for price_form since 00:00:10
        "#]],
    );
}

/// Scenario: a status of the third hop is lost; its own chain waits for a person before that.
/// Guarantees: the hop is waited for from the moment the hop before it was seen.
#[test]
fn a_lost_hop_is_found() {
    let text = delivered();
    let lost: Vec<&str> = text.lines().filter(|line| !line.contains("delivered.shop")).collect();
    check(
        &lost.join("\n"),
        400,
        expect![[r#"
            181s raised OrderStuck A not_started: waiting for status.delivered.shop since 00:01:01
        "#]],
    );
}

/// Scenario: one cart is claimed by two orders, in both orders of arrival.
/// Guarantees: it belongs to the order that claimed it first in event time, and the conflict is reported once.
#[test]
fn a_cart_claimed_twice_belongs_to_the_first() {
    let lines = [
        "1s shop-api/1 end model_upload cart.id=c1",
        "3s crm-api/1 end order_create order.id=A cart.id=c1",
        "9s crm-api/1 end order_create order.id=B cart.id=c1",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut engine = Engine::new(shipped());
        let mut conflicts = Vec::new();
        for line in order.map(|at| lines[at]) {
            let signal = scenario::signals(line).remove(0);
            engine.observe(&signal.resource, &signal.span).unwrap();
            conflicts.extend(engine.look(Sight::Seeing { since_ns: 0 }, EPOCH_NS).conflicts);
        }
        let [conflict] = &conflicts[..] else { panic!("{conflicts:?}") };
        assert_eq!((&*conflict.key, &*conflict.value), ("cart.id", "c1"));
        assert_eq!(conflict.anchors, ["A".into(), "B".into()]);
        let uploads: Vec<&str> =
            engine.told_rows().filter(|row| row.span_ns.0 == EPOCH_NS).map(|row| &*row.name).collect();
        assert_eq!(uploads, ["A"], "{order:?}");
    }
}

/// Scenario: spans without a key share a trace with one that has a key, before and after it comes.
/// Guarantees: they belong to its journey.
#[test]
fn spans_without_a_key_follow_their_trace() {
    let (engine, _) = play(
        shipped(),
        "1s shop-api/1 end model_upload trace=t
         3s crm-api/1 end order_create trace=t order.id=A
         4s shop-api/1 end order_shown trace=t",
        5,
    );
    let group = engine.said.keys().next().copied().unwrap();
    assert_eq!(engine.identity.attempts_in(group), 3);
}

/// Scenario: every order claims the same cart, and one order has no end of attempts.
/// Guarantees: every order is judged all the same, memory keeps its bound, and what was refused is counted.
#[test]
fn a_shared_alias_and_an_endless_order_stay_bounded() {
    let mut engine = Engine::new(shipped());
    let mut refused = 0;
    for n in 0..6_000 {
        let order = if n % 2 == 0 { "endless".to_owned() } else { format!("o{n}") };
        let line =
            format!("{n}ms crm-api/1 end order_create order.id={order} cart.id=default span=s{n} took=0s");
        let signal = scenario::signals(&line).remove(0);
        refused += u64::from(engine.observe(&signal.resource, &signal.span).is_err());
    }
    engine.look(Sight::Seeing { since_ns: 0 }, EPOCH_NS + SECOND_NS);
    let counters = engine.counters();
    assert_eq!((counters.journey_full, counters.ties_refused), (refused, 1_976));
    assert_eq!(engine.awake_attempts(), 6_000 - refused as usize);
    let others = engine.told_rows().filter(|row| row.name.starts_with('o'));
    assert_eq!(others.count(), 3_000);
}
