//! Blindness, restarts, and orders that are abandoned.

use super::*;

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

/// Scenario: nothing happens to an open order for longer than `expire_after`.
/// Guarantees: it leaves memory, what stood is cleared, nothing is raised.
#[test]
fn an_abandoned_order_expires() {
    let text = include_str!("../../../../journey-analyzer/journeys.yaml")
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
