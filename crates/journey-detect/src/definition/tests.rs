//! Definitions as people write them: mistakes, each with its place, and what is read of the right ones.

use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&Definition::parse(text).unwrap_err().to_string());
}

/// Scenario: a definition with many mistakes in all its parts.
/// Guarantees: all are told at once, each with its place.
#[test]
fn all_mistakes_at_once() {
    check(
        "version: 2
keys: { order.id: anker, cart.id: alias }
stages:
  a: { kind: robot }
  b: { service: x, start_within: soon, colour: red }
flow: { sequence: [a, c, { twice: b }] }
rules: [ { name: flow, precedence: { first: a } } ]
",
        expect![[r#"
            1:10: the version must be 1
            2:7: exactly one key must be the anchor, not 0
            2:19: a key is one of anchor, alias, member, shared, context
            4:3: stage `a` names no `service`
            4:14: a stage is `machine` or `human`
            5:34: expected a duration such as 500ms, 15s, 2m, 1h, 30d or `3 working days`
            5:40: unknown field `colour`; known are service, kind, owner, start_within, finish_within, progress_within, size, match, observed
            6:23: no stage `c` under `stages`
            6:28: expected one of sequence, choice, parallel, optional, loop
            7:10: the name `flow` is taken
            7:36: `then` is missing"#]],
    );
}

/// Scenario: the text is no YAML, empty, or no map.
/// Guarantees: one mistake with its place.
#[test]
fn no_definition_at_all() {
    check("", expect!["1:1: the file is empty"]);
    check(
        "- a\n",
        expect![
            "1:1: expected a map with version, keys, order_by, defaults, stages, flow, rules, facets, trends"
        ],
    );
    check("keys: {\n", expect!["2:1: while parsing a node, did not find expected node content"]);
}

/// Scenario: a definition that uses every field.
/// Guarantees: it is read, with the defaults where it is silent.
#[test]
fn every_field() {
    let definition = Definition::parse(
        "version: 1
keys:
  order.id: anchor
  cart.id: alias
  user.id: context
  item.id: { kind: member, bound_in: [a] }
  package.id: shared
order_by: start
defaults: { stage_attribute: order.stage, beat_interval: 1s }
stages:
  a: { service: x, owner: team, start_within: 2m, progress_within: 90s, finish_within: 1h, size: bytes }
  b: { match: { service: printer, span: POST /labels, kind: server }, observed: false }
  c: { service: x, kind: human, start_within: 3 working days }
flow: { sequence: [a, { loop: { body: { optional: b } } }, { parallel: [c] }] }
rules:
  - { name: a_first, precedence: { first: a, then: c } }
  - { name: never_both, not_coexistence: [b, c] }
  - { name: no_b, absence: b }
  - { name: answered, response: { first: a, then: c, within: 2 working days } }
facets: [material]
",
    )
    .unwrap();
    assert_eq!(definition.order_by, OrderBy::Start);
    assert_eq!(definition.beat_interval_ns, 1_000_000_000);
    assert_eq!(definition.skew_ns, 50_000_000);
    assert_eq!(definition.stages[0].progress_within, Some(90_000_000_000));
    assert_eq!(definition.stages[1].service, "printer");
    assert!(!definition.stages[1].observed);
    assert_eq!(definition.stages[2].start_within, StartWithin::Any(Allowance::WorkingDays(3)));
    assert_eq!(definition.rules.len(), 4);
    let within = Some(Allowance::WorkingDays(2));
    assert_eq!(definition.rules[3].kind, RuleKind::Response { first: StageId(0), then: StageId(2), within });
    assert_eq!(
        (definition.keys[3].kind, &*definition.keys[3].bound_in),
        (KeyKind::Member, &[StageId(0)][..])
    );
    assert_eq!(definition.keys[4].kind, KeyKind::Shared);
    assert_eq!(definition.stage_named("c"), Some(StageId(2)));
}

/// Scenario: mistakes in keys with fields, and in rules.
/// Guarantees: each is told with its place.
#[test]
fn mistakes_in_keys_and_rules() {
    check(
        "version: 1
keys: { order.id: anchor, item.id: { kind: member, bound_in: [z] }, user.id: { kind: context, bound_in: [a] } }
stages: { a: { service: x }, b: { service: x } }
flow: [a, b]
rules:
  - { name: answered, response: { first: a, within: soon } }
  - { name: two, absence: a, precedence: { first: a, then: b } }
  - { name: none }
",
        expect![[r#"
            2:63: no stage `z` under `stages`
            2:105: only member and shared keys are bound in stages
            6:33: `then` is missing
            6:53: expected a duration such as 500ms, 15s, 2m, 1h, 30d or `3 working days`
            7:5: a rule demands one thing; write two rules
            8:5: a rule has one of precedence, response, absence, not_coexistence"#]],
    );
}
