//! What is going on now, counted up and down.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundUpDownCounter, Meter, UpDownCounter};

use super::table::Table;
use super::{Series, series::Key};

/// An up-down counter of things that go on, and its series by their keys.
pub struct Running<K> {
    unbound: UpDownCounter<i64>,
    bound: Table<K, BoundUpDownCounter<i64>>,
}

impl<K: Key> Running<K> {
    /// The instrument `name` of this meter. `unit` is what is counted, such as `{request}`.
    pub fn new(meter: &Meter, name: &'static str, description: &'static str, unit: &'static str) -> Self {
        let counter = meter.i64_up_down_counter(name).with_unit(unit).with_description(description);
        Self { unbound: counter.build(), bound: Table::default() }
    }

    /// Counts one more, until the result drops.
    pub fn one(&self, series: &impl Series<Key = K>) -> Active {
        let bound = self.bound.find(series, || self.unbound.bind(&series.attributes()));
        let counter = match bound {
            Some(bound) => Counter::Bound(bound.clone()),
            None => Counter::Unbound(Box::new((self.unbound.clone(), series.attributes()))),
        };
        counter.add(1);
        Active { counter }
    }
}

/// One thing that goes on. Dropping it counts it down, however it ends, on the instrument it was counted up on.
#[derive(Debug)]
#[must_use = "it counts as active until this drops"]
pub struct Active {
    counter: Counter,
}

#[derive(Debug)]
enum Counter {
    Bound(BoundUpDownCounter<i64>),
    /// Rare, so boxed: whoever counts is moved around a lot.
    Unbound(Box<(UpDownCounter<i64>, Vec<KeyValue>)>),
}

impl Counter {
    fn add(&self, change: i64) {
        match self {
            Self::Bound(counter) => counter.add(change),
            Self::Unbound(unbound) => unbound.0.add(change, &unbound.1),
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.counter.add(-1);
    }
}
