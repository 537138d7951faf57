//! One story per kind of fault, as `journey-analyzer explain` prints it.

use expect_test::{Expect, expect};
use journey_testkit::scenario::{self, EPOCH_NS};

use crate::{Definition, Engine, Sight, Story};

const SECOND_NS: u64 = 1_000_000_000;

/// Plays a scenario to the end and tells the story of order A there.
fn check(text: &str, until_s: u64, expected: Expect) {
    let shipped =
        include_str!("../../../journey-analyzer/journeys.yaml").replace("warm_up: 30d", "warm_up: 0");
    let definition = Definition::parse(&shipped).unwrap();
    let mut engine = Engine::new(definition.clone());
    let mut signals = scenario::signals(text).into_iter().peekable();
    let (mut attempts, mut verdict, mut standing) = (Vec::new(), None, Vec::new());
    for second in 0..=until_s {
        let now = EPOCH_NS + second * SECOND_NS;
        while let Some(signal) = signals.next_if(|signal| signal.at_ns <= now) {
            engine.observe(&signal.resource, &signal.span).unwrap();
        }
        let outputs = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, now);
        for (attempt, _) in outputs.attempts {
            attempts.retain(|known: &crate::Attempt| known.id != attempt.id);
            attempts.push((*attempt).clone());
        }
        verdict = outputs.journeys.iter().rfind(|row| *row.name == *"A").map(|row| row.verdict).or(verdict);
        standing.retain(|known| !outputs.cleared.contains(known));
        standing.extend(outputs.raised);
    }
    let now = EPOCH_NS + until_s * SECOND_NS;
    let story = Story::tell(&definition, "A", verdict.unwrap(), attempts, [], standing, EPOCH_NS, now);
    expected.assert_eq(&story.to_string());
}

const BEGUN: &str = "
    1s  shop-api/1  end    model_upload          trace=up cart.id=c1
    3s  crm-api/1   end    order_create          trace=up order.id=A cart.id=c1
    5s  mes-api/1   end    price.load_model      trace=price order.id=A
    6s  mes-api/1   start  price.simplify_model  trace=price order.id=A interval=15s
";
const PRICED: &str = "
    8s  mes-api/1   end    price.simplify_model  trace=price order.id=A took=2s
    9s  mes-api/1   end    price.estimate        trace=price order.id=A
    10s mes-api/1   end    price.final           trace=price order.id=A
";

/// Scenario: the process died in the middle of a calculation (fault `kill-mes`), before and after the next attempt.
/// Guarantees: the story says which stage is dead and why; then that the newer attempt took over.
#[test]
fn a_killed_process() {
    let beat =
        "21s mes-api/1 beat price.simplify_model trace=price order.id=A interval=15s idle=1s progress=0.25";
    check(
        &format!("{BEGUN}{beat}"),
        90,
        expect![[r#"
        order A: under way
          cart.id=c1  order.id=A

          00:00:00           model_upload             shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create             crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model         mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model     mes-api     1m 24s  running, 25 % done  trace 70e1a8077ddb69c2fcde4a40991071b3

        StageDead (no_beats): price.simplify_model has shown no sign of life since 00:00:21
          why: no beat for 4 intervals of 15s; its process is silent too; attempt 1 of price.simplify_model on mes-api-1
          trace: 70e1a8077ddb69c2fcde4a40991071b3
    "#]],
    );
    let next = "95s mes-api/2 start price.simplify_model trace=price order.id=A attempt=2 interval=15s";
    check(
        &format!("{BEGUN}{beat}\n{next}"),
        97,
        expect![[r#"
        order A: under way
          cart.id=c1  order.id=A

          00:00:00           model_upload             shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create             crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model         mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model     mes-api          ?  given up, a newer attempt began  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:01:35  +1m 30s  price.simplify_model #2  mes-api         2s  running  trace 70e1a8077ddb69c2fcde4a40991071b3
    "#]],
    );
}

/// Scenario: the work hangs while its process beats (fault `hung-stage`).
/// Guarantees: the story says since when it stands still, and how far it is.
#[test]
fn a_hung_stage() {
    let beats: Vec<String> = (1..=10)
        .map(|beat| {
            let (at, idle) = (6 + beat * 15, beat * 15);
            format!("{at}s mes-api/1 beat price.simplify_model trace=price order.id=A interval=15s idle={idle}s progress=0.4")
        })
        .collect();
    check(
        &format!("{BEGUN}{}", beats.join("\n")),
        160,
        expect![[r#"
        order A: under way
          cart.id=c1  order.id=A

          00:00:00           model_upload             shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create             crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model         mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model     mes-api     2m 34s  running, 40 % done  trace 70e1a8077ddb69c2fcde4a40991071b3

        StageDead (no_progress): price.simplify_model has stood still at 40 % since 00:00:06
          why: beats come, but its work showed no sign of life for more than 2m; attempt 1 on mes-api-1
          trace: 70e1a8077ddb69c2fcde4a40991071b3
    "#]],
    );
}

/// Scenario: the message with the price is lost (fault `lost-message`).
/// Guarantees: the story says what it waits for, since when, and that the limit has passed.
#[test]
fn a_lost_message() {
    check(
        &format!("{BEGUN}{PRICED}"),
        200,
        expect![[r#"
        order A: under way
          cart.id=c1  order.id=A

          00:00:00           model_upload             shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create             crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model         mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model     mes-api         2s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:08     +0ms  price.estimate           mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:09     +0ms  price.final              mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3

        waits for price_form since 00:00:10 (3m 10s), due by 00:02:10

        OrderStuck (not_started): waiting for price_form since 00:00:10
          why: price.final ended at 00:00:10, price_form was due within 2m
          trace: 70e1a8077ddb69c2fcde4a40991071b3
    "#]],
    );
}

/// Scenario: a status is sent before the one it belongs behind (fault `swapped-status`).
/// Guarantees: the story says which step came too early.
#[test]
fn a_swapped_status() {
    let text = format!(
        "{BEGUN}{PRICED}
        12s crm-api/1 end price_form trace=price order.id=A
        20s crm-api/1 end price_accept trace=accept order.id=A
        22s mes-api/1 end production_take trace=accept order.id=A production.id=p1
        30s mes-api/1 end status.polishing.mes trace=s1 order.id=A
        32s mes-api/1 end status.in_production.mes trace=s2 order.id=A"
    );
    check(
        &text,
        40,
        expect![[r#"
        order A: steps came in a wrong order
          cart.id=c1  order.id=A  production.id=p1

          00:00:00           model_upload                 shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create                 crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model             mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model         mes-api         2s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:08     +0ms  price.estimate               mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:09     +0ms  price.final                  mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:11      +1s  price_form                   crm-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:19      +7s  price_accept                 crm-api         1s  ok  trace 4fb49891211d2385e5afec9da371941b
          00:00:21      +1s  production_take              mes-api         1s  ok  trace 4fb49891211d2385e5afec9da371941b
          00:00:29      +7s  status.polishing.mes         mes-api         1s  ok  trace 62a755cebbb0eba619b9a62aba24ba23
          00:00:31      +1s  status.in_production.mes     mes-api         1s  ok  trace 0d1554f99caab84e21c7305f9f71c39b

        waits for status.in_production.crm since 00:00:32 (8s), due by 00:02:32
        waits for status.packed.mes since 00:00:30 (10s), due by Thu 2026-01-08 00:00:30

        OrderViolation (wrong_order): status.polishing.mes came before status.in_production.mes
          why: step 9 is status.polishing.mes, expected one of: order_shown, status.in_production.mes, status.in_production.crm, status.in_production.shop
          rule: flow
          trace: 62a755cebbb0eba619b9a62aba24ba23
    "#]],
    );
}

/// Scenario: a calculation is slow but reports progress (fault `slow-but-alive`).
/// Guarantees: the story says how far it is, and nothing is wrong.
#[test]
fn a_slow_stage() {
    let beats: Vec<String> = (1..=40)
        .map(|beat| {
            let (at, done) = (6 + beat * 15, f64::from(beat) / 50.0);
            format!("{at}s mes-api/1 beat price.simplify_model trace=price order.id=A interval=15s idle=1s progress={done}")
        })
        .collect();
    check(
        &format!("{BEGUN}{}", beats.join("\n")),
        610,
        expect![[r#"
        order A: under way
          cart.id=c1  order.id=A

          00:00:00           model_upload             shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create             crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model         mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model     mes-api     10m 4s  running, 80 % done  trace 70e1a8077ddb69c2fcde4a40991071b3
    "#]],
    );
}

/// Scenario: an attempt fails and no other follows.
/// Guarantees: the failed attempt is told, and the order waits for the stage again.
#[test]
fn a_failed_attempt() {
    let text = format!(
        "{BEGUN}
        9s mes-api/1 end price.simplify_model trace=price order.id=A took=3s outcome=failed error.type=BadMesh"
    );
    check(
        &text,
        20,
        expect![[r#"
        order A: under way
          cart.id=c1  order.id=A

          00:00:00           model_upload             shop-api        1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:02      +1s  order_create             crm-api         1s  ok  trace 926f02b26c4f2828f3ddc3872865400d
          00:00:04      +1s  price.load_model         mes-api         1s  ok  trace 70e1a8077ddb69c2fcde4a40991071b3
          00:00:06      +1s  price.simplify_model     mes-api         3s  failed: BadMesh  trace 70e1a8077ddb69c2fcde4a40991071b3

        waits for price.simplify_model since 00:00:09 (11s), due by 00:02:09
    "#]],
    );
}
