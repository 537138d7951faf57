//! Trends through the whole engine: generated orders, some of whose stages become slow or fail.

use super::order::Random;
use super::*;

const DEFINITION: &str = "version: 1
keys: { order.id: anchor }
order_by: start
defaults: { warm_up: 0 }
stages:
  upload: { service: shop }
  price: { service: mes }
  pack: { service: store }
flow: { sequence: [upload, price, pack] }
facets: [material, service.instance.id]
";

/// What is wrong from order [`FROM`] to order [`UNTIL`].
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// The price fails in one order in four, not in one in fifty.
    Errors,
    /// The price of rare material takes twice as long.
    Partly,
    /// Every price takes twice as long.
    Slow,
    /// Orders wait three times as long to be packed.
    Waits,
}

/// How many orders, where no rare value has to show that it is as usual again.
const ORDERS: u64 = 4_000;
/// How many orders else.
const MANY: u64 = 5_400;
const FROM: u64 = 2_000;
const UNTIL: u64 = 2_800;

/// An order a minute. One material in thirty is rare; only the first stage names it.
fn orders(fault: Fault) -> Vec<Signal> {
    let mut random = Random(11);
    let mut text = String::new();
    let orders = if fault == Fault::Partly { MANY } else { ORDERS };
    for order in 0..orders {
        let is_wrong = (FROM..UNTIL).contains(&order);
        let is_rare = random.below(30) == 0;
        let material = if is_rare { "gold".to_owned() } else { format!("m{}", random.below(8)) };
        let mut work_ms = |usual_ms: u64| usual_ms / 2 + random.below(usual_ms);
        let mut price_ms = work_ms(60_000);
        let mut wait_ms = work_ms(20_000);
        let upload_ms = work_ms(2_000);
        let pack_ms = work_ms(5_000);
        if is_wrong && (fault == Fault::Slow || fault == Fault::Partly && is_rare) {
            price_ms *= 2;
        }
        if is_wrong && fault == Fault::Waits {
            wait_ms *= 3;
        }
        let mut at_ms = order * 60_000 + 10_000;
        let id = format!("order.id=o{order}");
        text += &format!("{at_ms}ms shop/1 end upload {id} material={material} took={upload_ms}ms\n");
        let often = if is_wrong && fault == Fault::Errors { 4 } else { 50 };
        if random.below(often) == 0 {
            at_ms += 2_000;
            text += &format!("{at_ms}ms mes/1 end price {id} attempt=2 outcome=failed took=1s\n");
        }
        at_ms += 1_000 + price_ms;
        let instance = 1 + random.below(3);
        text += &format!("{at_ms}ms mes/{instance} end price {id} took={price_ms}ms\n");
        at_ms += wait_ms + pack_ms;
        text += &format!("{at_ms}ms store/1 end pack {id} took={pack_ms}ms\n");
    }
    let mut signals = scenario::signals(&text);
    signals.sort_by_key(|signal| signal.at_ns);
    signals
}

/// Everything that a run said.
#[derive(Debug, Default, PartialEq)]
struct Said {
    /// What people were told: `order 2010 raised StageSlow price`.
    told: Vec<String>,
    /// Every trend.
    trends: Vec<crate::trend::TrendChange>,
}

impl Said {
    fn take(&mut self, outputs: Outputs, now: Nanos) {
        let order = (now - EPOCH_NS) / (60 * SECOND_NS);
        for (word, findings) in
            [("cleared", &outputs.cleared), ("raised", &outputs.raised), ("updated", &outputs.updated)]
        {
            for Finding { key, .. } in findings.iter().filter(|finding| finding.is_trend()) {
                let labels = [&key.from_stage, &key.service, &key.facet, &key.value];
                let labels: Vec<&str> = labels.into_iter().flatten().map(|label| &**label).collect();
                let severity = key.severity.as_str();
                let line =
                    format!("{order} {word} {severity} {} {} {}", key.alert, key.stage, labels.join(" "));
                self.told.push(line);
            }
        }
        self.trends.extend(outputs.trends);
    }

    /// What was told, without when.
    fn words(&self) -> Vec<&str> {
        self.told.iter().filter_map(|line| Some(line.split_once(' ')?.1)).collect()
    }

    /// The order at which the first line with these words was told.
    fn order(&self, words: &str) -> u64 {
        let line = self.told.iter().find(|line| line.ends_with(words)).unwrap();
        line.split_once(' ').unwrap().0.parse().unwrap()
    }
}

fn look(engine: &mut Engine, now: Nanos, said: &mut Said) -> Outputs {
    let outputs = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, now);
    said.take(outputs.clone(), now);
    outputs
}

/// Plays signals, looking after every `every`.
fn run(signals: &[Signal], every: usize) -> Said {
    let mut engine = Engine::new(Definition::parse(DEFINITION).unwrap());
    let mut said = Said::default();
    for (at, signal) in signals.iter().enumerate() {
        engine.observe(&signal.resource, &signal.span).unwrap();
        if at % every == 0 {
            look(&mut engine, signal.at_ns, &mut said);
        }
    }
    let now = signals.last().unwrap().at_ns;
    look(&mut engine, now, &mut said);
    let outputs = engine.conclude(now);
    said.take(outputs, now);
    said
}

/// Scenario: orders without any fault.
/// Guarantees: nothing is told.
#[test]
fn nothing_is_told_of_nothing() {
    assert_eq!(run(&orders(Fault::None), 5), Said::default());
}

/// Scenario: a stage becomes slow for all, one material becomes slow, waits become longer, failures more frequent; later
/// all is as before.
/// Guarantees: one alert each, with its very labels, first a warning, then a page; it ends after the fault does. Nothing
/// else pages.
#[test]
fn each_fault_has_its_alert() {
    for (fault, labels, until) in [
        (Fault::Slow, "StageSlow price mes", 2_060),
        (Fault::Partly, "StagePartlySlow price mes material gold", 2_400),
        (Fault::Waits, "GapSlow pack price store", 2_060),
        (Fault::Errors, "StageErrors price mes", 2_100),
    ] {
        let said = run(&orders(fault), 5);
        let [warning, page] = ["warning", "page"].map(|severity| format!("{severity} {labels}"));
        let raised = format!("raised {page}");
        let mut words = said.words();
        words.retain(|line| !line.starts_with("updated"));
        // One warning of something else may be chance: one in ten thousand durations of each value is.
        let others = words.iter().filter(|line| !line.ends_with(labels)).copied();
        let others: Vec<&str> = others.filter(|line| line.starts_with("raised")).collect();
        let is_chance = others.len() <= 1 && others.iter().all(|line| line.starts_with("raised warning"));
        assert!(is_chance, "{fault:?}: {:?}", said.told);
        words.retain(|line| line.ends_with(labels));
        let escalated = [
            format!("raised {warning}"),
            format!("cleared {warning}"),
            raised.clone(),
            format!("cleared {page}"),
        ];
        let at_once = [raised.clone(), format!("cleared {page}")];
        assert!(words == escalated || words == at_once, "{fault:?}: {:?}", said.told);
        let paged = said.order(&raised);
        assert!((FROM..until).contains(&paged), "{fault:?}: {:?}", said.told);
        let cleared = said.order(&format!("cleared {page}"));
        assert!((UNTIL..MANY).contains(&cleared), "{fault:?}: {:?}", said.told);
    }
}

/// Scenario: the orders with a fault, each span up to half a minute late and some twice, looked at more and less often.
/// Guarantees: the very same trends as in event order.
#[test]
fn lateness_within_the_bound_changes_no_trend() {
    let on_time = orders(Fault::Partly);
    let expected = run(&on_time, 1).trends;
    assert!(!expected.is_empty());
    for (seed, every) in [(3, 1), (4, 7)] {
        let mut random = Random(seed);
        let mut late = on_time.clone();
        late.extend(on_time.iter().step_by(20).cloned());
        for signal in &mut late {
            signal.at_ns += random.below(30_000) * 1_000_000;
        }
        late.sort_by_key(|signal| signal.at_ns);
        assert_eq!(run(&late, every).trends, expected, "seed {seed}");
    }
}

/// An attempt as it is stored, and the names of its journeys.
type Row = (Arc<Attempt>, crate::JourneyNames);

/// Scenario: the analyzer is started anew from its rows before a fault, while a trend stands, and after the fault; each
/// time it is blind at first.
/// Guarantees: what people are told is the same as without: nothing twice, and the end too.
#[test]
fn a_restart_goes_on() {
    let signals = orders(Fault::Slow);
    let straight = run(&signals, 5);
    let mut engine = Engine::new(Definition::parse(DEFINITION).unwrap());
    let mut said = Said::default();
    let mut rows: BTreeMap<AttemptId, Row> = BTreeMap::new();
    let mut standing: Vec<Finding> = Vec::new();
    for (at, signal) in signals.iter().enumerate() {
        engine.observe(&signal.resource, &signal.span).unwrap();
        if at % 5 != 0 {
            continue;
        }
        let outputs = look(&mut engine, signal.at_ns, &mut said);
        rows.extend(outputs.attempts.into_iter().map(|(attempt, names)| (attempt.id, (attempt, names))));
        standing.retain(|known| !outputs.cleared.iter().any(|cleared| cleared.is_same(known)));
        standing.extend(outputs.raised);
        let order = (signal.at_ns - EPOCH_NS) / (60 * SECOND_NS);
        if [1_500, 2_500, 3_000].contains(&order) {
            let definition = Definition::parse(DEFINITION).unwrap();
            engine =
                Engine::restore(definition, rows.values().cloned(), [], standing.clone(), Some(EPOCH_NS));
            let blind = engine.look(Sight::Blind, signal.at_ns);
            assert!(blind.raised.iter().chain(&blind.cleared).all(|finding| !finding.is_trend()));
        }
    }
    look(&mut engine, signals.last().unwrap().at_ns, &mut said);
    assert_eq!(said.told, straight.told);
}

/// Scenario: a package of two orders is shipped; its orders are looked at again and again; repeats come.
/// Guarantees: each attempt is a sample once, however many orders it is part of.
#[test]
fn a_shared_attempt_is_one_sample() {
    let definition = Definition::parse(
        "version: 1
keys: { order.id: anchor, package.id: shared }
stages: { pack: { service: store }, ship: { service: store } }
flow: { sequence: [pack, ship] }
",
    )
    .unwrap();
    let mut signals = scenario::signals(
        "10s store/1 end pack order.id=a package.id=p span=1
         20s store/1 end pack order.id=b package.id=p span=2
         50s store/1 end ship package.id=p",
    );
    signals.extend(signals.clone());
    let mut engine = Engine::new(definition);
    for (at, signal) in signals.iter().enumerate() {
        engine.observe(&signal.resource, &signal.span).unwrap();
        look(&mut engine, EPOCH_NS + (60 + 30 * at as u64) * SECOND_NS, &mut Said::default());
    }
    engine.conclude(EPOCH_NS + 600 * SECOND_NS);
    let counters = engine.trend_counters();
    assert_eq!((counters.samples, counters.late), (3, 0));
}
