//! Journeys at rest.

use journey_model::Link;

use super::order::{Random, random_signals, shuffle};
use super::*;
use crate::{IdentityConflict, JourneyNames};

/// What a caller knows who applies each output.
#[derive(Debug, Default, PartialEq)]
struct Tables {
    journeys: BTreeMap<Arc<str>, Arc<JourneyRow>>,
    memberships: BTreeMap<AttemptId, (Arc<Attempt>, JourneyNames)>,
    standing: Vec<Finding>,
    conflicts: Vec<IdentityConflict>,
}

impl Tables {
    fn take(&mut self, outputs: Outputs) {
        outputs.gone.iter().for_each(|name| drop(self.journeys.remove(name)));
        self.journeys.extend(outputs.journeys.into_iter().map(|row| (Arc::clone(&row.name), row)));
        let filed = outputs.attempts.into_iter();
        self.memberships.extend(filed.map(|(attempt, names)| (attempt.id, (attempt, names))));
        self.standing.retain(|known| !outputs.cleared.contains(known));
        self.standing.extend(outputs.raised);
        self.conflicts.retain(|known| !outputs.conflicts_withdrawn.contains(known));
        self.conflicts.extend(outputs.conflicts);
        self.standing.sort_by(|one, other| (&one.key, &one.cause).cmp(&(&other.key, &other.cause)));
        self.conflicts.sort_by(|one, other| (&one.key, &one.value).cmp(&(&other.key, &other.value)));
    }
}

/// An engine that holds so many journeys ready.
fn engine(ready_max: usize) -> Engine {
    engine_of(shipped(), ready_max)
}

fn engine_of(definition: Definition, ready_max: usize) -> Engine {
    let mut engine = Engine::new(definition);
    engine.ready_max = ready_max;
    engine
}

/// Plays the signals to three engines with looks, blind ones too, and then lets time run on until all is over.
/// Returns how many journeys rested, and how many were plain, after the looks, all in all.
fn play_to_all(definition: &Definition, signals: &[Signal], seed: u64) -> [usize; 2] {
    let mut engines = [usize::MAX, usize::MAX, 2, 0]
        .map(|ready_max| (engine_of(definition.clone(), ready_max), Tables::default()));
    engines[0].0.plain_attempts_max = 0;
    let mut random = Random(seed);
    let (mut looks, mut rested, mut plain) = (0, 0, 0);
    let mut look = |engines: &mut [(Engine, Tables); 4], sight: Sight, now: Nanos| {
        for (engine, tables) in &mut *engines {
            tables.take(engine.look(sight, now));
        }
        let [(told_apart, expected), others @ ..] = engines;
        for (engine, tables) in &mut *others {
            assert_eq!(engine.journeys(), told_apart.journeys(), "seed {seed}, look {looks}");
            assert!(tables == expected, "seed {seed}, look {looks}: {tables:#?}\n{expected:#?}");
        }
        rested += others[2].0.shelf.len();
        plain += others[0].0.plains.len();
        looks += 1;
    };
    let mut sight = Sight::Seeing { since_ns: EPOCH_NS };
    let mut now = EPOCH_NS;
    for signal in signals {
        for (engine, _) in &mut engines {
            let _ = engine.observe(&signal.resource, &signal.span);
        }
        now = now.max(signal.at_ns);
        sight = match random.below(12) {
            0 => Sight::Blind,
            1 | 2 => Sight::Seeing { since_ns: now },
            _ => sight,
        };
        if random.below(3) > 0 {
            look(&mut engines, sight, now);
        }
    }
    if seed.is_multiple_of(4) {
        // So long that all of them are abandoned.
        for _ in 0..50 {
            now += 86_400 * SECOND_NS;
            look(&mut engines, Sight::Blind, now);
        }
    }
    sight = Sight::Seeing { since_ns: now };
    for step_ns in [15, 60, 3_600, 86_400].map(|step_s| step_s * SECOND_NS) {
        for _ in 0..40 {
            now += step_ns;
            look(&mut engines, sight, now);
        }
    }
    for _ in 0..2 {
        now += definition.expire_after_ns;
        look(&mut engines, sight, now);
    }
    let counters = engines.each_ref().map(|(engine, _)| engine.counters());
    assert_eq!(counters[1..], [counters[0]; 3], "seed {seed}");
    for (engine, _) in &engines {
        let left = (engine.journeys(), engine.awake_attempts(), engine.said.len(), engine.standing.len());
        assert_eq!(left, (0, 0, 0, 0), "seed {seed}: all is over");
    }
    [rested, plain]
}

/// Scenario: random spans and whole orders in random order, looked at now and then, seeing and blind, until every order
/// is forgotten; spans that tie, follow and share in all ways; by an engine that takes no journey for plain, and by three that pack nothing, all but two journeys, and
/// all they can.
/// Guarantees: after each look the same journeys, memberships, findings and conflicts. The seed is printed.
#[test]
fn nobody_can_tell_what_is_at_rest() {
    let random = (1..=120).map(|seed| play_to_all(&shipped(), &random_signals(&mut Random(seed)), seed));
    let whole = (1..=6).map(|seed| {
        let mut signals = shuffled::signals(&mut Random(seed));
        shuffle(&mut signals, seed);
        play_to_all(&shuffled::everything(), &signals, seed)
    });
    let sum = |[rested, plain]: [usize; 2], one: [usize; 2]| [rested + one[0], plain + one[1]];
    let (random, whole) = (random.fold([0, 0], sum), whole.fold([0, 0], sum));
    let (month, hour) = ((1..=60).map(|seed| tied(seed, "30d")), (61..=120).map(|seed| tied(seed, "10s")));
    let [_, plain_among_ties] = month.chain(hour).fold([0, 0], sum);
    assert!(plain_among_ties > 100, "hardly anything was plain: {plain_among_ties}");
    assert!(random.map(|count| count > 100) == [true; 2], "hardly anything rested or was plain: {random:?}");
    assert!(whole.map(|count| count > 10_000) == [true; 2], "hardly anything rested or was plain: {whole:?}");
}

/// Plays random spans that tie, follow and share in all ways to all engines, which expire orders after that time.
fn tied(seed: u64, expire_after: &str) -> [usize; 2] {
    let text = shuffled::EVERYTHING.replace("expire_after: 90d", &format!("expire_after: {expire_after}"));
    let mut signals = tied_signals(&mut Random(seed));
    if seed.is_multiple_of(2) {
        shuffle(&mut signals, seed);
    }
    play_to_all(&Definition::parse(&text).unwrap(), &signals, seed)
}

/// Spans of a few orders, carts, items and packages in a few traces, some of them without a key or with links.
fn tied_signals(random: &mut Random) -> Vec<Signal> {
    let stages = ["fill", "place", "pay", "pick", "pack", "ship"];
    let keys = [("order.id", 4, 7), ("cart.id", 4, 7), ("item.id", 4, 10), ("package.id", 3, 11)];
    let spans: Vec<(String, Vec<String>)> = (0..25)
        .map(|span| {
            let (stage, trace) = (stages[random.below(6) as usize], random.below(6));
            let drawn = keys.map(|(key, values, of)| (key, values, random.below(of)));
            let has = drawn.into_iter().filter(|(_, values, value)| value < values);
            (
                format!("{stage} span=s{span} trace=t{trace}"),
                has.map(|(key, _, value)| format!(" {key}={key}{value}")).collect(),
            )
        })
        .collect();
    let mut text = String::new();
    for n in 0..60 {
        let (head, keys) = &spans[random.below(25) as usize];
        let kind = ["end", "end", "end", "start", "beat"][random.below(5) as usize];
        text += &format!("{}ms x/1 {kind} {head}", 2_000 + n * 977);
        keys.iter().filter(|_| random.below(4) > 0).for_each(|key| text += key);
        text += ["", "", " interval=15s", "", " outcome=failed"][random.below(5) as usize];
        text += "\n";
    }
    let mut signals = scenario::signals(&text);
    let ids: Vec<_> = signals.iter().map(|signal| (signal.span.trace_id, signal.span.span_id)).collect();
    for signal in &mut signals {
        if random.below(6) == 0 {
            let (trace_id, span_id) = ids[random.below(60) as usize];
            signal.span.links.push(Link { trace_id, span_id, attributes: Vec::new() });
        }
    }
    signals
}

/// Scenario: an order of six stages is packed.
/// Guarantees: all of it is, and it comes back when a span names its trace or one of its values, and when it is due.
#[test]
fn what_is_at_rest_wakes() {
    let mut engine = engine(0);
    let log =
        play_on(&mut engine, scenario::signals(UP_TO_PRICE), 7, |_| Sight::Seeing { since_ns: EPOCH_NS });
    assert_eq!((log.as_str(), engine.shelf.len(), engine.journeys()), ("", 1, 1));
    assert!(engine.awake_attempts() == 0 && engine.said.is_empty());
    let beat = scenario::signals("8s mes-api/1 beat price.simplify_model order.id=A interval=15s");
    engine.observe(&beat[0].resource, &beat[0].span).unwrap();
    assert_eq!((engine.shelf.len(), engine.awake_attempts()), (0, 5));
    engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 8 * SECOND_NS);
    assert_eq!(engine.shelf.len(), 1);
    let mut raised = Vec::new();
    while raised.is_empty() {
        let due_ns = engine.next_look_ns().unwrap();
        raised = engine.look(Sight::Seeing { since_ns: EPOCH_NS }, due_ns).raised;
    }
    assert_eq!((raised[0].key.alert, raised[0].since_ns), (Alert::StageDead, EPOCH_NS + 8 * SECOND_NS));
}

/// Scenario: forty orders share one trace, each with keys of its own.
/// Guarantees: no more are packed than may wake at once; the others stay ready.
#[test]
fn a_crowded_trace_keeps_its_journeys_ready() {
    let mut engine = engine(0);
    let text: String =
        (0..40).map(|n| format!("{}s shop-api/1 end model_upload trace=t1 cart.id=c{n}\n", n + 1)).collect();
    play_on(&mut engine, scenario::signals(&text), 41, |_| Sight::Seeing { since_ns: EPOCH_NS });
    assert_eq!((engine.shelf.len(), engine.journeys()), (crate::limits::RESTING_PER_MARK_MAX, 40));
}

/// Scenario: a running stage sends beats that name no interval, rests, wakes and ends.
/// Guarantees: nothing is counted that was not, and it is done.
#[test]
fn beats_without_an_interval_rest_too() {
    let text = "1s shop-api/1 end model_upload cart.id=c1
        3s crm-api/1 end order_create order.id=A cart.id=c1
        5s mes-api/1 start price.load_model order.id=A
        8s mes-api/1 beat price.load_model order.id=A
        9s mes-api/1 beat price.load_model order.id=A
        12s mes-api/1 end price.load_model order.id=A took=7s";
    let mut logs = [usize::MAX, 0].map(|ready_max| {
        let mut engine = engine(ready_max);
        play_on(&mut engine, scenario::signals(text), 200, |_| Sight::Seeing { since_ns: EPOCH_NS })
    });
    assert!(logs[0].contains("OrderStuck A not_started"), "{}", logs[0]);
    assert_eq!(std::mem::take(&mut logs[1]), logs[0]);
}
