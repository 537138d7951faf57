mod evidence;
mod identity;
mod order;
mod rest;
mod rules;
mod samples;
mod shuffled;
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

/// Scenario: the end of a stage is lost with its process, and the next stage is begun by the next process.
/// Guarantees: the running stage is closed by the step that could not have come without it.
#[test]
fn a_later_step_closes_a_running_stage() {
    check(
        &format!(
            "{UP_TO_PRICE}
            21s mes-api/1 beat price.simplify_model order.id=A idle=1s interval=15s
            30s mes-api/2 start price.estimate order.id=A interval=15s
            44s mes-api/2 beat price.estimate order.id=A idle=0s interval=15s
            50s mes-api/2 end price.estimate order.id=A took=20s"
        ),
        160,
        expect![""],
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

/// Scenario: `packed` is sent two seconds before `polishing`.
/// Guarantees: one finding, which names the first step that came too early.
#[test]
fn a_swapped_status_is_a_violation() {
    let text =
        delivered().replace("packed", "tmp").replace("polishing", "packed").replace("tmp", "polishing");
    check(
        &text,
        100,
        expect![[r#"
            50s raised OrderViolation A wrong_order: status.packed.mes came before status.polishing.mes
        "#]],
    );
}

/// Scenario: calculations run while the analyzer is blind for a minute, and no beat of that minute was kept.
/// Guarantees: nothing is raised; a process that died meanwhile is found once sight has lasted long enough.
#[test]
fn silence_proves_nothing_while_blind() {
    let sight = |second| match second {
        0..30 => Sight::Seeing { since_ns: EPOCH_NS },
        30..90 => Sight::Blind,
        _ => Sight::Seeing { since_ns: EPOCH_NS + 90 * SECOND_NS },
    };
    let alive = format!(
        "{UP_TO_PRICE}
        21s mes-api/1 beat price.simplify_model order.id=A idle=1s interval=15s
        96s mes-api/1 beat price.simplify_model order.id=A idle=1s interval=15s"
    );
    let mut engine = Engine::new(shipped());
    assert_eq!(play_on(&mut engine, scenario::signals(&alive), 150, sight), "");
    let dead: String =
        alive.lines().filter(|line| !line.contains("96s")).map(|line| format!("{line}\n")).collect();
    let mut engine = Engine::new(shipped());
    expect![[r#"
        150s raised StageDead A no_beats: price.simplify_model has shown no sign of life since 00:00:21
    "#]]
    .assert_eq(&play_on(&mut engine, scenario::signals(&dead), 160, sight));
}

/// Scenario: the analyzer is restarted from what was stored, at every second of a story with a finding.
/// Guarantees: what was raised is not raised again, and is cleared as it would have been.
#[test]
fn a_restart_changes_nothing() {
    let text = format!(
        "{UP_TO_PRICE}
        95s mes-api/2 start price.simplify_model order.id=A attempt=2 interval=15s
        99s mes-api/2 end price.simplify_model order.id=A attempt=2 took=4s"
    );
    let seeing = |_| Sight::Seeing { since_ns: EPOCH_NS };
    let (_, whole) = play(shipped(), &text, 110);
    for cut in [0, 5, 30, 66, 70, 95, 100] {
        let (before, after): (Vec<Signal>, Vec<Signal>) = scenario::signals(&text)
            .into_iter()
            .partition(|signal| signal.at_ns <= EPOCH_NS + cut * SECOND_NS);
        let mut engine = Engine::new(shipped());
        let first = play_on(&mut engine, before, cut, seeing);
        let mut engine = restart(&engine);
        let second = play_on(&mut engine, after, 110, seeing);
        assert_eq!(format!("{first}{second}"), whole, "restarted at {cut} s");
    }
}

/// Another engine with what this one has reported.
fn restart(engine: &Engine) -> Engine {
    let mut attempts: Vec<(Arc<Attempt>, JourneyNames)> = Vec::new();
    for plain in engine.plains.values() {
        attempts.extend(plain.attempts().map(|attempt| (attempt.clone(), [plain.name().clone()].into())));
    }
    for group in engine.said.keys() {
        let (parts, _) = engine.identity.parts(&engine.definition, *group);
        attempts.extend(parts.iter().flat_map(|part| {
            part.attempts.iter().map(|id| (engine.attempts[id].clone(), [part.name.clone()].into()))
        }));
    }
    let standing: Vec<Finding> = engine.standing.values().flatten().cloned().collect();
    Engine::restore(shipped(), attempts, [], standing, engine.first_signal_ns())
}

/// Scenario: a missing step was held against an order, and the analyzer restarts or goes blind for a while.
/// Guarantees: the finding goes on standing, and a restart reports no attempt that did not change.
#[test]
fn a_violation_outlives_restart_and_blindness() {
    let text = "1s shop-api/1 end model_upload cart.id=c1
        3s crm-api/1 end order_create order.id=A cart.id=c1
        6s mes-api/1 end price.estimate order.id=A";
    let (engine, log) = play(shipped(), text, 100);
    assert_eq!(
        log,
        "65s raised OrderViolation A missing_step: price.estimate came without price.load_model, \
         price.simplify_model\n"
    );
    let mut engine = restart(&engine);
    let first = engine.look(Sight::Blind, EPOCH_NS + 101 * SECOND_NS);
    assert_eq!((first.attempts, first.raised, first.cleared), (vec![], vec![], vec![]));
    let seeing = |_| Sight::Seeing { since_ns: EPOCH_NS + 110 * SECOND_NS };
    assert_eq!(
        play_on(&mut engine, Vec::new(), 300, seeing),
        "230s raised OrderStuck A not_started: waiting for price.final since 00:00:06\n"
    );
}

/// Scenario: a step arrives long before all the steps that lead to it, and later a second time for good.
/// Guarantees: nothing is raised while they may still come; what no missing step explains is raised after the grace.
#[test]
fn a_step_that_arrives_early_is_given_time() {
    let late = format!("{UP_TO_PRICE}{PRICED}").replace("interval=15s", "");
    let mut signals = scenario::signals(&late);
    let form = signals.iter().position(|signal| signal.span.name == "stage price_form").unwrap();
    let form = signals.remove(form);
    let mut engine = Engine::new(shipped());
    let mut raised = Vec::new();
    for signal in std::iter::once(form).chain(signals) {
        engine.observe(&signal.resource, &signal.span).unwrap();
        raised.extend(engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 13 * SECOND_NS).raised);
    }
    assert_eq!(raised, []);
    check(
        &format!("{UP_TO_PRICE}{PRICED} 24s crm-api/1 end price_form order.id=A attempt=2"),
        90,
        expect![[r#"
            83s raised OrderViolation A wrong_order: price_form came where it may not come
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

/// Scenario: the analyzer sees its first order in the middle of its way.
/// Guarantees: within the warm-up nothing is held against it, and later silence still counts.
#[test]
fn an_order_under_way_on_the_first_day() {
    let definition = Definition::parse(include_str!("../../../journey-analyzer/journeys.yaml")).unwrap();
    let (engine, log) = play(
        definition,
        "10s mes-api/1 end price.final order.id=A
         12s crm-api/1 end price_form order.id=A
         20s crm-api/1 end price_accept order.id=A",
        200,
    );
    assert_eq!(log, "140s raised OrderStuck A not_started: waiting for production_take since 00:00:20\n");
    let row = engine.told_rows().next().unwrap();
    assert_eq!(row.verdict, Verdict::EvidenceGap);
}

/// Scenario: the analyzer starts while an order is anywhere on its way, for each step that may be the first seen.
/// Guarantees: the order that goes on to its end raises nothing; the one that stops after the first step seen is
/// waited for, where exactly one thing can come next.
#[test]
fn the_first_step_seen_may_be_any() {
    let statuses = ["in_production", "polishing", "packed", "delivered"];
    let hops = statuses.iter().flat_map(|to| ["mes", "crm", "shop"].map(|hop| format!("status.{to}.{hop}")));
    let before =
        ["order_create", "price.load_model", "price.simplify_model", "price.estimate", "price.final"];
    let accepted = ["price_form", "price_accept", "production_take"];
    let stages: Vec<String> = before.into_iter().chain(accepted).map(String::from).chain(hops).collect();
    let line = |(at, stage): (usize, &String)| {
        format!("{}s x-api/1 end {stage} trace=t{at} order.id=A\n", 2 * at + 2)
    };
    let lines: Vec<String> = stages.iter().enumerate().map(line).collect();
    let definition = Definition::parse(include_str!("../../../journey-analyzer/journeys.yaml")).unwrap();
    for first in 0..lines.len() {
        let (_, log) = play(definition.clone(), &lines[first..].concat(), 200);
        assert_eq!(log, "", "first seen: {}", stages[first]);
    }
    let (_, log) = play(definition, &lines[4], 200);
    assert_eq!(log, "130s raised OrderStuck A not_started: waiting for price_form since 00:00:10\n");
}

/// Scenario: the start marker of a stage is lost, its beats come; later they stop.
/// Guarantees: the stage runs, nobody waits for it, and its death is found.
#[test]
fn a_stage_without_its_start_marker_runs() {
    let mut text = "1s shop-api/1 end model_upload cart.id=c1
        3s crm-api/1 end order_create order.id=A cart.id=c1
        6s mes-api/1 end price.load_model order.id=A\n"
        .to_owned();
    for beat in 1..=12 {
        text += &format!(
            "{}s mes-api/1 beat price.simplify_model order.id=A idle=1s interval=15s\n",
            6 + beat * 15
        );
    }
    check(
        &text,
        250,
        expect![[r#"
            246s raised StageDead A no_beats: price.simplify_model has shown no sign of life since 00:03:06
        "#]],
    );
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

/// Scenario: a stage that the definition lists but the flow does not have comes, once forbidden by a rule.
/// Guarantees: it disturbs nothing beside the rule.
#[test]
fn a_stage_beside_the_flow() {
    let text = "version: 1
keys: { order.id: anchor }
stages: { a: { service: x }, b: { service: x }, note: { service: x } }
flow: [a, b]
";
    let signals = "1s x/1 end a order.id=A\n 3s x/1 end note order.id=A\n 5s x/1 end b order.id=A";
    assert_eq!(play(Definition::parse(text).unwrap(), signals, 100).1, "");
    let forbidden =
        Definition::parse(&format!("{text}rules: [ {{ name: no_note, absence: note }} ]\n")).unwrap();
    assert_eq!(play(forbidden, signals, 100).1, "3s raised OrderViolation A rule: note may not happen\n");
}

/// Scenario: nothing happens to an open order for longer than `expire_after`.
/// Guarantees: it leaves memory, what stood is cleared, nothing is raised.
#[test]
fn an_abandoned_order_expires() {
    let text = include_str!("../../../journey-analyzer/journeys.yaml")
        .replace("expire_after: 30d", "expire_after: 5m");
    let (engine, log) =
        play(Definition::parse(&text).unwrap(), "1s mes-api/1 end price_request production.id=p9", 400);
    assert_eq!(engine.journeys(), 0);
    assert_eq!(engine.counters().expired, 1);
    expect![[r#"
        121s raised OrderStuck production.id=p9 not_started: waiting for order_create since 00:00:01
        301s cleared OrderStuck production.id=p9 not_started: waiting for order_create since 00:00:01
    "#]]
    .assert_eq(&log);
}
