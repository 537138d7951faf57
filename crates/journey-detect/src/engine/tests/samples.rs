//! What the trend detectors are given of a journey.

use super::*;
use crate::engine::samples::Judged;
use crate::flow::Branches;
use crate::judge;
use crate::observation::Observation;
use crate::{Attempt, Standing};

const DEFINITION: &str = "version: 1
keys: { order.id: anchor }
order_by: start
stages:
  upload: { service: shop }
  price: { service: mes }
  check: { service: mes }
  shown: { service: shop }
  pack: { service: store }
flow: { sequence: [upload, { parallel: [{ sequence: [price, check] }, { loop: { body: [], redo: shown } }] }, pack] }
facets: [material, service.instance.id]
";

/// The samples of one journey as text.
fn check(text: &str, expected: Expect) {
    let definition = Definition::parse(DEFINITION).unwrap();
    let mut attempts: Vec<Attempt> = Vec::new();
    for signal in scenario::signals(text) {
        let mut names = crate::names::Names::default();
        let observer = Observer::new(&definition, &mut names);
        match observer.observe(&definition, &mut names, &signal.resource, &signal.span) {
            Observation::Stage(attempt, _) => attempts.push(*attempt),
            other => panic!("{other:?}"),
        }
    }
    // A stage in the trace of another one is called by that one.
    let ids: Vec<AttemptId> = attempts.iter().map(|attempt| attempt.id).collect();
    for attempt in &mut attempts {
        let caller = ids.iter().find(|id| id.trace_id == attempt.id.trace_id && **id != attempt.id);
        attempt.parent_span_id = caller.map(|id| id.span_id);
    }
    attempts.sort_by_key(|attempt| judge::order(&definition, attempt));
    let attempts: Vec<judge::Seen<'_>> = attempts.iter().map(|attempt| definition.see(attempt)).collect();
    let standing = |attempt: &judge::Seen<'_>| match attempt {
        failed if failed.has_failed() => Standing::Failed,
        open if open.is_open() => Standing::Running,
        _ => Standing::Done,
    };
    let standings: Vec<Standing> = attempts.iter().map(standing).collect();
    let branches = Branches::of(&definition.flow, definition.stages.len());
    let judged = Judged { branches: &branches, journey: "A", attempts: &attempts, standings: &standings };
    let mut words = String::new();
    for at in 0..attempts.len() {
        judged.sample(at, |sample| {
            let seconds = |ns: Nanos| ns / SECOND_NS;
            let failed = if sample.failed { " failed" } else { "" };
            let waits: Vec<String> = sample
                .waits
                .iter()
                .map(|wait| format!("{:?} {}s", wait.since, seconds(wait.wait_ns)))
                .collect();
            let facets: Vec<String> =
                sample.facets.iter().map(|(key, value)| format!("{key}={value}")).collect();
            words += &format!(
                "{} {}s{failed} [{}] {}\n",
                sample.stage,
                seconds(sample.duration_ns),
                waits.join(", "),
                facets.join(" ")
            );
        });
    }
    expected.assert_eq(&words);
}

/// Scenario: an order whose upload names the material, and whose parallel parts interleave; a stage that overrules the
/// material, one that has no instance of its own to inherit, one that is open, and one that no definition names.
/// Guarantees: each waits for the stage before it in its own branch; a join waits for the last branch; the first material
/// is inherited.
#[test]
fn waits_and_facets_follow_the_flow() {
    check(
        "10s  shop/1   end    upload  order.id=A  took=2s  material=oak
         15s  shop/1   end    shown   order.id=A  took=1s  span=one
         30s  mes/1    end    price   order.id=A  took=10s
         32s  shop/1   end    shown   order.id=A  took=1s  span=two
         40s  mes/2    end    check   order.id=A  took=5s  material=ash
         41s  mes/2    end    other   order.id=A  took=1s
         70s  store/1  end    pack    order.id=A  took=20s
         90s  store/1  start  pack    order.id=A  span=again",
        expect![[r#"
            upload 2s [] material=oak service.instance.id=shop-1
            shown 1s [Stage("upload") 4s] service.instance.id=shop-1 material=oak
            price 10s [Stage("upload") 10s] service.instance.id=mes-1 material=oak
            shown 1s [Stage("shown") 16s] service.instance.id=shop-1 material=oak
            check 5s [Stage("price") 5s] material=ash service.instance.id=mes-2
            pack 20s [Stage("check") 10s] service.instance.id=store-1 material=oak
        "#]],
    );
}

/// Scenario: an attempt fails, one is cancelled, and the third goes well; a stage is the parent of one of another service.
/// Guarantees: a failed attempt is told as failed and begins a wait of its own, a cancelled one is no sample; a call is measured
/// by what the caller spends beside it.
#[test]
fn failures_and_calls() {
    check(
        "10s  shop/1  end  upload  order.id=A  took=2s
         20s  mes/1   end  price   order.id=A  took=4s  span=one  outcome=failed
         25s  mes/1   end  price   order.id=A  took=1s  span=two  outcome=cancelled
         40s  mes/1   end  price   order.id=A  took=10s span=three trace=t
         38s  store/1 end  pack    order.id=A  took=6s  span=four  trace=t",
        expect![[r#"
            upload 2s [] service.instance.id=shop-1
            price 4s failed [Stage("upload") 6s] service.instance.id=mes-1
            price 10s [Stage("price") 5s, Call("store") 4s] service.instance.id=mes-1
            pack 6s [Stage("upload") 22s] service.instance.id=store-1
        "#]],
    );
}
