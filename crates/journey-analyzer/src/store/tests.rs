//! What an engine said, written into a real file and read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use journey_detect::{Attempt, AttemptId, Definition, Engine, JourneyNames, Outputs, Sight};
use journey_testkit::scenario::{self, EPOCH_NS};
use tempfile::TempDir;

use super::{Batch, Store};

const DEFINITION: &str = "version: 1
keys: { order.id: anchor, production.id: alias }
defaults: { warm_up: 0 }
stages: { order: { service: crm }, polish: { service: mes } }
flow: { sequence: [order, polish] }
facets: [material]
";

/// Of one order, of two orders at once, of a piece without an order, and of nothing.
const SCENARIO: &str = "
    1s crm/1 end order order.id=A production.id=p1 material=gold
    2s mes/1 end polish production.id=p1 material=gold
    3s mes/1 end polish order.id=A,B
    4s crm/1 end order order.id=B
    5s mes/1 end polish production.id=p9
    6s mes/1 end polish
    7s mes/1 beat polish order.id=C progress=0.5 interval=15s idle=2s
    8s crm/1 end order order.id=A outcome=failed error.type=timeout attempt=2
";

fn engine() -> Engine {
    Engine::new(Definition::parse(DEFINITION).unwrap())
}

fn said(engine: &mut Engine) -> Outputs {
    for signal in scenario::signals(SCENARIO) {
        let _ = engine.observe(&signal.resource, &signal.span);
    }
    engine.look(Sight::Seeing { since_ns: EPOCH_NS }, EPOCH_NS + 10_000_000_000)
}

type Attempts = BTreeMap<AttemptId, (Arc<Attempt>, JourneyNames)>;

fn by_id(attempts: Vec<(Arc<Attempt>, JourneyNames)>) -> Attempts {
    attempts.into_iter().map(|(attempt, names)| (attempt.id, (attempt, names))).collect()
}

/// Of a snapshot, in which each comes once.
fn once_by_id(attempts: Vec<(Arc<Attempt>, JourneyNames)>) -> Attempts {
    let count = attempts.len();
    let by_id = by_id(attempts);
    assert_eq!(by_id.len(), count, "an attempt came twice");
    by_id
}

/// Scenario: attempts of one journey, of two, and of none are stored and read again, all of them and the younger ones.
/// Guarantees: each comes once, as it was, with all of its journeys; journeys that were silent for too long stay away.
#[tokio::test]
async fn a_snapshot_is_what_was_said() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let outputs = said(&mut engine());
    let expected = by_id(outputs.attempts.clone());
    assert!(expected.values().any(|(_, names)| names.len() == 2), "an attempt of two orders");
    store.commit(&Batch { outputs, ..Batch::default() }).await.unwrap();

    let all = store.snapshot(0).await.unwrap();
    assert_eq!(once_by_id(all.attempts), expected);
    assert_eq!(all.instances.len(), 2);

    // B showed last at 4 s, p9 at 5 s.
    let late = once_by_id(store.snapshot(EPOCH_NS + 4_500_000_000).await.unwrap().attempts);
    assert!(late.values().all(|(_, names)| names.iter().all(|name| **name != *"B")), "{late:?}");
    let names = |attempts: &Attempts| attempts.values().map(|(_, names)| names.len()).sum::<usize>();
    assert_eq!((expected.len() - late.len(), names(&expected) - names(&late)), (1, 2));
}

/// Scenario: a second engine says the same of journeys that are stored already, and then of one that has changed.
/// Guarantees: rows that say the same are not written again, the one that changed is.
#[tokio::test]
async fn what_is_stored_is_not_written_again() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let outputs = said(&mut engine());
    let journeys = outputs.journeys.clone();
    store.commit(&Batch { outputs, ..Batch::default() }).await.unwrap();

    // Another connection sees a new version of the data whenever anything was written.
    let mut reader = store.pool.acquire().await.unwrap();
    let mut version =
        async || sqlx::query_scalar::<_, i64>("pragma data_version").fetch_one(&mut *reader).await.unwrap();
    let mut again = Outputs { journeys, ..Outputs::default() };
    let before = version().await;
    store.commit(&Batch { outputs: again.clone(), ..Batch::default() }).await.unwrap();
    assert_eq!(version().await, before);

    let last = Arc::make_mut(&mut again.journeys[0]);
    last.span_ns.1 += 1;
    let (name, last_ns) = (last.name.to_string(), last.span_ns.1);
    store.commit(&Batch { outputs: again, ..Batch::default() }).await.unwrap();
    assert_ne!(version().await, before);
    assert_eq!(store.find_journey(&name).await.unwrap().unwrap().last_ns, last_ns);
}
