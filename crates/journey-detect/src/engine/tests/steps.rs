//! Steps that come early, late, first, or where the flow has none.

use super::*;

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

/// Scenario: the analyzer sees its first order in the middle of its way.
/// Guarantees: within the warm-up nothing is held against it, and later silence still counts.
#[test]
fn an_order_under_way_on_the_first_day() {
    let definition = Definition::parse(include_str!("../../../../journey-analyzer/journeys.yaml")).unwrap();
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
    let definition = Definition::parse(include_str!("../../../../journey-analyzer/journeys.yaml")).unwrap();
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
