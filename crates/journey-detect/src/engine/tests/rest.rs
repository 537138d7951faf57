//! Journeys at rest.

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
    let mut engine = Engine::new(shipped());
    engine.ready_max = ready_max;
    engine
}

/// Plays the signals to three engines with looks, blind ones too, and then lets time run on until all is over.
/// Returns how many journeys rested, and how many were plain, after the looks, all in all.
fn play_to_all(signals: &[Signal], seed: u64) -> [usize; 2] {
    let mut engines = [usize::MAX, usize::MAX, 2, 0].map(|ready_max| (engine(ready_max), Tables::default()));
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
    let counters = engines.each_ref().map(|(engine, _)| engine.counters());
    assert_eq!(counters[1..], [counters[0]; 3], "seed {seed}");
    for (engine, _) in &engines {
        let left = (engine.journeys(), engine.awake_attempts(), engine.said.len(), engine.standing.len());
        assert_eq!(left, (0, 0, 0, 0), "seed {seed}: all is over");
    }
    [rested, plain]
}

/// Scenario: random spans and whole orders in random order, looked at now and then, seeing and blind, until every order
/// is forgotten; by an engine that takes no journey for plain, and by three that pack nothing, all but two journeys, and
/// all they can.
/// Guarantees: after each look the same journeys, memberships, findings and conflicts. The seed is printed.
#[test]
fn nobody_can_tell_what_is_at_rest() {
    let random = (1..=120).map(|seed| play_to_all(&random_signals(&mut Random(seed)), seed));
    let random = random.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    let whole = (1..=6).map(|seed| {
        let mut signals = super::shuffled::signals(&mut Random(seed));
        shuffle(&mut signals, seed);
        play_to_all(&signals, seed)
    });
    let whole = whole.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    assert!(random.map(|count| count > 100) == [true; 2], "hardly anything rested or was plain: {random:?}");
    assert!(whole.map(|count| count > 10_000) == [true; 2], "hardly anything rested or was plain: {whole:?}");
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
        (0..40).map(|n| format!("{}s crm-api/1 end order_create trace=t1 order.id=o{n}\n", n + 1)).collect();
    play_on(&mut engine, scenario::signals(&text), 41, |_| Sight::Seeing { since_ns: EPOCH_NS });
    assert_eq!((engine.shelf.len() <= crate::limits::RESTING_PER_MARK_MAX, engine.journeys()), (true, 40));
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
