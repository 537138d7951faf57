//! Rules beside the flow, retry storms, and orders that are stuck though nothing limits them.

use super::*;

const THREE: &str = "version: 1
keys: { order.id: anchor }
defaults: { beat_interval: 15s, warm_up: 0, skew: 50ms }
stages: { a: { service: x }, b: { service: y }, c: { service: y }, note: { service: z } }
flow: [a, { optional: b }, c]
";

fn with_rule(rule: &str) -> Definition {
    Definition::parse(&format!("{THREE}rules: [ {{ name: r, {rule} }} ]\n")).unwrap()
}

/// Scenario: an answer comes in time, late, never, and is under way.
/// Guarantees: late and never are one finding each, which stays the same when the answer comes after all.
#[test]
fn a_response_is_due() {
    let definition = with_rule("response: { first: a, then: b, within: 1m }");
    let log = |text: &str| play(definition.clone(), text, 200).1;
    assert_eq!(log("1s x/1 end a order.id=A\n 50s y/1 end b order.id=A\n 60s y/1 end c order.id=A"), "");
    assert_eq!(
        log("1s x/1 end a order.id=A\n 90s y/1 end b order.id=A\n 99s y/1 end c order.id=A"),
        "61s raised OrderViolation A rule: no b came within 1m after a\n"
    );
    assert_eq!(
        log("1s x/1 end a order.id=A\n 5s y/1 end c order.id=A"),
        "61s raised OrderViolation A rule: no b came within 1m after a\n"
    );
    assert_eq!(
        log("1s x/1 end a order.id=A\n 50s y/1 start b order.id=A\n 80s y/1 end b order.id=A took=30s"),
        ""
    );
}

/// Scenario: a response without a limit, in an order that is over and in one that goes on.
/// Guarantees: only the one that is over breaks it, after the grace for late spans.
#[test]
fn a_response_without_a_limit_is_due_at_the_end() {
    let definition = with_rule("response: { first: a, then: b }");
    let (_, log) = play(definition.clone(), "1s x/1 end a order.id=A", 200);
    assert_eq!(log, "");
    let (_, log) = play(definition, "1s x/1 end a order.id=A\n 5s y/1 end c order.id=A", 200);
    assert_eq!(log, "65s raised OrderViolation A rule: no b came after a\n");
}

/// Scenario: a stage comes without the one that must precede it, which the flow can do without; it comes late, or later
/// in event time.
/// Guarantees: held against the order after the grace; a late span explains it.
#[test]
fn a_precedence_holds_without_its_first_stage() {
    let definition = with_rule("precedence: { first: b, then: c }");
    let (_, log) = play(definition.clone(), "1s x/1 end a order.id=A\n 5s y/1 end c order.id=A", 200);
    assert_eq!(log, "64s raised OrderViolation A rule: c came without b\n");
    let mut signals = scenario::signals(
        "1s x/1 end a order.id=A
         3s y/1 end b order.id=A
         5s y/1 end c order.id=A",
    );
    signals[1].at_ns = EPOCH_NS + 100 * SECOND_NS;
    signals.swap(1, 2);
    let mut engine = Engine::new(definition);
    let log = play_on(&mut engine, signals, 200, |_| Sight::Seeing { since_ns: EPOCH_NS });
    assert_eq!(
        log,
        "64s raised OrderViolation A rule: c came without b\n\
         100s cleared OrderViolation A rule: c came without b\n"
    );
}

fn failures(count: u64, from_s: u64, order: &str) -> String {
    (0..count)
        .map(|n| {
            format!("{}s y/1 end b order.id={order} attempt={} outcome=failed\n", from_s + n * 10, n + 1)
        })
        .collect()
}

/// Scenario: a stage fails four times, five times, and then goes well.
/// Guarantees: five are a storm, told at the fifth, cleared by the success; the journey remembers it.
#[test]
fn a_stage_that_fails_again_and_again_is_told() {
    let definition = Definition::parse(THREE).unwrap();
    let begin = "1s x/1 end a order.id=A\n".to_owned();
    let (_, log) = play(definition.clone(), &(begin.clone() + &failures(4, 10, "A")), 200);
    assert_eq!(log, "");
    let text = begin + &failures(12, 10, "A") + "150s y/1 end b order.id=A attempt=13\n";
    let (engine, log) = play(definition, &text, 200);
    assert_eq!(
        log,
        "50s raised RetryStorm A retries: b has failed again and again since 00:00:09\n\
         150s cleared RetryStorm A retries: b has failed again and again since 00:00:09\n"
    );
    let row = engine.told_rows().next().unwrap();
    assert_eq!((row.storms.len(), row.storms[0].attempts, row.verdict), (1, 12, Verdict::Open));
    assert_eq!(row.storms[0].at_ns, EPOCH_NS + 50 * SECOND_NS);
}

/// Scenario: a stage that fails a few times in every order.
/// Guarantees: that is usual, and no storm; four times as many still are.
#[test]
fn what_fails_in_every_order_is_no_storm() {
    let mut text = String::new();
    for n in 0..30 {
        text += &format!("{}s x/1 end a order.id=o{n}\n", n * 100);
        text += &failures(if n == 29 { 20 } else { 6 }, n * 100 + 5, &format!("o{n}"));
    }
    let (engine, _) = play(Definition::parse(THREE).unwrap(), &text, 3_300);
    let rows = engine.told_rows();
    let storms: Vec<&str> = rows.filter(|row| !row.storms.is_empty()).map(|row| &*row.name).collect();
    assert_eq!(storms, ["o29"]);
    let standing: Vec<&str> = engine.standing().map(|finding| &*finding.key.order).collect();
    assert_eq!(standing, ["o29"]);
}

/// Scenario: three hundred orders wait 60 s between two stages without limits, one waits for ever, one stage never ends.
/// Guarantees: both are found, nothing else is; while few orders are known only what lasts ten times as long, and while
/// very few are, nothing.
#[test]
fn what_lasts_longer_than_others_is_stuck() {
    let text = |orders: u64| {
        let mut text = String::new();
        for n in 0..orders {
            let at = n * 10 + 1;
            text += &format!("{at}s x/1 end a order.id=o{n}\n");
            text += &format!("{}s y/1 end c order.id=o{n} took=30s\n", at + 60 + n % 20 + 30);
        }
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = orders * 10;
        lines.push(format!("{at}s x/1 end a order.id=waits"));
        lines.push(format!("{at}s x/1 end a order.id=works"));
        lines.push(format!("{}s y/1 start c order.id=works", at + 60));
        lines.sort_by_key(|line| scenario::nanos(line.split(' ').next().unwrap()));
        lines.join("\n")
    };
    let stuck = |orders| {
        let (_, log) = play(Definition::parse(THREE).unwrap(), &text(orders), orders * 10 + 1_000);
        log.lines()
            .map(|line| line.split(' ').skip(1).take(4).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(stuck(20), [] as [&str; 0]);
    // After a minute and a half in all others the one that waits is not judged yet.
    assert_eq!(stuck(100), ["raised OrderStuck works not_finished:"]);
    assert_eq!(stuck(300), ["raised OrderStuck works not_finished:", "raised OrderStuck waits not_started:"]);
}

/// Scenario: rules, and steps of one very moment of one instance; a step that may not come where it came.
/// Guarantees: what may have come in the right order did; a rule sees every step, wherever it came.
#[test]
fn rules_see_every_step_and_no_order_within_a_moment() {
    let log = |rule: &str, text: &str| play(with_rule(rule), text, 200).1;
    let tied = "1s y/1 end a order.id=A\n 5s y/1 end c order.id=A span=s1\n 5s y/1 end b order.id=A span=s2";
    for (first, then) in [("b", "c"), ("c", "b")] {
        assert_eq!(log(&format!("precedence: {{ first: {first}, then: {then} }}"), tied), "");
        assert_eq!(log(&format!("response: {{ first: {first}, then: {then}, within: 1m }}"), tied), "");
    }
    let extra = "1s x/1 end a order.id=A\n 5s y/1 end c order.id=A\n 9s y/1 end b order.id=A";
    assert_eq!(
        log("absence: b", extra),
        "9s raised OrderViolation A rule: b may not happen\n\
         68s raised OrderViolation A wrong_order: b came where it may not come\n"
    );
}
