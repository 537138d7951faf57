//! Metrics of pools. States are read when the meter asks for them, by no task of ours.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use journey_trace::metrics::{Counts, Durations, Family, Series};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::DB_BUCKETS_S;
use crate::hashed::Hashed;
use crate::key::{POOL_NAME, POOL_STATE};
use crate::lender::{Lender, Numbers};
use crate::server::Server;
use crate::wait::{Reason, Wait};

/// Lets the metrics of states see a pool, until it is gone.
pub(crate) fn observe_pool(server: &Arc<Server>) {
    with_pools(|pools| {
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(server));
    });
    POOLS.with(|_| ());
}

/// Measures how long a connection was waited for.
pub(crate) fn waited(lender: &Lender, wait: &Wait) {
    POOLS.with(|pools| {
        pools.wait_time.record(&OfPool(&lender.name), wait.duration);
        // Nobody can look into the opening of a connection. Who need not wait for anything else waits for it.
        if wait.reason == Reason::NewConnection {
            pools.create_time.record(&OfPool(&lender.name), wait.duration);
        }
    });
}

/// Counts one who got no connection in time.
pub(crate) fn timed_out(lender: &Lender) {
    POOLS.with(|pools| pools.timeouts.add(&OfPool(&lender.name), 1));
}

/// Measures how long a connection was out of its pool.
pub(crate) fn used(lender: &Lender, duration: Duration) {
    POOLS.with(|pools| pools.use_time.record(&OfPool(&lender.name), duration));
}

struct Pools {
    create_time: Durations<Hashed>,
    timeouts: Counts<Hashed>,
    use_time: Durations<Hashed>,
    wait_time: Durations<Hashed>,
}

static POOLS: Family<Pools> = Family::new(|meter| {
    observe(meter);
    let time = |name, description| Durations::new(meter, name, description, DB_BUCKETS_S);
    Pools {
        create_time: time("db.client.connection.create_time", "The time it took to create a new connection."),
        timeouts: Counts::new(
            meter,
            "db.client.connection.timeouts",
            "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
            "{timeout}",
        ),
        use_time: time(
            "db.client.connection.use_time",
            "The time between borrowing a connection and returning it to the pool.",
        ),
        wait_time: time(
            "db.client.connection.wait_time",
            "The time it took to obtain an open connection from the pool.",
        ),
    }
});

/// Instruments that ask each pool for its state. The SDK may run a callback twice if two threads came here at
/// once; the second answer is the first one's equal.
fn observe(meter: &Meter) {
    let states: [State; 4] = [
        ("idle.max", "The maximum number of idle open connections allowed.", "{connection}", |of| of.max),
        ("idle.min", "The minimum number of idle open connections allowed.", "{connection}", |of| {
            of.idle_min
        }),
        ("max", "The maximum number of open connections allowed.", "{connection}", |of| of.max),
        (
            "pending_requests",
            "The number of current pending requests for an open connection.",
            "{request}",
            |of| of.pending,
        ),
    ];
    for (name, description, unit, value) in states {
        meter
            .i64_observable_up_down_counter(format!("db.client.connection.{name}"))
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |observer| {
                each_pool(|name, numbers| observer.observe(value(numbers), &[name]));
            })
            .build();
    }
    meter
        .i64_observable_up_down_counter("db.client.connection.count")
        .with_unit("{connection}")
        .with_description(
            "The number of connections that are currently in the state described by the state attribute.",
        )
        .with_callback(|observer| {
            each_pool(|name, numbers| {
                for (state, count) in [("idle", numbers.idle), ("used", numbers.used)] {
                    observer.observe(count, &[name.clone(), KeyValue::new(POOL_STATE, state)]);
                }
            });
        })
        .build();
    meter
        .f64_observable_gauge("journey.db.transaction.oldest_age")
        .with_unit("s")
        .with_description("Age of the oldest transaction that is open on the connections of a pool.")
        .with_callback(|observer| {
            each_pool(|name, numbers| {
                observer.observe(numbers.oldest_transaction_age.as_secs_f64(), &[name]);
            });
        })
        .build();
}

/// What pools are told apart by.
#[derive(Hash)]
struct OfPool<'a>(&'a Hashed);

impl Series for OfPool<'_> {
    type Key = Hashed;

    fn to_key(&self) -> Hashed {
        self.0.clone()
    }

    fn is(&self, key: &Hashed) -> bool {
        self.0 == key
    }

    fn attributes(&self) -> Vec<KeyValue> {
        vec![KeyValue::new(POOL_NAME, Arc::clone(self.0.text()))]
    }
}

/// Name, description, unit, and the number itself.
type State = (&'static str, &'static str, &'static str, fn(&Numbers) -> i64);

/// Pools of one name are one series: their numbers are added.
fn each_pool(mut observe: impl FnMut(KeyValue, &Numbers)) {
    let pools: Vec<Arc<Server>> = with_pools(|pools| pools.iter().filter_map(Weak::upgrade).collect());
    let mut by_name: BTreeMap<&Arc<str>, Numbers> = BTreeMap::new();
    for lender in pools.iter().filter_map(|pool| pool.lender.as_ref()) {
        let numbers = lender.numbers();
        by_name.entry(lender.name.text()).and_modify(|sum| sum.add(&numbers)).or_insert(numbers);
    }
    for (name, numbers) in by_name {
        observe(KeyValue::new(POOL_NAME, Arc::clone(name)), &numbers);
    }
}

fn with_pools<T>(work: impl FnOnce(&mut Vec<Weak<Server>>) -> T) -> T {
    // Held for one look or one change. Its length is that of the service's own pools.
    static ALL: Mutex<Vec<Weak<Server>>> = Mutex::new(Vec::new());
    work(&mut ALL.lock().unwrap_or_else(PoisonError::into_inner))
}
