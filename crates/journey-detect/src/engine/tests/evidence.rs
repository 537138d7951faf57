//! Steps that were perhaps not seen, and the way of the signals itself.

use super::*;

const LINE: &str = "version: 1
keys: { order.id: anchor }
defaults: { beat_interval: 15s, warm_up: 0, skew: 0 }
stages: { a: { service: x }, b: { service: y }, c: { service: x } }
flow: [a, b, c]
";

/// Orders one after the other, each a, b and c; the signals of y are numbered. `lost` says which of y are lost.
fn orders(count: u64, lost: impl Fn(u64) -> bool) -> String {
    let mut text = String::new();
    for n in 0..count {
        let at = n * 10 + 1;
        text += &format!("{at}s x/1 end a order.id=o{n}\n");
        if !lost(n) {
            text += &format!("{}s y/1 end b order.id=o{n} seq={}\n", at + 3, n + 1);
        }
        text += &format!("{}s x/1 end c order.id=o{n}\n", at + 6);
    }
    text
}

fn verdicts(engine: &Engine, verdict: Verdict) -> Vec<&str> {
    let rows = engine.told_rows();
    let mut names: Vec<&str> = rows.filter(|row| row.verdict == verdict).map(|row| &*row.name).collect();
    names.sort_unstable();
    names
}

/// Scenario: one number is missing; two orders miss the step, one while the number was given, one long after.
/// Guarantees: the first is excused, the second held against the order.
#[test]
fn a_missing_number_excuses_one_step() {
    let text = orders(12, |n| n == 4) + "500s x/1 end a order.id=late\n 510s x/1 end c order.id=late\n";
    let (engine, log) = play(Definition::parse(LINE).unwrap(), &text, 600);
    assert_eq!(verdicts(&engine, Verdict::EvidenceGap), ["o4"]);
    assert_eq!(verdicts(&engine, Verdict::Violated), ["late"]);
    assert_eq!(log, "569s raised OrderViolation late missing_step: c came without b\n");
    assert!((engine.loss_rate().unwrap() - 1.0 / 12.0).abs() < 1e-9);
}

/// Scenario: three orders overlap and miss the step, one number is missing; and a service without numbers.
/// Guarantees: no more steps are excused than numbers are missing; without numbers none is.
#[test]
fn no_more_steps_are_excused_than_numbers_are_missing() {
    let text = "1s y/1 end b order.id=z seq=1
        2s x/1 end a order.id=p
        2s x/1 end a order.id=q
        2s x/1 end a order.id=r
        8s x/1 end c order.id=p
        9s x/1 end c order.id=q
        10s x/1 end c order.id=r
        11s y/1 end b order.id=z attempt=2 outcome=failed seq=3";
    let (engine, _) = play(Definition::parse(LINE).unwrap(), text, 200);
    assert_eq!(verdicts(&engine, Verdict::EvidenceGap), ["p"]);
    assert_eq!(verdicts(&engine, Verdict::Violated), ["q", "r", "z"]);
    let unnumbered: Vec<&str> = text.lines().map(|line| line.split(" seq=").next().unwrap()).collect();
    let (engine, _) = play(Definition::parse(LINE).unwrap(), &unnumbered.join("\n"), 200);
    assert_eq!(verdicts(&engine, Verdict::EvidenceGap), [] as [&str; 0]);
}

/// Scenario: a tenth of the signals of one service is lost and comes an hour later.
/// Guarantees: no order is blamed, in any order of arrival; `EvidenceLoss` says it once, and in the end all orders are
/// well.
#[test]
fn lost_signals_blame_the_pipeline() {
    let definition = || Definition::parse(LINE).unwrap();
    let (engine, log) = play(definition(), &orders(200, |n| n % 10 == 7), 2_100);
    assert_eq!(verdicts(&engine, Verdict::EvidenceGap).len(), 20);
    let raised: Vec<&str> = log.lines().filter(|line| line.contains("raised")).collect();
    assert_eq!(raised.len(), 1, "{log}");
    assert!(raised[0].contains("EvidenceLoss"), "{log}");
    let all = scenario::signals(&orders(200, |_| false));
    let is_late = |n: u64| (0..20).any(|late| n == late * 10 + 7);
    let (late, on_time): (Vec<Signal>, Vec<Signal>) = all.into_iter().partition(|signal| {
        (0..200).any(|n| is_late(n) && signal.span.i64("journey.seq") == Some(n as i64 + 1))
    });
    let mut engine = Engine::new(definition());
    play_on(&mut engine, on_time, 2_100, |_| Sight::Seeing { since_ns: EPOCH_NS });
    for signal in late {
        engine.observe(&signal.resource, &signal.span).unwrap();
    }
    engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 5_700 * SECOND_NS);
    assert_eq!(verdicts(&engine, Verdict::Ok { is_final: true }).len(), 200);
    assert_eq!(engine.loss_rate(), Some(0.0));
}

/// Scenario: two services send signals, a stage runs; all fall silent at once, and come back minutes later.
/// Guarantees: the pipeline is told silent, the stage is not taken for dead, and counts anew when signals come again.
#[test]
fn a_silent_pipeline_kills_no_stage() {
    let mut text = String::from("1s x/1 end a order.id=A\n 2s y/1 start b order.id=A interval=15s\n");
    for n in (0..90).step_by(15) {
        text += &format!("{}s x/1 process running\n{}s y/1 process running\n", n + 3, n + 3);
        text += &format!("{}s y/1 beat b order.id=A interval=15s idle=0s\n", n + 4);
    }
    for n in (300..390).step_by(15) {
        text += &format!("{n}s x/1 process running\n{n}s y/1 process running\n");
    }
    check_line(
        &text,
        400,
        "125s raised PipelineSilent  all_silent: no service has sent anything since 00:01:19\n\
         300s cleared PipelineSilent  all_silent: no service has sent anything since 00:01:19\n\
         360s raised StageDead A no_beats: b has shown no sign of life since 00:01:19\n",
    );
}

/// Scenario: one of two services is killed, and one says that it stops.
/// Guarantees: the other one's signals show that the way is whole: no `PipelineSilent`.
#[test]
fn a_service_that_ends_is_no_silent_pipeline() {
    let mut text = String::new();
    for n in (0..300).step_by(15) {
        text += &format!("{}s x/1 process running\n", n + 3);
        text += &if n < 60 { format!("{}s y/1 process running\n", n + 3) } else { String::new() };
    }
    check_line(&text, 320, "");
    check_line("3s x/1 process running\n 3s y/1 process stopping", 320, "");
}

fn check_line(text: &str, until_s: u64, expected: &str) {
    let (_, log) = play(Definition::parse(LINE).unwrap(), text, until_s);
    assert_eq!(log, expected);
}

/// Stages of a service that numbers its signals, and of one that loses none.
const LOSSY: &str = "version: 1
keys: { order.id: anchor }
defaults: { beat_interval: 15s, warm_up: 0, skew: 0 }
stages:
  a: { service: x }
  b1: { service: y }
  b2: { service: z }
  c: { service: x }
  d: { service: y }
  e: { service: y }
  f: { service: y }
  g: { service: y }
  h: { service: x }
";

/// What stands of the order that misses steps; `missing` numbers of y are missing between 10 s and 20 s.
fn with_missing_numbers(flow: &str, text: &str, missing: u64) -> Verdict {
    let definition = Definition::parse(&format!("{LOSSY}flow: {flow}\n")).unwrap();
    let numbered = format!(
        "9s y/1 end other order.id=other seq=1
         21s y/1 end other order.id=other attempt=2 seq={}\n{text}",
        missing + 2
    );
    let (engine, _) = play(definition, &numbered, 500);
    engine.told_rows().find(|row| &*row.name == "A").unwrap().verdict
}

/// Scenario: the step that is missing is one of two, and only the service of the second lost anything.
/// Guarantees: the missing number excuses it, and the order goes on in either branch.
#[test]
fn a_missing_number_excuses_either_of_two_steps() {
    let flow = "[a, { choice: [ [b2, c], [b1, h] ] }]";
    let went_on = |next: &str| format!("8s x/1 end a order.id=A\n 25s x/1 end {next} order.id=A");
    assert_eq!(with_missing_numbers(flow, &went_on("h"), 1), Verdict::EvidenceGap);
    assert_eq!(with_missing_numbers(flow, &went_on("h"), 0), Verdict::Violated);
    let flow = "[a, { choice: [b2, b1] }, c]";
    assert_eq!(with_missing_numbers(flow, &went_on("c"), 1), Verdict::EvidenceGap);
    assert_eq!(with_missing_numbers(flow, &went_on("c"), 0), Verdict::Violated);
}

/// Scenario: a step of a parallel part is missing; its number went missing before the last step of the other branch.
/// Guarantees: it is excused, for it could come as soon as the part began.
#[test]
fn a_step_of_a_parallel_part_is_missing_since_the_part_began() {
    let flow = "[a, { parallel: [b1, [b2, c]] }, h]";
    let text = "8s x/1 end a order.id=A
        18s z/1 end b2 order.id=A
        40s x/1 end c order.id=A
        50s x/1 end h order.id=A";
    assert_eq!(with_missing_numbers(flow, text, 1), Verdict::EvidenceGap);
    assert_eq!(with_missing_numbers(flow, text, 0), Verdict::Violated);
}

/// Scenario: more steps in a row are missing than are assumed without evidence, and as many numbers or fewer.
/// Guarantees: excused only if a number is missing for each.
#[test]
fn many_missing_steps_need_as_many_numbers() {
    let flow = "[a, b1, d, e, f, g, h, c]";
    let text = "8s x/1 end a order.id=A\n 25s x/1 end h order.id=A\n 30s x/1 end c order.id=A";
    assert_eq!(with_missing_numbers(flow, text, 5), Verdict::EvidenceGap);
    assert_eq!(with_missing_numbers(flow, text, 4), Verdict::Violated);
}

/// Scenario: a step of a loop is missing in the first round and comes in the second; and one that really comes too late.
/// Guarantees: the first is excused, for the second round's is in its own place; the other came in the wrong place.
#[test]
fn the_next_round_is_no_swapped_step() {
    let flow = "[a, { loop: { body: [b1, c], redo: b2 } }, h]";
    let text = "8s x/1 end a order.id=A
        25s x/1 end c order.id=A
        30s z/1 end b2 order.id=A
        35s y/1 end b1 order.id=A seq=7
        40s x/1 end c order.id=A attempt=2
        50s x/1 end h order.id=A";
    assert_eq!(with_missing_numbers(flow, text, 1), Verdict::EvidenceGap);
    let swapped = "8s x/1 end a order.id=A
        15s x/1 end c order.id=A
        35s y/1 end b1 order.id=A seq=7
        50s x/1 end h order.id=A";
    assert_eq!(with_missing_numbers(flow, swapped, 1), Verdict::Violated);
}
